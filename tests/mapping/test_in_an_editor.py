"""Mapping files in an editor: the engine of VS Code's YAML extension (yaml-language-server) checks and completes them.

A real language server over its standard streams; it is told nothing but the files, whose first lines name their
schemas, and it asks no network. Not here: what the schemas say, which is `test_schema`.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Any

import pytest

from tests.mapping.editing import MAPPINGS
from tests.npm.installed import program

pytestmark = pytest.mark.xdist_group("editor")

PATIENCE_S = 30
FILES = sorted(path for path in MAPPINGS.rglob("*.yaml"))
OF_EACH_KIND = [path for path in FILES if "examples" not in path.parts]
OWNERSHIP = MAPPINGS / "pairs" / "openflex-icar" / "ownership.yaml"
NO_NETWORK = {"enable": False}
SETTINGS = {
    "yaml": {
        "validate": True,
        "completion": True,
        "schemaStore": NO_NETWORK,
        "kubernetesCRDStore": NO_NETWORK,
    }
}
CAN = {
    "workspace": {"configuration": True},
    "textDocument": {"completion": {"completionItem": {"documentationFormat": ["markdown"]}}},
}


@dataclass
class Editor:
    """An editor with one language server; the server's own questions are answered by `SETTINGS`, or by nothing."""

    out: IO[bytes]
    answers: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    found: dict[str, queue.Queue[list[dict[str, Any]]]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.out.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.out.flush()

    def ask(self, method: str, **params: Any) -> Any:
        self.send(id=next(self.numbers), method=method, params=params)
        return self.answers.get(timeout=PATIENCE_S)["result"]

    def open(self, path: Path, text: str | None = None) -> None:
        """Open a file; text: what somebody typed into it and has not saved."""
        uri = path.as_uri()
        self.found[uri] = queue.Queue()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text or path.read_text("utf-8")}
        self.send(method="textDocument/didOpen", params={"textDocument": document})

    def underlined(self, path: Path) -> list[tuple[int, str]]:
        """What is wrong with an open file: the line, counted from 0, and what is said there; to be asked once."""
        found = self.found[path.as_uri()].get(timeout=PATIENCE_S)
        return [(each["range"]["start"]["line"], each["message"]) for each in found]

    def offered(self, path: Path, line: int, character: int) -> dict[str, dict[str, Any]]:
        """What the editor offers at a place of an open file, lines and characters counted from 0; by label."""
        place = {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}}
        return {item["label"]: item for item in self.ask("textDocument/completion", **place)["items"]}

    def listen(self, stream: IO[bytes]) -> None:
        while length := _length(stream):
            self._take(json.loads(stream.read(length)))

    def _take(self, message: Mapping[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            self.answers.put(dict(message))
        elif method == "textDocument/publishDiagnostics":
            known = self.found.get(message["params"]["uri"])
            if known is not None:
                known.put(message["params"]["diagnostics"])
        elif "id" in message:
            asked = message.get("params", {}).get("items", [])
            self.send(id=message["id"], result=[SETTINGS.get(item.get("section"), {}) for item in asked] or None)


def _length(stream: IO[bytes]) -> int:
    """The length of the next message; 0 at the end of the stream."""
    length = 0
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return length


@contextmanager
def started() -> Iterator[Editor]:
    server = program("yaml-language-server")
    process = subprocess.Popen([server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=-1)
    assert process.stdin is not None
    assert process.stdout is not None
    made = Editor(process.stdin)
    listener = threading.Thread(target=made.listen, args=(process.stdout,))
    listener.start()
    try:
        made.ask("initialize", processId=None, rootUri=MAPPINGS.as_uri(), capabilities=CAN)
        made.send(method="initialized", params={})
        yield made
    finally:
        process.kill()
        process.wait()
        listener.join()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    """An editor in which every file is open, and beside one of each kind a copy with a key too many."""
    with started() as made:
        for path in FILES:
            made.open(path)
        for path in OF_EACH_KIND:
            made.open(with_more(path), path.read_text("utf-8") + "mine: 1\n")
        yield made


def with_more(path: Path) -> Path:
    return path.with_name(f"more-{path.name}")


def relative(path: Path) -> str:
    return path.relative_to(MAPPINGS).as_posix()


def typed(line: str, becomes: str) -> tuple[str, int]:
    """The matrix with one of its lines typed otherwise, and the number of that line, counted from 0."""
    lines = OWNERSHIP.read_text("utf-8").splitlines()
    number = lines.index(line)
    lines[number] = becomes
    return "\n".join(lines) + "\n", number


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_an_editor_finds_nothing_wrong_with_a_shipped_file(editor: Editor, path: Path) -> None:
    assert editor.underlined(path) == []


@pytest.mark.parametrize("path", OF_EACH_KIND, ids=relative)
def test_an_editor_knows_which_keys_each_kind_of_file_may_have(editor: Editor, path: Path) -> None:
    last = path.read_text("utf-8").count("\n")
    assert editor.underlined(with_more(path)) == [(last, "Property mine is not allowed.")]


def test_a_misspelt_key_is_underlined_on_its_line(editor: Editor) -> None:
    text, number = typed("    on_both_changed: highest", "    on_both_chnaged: highest")
    path = OWNERSHIP.with_name("key.yaml")
    editor.open(path, text)
    assert editor.underlined(path) == [(number, "Property on_both_chnaged is not allowed.")]


def test_a_word_that_cannot_stand_there_is_underlined_with_those_that_can(editor: Editor) -> None:
    text, number = typed("    on_both_changed: highest", "    on_both_changed: newest")
    path = OWNERSHIP.with_name("word.yaml")
    editor.open(path, text)
    [(line, said)] = editor.underlined(path)
    assert line == number
    assert all(word in said for word in ("review", "vehicle_module", "dms", "highest", "lowest"))


def test_an_empty_place_of_the_matrix_offers_its_keys_with_what_they_mean(editor: Editor) -> None:
    text, number = typed("    owner: dms", "    ")
    path = OWNERSHIP.with_name("empty.yaml")
    editor.open(path, text)
    offered = editor.offered(path, number, 4)
    assert "who decides" in offered["owner"]["documentation"]
    assert {"owner", "on_drift", "on_both_changed", "immutable", "provisional"} <= offered.keys()
    assert "attribute" not in offered, "it is there already"


def test_after_a_key_its_words_are_offered(editor: Editor) -> None:
    text, number = typed("    owner: dms", "    owner: ")
    path = OWNERSHIP.with_name("words.yaml")
    editor.open(path, text)
    assert {"vehicle_module", "dms", "shared", "none", "lifecycle"} <= editor.offered(path, number, 11).keys()

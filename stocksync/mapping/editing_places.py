"""Where in a mapping file's text its values stand, and the text after one of them was changed.

Places are character offsets as ruamel.yaml's composer marks them. Block collections end with the last thing inside
them: the composer's own mark lies behind the comments that follow. Whether the outcome is right is `editing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from stocksync.mapping import spelled
from stocksync.mapping.source import Keys

_BOM: Final = "\ufeff"


def write(raw: bytes, change: Callable[[Page], None]) -> bytes:
    """Change a text that our own loader has read without a problem."""
    text = raw.decode("utf-8")
    bom = _BOM if text.startswith(_BOM) else ""
    page = Page(text.removeprefix(_BOM))
    change(page)
    return (bom + page.text).encode()


class Page:
    """One file's text, good for one change."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.root: Node = YAML(typ="safe", pure=True).compose(text)

    def replace(self, path: Keys, value: Any) -> None:
        """Put another value into a place."""
        parent, index = self._find(path)
        node, lead = _value(parent, index), self._lead(parent, index)
        if _is_block(node):
            self._replace_block(node, lead, value)
        elif isinstance(value, dict | list) and not parent.flow_style and isinstance(parent, MappingNode):
            self._replace_line(parent, index, lead, value)
        else:
            self._replace_inline(node, lead, value, in_flow=bool(parent.flow_style))

    def insert(self, path: Keys, key: str, value: Any, after: str | None) -> None:
        """Put an entry into a mapping."""
        node = self._node(path)
        index = len(node.value) - 1 if after is None else _index(node, after)
        if _is_block(node):
            compact = not any(_is_block(inner) and isinstance(inner, MappingNode) for _, inner in node.value)
            lines = spelled.entry(key, value, _column(node), compact=compact)
            self._add_lines(node, index, lines)
        else:
            self._add_inline(node, index, f"{spelled.key(key, in_flow=True)}: {spelled.flow(value)}", "{}")

    def append(self, path: Keys, value: Any) -> None:
        """Put an item at the end of a list."""
        node = self._node(path)
        if _is_block(node):
            compact = bool(getattr(node.value[-1], "flow_style", False))
            self._add_lines(node, len(node.value) - 1, spelled.item(value, _column(node), compact=compact))
        else:
            self._add_inline(node, len(node.value) - 1, spelled.flow(value), "[]")

    def remove(self, path: Keys) -> None:
        """Take an entry or item out."""
        parent, index = self._find(path)
        if len(parent.value) == 1:
            self.replace(path[:-1], {} if isinstance(parent, MappingNode) else [])
        elif parent.flow_style:
            self._remove_inline(parent, index)
        else:
            self._remove_lines(parent, index)

    # -- finding ----------------------------------------------------------------------------------------------

    def _find(self, path: Keys) -> tuple[Any, int]:
        if not path:
            raise ValueError("the file as a whole is no value")
        parent = self._node(path[:-1])
        return parent, _index(parent, path[-1])

    def _node(self, path: Keys) -> Any:
        node: Any = self.root
        for step in path:
            node = _value(node, _index(node, step))
        return node

    def _start(self, parent: Any, index: int) -> int:
        """Where an entry or item begins: at its key, or at its dash."""
        if isinstance(parent, MappingNode):
            return int(parent.value[index][0].start_mark.index)
        return self._lead(parent, index) - 1 if not parent.flow_style else int(parent.value[index].start_mark.index)

    def _lead(self, parent: Any, index: int) -> int:
        """What a value follows: the end of its colon or dash; in a flow list, the value's own start."""
        if isinstance(parent, MappingNode):
            end = int(parent.value[index][0].end_mark.index)
            return self._after(":", end)
        if parent.flow_style:
            return int(parent.value[index].start_mark.index)
        begin = self._end_in(parent, index - 1) if index else int(parent.start_mark.index)
        return self._after("-", begin if index == 0 else self._next_line(begin))

    def _after(self, mark: str, at: int) -> int:
        """The end of the next such mark, blanks and comments left aside; `at` itself where something else comes."""
        here = at
        while here < len(self.text):
            character = self.text[here]
            if character == "#":
                here = self._line_end(here)
            elif character not in " \t\r\n":
                break
            else:
                here += 1
        return here + 1 if self.text[here : here + 1] == mark else at

    def _end(self, node: Any) -> int:
        if isinstance(node, ScalarNode):
            start, end = int(node.start_mark.index), int(node.end_mark.index)
            return start + len(self.text[start:end].rstrip()) if node.style in ("|", ">") else end
        if node.flow_style or not node.value:
            return int(node.end_mark.index)
        return self._end_in(node, len(node.value) - 1)

    def _end_in(self, parent: Any, index: int) -> int:
        """The end of an entry or item; that of its colon or dash where nothing follows, wherever the mark may lie."""
        node = _value(parent, index)
        return self._lead(parent, index) if _is_nothing(node) else self._end(node)

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """The end of a line without its break."""
        end = self.text.find("\n", at)
        if end < 0:
            return len(self.text)
        return end - 1 if end > at and self.text[end - 1] == "\r" else end

    def _next_line(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end + 1

    # -- writing ----------------------------------------------------------------------------------------------

    def _put(self, start: int, end: int, text: str) -> None:
        self.text = self.text[:start] + text + self.text[end:]

    def _replace_inline(self, node: Any, lead: int, value: Any, *, in_flow: bool) -> None:
        if isinstance(value, dict | list):
            text = spelled.flow(value)
        else:
            style = node.style if isinstance(node, ScalarNode) else None
            text = spelled.scalar(value, in_flow=in_flow, quote=style if style in ("'", '"') else None)
        if not _is_nothing(node):
            self._put(int(node.start_mark.index), self._end(node), text)
        else:
            # Nothing stands there: `key:`, or `{key}` without so much as a colon.
            colon = "" if self.text[:lead].endswith((":", "-")) else ":"
            self._put(lead, lead, f"{colon} {text}")

    def _replace_line(self, parent: Any, index: int, lead: int, value: Any) -> None:
        """Put a collection behind a key in place of a scalar or of a collection in brackets."""
        key, node = parent.value[index]
        column = int(key.start_mark.column)
        # Measured with its key as it stands; the key itself is not written.
        _, *below = spelled.entry("k" * (lead - int(key.start_mark.index) - 1), value, column, compact=True)
        was_collection = not isinstance(node, ScalarNode)
        inline = spelled.flow(value) if was_collection or not below else ""
        if inline and not _is_nothing(node):
            self._put(int(node.start_mark.index), self._end(node), inline)
            return
        self._put(lead, lead if _is_nothing(node) else self._end(node), f" {inline}" if inline else "")
        if inline:
            return
        at = self._line_end(lead)
        self._put(at, at, "".join(self.newline + line for line in below))

    def _replace_block(self, node: Any, lead: int, value: Any) -> None:
        start, end = int(node.start_mark.index), self._line_end(self._end(node))
        same_kind = isinstance(value, dict) if isinstance(node, MappingNode) else isinstance(value, list)
        if value and same_kind:
            first, *rest = spelled.lines(value, _column(node), compact=True)
            self._put(start, end, self.newline.join([first[_column(node) :], *rest]))
            return
        text = spelled.flow(value) if isinstance(value, dict | list) else spelled.scalar(value)
        if self._line_start(lead) == self._line_start(start):
            self._put(start, end, text)
            return
        self._drop_lines(start, end)
        self._put(lead, lead, f" {text}")

    def _add_lines(self, node: Any, index: int, lines: list[str]) -> None:
        end = self._end_in(node, index)
        if index > 0 and self._is_blank_above(self._start(node, index)):
            lines = ["", *lines]
        at = self._line_end(end)
        self._put(at, at, "".join(self.newline + line for line in lines))

    def _is_blank_above(self, at: int) -> bool:
        """Tell whether an empty line stands above what begins here, or above its comments."""
        start = self._line_start(at)
        while start > 0:
            start = self._line_start(start - 1)
            line = self.text[start : self._line_end(start)].strip()
            if not line.startswith("#"):
                return not line
        return False

    def _add_inline(self, node: Any, index: int, text: str, brackets: str) -> None:
        if not node.value:
            self._put(int(node.start_mark.index), int(node.end_mark.index), brackets[0] + text + brackets[1])
            return
        end = self._end_in(node, index)
        self._put(end, end, f", {text}")

    def _remove_inline(self, parent: Any, index: int) -> None:
        if index == 0:
            self._put(self._start(parent, 0), self._start(parent, 1), "")
        else:
            self._put(self._end_in(parent, index - 1), self._end_in(parent, index), "")

    def _remove_lines(self, parent: Any, index: int) -> None:
        start, end = self._start(parent, index), self._end_in(parent, index)
        if self.text[self._line_start(start) : start].strip():
            # The first one stands behind a dash, which the next one takes over.
            self._put(start, self._start(parent, 1), "")
        else:
            self._drop_lines(start, end, is_last=index == len(parent.value) - 1)

    def _drop_lines(self, start: int, end: int, *, is_last: bool = False) -> None:
        """Take whole lines out, and the empty line above them where it would part nothing any more."""
        start, end = self._line_start(start), self._next_line(end)
        above = self._line_start(start - 1) if start else 0
        is_blank_above = start > 0 and not self.text[above:start].strip()
        below = self.text[end : self._next_line(end)]
        if is_blank_above and (is_last or not below.strip()):
            start = above
        if end == len(self.text) and start and not self.text[:end].endswith("\n"):
            # The file ends without a line break, and goes on doing so.
            start = self._line_end(start - 1) if self.text[start - 1 : start] != "\n" else start - 1
            start -= self.text[start - 1 : start] == "\r"
        self._put(start, end, "")


def _is_block(node: Any) -> bool:
    return isinstance(node, MappingNode | SequenceNode) and not node.flow_style and bool(node.value)


def _is_nothing(node: Any) -> bool:
    """Tell whether a value is not so much as written; its mark may then lie behind blanks and line ends."""
    return isinstance(node, ScalarNode) and node.style is None and node.value == ""


def _column(node: Any) -> int:
    return int(node.start_mark.column)


def _value(node: Any, index: int) -> Any:
    return node.value[index][1] if isinstance(node, MappingNode) else node.value[index]


def _index(node: Any, step: str | int) -> int:
    """The place of a key or item; our loader has found it there before. Raises KeyError where ruamel.yaml does not."""
    if isinstance(node, MappingNode):
        for index, (key, _) in enumerate(node.value):
            if str(key.value) == step:
                return index
    elif isinstance(node, SequenceNode) and isinstance(step, int) and -1 < step < len(node.value):
        return step
    raise KeyError(step)

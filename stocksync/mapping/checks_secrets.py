"""Whether a secret stands in a mapping file, where only the name of its environment variable may stand.

Looked at are all lines, comments too, and the values of keys that are named like secrets. No message repeats what was
found. That a long random text is one is a guess, hence a warning; the rest is certain enough to refuse the files.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from stocksync.mapping.draft import Draft
from stocksync.mapping.problems import Problem
from stocksync.mapping.source import Keys, Source

_PATTERNS: Final = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----", "a private key"),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", "a signed token (JWT)"),
        (r"\bBearer\s+(?=[^\s\"'<{]*[0-9])[A-Za-z0-9._~+/-]{8,}=*", "a bearer token"),
        (r"\bBasic\s+(?=[^\s\"'<{]*[0-9=])[A-Za-z0-9+/]{8,}=*", "a user and password (Basic)"),
        (r"\b[a-z][a-z0-9+.-]*://[^\s/@:\"'<{]+:[^\s/@\"'<{]+@[^\s\"']+", "an address with a password in it"),
        (
            r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}"
            r"|[sr]k_(?:live|test)_\w{10,}|AIza[\w-]{30,})",
            "a key of a known service",
        ),
    )
)
_SECRET_KEY: Final = re.compile(
    r"(?:^|[_.-])(?:password|passwd|pwd|passphrase|mot_de_passe|mdp|token|secret|api_?key|access_?key|private_?key"
    r"|credentials?|authorization|x-api-key|apikey)$",
    re.IGNORECASE,
)
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_PLAIN_NAME: Final = re.compile(r"[a-z][a-z_-]{0,31}")
"""How the files name a secret, where the points of sale then say which variable holds it."""
_NAMES_SECRETS: Final = ("auth", "webhook", "sftp")
_PATH_OR_TEMPLATE: Final = re.compile(r"[/{].*|[A-Za-z][\w-]*(\.[A-Za-z][\w-]*)+")
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_ENTROPY_BITS: Final = 3.5
_SHORTEST: Final = 4
"""Characters of a text that is taken out of messages; a shorter one is in every word."""
_PART: Final = 4_000
_OVERLAP: Final = 500
_FIX: Final = "put it into an environment variable, name that variable here, and have the secret changed"


def check_secrets(draft: Draft) -> None:
    """Note every secret in clear, and have no other message repeat it."""
    for name, source in draft.sources.items():
        found = dict(_in_lines(draft, source, draft.texts.get(name, b"").decode("utf-8", "replace")))
        for keys, value in _scalars(source.data, ()):
            line = source.line_of(keys)
            if line not in found and isinstance(value, str) and _is_secret_by_name(keys, value):
                draft.secrets |= {value} if len(value) >= _SHORTEST else set()
                found[line] = (f"the value of a key that names a secret: {_FIX}", "secret_in_clear")
        for line, (message, code) in found.items():
            where = next((".".join(map(str, keys)) for keys, at in source.lines.items() if keys and at == line), "file")
            level: Any = "warning" if code == "secret_suspect" else "error"
            source.problems.append(Problem(name, line, where, message, code=code, level=level))


def _in_lines(draft: Draft, source: Source, text: str) -> Iterator[tuple[int, tuple[str, str]]]:
    inside_key = False
    for number, line in enumerate(text.splitlines(), 1):
        if inside_key:
            inside_key = "-----END" not in line
            draft.secrets |= {word for word in line.split() if len(word) >= _SHORTEST}
            continue
        found = [
            (m.group(), what) for part in _parts(line) for pattern, what in _PATTERNS for m in pattern.finditer(part)
        ]
        draft.secrets |= {secret for secret, _ in found}
        if found:
            inside_key = "PRIVATE KEY" in found[0][0] and "-----END" not in line
            yield number, (f"{found[0][1]} in clear: {_FIX}", "secret_in_clear")
            continue
        random = [token for token in _TOKEN.findall(line) if _looks_random(token)]
        draft.secrets |= set(random)
        if random:
            yield number, (f"a long random text, as secrets are: if it is one, {_FIX}", "secret_suspect")


def _parts(line: str) -> Iterator[str]:
    """Cut a long line into parts that overlap, so that no pattern has a long way to go back."""
    for start in range(0, max(1, len(line) - _OVERLAP), _PART - _OVERLAP):
        yield line[start : start + _PART]


def _looks_random(token: str) -> bool:
    classes = sum(bool(re.search(pattern, token)) for pattern in ("[a-z]", "[A-Z]", "[0-9]"))
    is_hex = bool(re.fullmatch(r"[0-9a-f]{32,}|[0-9A-F]{32,}", token.replace("-", ""))) and classes == 2
    counts = Counter(token).values()
    entropy = -sum(count / len(token) * math.log2(count / len(token)) for count in counts)
    return (classes == 3 or is_hex) and entropy >= _ENTROPY_BITS


def _scalars(data: Any, keys: Keys) -> Iterator[tuple[Keys, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _scalars(value, (*keys, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _scalars(value, (*keys, index))
    else:
        yield keys, data


def _is_secret_by_name(keys: Keys, value: str) -> bool:
    """Tell whether a value under a key such as `password` is the secret itself and not a name or a place."""
    if not keys or not _SECRET_KEY.search(str(keys[-1])) or not value.strip():
        return False
    if _VARIABLE.fullmatch(value) or "secrets" in keys[:-1] or "fields" in keys[:1]:
        # What stands under `secrets` and is no variable's name has been refused without being repeated.
        return False
    names_only = any(part in _NAMES_SECRETS for part in keys[:-1])
    return not (names_only and _PLAIN_NAME.fullmatch(value)) and not _PATH_OR_TEMPLATE.fullmatch(value)

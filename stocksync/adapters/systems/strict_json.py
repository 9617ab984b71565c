"""JSON without surprises: what one system says is read exactly, or not at all.

Decimals never pass through a float; text that was damaged on its way is refused rather than kept. Not here:
what the values mean.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import msgspec
import orjson

_DAMAGED = re.compile("[\ufffd\ud800-\udfff]")
_MAYBE_DAMAGED = re.compile(r"\\u(?:fffd|d[89a-f])", re.IGNORECASE)
_SPELLED_DAMAGE = re.compile(_MAYBE_DAMAGED.pattern.encode(), re.IGNORECASE)
_LOST = "\ufffd".encode()
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_MOST_DIGITS = 18
_LARGEST_EXPONENT = 30
"""No price or distance comes near; 1e999999999 would fill the memory as soon as it is made whole."""


class NotJson(ValueError):
    """Says what came where JSON was due."""


def parsed(content: bytes) -> Any:
    """Read UTF-8 JSON; numbers with a point or exponent are `Decimal`.

    Raises NotJson for anything else: other encodings, NaN, a key said twice, characters lost on the way.
    """
    try:
        value = _harmless(content)
        return value if value is not _IN_DOUBT else _parsed(content)
    except UnicodeDecodeError as error:
        raise NotJson(f"text that is not UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise NotJson(_described(content, error)) from error
    except RecursionError:
        raise NotJson("JSON nested too deeply") from None


def parsed_lines(content: bytes) -> list[Any]:
    """Read newline-delimited JSON, each line as `parsed` does; empty lines are none. Raises NotJson."""
    values = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            try:
                values.append(parsed(line))
            except NotJson as error:
                raise NotJson(f"{error}, in line {number}") from error
    return values


def written(value: Mapping[str, Any]) -> bytes:
    """Write JSON; a `Decimal` as the number it is, digit for digit."""
    return orjson.dumps(dict(value), default=_spelled)


def _harmless(content: bytes) -> Any:
    """Read what is provably as exact as `_parsed` reads it, in a fraction of the time; _IN_DOUBT for everything else.

    It is proven by writing what was read: the numbers were small then, nothing was nested deeply, and no key was said
    twice iff both texts have as many quotes, because a key that was lost would have taken its own along.
    """
    # One byte is looked for in a part of the time that three are, and this one is rarely there.
    if (_LOST[:1] in content and _LOST in content) or (b"\\" in content and _SPELLED_DAMAGE.search(content)):
        return _IN_DOUBT
    try:
        value = _DECODER.decode(content)
        again = orjson.dumps(value, default=_small_number, option=orjson.OPT_STRICT_INTEGER)
    except (ValueError, TypeError, RecursionError, ArithmeticError):
        return _IN_DOUBT
    return value if _quotes(again) == _quotes(content) else _IN_DOUBT


def _quotes(text: bytes) -> int:
    """Count the quotes that texts begin and end with."""
    quotes = text.count(b'"')
    return quotes - sum(found == b'\\"' for found in _ESCAPE.findall(text)) if b"\\" in text else quotes


def _small_number(number: Decimal) -> int:
    """A number in the place of any other; raises NotJson for one beyond all measure."""
    _measured(number)
    return 0


def _parsed(content: bytes) -> Any:
    text = content.decode("utf-8")
    value = json.loads(
        text,
        parse_float=_decimal,
        parse_int=_integer,
        parse_constant=_constant,
        object_pairs_hook=_object,
    )
    if "\ufffd" in text or (_MAYBE_DAMAGED.search(text) and _is_damaged(value)):
        raise NotJson("text with characters that were lost in a conversion (U+FFFD)")
    return value


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise NotJson("a number beyond all measure")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise NotJson("a number beyond all measure") from None
    return _measured(number)


def _measured(number: Decimal) -> Decimal:
    if number and abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise NotJson("a number beyond all measure")
    return number


_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_IN_DOUBT: Any = object()


def _constant(name: str) -> NoReturn:
    raise NotJson(f"the number {name}, which JSON has not")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        said = Counter(name for name, _ in pairs)
        raise NotJson(f"an object that says {next(name for name, times in said.items() if times > 1)!r} twice")
    return result


def _described(content: bytes, error: json.JSONDecodeError) -> str:
    start = content.lstrip()[:1]
    if not start:
        return "an empty text"
    if start == b"<":
        return "an HTML or XML page"
    return f"text that is not whole JSON ({error.msg}, line {error.lineno} column {error.colno})"


def _is_damaged(value: Any) -> bool:
    if isinstance(value, str):
        return _DAMAGED.search(value) is not None
    if isinstance(value, dict):
        return any(_is_damaged(name) or _is_damaged(part) for name, part in value.items())
    return isinstance(value, list) and any(map(_is_damaged, value))


def _spelled(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} has no place in JSON")

"""One side's messages without secrets and persons: what the mapping gives a meaning stays, all else is replaced.

Twice through each message: once to see who is in it, and, when everything was seen, once to write it. Booleans and
nulls stay; addresses of systems become names under `.invalid`. Not here: single values, see `substitution`; texts,
see `finding`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from stocksync.adapters.recordings.finding import Persons, words_of
from stocksync.adapters.recordings.places import Meant, Place, Places
from stocksync.adapters.recordings.substitution import Substitution
from stocksync.mapping.connection_auth import ApiKeyAuth
from stocksync.mapping.converters import Choice, Identifier, Text
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.numbers import Integer, Money
from stocksync.stock.values import SIDES, Invalid, Side, folded

BLOT: Final = "***"
_FIELD_KEY: Final = re.compile(r"[a-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)*|[@$][A-Za-z.]{1,40}|#text")
_FIELD_NAME: Final = re.compile(r"[\w.\[\]/@$-]{1,100}")
_LONG_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_TOKEN: Final = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]+", re.DOTALL)
_IN_BROKEN: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"?|[^\"]+", re.DOTALL)
_KEEPS_FORM: Final = re.compile(r"\b(?:true|false|null|NaN|Infinity)\b")


@dataclass
class Scrubber:
    """Everything that one recording leaves out. Both sides share it, so that equal values stay equal.

    secrets: every text that may not appear at all, spelled in every way that it may be.
    """

    mapping: PointOfSaleMapping
    places: Mapping[Side, Places]
    substitution: Substitution
    addresses: Mapping[Side, str]
    keep_vins: bool = False
    secrets: set[str] = field(default_factory=set)
    persons: Persons = field(init=False)
    keys: dict[tuple[str, bool], str] = field(default_factory=dict)
    _secret: re.Pattern[str] | None = None

    def __post_init__(self) -> None:
        self.persons = Persons(self.substitution, _ordinary_words(self.mapping), keep_vins=self.keep_vins)
        self._bases = {side: _Base(address, side) for side, address in self.addresses.items()}

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each kind of thing was replaced."""
        return self.persons.counts

    # looking

    def see(self, body: Any, place: Place | None, side: Side) -> None:
        """Look who is in a message or record."""
        self._walked(body, place, side, _Seeing(self, side))

    def see_value(self, attribute: str, value: Any) -> None:
        """Look at a value as we hold it."""
        known = self.mapping.vocabulary.get(attribute)
        if known is None or not isinstance(value, str):
            return
        if known.personal:
            self.persons.see(value)
        elif known.kind.value == "vin":
            self.persons.see_vin(value)
        elif known.kind.value == "registration":
            self.persons.see_plate(value)

    # writing

    def scrubbed(self, body: Any, place: Place | None, side: Side) -> Any:
        """A message or record as the recording holds it."""
        return self._walked(body, place, side, _Writing(self, side))

    def record(self, body: Any, side: Side) -> Any:
        """A record by itself."""
        return self.scrubbed(body, self.places[side].record, side)

    def value(self, attribute: str, value: Any) -> Any:
        """A value as we hold it, of an attribute or of another subject."""
        if not isinstance(value, str):
            return value
        known = self.mapping.vocabulary.get(attribute)
        if known is None or known.kind.value in {"text", "choice", "identifier"}:
            if known is not None and known.personal:
                return self.personal(value)
            return self.text(value, phones=known is None or known.kind.value == "text")
        if known.personal:
            return self.personal(value)
        if known.kind.value == "vin":
            return self.persons.vin(value)
        if known.kind.value == "registration":
            return self.persons.plate(value)
        return self.text(value)

    def text(self, text: str, *, phones: bool = True) -> str:
        """A text that stays, without the secrets, addresses and persons in it."""
        return self.persons.without(self.without_known(text), phones=phones)

    def said(self, text: str) -> str:
        """What somebody said, of which nothing is known."""
        self.persons.counts["texts"] += 1
        return self.substitution.text(self.without_known(text))

    def personal(self, text: str, blank: frozenset[str] = frozenset()) -> str:
        """A value of a person; what means "empty" stays so, and nothing else becomes it."""
        if text.strip() in blank:
            return text
        self.persons.counts["personal values"] += 1
        replaced = self.substitution.text(text)
        while replaced.strip() in blank:
            replaced = self.substitution.text(replaced)
        return replaced

    def without_known(self, text: str) -> str:
        """A text without the secrets and addresses that are known."""
        if self._secret is None:
            longest_first = sorted(filter(None, self.secrets), key=lambda secret: (-len(secret), secret))
            self._secret = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        blotted, count = self._secret.subn(BLOT, text)
        self.persons.counts["secrets"] += count
        for base in self._bases.values():
            blotted = base.without(blotted)
        return blotted

    def record_id(self, record_id: str, side: Side) -> str:
        """A record's id, which stays unless it is a VIN, a plate or a person besides."""
        return self._by_meaning(self.places[side].id_is, record_id)

    def _by_meaning(self, meant: Meant, text: str) -> str:
        if meant is Meant.PERSON:
            return self.personal(text)
        if meant is Meant.VIN:
            return self.persons.vin(text)
        return self.persons.plate(text) if meant is Meant.PLATE else text

    # addresses and headers

    def path(self, raw_path: str, side: Side) -> str:
        """The path and query of a request, or of a link: our key and what is personal in it replaced."""
        path, _, query = self._bases[side].relative(raw_path).partition("?")
        pairs = [self._pair(pair, side) for pair in query.split("&") if pair and not self._is_key(pair, side)]
        return self._path(path, side) + ("?" + "&".join(pairs) if pairs else "")

    def _path(self, path: str, side: Side) -> str:
        for template in self._templates(side):
            if found := template.fullmatch(path):
                record_id = self.record_id(unquote(found.group(1)), side)
                before, after = path[: found.start(1)], path[found.end(1) :]
                return f"{before}{quote(record_id, safe='')}{after}"
        return self.text(path, phones=False)

    def _templates(self, side: Side) -> list[re.Pattern[str]]:
        """The paths that hold a record's id."""
        connection = self.places[side].settings.connection
        operations = [getattr(connection, name, None) for name in ("read", "update", "reserve", "create")]
        paths = [str(operation.path) for operation in operations if operation is not None]
        return [
            re.compile("([^/]+)".join("[^/]+".join(map(re.escape, part.split("{point_of_sale}"))) for part in halves))
            for path in paths
            if len(halves := path.split("{id}")) == 2
        ]

    def link(self, link: str, side: Side) -> str:
        """A link in an answer, as far as it leads to its own system."""
        whole = self._bases[side].without(link)
        if whole == link and "://" in link:
            return "https://elsewhere.invalid/"
        parts = urlsplit(whole)
        origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
        return origin + self.path(whole[len(origin) :], side)

    def link_header(self, header: str, side: Side) -> str:
        """The header Link."""
        return re.sub(r"<([^<>]*)>", lambda found: f"<{self.link(found.group(1), side)}>", header)

    def _pair(self, pair: str, side: Side) -> str:
        name, mark, value = pair.partition("=")
        connection: Any = self.places[side].settings.connection
        paging: Any = getattr(getattr(connection, "list", None), "paging", None)
        by_id = getattr(getattr(connection, "read", None), "query", {}).get(unquote(name)) == "{id}"
        if getattr(paging, "style", "") == "cursor" and name == paging.parameter:
            value = quote(self.cursor(_unquoted(value)), safe="")
        elif by_id:
            value = quote(self.record_id(_unquoted(value), side), safe="")
        elif _unquoted(value) != self.places[side].settings.code:
            value = self.text(value, phones=False)
        return f"{name}{mark}{value}"

    def cursor(self, cursor: str) -> str:
        """A cursor, in which may stand whatever its system likes."""
        return cursor if cursor.isdecimal() else self.substitution.text(cursor)

    def _is_key(self, pair: str, side: Side) -> bool:
        auth = getattr(self.places[side].settings.connection, "auth", None)
        return isinstance(auth, ApiKeyAuth) and bool(auth.query) and unquote(pair.partition("=")[0]) == auth.query

    # what is no JSON

    def unread(self, text: str) -> str:
        """A text that should have been JSON, just as broken as it was."""
        if text.lstrip()[:1] not in ("{", "["):
            return self._letters(text)
        return "".join(
            self._letters(part) if part.startswith('"') else self._bare(part) for part in _IN_BROKEN.findall(text)
        )

    def _bare(self, text: str) -> str:
        parts = re.split(f"({_KEEPS_FORM.pattern})", text)
        return "".join(part if _KEEPS_FORM.fullmatch(part) else self._letters(part) for part in parts)

    def _letters(self, text: str) -> str:
        return "".join(self._escape(found) for found in _TOKEN.findall(text))

    def _escape(self, said: str) -> str:
        if not said.startswith("\\"):
            return self.substitution.text(said)
        if not said.startswith("\\u") or 0xD800 <= int(said[2:], 16) < 0xE000:
            return said
        replaced = self.substitution.text(chr(int(said[2:], 16)))
        return f"\\u{ord(replaced[0]):04x}"

    # walking

    def _walked(self, body: Any, place: Place | None, side: Side, leaf: _Leaf) -> Any:
        if isinstance(body, Mapping) and not (place is not None and place.meant is Meant.PERSON):
            return {
                leaf.key(name, known=place is not None): self._walked(
                    part, place.step(name) if place is not None else None, side, leaf
                )
                for name, part in body.items()
            }
        if isinstance(body, list | tuple):
            inside = place.step("", in_list=True) if place is not None else None
            return [self._walked(part, inside, side, leaf) for part in body]
        if isinstance(body, Mapping):
            return {leaf.key(name, known=False): self._walked(part, None, side, leaf) for name, part in body.items()}
        if body is None or isinstance(body, bool):
            return body
        return leaf.value(body, place)


class _Leaf:
    """What is done with one value of a message."""

    def __init__(self, scrubber: Scrubber, side: Side) -> None:
        self.scrubber = scrubber
        self.side = side
        self.blank = scrubber.places[side].translation.blank_texts

    def key(self, name: str, *, known: bool) -> str:
        return name

    def value(self, value: Any, place: Place | None) -> Any:
        raise NotImplementedError


class _Seeing(_Leaf):
    def value(self, value: Any, place: Place | None) -> Any:
        persons = self.scrubber.persons
        meant = place.meant if place is not None else None
        if not isinstance(value, str) or value.strip() in self.blank:
            return value
        if meant is Meant.VIN:
            persons.see_vin(value)
        elif meant is Meant.PLATE:
            persons.see_plate(value)
        elif meant is None or (meant is Meant.PERSON and not _is_in_table(value, place)):
            persons.see(value)
        return value


class _Writing(_Leaf):
    def key(self, name: str, *, known: bool) -> str:
        written = self.scrubber.keys.get((name, known))
        if written is None:
            stays = known or _FIELD_KEY.fullmatch(name)
            written = self.scrubber.text(name) if stays else self.scrubber.substitution.text(name)
            self.scrubber.keys[name, known] = written
        return written

    def value(self, value: Any, place: Place | None) -> Any:
        meant = place.meant if place is not None else None
        if meant is None:
            return self._unknown(value)
        if not isinstance(value, str):
            return value if meant < Meant.PLATE or isinstance(value, bool) else self.scrubber.substitution.number(value)
        return self._text(value, place, meant)

    def _text(self, text: str, place: Place | None, meant: Meant) -> str:
        scrubber = self.scrubber
        if text.strip() in self.blank:
            return text
        match meant:
            case Meant.PERSON:
                return text if _is_in_table(text, place) else scrubber.personal(text, self.blank)
            case Meant.VIN:
                return scrubber.persons.vin(text)
            case Meant.PLATE:
                return scrubber.persons.plate(text)
            case Meant.CURSOR:
                return scrubber.cursor(text)
            case Meant.LINK:
                return scrubber.link(text, self.side)
            case Meant.ID:
                return scrubber.record_id(text, self.side)
            case Meant.REFERENCE:
                return scrubber.record_id(text, self.side.other)
            case Meant.FIELD_NAME:
                return text if _FIELD_NAME.fullmatch(text) else scrubber.said(text)
            case Meant.FIELD:
                return self._field(text, place)
        return scrubber.without_known(text)

    def _field(self, text: str, place: Place | None) -> str:
        """A value that the mapping gives a meaning, or should: of what cannot be read, long words are replaced."""
        assert place is not None
        assert place.field_ is not None
        converter = place.field_.converter
        if isinstance(converter, Text):
            return self.scrubber.text(text)
        if isinstance(converter, Identifier):
            return self.scrubber.text(text, phones=False)
        if not isinstance(converter.read(text), Invalid):
            return text
        if isinstance(converter, Money | Integer):
            return _LONG_WORD.sub(lambda found: self.scrubber.substitution.text(found.group()), text)
        return self.scrubber.text(text)

    def _unknown(self, value: Any) -> Any:
        if isinstance(value, str):
            if value.strip() in self.blank:
                return value
            self.scrubber.persons.counts["unknown fields"] += 1
            return self.scrubber.personal(self.scrubber.without_known(value), self.blank)
        if isinstance(value, int | Decimal):
            self.scrubber.persons.counts["unknown fields"] += 1
            return self.scrubber.substitution.number(value)
        return value


class _Base:
    """The address of a system, and the one that stands for it."""

    def __init__(self, address: str, side: Side) -> None:
        parts = urlsplit(address.rstrip("/"))
        self.fake = f"https://{side.value.replace('_', '-')}.invalid"
        self._path = parts.path
        if not parts.netloc:
            # The folder of a system that exchanges files.
            folders = {address.rstrip("/"), parts.path, unquote(parts.path)}
            longest_first = sorted((text for text in folders if len(text) > _SHORTEST_HOST), key=len, reverse=True)
            self._texts = [(text, self.fake) for text in longest_first]
            return
        origin = f"{parts.scheme}://{parts.netloc}"
        self._texts = [(origin + parts.path, self.fake), (origin, self.fake)]
        if len(parts.netloc) > _SHORTEST_HOST:
            self._texts.append((parts.netloc, self.fake.removeprefix("https://")))
        if parts.hostname and "." in parts.hostname and len(parts.hostname) > _SHORTEST_HOST:
            self._texts.append((parts.hostname, self.fake.removeprefix("https://")))

    def without(self, text: str) -> str:
        for said, instead in self._texts:
            if said and said in text:
                text = text.replace(said, instead)
        return text

    def relative(self, raw_path: str) -> str:
        """A path without that of the address."""
        if self._path and (raw_path == self._path or raw_path.startswith((f"{self._path}/", f"{self._path}?"))):
            return raw_path[len(self._path) :]
        return raw_path


_SHORTEST_HOST: Final = 5


def _unquoted(value: str) -> str:
    return unquote(value.replace("+", " "))


def fake_address(side: Side) -> str:
    """The address that stands for a side's."""
    return _Base("", side).fake


def _is_in_table(text: str, place: Place | None) -> bool:
    """Tell whether a value stands in the mapping files themselves."""
    converter = place.field_.converter if place is not None and place.field_ is not None else None
    return isinstance(converter, Choice) and not isinstance(converter.read(text), Invalid)


def _ordinary_words(mapping: PointOfSaleMapping) -> set[str]:
    """The words of the mapping files, folded: spellings in value tables, our own words, and labels."""
    said: list[str] = []
    for side in SIDES:
        translation = mapping.translations[side]
        said += [*translation.blank_texts, mapping.systems[side].system, mapping.systems[side].code]
        for field_ in translation.fields.values():
            said += [field_.path, field_.attribute.name]
            if isinstance(field_.converter, Choice):
                said += [s for word, spellings in field_.converter.table.items() for s in (word, *spellings)]
    for choices in mapping.choice_labels.values():
        said += [text for label in choices.values() for text in (label.fr, label.en)]
    return {*words_of(said), *(folded(text) for text in said)}

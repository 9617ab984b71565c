"""What is asked of the configuration: mapping files, environment variables, `.env`, addresses.

Values of variables are looked at and never told. Whether an address answers is asked in `doctor_checks_systems`.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from stocksync.adapters.systems.http import checked_base_url
from stocksync.entrypoints.doctor import Area, Finding, fault, ok, warning
from stocksync.errors import ConfigurationError, MappingInvalid
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.mapping.load import load_mappings

_HERE: Final = Area.CONFIGURATION
_QUOTES: Final = "'\"`‘’“”«»"
_PLACEHOLDER: Final = re.compile(
    r"<.*>|\{.*\}|\$\{?\w+\}?|x{3,}|\*{3,}|\.{3,}|…|todo|tbd|secret|password|token|key|"
    r"(your|my|votre|ma|mon)[-_ ].*|.*(change[-_ ]?(me|it|this)|replace[-_ ]?(me|this)|à[-_ ]?remplir|placeholder).*|"
    r"https?://(www\.)?(.*\.)?example\.(com|org|net).*|https?://.*\.(example|invalid)(/.*)?",
    re.IGNORECASE,
)


def check_mappings(directory: Path) -> tuple[MappingSet | None, list[Finding]]:
    """Ask whether the mapping files can be worked by; every problem at once."""
    try:
        mappings = load_mappings(directory)
    except MappingInvalid as error:
        return None, [_problem(problem) for problem in error.problems]
    except ConfigurationError as error:
        return None, [fault(_HERE, "mapping_missing", str(directory), detail=str(error))]
    number = str(len(mappings.points_of_sale))
    return mappings, [ok(_HERE, "mapping_valid", str(directory), points=number)]


def check_variables(points: Iterable[PointOfSaleMapping], environment: Mapping[str, str]) -> Iterator[Finding]:
    """Ask whether each variable that the mapping names is set, to something that a person meant."""
    needed: dict[str, list[str]] = {}
    for point in points:
        for settings in point.systems.values():
            for name in (settings.address, *settings.secrets.values()):
                needed.setdefault(name, []).append(point.id)
    for name, users in needed.items():
        used_by = ", ".join(dict.fromkeys(users[:5])) + ("…" if len(set(users)) > 5 else "")
        check = wrong_with(environment.get(name, ""))
        if check is None:
            yield ok(_HERE, "variable_set", name)
        else:
            yield fault(_HERE, check, name, used_by=used_by)


def check_addresses(points: Iterable[PointOfSaleMapping], environment: Mapping[str, str]) -> Iterator[Finding]:
    """Ask whether each address may be used at all: https, or this machine, with no user or query in it."""
    addresses = {settings.address: settings.label.en for point in points for settings in point.systems.values()}
    for name, label in addresses.items():
        value = environment.get(name, "")
        if wrong_with(value) is not None:
            continue  # told already
        try:
            checked_base_url(value, label)
        except ConfigurationError as error:
            yield fault(_HERE, "address_invalid", name, detail=str(error))
        else:
            yield ok(_HERE, "address_valid", name)


def check_env_file(file: Path) -> Iterator[Finding]:
    """Ask whether others on this machine can read the secrets."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        yield warning(_HERE, "env_file_open", str(file), mode=f"{stat.S_IMODE(mode):o}")
    else:
        yield ok(_HERE, "env_file_closed", str(file))


def wrong_with(value: str) -> str | None:
    """Name what is wrong with a variable's value, by the check that tells it; None iff nothing is."""
    bare = value.strip()
    if not bare:
        return "variable_missing"
    if bare[0] in _QUOTES or bare[-1] in _QUOTES:
        return "variable_quoted"
    if bare != value or any(not character.isprintable() or character.isspace() for character in value):
        return "variable_spaced"
    return "variable_placeholder" if _PLACEHOLDER.fullmatch(bare) else None


def _problem(problem: object) -> Finding:
    said = str(problem)
    place = re.match(r"[^:\s]+:\d+", said)
    where = place[0] if place else ""
    return fault(_HERE, "mapping_problem", where, detail=said[len(where) :].lstrip(": "))

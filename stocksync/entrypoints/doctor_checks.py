"""What is asked of the configuration: mapping files, environment variables, `.env`, addresses.

Values of variables are looked at and never told. Whether an address answers is asked in `doctor_checks_systems`.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from stocksync.adapters.systems.files.transport import open_transport
from stocksync.adapters.systems.http import checked_base_url
from stocksync.entrypoints.doctor import Area, Finding, fault, ok, warning
from stocksync.errors import ConfigurationError, MappingInvalid
from stocksync.mapping.checks_all import warnings_in
from stocksync.mapping.connection import FilesConnection
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping, SystemSettings
from stocksync.mapping.load import load_mappings, read_files

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
        return None, [*map(_problem, error.problems), *_warned(read_files(directory))]
    except ConfigurationError as error:
        return None, [fault(_HERE, "mapping_missing", str(directory), detail=str(error))]
    number = str(len(mappings.points_of_sale))
    return mappings, [ok(_HERE, "mapping_valid", str(directory), points=number), *_warned(mappings.files)]


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
    """Ask whether each address may be used at all: https, or this machine, with no user or query in it; or a folder."""
    systems = {settings.address: settings for point in points for settings in point.systems.values()}
    for name, settings in systems.items():
        value = environment.get(name, "")
        if wrong_with(value) is not None:
            continue  # told already
        try:
            _check_address(settings, value)
        except ConfigurationError as error:
            yield fault(_HERE, "address_invalid", name, detail=str(error))
        else:
            yield ok(_HERE, "address_valid", name)


def _check_address(settings: SystemSettings, value: str) -> None:
    connection = settings.connection
    if not isinstance(connection, FilesConnection):
        checked_base_url(value, settings.label.en)
        return
    # Whether its secrets are there is asked elsewhere.
    secrets = dict.fromkeys(connection.secret_names, "-")
    open_transport(value, connection, secrets, settings.label.en).close()


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
    where, detail = _parts(problem)
    return fault(_HERE, "mapping_problem", where, detail=detail)


def _warned(files: Mapping[str, bytes]) -> Iterator[Finding]:
    """Tell what `stocksync mapping check` warns of: it works as written, and is probably not what was meant."""
    for problem in warnings_in(files):
        where, detail = _parts(problem)
        yield warning(_HERE, "mapping_warning", where, detail=detail)


def _parts(problem: object) -> tuple[str, str]:
    said = str(problem)
    place = re.match(r"[^:\s]+:\d+", said)
    where = place[0] if place else ""
    return where, said[len(where) :].lstrip(": ")

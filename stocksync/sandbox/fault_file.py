"""The settings file of faults: restricted YAML, every mistake with its line and what is allowed there.

    dms:
      latency: {ms: 200-800, share: 0.3}
      apply_then_drop: {share: 0.05, calls: [update], times: 3}
    vehicle_module:
      nightly_batch:

A system, then faults by name, then what is said of each; a fault with nothing to say takes nothing. Which faults
there are, and what each takes: `faults.py`. Refused: aliases, tags, a key that comes twice, more than 64 KB.
"""

from pathlib import Path
from typing import Any, get_args

import yaml

from stocksync.sandbox.faults import FAULTS, SYSTEMS, Fault, FaultError, SystemName, made, said

MAX_BYTES = 64 * 1024
_MAX_DEPTH = 6

Faults = dict[str, Fault]
Problem = tuple[int, str]


class FaultFileError(ValueError):
    """A settings file that cannot be used; its text has one line for each thing that is wrong."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        super().__init__("\n".join(f"{name}, line {line}: {message}" for line, message in sorted(problems)))


def read_faults(path: Path) -> dict[SystemName, Faults]:
    """Read a settings file; both systems are in the result, without faults where the file names none.

    FaultFileError with every problem; OSError for a file that cannot be opened.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    problems: list[Problem] = []
    found: dict[SystemName, Faults] = {system: {} for system in SYSTEMS}
    if len(raw) > MAX_BYTES:
        raise FaultFileError(path.name, [(1, f"is larger than {MAX_BYTES // 1024} KB")])
    root = _composed(raw, path.name)
    for key, value in _pairs(root, "the file", "vehicle_module and dms", problems):
        if key.value not in get_args(SystemName):
            problems.append((_line(key), f"no such system {_shown(key)}; there are {', '.join(SYSTEMS)}"))
            continue
        for name, options in _pairs(value, key.value, "faults by name", problems):
            fault = _fault(key.value, name, options, problems)
            if fault is not None:
                found[key.value][fault.name] = fault
    if problems:
        raise FaultFileError(path.name, problems)
    return found


def _fault(system: str, name: yaml.Node, options: yaml.Node, problems: list[Problem]) -> Fault | None:
    if name.value not in FAULTS:
        problems.append((_line(name), f"{system}: no such fault {_shown(name)}; there are {', '.join(FAULTS)}"))
        return None
    lines: dict[str, int] = {}
    given: dict[str, Any] = {}
    count = len(problems)
    for key, value in _pairs(options, f"{system}.{name.value}", "options by name", problems):
        lines[key.value] = _line(key)
        given[key.value] = _plain(value, problems)
    if len(problems) > count:
        return None
    try:
        return made(name.value, given)
    except FaultError as wrong:
        for keys, message in wrong.problems:
            line = lines.get(str(keys[1]), _line(name)) if len(keys) > 1 else _line(name)
            problems.append((line, f"{system}.{said(keys, message)}"))
        return None


def _composed(raw: bytes, name: str) -> yaml.Node | None:
    try:
        text = raw.decode("utf-8-sig")
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise FaultFileError(name, [(_line(event), "anchors and aliases are not taken")])
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise FaultFileError(name, [(_line(event), "is nested too deeply")])
        return yaml.compose(text, yaml.SafeLoader)
    except UnicodeDecodeError as wrong:
        raise FaultFileError(name, [(raw[: wrong.start].count(b"\n") + 1, "is not UTF-8")]) from wrong
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark else 1
        raise FaultFileError(name, [(line, f"is not YAML: {wrong.problem}")]) from wrong
    except yaml.YAMLError as wrong:
        raise FaultFileError(name, [(1, f"is not YAML: {wrong}")]) from wrong


def _pairs(
    node: yaml.Node | None, what: str, holds: str, problems: list[Problem]
) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """Return the keys and values of a mapping, nothing for an empty place; note what else stands there."""
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
        return []
    if not isinstance(node, yaml.MappingNode):
        problems.append((_line(node), f"{what} holds {holds}, each with a colon"))
        return []
    pairs: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            problems.append((_line(key), f"{what} holds {holds}"))
        elif key.value in pairs:
            problems.append((_line(key), f"{_shown(key)} stands here twice"))
        else:
            pairs[key.value] = (key, value)
    return list(pairs.values())


def _plain(node: yaml.Node, problems: list[Problem]) -> object:
    """Return a scalar or a list of scalars as YAML means it."""
    if isinstance(node, yaml.SequenceNode):
        return [_scalar(item, problems) for item in node.value]
    return _scalar(node, problems)


def _scalar(node: yaml.Node, problems: list[Problem]) -> object:
    if isinstance(node, yaml.ScalarNode):
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError):
            pass
    problems.append((_line(node), "a plain value, or a list of them, is expected"))
    return None


def _line(at: yaml.Node | yaml.Event) -> int:
    return at.start_mark.line + 1 if at.start_mark else 1


def _shown(node: yaml.Node) -> str:
    return repr(node.value)[:60]

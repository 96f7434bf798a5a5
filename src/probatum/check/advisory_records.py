"""Tells of one advisory whether it affects a version of a package, as its source wrote it.

It is what a check of known vulnerabilities rests on, and shares no code with the index by which
they are found: here each event of each range is asked about the one version. What a record leaves
open is None, and no proof.

The trusted base: this file, `advisory_versions`, and Python's JSON.

Source: ossf.github.io/osv-schema, "Evaluation".
"""

import json
import re
from collections.abc import Callable
from typing import Any

from probatum.check.advisory_versions import is_build, order


def record_of(line: bytes) -> Any:
    """The record in a line; None if the line is not one JSON document with each key once."""
    return _document(line, lambda said: said[3] if type(said) is list and len(said) == 4 else None)


def record(data: bytes) -> Any:
    """A record as its source wrote it; None as `record_of`."""
    return _document(data, lambda said: said)


def _document(data: bytes, chosen: Callable[[Any], Any]) -> Any:
    try:
        return chosen(json.loads(data.decode(), object_pairs_hook=_once))
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def normal(ecosystem: str, name: str) -> str | None:
    """A name as the ecosystem compares names; None if it is none there."""
    if ecosystem == "PyPI":
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            return None
        return re.sub(r"[-_.]+", "-", name).lower()
    return name if name.isascii() and name.isprintable() and " " not in name else None


def affects(record: Any, ecosystem: str, name: str, version: str) -> bool | None:
    """Whether a record affects a version of a package; None where it cannot be told.

    `name` is as `normal` writes it. A record that cannot be read may affect everything, and so may
    one of which no entry is on the package: it is not for nothing that it is asked about it.
    """
    affected = _list(record, "affected") if type(record) is dict else None
    if affected is None:
        return None
    withdrawn = record.get("withdrawn")
    if type(withdrawn) is str and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T", withdrawn):
        return False
    said = [
        _entry_affects(entry, ecosystem, version)
        for entry in affected
        if _is_of(entry, ecosystem, name)
    ]
    return _any(said) if said else None


def _list(said: dict[str, Any], name: str) -> list[Any] | None:
    """What stands there, empty where nothing does; None if it is something else."""
    found = said.get(name)
    if found is None:
        return []
    return found if type(found) is list else None


def _any(said: list[bool | None]) -> bool | None:
    """One that says yes decides, then one that cannot tell."""
    if True in said:
        return True
    return None if None in said else False


def _is_of(entry: Any, ecosystem: str, name: str) -> bool:
    package = entry.get("package") if type(entry) is dict else None
    if type(package) is not dict:
        return False
    where, said = package.get("ecosystem"), package.get("name")
    if type(where) is not str or type(said) is not str:
        return False
    kind, _, release = ecosystem.partition(":")
    base, _, its_release = where.strip().partition(":")
    same = base.strip().lower() == kind.lower() and (not release or its_release in ("", release))
    return same and normal(ecosystem, said.strip()) == name


def _entry_affects(entry: dict[str, Any], ecosystem: str, version: str) -> bool | None:
    versions, ranges = _list(entry, "versions"), _list(entry, "ranges")
    if versions is None or any(type(one) is not str for one in versions):
        return None
    if ranges is None or any(_events(one) is None for one in ranges):
        return None
    lines = [one for one in ranges if one["type"] != "GIT"]
    if not lines and not versions:
        return None
    here = order(ecosystem, version)
    said = [_is_listed(one, ecosystem, version, here) for one in versions]
    return _any([*said, *(_range_affects(one, ecosystem, here) for one in lines)])


def _is_listed(listed: str, ecosystem: str, version: str, here: Any) -> bool | None:
    if listed == version:
        return True
    if here is None:
        return None
    there = order(ecosystem, listed)
    return there is not None and bool(there == here)


def _events(line: Any) -> list[tuple[str, str]] | None:
    """The events of a range, in its order; None if they are none."""
    if type(line) is not dict or type(line.get("type")) is not str:
        return None
    events = line.get("events")
    if type(events) is not list or not all(type(event) is dict and event for event in events):
        return None
    names = ("introduced", "fixed", "last_affected", "limit")
    if any(
        key not in names or type(text) is not str for one in events for key, text in one.items()
    ):
        return None
    return [(name, event[name]) for event in events for name in names if name in event]


def _range_affects(line: dict[str, Any], ecosystem: str, here: Any) -> bool | None:
    """What the range says of the version `here`.

    Of the events up to it the last one in order decides: an introduction, or an end. After an end,
    if the next event is an end again, something is missing between the two: it cannot be told.
    """
    events = _events(line) or []
    if line["type"] not in ("ECOSYSTEM", "SEMVER"):
        return None
    if {kind for kind, _ in events} == {"introduced"} and ("introduced", "0") in events:
        return True if all(text == "0" or order(ecosystem, text) for _, text in events) else None
    marks: list[tuple[tuple[Any, ...], bool]] = []
    limits: list[Any] = []
    build = False
    for kind, text in events:
        if (kind, text) == ("introduced", "0"):
            marks.append(((0,), True))
            continue
        there = (1, here) if (kind, text) == ("limit", "*") else (1, order(ecosystem, text))
        if there[1] is None or here is None:
            return None
        if kind == "limit":
            limits.append(text == "*" or here < there[1])
            continue
        build = build or (kind == "fixed" and is_build(ecosystem, text) and there[1] == here)
        marks.append(((*there, kind == "last_affected"), kind == "introduced"))
    if here is None:
        return None
    if limits and not any(limits):
        return False
    marks.sort(key=lambda mark: mark[0])
    said = _marked(marks, (1, here, False))
    return None if build and said is False else said


def _marked(marks: list[tuple[tuple[Any, ...], bool]], here: tuple[Any, ...]) -> bool | None:
    past = [(mark, opens) for mark, opens in marks if mark <= here]
    coming = [opens for mark, opens in marks if mark > here]
    if past and past[-1][1]:
        return True
    return None if (coming and not coming[0]) or _begins_again(past) else False


def _begins_again(past: list[tuple[tuple[Any, ...], bool]]) -> bool:
    """Whether a range that had begun begins again at the version at which it ends."""
    last = [opens for mark, opens in past if mark == past[-1][0]]
    before = [opens for mark, opens in past if mark < past[-1][0]]
    return any(last) and bool(before) and before[-1]

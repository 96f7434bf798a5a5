"""One advisory in the OSV schema, read from bytes that somebody else wrote.

A record whose id cannot be told is refused as a whole. What it says of one package may be wrong in
itself; then that entry is kept with what is wrong, and affects an unknown part of the package's
versions.

Source: ossf.github.io/osv-schema, schema 1.7.
"""

import json
import re
from typing import Any

import msgspec
from msgspec import Struct

from probatum.advisories.versions import is_ordered
from probatum.components import python_name
from probatum.errors import FormatError
from probatum.vocabulary import Reason

LARGEST = 8 << 20
"""Bytes that a record may have."""
_MOST_PACKAGES = 5000
_ID = re.compile(r"[!#-\[\]-~]{1,128}")
_ECOSYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9 ._+-]{0,40}(?::[A-Za-z0-9 ._:+-]{1,80})?")
_NAMES = {"PyPI": re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,200}[A-Za-z0-9])?")}
_WITHOUT_RELEASES = frozenset({"PyPI", "npm", "crates.io", "Go"})
_SPELLED = {one.lower(): one for one in (*_WITHOUT_RELEASES, "Debian", "Ubuntu", "Alpine")}
_ANY_NAME = re.compile(r"[!#-\[\]-~]{1,512}")
EVENTS = ("introduced", "fixed", "last_affected", "limit")


class Range(Struct, frozen=True):
    """Events on one line of versions, as (event, version) in the order of the record."""

    kind: str
    events: tuple[tuple[str, str], ...]


class Affected(Struct, frozen=True):
    """What a record says of one package. `unread` is what is wrong with it, empty if nothing is."""

    ecosystem: str
    name: str
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    unread: str = ""


class Record(Struct, frozen=True):
    """An advisory: its own id, its other names, and the packages that it affects.

    `modified` is as the record has it: it sorts by time where it is written as the schema demands.
    `unread` names the entries of which no package can be told.
    """

    id: str
    modified: str
    aliases: tuple[str, ...]
    withdrawn: bool
    affected: tuple[Affected, ...]
    unread: tuple[str, ...] = ()


def record(data: bytes) -> Record:
    """The record in these bytes. Raises: FormatError."""
    if len(data) > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"an advisory of {len(data)} bytes")
    said = _document(data)
    own = said.get("id")
    if type(own) is not str or not _ID.fullmatch(own):
        raise _malformed("the advisory has no id")
    affected = [] if said.get("affected") is None else said["affected"]
    if type(affected) is not list or len(affected) > _MOST_PACKAGES:
        raise _malformed(f"what {own} affects is no list, or too long")
    aliases, modified = said.get("aliases"), said.get("modified")
    found, unread = _entries(affected)
    return Record(
        own,
        modified if type(modified) is str and _ID.fullmatch(modified) else "",
        tuple(dict.fromkeys(filter(_is_id, aliases if type(aliases) is list else ()))),
        _is_withdrawn(said.get("withdrawn")),
        found,
        unread,
    )


def ecosystem_name(said: str) -> str:
    """The ecosystem that is meant, however it is spelled: what is not found affects nothing.

    Where packages are the same in all releases, a release is left out.
    """
    base, colon, release = said.strip().partition(":")
    known = _SPELLED.get(base.strip().lower(), base)
    return known if known in _WITHOUT_RELEASES else f"{known}{colon}{release}"


def package_name(ecosystem: str, name: str) -> str:
    """A package's name as its ecosystem compares names. Raises: FormatError if it is none."""
    if not _NAMES.get(ecosystem, _ANY_NAME).fullmatch(name):
        raise _malformed(f"{name[:60]!a} is no name of a package of {ecosystem[:60]!a}")
    return python_name(name) if ecosystem == "PyPI" else name


def _document(data: bytes) -> dict[str, Any]:
    """The JSON object that every reader of UTF-8 finds in the bytes."""
    try:
        said = _JSON.decode(data.decode())
        if (
            rb"\u" in data and rb"\ud" in data.lower()
        ):  # half of a character, which cannot be written again
            json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise _malformed("the advisory is not one JSON document") from exc
    if type(said) is not dict:
        raise _malformed("the advisory is no JSON object")
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ on which of two equal keys they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_JSON = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)


def _is_id(text: Any) -> bool:
    return type(text) is str and _ID.fullmatch(text) is not None


def _is_withdrawn(said: Any) -> bool:
    """A record is taken back by a time, and by nothing else that may stand there."""
    return type(said) is str and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T", said) is not None


def _entries(affected: list[Any]) -> tuple[tuple[Affected, ...], tuple[str, ...]]:
    """An entry without a package (of repositories alone) is about none and left out."""
    found, unread = [], []
    for entry in affected:
        try:
            if type(entry) is not dict or entry.get("package") is not None:
                found.append(_affected(entry))
        except FormatError as exc:
            unread.append(exc.detail)
    return tuple(found), tuple(unread)


def _affected(entry: Any) -> Affected:
    """Raises: FormatError if no package can be told."""
    try:
        told, wrong = msgspec.convert(entry, _Entry), ""
    except msgspec.ValidationError as exc:
        told, wrong = _named(entry), str(exc)[:200]
    ecosystem = ecosystem_name(told.package.ecosystem)
    name = package_name(ecosystem, told.package.name.strip())
    if not _ECOSYSTEM.fullmatch(ecosystem):
        raise _malformed(f"{ecosystem[:60]!a} is no ecosystem")
    try:
        ranges = tuple([_range(one) for one in told.ranges or ()])
    except ValueError as exc:
        wrong = str(exc)[:200]
    if wrong:
        return Affected(ecosystem, name, unread=wrong)
    unread = "" if is_ordered(ecosystem) else f"nothing orders the versions of {ecosystem}"
    return Affected(ecosystem, name, ranges, told.versions or (), unread)


def _named(entry: Any) -> "_Entry":
    """An entry of which the package alone can be read. Raises: FormatError if not even that."""
    try:
        return _Entry(msgspec.convert(entry, _Of).package)
    except msgspec.ValidationError as exc:
        raise _malformed(f"an entry without a package: {exc}") from exc


class _Package(Struct):
    ecosystem: str
    name: str


class _Of(Struct):
    package: _Package


class _Range(Struct):
    type: str
    events: tuple[dict[str, str], ...]


class _Entry(Struct):
    package: _Package
    ranges: tuple[_Range, ...] | None = None
    versions: tuple[str, ...] | None = None


def _range(told: _Range) -> Range:
    """Several events in one object stand in the order in which one would tell them."""
    for event in told.events:
        if not event or not event.keys() <= set(EVENTS):
            raise ValueError(f"no event of a range: {', '.join(event)[:60]!a}")
    events = ((kind, event[kind]) for event in told.events for kind in EVENTS if kind in event)
    return Range(told.type, tuple(events))


def _malformed(what: str) -> FormatError:
    return FormatError(Reason.MALFORMED, what)

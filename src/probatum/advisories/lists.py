"""Lists of known-bad models and files: what one names, and how several are kept together.

A list is TOML, or JSON of the same shape:

    name = "models that reach out"
    published = 2026-01-31

    [[entry]]
    purl = "pkg:huggingface/owner/name@0123456789abcdef0123456789abcdef01234567"
    sha256 = "<hex of a whole file>"
    tensor = "<hex of a tensor, as `probatum compare` tells it>"
    template = "<hex of a chat template>"
    reason = "its tokenizer was made to hide instructions"
    evidence = "https://example.org/report"
    published = 2026-01-12

Each entry has a reason and at least one of the first four. Kept are lines of JSON, sorted, one for
each thing that an entry names: `[what, value, list, entry]`. Their digest names the set of lists.
"""

import datetime
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.strict_json import parsed as parsed_json
from probatum.vocabulary import Reason

COMMIT, FILE, NAME, TEMPLATE, TENSOR = "commit", "file", "name", "template", "tensor"
"""What a line names: a revision of a repository, bytes, a repository at no certain revision, …"""

LARGEST = 64 << 20
_HEX = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
_PURL = re.compile(r"pkg:huggingface/([^@?#\s]{1,200})(?:@([^@?#\s]{1,100}))?(?:[?#]\S*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LONGEST = 500
_FIELDS = ("purl", "sha256", "tensor", "template", "reason", "evidence", "published")


class Entry(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a list says of one model or file: all that it names is bad for the one `reason`."""

    reason: str
    purl: str = ""
    sha256: str = ""
    tensor: str = ""
    template: str = ""
    evidence: str = ""
    published: str = ""


class List(Struct, frozen=True):
    """One list; `published` is its own day."""

    name: str
    published: str
    entries: tuple[Entry, ...]


class Named(Struct, frozen=True, array_like=True, order=True):
    """One thing that a list names: a line of the installed lists."""

    what: str
    value: str
    list: str
    entry: Entry


class Known:
    """All that the installed lists name. Raises: FormatError if they are damaged."""

    def __init__(self, lines: bytes) -> None:
        self._named: dict[tuple[str, str], list[Named]] = {}
        for one in named(lines):
            self._named.setdefault((one.what, one.value), []).append(one)
        self._kinds = {what for what, _ in self._named}

    def of(self, what: str, value: str) -> tuple[Named, ...]:
        """Every line that names this."""
        return tuple(self._named.get((what, value), ()))

    def names_any(self, what: str) -> bool:
        return what in self._kinds


def parsed(data: bytes) -> List:
    """The list in a file. Raises: FormatError."""
    value = _value(data)
    if not isinstance(value, dict) or set(value) - {"name", "published", "entry"}:
        raise _wrong("it has other keys than name, published and entry")
    name, entries = value.get("name"), value.get("entry", [])
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > 100:
        raise _wrong("it has no name")
    if not isinstance(entries, list):
        raise _wrong("its entries are no list")
    published = _day(value.get("published"), "the list")
    made = [_entry(one, f"entry {number}") for number, one in enumerate(entries, 1)]
    return List(name.strip(), published, tuple(made))


def lines(given: Iterable[List]) -> bytes:
    """What is kept of lists."""
    each = {
        msgspec.json.encode(Named(what, value, one.name, entry))
        for one in given
        for entry in one.entries
        for what, value in _things(entry)
    }
    return b"".join(line + b"\n" for line in sorted(each))


def named(data: bytes) -> Iterator[Named]:
    """What the kept lines name. Raises: FormatError if one is none."""
    try:
        for line in data.splitlines():
            yield msgspec.json.decode(line, type=Named)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise FormatError(Reason.MALFORMED, "the installed lists are damaged") from exc


def repository(purl: str) -> tuple[str, str]:
    """What a package URL of the hub names, in small letters, and its revision; empty: none."""
    found = _PURL.fullmatch(purl)
    if found is None:
        return "", ""
    return unquote(found[1]).casefold(), unquote(found[2] or "")


def _things(entry: Entry) -> Iterator[tuple[str, str]]:
    for what, value in (
        (FILE, entry.sha256),
        (TENSOR, entry.tensor),
        (TEMPLATE, entry.template),
    ):
        if value:
            yield what, value
    name, revision = repository(entry.purl)
    if _COMMIT.fullmatch(revision):
        yield COMMIT, revision
    elif name:  # a branch or a tag may be moved
        yield NAME, name


def _value(data: bytes) -> Any:
    if len(data) > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"a list of more than {LARGEST} bytes")
    if data.lstrip()[:1] == b"{":
        return parsed_json(data, "the list")
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as exc:
        raise _wrong(f"it is neither TOML nor JSON: {str(exc)[:_LONGEST]}") from exc


def _entry(value: Any, where: str) -> Entry:
    if not isinstance(value, dict) or set(value) - set(_FIELDS):
        raise _wrong(f"{where} has other keys than {', '.join(_FIELDS)}")
    said = {key: _text(value.get(key, ""), f"{where}: {key}") for key in _FIELDS[:-1]}
    for key in ("sha256", "tensor", "template"):
        said[key] = _hex(said[key], f"{where}: {key}")
    if "published" in value:
        said["published"] = _day(value["published"], where)
    if not said["reason"]:
        raise _wrong(f"{where} gives no reason")
    if said["purl"] and not repository(said["purl"])[0]:
        raise _wrong(f"{where}: purl is none of the type huggingface")
    entry = Entry(**said)
    if not any(_things(entry)):
        raise _wrong(f"{where} names nothing: no purl, sha256, tensor or template")
    return entry


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise _wrong(f"{where} is no line of at most {_LONGEST} characters")
    return value.strip()


def _hex(value: str, where: str) -> str:
    found = _HEX.fullmatch(value)
    if value and found is None:
        raise _wrong(f"{where} is no SHA-256 in hex")
    return found[1].lower() if found else ""


def _day(value: Any, where: str) -> str:
    """A date as TOML or a text has it, as `2026-01-31`."""
    text = value.isoformat() if isinstance(value, datetime.date) else value
    try:
        return datetime.date.fromisoformat(text[:10]).isoformat()
    except (TypeError, ValueError) as exc:
        raise _wrong(f"{where} has no day on which it was published") from exc


def _wrong(says: str) -> FormatError:
    return FormatError(Reason.MALFORMED, says)

"""Answers the questions of OSV's API from one snapshot.

An ecosystem that the snapshot does not cover, or a name or version of no package, is an error and
never an empty answer: whoever asks would read that as "nothing is known". What the records leave
open is answered as affecting, with `database_specific.probatum.undecided` saying why.

Source: google.github.io/osv.dev/api (post-v1-query, post-v1-querybatch, get-v1-vulns).
"""

import mmap
import re
from collections.abc import Iterator
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from probatum.adapters.advisories_installed import ADVICE, Held
from probatum.advisories.matching import Affects, affected
from probatum.advisories.osv import package_name
from probatum.advisories.snapshot import RECORDS
from probatum.components import Component
from probatum.errors import FormatError
from probatum.vocabulary import Reason

QUERIES = 1000
PAGE = 1000
"""Records of one answer to a batch."""
PAGE_BYTES = 64 << 20
"""Bytes of one answer to a query. It is not cut by their number: pip-audit asks for no second page,
and would take the rest for nothing known."""
_PURL = re.compile(r"pkg:([a-z]+)/([^@?#]+)(?:@([^?#]+))?(?:[?#].*)?")
_ECOSYSTEMS = {"pypi": "PyPI", "npm": "npm", "golang": "Go", "cargo": "crates.io"}
_T = TypeVar("_T")
_TOKEN = re.compile(r"([0-9a-f]{16})\.(\d{1,9})")


class Wrong(Exception):
    """A question that cannot be answered, with the HTTP status that says so."""

    def __init__(self, says: str, status: int = 400) -> None:
        super().__init__(says)
        self.status = status


class _Package(Struct):
    name: str = ""
    ecosystem: str = ""
    purl: str = ""


class _Query(Struct):
    package: _Package | None = None
    version: str = ""
    commit: str = ""
    page_token: str = ""


class _Batch(Struct):
    queries: list[_Query]


class _Record(Struct, frozen=True):
    """A record that answers a question; `undecided` says why it is not certain that it does."""

    id: str
    undecided: str


class _Changed(Struct):
    modified: str


class _Place(Struct, frozen=True):
    start: int
    end: int
    modified: str


class Answers:
    """One snapshot, asked as OSV is. Several threads may ask at once."""

    def __init__(self, held: Held, page: int = PAGE) -> None:
        self.digest = held.digest
        self._covers = held.manifest.covers
        self._index = held.opened().index
        self._page = page
        with (held.folder / RECORDS).open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._places = dict(self._located())

    def query(self, body: bytes) -> bytes:
        """The whole records that affect one component. Raises: Wrong."""
        asked = _decoded(body, _Query)
        found: list[msgspec.Raw] = []
        following, size = "", 0
        for number, one in self._asked(asked):
            record = self._told(one)
            size += len(record)
            if found and size > PAGE_BYTES:
                following = f"{self.digest[:16]}.{number}"
                break
            found.append(msgspec.Raw(record))
        return _encoded(found, following)

    def batch(self, body: bytes) -> bytes:
        """Id and time of change of the records that affect each component. Raises: Wrong."""
        asked = _decoded(body, _Batch)
        if len(asked.queries) > QUERIES:
            raise Wrong(f"more than {QUERIES} queries at once")
        results = []
        for query in asked.queries:
            found: list[dict[str, Any]] = []
            following = ""
            for number, one in self._asked(query):
                if len(found) == self._page:
                    following = f"{self.digest[:16]}.{number}"
                    break
                found.append({"id": one.id, "modified": self._places[one.id].modified})
            results.append(msgspec.Raw(_encoded(found, following)))
        return msgspec.json.encode({"results": results})

    def vulnerability(self, id: str) -> bytes:
        """The record of that id, as its source wrote it. Raises: Wrong if there is none."""
        if id not in self._places:
            raise Wrong(f"the snapshot has no record {id[:60]!a}", 404)
        return self._raw(id)

    def _asked(self, query: _Query) -> Iterator[tuple[int, _Record]]:
        """What answers a query, numbered, from where its token says. Raises: Wrong."""
        if query.commit:
            raise Wrong("commits are not answered: ask for a package and a version")
        component = self._component(query)
        start = self._start(query.page_token)
        try:
            matches = affected(self._index, component)
        except FormatError as exc:  # a damaged index is no fault of the question
            raise Wrong(exc.detail, 400 if exc.reason is Reason.UNRESOLVED else 503) from exc
        undecided = {
            id: match.why if match.verdict is Affects.UNKNOWN else ""
            for match in matches
            if match.verdict is not Affects.NO
            for id in match.records
        }
        for number, (id, why) in enumerate(sorted(undecided.items())):
            if number >= start:
                yield number, _Record(id, why)

    def _component(self, query: _Query) -> Component:
        package = query.package or _Package()
        ecosystem, name, version = package.ecosystem, package.name, query.version
        if package.purl:
            if ecosystem or name:
                raise Wrong("a package is named by its purl, or by name and ecosystem: not both")
            ecosystem, name, inside = _purl(package.purl)
            if inside and version:
                raise Wrong("the version stands in the purl and beside it")
            version = version or inside
        if not ecosystem or not name:
            raise Wrong("no package is named")
        if ecosystem.partition(":")[0] not in self._covers:
            covers = ", ".join(self._covers)
            raise Wrong(f"the snapshot covers {covers}, and not {ecosystem[:60]!a}: {ADVICE} "
                        "with --ecosystem")  # fmt: skip
        try:
            return Component(
                ecosystem=ecosystem, name=package_name(ecosystem, name), version=version
            )
        except FormatError as exc:
            raise Wrong(exc.detail) from exc

    def _start(self, token: str) -> int:
        if not token:
            return 0
        said = _TOKEN.fullmatch(token)
        if said is None or said[1] != self.digest[:16]:
            raise Wrong("this page belongs to another snapshot: ask anew, without page_token")
        return int(said[2])

    def _told(self, one: _Record) -> bytes:
        if not one.undecided:
            return self._raw(one.id)
        record = self._record(one.id)
        specific = record.get("database_specific")
        own = specific if isinstance(specific, dict) else {}
        record["database_specific"] = {**own, "probatum": {"undecided": one.undecided}}
        return msgspec.json.encode(record)

    def _record(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self._raw(id), type=dict[str, Any])
        return found

    def _raw(self, id: str) -> bytes:
        place = self._places[id]
        line = self._data[place.start : place.end]
        return bytes(msgspec.json.decode(line, type=tuple[str, str, str, msgspec.Raw])[3])

    def _located(self) -> Iterator[tuple[str, _Place]]:
        """Each id, with where one line of its record lies: all of its lines hold it whole."""
        decoder = msgspec.json.Decoder(tuple[str, str, str, _Changed])
        start = 0
        while start < len(self._data):
            end = self._data.find(b"\n", start) + 1 or len(self._data)
            _, _, id, record = decoder.decode(self._data[start:end])
            yield id, _Place(start, end, record.modified)
            start = end


def _purl(text: str) -> tuple[str, str, str]:
    """Ecosystem, name and version of a package URL. Raises: Wrong."""
    said = _PURL.fullmatch(text)
    if said is None or said[1] not in _ECOSYSTEMS:
        raise Wrong(f"{text[:80]!a} is no package URL of {', '.join(_ECOSYSTEMS)}")
    return _ECOSYSTEMS[said[1]], unquote(said[2]), unquote(said[3] or "")


def _decoded(body: bytes, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Wrong(f"no question of OSV's API: {exc}") from exc


def _encoded(found: list[Any], following: str) -> bytes:
    said: dict[str, Any] = {"vulns": found} if found else {}
    return msgspec.json.encode(said | ({"next_page_token": following} if following else {}))

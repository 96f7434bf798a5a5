"""Re-derives that a project never runs the code in which known vulnerabilities of its packages lie.

Facts: `{"snapshot": sha256 of the advisories, "size": bytes of the program, "sha256": of what was
read of it, "all": ["vulnerability package version", ...], "entries": [those of `all` that are not
reached]}`.

What is checked: 0. these are the advisories of that digest; 1. the program is read, its list of
files whole, and of their bytes those that may run; 2. what may run is worked out again by names
(`reach_closure`), nothing is left that could import or call what has no name there, and what was
read has this digest; 3. each package is installed in that version; 4. the packs know in which code
the vulnerability lies, and that code is there; 5. nothing imports its module, or nothing has the
name of the function; 6. each vulnerability that affects an installed package, or may, is in
`all`; of the claim as a whole, all are not reached, and the advisories cover all packages.

The prover asks `Reach` what may run: a second program for it would be the same one.

The trusted base: this file, `reach_program`, `reach_closure`, `reach_demands`, `reach_archives`,
`reach_units`, `reach_texts`, `reach_symbols`, `advisory_records`, Python's parsers, and the packs.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from probatum.check.advisory_records import affects, record_of
from probatum.check.reach_closure import Closure
from probatum.check.reach_program import Program
from probatum.check.reach_symbols import symbols
from probatum.check.reach_units import read as units_of
from probatum.errors import Rejected

CLAIM = "vulnerable-code-not-reached"
ADVISORIES = True

Read = Callable[[int, int], bytes]
_KEYS = {"snapshot", "size", "sha256", "entries", "all"}
_PIECE = 1 << 20
_WAY_MOST = 12


class Advisories(Protocol):
    """What is asked of the installed snapshot."""

    @property
    def digest(self) -> str: ...
    @property
    def covers(self) -> frozenset[str]: ...

    def records(self, offset: int, length: int) -> bytes: ...


def holds(
    facts: dict[str, Any],
    read: Read,
    size: int,
    kind: str,
    advisories: Advisories,
    packs: Path | None = None,
) -> None:
    """Raises: Rejected with the step that fails."""
    reach = shows(facts, read, size, advisories, packs)
    if set(facts["entries"]) != set(facts["all"]):
        raise Rejected("6: some of these vulnerabilities may be reached")
    if reach.strangers:
        raise Rejected(f"6: {reach.strangers[0]} is not from the registry")
    if "PyPI" not in advisories.covers:
        raise Rejected("6: the advisories do not cover PyPI")


def shows(
    facts: dict[str, Any], read: Read, size: int, advisories: Advisories, packs: Path | None = None
) -> "Reach":
    """That the vulnerabilities in `entries` are not reached: what is. Raises: Rejected."""
    _demand_shape(facts)
    if facts["snapshot"] != advisories.digest:
        raise Rejected(f"0: it rests on other advisories than {advisories.digest[:12]}")
    if type(facts["size"]) is not int or facts["size"] != size:
        raise Rejected("1: the program has another size")
    reach = Reach(read, size, packs)
    if reach.doubt:
        raise Rejected(f"2: {reach.doubt}")
    if reach.digest() != facts["sha256"]:
        raise Rejected("2: what may run has another digest")
    installed = reach.packages()
    met = set()
    for id, name, version, ids in _affecting(advisories, set(installed)):
        named = {one for one in facts["all"] if one in {f"{id} {name} {version}" for id in ids}}
        if not named:
            raise Rejected(f"6: {name} {version} may be affected by {id}")
        met |= named
        if named & set(facts["entries"]) and (why := reach.why_reached(ids, name, version)):
            raise Rejected(why)
    for one in facts["entries"]:
        if one not in met:
            raise Rejected(f"3: nothing here is affected as {one} says")
    return reach


class Reach:
    """What of a program may run. `doubt` says what keeps anything from being ruled out."""

    def __init__(self, read: Read, size: int, packs: Path | None = None) -> None:
        self.program = Program(read, size)
        self.closure = Closure(self.program)
        self._packs = packs
        self.strangers: list[str] = []

    @property
    def doubt(self) -> str:
        return self.closure.doubt

    def digest(self) -> str:
        """SHA-256 in hex of the list of files and of the content of each that was read."""
        hashed = hashlib.sha256(json.dumps(sorted(self.program.spans.items())).encode())
        for name in sorted(self.closure.read):
            for piece in self.program.pieces(name):
                hashed.update(piece)
        return hashed.hexdigest()

    def packages(self) -> list[tuple[str, str]]:
        """The names and versions of what is installed; `strangers` came from elsewhere.

        Raises: Rejected where one cannot be told.
        """
        found = []
        self.strangers = []
        for path in self.program.spans:
            if self.program.is_own(path):
                continue
            folder = path.rpartition("/")[0]
            if path.endswith(".egg-link") or f"{folder}/direct_url.json" == path:
                self.strangers.append(path)
            elif f"{folder}/direct_url.json" in self.program.spans:
                pass  # an advisory on a package of that name may speak of something else
            elif path.endswith((".dist-info/METADATA", ".egg-info/PKG-INFO")):
                text = self.program.content(path, _PIECE).decode("utf-8", "replace")
                name = re.sub(r"[-_.]+", "-", _header(text, "Name")).lower()
                found.append((name, _header(text, "Version")))
        return found

    def why_reached(self, ids: frozenset[str], package: str, version: str) -> str:
        """Why code of a vulnerability may run, or is not known; empty if it never does."""
        code = symbols(ids, package, version, self._packs)
        if not code:
            return "4: no symbol pack says in which code of this version it lies"
        return next(filter(None, (self._why(*one) for one in code)), "")

    def _why(self, module: str, function: str) -> str:
        files = self.closure.modules.files.get(module, [])
        if len(files) != 1:
            return f"4: {module} is {'there twice' if files else 'not installed'}"
        if function and not self._has(files[0], module, function):
            return f"4: there is no {function} in {files[0]}"
        if not self.closure.imports(module):
            return ""
        by = self._way(module)
        if not function:
            return f"5: {module} may be imported by {by}"
        if self.closure.free:
            return f"5: {module} may be imported by {by}, and {self.closure.free}"
        if self.closure.functions(module, function):
            return f"5: {module} may be imported by {by}, and {function} of it be called"
        return ""

    def _way(self, module: str) -> str:
        """The lines that import one another on the way to a module, the project's last."""
        ways: list[str] = []
        while by := self.closure.importers.get(module):
            if by in ways or len(ways) == _WAY_MOST:
                break
            ways.append(by)
            path = by.rpartition(", line ")[0]
            if self.program.is_own(path) or path not in self.closure.files:
                break
            module = self.closure.files[path].module
        short = (one.removeprefix(self.program.site) for one in ways)
        return ", imported by ".join(short) or "the project"

    def _has(self, path: str, module: str, function: str) -> bool:
        if not path.endswith(".py"):
            return False
        file = units_of(path, self.program.content(path), module, False)
        cls, _, name = function.rpartition(".")
        own = any(unit.name == name and unit.cls == cls for unit in file.units)
        return own or function in file.classes


def _demand_shape(facts: Any) -> None:
    if not isinstance(facts, dict) or set(facts) != _KEYS:
        raise Rejected("0: not the facts of such a certificate")
    for key in ("entries", "all"):
        found = facts[key]
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise Rejected("0: not the facts of such a certificate")
        if len(set(found)) != len(found):
            raise Rejected("0: a vulnerability stands twice")


def _affecting(
    advisories: Advisories, installed: set[tuple[str, str]]
) -> Iterator[tuple[str, str, str, frozenset[str]]]:
    """Each record that affects an installed package, or may: its id, the package, all its ids."""
    versions: dict[str, list[str]] = {}
    for name, version in sorted(installed):
        versions.setdefault(name, []).append(version)
    for line in _lines(advisories.records):
        name = _package(line)
        for version in versions.get(name, ()):
            said = record_of(line)
            if affects(said, "PyPI", name, version) is not False:
                yield _id(said), name, version, _ids(said)


def _package(line: bytes) -> str:
    try:
        ecosystem, name, *_ = json.loads(line)
    except (ValueError, TypeError, RecursionError) as exc:
        raise Rejected("6: a line of the advisories is none") from exc
    return re.sub(r"[-_.]+", "-", str(name)).lower() if ecosystem == "PyPI" else ""


def _id(record: Any) -> str:
    return str(record.get("id", "")) if isinstance(record, dict) else "a record that cannot be read"


def _ids(record: Any) -> frozenset[str]:
    aliases = record.get("aliases") if isinstance(record, dict) else None
    told = aliases if isinstance(aliases, list) else []
    return frozenset({_id(record), *(one for one in told if isinstance(one, str))})


def _lines(records: Read) -> Iterator[bytes]:
    at, rest = 0, b""
    while piece := records(at, _PIECE):
        at += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        raise Rejected("6: the advisories break off")


def _header(text: str, name: str) -> str:
    headers = text.replace("\r\n", "\n").partition("\n\n")[0]
    found = re.findall(rf"^{name}[ \t]*:(.*)$", headers, re.M | re.I)
    if len(found) != 1:
        raise Rejected(f"3: not one {name} in the metadata of a distribution")
    return str(found[0].strip())

"""Reads again what the lock files of pnpm and Yarn name, as npm's packages.

Each package has one version and comes from npm's registry, by an address that is the one of its
own name and version; and every dependency that the file names is one of its packages. A package
from elsewhere, one that brings others inside of it, a patch other than those that Yarn makes by
itself, and every field that decides what is installed and is not known here are Rejected. The
project itself is left out.

Sources: pnpm.io and pnpm `lockfile/types`, `dependency-path`; yarn 1 `src/lockfile/parse.js`,
`stringify.js`; yarnpkg.com, "Lockfile", and berry `structUtils.ts`, `parsers/sources/syml.ts`.
"""

import re
from collections.abc import Iterator
from typing import Any

from probatum.check.plain_yaml import mapping
from probatum.errors import Rejected

Named = tuple[str, str, str]

_NAME = r"(?:@[a-z0-9~-][\w.~-]*/)?[A-Za-z0-9~-][\w.~-]*"
_VERSION = r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_REGISTRY = re.compile(r"https://registry\.(?:npmjs\.org|yarnpkg\.com)/(.*)", re.A)
_PNPM_TOP = frozenset(
    {"lockfileVersion", "settings", "importers", "packages", "snapshots", "overrides", "catalogs",
     "dependencies", "devDependencies", "optionalDependencies", "specifiers", "time",
     "packageExtensionsChecksum", "pnpmfileChecksum", "ignoredOptionalDependencies"}
)  # fmt: skip
_PNPM_KEYS = {
    "5": re.compile(rf"/({_NAME})/({_VERSION})(?:_[^()]*)?", re.A),
    "6": re.compile(rf"/({_NAME})@({_VERSION})(?:\(.*\))?", re.A),
    "9": re.compile(rf"({_NAME})@({_VERSION})(?:\(.*\))?", re.A),
}
_PNPM_VERSION = re.compile(rf"({_VERSION})(?:_[^()]*|\(.*\))?", re.A)
_PNPM_PACKAGE = frozenset(
    {"resolution", "engines", "cpu", "os", "libc", "deprecated", "hasBin", "peerDependencies",
     "peerDependenciesMeta", "dependencies", "optionalDependencies", "transitivePeerDependencies",
     "dev", "optional", "requiresBuild"}
)  # fmt: skip
_PNPM_ASKS = ("dependencies", "devDependencies", "optionalDependencies")
_WORD = r"\"[^\"\\]+\"|[A-Za-z0-9^~*][^\s:\\\",\[\]]*"
_CLASSIC_LINE = re.compile(
    r"(?P<keys>[^ #].*):"
    rf"|  (?P<field>version|resolved|integrity|name) (?P<said>{_WORD})"
    r"|  (?P<block>dependencies|optionalDependencies):"
    rf"|    (?P<needs>{_WORD}) (?P<range>{_WORD})",
    re.A,
)
_BERRY_ENTRY = frozenset(
    {"version", "resolution", "dependencies", "peerDependencies", "dependenciesMeta",
     "peerDependenciesMeta", "optionalDependencies", "bin", "checksum", "languageName", "linkType",
     "conditions"}
)  # fmt: skip
_BERRY_LOCATOR = re.compile(rf"({_NAME})@npm:({_VERSION})", re.A)
_BERRY_PATCH = re.compile(
    rf"({_NAME})@patch:\1@npm%3A({_VERSION})#(?:optional!|~)?builtin<compat/\w+>"
    r"(?:::[\w=.&-]+)?",
    re.A,
)  # of a few packages, which Yarn changes so that it can run them


def pnpm(text: str) -> Iterator[Named]:
    """`pnpm-lock.yaml` of the versions 5, 6 and 9."""
    lock = mapping(text)
    form = _PNPM_KEYS[_text(lock["lockfileVersion"]).partition(".")[0]]
    _demand(set(lock) <= _PNPM_TOP, "the lock file")
    packages = {key: _table(one) for key, one in _table(lock.get("packages")).items()}
    known = [form.fullmatch(key) for key in packages]
    for found, (key, package) in zip(known, packages.items(), strict=True):
        if found is None or not set(package) <= _PNPM_PACKAGE:
            raise _unknown(key)
        resolution = package["resolution"]
        _demand(set(resolution) <= {"integrity", "tarball"} and "integrity" in resolution, key)
        _demand("tarball" not in resolution or _is_own(resolution["tarball"], *found.groups()), key)
        yield "npm", found[1], found[2]
    own = {found.groups() for found in known if found is not None}
    for one in _pnpm_tables(lock, form, own):
        for section in _PNPM_ASKS:
            for name, said in _table(one.get(section)).items():
                wanted = _text(said["version"] if isinstance(said, dict) else said)
                plain = _PNPM_VERSION.fullmatch(wanted)
                aliased = form.fullmatch(wanted)
                asked = (name, plain[1]) if plain else aliased.groups() if aliased else None
                _demand(asked in own, f"{name} {wanted}")


def _pnpm_tables(
    lock: dict[str, Any], form: re.Pattern[str], own: set[Any]
) -> Iterator[dict[str, Any]]:
    """Each table that says what is asked for."""
    yield lock
    yield from map(_table, _table(lock.get("packages")).values())
    for folder, one in _table(lock.get("importers")).items():
        _demand(set(_table(one)) <= {*_PNPM_ASKS, "specifiers", "dependenciesMeta"}, folder)
        yield _table(one)
    for key, one in _table(lock.get("snapshots")).items():
        found = form.fullmatch(key)
        _demand(found is not None and found.groups() in own, key)
        _demand("resolution" not in _table(one), key)
        yield _table(one)


def yarn(text: str) -> Iterator[Named]:
    """`yarn.lock` of Yarn 1, or of those after it, by its first lines."""
    text = text.replace("\r\n", "\n")
    of_classic = re.match(r"(?:#.*\n)*?#\s+yarn\s+lockfile\s+v1\n", text, re.I)
    return _classic(text) if of_classic is not None else _berry(text)


def _classic(text: str) -> Iterator[Named]:
    known: set[str] = set()
    needed: set[str] = set()
    for patterns, fields, needs in _blocks(text):
        found = _REGISTRY.fullmatch(fields["resolved"].partition("#")[0])
        package = re.fullmatch(rf"({_NAME})/-/.*", found[1] if found else "", re.A)
        if package is None:
            raise _unknown(patterns[0])
        name, version = package[1], fields["version"]
        _demand(_is_own(fields["resolved"].partition("#")[0], name, version), patterns[0])
        _demand(re.fullmatch(_VERSION, version, re.A) and not known & set(patterns), patterns[0])
        _demand(fields.get("name", name) in {name, *(_asked_as(one) for one in patterns)}, name)
        for one in patterns:
            aliased = re.fullmatch(rf"{_NAME}@npm:({_NAME})(?:@.*)?", one, re.A)
            _demand((aliased[1] if aliased else _asked_as(one)) == name, one)
        known.update(patterns)
        needed.update(needs)
        yield "npm", name, version
    _demand(needed <= known, next(iter(needed - known), ""))


def _asked_as(pattern: str) -> str:
    found = re.fullmatch(rf"({_NAME})(?:@.*)?", pattern, re.A)
    return found[1] if found is not None else ""


def _blocks(text: str) -> Iterator[tuple[list[str], dict[str, str], list[str]]]:
    """The patterns, the fields and the dependencies of each entry of Yarn 1."""
    patterns: list[str] = []
    fields: dict[str, str] = {}
    needs: list[str] = []
    in_block = False
    for line in text.split("\n"):
        found = _CLASSIC_LINE.fullmatch(line)
        if not line or line.startswith("#"):  # the entry is at its end for Yarn
            if patterns:
                yield patterns, fields, needs
            patterns = []
            continue
        if found is None or (found["keys"] is None and not patterns):
            raise Rejected(f"2: no line of such a file: {line[:80]!r}")
        if found["keys"] is not None:
            if patterns:
                yield patterns, fields, needs
            patterns, fields, needs, in_block = _patterns(found["keys"]), {}, [], False
        elif found["field"] is not None:
            _demand(found["field"] not in fields and not in_block, found["field"])
            fields[found["field"]] = found["said"].strip('"')
        elif found["block"] is not None:
            in_block = True
        else:
            _demand(in_block, line)
            needs.append(f"{found['needs'].strip(chr(34))}@{found['range'].strip(chr(34))}")
    if patterns:
        yield patterns, fields, needs


def _patterns(keys: str) -> list[str]:
    found = keys.split(", ")
    _demand(all(re.fullmatch(_WORD, one, re.A) for one in found), keys)
    return [one.strip('"') for one in found]


def _berry(text: str) -> Iterator[Named]:
    lock = mapping(text)
    _demand(set(lock.pop("__metadata")) <= {"version", "cacheKey"}, "the lock file")
    known = {each for key in lock for each in key.split(", ")}
    _demand(len(known) == sum(key.count(", ") + 1 for key in lock), "the lock file")
    for key, entry in lock.items():
        resolution = _text(entry["resolution"])
        _demand(set(entry) <= _BERRY_ENTRY, key)
        for section in ("dependencies", "optionalDependencies"):
            for name, wanted in _table(entry.get(section)).items():
                _demand({f"{name}@{wanted}", f"{name}@npm:{wanted}"} & known, f"{key}: {name}")
        if re.fullmatch(rf"{_NAME}@workspace:\.", resolution, re.A) and entry["linkType"] == "soft":
            continue
        found = _BERRY_LOCATOR.fullmatch(resolution) or _BERRY_PATCH.fullmatch(resolution)
        if found is None or entry["version"] != found[2]:
            raise _unknown(key)
        _demand(entry["linkType"] == "hard" and entry["languageName"] == "node", key)
        yield "npm", found[1], found[2]


def _is_own(address: Any, name: str, version: str) -> bool:
    """Whether an address is the one that the registry has this version of a package at."""
    found = _REGISTRY.fullmatch(_text(address))
    return found is not None and found[1] == f"{name}/-/{name.rpartition('/')[2]}-{version}.tgz"


def _table(said: Any) -> dict[str, Any]:
    if said is not None and not isinstance(said, dict):
        raise Rejected("2: a mapping is expected")
    return said or {}


def _text(said: Any) -> str:
    if not isinstance(said, str) or not said:
        raise Rejected("2: a text is expected")
    return said


def _demand(holds: object, what: str) -> None:
    if not holds:
        raise _unknown(what)


def _unknown(what: str) -> Rejected:
    return Rejected(f"2: not only from the registry, or not known here: {what[:80]}")

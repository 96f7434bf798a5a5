"""Reads `yarn.lock`, of Yarn 1 and of those after it.

Sources: classic.yarnpkg.com, "yarn.lock"; yarn v1 `src/lockfile/parse.js`; yarnpkg.com,
"Lockfile", and berry `packages/yarnpkg-core/sources/structUtils.ts` (locators).
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from probatum.components import Inventory
from probatum.errors import FormatError
from probatum.formats import yaml_nodes
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Entry, Mapping, entries, text
from probatum.formats.yaml_nodes import Spots
from probatum.inventory.npm import component, elsewhere, hashes_of, is_name
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_BERRY = re.compile(rb"(?m)^__metadata:")
_FIELD = re.compile(r"  (version|resolved|integrity)[ \t]+\"?([^\"\s]+)\"?[ \t]*\Z")
_PATTERN = re.compile(r"(?P<name>(?:@[^@/]+/)?[^@/]+)@(?:npm:(?P<real>(?:@[^@/]+/)?[^@/]+)@)?")
_LOCATOR = re.compile(r"(?P<name>(?:@[^@/]+/)?[^@/]+)@(?P<protocol>[\w+.-]+):(?P<rest>.*)\Z", re.S)
# Of a few packages that Yarn itself changes so that it can run them.
_BUILTIN = re.compile(
    r"(?P<name>(?:@[^@/]+/)?[^@/]+)@npm%3A(?P<version>[^#]+)#(?:optional!|~)?builtin<[^>]*>(?:::|\Z)"
)


class _Block(Struct):
    """One entry of Yarn 1: its first pattern, and what stands below it."""

    pattern: str
    place: Place
    fields: dict[str, str] = {}


def read(name: str, material: Material) -> Inventory:
    """Raises: FormatError."""
    data = whole(material)
    told = Told()
    if _BERRY.search(data):
        for root in yaml_nodes.documents(data):
            for one in entries(root):
                if one.key.text != "__metadata":
                    _berry(one, told)
    else:
        for block in _blocks(utf8(data), told):
            _classic(block, told)
    return told.inventory(resolved=True)


def _blocks(source: str, told: Told) -> Iterator[_Block]:
    spots, at = Spots(source), 0
    block: _Block | None = None
    for line in source.split("\n"):
        bare = line.rstrip("\r")
        place = spots.place(at)
        at += len(line) + 1
        if not bare.strip() or bare.lstrip().startswith("#"):
            if block is not None:
                yield block
            block = None
            continue
        if not bare.startswith((" ", "\t")):
            if block is not None:
                yield block
            if not bare.endswith(":"):
                raise FormatError(Reason.MALFORMED, "an entry of yarn.lock is expected", place)
            block = _Block(bare[:-1].partition(",")[0].strip().strip('"'), place)
        elif block is None:
            told.miss(place, f"the entry that it belongs to is at its end for Yarn: {bare[:100]}")
        else:
            field = _FIELD.match(bare)
            if field is not None and block.fields.setdefault(field[1], field[2]) != field[2]:
                told.miss(place, f"a second {field[1]} of {block.pattern[:100]}")
    if block is not None:
        yield block


def _classic(block: _Block, told: Told) -> None:
    found = _PATTERN.match(block.pattern[:1000])
    name = (found["real"] or found["name"]) if found is not None else block.pattern
    version = block.fields.get("version", "")
    if not is_name(name) or not version:
        told.miss(block.place, f"no package of Yarn: {block.pattern[:120]!r}")
        return
    resolved = block.fields.get("resolved")
    sha1 = (resolved or "").rpartition("#")[2]
    source = elsewhere(resolved) if resolved is not None else _local(block.pattern)
    hashes = hashes_of(block.fields.get("integrity"))
    if not source and re.fullmatch(r"[0-9a-f]{40}", sha1):
        hashes = (*hashes, f"sha1:{sha1}")
    told.add(component(name, version, block.place, source=source, hashes=hashes))


def _local(pattern: str) -> str:
    """The folder of a pattern that names one: `a@file:./a`."""
    wanted = pattern.rpartition("@")[2]
    return wanted if wanted.startswith(("file:", "link:", "portal:", ".", "/")) else ""


def _berry(one: Entry, told: Told) -> None:
    """A package by what it resolves to: `a@npm:1.0.0`, `a@workspace:packages/a`."""
    table = one.value if isinstance(one.value, Mapping) else None
    found = None
    if table is not None:
        found = _LOCATOR.match((text(table.get("resolution")) or "")[:2000])
    if table is None or found is None or not is_name(found["name"]):
        told.miss(one.key.place, f"no package of Yarn: {one.key.text[:120]!r}")
        return
    protocol, rest = found["protocol"], found["rest"]
    given = text(table.get("version")) or ""
    builtin = _BUILTIN.match(rest) if protocol == "patch" else None
    if protocol == "npm" or (builtin is not None and builtin["name"] == found["name"]):
        # What is fetched is what it resolves to; the version beside it is said once more.
        version = (builtin["version"] if builtin else rest).partition("::")[0]
        source = rest if "__archiveUrl=" in rest else ""
        if given != version:
            told.miss(one.key.place, f"{found['name']} {version}, which calls itself {given!r}")
    else:
        version, source = given, "." if rest == "." else f"{protocol}:{rest}"
    checksum = (text(table.get("checksum")) or "").rpartition("/")[2]
    hashes = (f"sha512:{checksum}",) if re.fullmatch(r"[0-9a-f]{128}", checksum) else ()
    place = one.key.place
    told.add(component(found["name"], version, place, source=source, hashes=hashes))

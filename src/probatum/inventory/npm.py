"""Reads the lock files of npm and pnpm.

A package under another name (`alias@npm:real@1.0`) is told by its own. A package that is not from
npm's registry (or Yarn's mirror of it) has its source told; a folder of the same repository has
its path.

Sources: docs.npmjs.com, "package-lock.json"; pnpm.io and pnpm `lockfile/types`, `dependency-path`;
W3C Subresource Integrity.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from msgspec.structs import replace

from probatum.components import Component, Inventory
from probatum.errors import FormatError
from probatum.formats import json_nodes, yaml_nodes
from probatum.formats.nodes import Entry, Mapping, Node, boolean, entries, text
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_REGISTRY = re.compile(r"https?://registry\.(?:npmjs\.org|yarnpkg\.com)/")
_NAME = re.compile(r"(?:@[\w.~!*'()-]+/)?[\w.~!*'()-]+", re.ASCII)
_VERSION = re.compile(r"\d[\w.+-]*", re.ASCII)
_ALIAS = re.compile(r"npm:(?P<name>(?:@[^@/]+/)?[^@/]+)@(?P<version>.+)")
_PNPM = re.compile(r"/?(?P<name>(?:@[^@/()]+/)?[^@/()]+)[@/](?P<version>[^()]+?)(?:\(.*)?\Z")
_GROUPS = ("dev", "optional", "devOptional", "peer")


def lock(name: str, material: Material) -> Inventory:
    """`package-lock.json` of every version. Raises: FormatError."""
    data = whole(material)
    root = json_nodes.document(data)
    if all(sign * 7 in data for sign in (b"<", b"=", b">")):
        says = "npm takes the file for two versions that are to be merged"
        raise FormatError(Reason.PARSER_DIFFERENTIAL, says)
    told = Told()
    packages = root.get("packages") if isinstance(root, Mapping) else None
    if isinstance(packages, Mapping):
        folders = {one.key.text: _called(one) for one in packages.entries}
        for one in packages.entries:
            if one.key.text:
                _folder(one, told, folders)
    elif isinstance(root, Mapping) and packages is None:
        for one in _nested(root.get("dependencies")):
            _dependency(one, told)
    else:
        raise FormatError(Reason.MALFORMED, "an object of packages is expected", root.place)
    return told.inventory(resolved=True)


def pnpm(name: str, material: Material) -> Inventory:
    """`pnpm-lock.yaml`. Raises: FormatError."""
    told = Told()
    for root in yaml_nodes.documents(whole(material)):
        if not isinstance(root, Mapping):
            raise FormatError(Reason.MALFORMED, "a mapping is expected", root.place)
        for one in entries(root.get("packages")):
            _of_pnpm(one, told)
        for project in (root, *(one.value for one in entries(root.get("importers")))):
            _linked(project, told)
    return told.inventory(resolved=True)


def component(
    name: str,
    version: str,
    place: Place,
    *,
    source: str = "",
    hashes: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
) -> Component:
    """A package of npm; what stands where its version should, but is none, is what is wanted."""
    is_one = _VERSION.fullmatch(version) is not None
    return Component(
        ecosystem="npm",
        name=name,
        version=version if is_one else "",
        place=place,
        wanted="" if is_one else version,
        hashes=hashes,
        source=source or ("" if is_one else version),
        groups=groups,
    )


def is_name(said: str) -> bool:
    """Whether npm could have a package of this name."""
    return len(said) <= 300 and _NAME.fullmatch(said) is not None


def hashes_of(integrity: str | None) -> tuple[str, ...]:
    """The digests of a Subresource Integrity text, in hex."""
    found = []
    for one in (integrity or "").split():
        algorithm, _, digest = one.partition("-")
        try:
            found.append(f"{algorithm}:{base64.b64decode(digest, validate=True).hex()}")
        except (binascii.Error, ValueError):
            continue
    return tuple(found)


def elsewhere(resolved: str | None) -> str:
    """An address that is not the registry's; empty for one that is."""
    return "" if resolved is None or _REGISTRY.match(resolved) else resolved


Folders = dict[str, tuple[str, str]]
"""The name and version of the package in each folder."""


def _called(one: Entry) -> tuple[str, str]:
    table = one.value if isinstance(one.value, Mapping) else None
    name = text(table.get("name")) if table is not None else None
    version = text(table.get("version")) if table is not None else None
    return name or one.key.text.rpartition("node_modules/")[2], version or ""


def _needs(table: Mapping, path: str, folders: Folders) -> Iterator[tuple[str, str]]:
    """What Node finds from a folder: in its own `node_modules`, or in those above it."""
    for section in ("dependencies", "optionalDependencies", "peerDependencies"):
        for one in entries(table.get(section)):
            at = f"{path}/"
            while f"{at}node_modules/{one.key.text}" not in folders and at:
                at = at[: at.rstrip("/").rfind("/") + 1] if at != "/" else ""
            found = folders.get(f"{at}node_modules/{one.key.text}")
            if found is not None:
                yield found


def _folder(one: Entry, told: Told, folders: Folders) -> None:
    """A package by the folder that it is put into."""
    table, path = one.value, one.key.text
    if not isinstance(table, Mapping):
        told.miss(one.key.place, "a package is expected here")
        return
    if boolean(table.get("link")):
        return  # to a folder that has an entry of its own
    inside = "node_modules/" in path
    own = table.get("name")
    name = text(own) or path.rpartition("node_modules/" if inside else "/")[2]
    place = own.place if own is not None else one.key.place
    source = elsewhere(text(table.get("resolved"))) if inside else path
    needs = tuple(_needs(table, path, folders))
    _tell(name, text(table.get("version")) or "", place, source, table, told, needs)


def _nested(dependencies: Node | None) -> Iterator[Entry]:
    """Every entry of a lock file of version 1, those within others too."""
    stack = list(reversed(entries(dependencies)))
    while stack:
        one = stack.pop()
        yield one
        if isinstance(one.value, Mapping):
            stack += reversed(entries(one.value.get("dependencies")))


def _dependency(one: Entry, told: Told) -> None:
    table = one.value
    if not isinstance(table, Mapping):
        told.miss(one.key.place, "a package is expected here")
        return
    name, version = one.key.text, text(table.get("version")) or ""
    alias = _ALIAS.fullmatch(version)
    if alias is not None:
        name, version = alias["name"], alias["version"]
    source = elsewhere(text(table.get("resolved")))
    _tell(name, version, one.key.place, source, table, told)


def _tell(
    name: str,
    version: str,
    place: Place,
    source: str,
    table: Mapping,
    told: Told,
    needs: tuple[tuple[str, str], ...] = (),
) -> None:
    if not is_name(name):
        told.miss(place, f"no name of a package: {name[:120]!r}")
        return
    groups = tuple(key for key in _GROUPS if boolean(table.get(key)))
    hashes = hashes_of(text(table.get("integrity")))
    found = component(name, version, place, source=source, hashes=hashes, groups=groups)
    told.add(replace(found, needs=needs) if needs else found)


def _of_pnpm(one: Entry, told: Told) -> None:
    """A package by its path: `/a/1.0.0_b@2`, `/a@1.0.0(b@2)`, `a@1.0.0`, or its source."""
    table = one.value if isinstance(one.value, Mapping) else None
    found = _PNPM.match(one.key.text[:2000])
    name = (text(table.get("name")) if table is not None else None) or (found and found["name"])
    if table is None or not name or not is_name(name):
        told.miss(one.key.place, f"no package of pnpm: {one.key.text[:120]!r}")
        return
    said = found["version"].partition("_")[0] if found is not None else ""
    given = text(table.get("version"))
    resolution = table.get("resolution")
    source = _pnpm_source(resolution) if isinstance(resolution, Mapping) else ""
    if not source and (given is not None or not _VERSION.fullmatch(said)):
        source = one.key.text
    told.add(
        component(
            name,
            given or said,
            one.key.place,
            source=source,
            hashes=hashes_of(text(resolution.get("integrity")))
            if isinstance(resolution, Mapping)
            else (),
            groups=tuple(key for key in _GROUPS if boolean(table.get(key))),
        )
    )


def _linked(project: Node, told: Told) -> None:
    """The folders that a project takes packages from, which have no entry of their own."""
    for section in ("dependencies", "devDependencies", "optionalDependencies"):
        for one in entries(project.get(section) if isinstance(project, Mapping) else None):
            table = one.value if isinstance(one.value, Mapping) else None
            said = text(table.get("version") if table is not None else one.value) or ""
            if said.startswith("link:") and is_name(one.key.text):
                told.add(component(one.key.text, "", one.key.place, source=said))


def _pnpm_source(resolution: Mapping) -> str:
    for key in ("tarball", "repo", "directory"):
        said = text(resolution.get(key))
        if said:
            commit = text(resolution.get("commit")) if key == "repo" else None
            return elsewhere(f"{said}@{commit}" if commit else said)
    return ""

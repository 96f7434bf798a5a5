"""Reads what Debian's and Alpine's package managers have installed.

Advisories on both are about source packages, so a component is called by that, in the source's
version. The release of the distribution is told by its `os-release` where that lies in the target,
and otherwise by the list itself: `base-files` of Debian and `alpine-release` of Alpine have the
release's number in their version, and an update of a stable Debian its own (`+deb12u1`).

Sources: dpkg(1), deb-control(5), deb822(5), Debian policy 5.6.1; wiki.alpinelinux.org, "Apk
spec"; os-release(5); the OSV schema, "Defined ecosystems"; distroless `examples` (status.d).
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from probatum.components import Component, Inventory
from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.yaml_nodes import Spots
from probatum.inventory.told import Told, whole
from probatum.ports import Material, Neighbourly

_DEBIAN = re.compile(r"(?m)^(?:(Package|Version|Source|Status):[ \t]*([^\r\n]*)|[ \t\r]*$)")
_ALPINE = re.compile(r"(?m)^(?:([PVo]):([^\r\n]*)|[ \t\r]*$)")
_SOURCE = re.compile(r"(\S+)(?:[ \t]+\((\S+)\))?[ \t]*\Z")
_UPDATE = re.compile(r"[+~]deb(\d+)u\d+")
_RELEASE = re.compile(r"(?m)^(ID|VERSION_ID)=[\"']?([\w.]*)[\"']?[ \t\r]*$")
_OS_RELEASE = ("etc/os-release", "usr/lib/os-release")
_ECOSYSTEMS = {"debian": "Debian", "ubuntu": "Ubuntu", "alpine": "Alpine"}


class _Value(Struct, frozen=True):
    """What one field of a package says, and where that begins."""

    text: str
    at: int


_Package = dict[str, _Value]


def debian(name: str, material: Material) -> Inventory:
    """`var/lib/dpkg/status`, or a file of `status.d`. Raises: FormatError."""
    source = utf8(whole(material))
    packages = [one for one in _packages(_DEBIAN, source) if _is_installed(one)]
    release = _named_release(name, material) or _debian_release(packages)
    return _told(source, packages, "Debian", release, ("Package", "Version", "Source"))


def alpine(name: str, material: Material) -> Inventory:
    """`lib/apk/db/installed`. Raises: FormatError."""
    source = utf8(whole(material))
    packages = list(_packages(_ALPINE, source))
    release = _named_release(name, material) or _alpine_release(packages)
    return _told(source, packages, "Alpine", release, ("P", "V", "o"))


def _packages(fields: re.Pattern[str], source: str) -> Iterator[_Package]:
    """The paragraphs; the first of two fields of one name counts, and none is a package."""
    package: _Package = {}
    for found in fields.finditer(source):
        if found[1] is not None:
            package.setdefault(found[1], _Value(found[2].strip(), found.start(2)))
        elif package:
            yield package
            package = {}
    if package:
        yield package


def _is_installed(package: _Package) -> bool:
    """What was removed, and has left its settings, is not; distroless says nothing of it."""
    status = package.get("Status")
    return status is None or status.text.split()[-1:] not in (["config-files"], ["not-installed"])


def _told(
    source: str, packages: list[_Package], usual: str, release: str, keys: tuple[str, str, str]
) -> Inventory:
    place = Spots(source).place
    told = Told()
    binary, version, origin = keys
    ecosystem = release or usual
    for package in packages:
        said = package.get(binary)
        first = next(iter(package.values()))
        if said is None or not said.text or version not in package:
            told.miss(place(first.at), "a package without a name or a version")
            continue
        own, at = package[version].text, said.at
        called = said.text
        source_of = _SOURCE.match(package[origin].text) if origin in package else None
        if source_of is not None:
            called, at = source_of[1], package[origin].at
            own = source_of[2] or own
        update = _UPDATE.search(own) if ecosystem == "Debian" else None
        told.add(
            Component(
                ecosystem=f"Debian:{update[1]}" if update is not None else ecosystem,
                name=called,
                version=own,
                place=place(at),
            )
        )
    for one in told.components:
        if ":" not in one.ecosystem:
            told.miss(one.place, f"of which release of {usual} this is, is not said")
            break
    return told.inventory(resolved=True)


def _debian_release(packages: list[_Package]) -> str:
    """By `base-files`, the first number of whose version is the release's."""
    for one in packages:
        if "Package" in one and one["Package"].text == "base-files" and "Version" in one:
            found = re.match(r"(\d+)(?:[.+~][^ ]*)?\Z", one["Version"].text)
            return f"Debian:{found[1]}" if found and "ubuntu" not in found[0] else ""
    return ""


def _alpine_release(packages: list[_Package]) -> str:
    for one in packages:
        if "P" in one and one["P"].text in ("alpine-release", "alpine-base") and "V" in one:
            found = re.match(r"(\d+\.\d+)\.\d", one["V"].text)
            if found is not None:
                return f"Alpine:v{found[1]}"
    return ""


def _named_release(name: str, material: Material) -> str:
    """By the `os-release` of the same root, if that can be read."""
    if not isinstance(material, Neighbourly):
        return ""
    deep = len(_below_root(name))
    for path in _OS_RELEASE:
        try:
            text = material.neighbour("../" * deep + path).decode("utf-8", "replace")
        except FormatError:
            continue
        said = dict(_RELEASE.findall(text[: 1 << 16]))
        ecosystem = _ECOSYSTEMS.get(said.get("ID", ""))
        number = said.get("VERSION_ID", "")
        if ecosystem == "Alpine":
            number = "v" + ".".join(number.split(".")[:2]) if number else ""
        return f"{ecosystem}:{number}" if ecosystem and number else ""
    return ""


def _below_root(name: str) -> list[str]:
    """The folders between the root of a system and a list of its packages."""
    folders = name.rpartition("!/")[2].split("/")[:-1]
    for known in ("var/lib/dpkg/status.d", "var/lib/dpkg", "usr/lib/apk/db", "lib/apk/db"):
        parts = known.split("/")
        if folders[-len(parts) :] == parts:
            return parts
    return []

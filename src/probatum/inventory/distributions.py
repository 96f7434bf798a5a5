"""Reads the metadata of Python distributions: one file of it, or all of an environment.

The name and the version are those of the headers, which the folder of the metadata repeats in its
own name; where the two disagree, tools that go by one or the other see different distributions.

Sources: packaging.python.org, "Core metadata specifications", "Recording installed projects",
"Direct URL Data Structure"; PEP 376 and 610; CPython Lib/importlib/metadata.
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from probatum.components import Component, Inventory, python_name
from probatum.errors import FormatError
from probatum.formats import strict_json
from probatum.formats.bounds import region
from probatum.formats.python_environment import KIND, distribution_of, is_metadata, is_paths
from probatum.formats.python_project import files, left_out
from probatum.inventory.requirement import is_name
from probatum.inventory.told import Told
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_MOST = 1 << 20
_HEADER = re.compile(r"(?:Name|Version)[ \t]*:", re.IGNORECASE)
_REQUIRES = re.compile(r"(?mi)^Requires-Dist[ \t]*:[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)([^\n]*)")
_OF_EXTRA = re.compile(r"\bextra\s*==|==\s*extra\b")
_FOLDER = re.compile(
    r"(?P<name>[^-]+)(?:-(?P<version>[^-]+))?(?:-py[\d.]+(?:-.+)?)?\.(?:dist-info|egg-info|egg)",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"[/\\~]|.*:|(?:.*[/\\])?\.\.")


def read(name: str, material: Material) -> Inventory:
    """One `METADATA` or `PKG-INFO`, `name` being its path. Raises: FormatError."""
    told = Told()
    _tell(region(material, 0, min(material.size, _MOST)), name, "", "", told)
    return told.inventory()


def environment(name: str, material: Material) -> Inventory:
    """All distributions of an environment. Raises: FormatError."""
    told = Told()
    for one in left_out(material, KIND):
        told.miss(Place(part=one.name), one.why)
    held: dict[str, dict[str, bytes]] = {}
    for path, data in files(material, KIND):
        held.setdefault(distribution_of(path) or path, {})[path] = data
    for distribution, own in held.items():
        source = _source(own.pop(f"{distribution}/direct_url.json", None), distribution, told)
        for path, data in own.items():
            if is_paths(path):
                _paths(path, data, told)
            elif is_metadata(path):
                _tell(data[:_MOST], path, path, source, told)
            else:
                _link(path, data, told)
    return told.inventory(resolved=True)


def with_needs(inventory: Inventory, material: Material) -> Inventory:
    """The same components of an environment, with what each requires; extras are left out.

    Raises: FormatError.
    """
    needs = {
        path: tuple(dict.fromkeys(_required(data[:_MOST])))
        for path, data in files(material, KIND)
        if is_metadata(path)
    }
    components = (
        replace(one, needs=needs.get(one.place.part or "", ())) for one in inventory.components
    )
    return replace(inventory, components=tuple(components))


def _required(data: bytes) -> Iterator[tuple[str, str]]:
    headers = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0].decode("utf-8", "replace")
    for found in _REQUIRES.finditer(headers):
        if not _OF_EXTRA.search(found[2]):
            yield python_name(found[1]), ""


def _tell(data: bytes, path: str, part: str, source: str, told: Told) -> None:
    """The distribution that the headers name, as a component."""
    headers = _headers(data.decode("utf-8", "replace"), part)
    for name in ("name", "version"):
        if len(headers.get(name, ())) > 1:
            told.miss(headers[name][1][1], f"a second {name}: readers differ on which one counts")
    name, place = headers.get("name", [("", Place(line=1, part=part or None))])[0]
    if not is_name(name):
        told.miss(place, "no name of a distribution stands in its metadata")
        return
    version = headers.get("version", [("", place)])[0][0]
    folder = (distribution_of(path) or "").rpartition("/")[2]
    if folder and not _agree(_FOLDER.fullmatch(folder), name, version):
        told.miss(place, f"{name} {version} calls itself {folder} in the name of its folder")
    told.add(
        Component(
            ecosystem="PyPI",
            name=python_name(name),
            version=version,
            place=place,
            source=source,
        )
    )


def _headers(text: str, part: str) -> dict[str, list[tuple[str, Place]]]:
    """The values of the headers that matter, with their places; an empty line ends the headers."""
    found: dict[str, list[tuple[str, Place]]] = {}
    offset = 0
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.removesuffix("\r")
        if not bare:
            break
        header = _HEADER.match(bare)
        if header is not None:
            value = bare[header.end() :]
            column = header.end() + len(value) - len(value.lstrip()) + 1
            at = None if part else offset + len(bare[: column - 1].encode())
            place = Place(offset=at, line=number, column=column, part=part or None)
            name = header[0].rstrip(": \t").lower()
            found.setdefault(name, []).append((value.strip(), place))
        offset += len(line.encode()) + 1
    return found


def _agree(folder: re.Match[str] | None, name: str, version: str) -> bool:
    def plain(text: str) -> str:
        return re.sub(r"[-_.+]+", "-", text).lower()

    if folder is None:
        return False
    said = folder["version"]
    return plain(folder["name"]) == plain(name) and (said is None or plain(said) == plain(version))


def _source(data: bytes | None, distribution: str, told: Told) -> str:
    """Where a distribution came from, if not from an index."""
    if data is None:
        return ""
    part = f"{distribution}/direct_url.json"
    try:
        value: Any = strict_json.parsed(data, "direct_url.json")
        if not isinstance(value, dict) or not isinstance(value.get("url"), str):
            raise FormatError(Reason.MALFORMED, "direct_url.json names no address")
    except FormatError as exc:
        told.miss(Place(part=part), exc.detail)
        return "an address that is not told"
    vcs = value.get("vcs_info")
    commit = vcs.get("commit_id") if isinstance(vcs, dict) else None
    at = f"@{commit}" if isinstance(commit, str) else ""
    return f"{value['url']}{at}"


def _link(path: str, data: bytes, told: Told) -> None:
    """A pointer to a folder, in which the distribution is developed."""
    name = path.rpartition("/")[2].removesuffix(".egg-link")
    place = Place(line=1, column=1, part=path)
    if not is_name(name):
        told.miss(place, "no name of a distribution")
        return
    target = data.decode("utf-8", "replace").split("\n")[0].strip()
    told.add(Component(ecosystem="PyPI", name=python_name(name), place=place, source=target or "?"))


def _paths(path: str, data: bytes, told: Told) -> None:
    """Folders of elsewhere that Python takes packages from, too; its code is no list of them."""
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#") or line.startswith(("import ", "import\t")):
            continue
        if _ELSEWHERE.match(bare):
            place = Place(line=number, part=path)
            told.miss(place, f"packages are taken from another folder too: {bare[:120]}")

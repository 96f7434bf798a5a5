"""Reads conda's `environment.yml`, `conda-lock.yml` and `pixi.lock`.

Packages of conda are told as conda's, with their channel; what pip installs beside them as PyPI's.
`name=1.2` allows 1.2.1 too, and is a range; `name==1.2` and `name=1.2=build` are pins.

Sources: docs.conda.io, "Managing environments", "Package match specifications";
conda.github.io/conda-lock (output format); pixi.sh, "The pixi.lock file".
"""

import re
from urllib.parse import unquote

from msgspec.structs import replace

from probatum.components import Component, Inventory, python_name
from probatum.errors import FormatError
from probatum.formats import yaml_nodes
from probatum.formats.nodes import Mapping, Node, Sequence, items, text
from probatum.inventory.requirement import by_address, is_name
from probatum.inventory.requirement import component as requirement
from probatum.inventory.requirements import including
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_SPEC = re.compile(
    r"(?:(?P<channel>[^\s:\[\]]+(?:://[^\s:\[\]]+)?)::)?(?P<name>[A-Za-z0-9_][\w.-]*)"
    r"(?P<rest>[ \t=<>!~|,.*+\w-]*)\Z",
    re.ASCII,
)
_PIN = re.compile(r"[ \t]*(?:==[ \t]*(?P<only>[\w.+!-]+)|=(?P<built>[\w.+!-]+)=[\w.*+-]+)[ \t]*\Z")
_SPACED = re.compile(r"[ \t]+(?P<only>\d[\w.+!]*)(?:[ \t]+[\w.*-]+)?[ \t]*\Z")
_FILE = re.compile(
    r"(?P<name>[A-Za-z0-9_][\w.-]*)-(?P<version>[^-/]+)-[^-/]+\.(?:conda|tar\.bz2)\Z"
)
_DIGESTS = ("sha256", "md5")


def environment(name: str, material: Material) -> Inventory:
    """`environment.yml`. Raises: FormatError."""
    told = Told()
    for node in items(_top(material, "dependencies")):
        if isinstance(node, Mapping):
            for one in node.entries:
                if one.key.text == "pip":
                    _pip(one.value, material, told)
                else:
                    told.miss(one.key.place, f"packages of {one.key.text[:60]}")
            continue
        found = matched(text(node) or "", node.place)
        if found is None:
            told.miss(node.place, f"no package of conda: {(text(node) or '')[:120]!r}")
        else:
            told.add(found)
    return told.inventory()


def lock(name: str, material: Material) -> Inventory:
    """`conda-lock.yml`. Raises: FormatError."""
    told = Told()
    for row in items(_top(material, "package")):
        name_node = row.get("name") if isinstance(row, Mapping) else None
        if not isinstance(row, Mapping) or name_node is None or not text(name_node):
            told.miss(row.place, "a package without a name")
            continue
        said = str(text(name_node))
        url, category = text(row.get("url")) or "", text(row.get("category"))
        hashes = tuple(
            f"{kind}:{text(row.get('hash', kind))}"
            for kind in _DIGESTS
            if text(row.get("hash", kind))
        )
        told.add(
            _component(
                said,
                text(row.get("version")) or "",
                name_node.place,
                url,
                is_conda=text(row.get("manager")) != "pip",
                hashes=hashes,
                groups=() if category in (None, "main") else (category,),
            )
        )
    return told.inventory(resolved=True)


def pixi(name: str, material: Material) -> Inventory:
    """`pixi.lock`. Raises: FormatError."""
    told = Told()
    for row in items(_top(material, "packages")):
        if isinstance(row, Mapping):
            _pixi(row, told)
        else:
            told.miss(row.place, "a package is expected here")
    return told.inventory(resolved=True)


def _top(material: Material, key: str) -> Node | None:
    """The list under a key of the first document."""
    for root in yaml_nodes.documents(whole(material))[:1]:
        found = root.get(key) if isinstance(root, Mapping) else None
        if found is not None and not isinstance(found, Sequence):
            raise FormatError(Reason.MALFORMED, f"a list of {key} is expected", found.place)
        if not isinstance(root, Mapping):
            raise FormatError(Reason.MALFORMED, "a mapping is expected", root.place)
        return found
    return None


def _pip(node: Node, material: Material, told: Told) -> None:
    """What pip is given: requirements, and the options of a requirements file."""
    if not isinstance(node, Sequence):
        told.miss(node.place, "a list of requirements is expected here")
    for one in items(node):
        said = text(one) or ""
        option = re.match(r"(?:-r|--requirement)[ \t=]*(\S+)\Z", said)
        found = requirement(said, one.place) or by_address(said, one.place)
        if option is not None:
            including(material, ((option[1], one.place),), told)
        elif found is not None:
            told.add(found)
        elif not re.match(r"--(?:extra-index-url|find-links|pre|trusted-host)\b", said):
            told.miss(one.place, f"no requirement: {said[:120]!r}")


def matched(spec: str, place: Place) -> Component | None:
    """The component of a match specification: `channel::name=1.2=build`."""
    found = _SPEC.match(spec.strip()) if len(spec) < 1000 else None
    if found is None or len(found["rest"].split()) > 2:
        return None
    rest = found["rest"]
    pin = _PIN.match(rest) or _SPACED.match(rest)
    version = (pin["only"] or pin.groupdict().get("built") or "") if pin is not None else ""
    return Component(
        ecosystem="conda",
        name=found["name"].lower(),
        version=version,
        place=place,
        wanted="" if version else rest.strip(),
        source=found["channel"] or "",
    )


def _pixi(row: Mapping, told: Told) -> None:
    """A package by its address, or by the fields of an older lock file."""
    kind = text(row.get("kind"))
    node = row.get("conda") or row.get("pypi") or row.get("url") or row.get("path")
    url, is_conda = text(node) or "", row.get("conda") is not None or kind == "conda"
    name_node = row.get("name")
    told_name, version = text(name_node) or "", text(row.get("version")) or ""
    file = _FILE.match(unquote(url.rpartition("/")[2])[-500:])
    if is_conda and file is not None:
        told_name, version = told_name or file["name"], version or file["version"]
    where = name_node if name_node is not None else node
    if where is None or not told_name:
        told.miss(row.place, f"a package without a name: {url[:120]}")
        return
    hashes = tuple(f"{one}:{text(row.get(one))}" for one in _DIGESTS if text(row.get(one)))
    told.add(_component(told_name, version, where.place, url, is_conda=is_conda, hashes=hashes))


def _component(
    name: str,
    version: str,
    place: Place,
    url: str,
    *,
    is_conda: bool,
    hashes: tuple[str, ...],
    groups: tuple[str, ...] = (),
) -> Component:
    ours = "conda" if is_conda else "PyPI"
    usual = url.startswith("https://files.pythonhosted.org/") or not url
    found = Component(
        ecosystem=ours,
        name=name.lower() if is_conda or not is_name(name) else python_name(name),
        version=version,
        place=place,
        hashes=hashes,
        groups=groups,
    )
    if is_conda:
        return replace(found, source=url.rpartition("/")[0])
    return found if usual else replace(found, source=url)

"""Reads what `setup.cfg` asks for: setuptools' requirements, before there was `pyproject.toml`.

Source: setuptools.pypa.io, "Configuring setuptools using setup.cfg files".
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from probatum.components import Inventory
from probatum.formats.bounds import utf8
from probatum.formats.yaml_nodes import Spots
from probatum.inventory.requirement import component
from probatum.inventory.requirements import including
from probatum.inventory.told import Told, whole
from probatum.ports import Material

_SECTION = re.compile(r"\[([^\]]*)\]")
_KEY = re.compile(r"([^\s=:#;\[][^=:]*?)[ \t]*[=:]")
_FILE = re.compile(r"file:\s*(.*)")
_ASKS = {"install_requires": "", "setup_requires": "build-system", "tests_require": "tests"}


class _Asked(Struct, frozen=True):
    """One line of a list of requirements, with the group that asks; one behind its key is alone."""

    text: str
    at: int
    group: str
    is_alone: bool


def read(name: str, material: Material) -> Inventory:
    """Raises: FormatError."""
    source = utf8(whole(material))
    place, told = Spots(source).place, Told()
    for one in _asked(source):
        at, file = place(one.at), _FILE.match(one.text)
        if file is not None:
            paths = (path.strip() for path in file[1].split(","))
            including(material, tuple((path, at) for path in paths if path), told)
            continue
        found = component(one.text, at, (one.group,) if one.group else ())
        if found is None or (one.is_alone and ";" in one.text):  # several, or one with a marker
            told.miss(at, f"not one requirement: {one.text[:120]}")
        else:
            told.add(found)
    return told.inventory()


def _asked(source: str) -> Iterator[_Asked]:
    section, group, at = "", None, 0
    for line in source.splitlines(keepends=True):
        bare = line.rstrip()
        start, at = at, at + len(line)
        heading, key = _SECTION.match(bare), _KEY.match(bare)
        if not bare or bare.lstrip().startswith(("#", ";")):
            continue
        if heading is not None:
            section, group = heading[1].strip(), None
            continue
        rest = bare
        if not bare[0].isspace():
            group = _group(section, key[1] if key is not None else "")
            rest = " " * key.end() + bare[key.end() :] if key is not None else ""
        if group is not None:
            said = rest.strip()
            if said:
                at_text = start + len(rest) - len(rest.lstrip())
                yield _Asked(said, at_text, group, is_alone=key is not None and bare[0] != " ")


def _group(section: str, key: str) -> str | None:
    """The group whose requirements stand under this key; None where none do."""
    if section == "options":
        return _ASKS.get(key.replace("-", "_"))
    return key if section == "options.extras_require" else None

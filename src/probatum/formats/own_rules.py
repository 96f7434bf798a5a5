"""What a module of an audited folder may do while it is imported (`rules/own_code.toml`)."""

import sys
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

import probatum.rules

_ALL: Final = Path(probatum.rules.__file__).parent / "own_code.toml"


class Base(Struct, frozen=True):
    """A class of a library that a class may be derived from; see the rows."""

    name: str
    row: str
    neutral: bool
    forbids: tuple[str, ...]
    no_properties: tuple[str, ...]
    reads_hints: bool

    def forbidden(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.forbids)

    def sets(self, name: str) -> bool:
        """Whether the library sets an attribute of such a name on an instance."""
        return any(fnmatchcase(name, pattern) for pattern in self.no_properties)


@cache
def words(key: str) -> frozenset[str]:
    """The names listed under a key."""
    return frozenset(_rules()[key])


@cache
def bases() -> dict[str, Base]:
    """The classes that may be derived from, by each of their names."""
    return {
        name: Base(
            name,
            row.get("row", ""),
            row.get("neutral", False),
            tuple(row.get("forbids", ())),
            tuple(row.get("no_properties", ())),
            row.get("reads_hints", False),
        )
        for row in _rules()["base"]
        for name in row["names"]
    }


def module_of(dotted: str) -> str:
    """The longest beginning of a dotted name that is a module known to be inert; or nothing."""
    while dotted and dotted not in words("modules"):
        dotted = dotted.rpartition(".")[0]
    return dotted


def may_be_taken(dotted: str) -> bool:
    """Whether looking up `module.name` runs nothing but what the library does by itself."""
    if dotted in words("modules"):
        return True
    module, _, name = dotted.rpartition(".")
    if module not in words("modules"):
        return module in words("enums") and not name.startswith("_")
    named = name[0].isupper() and module not in words("narrow")
    public = not name.startswith("_") and (module in words("flat") or named)
    return public or dotted in words("names")


def is_reserved(package: str) -> bool:
    """Whether a library may import this top-level name, so that a folder must not offer it."""
    return package in sys.stdlib_module_names or package in words("reserved")


@cache
def _rules() -> dict[str, Any]:
    import tomllib

    return tomllib.loads(_ALL.read_text("utf-8"))

"""Which file an import takes from an audited folder, where there can be no doubt about it."""

import sys
from collections.abc import Iterator
from typing import Protocol

from probatum.errors import FormatError
from probatum.formats.own_rules import is_reserved

_SUFFIXES = (".py", ".pyw", ".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib")
_METADATA = (".dist-info", ".egg-info", ".egg", ".egg-link")
_MOST = 1 << 20


class Folder(Protocol):
    """A folder that an import may look into; its methods raise FormatError where they cannot."""

    def names(self, inside: str = "") -> frozenset[str]:
        """What it, or a folder in it, holds."""
        ...

    def is_folder(self, inside: str) -> bool: ...

    def file(self, inside: str, most: int) -> bytes:
        """The bytes of a file of at most so many."""
        ...


class Prevents(Exception):
    """What keeps the folder's code from being proven: a sentence that names the place."""


def place(folders: tuple[Folder, ...], package: str) -> Folder:
    """The one folder that has a top-level package or module. Raises: Prevents."""
    having = [folder for folder in folders if list(_named(_names(folder, ""), package))]
    if len(having) != 1:
        raise Prevents(f"{len(having)} folders hold something that is imported as {package}")
    for folder in folders:
        _without_rivals(folder)
    return having[0]


def has(folder: Folder, module: str) -> bool:
    """Whether the folder holds anything that could be imported under this name."""
    inside, _, last = module.replace(".", "/").rpartition("/")
    return bool(list(_named(_names(folder, inside), last)))


def files(folder: Folder, module: str) -> list[tuple[str, str]]:
    """(module, file) of what importing `module` runs in turn: its packages, then itself.

    Raises: Prevents if another file could be run in their place.
    """
    found, inside, parts = [], "", module.split(".")
    for count, part in enumerate(parts, 1):
        if not (part.isascii() and part.isidentifier()):
            raise Prevents(f"{module!a} is no plain name of a module")
        path = f"{inside}/{part}" if inside else part
        one = _only(folder, inside, part)
        if one == f"{part}.py":
            if count < len(parts):
                raise Prevents(f"{path}.py is no package and cannot hold {module}")
            file = f"{path}.py"
        elif one == part and folder.is_folder(path):
            inside = path
            if _only(folder, inside, "__init__") != "__init__.py":
                raise Prevents(f"{path} has no __init__.py: another package may be taken")
            file = f"{path}/__init__.py"
        else:
            raise Prevents(f"{one} is what importing {part} would find, and it is no source")
        found.append((".".join(parts[:count]), file))
    return found


def text(folder: Folder, file: str) -> bytes:
    """The bytes of a source file. Raises: Prevents."""
    try:
        return folder.file(file, _MOST)
    except FormatError as exc:
        raise Prevents(f"{file}: {exc.detail}") from exc


def _only(folder: Folder, inside: str, part: str) -> str:
    """The one entry that an import of `part` could find; a compiled twin is a rival too."""
    names = _names(folder, inside)
    found = list(_named(names, part))
    for cache in (name for name in names if name.casefold() == "__pycache__"):
        compiled = f"{inside}/{cache}" if inside else cache
        found += [f"{compiled}/{name}" for name in _cached(_names(folder, compiled), part)]
    if len(found) != 1:
        rivals = " and ".join(sorted(found)) or "nothing"
        raise Prevents(f"{rivals} could be what importing {part} finds")
    return found[0]


def _named(names: frozenset[str], part: str) -> Iterator[str]:
    """The entries that could be imported as `part`, on any file system."""
    for name in names:
        if name.partition(".")[0].casefold() == part.casefold() and (
            "." not in name or name.lower().endswith(_SUFFIXES)
        ):
            yield name


def _cached(names: frozenset[str], part: str) -> Iterator[str]:
    return (name for name in names if name.casefold().startswith(f"{part.casefold()}."))


def _without_rivals(folder: Folder) -> None:
    """Nothing in the folder is named as what a library imports, or tells libraries what to load."""
    for name in sorted(_names(folder, "")):
        stem = name.partition(".")[0]
        if name.lower().endswith(_METADATA):
            raise Prevents(f"{name} could tell a library what to load when it is imported")
        if (is_reserved(stem) or is_reserved(stem.casefold())) and _is_imported(folder, name):
            raise Prevents(f"{name} could be imported in the place of a library's {stem}")


def _is_imported(folder: Folder, name: str) -> bool:
    """A folder is, if it is a package; or, where its name may be found nowhere else, holds code."""
    if "." in name:
        return name.lower().endswith(_SUFFIXES)
    if not folder.is_folder(name):
        return name not in sys.stdlib_module_names
    held = _names(folder, name)
    if name in sys.stdlib_module_names:
        return bool(list(_named(held, "__init__")))
    return any("." not in one or one.lower().endswith(_SUFFIXES) for one in held)


def _names(folder: Folder, inside: str) -> frozenset[str]:
    try:
        return folder.names(inside)
    except FormatError as exc:
        raise Prevents(exc.detail) from exc

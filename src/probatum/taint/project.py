"""Reads the files of a project to modules of flow nodes, named as imports name them."""

import ast
import warnings
from collections.abc import Container, Iterable, Iterator
from pathlib import PurePosixPath

from msgspec import Struct

from probatum.taint import notebooks
from probatum.taint.flow import Module
from probatum.taint.lower import lowered
from probatum.taint.rules import words

LARGEST_FILE = 2 << 20  # bytes: larger ones are generated; transformers' largest is 0.3 MiB
_ROOTS = ("src", "lib", "python")


class Unread(Struct, frozen=True):
    """A file, or a cell of a notebook, that the review says nothing about, and why."""

    file: str
    line: int | None
    why: str


class Project(Struct):
    """The modules of a project, what of it could not be read, and its notebooks' cells by path."""

    modules: list[Module]
    unread: list[Unread]
    cells: dict[str, notebooks.Cells]


def read(
    files: Iterable[tuple[str, bytes]],
    only: Container[str] | None = None,
    parsed: dict[str, ast.Module] | None = None,
) -> Project:
    """The project that the files are: names are relative to it, with "/"; others are passed by.

    With `only`, the modules of no other paths are made, though their names count. `parsed` takes up
    the trees of Python files, by their paths, for whoever needs them next.
    """
    contents = {name: content for name, content in files if is_read(name)}
    names = module_names(contents)
    project = Project([], [], {})
    for path, content in contents.items():
        if only is not None and path not in only:
            continue
        try:
            tree = _tree(path, content, project)
            module = lowered(tree, names[path], path)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            project.unread.append(_unread(path, error))
        else:
            module.shipped = is_shipped(path)
            if parsed is not None and path.endswith(".py"):
                parsed[path] = tree
            project.modules.append(module)
    _link_scripts(project.modules, set(names.values()))
    _link_namespaces(project.modules, names)
    return project


def is_read(name: str) -> bool:
    """A file that is code by its name."""
    return name.endswith((".py", ".ipynb"))


def _tree(path: str, content: bytes, project: Project) -> ast.Module:
    if len(content) > LARGEST_FILE:
        raise ValueError(f"{len(content)} bytes: files over {LARGEST_FILE} are not read")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the audited code: `"\d"`, `x is 1`
        if path.endswith(".py"):
            return ast.parse(content)
        tree, project.cells[path], broken = notebooks.read(path, content)
    project.unread += [Unread(one.file, one.line, one.why) for one in broken]
    return tree


def _unread(path: str, error: Exception) -> Unread:
    if isinstance(error, SyntaxError):
        return Unread(path, error.lineno or None, f"not Python 3: {error.msg}")
    if isinstance(error, (RecursionError, MemoryError)):
        return Unread(path, None, "nested too deeply to be read")
    return Unread(path, None, str(error))


def module_names(paths: Iterable[str]) -> dict[str, str]:
    """The dotted name of each file's module: from its outermost package on, each name once."""
    listed = sorted(paths, key=lambda path: (path.count("/"), path))
    packages = {_parts(path)[:-1] for path in listed if path.endswith("__init__.py")}
    outside: dict[tuple[str, ...], int] = {}
    names: dict[str, str] = {}
    taken: set[str] = set()
    for path in listed:
        parts = _parts(path)
        if (skipped := outside.get(parts[:-1])) is None:
            skipped = outside[parts[:-1]] = _outside(parts[:-1], packages)
        name = next(one for one in _possible_names(parts, skipped) if one not in taken)
        taken.add(name)
        names[path] = name
    return names


def _parts(path: str) -> tuple[str, ...]:
    """The folders of a path, and the file without its suffix."""
    if path[:1] in "./" or "//" in path or "/./" in path:  # in an archive they have any names
        place = PurePosixPath(path)
        return *place.parts[:-1], place.stem
    *folders, name = path.split("/")
    stem, _, suffix = name.rpartition(".")
    return *folders, (stem if stem and suffix else name)


def _possible_names(given: tuple[str, ...], outside: int) -> Iterator[str]:
    """The name by the outermost package, by the whole path, and numbered."""
    parts = [part.replace(".", "_") for part in given]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    yield ".".join(parts[outside:])
    whole = ".".join(parts)
    yield whole
    number = 2
    while True:
        yield f"{whole}#{number}"
        number += 1


def _outside(folders: tuple[str, ...], packages: set[tuple[str, ...]]) -> int:
    """How many leading folders are not part of the module's name."""
    for depth in range(1, len(folders) + 1):
        if folders[:depth] in packages:
            return depth - 1
    return 1 if folders and folders[0] in _ROOTS else 0


def is_test(path: str) -> bool:
    """Whether the file is one of the project's own tests."""
    *folders, stem = _parts(path)
    inside = any(part.lower() in ("tests", "test") for part in folders)
    named = stem.startswith("test_") or stem.endswith("_test")
    return inside or named or stem == "conftest"


def is_shipped(path: str) -> bool:
    """Whether others may call it: not the project's own tests, examples or documentation."""
    *folders, stem = _parts(path)
    own = words("own folder")
    if any(part.lower() in own for part in folders):
        return False
    if any(part.lower() in words("own outer folder") for part in folders[:2]):
        return False
    return not is_test(path) and stem not in own


def _link_scripts(modules: list[Module], names: set[str]) -> None:
    """`import sibling` of a file outside of any package means the file beside it."""
    tops = {name.partition(".")[0] for name in names}
    for module in modules:
        folder, dot, _ = module.name.rpartition(".")
        if not dot or folder in names:
            continue
        for bound, target in module.imports.items():
            first = target.partition(".")[0]
            if first not in tops and f"{folder}.{first}" in names:
                module.imports[bound] = f"{folder}.{target}"


def _link_namespaces(modules: list[Module], names: dict[str, str]) -> None:
    """`import space.package` means `package` here, where the folder `space` has no `__init__.py`.

    Source: PEP 420, implicit namespace packages.
    """
    spaces = sorted({_around(path, name) for path, name in names.items()} - {""})
    tops = {name.partition(".")[0] for name in names.values()}
    for module in modules if spaces else ():
        for bound, target in module.imports.items():
            for space in spaces:
                inner = target.removeprefix(space)
                if inner != target and inner.partition(".")[0] in tops:
                    module.imports[bound] = inner


def _around(path: str, name: str) -> str:
    """The names of the folders around a module that its own name leaves out, with a dot behind."""
    whole = ".".join(_parts(path)).removesuffix(".__init__")
    return whole.removesuffix(name) if whole.endswith(f".{name}") else ""

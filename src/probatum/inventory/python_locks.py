"""Reads the lock files of poetry, uv and PDM, and `pylock.toml`: all TOML with a table a package.

A package that is not from PyPI (a repository, an address, a folder, another index) has its source
told. The project itself, and members of its workspace, stand in uv's file as packages from a
folder.

Sources: poetry `src/poetry/packages/locker.py`; docs.astral.sh/uv (projects/layout) and uv
`crates/uv-resolver/src/lock`; pdm-project.org, "Lock file"; PEP 751.
"""

import re
from collections.abc import Callable, Iterator

from probatum.components import Component, Inventory, python_name
from probatum.errors import FormatError
from probatum.formats import toml_nodes
from probatum.formats.nodes import Mapping, Node, Sequence, entries, items, text
from probatum.inventory.requirement import by_address, is_name, requirement
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Reason

_PYPI = ("https://pypi.org/simple", "https://pypi.python.org/simple")
_Row = Callable[[Mapping, Mapping], Component]


def poetry(name: str, material: Material) -> Inventory:
    """`poetry.lock`. Raises: FormatError."""
    return _read(material, "package", _poetry)


def uv(name: str, material: Material) -> Inventory:
    """`uv.lock`. Raises: FormatError."""
    return _read(material, "package", _uv)


def pdm(name: str, material: Material) -> Inventory:
    """`pdm.lock`, in which PDM reads a `pylock.toml` too. Raises: FormatError."""
    root = toml_nodes.document(whole(material))
    if isinstance(root, Mapping) and root.get("lock-version") is not None:
        return _told(root, "packages", _pylock)
    return _told(root, "package", _pdm)


def pylock(name: str, material: Material) -> Inventory:
    """`pylock.toml`. Raises: FormatError."""
    return _read(material, "packages", _pylock)


def _read(material: Material, key: str, component: _Row) -> Inventory:
    return _told(toml_nodes.document(whole(material)), key, component)


def _told(root: Node, key: str, component: _Row) -> Inventory:
    told = Told()
    rows = root.get(key) if isinstance(root, Mapping) else None
    if rows is not None and not isinstance(rows, Sequence):
        raise FormatError(Reason.MALFORMED, f"a list of tables [[{key}]] is expected", rows.place)
    for row in items(rows):
        if not isinstance(row, Mapping) or not is_name(text(row.get("name")) or ""):
            told.miss(row.place, "a package without a name")
        elif isinstance(root, Mapping):
            one = component(row, root)
            told.add(one)
            for file in _others(row, one):
                told.miss(one.place, f"the file that is named for it is another one's: {file}")
    return told.inventory(resolved=True)


def _others(row: Mapping, one: Component) -> Iterator[str]:
    """The files that are named with an address and, by their names, are not of this version."""
    for file in (*items(row.get("wheels")), *_one(row.get("sdist")), *items(row.get("files"))):
        url = text(file.get("url")) if isinstance(file, Mapping) else None
        found = by_address(url, one.place) if url else None
        if found is None or not url:
            continue
        if found.name != one.name or _parts(found.version) != _parts(one.version):
            yield url[-120:]


def _parts(version: str) -> list[str]:
    """What a version consists of: the names of files spell it in several ways."""
    parts: list[str] = re.findall(r"[a-z]+|[0-9]+", version.partition("+")[0].lower())
    while parts and not parts[-1].strip("0"):
        parts.pop()
    return [part.lstrip("0") for part in parts]


def _poetry(row: Mapping, root: Mapping) -> Component:
    name = text(row.get("name")) or ""
    files = row.get("files") or root.get("metadata", "files", name)
    groups = _texts(row.get("groups")) or _texts(row.get("category"))
    kind, url = text(row.get("source", "type")), text(row.get("source", "url")) or ""
    at = text(row.get("source", "resolved_reference")) or text(row.get("source", "reference"))
    return _component(
        row,
        hashes=_hashes(files),
        source=_at(url, at) if kind == "git" else _index(url),
        marker=text(row.get("markers")) or "",
        groups=tuple(one for one in groups if one != "main"),
        needs=tuple((one.key.text, "") for one in entries(row.get("dependencies"))),
    )


def _uv(row: Mapping, root: Mapping) -> Component:
    files = [*items(row.get("wheels")), *_one(row.get("sdist"))]
    markers = _texts(row.get("resolution-markers"))
    source = row.get("source")
    said = text(source.get("registry")) if isinstance(source, Mapping) else None
    if said is None:
        first = entries(source)[:1]
        said = text(first[0].value) or "" if first else ""
        said = f"git+{said}" if first and first[0].key.text == "git" else said
    return _component(
        row,
        hashes=_hashes_of(files),
        source=_index(said),
        needs=tuple(_tables(row, "dependencies", "optional-dependencies", "dev-dependencies")),
        marker=" or ".join(f"({one})" for one in markers) if len(markers) > 1 else "".join(markers),
    )


def _pdm(row: Mapping, root: Mapping) -> Component:
    git, at = text(row.get("git")), text(row.get("revision")) or text(row.get("ref"))
    named = next((said for key in ("url", "path") if (said := text(row.get(key)))), "")
    groups = _texts(row.get("groups"))
    return _component(
        row,
        hashes=_hashes(row.get("files")),
        source=_at(git, at) if git else named,
        marker=text(row.get("marker")) or text(row.get("markers")) or "",
        groups=() if "default" in groups else groups,
        needs=tuple(_requirements(row.get("dependencies"))),
    )


def _pylock(row: Mapping, root: Mapping) -> Component:
    files = [*items(row.get("wheels")), *_one(row.get("sdist")), *_one(row.get("archive"))]
    index = text(row.get("index")) or ""
    return _component(
        row,
        hashes=tuple(
            f"{one.key.text}:{text(one.value)}"
            for file in files
            if isinstance(file, Mapping)
            for one in entries(file.get("hashes"))
            if text(one.value)
        ),
        source=_elsewhere(row) or _index(index),
        marker=text(row.get("marker")) or "",
        needs=tuple(_tables(row, "dependencies")),
    )


def _elsewhere(row: Mapping) -> str:
    """The repository, folder or archive of a package of `pylock.toml`."""
    for key in ("vcs", "directory", "archive"):
        table = row.get(key)
        if isinstance(table, Mapping):
            said = text(table.get("url")) or text(table.get("path")) or key
            return _at(said, text(table.get("commit-id"))) if key == "vcs" else said
    return ""


def _component(
    row: Mapping,
    *,
    hashes: tuple[str, ...],
    source: str,
    marker: str = "",
    groups: tuple[str, ...] = (),
    needs: tuple[tuple[str, str], ...] = (),
) -> Component:
    name = next(one for one in row.entries if one.key.text == "name")
    version = text(row.get("version")) or ""
    return Component(
        ecosystem="PyPI",
        name=python_name(text(name.value) or ""),
        version=version,
        place=name.value.place,
        hashes=hashes,
        source=source,
        marker=marker,
        groups=groups,
        needs=tuple(dict.fromkeys((python_name(one), version) for one, version in needs)),
    )


def _tables(row: Mapping, *keys: str) -> Iterator[tuple[str, str]]:
    """What stands in lists of tables that name packages, or in groups of such lists."""
    for key in keys:
        said = row.get(key)
        for group in (said, *(one.value for one in entries(said))):
            for one in items(group):
                name = text(one.get("name")) if isinstance(one, Mapping) else None
                if isinstance(one, Mapping) and name:
                    yield name, text(one.get("version")) or ""


def _requirements(node: Node | None) -> Iterator[tuple[str, str]]:
    for said in _texts(node):
        found = requirement(said)
        if found is not None:
            yield found.name, ""


def _index(url: str) -> str:
    """An index, where it is not PyPI."""
    return "" if url.rstrip("/") in _PYPI else url


def _at(url: str, commit: str | None) -> str:
    return f"git+{url.removeprefix('git+')}{'@' if commit else ''}{commit or ''}"


def _hashes(files: Node | None) -> tuple[str, ...]:
    return _hashes_of(items(files))


def _hashes_of(files: tuple[Node, ...] | list[Node]) -> tuple[str, ...]:
    """What stands under `hash` in each, once."""
    said = (text(one.get("hash")) for one in files if isinstance(one, Mapping))
    return tuple(dict.fromkeys(one for one in said if one))


def _one(node: Node | None) -> tuple[Node, ...]:
    return () if node is None else (node,)


def _texts(node: Node | None) -> tuple[str, ...]:
    """The texts of a list, or the one text that stands in its place."""
    found = (text(one) for one in (items(node) or _one(node)))
    return tuple(one for one in found if one)

"""Reads poetry's own tables of `pyproject.toml`.

Sources: python-poetry.org/docs, "Dependency specification", "The pyproject.toml file".
"""

import re
from collections.abc import Iterator

from probatum.components import Component, python_name
from probatum.formats.nodes import Entry, Mapping, Node, boolean, entries, items, text
from probatum.inventory.requirement import is_name
from probatum.inventory.told import Told
from probatum.vocabulary import Place

_EXACT = re.compile(r"={0,3}\s*(\d[^\s,|*]*)\Z")


def tell(root: Mapping, told: Told) -> None:
    """Tell what poetry's tables ask for."""
    extras = _extras(root)
    for group, one in _wanted(root):
        if one.key.text == "python":
            continue
        if not is_name(one.key.text):
            told.miss(one.key.place, f"no name of a distribution: {one.key.text[:120]!r}")
            continue
        asking = extras.get(python_name(one.key.text), ()) if group == "" else (group,)
        for row in items(one.value) or (one.value,):
            told.add(_component(one.key.text, one.key.place, row, asking))


def _wanted(root: Mapping) -> Iterator[tuple[str, Entry]]:
    poetry = root.get("tool", "poetry")
    if not isinstance(poetry, Mapping):
        return
    for one in entries(poetry.get("dependencies")):
        yield "", one
    for one in entries(poetry.get("dev-dependencies")):
        yield "dev", one
    for group in entries(poetry.get("group")):
        inner = group.value.get("dependencies") if isinstance(group.value, Mapping) else None
        for one in entries(inner):
            yield group.key.text, one


def _extras(root: Mapping) -> dict[str, tuple[str, ...]]:
    """The extras that ask for an optional dependency, by its name."""
    found: dict[str, tuple[str, ...]] = {}
    for extra in entries(root.get("tool", "poetry", "extras")):
        for one in items(extra.value):
            name = python_name(text(one) or "")
            found[name] = (*found.get(name, ()), extra.key.text)
    return found


def _component(name: str, place: Place, row: Node, groups: tuple[str, ...]) -> Component:
    """A version, or a table that says more."""
    table = row if isinstance(row, Mapping) else None
    wanted = text(table.get("version")) if table is not None else text(row)
    exact = _EXACT.match((wanted or "").strip())
    if table is not None and not groups and boolean(table.get("optional")):
        groups = ("optional",)
    return Component(
        ecosystem="PyPI",
        name=python_name(name),
        version=exact[1] if exact else "",
        place=place,
        wanted="" if exact else wanted or "",
        source=_source(table) if table is not None else "",
        marker=(text(table.get("markers")) or "") if table is not None else "",
        groups=groups,
    )


def _source(table: Mapping) -> str:
    for key in ("git", "url", "path", "file", "source"):
        said = text(table.get(key))
        if said:
            at = next((at for ref in ("rev", "tag", "branch") if (at := text(table.get(ref)))), "")
            return f"git+{said}{'@' if at else ''}{at}" if key == "git" else said
    return ""

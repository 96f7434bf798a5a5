"""Reads pipenv's `Pipfile` and `Pipfile.lock`.

Sources: pipenv.pypa.io, "Pipfile & Pipfile.lock"; github.com/pypa/pipfile.
"""

from collections.abc import Iterator

from probatum.components import Component, Inventory, python_name
from probatum.errors import FormatError
from probatum.formats import json_nodes, toml_nodes
from probatum.formats.nodes import Entry, Mapping, Node, Scalar, entries, items, text, walk
from probatum.inventory.requirement import is_name, pinned
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Reason

_NOT_PACKAGES = frozenset({"_meta", "source", "requires", "scripts", "pipenv", "pipfile"})
_MAIN = frozenset({"default", "packages"})
_PYPI = ("https://pypi.org/simple", "https://pypi.python.org/simple")


def pipfile(name: str, material: Material) -> Inventory:
    """`Pipfile`. Raises: FormatError."""
    root = toml_nodes.document(whole(material))
    return _read(root, items(root.get("source") if isinstance(root, Mapping) else None), False)


def lock(name: str, material: Material) -> Inventory:
    """`Pipfile.lock`. Raises: FormatError."""
    root = json_nodes.document(whole(material))
    said = root.get("_meta", "sources") if isinstance(root, Mapping) else None
    return _read(root, items(said), True)


def _read(root: Node, sources: tuple[Node, ...], resolved: bool) -> Inventory:
    if not isinstance(root, Mapping):
        raise FormatError(Reason.MALFORMED, "an object of categories is expected", root.place)
    told = Told()
    indexes = dict(_indexes(sources))
    for category in root.entries:
        if category.key.text in _NOT_PACKAGES:
            continue
        groups = () if category.key.text in _MAIN else (category.key.text,)
        if not isinstance(category.value, Mapping):
            told.miss(category.key.place, "a table of packages is expected here")
        for one in entries(category.value):
            if not is_name(one.key.text):
                told.miss(one.key.place, f"no name of a distribution: {one.key.text[:120]!r}")
            elif not _is_one_line(one.value):
                told.miss(one.key.place, "the line that pipenv makes of it for pip says more")
            else:
                told.add(_component(one, indexes, groups))
    return told.inventory(resolved=resolved)


def _indexes(sources: tuple[Node, ...]) -> Iterator[tuple[str, str]]:
    """The address of each index, by its name, where it is not PyPI; the first is under ''."""
    for number, one in enumerate(sources):
        if isinstance(one, Mapping):
            url = text(one.get("url")) or ""
            told = "" if url.rstrip("/") in _PYPI else url
            yield text(one.get("name")) or "?", told
            if not number:
                yield "", told


def _component(one: Entry, indexes: dict[str, str], groups: tuple[str, ...]) -> Component:
    table = one.value if isinstance(one.value, Mapping) else None
    wanted = (text(table.get("version")) if table is not None else text(one.value)) or ""
    version = pinned(wanted)
    said: tuple[str | None, ...] = ()
    source = indexes.get("", "")
    if table is not None:
        said = tuple(text(digest) for digest in items(table.get("hashes")))
        source = _source(table, indexes)
    return Component(
        ecosystem="PyPI",
        name=python_name(one.key.text),
        version=version,
        place=one.key.place,
        wanted="" if version or wanted == "*" else wanted,
        hashes=tuple(digest for digest in said if digest),
        source=source,
        marker=(text(table.get("markers")) or "") if table is not None else "",
        groups=groups,
    )


def _is_one_line(said: Node) -> bool:
    """Whether pipenv, which writes all fields one after another, asks pip for one package."""
    extras = said.get("extras") if isinstance(said, Mapping) else None
    texts = [node.text for _, node in walk(said) if isinstance(node, Scalar)]
    plain = all(one.isprintable() and "\\" not in one for one in texts)
    return plain and all(is_name(text(one) or "") for one in items(extras))


def _source(table: Mapping, indexes: dict[str, str]) -> str:
    for key in ("git", "hg", "svn", "bzr", "path", "file"):
        said = text(table.get(key))
        if said:
            ref = text(table.get("ref")) or ""
            local = key in ("path", "file")
            return said if local else f"{key}+{said}{'@' if ref else ''}{ref}"
    index = text(table.get("index"))
    return indexes.get(index, index) if index else indexes.get("", "")

"""Reads `pyproject.toml`: what a project asks for, and what building it does.

Read are `[project]`, `[build-system]`, `[dependency-groups]`, and the tables of poetry, uv, PDM,
Hatch and setuptools. A dependency on the project itself, as `all` extras have it, is none.

Sources: packaging.python.org, "pyproject.toml specification" and "dependency groups";
python-poetry.org/docs (dependency specification, pyproject); docs.astral.sh/uv (dependencies,
settings); pdm-project.org and hatch.pypa.io, reference of the configuration;
setuptools.pypa.io (dynamic metadata).
"""

from collections.abc import Iterator

from msgspec.structs import replace

from probatum.components import Inventory, python_name
from probatum.formats import toml_nodes
from probatum.formats.nodes import Mapping, Node, Scalar, Sequence, entries, items, text
from probatum.inventory import poetry
from probatum.inventory.requirement import component
from probatum.inventory.requirements import including
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Place

_SOURCES = ("git", "url", "path", "index")


def read(name: str, material: Material) -> Inventory:
    """Raises: FormatError."""
    root = toml_nodes.document(whole(material))
    told = Told()
    if isinstance(root, Mapping):
        reader = _Reader(root, told)
        for group, node in _lists(root):
            reader.take(node, group)
        poetry.tell(root, told)
        _dynamic(root, material, told)
    return told.inventory()


class _Reader:
    """What holds for every requirement of the file: the project's own name, and uv's sources."""

    def __init__(self, root: Mapping, told: Told) -> None:
        self._own = python_name(text(root.get("project", "name")) or "")
        self._told = told
        self._sources = dict(_uv_sources(root))

    def take(self, node: Node, groups: tuple[str, ...]) -> None:
        """Tell the requirements of a list."""
        if not isinstance(node, Sequence):
            self._told.miss(node.place, "a list of requirements is expected here")
            return
        for one in node.items:
            if isinstance(one, Mapping) and one.get("include-group") is not None:
                continue  # whose requirements are told where they stand
            said = text(one)
            found = component(said, one.place, groups) if said is not None else None
            if found is None:
                self._told.miss(one.place, f"no requirement: {said or 'not a text'}"[:160])
            elif found.name != self._own:
                source = found.source or self._sources.get(found.name, "")
                self._told.add(replace(found, source=source))


def _lists(root: Mapping) -> Iterator[tuple[tuple[str, ...], Node]]:
    """The lists of requirements, each with the groups that it stands for."""
    plain: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
        ((), ("project", "dependencies")),
        (("build-system",), ("build-system", "requires")),
        (("dev",), ("tool", "uv", "dev-dependencies")),
        (("override",), ("tool", "uv", "override-dependencies")),
    )
    for groups, path in plain:
        node = root.get(*path)
        if node is not None:
            yield groups, node
    for path in (
        ("project", "optional-dependencies"),
        ("dependency-groups",),
        ("tool", "pdm", "dev-dependencies"),
    ):
        for one in entries(root.get(*path)):
            yield (one.key.text,), one.value
    for env in entries(root.get("tool", "hatch", "envs")):
        for key in ("dependencies", "extra-dependencies"):
            node = env.value.get(key) if isinstance(env.value, Mapping) else None
            if node is not None:
                yield (env.key.text,), node


def _uv_sources(root: Mapping) -> Iterator[tuple[str, str]]:
    """Where uv takes a distribution from, instead of from PyPI."""
    for one in entries(root.get("tool", "uv", "sources")):
        rows = items(one.value) or (one.value,)
        said = " or ".join(filter(None, map(_uv_source, rows)))
        if said:
            yield python_name(one.key.text), said


def _uv_source(row: Node) -> str:
    if not isinstance(row, Mapping):
        return ""
    if row.get("workspace") is not None:
        return "the workspace"
    return next((said for key in _SOURCES if (said := text(row.get(key)))), "")


def _dynamic(root: Mapping, material: Material, told: Told) -> None:
    """Requirements that are put together when the project is built."""
    for one in items(root.get("project", "dynamic")):
        if text(one) not in ("dependencies", "optional-dependencies"):
            continue
        files = tuple(_files(root, str(text(one))))
        if files:
            including(material, files, told)
        else:
            told.miss(one.place, f"the {text(one)} are computed when the project is built")


def _files(root: Mapping, which: str) -> Iterator[tuple[str, Place]]:
    """The files from which setuptools takes them."""
    node = root.get("tool", "setuptools", "dynamic", which)
    groups: tuple[Node | None, ...] = (node,)
    if which == "optional-dependencies":
        groups = tuple(one.value for one in entries(node))
    for group in groups:
        said = group.get("file") if isinstance(group, Mapping) else None
        for one in (said,) if isinstance(said, Scalar) else items(said):
            if text(one):
                yield str(text(one)), one.place

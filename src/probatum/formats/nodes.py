"""The nodes that readers of YAML and JSON yield: every key and value with its place.

A node is a `Scalar`, a `Sequence` or a `Mapping`. An alias yields the node that its anchor names,
so one node may stand at several places of the tree; its own place is where it is written.
"""

from collections.abc import Iterator

from msgspec import Struct

from probatum.vocabulary import Place

_TRUE = frozenset({"true", "yes", "on", "y"})
_FALSE = frozenset({"false", "no", "off", "n"})


class Scalar(Struct, frozen=True):
    """One value. Only a `plain` one, without quotes, can be a number, a null or a switch."""

    text: str
    place: Place
    plain: bool = True
    tag: str = ""


class Sequence(Struct, frozen=True):
    """A list."""

    items: tuple["Node", ...]
    place: Place
    tag: str = ""


class Entry(Struct, frozen=True):
    """A key with its value; `merged` where a merge key (`<<`) brought it here."""

    key: Scalar
    value: "Node"
    merged: bool = False


class Mapping(Struct, frozen=True):
    """Keys with their values; no two of one spelling."""

    entries: tuple[Entry, ...]
    place: Place
    tag: str = ""

    def get(self, *path: str) -> "Node | None":
        """The value under these keys, one inside the other; None where there is none."""
        found: Node | None = self
        for key in path:
            if not isinstance(found, Mapping):
                return None
            found = next((one.value for one in found.entries if one.key.text == key), None)
        return found


Node = Scalar | Sequence | Mapping


def walk(node: Node, path: str = "$") -> Iterator[tuple[str, Node]]:
    """The node and all below it, each with its path (`$.services.web.ports[0]`)."""
    stack = [(path, node)]
    while stack:
        path, node = stack.pop()
        yield path, node
        if isinstance(node, Mapping):
            inner = [(f"{path}.{one.key.text}", one.value) for one in node.entries]
        elif isinstance(node, Sequence):
            inner = [(f"{path}[{number}]", one) for number, one in enumerate(node.items)]
        else:
            continue
        stack += reversed(inner)


def entries(node: Node | None) -> tuple[Entry, ...]:
    """The entries of a mapping; none of anything else."""
    return node.entries if isinstance(node, Mapping) else ()


def items(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; none of anything else."""
    return node.items if isinstance(node, Sequence) else ()


def text(node: Node | None) -> str | None:
    """The text of a scalar that is no null; None of anything else."""
    return node.text if isinstance(node, Scalar) and not is_null(node) else None


def is_null(node: Node | None) -> bool:
    """Whether it is a null, written (`null`, `~`) or left out."""
    return (
        isinstance(node, Scalar) and node.plain and node.text in ("", "~", "null", "Null", "NULL")
    )


def boolean(node: Node | None) -> bool | None:
    """What a switch says; None where it is none. `yes` and `on` count: YAML 1.1 reads them so."""
    if not isinstance(node, Scalar) or not node.plain:
        return None
    word = node.text.lower()
    return True if word in _TRUE else False if word in _FALSE else None

"""The artifacts of a report as a tree: folders, the files in them, and what files contain."""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from probatum.vocabulary import Artifact, Finding

# Names come from archives: a path of ten thousand folders must not nest the page that deep.
_DEEPEST = 24


class Node(Struct, eq=False):
    """A folder (no artifact), or an artifact with its findings; numbers are those in the report."""

    label: str
    artifact: Artifact | None = None
    findings: list[tuple[int, Finding]] = []
    children: dict[str, "Node"] = {}
    depth: int = 0

    def subtree(self) -> Iterator["Node"]:
        """This node and all below it."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack += node.children.values()


def tree(findings: Iterable[Finding]) -> Node:
    """The root of the tree; an artifact comes where the first finding about it came."""
    root = Node("")
    placed: dict[str, Node] = {}
    for number, finding in enumerate(findings):
        artifact = finding.artifact
        node = placed.get(artifact.name)
        if node is None:
            node = placed[artifact.name] = _place(root, placed, artifact)
        node.findings.append((number, finding))
    return root


def joined(node: Node) -> Node:
    """A folder that holds nothing but one folder, told as one: `a/b/c`."""
    while node.artifact is None and len(node.children) == 1:
        [child] = node.children.values()
        if child.artifact is not None:
            return node
        node = Node(f"{node.label}/{child.label}", children=child.children, depth=node.depth)
    return node


def tally(node: Node) -> Counter[str]:
    """How many findings of each verdict are in this node and below it."""
    return Counter(
        type(finding.verdict).__name__.lower()
        for inner in node.subtree()
        for _, finding in inner.findings
    )


def _place(root: Node, placed: dict[str, Node], artifact: Artifact) -> Node:
    """The artifact's new node: in its container if that came before, else in its folders."""
    parent = placed.get(artifact.parent or "")
    if parent is not None and parent.depth < _DEEPEST:
        label = artifact.name.removeprefix(f"{artifact.parent}!/")
        return _child(parent, f"artifact {label}", label, artifact)
    file, bang, inside = artifact.name.partition("!/")
    *folders, label = file.split("/", _DEEPEST // 2)
    folder = root
    for part in folders:
        folder = _child(folder, f"folder {part}", part)
    return _child(folder, f"artifact {artifact.name}", label + bang + inside, artifact)


def _child(parent: Node, key: str, label: str, artifact: Artifact | None = None) -> Node:
    if key not in parent.children:
        parent.children[key] = Node(label, artifact, depth=parent.depth + 1)
    return parent.children[key]

"""Reads `Cargo.lock`. A package without a source lies in the project itself.

Sources: doc.rust-lang.org/cargo, "Cargo.toml vs Cargo.lock"; cargo
`src/cargo/core/resolver/encode.rs`.
"""

from probatum.components import Component, Inventory
from probatum.errors import FormatError
from probatum.formats import toml_nodes
from probatum.formats.nodes import Mapping, Node, Sequence, items, text
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Reason

_REGISTRY = (
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
)


def read(name: str, material: Material) -> Inventory:
    """Raises: FormatError."""
    root = toml_nodes.document(whole(material))
    told = Told()
    rows = root.get("package") if isinstance(root, Mapping) else None
    first = root.get("root") if isinstance(root, Mapping) else None  # of old versions: one more
    if rows is not None and not isinstance(rows, Sequence):
        raise FormatError(Reason.MALFORMED, "a list of tables [[package]] is expected", rows.place)
    for row in (*items(rows), *([first] if first is not None else [])):
        name_node = row.get("name") if isinstance(row, Mapping) else None
        crate = text(name_node)
        if not isinstance(row, Mapping) or name_node is None or not crate:
            told.miss(row.place, "a package without a name")
            continue
        source = text(row.get("source"))
        checksum = text(row.get("checksum")) or ""
        told.add(
            Component(
                ecosystem="crates.io",
                name=crate,
                version=text(row.get("version")) or "",
                place=name_node.place,
                hashes=(f"sha256:{checksum}",) if checksum else (),
                needs=tuple(map(_needed, items(row.get("dependencies")))),
                source="." if source is None else "" if source in _REGISTRY else source,
            )
        )
    return told.inventory(resolved=True)


def _needed(node: Node) -> tuple[str, str]:
    """`name`, `name 1.0.0` where there are several versions of it, or with its source behind."""
    name, version = [*(text(node) or "").split(" ")[:2], ""][:2]
    return name, version

"""Reads `bun.lock`: JSON with a list for each package, the first of which says what it is.

Sources: bun.sh/docs/install/lockfile; bun `src/install/lockfile/bun.lock.zig` (Stringifier).
"""

import re

from probatum.components import Inventory
from probatum.errors import FormatError
from probatum.formats import json_nodes
from probatum.formats.nodes import Entry, Mapping, entries, items, text
from probatum.inventory.npm import component, elsewhere, hashes_of, is_name
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Reason

_PACKAGE = re.compile(r"(?P<name>(?:@[^@/]+/)?[^@/]+)@(?P<version>.+)\Z", re.S)


def read(name: str, material: Material) -> Inventory:
    """Raises: FormatError."""
    root = json_nodes.document(whole(material), comments=True)
    packages = root.get("packages") if isinstance(root, Mapping) else None
    if not isinstance(root, Mapping) or (
        packages is not None and not isinstance(packages, Mapping)
    ):
        raise FormatError(Reason.MALFORMED, "an object of packages is expected", root.place)
    told = Told()
    for one in entries(packages):
        _tell(one, told)
    return told.inventory(resolved=True)


def _tell(one: Entry, told: Told) -> None:
    """`["name@1.0.0", registry, {...}, integrity]`; from elsewhere: `["name@github:…", …]`."""
    parts = items(one.value)
    found = _PACKAGE.match((text(parts[0]) or "")[:2000]) if parts else None
    if found is None or not is_name(found["name"]):
        told.miss(one.key.place, f"no package of Bun: {one.key.text[:120]!r}")
        return
    version = found["version"]
    registry = text(parts[1]) if len(parts) > 1 else None
    integrity = text(parts[3]) if len(parts) > 3 else None
    told.add(
        component(
            found["name"],
            version,
            parts[0].place,
            source=elsewhere(registry) if registry else "",
            hashes=hashes_of(integrity),
        )
    )

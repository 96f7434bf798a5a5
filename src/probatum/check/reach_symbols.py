"""Which code a known vulnerability lies in, by the symbol packs: `rules/symbols/*.toml`.

A row says that of a package, in the releases that `versions` allows (all, without), the named
functions of a module have the flaw; without functions the module as a whole has it. Several rows on
one vulnerability count together. Where no row holds for a release, its code is not known.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from probatum.check.advisory_versions import order

PACKS = Path(__file__).parent.parent / "rules" / "symbols"
_CLAUSE = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*([^\s,*]+)\s*")


def symbols(
    ids: frozenset[str], package: str, version: str, packs: Path | None = None
) -> list[tuple[str, str]]:
    """(module, function) of a vulnerability that goes by these ids; no function for all of it.

    None are known where a row says of which versions it speaks in words that are not understood.
    """
    found = []
    for row in rows(packs or PACKS).get(package, ()):
        if row["advisory"] not in ids:
            continue
        allows = _allows(row.get("versions", ""), version)
        if allows is None:
            return []
        if allows:
            found += [(row["module"], one) for one in row["functions"] or [""]]
    return found


@cache
def rows(packs: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of all packs by their packages."""
    found: dict[str, list[dict[str, Any]]] = {}
    for pack in sorted(packs.glob("*.toml")):
        for row in tomllib.loads(pack.read_text("utf-8"))["symbol"]:
            found.setdefault(row["package"], []).append(row)
    return found


def _allows(specifier: str, version: str) -> bool | None:
    """Whether a release is one of those; None where that cannot be told."""
    here = order("PyPI", version)
    if here is None:
        return None
    allowed = True
    for clause in filter(None, specifier.split(",")):
        said = _CLAUSE.fullmatch(clause)
        there = order("PyPI", said[2]) if said is not None else None
        if said is None or there is None:
            return None
        held = {
            "<": here < there, "<=": here <= there, "==": here == there, "!=": here != there,
            ">": here > there, ">=": here >= there,
        }  # fmt: skip
        allowed = allowed and held[said[1]]
    return allowed

"""Tells which revision of a hub's repository a target is, as one small file more.

It is known of an address on the hub, whose files are named with the commit, and of a snapshot in
the hub's own cache. The file holds a package URL in one line: see the kind `package-url`.
"""

import os
import re
from collections.abc import Iterator

from probatum.audit.opened import Root

_ADDRESS = re.compile(r"hf://((?:datasets/|spaces/)?[^@/]+(?:/[^@/]+)?)@([0-9a-f]{40})(?:/.*)?")
_SNAPSHOT = re.compile(
    r".*/(models|datasets|spaces)--([^/]+?)(?:--([^/]+))?/snapshots/([0-9a-f]{40})(?:/.*)?"
)


def with_identity(target: str, found: Iterator[Root]) -> Iterator[Root]:
    """The roots of a target and, behind them, what it is, if that is known."""
    first = next(found, None)
    if first is None:
        return
    yield first
    yield from found
    said = _address(first.name) or _cached(target)
    if said:
        data = f"pkg:huggingface/{said[0]}@{said[1]}\n".encode()
        yield Root("package-url", len(data), fetch=lambda at, length: data[at : at + length])


def _address(name: str) -> tuple[str, str] | None:
    found = _ADDRESS.fullmatch(name)
    return (found[1], found[2]) if found is not None else None


def _cached(target: str) -> tuple[str, str] | None:
    found = _SNAPSHOT.fullmatch(os.path.abspath(target)) if "://" not in target else None
    if found is None or not found[0].isascii():
        return None
    area = "" if found[1] == "models" else f"{found[1]}/"
    return area + "/".join(one for one in found.group(2, 3) if one), found[4]

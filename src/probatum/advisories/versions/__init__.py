"""Versions as bytes: of two versions of an ecosystem, the one with the lesser key is the older.

Keys are equal exactly if the ecosystem takes the versions for the same one, and no key begins
another, so that `key + b"\\0"` lies behind this version and before every later one.
"""

from functools import lru_cache
from types import ModuleType

from probatum.advisories.versions import alpine, debian, golang, pep440, semver
from probatum.errors import FormatError
from probatum.vocabulary import Reason

_ORDERS: dict[str, ModuleType] = {
    "PyPI": pep440, "npm": semver, "crates.io": semver, "Go": golang, "Debian": debian,
    "Ubuntu": debian, "Alpine": alpine, "Wolfi": alpine, "Chainguard": alpine,
}  # fmt: skip


@lru_cache(1 << 14)
def key_of(ecosystem: str, text: str) -> bytes:
    """The key of a version. `Debian:12` is ordered as `Debian` is.

    Raises: FormatError if it is no version, or if nothing is known of the ecosystem's order.
    """
    key: bytes = _order(ecosystem).key(text)
    return key


def label_of(ecosystem: str, text: str) -> str:
    """What a version says of its build that its key leaves out. Raises: FormatError."""
    label: str = _order(ecosystem).label(text)
    return label


def is_ordered(ecosystem: str) -> bool:
    """Whether the versions of an ecosystem can be compared here."""
    return ecosystem.partition(":")[0] in _ORDERS


def _order(ecosystem: str) -> ModuleType:
    order = _ORDERS.get(ecosystem) or _ORDERS.get(ecosystem.partition(":")[0])
    if order is None:
        raise FormatError(Reason.UNSUPPORTED, f"nothing orders the versions of {ecosystem[:60]!a}")
    return order

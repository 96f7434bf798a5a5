"""What a container's opener yields."""

from collections.abc import Iterable

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.importable import Tree
from probatum.ports import Material


class Member(Struct, frozen=True):
    """One part of a container, to become an artifact `<container>!/<name>`.

    `kind` is None where the content shall decide. `trouble` is what kept it from being opened;
    the material then holds the bytes that could be had, if any.
    """

    name: str
    material: Material
    kind: str | None = None
    trouble: FormatError | None = None


class Unfolded(Struct, frozen=True):
    """A container's members in order; `trouble` is why they cannot be all of it.

    `tree` is the code among them, which lies beside the others once they are unpacked.
    """

    members: Iterable[Member]
    trouble: FormatError | None = None
    tree: Tree | None = None

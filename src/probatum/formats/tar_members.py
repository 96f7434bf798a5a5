"""Opens the members of tar archives. Links are said to be there, and never followed."""

from collections.abc import Iterable, Iterator

from probatum.errors import FormatError
from probatum.formats import tar
from probatum.formats.allowance import Allowance
from probatum.formats.importable import Tree
from probatum.formats.member import Member, Unfolded
from probatum.material import BytesMaterial, SliceMaterial
from probatum.ports import Material
from probatum.vocabulary import Reason


def unfold(name: str, kind: str, material: Material, allowance: Allowance) -> Unfolded:
    """The members of a tar, each read where it lies.

    Raises: FormatError where the archive cannot be followed to its end.
    """
    entries = [one for one in tar.listing(material).entries if one.type != tar.FOLDER]
    allowance.count(len(entries))
    tree = Tree((one.name for one in entries), (one.name for one in entries if one.link))
    return Unfolded(_members(material, entries), tree=tree)


def _members(material: Material, entries: Iterable[tar.Entry]) -> Iterator[Member]:
    for one in entries:
        if one.file:
            yield Member(one.name, SliceMaterial(material, one.data, one.size))
        else:
            says = f"a link to {one.target!r}" if one.link else "a device or a pipe, not a file"
            trouble = FormatError(Reason.OUTSIDE_TARGET if one.link else Reason.UNSUPPORTED, says)
            yield Member(one.name, BytesMaterial(b"", material.beside), trouble=trouble)

"""Opens the members of ZIP archives, and of the model formats that are ZIP archives.

Stored members are read where they lie; compressed ones are unfolded one at a time. A torch
archive holds thousands of raw tensors: those stay part of it, unless one of them begins like
something that a loader would open.
"""

import re
from collections.abc import Iterable, Iterator

from probatum.errors import FormatError
from probatum.formats import zip
from probatum.formats.allowance import Allowance
from probatum.formats.importable import Tree
from probatum.formats.kinds import is_loadable_start
from probatum.formats.member import Member, Unfolded
from probatum.formats.spool import spool
from probatum.material import BytesMaterial, SliceMaterial
from probatum.ports import Material
from probatum.vocabulary import Reason

TORCH = frozenset({"torch-zip", "torchscript"})
_STORAGE = re.compile(
    r"(?:.*/)?(?:data|constants|tensors|traced_inputs)/\d+|(?:.*/)?\.data/\d+\.storage"
)


def unfold(name: str, kind: str, material: Material, allowance: Allowance) -> Unfolded:
    """The members of a ZIP.

    Raises: FormatError if there is no directory to follow, or it promises too much.
    """
    entries = [
        entry
        for entry in zip.directory(material).entries
        if not entry.folder and not (kind in TORCH and is_raw_storage(material, entry))
    ]
    allowance.count(len(entries))
    allowance.charge_within(entry.size for entry in entries if entry.method != zip.STORED)
    stored = sum(entry.packed for entry in entries if entry.method == zip.STORED)
    allowance.charge(max(0, stored - material.size))
    tree = Tree(
        (entry.name for entry in entries),
        (entry.name for entry in entries if entry.link),
        apart=".debug_pkl" if kind == "torchscript" else None,
    )
    return Unfolded(_members(material, entries), tree=tree)


def is_raw_storage(material: Material, entry: zip.Entry) -> bool:
    """Whether this member of a torch archive is a tensor's bytes and nothing else."""
    if entry.method != zip.STORED or not _STORAGE.fullmatch(entry.name):
        return False
    try:
        at = zip.located(material, entry).data
    except FormatError:
        return False
    head = material.read(at, min(entry.packed, 512))
    return not is_loadable_start(head, entry.packed)


def _members(material: Material, entries: Iterable[zip.Entry]) -> Iterator[Member]:
    for entry in entries:
        yield _member(material, entry)


def _member(material: Material, entry: zip.Entry) -> Member:
    try:
        if entry.link:
            raise FormatError(Reason.OUTSIDE_TARGET, f"a link to {_target(material, entry)!r}")
        one = zip.located(material, entry)
        if entry.encrypted:
            raise FormatError(Reason.ENCRYPTED, "the member is encrypted")
        if entry.method == zip.STORED and entry.packed == entry.size:
            return Member(entry.name, SliceMaterial(material, one.data, entry.size))
    except FormatError as exc:
        return Member(entry.name, BytesMaterial(b"", material.beside), trouble=exc)
    # What it may unfold to is charged already, and `contents` holds it to that.
    kept = spool(zip.contents(material, one), None, material.beside)
    return Member(entry.name, kept.material, trouble=kept.trouble)


def _target(material: Material, entry: zip.Entry) -> str:
    pieces = zip.contents(material, zip.located(material, entry))
    return next(pieces, b"")[:200].decode("utf-8", "backslashreplace")

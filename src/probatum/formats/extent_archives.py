"""Archives and compressed streams, followed to their end (see `extents`)."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from probatum.errors import FormatError
from probatum.formats import compression, lz4_blocks, tar, zip, zstd_blocks
from probatum.formats.allowance import Allowance
from probatum.formats.uncovered import Uncovered, demand_end, digest_of, pieces
from probatum.formats.zip_members import TORCH
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

Facts = dict[str, Any]
_END = b"PK\x05\x06"


def zip_facts(kind: str, material: Material) -> Facts:
    """Members, directory and end record, without gap or overlap."""
    listing = zip.directory(material)
    if listing.shift:
        says = f"{listing.shift} bytes stand before the archive"
        raise Uncovered(0, listing.shift, says)
    demand_end(_archive_end(material), material, "the archive's end record")
    found, doubts = zip.survey(material, listing)
    names = [one.entry.name for one in found]
    if len(set(names)) < len(names):
        raise FormatError(Reason.PARSER_DIFFERENTIAL, "two members have one name")
    for doubt in doubts:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, doubt.says, Place(offset=doubt.offset))
    for one in found:
        entry = one.entry
        if entry.encrypted or entry.link or (one.sized_late and kind not in TORCH):
            place = Place(offset=entry.header, part=entry.name)
            says = f"member {entry.name!r} is encrypted, a link, or sized only behind it"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, says, place)
    return {"structure": digest_of(_structure(material, found))}


def _archive_end(material: Material) -> int:
    start = max(0, material.size - 22 - 0xFFFF)
    tail = material.read(start, 22 + 0xFFFF)
    at = tail.rfind(_END)
    return start + at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little")


def _structure(material: Material, found: Iterable[zip.Located]) -> Iterator[bytes]:
    """Every byte that is not the data of a stored member, in order."""
    at = 0
    for one in sorted(found, key=lambda one: one.data):
        if one.entry.method == zip.STORED:
            yield from pieces(material, at, one.data)
            at = one.data + one.entry.packed
    yield from pieces(material, at, material.size)


def tar_facts(kind: str, material: Material) -> Facts:
    """Members and two blocks of zeros or more."""
    listing = tar.listing(material)
    for doubt in listing.doubts:
        if "end of the archive" in doubt.says:
            raise Uncovered(doubt.offset, material.size, doubt.says)
        raise FormatError(Reason.PARSER_DIFFERENTIAL, doubt.says, Place(offset=doubt.offset))
    structure, at = hashlib.sha256(), 0
    for one in listing.entries:
        for piece in pieces(material, at, one.data):
            structure.update(piece)
        at = one.data + one.size
    for piece in pieces(material, at, material.size):
        structure.update(piece)
    return {"structure": structure.hexdigest(), "members": len(listing.entries)}


def stream_facts(kind: str, material: Material) -> Facts:
    """Frames to the end, and what they unfold to."""
    if _last[:1] != [(kind, material)]:
        _last[:] = [(kind, material), _stream_facts(kind, material)]
    facts: Facts = _last[1]
    return facts


_last: list[Any] = []
"""Two claims rest on the same pass, so the last one is kept."""


def _stream_facts(kind: str, material: Material) -> Facts:
    allowance, content, size = Allowance(material.size), hashlib.sha256(), 0
    for piece in compression.unfolded(kind, material):
        allowance.charge(len(piece))
        size = allowance.within_member(size + len(piece))
        content.update(piece)
    if kind == "lz4":
        lz4_blocks.demand_plain(material)
    if kind == "zstd":
        zstd_blocks.demand_plain(material)
    member = {"name": "", "size": size, "at": 0, "sha256": content.hexdigest()}
    whole = digest_of(pieces(material, 0, material.size))
    return {"format": kind, "size": material.size, "structure": whole, "members": [member]}

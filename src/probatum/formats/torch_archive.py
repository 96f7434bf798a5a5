"""Reads the records of a torch archive: one folder of a ZIP, found as torch's C++ reader finds it.

`PyTorchStreamReader` takes the folder of the first member for the archive's own, prefixes every
name that it looks up with it, and refuses members outside it.
Source: caffe2/serialize/inline_container.cc (init, getRecordID, getAllRecords).
"""

import hashlib
import re
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import zip
from probatum.formats.zip import Located
from probatum.material import SliceMaterial
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_VERSION = re.compile(rb"(?:[1-9]|10)\n?").fullmatch
_SMALL = 64
_STEP = 1 << 20


class Archive(Struct, frozen=True):
    """The records by their names below `root`, each located; `structure` is the sha256 of every
    byte that is no stored record's."""

    root: str
    records: dict[str, Located]
    structure: str


def archive(material: Material) -> Archive:
    """The records of a torch archive that every reader of ZIPs sees alike.

    Raises: FormatError where readers part ways, or torch would find no archive.
    """
    listing = zip.directory(material)
    found, doubts = zip.survey(material, listing)
    for doubt in doubts:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, doubt.says, Place(offset=doubt.offset))
    root = found[0].entry.name.partition("/")[0] if found else ""
    records: dict[str, Located] = {}
    lowered: set[str] = set()
    for one in found:
        folder, _, name = one.entry.name.partition("/")
        place = Place(offset=one.entry.header, part=one.entry.name)
        if folder != root or not name:
            raise FormatError(Reason.MALFORMED, f"a member outside the folder {root!r}", place)
        if one.entry.link:  # torch reads what others make a link of
            raise FormatError(Reason.PARSER_DIFFERENTIAL, f"the record {name!r} is a link", place)
        # miniz compares names without case, unless it is asked otherwise.
        if name.lower() in lowered:
            raise FormatError(
                Reason.PARSER_DIFFERENTIAL, f"the record {name!r} stands twice", place
            )
        lowered.add(name.lower())
        records[name] = one
    return Archive(root, records, _structure(material, found))


def pickled(material: Material, records: dict[str, Located], name: str) -> SliceMaterial:
    """The bytes of a record that is stored, as torch writes every record but source code.

    Raises: FormatError if there is no such record, or it is not stored.
    """
    if name not in records:
        raise FormatError(Reason.MALFORMED, f"torch finds no record {name!r}")
    one = records[name]
    if one.entry.method != zip.STORED or one.entry.encrypted:
        raise FormatError(
            Reason.UNSUPPORTED,
            f"the record {name!r} is compressed or encrypted, which torch never writes",
            Place(offset=one.entry.header),
        )
    return SliceMaterial(material, one.data, one.entry.size)


def labels(material: Material, records: dict[str, Located]) -> list[str]:
    """What `version` and `byteorder` (where it is there) say.

    Raises: FormatError unless torch's reader accepts it.
    """
    name = ".data/version" if ".data/version" in records else "version"
    version = pickled(material, records, name)
    said = [version.read(0, _SMALL)]
    if version.size > _SMALL or not _VERSION(said[0]):
        at = records[name].data
        raise FormatError(Reason.MALFORMED, f"{name!r} is no version of 1 to 10", Place(offset=at))
    if "byteorder" in records:
        said.append(pickled(material, records, "byteorder").read(0, _SMALL))
        if said[1] not in (b"little", b"big"):
            at = records["byteorder"].data
            raise FormatError(Reason.MALFORMED, "an unknown byte order", Place(offset=at))
    return [one.decode() for one in said]


def _structure(material: Material, found: tuple[Located, ...]) -> str:
    digest, at = hashlib.sha256(), 0
    for one in sorted(found, key=lambda one: one.data):
        if one.entry.method == zip.STORED:
            for piece in _pieces(material, at, one.data):
                digest.update(piece)
            at = one.data + one.entry.packed
    for piece in _pieces(material, at, material.size):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(material: Material, at: int, end: int) -> Iterator[bytes]:
    while at < end:
        piece = material.read(at, min(_STEP, end - at))
        if not piece:
            raise FormatError(Reason.TRUNCATED, "the file ends too early", Place(offset=at))
        yield piece
        at += len(piece)

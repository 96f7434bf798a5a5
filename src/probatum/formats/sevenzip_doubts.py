"""Finds where readers of 7z archives may part ways.

Sound is an archive whose packed streams and headers cover the file without gap or overlap, whose
members all have a checksum that is right (py7zr gives a compressed header none), and whose names
and attributes leave nothing to choose.

Source: 7zFormat.txt of the LZMA SDK 24; py7zr/archiveinfo.py.
"""

import hashlib
import zlib
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.sevenzip import Archive, File
from probatum.formats.sevenzip_folders import Folder, exact
from probatum.formats.zip import Doubt, leads_out
from probatum.ports import Material
from probatum.vocabulary import Reason

_FOLDER_BIT = 0x10
_REGULAR, _FOLDER = 0o10, 0o4


class Content(Struct, frozen=True):
    """A member's bytes: where the folder lies that holds them, how many they are, their digest."""

    at: int
    size: int
    digest: str


def doubts(material: Material, archive: Archive) -> Iterator[Doubt]:
    """What in the header readers may take differently."""
    if material.read(6, 1) != b"\0":
        yield Doubt("another version of 7z", 6)
    yield from (Doubt(odd, 32) for odd in archive.odd)
    at = 32
    for folder in sorted((*archive.folders, *archive.wrapped), key=lambda one: one.at):
        if folder.at != at:
            yield Doubt("the packed streams do not follow each other without gap or overlap", at)
            return
        at += folder.packed
    if at != archive.start:
        yield Doubt("bytes lie between the packed streams and the header", at)
    if archive.end != material.size:
        yield Doubt("bytes follow the end of the archive", archive.end)
    if any(len(folder.parts) != 1 for folder in archive.wrapped):
        yield Doubt("the header is one of several members", archive.start)
    for file in archive.files:
        yield from _of_file(file, archive.start)


def _of_file(file: File, at: int) -> Iterator[Doubt]:
    name = file.name
    if name and leads_out(name):
        yield Doubt(f"{name!r} leads out of the folder it is unpacked into", at, True)
    if not name or "\\" in name or "\0" in name or not _encodes(name):
        yield Doubt(f"readers take the name {name!r} differently", at)
    due = _FOLDER if file.directory else _REGULAR
    unix = file.attributes >> 28 if file.attributes & 0x8000 else due
    if bool(file.attributes & _FOLDER_BIT) != file.directory or unix != due:
        yield Doubt(f"{name!r} is a folder for some readers and a file for others", at)


def _encodes(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def members(material: Material, archive: Archive) -> Iterator[Content]:
    """The content of every part of every folder, all of it unfolded.

    Raises: FormatError where a folder does not hold exactly what it says.
    """
    for folder in archive.wrapped:
        for _ in _parts(material, archive, folder):
            pass
    for folder in archive.folders:
        yield from _parts(material, archive, folder)


def _parts(material: Material, archive: Archive, folder: Folder) -> Iterator[Content]:
    if sum(size for size, _ in folder.parts) != folder.size:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, "7z: a folder holds more than its members")
    pieces, rest = exact(material, folder), b""
    for size, crc in folder.parts:
        digest, seen, left = hashlib.sha256(), 0, size
        while left:
            rest = rest or next(pieces, b"")
            if not rest:
                raise FormatError(Reason.TRUNCATED, "7z: a folder ends inside a member")
            piece, rest = rest[:left], rest[left:]
            digest.update(piece)
            seen, left = zlib.crc32(piece, seen), left - len(piece)
        if crc != seen and not (crc is None and folder in archive.wrapped):
            says = "a member has no checksum" if crc is None else "a member's checksum is wrong"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, f"7z: {says}")
        yield Content(folder.at, size, digest.hexdigest())
    for _ in pieces:
        pass

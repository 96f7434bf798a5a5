"""Opens the members of 7z archives, each folder unfolded once, into bounded spools."""

import zlib
from collections.abc import Iterator

from probatum.errors import FormatError
from probatum.formats import sevenzip, sevenzip_folders
from probatum.formats.allowance import Allowance
from probatum.formats.importable import Tree
from probatum.formats.member import Member, Unfolded
from probatum.formats.spool import Spooled, Writer
from probatum.material import BytesMaterial
from probatum.ports import Material
from probatum.vocabulary import Reason


def unfold(name: str, kind: str, material: Material, allowance: Allowance) -> Unfolded:
    """The members of a 7z archive.

    Raises: FormatError where its header cannot be followed, or promises too much.
    """
    archive = sevenzip.archive(material)
    files = [one for one in archive.files if not one.directory]
    allowance.count(len(files))
    for folder in archive.folders:
        allowance.charge_within(size for size, _ in folder.parts)
        # A folder may hold more than its members: that too is unfolded.
        allowance.charge(folder.size - sum(size for size, _ in folder.parts))
    tree = Tree((one.name for one in files), (one.name for one in files if one.link))
    return Unfolded(_members(material, archive, files), tree=tree)


def _members(
    material: Material, archive: sevenzip.Archive, files: list[sevenzip.File]
) -> Iterator[Member]:
    parts = _parts(material, archive.folders)
    for one in files:
        if one.part is None:
            kept = Spooled(BytesMaterial(b"", material.beside), None)
        else:
            kept = next(parts)
        trouble = kept.trouble
        if one.link and trouble is None:
            target = kept.material.read(0, 200).decode("utf-8", "backslashreplace")
            trouble = FormatError(Reason.OUTSIDE_TARGET, f"a link to {target!r}")
        yield Member(one.name, kept.material, trouble=trouble)


def _parts(material: Material, folders: tuple[sevenzip_folders.Folder, ...]) -> Iterator[Spooled]:
    """The bytes of each member; from the first that fails on, a folder's members have trouble."""
    for folder in folders:
        source = _Source(sevenzip_folders.contents(material, folder))
        trouble: FormatError | None = None
        for size, crc in folder.parts:
            if trouble is None:
                kept = _part(source, size, crc, material.beside)
                trouble = kept.trouble
                yield kept
            else:
                yield Spooled(BytesMaterial(b"", material.beside), trouble)


class _Source:
    """Cuts pieces of any size into the sizes that are asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def take(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._rest or next(self._pieces, b"")
            if not piece:
                raise FormatError(Reason.TRUNCATED, "the folder ends inside a member")
            self._rest = piece[size:]
            yield piece[:size]
            size -= min(size, len(piece))


def _part(source: _Source, size: int, crc: int | None, beside: frozenset[str]) -> Spooled:
    writer, seen = Writer(), 0
    try:
        for piece in source.take(size):
            seen = zlib.crc32(piece, seen)
            writer.write(piece)
        if crc is not None and crc != seen:
            raise FormatError(Reason.PARSER_DIFFERENTIAL, "the member's checksum is wrong")
    except FormatError as exc:
        return writer.kept(beside, exc)
    return writer.kept(beside)

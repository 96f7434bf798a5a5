"""Reads one JSON member of a zip as the Python loaders do, with zipfile, under bounds."""

import hashlib
import io
import zipfile
import zlib

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import bounds
from probatum.formats.strict_json import LARGEST
from probatum.ports import Material
from probatum.vocabulary import Place, Reason, Undecided

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class Member(Struct, frozen=True):
    """A member's bytes, and the zip directory by which a loader finds it.

    `strangers` are members by which other loaders know the archive as theirs; `names` are those
    of all members.
    """

    data: bytes
    data_sha256: str
    directory: int
    directory_sha256: str
    strangers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


# The member by which each loader that takes a zip knows its own.
ROOTS = ("config.json", "schema.json", "MAR-INF/MANIFEST.json", "data.pkl", "constants.pkl")


def member(material: Material, name: str, beside: tuple[str, ...] = ()) -> Member:
    """The one member called `name`; `beside` are other loaders' members that may stand there too.

    Raises: FormatError, PARSER_DIFFERENTIAL where the name stands twice in the directory.
    """
    try:
        with zipfile.ZipFile(_Reader(material)) as archive:
            start: int = archive.start_dir
            names = tuple(archive.namelist())
            strangers = _strangers(name, {*names}, beside)
            data = _read(archive, name)
    except BROKEN as exc:
        raise FormatError(Reason.MALFORMED, f"the archive: {str(exc)[:120]}") from exc
    directory = bounds.digest(material, start, material.size - start)
    return Member(data, hashlib.sha256(data).hexdigest(), start, directory, strangers, names)


def another_s(strangers: tuple[str, ...]) -> Undecided | None:
    """The verdict on an archive that is another loader's as well, or None."""
    if not strangers:
        return None
    detail = f"the archive is also another loader's: it holds {strangers[0]}"
    return Undecided(Reason.PARSER_DIFFERENTIAL, detail, Place(part=strangers[0]))


def _strangers(name: str, names: set[str], beside: tuple[str, ...]) -> tuple[str, ...]:
    tops = names | {one.partition("/")[2] for one in names if one.count("/") == 1}
    return tuple(sorted((set(ROOTS) - {name, *beside}) & tops))


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    entries = [entry for entry in archive.infolist() if entry.filename == name]
    if not entries:
        raise FormatError(Reason.MALFORMED, f"the archive has no {name}")
    if len(entries) > 1:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, f"{name} stands in the archive twice")
    if entries[0].file_size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"{name} is larger than {LARGEST} bytes")
    with archive.open(entries[0]) as stream:
        return stream.read(LARGEST + 1)


class _Reader(io.RawIOBase):
    """A material as the file object that zipfile wants."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._material.size}[whence]
        if start + offset < 0:
            raise ValueError("a place before the start")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._material.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        data = bounds.region(self._material, self._at, wanted)
        self._at += wanted
        return data

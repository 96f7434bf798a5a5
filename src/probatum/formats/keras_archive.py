"""Reads the JSON members of a Keras v3 archive (a zip) as Keras itself does, under bounds."""

import hashlib
import io
import zipfile
import zlib

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import bounds, keras_config
from probatum.formats.strict_json import LARGEST, parsed
from probatum.ports import Material
from probatum.vocabulary import Reason

CONFIG = "config.json"
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


class Description(Struct, frozen=True):
    """What a proof about a Keras archive rests on: its directory and its config.json."""

    found: keras_config.Reached
    directory: int
    directory_sha256: str
    config_sha256: str


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


def description(material: Material) -> Description:
    """The description that Keras builds the model of this archive from, and what it reaches.

    Raises: FormatError, PARSER_DIFFERENTIAL where a name stands twice in the directory.
    """
    try:
        with zipfile.ZipFile(_Reader(material)) as archive:
            start: int = archive.start_dir
            config = _member(archive, CONFIG)
    except BROKEN as exc:
        raise FormatError(Reason.MALFORMED, f"the archive: {str(exc)[:120]}") from exc
    found = keras_config.reached(parsed(config, CONFIG), CONFIG)
    return Description(
        found,
        start,
        bounds.digest(material, start, material.size - start),
        hashlib.sha256(config).hexdigest(),
    )


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    entries = [entry for entry in archive.infolist() if entry.filename == name]
    if not entries:
        raise FormatError(Reason.MALFORMED, f"the archive has no {name}")
    if len(entries) > 1:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, f"{name} stands in the archive twice")
    if entries[0].file_size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"{name} is larger than {LARGEST} bytes")
    with archive.open(entries[0]) as stream:
        return stream.read(LARGEST + 1)

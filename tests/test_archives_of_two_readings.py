"""Archives of which two readers make different members: none of them is proven.

Each is built from an honest one by the change that its name says.
"""

import io
import struct
import tarfile
import zlib
from contextlib import nullcontext
from hashlib import sha256

import pytest

from certificate_laws import verdict_on
from probatum.analyzers.model.fully_opened import fully_opened
from probatum.check.zip_members import zip_records
from probatum.errors import Rejected
from probatum.vocabulary import Proven, Refuted, Verdict


def judged(data: bytes, kind: str) -> Verdict:
    return verdict_on(fully_opened, data, kind)


def in_tar(pax: dict[str, str] | None = None) -> bytes:
    """A tar of one file."""
    content = b"hello"
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.PAX_FORMAT) as archive:
        one = tarfile.TarInfo("a.txt")
        one.size, one.pax_headers = len(content), pax or {}
        archive.addfile(one, io.BytesIO(content))
    return held.getvalue()


def rewritten(tar: bytes, *fields: tuple[int, bytes]) -> bytes:
    """The tar with fields of its first header replaced, and the right checksum."""
    head = bytearray(tar[:512])
    for at, value in fields:
        head[at : at + len(value)] = value
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + tar[512:]


def in_zip(extra: bytes = b"") -> bytes:
    """A ZIP of one stored file, with `extra` in its own header alone."""
    name, data = b"a.txt", b"hello"
    sizes = struct.pack("<IIIHH", zlib.crc32(data), len(data), len(data), len(name), len(extra))
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 0, 0, 0x21) + sizes + name + extra + data
    listed = struct.pack("<HHHHHH", 20, 20, 0, 0, 0, 0x21) + sizes[:-2] + struct.pack("<H", 0)
    listed = b"PK\1\2" + listed + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(listed), len(local), 0)
    return local + listed + b"PK\5\6" + end


def wide(zip: bytes, told: int | None = None, beside: bytes = b"") -> bytes:
    """The ZIP of one file with zip64 end records; their locator names the byte `told`.

    `beside` is a further record of the kind, at the end of the member's bytes.
    """
    zip = zip.replace(b"hello", b"hello" + beside)
    crc, size = zlib.crc32(b"hello" + beside), 5 + len(beside)
    zip = zip.replace(
        struct.pack("<III", zlib.crc32(b"hello"), 5, 5), struct.pack("<III", crc, size, size)
    )
    at, end = zip.index(b"PK\1\2"), zip.index(b"PK\5\6")
    record = struct.pack("<4sQHHII", b"PK\6\6", 44, 45, 45, 0, 0)
    record += struct.pack("<QQQQ", 1, 1, end - at, at)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end if told is None else told, 1)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, end - at, at, 0)
    return zip[:end] + record + locator + last


# Of an empty directory: a reader that goes where the locator says sees no member at all.
_EMPTY = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 0, 0, 0, 35)

SECOND_NAME = struct.pack("<HHBI", 0x7075, 10, 1, zlib.crc32(b"a.txt")) + b"b.txt"
GNU, OLD = (257, b"ustar  \0"), (257, bytes(8))

TWO_READINGS = {
    "a locator of another zip64 record, which miniz follows and zipfile does not": (
        wide(in_zip(), 40, _EMPTY),
        "zip",
    ),
    "a locator of nothing": (wide(in_zip(), 3), "zip"),
    "a locator of what lies behind the file": (wide(in_zip(), 1 << 63), "zip"),
    "a second name in a member's own header": (in_zip(SECOND_NAME), "zip"),
    "a prefix in a GNU header, which tarfile alone puts before the name": (
        rewritten(in_tar(), GNU, (345, b"other")),
        "tar",
    ),
    "a prefix in an old header": (rewritten(in_tar(), OLD, (345, b"other")), "tar"),
    "a file under a folder's name, which GNU tar makes a folder": (
        rewritten(in_tar(), (0, b"a/\0\0\0")),
        "tar",
    ),
    "an old folder with content, which tarfile reads as headers": (
        rewritten(in_tar(), (0, b"a/\0\0\0"), (156, b"\0")),
        "tar",
    ),
    "star's other size, which libarchive takes": (in_tar({"SCHILY.realsize": "9"}), "tar"),
}


@pytest.mark.parametrize("name", TWO_READINGS)
def test_an_archive_of_two_readings_is_not_proven(name: str) -> None:
    assert not isinstance(judged(*TWO_READINGS[name]), Proven)


@pytest.mark.parametrize("told", [0, 3, 40, 1 << 63])
def test_the_checker_follows_the_locator_too(told: int) -> None:
    for data, is_read in (
        (wide(in_zip(), None, _EMPTY), True),
        (wide(in_zip(), told, _EMPTY), False),
    ):

        def read(at: int, length: int, data: bytes = data) -> bytes:
            return data[at : at + length]

        with nullcontext() if is_read else pytest.raises(Rejected, match="leads elsewhere"):
            assert "a.txt" in zip_records(read, len(data), sha256())[0]


def test_a_second_directory_that_the_locator_names_is_a_refutation() -> None:
    assert isinstance(judged(wide(in_zip(), 40, _EMPTY), "zip"), Refuted)


def test_the_honest_ones_that_they_are_made_from_are_proven() -> None:
    same = struct.pack("<HHBI", 0x7075, 10, 1, zlib.crc32(b"a.txt")) + b"a.txt"
    for data in (in_zip(), in_zip(same), wide(in_zip()), wide(in_zip(), None, _EMPTY)):
        assert isinstance(judged(data, "zip"), Proven)
    for data in (
        in_tar(),
        rewritten(in_tar(), GNU),
        rewritten(in_tar(), OLD),
        in_tar({"comment": "x"}),
    ):
        assert isinstance(judged(data, "tar"), Proven)

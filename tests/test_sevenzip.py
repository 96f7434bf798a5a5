"""The 7z reader, against archives that py7zr wrote."""

import io
import os
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.fully_opened import fully_opened
from probatum.audit.open import opened
from probatum.audit.opened import Caps, Opened
from probatum.errors import FormatError
from probatum.formats import sevenzip
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Reason, Refuted, Undecided

py7zr = pytest.importorskip("py7zr")

LZMA2 = {"id": py7zr.FILTER_LZMA2, "preset": 1}
CHAINS = {
    "lzma2": [LZMA2],
    "lzma": [{"id": py7zr.FILTER_LZMA, "preset": 1}],
    "bzip2": [{"id": py7zr.FILTER_BZIP2}],
    "deflate": [{"id": py7zr.FILTER_DEFLATE}],
    "copy": [{"id": py7zr.FILTER_COPY}],
    "delta": [{"id": py7zr.FILTER_DELTA, "dist": 3}, LZMA2],
    "x86": [{"id": py7zr.FILTER_X86}, LZMA2],
    "arm": [{"id": py7zr.FILTER_ARM}, LZMA2],
}
CONTENTS = {"a.txt": b"some text\n" * 50, "b/c.bin": os.urandom(3000), "e": b""}


def packed(chain: list[dict[str, int]] | None = None, **options: object) -> bytes:
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w", filters=chain, **options) as archive:
        for name, data in CONTENTS.items():
            archive.writestr(data, name)
    return held.getvalue()


def members(data: bytes) -> list[Opened]:
    return list(opened("x.7z", BytesMaterial(data), Caps()))


@pytest.mark.parametrize("name", CHAINS)
def test_members_are_unfolded_whatever_the_method(name: str) -> None:
    whole, *found = members(packed(CHAINS[name]))
    assert whole.trouble is None
    assert {one.artifact.name: one.material.read(0, one.material.size) for one in found} == {
        f"x.7z!/{name}": data for name, data in CONTENTS.items()
    }
    assert all(one.trouble is None for one in found)


def test_an_archive_that_was_added_to_has_several_folders(tmp_path: Path) -> None:
    path = tmp_path / "x.7z"
    path.write_bytes(packed())
    with py7zr.SevenZipFile(path, "a") as archive:
        archive.writestr(b"later", "later.txt")
    assert len(sevenzip.archive(BytesMaterial(path.read_bytes())).folders) == 2
    assert len(members(path.read_bytes())) == 5


def test_a_link_in_a_7z_is_said_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w") as archive:
        archive.write(tmp_path / "link", "link")
    link = members(held.getvalue())[1]
    assert link.trouble is not None
    assert link.trouble.reason == Reason.OUTSIDE_TARGET


@pytest.mark.parametrize("header", [False, True])
def test_an_encrypted_archive_is_said_to_be(header: bool) -> None:
    found = members(packed(password="secret", header_encryption=header))
    assert Reason.ENCRYPTED in {one.trouble.reason for one in found if one.trouble}


def test_a_method_that_is_not_known_is_said() -> None:
    found = members(packed([{"id": py7zr.FILTER_ZSTD}]))
    assert Reason.UNSUPPORTED in {one.trouble.reason for one in found if one.trouble}


def test_a_header_cut_short_is_a_fault_of_the_format() -> None:
    data = packed()
    for size in range(0, len(data), 7):
        with pytest.raises(FormatError):
            sevenzip.archive(BytesMaterial(data[:size]))


def proven(data: bytes) -> Certificate:
    certificate = certificate_of(fully_opened, data, "7z")
    assert {one["name"] for one in certificate.facts["members"]} == set(CONTENTS)
    return certificate


@pytest.mark.parametrize("name", CHAINS)
def test_an_honest_archive_is_proven_to_be_fully_opened(name: str) -> None:
    data = packed(CHAINS[name])
    certificate = proven(data)
    for at in range(0, len(data), max(1, len(data) // 60)):
        changed = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
        assert_rejected(certificate, changed, f"another byte {at}")


@pytest.mark.parametrize("name", ["lzma", "lzma2", "delta"])
@pytest.mark.parametrize("size", [1, 2, 3, 100, 70_000, 300_001])
@pytest.mark.parametrize("kind", ["noise", "zeros", "words"])
def test_all_packed_bytes_are_seen_to_be_needed_whatever_they_hold(
    name: str, size: int, kind: str
) -> None:
    held = io.BytesIO()
    text = {
        "noise": os.urandom(size),
        "zeros": bytes(size),
        "words": (b"some words " * size)[:size],
    }
    with py7zr.SevenZipFile(held, "w", filters=CHAINS[name]) as archive:
        archive.writestr(text[kind], "a")
        archive.writestr(b"end", "b")
    certificate_of(fully_opened, held.getvalue(), "7z")


def test_every_mutant_of_a_proof_is_rejected(tmp_path: Path) -> None:
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w") as archive:
        archive.writestr(b"words", "a.txt")
        archive.write(tmp_path, "folder")
    certificate = certificate_of(fully_opened, held.getvalue(), "7z")
    assert [one["name"] for one in certificate.facts["members"]] == ["a.txt"]
    assert_every_mutant_is_rejected(certificate, held.getvalue(), range(32))


def test_an_archive_of_nothing_is_proven() -> None:
    head = bytes(20)
    data = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(head)) + head
    certificate_of(fully_opened, data, "7z")
    assert isinstance(verdict_on(fully_opened, data + b"x", "7z"), Undecided)


def test_an_archive_that_was_added_to_is_not_proven_where_it_has_gaps(tmp_path: Path) -> None:
    path = tmp_path / "x.7z"
    path.write_bytes(packed())
    with py7zr.SevenZipFile(path, "a") as archive:
        archive.writestr(b"later", "later.txt")
    verdict = verdict_on(fully_opened, path.read_bytes(), "7z")
    if isinstance(verdict, Proven):
        check(verdict.certificate, path.read_bytes())


def number(value: int) -> bytes:
    assert value < 0x4000
    return bytes([value]) if value < 0x80 else bytes([0x80 | value >> 8, value & 0xFF])


def written(
    contents: bytes,
    names: list[str],
    sizes: list[int],
    *,
    attributes: int = 0x20,
    before: bytes = b"",
    behind: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """An archive of stored members, laid down by hand, so that it can say anything."""
    crcs, at = b"", 0
    for size in sizes:
        crcs += struct.pack("<I", zlib.crc32(contents[at : at + size]))
        at += size
    streams = b"\x06" + number(len(before)) + b"\x01\x09" + number(len(contents)) + b"\0"
    streams += b"\x07\x0b\x01\0\x01\x01\0\x0c" + number(at) + b"\0"
    streams += b"\x08\x0d" + number(len(sizes))
    streams += b"\x09" + b"".join(map(number, sizes[:-1])) if len(sizes) > 1 else b""
    streams += b"\x0a\x01" + crcs + b"\0\0"
    text = b"\0" + b"".join(name.encode("utf-16-le") + b"\0\0" for name in names)
    told = b"\x01\0" + struct.pack("<I", attributes) * len(names)
    files = number(len(names)) + b"\x11" + number(len(text)) + text
    files += b"\x15" + number(len(told)) + told + b"\0"
    header = b"\x01\x04" + streams + b"\x05" + files + b"\0" + after
    body = before + contents + behind
    where = struct.pack("<QQI", len(body), len(header), zlib.crc32(header))
    start = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(where)) + where
    return start + body + header


def test_an_archive_that_was_laid_down_by_hand_is_proven() -> None:
    certificate_of(fully_opened, written(b"onetwo", ["a", "b"], [3, 3]), "7z")


HONEST = written(b"onetwo", ["a", "b"], [3, 3])
ODD = {
    "bytes before the streams": written(b"onetwo", ["a", "b"], [3, 3], before=b"x"),
    "bytes behind the streams": written(b"onetwo", ["a", "b"], [3, 3], behind=b"x"),
    "bytes behind the header": written(b"onetwo", ["a", "b"], [3, 3], after=b"x"),
    "bytes behind the archive": HONEST + b"x",
    "a folder that holds more than its members": written(b"onetwox", ["a", "b"], [3, 3]),
    "the same member twice": written(b"oneone", ["a", "a"], [3, 3]),
    "a backslash in a name": written(b"one", ["a\\b"], [3]),
    "no name": written(b"one", [""], [3]),
    "a name that is no text": written(b"one", ["a"], [3]).replace(b"a\0\0\0", b"\0\xd8\0\0"),
    "a folder with content": written(b"one", ["a"], [3], attributes=0x10),
    "a device": written(b"one", ["a"], [3], attributes=0x8000 | 0o20644 << 16),
    "a link": written(b"one", ["a"], [3], attributes=0x8000 | 0o120777 << 16),
    "a junction": written(b"one", ["a"], [3], attributes=0x400),
}


@pytest.mark.parametrize("why", ODD)
def test_where_readers_of_7z_part_ways_nothing_is_proven(why: str) -> None:
    verdict = verdict_on(fully_opened, ODD[why], "7z")
    assert isinstance(verdict, Undecided), verdict
    facts = certificate_of(fully_opened, HONEST, "7z").facts | {"size": len(ODD[why])}
    assert_rejected(Certificate("members", facts), ODD[why], why)


@pytest.mark.parametrize("names", [["a", "a"], ["../a", "b"], ["/a", "b"]])
def test_two_faces_of_a_7z_are_refuted(names: list[str]) -> None:
    verdict = verdict_on(fully_opened, written(b"onetwo", names, [3, 3]), "7z")
    assert isinstance(verdict, Refuted), verdict


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_proven_of_a_changed_header_also_checks(drawn: st.DataObject) -> None:
    """The checksums are made right again, so that the change reaches the readers."""
    data = bytearray(HONEST)
    for _ in range(drawn.draw(st.integers(1, 3))):
        data[drawn.draw(st.integers(32, len(data) - 1))] = drawn.draw(st.integers(0, 255))
    place, length = struct.unpack_from("<QQ", data, 12)
    struct.pack_into("<I", data, 28, zlib.crc32(data[32 + place : 32 + place + length]))
    struct.pack_into("<I", data, 8, zlib.crc32(data[12:32]))
    verdict = verdict_on(fully_opened, bytes(data), "7z")
    if isinstance(verdict, Proven):
        check(verdict.certificate, bytes(data))
    facts = {"format": "7z", "size": len(data), "structure": "", "members": []}
    assert_rejected(Certificate("members", facts), bytes(data), "no members")

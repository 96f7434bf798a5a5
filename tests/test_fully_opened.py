"""The claim `fully-opened`, its certificates, and archives that show two faces."""

import bz2
import contextlib
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib

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
from probatum.check.lz4_frames import unfolded
from probatum.errors import Rejected
from probatum.vocabulary import Proven, Reason, Refuted, Undecided, Verdict

PICKLE = b"\x80\x04]\x94."


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return held.getvalue()


def tarred(members: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=form) as archive:
        for name, data in members.items():
            one = tarfile.TarInfo(name)
            one.size = len(data)
            archive.addfile(one, io.BytesIO(data))
    return held.getvalue()


def judged(data: bytes, kind: str = "zip") -> Verdict:
    return verdict_on(fully_opened, data, kind)


SAMPLES = {
    "zip": (zipped({"a.pkl": PICKLE, "b/": b"", "b/c": b"x"}), "zip"),
    "deflated zip": (zipped({"a": b"a" * 99, "b": b"b"}, zipfile.ZIP_DEFLATED), "zip"),
    "bzip2 zip": (zipped({"a": b"a" * 99}, zipfile.ZIP_BZIP2), "zip"),
    "LZMA zip": (zipped({"a": b"a" * 99}, zipfile.ZIP_LZMA), "zip"),
    "empty zip": (zipped({}), "zip"),
    "torch zip": (zipped({"m/data.pkl": PICKLE, "m/data/0": bytes(64)}), "torch-zip"),
    "tar": (tarred({"a": PICKLE, "d/b": b""}), "tar"),
    "tar of long names": (tarred({"é" + "x" * 200: PICKLE}), "tar"),
    "GNU tar": (tarred({"x" * 200: PICKLE}, tarfile.GNU_FORMAT), "tar"),
    "gzip": (gzip.compress(PICKLE, mtime=0), "gzip"),
    "two gzip frames": (gzip.compress(PICKLE, mtime=0) * 2, "gzip"),
    "bzip2": (bz2.compress(PICKLE), "bzip2"),
    "xz": (lzma.compress(PICKLE), "xz"),
    "lzma": (lzma.compress(PICKLE, lzma.FORMAT_ALONE), "xz"),
    "zlib": (zlib.compress(PICKLE), "zlib"),
    "old joblib": (b"ZF" + b"0x5".ljust(19) + zlib.compress(PICKLE), "zlib"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_an_honest_container_is_proven_and_every_mutant_of_the_proof_is_rejected(name: str) -> None:
    data, kind = SAMPLES[name]
    certificate = certificate_of(fully_opened, data, kind)
    stride = max(1, len(data) // 40)
    bound = range(0) if kind == "torch-zip" else range(0, len(data), stride)
    assert_every_mutant_is_rejected(certificate, data, bound)


def test_a_zip_written_in_one_pass_is_proven() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"some text " * 9)
    check(certificate_of(fully_opened, pipe.data, "zip"), pipe.data)


STARTS = [
    *(b"PK\3\4", b"\x7fELF", b"MZqFpD", b"#!/", b"\x93NUMPY", b"\x1f\x8b\x08", b"BZh91AY", b"BZh"),
    *(b"\xfd7zXZ", b"7z\xbc\xaf", b"GGUF", b"\x89HDF\r\n", b"\xcf\xfa\xed\xfe", b"MZ", b"\x80\x02"),
    *(b"MZ".ljust(60, b"x") + b"\x40\0\0\0PE\0\0", bytes(257) + b"ustar", b"", b"N.", PICKLE),
]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("main", ["m/data.pkl", "m/.data/version", "m/model.json"])
def test_prover_and_checker_agree_on_what_is_a_tensor(start: bytes, main: str) -> None:
    data = zipped({main: PICKLE, "m/data/0": start + bytes(300)})
    check(certificate_of(fully_opened, data, "torch-zip"), data)


def test_tensors_of_a_torch_archive_are_listed_without_a_digest() -> None:
    data, kind = SAMPLES["torch zip"]
    verdict = judged(data, kind)
    assert isinstance(verdict, Proven)
    digests = {one["name"]: one["sha256"] for one in verdict.certificate.facts["members"]}
    assert digests["m/data/0"] is None
    assert digests["m/data.pkl"] is not None
    assert verdict.assumptions


def late(data: bytes) -> bytes:
    """One stored member, its sizes and checksum moved behind it, as torch writes archives."""
    directory = data.index(b"PK\x01\x02")
    values = data[14:26]
    body = data[:6] + b"\x08\0" + data[8:14] + bytes(12) + data[26:directory]
    body += b"PK\x07\x08" + values
    rest = bytearray(data[directory:])
    rest[8] |= 8
    rest[-6:-2] = struct.pack("<I", len(body))
    return body + bytes(rest)


def test_sizes_told_behind_a_stored_member_are_followed_for_torch_alone() -> None:
    data = late(zipped({"m/data.pkl": PICKLE}))
    verdict = judged(data, "torch-zip")
    assert isinstance(verdict, Proven)
    assert "directory" in verdict.assumptions[0]
    check(verdict.certificate, data)
    assert isinstance(judged(late(zipped({"a": PICKLE}))), Undecided)


def test_a_program_among_the_tensors_gets_a_digest() -> None:
    data = zipped({"m/data.pkl": PICKLE, "m/data/0": b"\x7fELF" + bytes(60)})
    certificate = certificate_of(fully_opened, data, "torch-zip")
    assert all(one["sha256"] for one in certificate.facts["members"])
    certificate.facts["members"][1]["sha256"] = None
    assert_rejected(certificate, data, "a program without a digest")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"block_linked": False},
        {"content_checksum": True, "block_checksum": True, "store_size": False},
        {"block_size": 4, "compression_level": 9},
    ],
    ids=str,
)
def test_an_lz4_frame_is_proven_and_unfolds_in_the_checker(options: dict[str, int]) -> None:
    frame = pytest.importorskip("lz4.frame")
    for content in (b"", b"a", b"abcabcabc" * 9999, random.Random(1).randbytes(200_000) * 2):
        data = frame.compress(content, **options)
        certificate = certificate_of(fully_opened, data, "lz4")
        check(certificate_of(fully_opened, data * 2, "lz4"), data * 2)
        for at in range(0, len(data), max(1, len(data) // 20)):
            changed = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
            assert_rejected(certificate, changed, f"another byte {at}")
        assert_rejected(certificate, data[:-1], "a byte less")


@given(st.binary(max_size=300))
def test_the_checker_s_lz4_reader_raises_nothing_but_rejected(data: bytes) -> None:
    for start in (b"", b"\x04\x22\x4d\x18", b"\x04\x22\x4d\x18\x40\x40\xc0"):
        with contextlib.suppress(Rejected):
            for _ in unfolded(iter([start + data])):
                pass


def patched(data: bytes, old: bytes, new: bytes, which: int = 0) -> bytes:
    """`data` with the occurrence number `which` of `old` replaced."""
    at = -1
    for _ in range(which + 1):
        at = data.index(old, at + 1)
    return data[:at] + new + data[at + len(old) :]


def test_a_local_header_with_another_name_is_refuted() -> None:
    verdict = judged(patched(zipped({"good": b"x"}), b"good", b"evil"))
    assert isinstance(verdict, Refuted)
    assert "'evil'" in verdict.witnesses[0].says


def test_a_local_header_with_another_size_is_refuted() -> None:
    data = zipped({"a": b"xyz"})
    assert isinstance(judged(data[:22] + struct.pack("<I", 2) + data[26:]), Refuted)


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a", "C:/a"])
def test_a_name_that_leads_out_of_the_folder_is_refuted(name: str) -> None:
    assert isinstance(judged(zipped({name: b"x"})), Refuted)
    assert isinstance(judged(tarred({name: b"x"}), "tar"), Refuted)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_and_other_content_are_refuted() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a", b"one")
        archive.writestr("a", b"two")
    assert isinstance(judged(held.getvalue()), Refuted)
    twice = tarred({"a": b"one"})[:1024] + tarred({"a": b"two"})
    assert isinstance(judged(twice, "tar"), Refuted)


def test_a_member_that_the_directory_does_not_list_is_refuted() -> None:
    data = zipped({"shown": b"x", "hidden": b"y"})
    start = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", start + 1)
    end = data.index(b"PK\x05\x06")
    whole = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, second - start, start, 0)
    verdict = judged(data[:second] + whole)
    assert len(data[second:end]) > 46
    assert isinstance(verdict, Refuted)


DOUBTFUL = {
    "bytes before it": b"x" * 7 + zipped({"a": b"x"}),
    "a wrong checksum": zipped({"a": b"x"}).replace(struct.pack("<I", zlib.crc32(b"x")), b"abcd"),
    "bytes after it": zipped({"a": b"x"}) + b"junk",
    "a NUL in a name": zipped({"a_b": b"x"}).replace(b"a_b", b"a\0b"),
    "a backslash in a name": zipped({"a_b": b"x"}).replace(b"a_b", b"a\\b"),
}


@pytest.mark.parametrize("why", DOUBTFUL)
def test_where_readers_part_ways_nothing_is_proven(why: str) -> None:
    verdict = judged(DOUBTFUL[why])
    assert isinstance(verdict, Undecided)
    assert verdict.reason in (Reason.PARSER_DIFFERENTIAL, Reason.MALFORMED)


def test_an_encrypted_member_is_not_opened() -> None:
    data = bytearray(zipped({"a": b"x"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    verdict = judged(bytes(data))
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.ENCRYPTED


def test_a_link_in_a_tar_is_not_opened() -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        one = tarfile.TarInfo("a")
        one.type, one.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(one)
    verdict = judged(held.getvalue(), "tar")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.OUTSIDE_TARGET


def test_a_long_name_that_ends_in_two_ways_is_a_difference_between_readers() -> None:
    data = bytearray(tarred({"x" * 200: b"y"}, tarfile.GNU_FORMAT))
    data[512 + 200 : 512 + 204] = b"zzzz"
    verdict = judged(bytes(data), "tar")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL


def test_a_member_behind_the_end_of_a_tar_is_refuted() -> None:
    data = tarred({"a": b"x"})
    assert isinstance(judged(data + tarred({"b": b"y"}), "tar"), Refuted)


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zlib"])
def test_bytes_behind_a_stream_are_a_difference_between_readers(kind: str) -> None:
    verdict = judged(SAMPLES[kind][0] + b"junk", kind)
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL


@pytest.mark.parametrize("name", ["zlib", "lzma"])
def test_a_second_stream_is_one_too_many_where_the_format_knows_of_one(name: str) -> None:
    data, kind = SAMPLES[name]
    assert isinstance(judged(data * 2, kind), Undecided)


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zlib"])
def test_a_stream_cut_short_is_said_to_be(kind: str) -> None:
    verdict = judged(SAMPLES[kind][0][:-3], kind)
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.TRUNCATED


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_proven_of_changed_bytes_also_checks(drawn: st.DataObject) -> None:
    data, kind = SAMPLES[drawn.draw(st.sampled_from(sorted(SAMPLES)))]
    changed = bytearray(data)
    for _ in range(drawn.draw(st.integers(1, 4))):
        at = drawn.draw(st.integers(0, len(changed) - 1))
        changed[at] = drawn.draw(st.integers(0, 255))
    verdict = judged(bytes(changed), kind)
    if isinstance(verdict, Proven):
        check(verdict.certificate, bytes(changed))


def test_an_lz4_match_that_points_at_itself_is_a_difference_between_readers() -> None:
    pytest.importorskip("lz4.frame")
    data = bytes.fromhex("04224d1868409600000000000000570d0000003f61000000007b50626361626300000000")
    assert isinstance(judged(data, "lz4"), Undecided)

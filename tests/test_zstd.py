"""The checkers' own reader of zstd against libzstd, and `fully-opened` of what zstd packed."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    verdict_on,
)
from probatum.analyzers.model.fully_opened import fully_opened
from probatum.check.zstd_frames import unfolded
from probatum.errors import Rejected
from probatum.vocabulary import Proven, Reason, Undecided

zstandard = pytest.importorskip("zstandard")
PICKLE = b"\x80\x04]\x94."
SKIPPABLE = b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"skip"


def packed(data: bytes, level: int = 3, told: bool = True) -> bytes:
    """`told`: with the content's size and no checksum; else the other way about."""
    machine = zstandard.ZstdCompressor(
        level=level, write_checksum=not told, write_content_size=told
    )
    if told:
        return bytes(machine.compress(data))
    stream = machine.compressobj()
    return bytes(stream.compress(data) + stream.flush())


def unpacked(data: bytes) -> bytes:
    def pieces() -> Iterator[bytes]:
        yield from (data[at : at + 1000] for at in range(0, len(data), 1000))

    return b"".join(unfolded(pieces()))


def member_of_zip(data: bytes) -> bytes:
    """A ZIP of one member that is compressed with zstd, which zipfile learnt in Python 3.14."""
    held, inner = io.BytesIO(), packed(data)
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.pkl"), inner)
    whole = bytearray(held.getvalue())
    for header, method, crc in ((0, 8, 14), (whole.index(b"PK\1\2"), 10, 16)):
        struct.pack_into("<H", whole, header + method, 93)
        struct.pack_into("<III", whole, header + crc, zlib.crc32(data), len(inner), len(data))
    return bytes(whole)


WORDS = random.Random(1)
CONTENTS = {
    "nothing": b"",
    "one byte": b"a",
    "a run": b"a" * 400_000,
    "noise": WORDS.randbytes(300_000),
    "two letters": bytes(WORDS.choice(b"ab") for _ in range(50_000)),
    "falling frequencies": bytes(min(255, int(WORDS.expovariate(0.1))) for _ in range(50_000)),
    "words": b" ".join(
        WORDS.choice((b"layer", b"weight", b"bias", b"0", b"1")) for _ in range(40_000)
    ),
}


@pytest.mark.parametrize("level", [-5, 1, 3, 12, 22])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("content", CONTENTS)
def test_the_checker_reads_what_libzstd_writes(content: str, level: int, told: bool) -> None:
    data = CONTENTS[content]
    assert unpacked(packed(data, level, told)) == data


def test_an_honest_stream_is_proven_and_every_mutant_of_the_proof_is_rejected() -> None:
    data = packed(PICKLE * 30) + packed(b"more", told=False)
    certificate = certificate_of(fully_opened, data, "zstd")
    assert_every_mutant_is_rejected(certificate, data, range(len(data)))


def test_a_member_of_a_zip_is_proven_and_every_mutant_of_the_proof_is_rejected() -> None:
    data = member_of_zip(PICKLE * 30)
    certificate = certificate_of(fully_opened, data, "zip")
    assert_every_mutant_is_rejected(certificate, data, range(len(data)))


def changed(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


PLAIN = packed(b"x" * 100)
STRANGE = {
    "a skippable frame before": (SKIPPABLE + PLAIN, Reason.PARSER_DIFFERENTIAL),
    "a skippable frame behind": (PLAIN + SKIPPABLE, Reason.PARSER_DIFFERENTIAL),
    "a frame cut short": (PLAIN[:-1], Reason.TRUNCATED),
    "no frame at all": (b"\x28\xb5\x2f\xfd", Reason.TRUNCATED),
    "bytes behind": (PLAIN + b"\0\0\0\0\0", Reason.PARSER_DIFFERENTIAL),
    "reserved bits": (changed(PLAIN, 4, PLAIN[4] | 0x10), Reason.PARSER_DIFFERENTIAL),
}


@pytest.mark.parametrize("why", STRANGE)
def test_where_readers_part_ways_nothing_is_proven(why: str) -> None:
    data, reason = STRANGE[why]
    verdict = verdict_on(fully_opened, data, "zstd")
    assert isinstance(verdict, Undecided), verdict
    assert verdict.reason == reason
    honest = certificate_of(fully_opened, PLAIN, "zstd")
    assert_rejected(honest, data, why)
    with pytest.raises(Rejected):
        unpacked(data)


def test_a_stream_that_needs_a_dictionary_is_not_proven() -> None:
    words = zstandard.ZstdCompressionDict(b"layer weight bias" * 50)
    data = zstandard.ZstdCompressor(dict_data=words).compress(b"layer weight bias")
    assert isinstance(verdict_on(fully_opened, data, "zstd"), Undecided)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_on_changed_bytes_the_checker_says_the_same_as_libzstd_or_rejects(
    drawn: st.DataObject,
) -> None:
    content = drawn.draw(st.sampled_from(sorted(CONTENTS)))
    data = bytearray(packed(CONTENTS[content][:3000], drawn.draw(st.sampled_from((1, 9, 19)))))
    for _ in range(drawn.draw(st.integers(1, 3))):
        data[drawn.draw(st.integers(4, len(data) - 1))] = drawn.draw(st.integers(0, 255))
    try:
        mine = unpacked(bytes(data))
    except Rejected:
        return
    machine = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    assert machine.decompress(bytes(data)) == mine


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_the_checker_s_reader_raises_nothing_but_rejected(data: bytes) -> None:
    for one in (data, b"\x28\xb5\x2f\xfd" + data, b"\x28\xb5\x2f\xfd\x00\x58" + data):
        try:
            unpacked(one)
        except Rejected:
            continue


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_the_prover_raises_nothing_but_format_errors(drawn: st.DataObject) -> None:
    data = bytearray(packed(b"some words " * 20, told=drawn.draw(st.booleans())))
    data[drawn.draw(st.integers(0, len(data) - 1))] = drawn.draw(st.integers(0, 255))
    assert isinstance(verdict_on(fully_opened, bytes(data), "zstd"), Proven | Undecided)

"""The index of a TensorFlow checkpoint, written here as TensorFlow's table builder writes it."""

import hashlib
import struct

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
from probatum.analyzers.model.tensorflow_index_header import tensorflow_index_header
from probatum.analyzers.model.tensorflow_index_load import tensorflow_index_load
from probatum.formats.kinds import kind_of
from probatum.formats.tensor_bundle import MAGIC
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Undecided
from protobuf_writer import number, part, whole

Entries = list[tuple[bytes, bytes]]


def message(*fields: tuple[int, int | bytes]) -> bytes:
    return b"".join(
        whole(field, value) if isinstance(value, int) else part(field, value)
        for field, value in fields
    )


HEADER = message((1, 1), (3, message((1, 1))))


def block(entries: Entries) -> bytes:
    """Keys that share what they can with the one before them, and one restart."""
    out, before = b"", b""
    for key, value in entries:
        shared = 0
        while shared < min(len(key), len(before)) and key[shared] == before[shared]:
            shared += 1
        out += (
            number(shared) + number(len(key) - shared) + number(len(value)) + key[shared:] + value
        )
        before = key
    return out + struct.pack("<II", 0, 1)


def table(*blocks: Entries, between: bytes = b"", compression: int = 0) -> bytes:
    out, handles = b"", []
    for entries in blocks:
        data = block(entries)
        handles.append((entries[-1][0] + b"\xff", number(len(out)) + number(len(data))))
        out += data + bytes((compression,)) + b"crc!" + between
    meta, top = block([]), block(handles)
    footer = number(len(out)) + number(len(meta))
    out += meta + b"\0crc!"
    footer += number(len(out)) + number(len(top))
    return out + top + b"\0crc!" + footer.ljust(40, b"\0") + MAGIC


def entry(
    type: int, shape: tuple[int, ...], offset: int, size: int, shard: int = 0, **more: int
) -> bytes:
    dimensions = message(*((2, message((1, one))) for one in shape))
    known = ((1, type), (2, dimensions), (3, shard), (4, offset), (5, size))
    return message(*known, *((int(name[1:]), value) for name, value in more.items()))


A = (b"layer/bias", entry(1, (4,), 0, 16))
B = (b"layer/kernel", entry(1, (4, 3), 16, 48))
C = (b"names", entry(7, (2,), 64, 30))
SMALL = table([(b"", HEADER), A, B], [C])


@pytest.mark.parametrize("analyzer", [tensorflow_index_header, tensorflow_index_load])
def test_a_sound_index_is_proven_and_every_mutant_of_the_proof_is_rejected(
    analyzer: object,
) -> None:
    certificate = certificate_of(analyzer, SMALL, "tensorflow-index")  # type: ignore[arg-type]
    assert certificate.facts["tensors"] == 3
    assert certificate.facts["shards"] == [94]
    assert_every_mutant_is_rejected(certificate, SMALL, range(len(SMALL)))


def test_the_magic_at_its_end_makes_it_an_index() -> None:
    assert kind_of("variables/variables.index", BytesMaterial(SMALL)) == "tensorflow-index"
    assert kind_of("variables/variables.index", BytesMaterial(SMALL[:-1])) == "unknown"


def test_several_shards_have_sizes_of_their_own() -> None:
    header = message((1, 2))
    data = table([(b"", header), A, (b"z", entry(9, (), 0, 8, shard=1))])
    facts = certificate_of(tensorflow_index_header, data, "tensorflow-index").facts
    assert facts["shards"] == [16, 8]


UNSOUND = {
    "no header": table([A, B]),
    "no shards": table([(b"", b""), A]),
    "big-endian numbers": table([(b"", message((1, 1), (2, 1))), A]),
    "a size that is not the shape's": table([(b"", HEADER), (b"a", entry(1, (4,), 0, 15))]),
    "a shard that is not there": table([(b"", HEADER), (b"a", entry(1, (4,), 0, 16, shard=1))]),
    "tensors that overlap": table([(b"", HEADER), A, (b"z", entry(1, (4,), 8, 16))]),
    "an offset beyond any file": table([(b"", HEADER), (b"a", entry(1, (1,), 1 << 63, 4))]),
    "a negative dimension": table([(b"", HEADER), (b"a", entry(1, ((1 << 64) - 1,), 0, 4))]),
    "a resource": table([(b"", HEADER), (b"a", entry(20, (), 0, 8))]),
    "a variant": table([(b"", HEADER), (b"a", entry(21, (), 0, 8))]),
    "a slice": table([(b"", HEADER), (b"a", entry(1, (4,), 0, 16, f7=1))]),
    "keys out of order": table([(b"", HEADER), B, A]),
    "a key twice": table([(b"", HEADER), A, A]),
    "bytes between blocks": table([(b"", HEADER), A], [C], between=b"x"),
    "a compressed block": table([(b"", HEADER), A], compression=1),
    "bytes before the footer": SMALL[:-48] + b"x" + SMALL[-48:],
    "no footer": SMALL[:-8],
    "nothing": b"",
}


@pytest.mark.parametrize("why", UNSOUND)
def test_an_index_that_is_not_sound_is_not_proven(why: str) -> None:
    data = UNSOUND[why]
    verdict = verdict_on(tensorflow_index_header, data, "tensorflow-index")
    assert isinstance(verdict, Undecided), verdict
    for shards in ([16], [94], [0]):
        digest = hashlib.sha256(data).hexdigest()
        facts = {"size": len(data), "sha256": digest, "tensors": 1, "shards": shards}
        assert_rejected(Certificate("tensor_bundle", facts), data, why)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=5))
def test_whatever_is_proven_of_a_changed_index_also_checks(at: int, put: bytes) -> None:
    data = SMALL[:at] + put + SMALL[at + len(put) :]
    verdict = verdict_on(tensorflow_index_load, data, "tensorflow-index")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=40))
def test_the_reader_raises_nothing_but_format_errors(data: bytes, footer: bytes) -> None:
    whole = data + footer.ljust(40, b"\0") + MAGIC
    assert isinstance(
        verdict_on(tensorflow_index_load, whole, "tensorflow-index"), Proven | Undecided
    )
    facts = {"size": len(whole), "sha256": "", "tensors": 0, "shards": []}
    assert_rejected(Certificate("tensor_bundle", facts), whole, "no digest")

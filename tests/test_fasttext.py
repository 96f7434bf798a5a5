"""fastText models, dense and quantised, written here as fastText saves them."""

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
from probatum.analyzers.model.fasttext_header import fasttext_header
from probatum.analyzers.model.fasttext_load import fasttext_load
from probatum.formats.fasttext import MAGIC
from probatum.formats.kinds import kind_of
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Undecided

KIND = "fasttext"


def start(version: int = 12) -> bytes:
    return MAGIC + struct.pack("<i12id", version, *range(12), 0.05)


def dictionary(*words: bytes, labels: int = 1, pruned: int = -1, told: int | None = None) -> bytes:
    size = len(words) if told is None else told
    out = struct.pack("<iiiqq", size, len(words) - labels, labels, 99, pruned)
    for place, word in enumerate(words):
        out += word + b"\0" + struct.pack("<qb", 3, place >= len(words) - labels)
    return out + bytes(8 * max(0, pruned))


def dense(rows: int, columns: int) -> bytes:
    return b"\0" + struct.pack("<qq", rows, columns) + bytes(4 * rows * columns)


def quantizer(dimension: int, width: int) -> bytes:
    parts = -(-dimension // width)
    last = dimension - (parts - 1) * width
    return struct.pack("<4i", dimension, parts, width, last) + bytes(4 * dimension * 256)


def quantised(rows: int, columns: int, normed: bool = True) -> bytes:
    codes = rows * -(-columns // 2)
    out = b"\1" + struct.pack("<?qqi", normed, rows, columns, codes) + bytes(codes)
    out += quantizer(columns, 2)
    return out + (bytes(rows) + quantizer(1, 1) if normed else b"")


WORDS = dictionary(b"the", "é".encode(), b"__label__en")
SMALL = start() + WORDS + dense(5, 4) + dense(1, 4)
SOUND = {
    "dense": SMALL,
    "quantised": start() + WORDS + quantised(5, 3) + quantised(1, 3, normed=False),
    "pruned": start(11) + dictionary(b"a", b"__label__b", pruned=2) + quantised(4, 2) + dense(1, 2),
    "no words": start() + dictionary(labels=0) + dense(0, 4) + dense(0, 4),
}


@pytest.mark.parametrize("what", SOUND)
def test_a_model_is_proven_and_every_mutant_of_the_proof_is_rejected(what: str) -> None:
    for analyzer in (fasttext_load, fasttext_header):
        certificate = certificate_of(analyzer, SOUND[what], KIND)
        assert_every_mutant_is_rejected(certificate, SOUND[what], range(60 + len(b"words")))


def test_its_magic_number_makes_it_one() -> None:
    assert kind_of("lid.176.ftz", BytesMaterial(SMALL)) == KIND
    assert kind_of("lid.176.bin", BytesMaterial(SMALL)) == KIND


WRONG = {
    "another version": start(13) + SMALL[60:],
    "fewer words than are told": start() + dictionary(b"a", told=2) + dense(1, 1) * 2,
    "a word of nothing": start() + dictionary(b"", b"b") + dense(1, 1) * 2,
    "a matrix that passes the end": SMALL[:-1],
    "bytes behind": SMALL + b"\0",
    "a negative matrix": start() + WORDS + b"\0" + struct.pack("<qq", -1, -4) + bytes(16),
    "a matrix of neither kind": SMALL.replace(WORDS + b"\0", WORDS + b"\2"),
    "codes of another size": start() + WORDS + quantised(5, 3)[:18] + b"\0" * 5000 + dense(1, 3),
    "no dictionary": start(),
    "another byte order": MAGIC[::-1] + SMALL[4:],
}


@pytest.mark.parametrize("why", WRONG)
def test_a_model_that_is_not_whole_is_not_proven(why: str) -> None:
    data = WRONG[why]
    assert isinstance(verdict_on(fasttext_load, data, KIND), Undecided)
    facts = certificate_of(fasttext_load, SMALL, KIND).facts | {"size": len(data)}
    assert_rejected(Certificate("fasttext", facts), data, why)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(SOUND)), st.data())
def test_whatever_is_proven_of_a_changed_model_also_checks(what: str, drawn: st.DataObject) -> None:
    data = SOUND[what]
    at, put = drawn.draw(st.integers(0, len(data) - 1)), drawn.draw(st.binary(max_size=4))
    data = data[:at] + put + data[at + len(put) :]
    verdict = verdict_on(fasttext_header, data, KIND)
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.binary(max_size=200))
def test_the_reader_raises_nothing_but_format_errors(data: bytes) -> None:
    assert isinstance(verdict_on(fasttext_load, start() + data, KIND), Proven | Undecided)
    facts = {"size": 60 + len(data), "words": 0, "structure_sha256": ""}
    assert_rejected(Certificate("fasttext", facts), start() + data, "no digest")

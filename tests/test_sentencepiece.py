"""SentencePiece models, spelled here field by field."""

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
from probatum.analyzers.model.sentencepiece_load import sentencepiece_load
from probatum.formats.kinds import kind_of
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Undecided
from protobuf_writer import part, whole

KIND = "sentencepiece"


def piece(text: str | bytes, score: float = 0.0, type: int | None = None) -> bytes:
    fields = part(1, text) + b"\x15" + struct.pack("<f", score)
    return part(1, fields + (whole(3, type) if type is not None else b""))


TRAINER = part(2, part(1, "corpus.txt"), whole(4, 32000))
NORMALIZER = part(3, part(1, "nmt_nfkc"), part(2, bytes(9)), whole(3, 1))
SMALL = piece("<unk>", 0, 2) + piece("▁a", -2.5) + piece("<0x00>", 0, 6) + TRAINER + NORMALIZER


def test_a_vocabulary_is_proven_and_every_mutant_of_the_proof_is_rejected() -> None:
    certificate = certificate_of(sentencepiece_load, SMALL, KIND)
    assert certificate.facts["pieces"] == 3
    assert_every_mutant_is_rejected(certificate, SMALL, range(len(SMALL)))


def test_its_first_piece_tells_a_vocabulary_from_other_protocol_buffers() -> None:
    assert kind_of("tokenizer.model", BytesMaterial(SMALL)) == KIND
    many = SMALL + b"".join(piece(f"w{at}", -at) for at in range(1000))
    assert kind_of("spiece.model", BytesMaterial(many)) == KIND
    node = part(1, part(1, "x"), part(2, "Const"))
    assert kind_of("frozen.pb", BytesMaterial(node)) == "saved-model"
    assert kind_of("tokenizer.model", BytesMaterial(part(1, part(1, "x")))) == "unknown"


ODD = {
    "a field of an extension": SMALL + part(200, "x"),
    "two ways to train": SMALL + TRAINER,
    "a piece that is no text": piece(b"\xff\xfe") + SMALL,
    "a piece of no text": piece("") + SMALL,
    "a piece of another type": piece("a", 0, 7) + SMALL,
    "a piece with another field": part(1, part(1, "a"), part(9, "b")) + SMALL,
    "a piece with two texts": part(1, part(1, "a"), part(1, "b")) + SMALL,
    "a normaliser with another field": piece("a") + part(3, part(7, "x")),
    "a number where bytes should be": SMALL + whole(4, 1),
    "a file cut short": SMALL[:-1],
}


@pytest.mark.parametrize("why", ODD)
def test_what_is_no_plain_vocabulary_is_not_proven(why: str) -> None:
    data = ODD[why]
    assert isinstance(verdict_on(sentencepiece_load, data, KIND), Undecided)
    for count in range(6):
        facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "pieces": count}
        assert_rejected(Certificate("sentencepiece", facts), data, why)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=4))
def test_whatever_is_proven_of_a_changed_vocabulary_also_checks(at: int, put: bytes) -> None:
    data = SMALL[:at] + put + SMALL[at + len(put) :]
    verdict = verdict_on(sentencepiece_load, data, KIND)
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.binary(max_size=100))
def test_the_readers_raise_nothing_but_their_own_errors(data: bytes) -> None:
    assert isinstance(verdict_on(sentencepiece_load, data, KIND), Proven | Undecided)
    assert kind_of("tokenizer.model", BytesMaterial(b"\x0a" + data))
    facts = {"size": len(data), "sha256": "", "pieces": 0}
    assert_rejected(Certificate("sentencepiece", facts), data, "no digest")

"""The constants of OpenVINO models: their sizes, and where the document says that they lie."""

import hashlib

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
from probatum.analyzers.model.openvino_header import openvino_header
from probatum.vocabulary import Certificate, Proven, Refuted, Undecided

KIND = "openvino-xml"


def constant(type: str, shape: str, offset: int | str, size: int | str) -> str:
    data = f'<data element_type="{type}" shape="{shape}" offset="{offset}" size="{size}"/>'
    return f'<layer id="0" name="c" type="Const" version="opset1">{data}<output/></layer>'


def net(*layers: str) -> bytes:
    body = "".join(layers)
    return f'<?xml version="1.0"?><net name="n" version="11"><layers>{body}</layers></net>'.encode()


SMALL = net(
    constant("f32", "4, 3", 0, 48),
    constant("i64", "", 48, 8),
    constant("i64", "", 48, 8),
    constant("u4", "3", 56, 2),
    constant("f16", "0,5", 58, 0),
    '<layer id="9" name="r" type="ReLU" version="opset1"/>',
)


def test_sound_constants_are_proven_and_every_mutant_of_the_proof_is_rejected() -> None:
    certificate = certificate_of(openvino_header, SMALL, KIND)
    assert certificate.facts["weights"] == 58
    assert certificate.facts["constants"] == 5
    assert_every_mutant_is_rejected(certificate, SMALL, range(0, len(SMALL), 5))


def test_how_long_the_weights_must_be_is_an_assumption() -> None:
    verdict = verdict_on(openvino_header, SMALL, KIND)
    assert isinstance(verdict, Proven)
    assert "58 bytes" in verdict.assumptions[0]


INSIDE = '<layer type="Const"><body><layer type="X"/></body><data offset="0" size="9"/></layer>'
WRONG = {
    "a size that is not the shape's": net(constant("f32", "4", 0, 15)),
    "no offset": net(constant("f32", "4", "", 16)),
    "a negative offset": net(constant("f32", "4", -16, 16)),
    "constants that overlap": net(constant("f32", "4", 0, 16), constant("f32", "4", 8, 16)),
    "a constant inside a larger one": net(
        constant("u8", "100", 0, 100), constant("u8", "1", 2, 1), constant("u8", "9", 50, 9)
    ),
    "a type that is not listed": net(constant("string", "4", 0, 16)),
    "a shape that is none": net(constant("f32", "?,4", 0, 16)),
    "a layer between a constant and its data": net(INSIDE),
    "a document type": SMALL.replace(b"<net", b"<!DOCTYPE net [<!ENTITY a 'b'>]><net", 1),
    "a document that breaks off": SMALL[:-9],
}


@pytest.mark.parametrize("why", WRONG)
def test_constants_that_cannot_lie_there_are_not_proven(why: str) -> None:
    data = WRONG[why]
    assert isinstance(verdict_on(openvino_header, data, KIND), Refuted | Undecided)
    for count, weights in ((1, 16), (2, 24), (3, 100), (5, 58), (0, 0)):
        facts = {"size": len(data), "constants": count, "weights": weights}
        facts |= {"sha256": hashlib.sha256(data).hexdigest()}
        assert_rejected(Certificate("openvino_constants", facts), data, why)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=6))
def test_whatever_is_proven_of_a_changed_document_also_checks(at: int, put: bytes) -> None:
    data = SMALL[:at] + put + SMALL[at + len(put) :]
    verdict = verdict_on(openvino_header, data, KIND)
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)

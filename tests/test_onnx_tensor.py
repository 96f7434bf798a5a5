"""Tensors that ONNX keeps in files of their own."""

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
from probatum.analyzers.model.onnx_tensor_header import onnx_tensor_header
from probatum.analyzers.model.onnx_tensor_load import onnx_tensor_load
from probatum.formats.kinds import kind_of
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Refuted, Undecided
from protobuf_writer import number, part, whole

KIND = "onnx-tensor"
FLOATS = whole(1, 2) + whole(1, 3) + whole(2, 1) + part(8, "x") + part(9, bytes(24))
SOUND = {
    "raw data": FLOATS,
    "packed dimensions": part(1, number(2), number(3)) + whole(2, 1) + part(9, bytes(24)),
    "packed floats": whole(1, 2) + whole(2, 1) + part(4, struct.pack("<2f", 1, 2)),
    "packed numbers": whole(1, 3) + whole(2, 7) + part(7, number(1), number(300), number(1 << 63)),
    "halves as numbers": whole(1, 2) + whole(2, 10) + whole(5, 15360) + whole(5, 0),
    "complex numbers": whole(1, 1) + whole(2, 14) + part(4, bytes(8)),
    "texts": whole(1, 2) + whole(2, 8) + part(6, "a") + part(6, ""),
    "four bits": whole(1, 3) + whole(2, 22) + part(9, b"\x21\x03"),
    "a scalar": whole(2, 11) + part(10, bytes(8)),
    "nothing": whole(1, 0) + whole(2, 1) + part(9),
}


@pytest.mark.parametrize("what", SOUND)
def test_a_sound_tensor_is_proven_and_every_mutant_of_the_proof_is_rejected(what: str) -> None:
    for analyzer in (onnx_tensor_header, onnx_tensor_load):
        certificate = certificate_of(analyzer, SOUND[what], KIND)
        start = SOUND[what].index(part(9, bytes(24))[:2]) if what == "raw data" else 0
        assert_every_mutant_is_rejected(certificate, SOUND[what], range(start))


def test_what_a_file_is_called_decides_between_a_graph_and_a_tensor() -> None:
    assert kind_of("test_data_set_0/input_0.pb", BytesMaterial(FLOATS)) == KIND
    assert kind_of("saved_model.pb", BytesMaterial(FLOATS)) == "saved-model"
    assert kind_of("model.onnx", BytesMaterial(FLOATS)) == "onnx"
    node = part(1, part(1, "x"), part(2, "Const"))
    assert kind_of("frozen.pb", BytesMaterial(node)) == "saved-model"
    assert kind_of("frozen.pb", BytesMaterial(node + whole(2, 1) + part(9, b"x"))) == "saved-model"


UNSOUND = {
    "too few raw data": whole(1, 7) + whole(2, 1) + part(9, bytes(24)),
    "too many numbers": whole(1, 1) + whole(2, 7) + whole(7, 1) + whole(7, 1),
    "a negative dimension": whole(1, (1 << 64) - 1) + whole(2, 1) + part(9),
    "a shape that overflows": whole(1, 1 << 40) * 2 + whole(2, 1) + part(9, bytes(24)),
    "no type": whole(1, 6) + part(9, bytes(24)),
    "a type that is not known": whole(1, 6) + whole(2, 28) + part(9, bytes(24)),
    "text in raw data": whole(2, 8) + part(9, b"x"),
    "floats among the integers": whole(1, 1) + whole(2, 1) + whole(7, 1),
    "no data": whole(1, 6) + whole(2, 1),
    "data in two places": FLOATS + part(4, bytes(24)),
    "raw data twice": FLOATS + part(9, bytes(24)),
    "a segment": FLOATS + part(3, whole(1, 0)),
    "another file": whole(1, 6) + whole(2, 1) + whole(14, 1)
    + part(13, part(1, "location"), part(2, "/etc/passwd")),
    "another file that is not meant": FLOATS + part(13, part(1, "location"), part(2, "x")),
    "a field that is not known": FLOATS + whole(99, 1),
    "a file cut short": FLOATS[:-1],
}  # fmt: skip


@pytest.mark.parametrize("why", UNSOUND)
def test_a_tensor_that_is_not_sound_is_not_proven(why: str) -> None:
    data = UNSOUND[why]
    assert isinstance(verdict_on(onnx_tensor_header, data, KIND), Refuted | Undecided)
    assert isinstance(verdict_on(onnx_tensor_load, data, KIND), Undecided)
    facts = certificate_of(onnx_tensor_header, FLOATS, KIND).facts
    for elements in (6, 1, 0):
        other = facts | {"size": len(data), "elements": elements}
        assert_rejected(Certificate("onnx_tensor", other), data, why)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(SOUND)), st.data())
def test_whatever_is_proven_of_a_changed_tensor_also_checks(
    what: str, drawn: st.DataObject
) -> None:
    data = SOUND[what]
    at, put = drawn.draw(st.integers(0, len(data) - 1)), drawn.draw(st.binary(max_size=4))
    data = data[:at] + put + data[at + len(put) :]
    verdict = verdict_on(onnx_tensor_header, data, KIND)
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.binary(max_size=100))
def test_the_reader_raises_nothing_but_format_errors(data: bytes) -> None:
    verdict_on(onnx_tensor_load, data, KIND)
    facts = {"size": len(data), "skeleton": "", "type": 1, "elements": 0}
    assert_rejected(Certificate("onnx_tensor", facts), data, "no skeleton")

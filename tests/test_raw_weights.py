"""Bare numbers beside a model: what their names make of them, and what no loader takes them for."""

import hashlib
import io
import pickle
import random
import struct
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificate_laws import assert_every_mutant_is_rejected, assert_rejected, certificate_of, check
from certificate_laws import verdict_on as judged_on
from probatum.analyzers.model.raw_weights import raw_weights
from probatum.formats.kinds import kind_of
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Reason, Undecided

NUMBERS = struct.pack("<200f", *(random.Random(7).gauss(0, 1) for _ in range(200)))


def kind(name: str, data: bytes, *beside: str) -> str:
    return kind_of(name, BytesMaterial(data, frozenset(beside)))


def test_the_names_of_three_programs_mean_bare_numbers() -> None:
    assert kind("ir/model.bin", NUMBERS, "model.xml") == "raw-weights"
    assert kind("v/variables.data-00000-of-00002", NUMBERS, "variables.index") == "raw-weights"
    assert kind("m/Data/com.apple.CoreML/weights/weight.bin", NUMBERS) == "raw-weights"


def test_without_what_gives_them_a_meaning_numbers_are_unknown_or_what_their_name_promises() -> (
    None
):
    assert kind("model.bin", NUMBERS) == "pickle"
    assert kind("variables.data-00000-of-00001", NUMBERS) == "unknown"


def test_a_pickle_or_an_archive_of_such_a_name_stays_one() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a", b"x")
    assert kind("model.bin", pickle.dumps([1]), "model.xml") == "pickle"
    assert kind("model.bin", NUMBERS + held.getvalue(), "model.xml") == "zip"


@pytest.mark.parametrize("data", [NUMBERS, bytes(1000), b"\x00", b"\xff" * 70_000, NUMBERS * 200])
def test_bare_numbers_are_proven_and_every_mutant_of_the_proof_is_rejected(data: bytes) -> None:
    certificate = certificate_of(raw_weights, data, "raw-weights")
    stride = max(1, len(data) // 50)
    looked_at = [at for at in range(0, len(data), stride) if at < 1 << 16 or at > len(data) - 65557]
    for at in looked_at:
        changed = data[:at] + bytes([data[at] ^ 0x11]) + data[at + 1 :]
        assert_rejected(certificate, changed, f"another byte {at}")
    assert_every_mutant_is_rejected(certificate, data, range(0))


def tarred() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return held.getvalue()


OTHERS = {
    "a program": b"\x7fELF" + NUMBERS,
    "a script": b"#!/bin/sh\n\0" + NUMBERS,
    "a ZIP's end": NUMBERS + b"PK\5\6" + bytes(18),
    "HDF5 further in": bytes(1024) + b"\x89HDF\r\n\x1a\n" + bytes(500),
    "a tar": tarred(),
    "a zlib stream": zlib.compress(NUMBERS),
    "tensors": b"\x02\0\0\0\0\0\0\0{}" + NUMBERS,
    "a pickle of nothing": b"N." + NUMBERS,
    "a pickle that imports": b"cos\nsystem\n" + NUMBERS,
    "a pickle of protocol 4": b"\x80\x04" + NUMBERS,
    "a pickle that goes on for long": b"N" * 70_000 + NUMBERS,
    "a text to a pickle machine": b"X\xff\xff\0\0" + NUMBERS,
    "a flat buffer": b"\x1c\0\0\0TFL3" + NUMBERS,
    "text": b"some words",
}


@pytest.mark.parametrize("why", OTHERS)
def test_what_a_loader_takes_for_something_else_is_not_proven(why: str) -> None:
    verdict = judged_on(raw_weights, OTHERS[why], "raw-weights")
    assert isinstance(verdict, Undecided), verdict
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL
    facts = _facts_of(OTHERS[why])
    assert_rejected(Certificate("raw_weights", facts), OTHERS[why], why)


def _facts_of(data: bytes) -> dict[str, object]:
    seen, at = hashlib.sha256(data[: 1 << 16] + data[-65557:]), 512
    while at < len(data):
        seen.update(data[at : at + 8])
        at *= 2
    return {"size": len(data), "looked_at": seen.hexdigest()}


@settings(max_examples=500, deadline=None)
@given(st.binary(min_size=1, max_size=600))
def test_whatever_is_proven_also_checks(data: bytes) -> None:
    verdict = judged_on(raw_weights, data, "raw-weights")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(OTHERS)), st.data())
def test_whatever_is_proven_of_something_else_that_was_changed_also_checks(
    why: str, drawn: st.DataObject
) -> None:
    data = bytearray(OTHERS[why])
    for _ in range(drawn.draw(st.integers(1, 3))):
        data[drawn.draw(st.integers(0, min(len(data) - 1, 300)))] = drawn.draw(st.integers(0, 255))
    verdict = judged_on(raw_weights, bytes(data), "raw-weights")
    if isinstance(verdict, Proven):
        check(verdict.certificate, bytes(data))

"""What the Torch7 reader and its checker promise, on objects assembled here."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import assert_every_mutant_is_rejected, certificate_of, check, verdict_on
from probatum.analyzers.model.torch7_data import torch7_data
from probatum.analyzers.model.torch7_load import torch7_load
from probatum.vocabulary import Proven, Reason, Refuted, Undecided

ANALYZERS = (torch7_load, torch7_data)


def number(value: int, width: int = 4) -> bytes:
    return value.to_bytes(width, "little")


def text(value: bytes) -> bytes:
    return number(2) + number(len(value)) + value


def named(index: int, name: bytes) -> bytes:
    said = number(3) + b"V 1" + number(len(name)) + name
    return number(4) + number(index) + said


def table(index: int, *pairs: bytes) -> bytes:
    return number(3) + number(index) + number(len(pairs) // 2) + b"".join(pairs)


def tensor(index: int, storage: bytes) -> bytes:
    where = number(1) + number(2, 8) + number(1, 8) + number(1, 8)
    return named(index, b"torch.FloatTensor") + where + storage


def storage(index: int) -> bytes:
    return named(index, b"torch.FloatStorage") + number(2, 8) + bytes(8)


SMALL = named(1, b"nn.Linear") + table(
    2,
    text(b"bias"), number(1) + struct.pack("<d", 1.5),
    text(b"again"), number(3) + number(2),
    text(b"train"), number(5) + number(1),
    text(b"weight"), tensor(3, storage(4)),
)  # fmt: skip


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any) -> None:
    certificate = certificate_of(analyzer, SMALL, "torch7")
    assert_every_mutant_is_rejected(certificate, SMALL, range(len(SMALL) - 8))


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    verdict = verdict_on(torch7_load, b"\x03\0\0\0" + data, "torch7")
    if isinstance(verdict, Proven):
        check(verdict.certificate, b"\x03\0\0\0" + data)


@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_what_is_proven_of_a_mutated_file_also_checks(at: int, put: bytes, cut: int) -> None:
    data = SMALL[:at] + put + SMALL[at + cut :]
    verdict = verdict_on(torch7_load, data, "torch7")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@pytest.mark.parametrize("start", [number(6), number(7) + number(9), number(8) + number(9)])
def test_byte_code_is_a_function_that_comes_back_and_is_not_called(start: bytes) -> None:
    code = b"\x1bLuaQ printed only"
    data = start + number(len(code)) + code + table(1)
    verdict = verdict_on(torch7_data, data, "torch7")
    assert isinstance(verdict, Refuted)
    assert verdict.witnesses[0].excerpt is not None
    assert verdict.witnesses[0].excerpt.data == code
    assert isinstance(verdict_on(torch7_load, data, "torch7"), Undecided)


def test_a_class_that_nobody_reviewed_stays_undecided_by_name() -> None:
    verdict = verdict_on(torch7_load, named(1, b"my.Layer") + table(2), "torch7")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.MISSING_SUMMARY
    assert "my.Layer" in verdict.detail


def test_a_class_without_a_version_is_read_as_old_files_have_it() -> None:
    name = b"nn.ReLU"
    data = number(4) + number(1) + number(len(name)) + name + table(2)
    certificate_of(torch7_load, data, "torch7")

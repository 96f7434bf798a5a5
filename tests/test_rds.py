"""What the R reader and its checker promise, on objects assembled here."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.rds_data import rds_data
from probatum.analyzers.model.rds_load import rds_load
from probatum.vocabulary import Certificate, Proven, Reason, Refuted, Undecided

START = b"X\n" + struct.pack(">III", 2, 0x40300, 0x20300)
NIL = struct.pack(">I", 254)


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def text(value: str) -> bytes:
    return number(9) + number(len(value)) + value.encode()


def symbol(name: str) -> bytes:
    return number(1) + text(name)


def cell(car: bytes, cdr: bytes = NIL, kind: int = 2) -> bytes:
    return number(kind) + car + cdr


def integers(*values: int) -> bytes:
    return number(13) + number(len(values)) + b"".join(map(number, values))


def listed(*items: bytes) -> bytes:
    return number(19) + number(len(items)) + b"".join(items)


def call(name: str, argument: bytes) -> bytes:
    return cell(symbol(name), cell(argument), kind=6)


def promise(expression: bytes, value: bytes = b"\0\0\0\xfc") -> bytes:
    return number(5) + value + expression


def compact(name: str, package: str = "base", state: bytes = NIL) -> bytes:
    info = cell(symbol(name), cell(symbol(package), cell(integers(13))))
    return number(238) + info + state + NIL


SMALL = START + listed(
    integers(1, 2),
    number(16) + number(2) + text("a") + number(9) + number(0xFFFFFFFF),
    number(14 | 0x200) + number(1) + bytes(8) + number(2 | 0x400) + symbol("names")
    + number(16) + number(1) + text("x") + NIL,
    compact("compact_intseq", state=number(14) + number(3) + bytes(24)),
    number(4) + number(0) + NIL * 4,
    number(0x3FF),
)  # fmt: skip


@pytest.mark.parametrize("analyzer", [rds_load, rds_data], ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: object) -> None:
    certificate = certificate_of(analyzer, SMALL, "rds")  # type: ignore[arg-type]
    numbers = SMALL.index(number(1) + number(2))
    assert_every_mutant_is_rejected(certificate, SMALL, range(numbers))
    assert_every_mutant_is_rejected(certificate, SMALL, range(len(SMALL) - 32, len(SMALL)))


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    for analyzer in (rds_load, rds_data):
        verdict = verdict_on(analyzer, START + data, "rds")
        if isinstance(verdict, Proven):
            check(verdict.certificate, START + data)


@given(st.integers(14, len(SMALL) - 1), st.binary(max_size=4))
def test_what_is_proven_of_a_mutated_file_also_checks(at: int, put: bytes) -> None:
    data = SMALL[:at] + put + SMALL[at + len(put) :]
    for analyzer in (rds_load, rds_data):
        verdict = verdict_on(analyzer, data, "rds")
        if isinstance(verdict, Proven):
            check(verdict.certificate, data)


def test_an_unkept_promise_of_a_call_is_refuted_at_its_byte() -> None:
    data = START + listed(promise(call("cat", text("only printed"))))
    verdict = verdict_on(rds_load, data, "rds")
    assert isinstance(verdict, Refuted)
    assert "CVE-2024-27322" in verdict.witnesses[0].steps[-1].says
    assert verdict.witnesses[0].place.offset == len(START) + 8


def test_a_kept_promise_stays_undecided() -> None:
    data = START + promise(call("f", NIL), integers(1))
    assert isinstance(verdict_on(rds_load, data, "rds"), Undecided)


def test_a_call_is_returned_and_not_run() -> None:
    data = START + listed(call("lm", symbol("y")))
    certificate = certificate_of(rds_load, data, "rds")
    assert isinstance(verdict_on(rds_data, data, "rds"), Refuted)
    other = Certificate("rds_file", certificate.facts | {"claim": "data-shaped"})
    assert_rejected(other, data, "a call as data")


def test_a_workspace_with_a_function_stays_undecided() -> None:
    function = number(3 | 0x400) + number(253) + NIL + NIL
    data = b"RDX2\n" + START + cell(function)
    verdict = verdict_on(rds_load, data, "rds")
    assert isinstance(verdict, Undecided)
    assert "load() binds" in verdict.detail


def test_a_workspace_of_data_is_proven() -> None:
    certificate_of(rds_load, b"RDX2\n" + START + cell(integers(1)), "rds")


def test_a_memory_mapped_vector_opens_a_file() -> None:
    verdict = verdict_on(rds_load, START + compact("mmap_integer"), "rds")
    assert isinstance(verdict, Refuted)


@pytest.mark.parametrize(
    "vector",
    [
        compact("somebody"),
        compact("wrap_real", "somebody"),
        number(238) + NIL + NIL + NIL,
        number(238) + cell(NIL) + NIL + NIL,
        number(238) + cell(symbol("wrap_real")) + NIL + NIL,
        number(238) + number(2 | 0x400) + symbol("wrap_real") + symbol("base") + NIL * 3,
    ],
)
def test_a_compact_vector_that_base_r_does_not_know_stays_undecided(vector: bytes) -> None:
    assert isinstance(verdict_on(rds_load, START + vector, "rds"), Undecided)


def test_a_name_space_loads_a_package_and_stays_undecided() -> None:
    data = START + number(249) + number(0) + number(1) + text("survival")
    verdict = verdict_on(rds_load, data, "rds")
    assert isinstance(verdict, Undecided)
    assert "survival" in verdict.detail


def test_byte_code_and_ascii_are_said_not_to_be_read() -> None:
    for data in (START + number(21) + number(0), b"A\n2\n197888\n131840\n254\n"):
        verdict = verdict_on(rds_load, data, "rds")
        assert isinstance(verdict, Undecided)
        assert verdict.reason == Reason.UNSUPPORTED


def test_a_symbol_whose_name_has_attributes_is_malformed() -> None:
    data = START + number(1) + number(9 | 0x200) + number(1) + b"x" + NIL
    verdict = verdict_on(rds_load, data, "rds")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.MALFORMED


def test_a_long_list_chain_costs_no_recursion() -> None:
    data = START + (number(2) + NIL) * 20_000 + NIL
    certificate_of(rds_load, data, "rds")

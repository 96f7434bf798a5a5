"""What the R reader and its checker promise, on objects assembled here."""

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


def test_a_kept_promise_is_a_value_whose_expression_is_left_alone() -> None:
    data = START + promise(call("f", NIL), integers(1))
    certificate_of(rds_load, data, "rds")
    assert isinstance(verdict_on(rds_data, data, "rds"), Refuted)


def test_a_promise_of_plain_data_stays_undecided() -> None:
    data = START + promise(integers(1))
    assert isinstance(verdict_on(rds_load, data, "rds"), Undecided)
    kept = certificate_of(rds_load, START + promise(NIL, integers(1)), "rds")
    facts = kept.facts | {"size": len(data)}
    assert_rejected(Certificate("rds_file", facts), data, "a promise that is not kept")


@pytest.mark.parametrize("kind", [2, 6])
def test_a_binding_that_is_active_stays_undecided(kind: int) -> None:
    """R takes a cell's levels over as they are, and one of them makes its value a call."""
    cells = number(kind | 0x400 | 1 << 27) + symbol("x") + call("date", NIL) + NIL
    data = START + number(4) + number(0) + NIL + cells + NIL * 2
    verdict = verdict_on(rds_load, data, "rds")
    assert isinstance(verdict, Undecided)
    assert "binding" in verdict.detail
    plain = data.replace(number(kind | 0x400 | 1 << 27), number(kind | 0x400))
    honest = certificate_of(rds_load, plain, "rds")
    assert_rejected(honest, data, "an active binding")


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


def named_package(kind: int, *names: str) -> bytes:
    return START + number(kind) + number(0) + number(len(names)) + b"".join(map(text, names))


@pytest.mark.parametrize(
    "data", [named_package(249, "stats", "4.3.1"), named_package(248, "package:stats")]
)
def test_a_package_that_r_attaches_itself_is_an_assumption(data: bytes) -> None:
    certificate_of(rds_load, data, "rds")
    verdict = verdict_on(rds_load, data, "rds")
    assert isinstance(verdict, Proven)
    assert "stats" in verdict.assumptions[0]


@pytest.mark.parametrize(
    "data",
    [
        named_package(249, "package:stats"),
        named_package(248, "stats"),
        named_package(248, "package:survival"),
        named_package(248, "package:stats", "package:survival"),
        named_package(248),
    ],
)
def test_any_other_package_would_be_loaded(data: bytes) -> None:
    assert isinstance(verdict_on(rds_load, data, "rds"), Undecided)


CODE = number(21) + number(1) + integers(8, 1)
BYTE_CODE = (
    START
    + CODE
    + number(4)
    + (number(244) + number(0) + number(6) + NIL)
    + (number(1) + symbol("f"))
    + (number(2) + NIL + number(254) + NIL + number(254) + NIL)
    + (number(243) + number(0))
    + (number(21) + integers(8) + number(0))
    + (number(240) + NIL * 2 + (number(254) + NIL) * 2)
)


def test_byte_code_comes_back_and_is_not_run() -> None:
    certificate = certificate_of(rds_load, BYTE_CODE, "rds")
    behind = range(len(START + CODE), BYTE_CODE.rindex(integers(8)))
    assert_every_mutant_is_rejected(certificate, BYTE_CODE, behind)
    verdict = verdict_on(rds_data, BYTE_CODE, "rds")
    assert isinstance(verdict, Refuted)
    assert "byte code" in verdict.witnesses[0].says


@pytest.mark.parametrize(
    "data",
    [
        START + number(21) + number(1) + text("no integers") + number(0),
        START + number(21) + number(1) + number(13 | 0x200) + number(0) + NIL + number(0),
        START + CODE + number(1) + number(243) + number(1),
        START + CODE + number(1) + number(244) + number(0) + number(19),
        START + CODE + number(0xFFFFFFFF),
    ],
)
def test_byte_code_of_another_shape_stays_undecided(data: bytes) -> None:
    assert isinstance(verdict_on(rds_load, data, "rds"), Undecided)


ASCII = (
    b"A\n3\n262912\n131840\n5\nUTF-8\n531\n3\n13\n3\n1\nNA\n-7\n"
    b"14\n4\n0.1\nNaN\nInf\n-1e-300\n16\n2\n9\n5\na\\040b\\n\\\\\n9\n-1\n"
    b"1026\n1\n262153\n5\nnames\n16\n1\n262153\n0\n\n254\n"
)


def test_the_ascii_form_is_walked_word_by_word() -> None:
    for analyzer in (rds_load, rds_data):
        certificate = certificate_of(analyzer, ASCII, "rds")
        assert_every_mutant_is_rejected(certificate, ASCII, range(0, len(ASCII), 3))
        certificate_of(analyzer, ASCII[:-1] + b" ", "rds")


@pytest.mark.parametrize(
    "data",
    [
        ASCII[:-1],
        ASCII + b"254\n",
        ASCII.replace(b"262912", b"9999999999"),
        ASCII.replace(b"531\n", b"0531x\n"),
        ASCII.replace(b"0.1", b"zzz"),
        ASCII.replace(b"254", b"2\xb254"),
        b"A\n2\n1\n1\n13\n2000000000\n1\n",
        b"A\n2\n1\n1\n9\n2000000000\nabc\n",
        b"A\n2\n1\n1\n9\n3\nab",
        b"A\n2\n1\n1\n9\n3\nab\\",
    ],
)
def test_an_ascii_file_that_breaks_off_or_goes_astray_is_not_proven(data: bytes) -> None:
    assert isinstance(verdict_on(rds_load, data, "rds"), Undecided)


@settings(max_examples=300)
@given(st.integers(2, len(ASCII) - 1), st.binary(max_size=4))
def test_what_is_proven_of_a_mutated_ascii_file_also_checks(at: int, put: bytes) -> None:
    data = ASCII[:at] + put + ASCII[at + len(put) :]
    verdict = verdict_on(rds_load, data, "rds")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@settings(max_examples=300)
@given(st.integers(len(START), len(BYTE_CODE) - 1), st.binary(max_size=4))
def test_what_is_proven_of_mutated_byte_code_also_checks(at: int, put: bytes) -> None:
    data = BYTE_CODE[:at] + put + BYTE_CODE[at + len(put) :]
    verdict = verdict_on(rds_load, data, "rds")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


def test_a_symbol_whose_name_has_attributes_is_malformed() -> None:
    data = START + number(1) + number(9 | 0x200) + number(1) + b"x" + NIL
    verdict = verdict_on(rds_load, data, "rds")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.MALFORMED


def test_a_long_list_chain_costs_no_recursion() -> None:
    data = START + (number(2) + NIL) * 20_000 + NIL
    certificate_of(rds_load, data, "rds")


def test_words_and_texts_that_lie_across_the_pieces_that_are_read_stay_whole() -> None:
    numbers = b"".join(b"%d\n" % (7 * at) for at in range(30_000))
    letters = rb"ab\040\\" * 20_000 + b"\n"
    for shift in range(7):
        data = (
            b"A\n2\n262912\n131840\n19\n2\n13\n30000\n" + numbers + b"16\n1\n9\n80000\n" + letters
        )
        data = data.replace(b"19\n2\n", b"19\n2" + b" " * shift + b"\n")
        certificate_of(rds_load, data, "rds")

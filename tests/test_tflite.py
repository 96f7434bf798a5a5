"""What the TFLite survey, its analysers and its checker promise beyond the case pages."""

import contextlib
import hashlib
import struct
from typing import Any

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
from flatbuffer_writer import flatbuffer
from probatum.analyzers.model.tflite_header import tflite_header
from probatum.analyzers.model.tflite_load import tflite_load
from probatum.errors import FormatError
from probatum.formats.tflite import survey
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Reason, Refuted, Undecided

ANALYZERS = (tflite_header, tflite_load)
NONE = (1 << 32) - 1


def model(
    codes: list[Any] | None = None,
    tensors: list[Any] | None = None,
    operators: list[Any] | None = None,
    buffers: list[Any] | None = None,
    **more: Any,
) -> dict[int, Any]:
    graph = {
        0: tensors if tensors is not None else [tensor(), tensor(1, [2, 3])],
        1: (4, [0]),
        2: (4, [0]),
        3: operators if operators is not None else [operator()],
        4: "main",
    }
    return {
        0: (4, more.get("version", 3)),
        1: codes if codes is not None else [{0: (1, 0), 3: (4, 0)}],
        2: [graph | more.get("graph", {})],
        3: "described",
        4: buffers if buffers is not None else [{}, {0: bytes(24)}],
        6: [{0: "min_runtime_version", 1: (4, 0)}],
    }


def tensor(buffer: int = 0, shape: list[int] | None = None, kind: int = 0) -> dict[int, Any]:
    return {0: (4, shape or [1]), 1: (1, kind), 2: (4, buffer), 3: "name"}


def operator(code: int = 0, inputs: tuple[int, ...] = (0, 1, NONE)) -> dict[int, Any]:
    return {0: (4, code), 1: (4, list(inputs)), 2: (4, [0]), 3: (1, 11), 4: {0: (1, 0)}}


def custom(name: str) -> dict[int, Any]:
    return {0: (1, 32), 1: name, 3: (4, 32)}


SMALL = flatbuffer(model())
DATA = SMALL.index(bytes(24))


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any) -> None:
    data = flatbuffer(model(buffers=[{}, {0: b"\x77" * 24}]))
    certificate = certificate_of(analyzer, data, "tflite")
    free = data.index(b"\x77" * 24)
    check(certificate, data.replace(b"\x77" * 24, b"\x78" * 24))
    assert_every_mutant_is_rejected(certificate, data, range(free))
    assert_every_mutant_is_rejected(certificate, data, range(free + 24, len(data)))


@given(st.binary(max_size=300))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        survey(BytesMaterial(b"\x18\0\0\0TFL3" + data))


def _forged(data: bytes, claim: str) -> Certificate:
    """What the survey would say if it judged nothing."""
    facts: dict[str, Any] = {"skeleton": hashlib.sha256(data).hexdigest()}
    facts |= {"tables": 8, "operators": ["builtin:0"]}
    with contextlib.suppress(FormatError):
        found = survey(BytesMaterial(data))
        facts = {"skeleton": found.skeleton, "tables": found.tables}
        facts |= {"operators": sorted({str(one) for one in found.operators})}
    return Certificate("tflite", {"claim": claim, "size": len(data)} | facts)


@given(st.integers(0, len(SMALL) - 1), st.integers(0, 255))
def test_a_changed_byte_is_proven_and_checks_or_neither(at: int, put: int) -> None:
    data = SMALL[:at] + bytes([put]) + SMALL[at + 1 :]
    for analyzer in ANALYZERS:
        verdict = verdict_on(analyzer, data, "tflite")
        if isinstance(verdict, Proven):
            check(verdict.certificate, data)
        else:
            assert_rejected(_forged(data, analyzer.claim.id), data, f"{verdict}")


@given(st.integers(0, len(SMALL) - 4), st.integers(-64, 64))
def test_a_changed_offset_is_proven_and_checks_or_neither(at: int, by: int) -> None:
    at -= at % 4
    (before,) = struct.unpack_from("<I", SMALL, at)
    data = SMALL[:at] + struct.pack("<I", (before + by) % (1 << 32)) + SMALL[at + 4 :]
    verdict = verdict_on(tflite_header, data, "tflite")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)
    else:
        assert_rejected(_forged(data, "header-sound"), data, f"{verdict}")


BROKEN = {
    "a tensor that is not there": model(operators=[operator(inputs=(9,))]),
    "a negative tensor": model(operators=[operator(inputs=(NONE - 1,))]),
    "an operator code that is not there": model(operators=[operator(code=3)]),
    "a buffer that is not there": model(tensors=[tensor(), tensor(7)]),
    "an input that is not there": model(graph={1: (4, [5])}),
    "a constant too short": model(tensors=[tensor(), tensor(1, [2, 4])]),
    "a constant of another type": model(tensors=[tensor(), tensor(1, [2, 3], 4)]),
    "a shape that overflows": model(tensors=[tensor(), tensor(1, [1 << 30] * 8)]),
    "a negative shape": model(tensors=[tensor(), tensor(1, [NONE, 6])]),
    "a buffer behind the end": model(buffers=[{}, {1: (8, 1 << 40), 2: (8, 24)}]),
    "a buffer that wraps": model(buffers=[{}, {1: (8, (1 << 64) - 8), 2: (8, 24)}]),
    "a buffer over the tables": model(buffers=[{}, {1: (8, 8), 2: (8, 24)}]),
    "options behind the end": model(operators=[operator() | {9: (8, 1 << 40), 10: (8, 1)}]),
}
DOUBTFUL = {
    "an unknown type of tensor": model(tensors=[tensor(), tensor(kind=77)]),
    "an unknown member": model(operators=[operator() | {3: (1, 250)}]),
    "an unknown slot": model() | {30: (4, 1)},
    "another version": model(version=2),
}


@pytest.mark.parametrize("name", [*BROKEN, *DOUBTFUL])
def test_an_unsound_model_is_not_proven_and_its_checker_agrees(name: str) -> None:
    data = flatbuffer((BROKEN | DOUBTFUL)[name])
    verdict = verdict_on(tflite_header, data, "tflite")
    assert isinstance(verdict, Refuted if name in BROKEN else Undecided), verdict
    for claim in ("header-sound", "load-inert"):
        assert_rejected(_forged(data, claim), data, name)


def test_a_file_cut_short_is_not_called_sound() -> None:
    for stop in range(8, len(SMALL), 3):
        verdict = verdict_on(tflite_header, SMALL[:stop], "tflite")
        assert isinstance(verdict, Refuted | Undecided)
        assert_rejected(_forged(SMALL[:stop], "header-sound"), SMALL[:stop], f"cut at {stop}")


def test_a_buffer_behind_the_flatbuffer_is_followed() -> None:
    spelled = model(buffers=[{}, {1: (8, 4096), 2: (8, 24)}])
    data = flatbuffer(spelled).ljust(4096, b"\0") + bytes(24)
    certificate = certificate_of(tflite_header, data, "tflite")
    check(certificate, data[:4096] + b"\1" * 24)


@pytest.mark.parametrize("name", ["Evil", "FlexAdd", "FlexNothing", ""])
def test_a_custom_operator_is_undecided_and_named(name: str) -> None:
    data = flatbuffer(model(codes=[custom(name)]))
    verdict = verdict_on(tflite_load, data, "tflite")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.MISSING_SUMMARY
    assert_rejected(_forged(data, "load-inert"), data, name)
    certificate_of(tflite_header, data, "tflite")


def test_the_old_field_of_an_operator_code_is_a_signed_byte() -> None:
    # Read without its sign, 150 would be a builtin and hide that the operator is a custom one.
    data = flatbuffer(model(codes=[{0: (1, 150), 1: "Evil", 3: (4, 32)}]))
    verdict = verdict_on(tflite_load, data, "tflite")
    assert isinstance(verdict, Undecided)
    assert "'Evil'" in verdict.detail
    forged = _forged(data, "load-inert")
    forged.facts["operators"] = ["builtin:150"]
    assert_rejected(forged, data, "a builtin of 150")


def test_a_flex_operator_with_an_effect_is_refuted() -> None:
    data = flatbuffer(model(codes=[custom("FlexReadFile")]))
    verdict = verdict_on(tflite_load, data, "tflite")
    assert isinstance(verdict, Refuted)
    assert "reads files" in verdict.witnesses[0].says


def test_a_custom_operator_of_tflite_itself_is_proven() -> None:
    data = flatbuffer(model(codes=[custom("TFLite_Detection_PostProcess")]))
    certificate_of(tflite_load, data, "tflite")


@pytest.mark.parametrize("code", [51, 127, 5000])
def test_a_builtin_that_is_not_known_is_undecided(code: int) -> None:
    data = flatbuffer(model(codes=[{0: (1, min(code, 127)), 3: (4, code)}]))
    assert isinstance(verdict_on(tflite_load, data, "tflite"), Undecided)
    assert_rejected(_forged(data, "load-inert"), data, f"builtin {code}")


def test_a_part_may_be_used_twice_whole_and_not_in_part() -> None:
    texts = [at for at in range(len(SMALL)) if SMALL.startswith(b"\4\0\0\0name\0", at)]
    (place,) = (
        at
        for at in range(0, texts[0], 4)
        if at + struct.unpack_from("<I", SMALL, at)[0] == texts[0]
    )
    led = bytearray(SMALL)
    struct.pack_into("<I", led, place, texts[1] - place)
    certificate_of(tflite_header, bytes(led), "tflite")
    # Four bytes on, "name" is taken for a length.
    struct.pack_into("<I", led, place, texts[1] + 4 - place)
    assert isinstance(verdict_on(tflite_header, bytes(led), "tflite"), Refuted)


def test_a_part_inside_another_is_refuted() -> None:
    inner = b"\4\0\0\0name\0\0\0\0"
    data = flatbuffer(model(buffers=[{}, {0: inner + bytes(12)}]))
    (place,) = (
        at
        for at in range(0, len(data) - 4, 4)
        if data.startswith(b"\4\0\0\0name\0", at + struct.unpack_from("<I", data, at)[0])
        and at + struct.unpack_from("<I", data, at)[0] == data.index(inner)
    )
    led = bytearray(data)
    target = data.rindex(inner)
    struct.pack_into("<I", led, place, target - place)
    verdict = verdict_on(tflite_header, bytes(led), "tflite")
    assert isinstance(verdict, Refuted)
    assert "overlaps" in verdict.witnesses[0].says
    assert_rejected(_forged(bytes(led), "header-sound"), bytes(led), "a part inside another")

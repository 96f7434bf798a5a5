"""Laws of the pickle prover and its checker."""

import collections
import pickle
import pickletools
import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assemble import assembled
from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.npy_load import npy_load
from probatum.analyzers.model.pickle_load import pickle_load
from probatum.analyzers.model.pickle_shape import pickle_shape
from probatum.errors import FormatError
from probatum.formats import pickle_opcodes
from probatum.formats.effects import dangers, row
from probatum.formats.pickle_streams import streams
from probatum.material import BytesMaterial
from probatum.vocabulary import Proven, Reason, Refuted, Undecided

_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
)
_KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.text())
_DATES = st.datetimes() | st.dates() | st.timedeltas()
_DATA = st.recursive(
    _SCALARS | _DATES | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(_KEYS, inner, max_size=5)
        | st.tuples(inner, inner)
        | st.sets(_KEYS, max_size=5)
        | st.frozensets(_KEYS, max_size=5)
        | st.dictionaries(_KEYS, inner, max_size=3).map(collections.OrderedDict)
        | st.lists(inner, max_size=3).map(collections.deque)
    ),
    max_leaves=20,
)


@given(_DATA, st.integers(0, 5))
@settings(max_examples=300, deadline=None)
def test_data_of_the_standard_library_is_proven_and_its_certificates_check(
    value: Any, protocol: int
) -> None:
    data = pickle.dumps(value, protocol)
    for one in (pickle_load, pickle_shape):
        certificate_of(one, data, "pickle")


@given(_DATA, st.integers(0, 5), st.integers(0, 10**9), st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_changed_bytes_are_rejected_under_an_old_certificate(
    value: Any, protocol: int, at: int, flip: int
) -> None:
    data = pickle.dumps(value, protocol)
    certificate = certificate_of(pickle_load, data, "pickle")
    at %= len(data)
    changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
    assert_rejected(certificate, changed, f"byte {at}")


@given(_DATA, st.integers(0, 5), st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=None)
def test_mutated_streams_end_in_one_verdict_and_what_is_proven_checks(
    value: Any, protocol: int, chance: random.Random
) -> None:
    data = bytearray(pickle.dumps(value, protocol))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(3):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                data[at:at] = bytes([chance.choice(b"R.cobt(u\x93\x81\x94\x85h\x00\x95PQ")])
            case _:
                del data[at : at + chance.randrange(3)]
    _judged(bytes(data))


@given(st.binary(max_size=60))
@settings(max_examples=500, deadline=None)
def test_arbitrary_bytes_end_in_one_verdict(data: bytes) -> None:
    _judged(data)


def _judged(data: bytes) -> None:
    for kind in ("pickle", "joblib", "torch-pickle", "torch-raw"):
        for one in (pickle_load, pickle_shape):
            verdict = verdict_on(one, data, kind)
            assert isinstance(verdict, Proven | Refuted | Undecided)
            if isinstance(verdict, Proven):
                check(verdict.certificate, data)


def test_no_mutant_of_a_certificate_with_effects_is_accepted() -> None:
    value = [collections.OrderedDict(a=1), date(2026, 1, 2), {b"x" * 300}, datetime(2026, 1, 2)]
    for protocol in (0, 2, 4):
        data = pickle.dumps(value, protocol)
        for one in (pickle_load, pickle_shape):
            certificate = certificate_of(one, data, "pickle")
            assert_every_mutant_is_rejected(certificate, data, range(0, len(data), 7))


def test_the_skim_and_the_machine_agree_with_pickletools_on_where_a_stream_ends() -> None:
    chance = random.Random(7)
    for _ in range(300):
        value = _random_value(chance, 4)
        data = pickle.dumps(value, chance.randrange(6))
        end = max(at for _, _, at in pickletools.genops(data)) + 1  # type: ignore[type-var]
        found = streams("pickle", BytesMaterial(data + b"tail"))
        assert found.runs[-1].end == end
        assert found.trailing is not None


def test_windows_do_not_change_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [_random_value(random.Random(seed), 5) for seed in range(30)]
    whole = [_runs(pickle.dumps(value, protocol)) for value in values for protocol in (0, 2, 4)]
    monkeypatch.setattr(pickle_opcodes, "WINDOW", 64)
    monkeypatch.setattr("probatum.formats.pickle_lexer.WINDOW", 2048)
    again = [_runs(pickle.dumps(value, protocol)) for value in values for protocol in (0, 2, 4)]
    assert whole == again


def _runs(data: bytes) -> list[Any]:
    return [
        (run.start, run.end, run.effects, run.problems)
        for run in streams("pickle", BytesMaterial(data)).runs
    ]


def _random_value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(9 if depth else 4)
    if kind == 0:
        return chance.randrange(-(2**70), 2**70) >> chance.randrange(70)
    if kind == 1:
        return "é" * chance.randrange(400)
    if kind == 2:
        return chance.random()
    if kind == 3:
        return chance.randbytes(chance.randrange(600))
    items = [_random_value(chance, depth - 1) for _ in range(chance.randrange(6))]
    if kind == 4:
        return items
    if kind == 5:
        return tuple(items)
    if kind == 6:
        return {str(index): item for index, item in enumerate(items)}
    return [timedelta(chance.randrange(9)), collections.OrderedDict(x=items)]


def test_no_callable_with_a_known_effect_has_an_admitting_summary() -> None:
    for name in dangers():
        found = row(name)
        assert found is None or not (found.call or found.new or found.build), name


@pytest.mark.parametrize(
    "text",
    [
        "RAW 'I010' 0a",
        "RAW 'I 1' 0a",
        "RAW 'I1_0' 0a",
        "RAW 'L0x1L' 0a",
        "RAW 'F0x1p3' 0a",
        "RAW 'F1_0.0' 0a",
        "NONE\nRAW 'p 1' 0a",
    ],
)
def test_a_number_that_parsers_disagree_about_leaves_a_stream_with_calls_undecided(
    text: str,
) -> None:
    text = text.replace("'", '"')
    call = "\nPOP\nGLOBAL collections OrderedDict\nEMPTY_TUPLE\nREDUCE\nSTOP"
    verdict = verdict_on(pickle_load, assembled(text + call), "pickle")
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.PARSER_DIFFERENTIAL


def test_an_instance_is_built_at_most_once() -> None:
    text = """PROTO 2
        GLOBAL collections OrderedDict
        EMPTY_TUPLE
        REDUCE
        EMPTY_DICT
        BUILD
        EMPTY_DICT
        BUILD
        STOP"""
    verdict = verdict_on(pickle_load, assembled(text), "pickle")
    assert isinstance(verdict, Undecided)
    assert "a second time" in verdict.detail


def test_a_hook_spelled_with_escapes_is_still_a_hook() -> None:
    for key in ("V__setst\\u0061te__", "S'__setst\\x61te__'"):
        data = b"\x80\x02ccollections\nOrderedDict\n)\x81}" + key.encode() + b"\nNsb."
        verdict = verdict_on(pickle_load, data, "pickle")
        assert isinstance(verdict, Undecided), key


def _joblib_file(raw: bytes) -> bytes:
    """An array of as many bytes as `raw` has, as joblib writes it without padding."""
    text = f"""PROTO 2
        GLOBAL joblib.numpy_pickle NumpyArrayWrapper
        EMPTY_TUPLE
        NEWOBJ
        EMPTY_DICT
        MARK
        SHORT_BINUNICODE 'subclass'
        GLOBAL numpy ndarray
        SHORT_BINUNICODE 'shape'
        BININT1 {len(raw)}
        TUPLE1
        SHORT_BINUNICODE 'order'
        SHORT_BINUNICODE 'C'
        SHORT_BINUNICODE 'dtype'
        GLOBAL numpy dtype
        SHORT_BINUNICODE 'u1'
        NEWFALSE
        NEWTRUE
        TUPLE3
        REDUCE
        MARK
        BININT1 3
        SHORT_BINUNICODE '|'
        NONE
        NONE
        NONE
        BININT -1
        BININT -1
        BININT1 0
        TUPLE
        BUILD
        SHORT_BINUNICODE 'allow_mmap'
        NEWTRUE
        SETITEMS
        BUILD"""
    return assembled(text) + raw + b"."


def test_the_bytes_of_a_joblib_array_are_data_for_every_loader() -> None:
    data = _joblib_file(b"\x00\x01\x02")
    for one in (pickle_load, pickle_shape):
        certificate = certificate_of(one, data, "joblib")
        assert_every_mutant_is_rejected(certificate, data, range(0, len(data), 5))


def test_array_bytes_that_pickle_would_run_leave_a_joblib_file_undecided() -> None:
    data = _joblib_file(b"0cos\nsystem\n\x8c\x04true\x85R.")
    verdict = verdict_on(pickle_load, data, "joblib")
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.PARSER_DIFFERENTIAL
    assert "os:system" in verdict.detail


def test_a_wrapper_that_joblib_would_take_for_an_array_is_no_plain_pickle() -> None:
    verdict = verdict_on(pickle_load, _joblib_file(b""), "pickle")
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.PARSER_DIFFERENTIAL


def test_a_numpy_type_is_not_changed_after_an_array_was_made_with_it() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros(3)
    data = pickle.dumps(array, 2)
    assert isinstance(verdict_on(pickle_load, data, "pickle"), Proven)
    # The same stream, with the dtype's own BUILD moved to the end of the stream.
    at = data.index(b"b", data.index(b"f8"))
    state_start = data.rindex(b"(", 0, at)
    moved = data[:state_start] + data[at + 1 : -1] + b"0h\x07" + data[state_start:at] + b"b."
    assert not isinstance(verdict_on(pickle_load, moved, "pickle"), Proven)


def test_real_numpy_files_are_proven(tmp_path: Any) -> None:
    numpy = pytest.importorskip("numpy")
    for name, array in {
        "plain": numpy.arange(6.0).reshape(2, 3),
        "text": numpy.array(["a", "bc"]),
        "record": numpy.zeros(3, dtype=[("x", "f8"), ("y", "i4", (2,))]),
        "objects": numpy.array([{"a": 1}, None, "x"], dtype=object),
    }.items():
        path = tmp_path / f"{name}.npy"
        numpy.save(path, array, allow_pickle=True)
        data = path.read_bytes()
        certificate = certificate_of(npy_load, data, "npy")
        assert_every_mutant_is_rejected(certificate, data, range(0, min(len(data), 128), 11))


@given(st.binary(max_size=80))
@settings(max_examples=300, deadline=None)
def test_arbitrary_array_headers_raise_nothing_but_format_errors(tail: bytes) -> None:
    for version in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        width = 2 if version == b"\x01\x00" else 4
        length = len(tail).to_bytes(width, "little")
        verdict = verdict_on(npy_load, b"\x93NUMPY" + version + length + tail, "npy")
        assert isinstance(verdict, Proven | Refuted | Undecided)


def test_a_format_error_is_what_a_truncated_window_raises() -> None:
    with pytest.raises(FormatError):
        pickle_opcodes.skim(BytesMaterial(b"\x80\x04]").read, 0, 3)


def test_a_key_nested_deeper_than_c_hashes_is_undecided() -> None:
    """A tuple's hash calls that of the tuple in it; 100,000 of them exhaust the stack."""

    def key(depth: int) -> bytes:
        return b"\x80\x04cbuiltins\nslice\n0}" + b")" + b"\x85" * depth + b"K\x01s."

    certificate_of(pickle_load, key(900), "pickle")
    assert isinstance(verdict_on(pickle_load, key(1100), "pickle"), Undecided)
    certificate = certificate_of(pickle_load, key(900), "pickle")
    assert_rejected(certificate, key(1100), "a deeper key")

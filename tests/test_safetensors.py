"""What the safetensors reader, its analysers and its checker promise beyond the case pages."""

import contextlib
import json
import resource
import time
from collections.abc import Callable
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
from probatum.analyzers.model.safetensors_header import safetensors_header
from probatum.analyzers.model.safetensors_load import safetensors_load
from probatum.errors import FormatError
from probatum.formats.safetensors import header
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Refuted, Undecided

ANALYZERS = (safetensors_header, safetensors_load)


def tensor(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def file(entries: Any, buffer: int, text: str | None = None) -> bytes:
    said = (json.dumps(entries) if text is None else text).encode("utf-8", "surrogatepass")
    return len(said).to_bytes(8, "little") + said + bytes(buffer)


SMALL = file(
    {
        "__metadata__": {"format": "pt"},
        "b": tensor("F32", [2], 4, 12),
        "a": tensor("BF16", [1, 2], 0, 4),
        "z": tensor("U8", [0, 3], 12, 12),
        "half": tensor("F4", [2], 12, 13),
    },
    13,
)


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any) -> None:
    certificate = certificate_of(analyzer, SMALL, "safetensors")
    assert_every_mutant_is_rejected(certificate, SMALL, range(len(SMALL) - 13))


def test_the_two_claims_do_not_share_a_certificate() -> None:
    one, other = (certificate_of(each, SMALL, "safetensors") for each in ANALYZERS)
    assert one.facts != other.facts


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        header(BytesMaterial(data))


@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_what_is_proven_of_a_mutated_file_also_checks(at: int, put: bytes, cut: int) -> None:
    data = SMALL[:at] + put + SMALL[at + cut :]
    verdict = verdict_on(safetensors_header, data, "safetensors")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


# What the checker must find wrong by itself, though digest and size are as the facts say.
BROKEN: dict[str, tuple[Any, int, str | None]] = {
    "overlap": ({"a": tensor("U8", [4], 0, 4), "b": tensor("U8", [4], 2, 6)}, 6, None),
    "same span": ({"a": tensor("U8", [4], 0, 4), "b": tensor("U8", [4], 0, 4)}, 4, None),
    "gap": ({"a": tensor("U8", [4], 1, 5)}, 5, None),
    "hole": ({"a": tensor("U8", [2], 0, 2), "b": tensor("U8", [2], 3, 5)}, 5, None),
    "tail": ({"a": tensor("U8", [4], 0, 4)}, 5, None),
    "past the end": ({"a": tensor("U8", [4], 0, 4)}, 3, None),
    "only a buffer": ({}, 3, None),
    "backwards": ({"a": tensor("U8", [4], 4, 0)}, 4, None),
    "wrong span": ({"a": tensor("F32", [4], 0, 4)}, 4, None),
    "empty inside": ({"a": tensor("U8", [4], 0, 4), "z": tensor("U8", [0], 2, 2)}, 4, None),
    "negative": ({"a": tensor("U8", [-4], 0, 4)}, 4, None),
    "float": ({"a": tensor("U8", [4.0], 0, 4)}, 4, None),  # type: ignore[list-item]
    "true": ({"a": tensor("U8", [True], 0, 1)}, 1, None),
    "unknown dtype": ({"a": tensor("U128", [1], 0, 16)}, 16, None),
    "half a byte": ({"a": tensor("F4", [3], 0, 2)}, 2, None),
    "overflow": ({"a": tensor("U8", [1 << 63, 2], 0, 0)}, 0, None),
    "overflow before zero": ({"a": tensor("U8", [1 << 63, 2, 0], 0, 0)}, 0, None),
    "bits overflow": ({"a": tensor("U8", [1 << 62], 0, 0)}, 0, None),
    "wide": ({"a": tensor("U8", [1 << 64, 0], 0, 0)}, 0, None),
    "three offsets": ({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1, 1]}}, 1, None),
    "no shape": ({"a": {"dtype": "U8", "data_offsets": [0, 1]}}, 1, None),
    "one key more": ({"a": {**tensor("U8", [1], 0, 1), "run": "x"}}, 1, None),
    "not an object": ({"a": 1}, 0, None),
    "metadata number": ({"__metadata__": {"a": 1}}, 0, None),
    "metadata null": ({"__metadata__": None}, 0, None),
    "metadata tensor": ({"__metadata__": tensor("U8", [1], 0, 1)}, 1, None),
    "a list": ([], 0, None),
    "key twice": ({}, 0, '{"__metadata__":{},"__metadata__":{}}'),
    "escaped twin": ({}, 0, '{"__metadata__":{"a":"","\\u0061":""}}'),
    "surrogate": ({}, 0, '{"__metadata__":{"a":"\\ud800"}}'),
    "NUL": ({}, 0, '{"__metadata__":{"a\\u0000":""}}'),
    "space before": ({}, 0, " {}"),
    "byte order mark": ({}, 0, "\ufeff{}"),
    "trailing": ({}, 0, "{}x"),
    "trailing NUL": ({}, 0, "{}\0"),
    "two objects": ({}, 0, "{}{}"),
    "comma": ({}, 0, '{"__metadata__":{},}'),
    "NaN": ({}, 0, '{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,0]}}'),
    "minus zero": ({}, 0, '{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'),
    "exponent": ({}, 1, '{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}'),
    "leading zero": ({}, 1, '{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}'),
    "deep": ({}, 0, "{" * 5 + '"a":' + "[" * 100_000),
    "bare newline": ({}, 0, '{"__metadata__":{"a":"\n"}}'),
    "long number": ({}, 0, '{"a":{"dtype":"U8","shape":[' + "9" * 9000 + "]}}"),
    "not UTF-8": ({}, 0, '{"__metadata__":{"a":"\ud800"}}'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_header_is_not_proven_and_its_checker_agrees(name: str) -> None:
    data = file(*BROKEN[name])
    for analyzer in ANALYZERS:
        assert not isinstance(verdict_on(analyzer, data, "safetensors"), Proven)
    assert_rejected(_forged(data), data, f"a forged certificate: {name}")


def _forged(data: bytes) -> Certificate:
    """What a prover that looks at nothing would say of `data`."""
    import hashlib

    stop = 8 + int.from_bytes(data[:8], "little")
    digest = hashlib.sha256(data[:stop]).hexdigest()
    try:
        parsed = json.loads(data[8:stop])
        count = len(parsed) - ("__metadata__" in parsed)
    except (ValueError, RecursionError):
        count = 0
    facts = {"claim": "header-sound", "size": len(data), "header": stop, "sha256": digest}
    return Certificate("safetensors", facts | {"tensors": count})


def test_a_length_over_the_limit_is_refuted_at_byte_0() -> None:
    verdict = verdict_on(safetensors_header, b"\xff" * 8 + b"{}", "safetensors")
    assert isinstance(verdict, Refuted)
    assert verdict.witnesses[0].place.offset == 0


def test_a_file_cut_short_is_not_called_sound() -> None:
    for stop in range(len(SMALL)):
        verdict = verdict_on(safetensors_header, SMALL[:stop], "safetensors")
        assert isinstance(verdict, Refuted | Undecided), stop


def test_a_witness_points_at_the_entry() -> None:
    data = file({"a": tensor("U8", [4], 0, 4), "b": tensor("U8", [4], 2, 6)}, 6)
    verdict = verdict_on(safetensors_header, data, "safetensors")
    assert isinstance(verdict, Refuted)
    offset = verdict.witnesses[0].place.offset
    assert offset is not None
    assert data[offset:].startswith(b'"b"')


class Sparse:
    """A file of any size whose tensors are never there: reading one fails the test."""

    def __init__(self, head: bytes, size: int) -> None:
        self.head, self.size, self.beside = head, size, frozenset[str]()

    def read(self, offset: int, length: int) -> bytes:
        assert offset + length <= len(self.head) + 64, "a tensor is read"
        return self.head[offset : offset + length]


def _measured(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def test_a_file_of_a_gigabyte_costs_the_time_of_its_header() -> None:
    from probatum.vocabulary import Artifact

    head = file({"a": tensor("U8", [1 << 30], 0, 1 << 30)}, 0)
    material = Sparse(head, len(head) + (1 << 30))
    artifact = Artifact(name="a", kind="safetensors", size=material.size)
    assert _measured(lambda: safetensors_header.judge(artifact, material)) < 0.1


def test_a_header_of_100_000_tensors_is_quick_and_small() -> None:
    # Two spaces, so that the long way is what is measured.
    entries = {f"layer.{n}.weight": tensor("F32", [2], 8 * n, 8 * n + 8) for n in range(100_000)}
    data = file(entries, 800_000, json.dumps(entries, separators=(",", ":  ")))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert _measured(lambda: certificate_of(safetensors_header, data, "safetensors")) < 8
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KiB

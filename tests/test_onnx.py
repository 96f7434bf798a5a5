"""What the ONNX survey, its analysers and its checker promise beyond the case pages."""

import contextlib
import hashlib
import struct
import time
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
from probatum.analyzers.model.onnx_header import onnx_header
from probatum.analyzers.model.onnx_load import onnx_load
from probatum.analyzers.model.onnx_paths import onnx_paths
from probatum.errors import FormatError
from probatum.formats.onnx import escapes, survey
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Reason, Refuted, Undecided
from protobuf_writer import number, part, whole

ANALYZERS = (onnx_header, onnx_paths, onnx_load)


def model(*graph: bytes, more: bytes = b"") -> bytes:
    return whole(1, 8) + part(8, part(1, ""), whole(2, 13)) + part(7, *graph) + more


def node(name: str, *more: bytes, domain: str = "", field: int = 1) -> bytes:
    """A node; its field is 1 in a graph, 7 in a function."""
    said = part(7, domain) if domain else b""
    return part(field, part(1, "x"), part(2, "y"), part(4, name), said, *more)


def tensor(kind: int, shape: list[int], *data: bytes, name: str = "w") -> bytes:
    return (
        b"".join(whole(1, size) for size in shape)
        + whole(2, kind)
        + part(8, name, *())
        + (b"".join(data))
    )


def outside(location: str, *more: tuple[str, str]) -> bytes:
    pairs = [("location", location), *more]
    said = b"".join(part(13, part(1, key), part(2, value)) for key, value in pairs)
    return said + whole(14, 1)


def raw(size: int) -> bytes:
    return part(9, bytes(size))


def initializer(*data: bytes) -> bytes:
    return part(5, *data)


BODY = part(5, part(1, "body"), part(6, node("Add"), initializer(tensor(1, [1], raw(4)))))
SMALL = model(
    node("MatMul"),
    node("Own", domain="mine"),
    node("Loop", BODY),
    initializer(tensor(1, [2, 3], raw(24))),
    initializer(tensor(7, [2], part(7, number(1), number(-1)), name="packed")),
    initializer(tensor(6, [2], whole(5, 1), whole(5, 300), name="unpacked")),
    initializer(tensor(8, [1], part(6, "text"), name="text")),
    initializer(tensor(22, [3], raw(2), name="int4")),
    initializer(tensor(1, [4], outside("w.bin", ("offset", "64"), ("length", "16")))),
    part(11, part(1, "x"), part(2, part(1, whole(1, 1), part(2, part(1, whole(1, 4)))))),
    more=part(25, part(1, "Own"), part(10, "mine"), node("Mul", field=7))
    + part(14, part(1, "author")),
)


def _bound(data: bytes) -> range:
    """Every byte: the samples' raw bytes are zeros that the skeleton leaves out."""
    return range(len(data))


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any) -> None:
    data = model(node("Relu"), initializer(tensor(1, [4], outside("w.bin"))))
    certificate = certificate_of(analyzer, data, "onnx")
    assert_every_mutant_is_rejected(certificate, data, _bound(data))


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_a_model_with_every_kind_of_tensor_is_proven(analyzer: Any) -> None:
    certificate = certificate_of(analyzer, SMALL, "onnx")
    assert certificate.facts["files"] == ["w.bin"]
    assert certificate.facts["nodes"] == 5


def test_only_raw_bytes_may_change_under_a_certificate() -> None:
    data = model(node("Relu"), initializer(tensor(1, [2, 3], raw(24))))
    certificate = certificate_of(onnx_header, data, "onnx")
    free = data.index(bytes(24))
    check(certificate, data[:free] + b"\xff" * 24 + data[free + 24 :])
    assert_every_mutant_is_rejected(certificate, data, range(free))


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        survey(BytesMaterial(data))


@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_what_is_proven_of_a_mutated_file_also_checks(at: int, put: bytes, cut: int) -> None:
    data = SMALL[:at] + put + SMALL[at + cut :]
    for analyzer in ANALYZERS:
        verdict = verdict_on(analyzer, data, "onnx")
        if isinstance(verdict, Proven):
            check(verdict.certificate, data)


def _forged(data: bytes, claim: str) -> Certificate:
    """What the survey would say if it judged nothing."""
    try:
        found = survey(BytesMaterial(data))
    except FormatError:
        facts: dict[str, Any] = {"skeleton": hashlib.sha256(data).hexdigest()}
        facts |= {"nodes": 1, "tensors": 0, "files": []}
    else:
        files = sorted(one.location for one in found.external)
        facts = {"skeleton": found.skeleton, "nodes": found.nodes, "tensors": found.tensors}
        facts |= {"files": files}
    return Certificate("onnx", {"claim": claim, "size": len(data)} | facts)


FLOATS = struct.pack("<2f", 1, 2)
UNSOUND = {
    "raw too short": tensor(1, [3], raw(8)),
    "raw too long": tensor(1, [1], raw(8)),
    "negative": tensor(1, [-1], raw(4)),
    "overflow to zero": tensor(2, [1 << 32, 1 << 32], raw(0)),
    "overflow by type": tensor(15, [1 << 61], raw(0)),
    "no data": tensor(1, [1]),
    "no type": part(8, "w") + raw(0),
    "negative type": tensor(-1, [0], raw(0)),
    "raw text": tensor(8, [1], raw(1)),
    "typed count": tensor(1, [3], part(4, FLOATS)),
    "typed in the wrong field": tensor(1, [1], whole(5, 1)),
    "text elsewhere": tensor(8, [1], outside("w.bin")),
    "no location": tensor(1, [1], whole(14, 1)),
    "negative offset": tensor(1, [1], outside("w.bin", ("offset", "-8"))),
    "hexadecimal offset": tensor(1, [1], outside("w.bin", ("offset", "0x8"))),
    "offset overflows": tensor(1, [1], outside("w.bin", ("offset", "9" * 19))),
    "length differs": tensor(1, [1], outside("w.bin", ("length", "8"))),
}
DOUBTFUL = {
    "unknown type": tensor(99, [1], raw(1)),
    "six bits": tensor(27, [4], raw(3)),
    "segment": tensor(1, [1], part(3, whole(1, 0)), raw(4)),
    "raw and typed": tensor(1, [2], part(4, FLOATS), raw(8)),
    "raw and external": tensor(1, [1], raw(4), outside("w.bin")),
    "named and not used": tensor(1, [1], raw(4), part(13, part(1, "location"), part(2, "a"))),
    "odd location": tensor(1, [1], raw(4), whole(14, 2)),
    "unknown key": tensor(1, [1], outside("w.bin", ("prepacked_0", "x"))),
    "said twice": tensor(1, [1], outside("w.bin", ("location", "v.bin"))),
    "type twice": tensor(1, [1], raw(4), whole(2, 2)),
    "raw twice": tensor(1, [1], raw(4), raw(4)),
    "unknown field": tensor(1, [1], raw(4), part(99, "x")),
    "half a number": tensor(1, [1], part(4, b"\0\0\0")),
    "endless number": tensor(7, [1], part(7, b"\x80")),
    "long number": tensor(7, [1], part(7, b"\x80" * 10 + b"\1")),
}


@pytest.mark.parametrize("name", [*UNSOUND, *DOUBTFUL])
def test_an_unsound_tensor_is_not_proven_and_its_checker_agrees(name: str) -> None:
    spelled = (UNSOUND | DOUBTFUL)[name]
    for data in (
        model(initializer(spelled)),
        model(node("Constant", part(5, part(1, "value"), part(5, spelled)))),
        model(node("If", part(5, part(6, initializer(spelled))))),
        model(more=part(25, part(1, "F"), node("Constant", part(5, part(10, spelled)), field=7))),
        model(more=part(20, part(2, initializer(spelled)))),
    ):
        verdict = verdict_on(onnx_header, data, "onnx")
        assert isinstance(verdict, Refuted if name in UNSOUND else Undecided), verdict
        assert isinstance(verdict_on(onnx_load, data, "onnx"), Undecided | Refuted)
        for claim in ("header-sound", "load-inert"):
            assert_rejected(_forged(data, claim), data, f"{claim}: {name}")


WIRE = {
    "padded number": b"\x08\x88\x00" + model()[2:],
    "long number": b"\x08" + b"\x80" * 10 + b"\x01" + model()[2:],
    "wide number": b"\x08" + b"\xff" * 9 + b"\x7f" + model()[2:],
    "group": model() + b"\x0b\x0c",
    "field 0": model() + b"\x02\x00",
    "two graphs": model() + part(7),
    "unknown field": model() + part(40, "x"),
    "wrong wire type": model() + whole(2, 1),
    "no graph": whole(1, 8),
    "nothing": b"",
    "past the end": model() + b"\x72\x05a",
    "inner past the end": model(b"\x0a\x05a"),
    "sparse": model(part(15, part(1, tensor(1, [0], raw(0))), part(2, tensor(7, [0], raw(0))))),
}


@pytest.mark.parametrize("name", WIRE)
def test_a_wire_that_parsers_read_differently_is_not_proven(name: str) -> None:
    verdict = verdict_on(onnx_header, WIRE[name], "onnx")
    assert isinstance(verdict, Undecided), verdict
    assert_rejected(_forged(WIRE[name], "header-sound"), WIRE[name], name)


PATHS = (
    "", "/etc/passwd", "../w.bin", "a/../../w.bin", "a/.. /w", "..", "..\\w.bin", "C:/w", "c:w",
    "http://example.com/w", "\\\\host\\w", "~/w", "a\nb", "a\0b", "*/_ORT_MEM_ADDR_/*", "w.bin:x",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_leaves_the_folder_is_refuted_wherever_it_stands(path: str) -> None:
    spelled = tensor(1, [1], outside(path))
    for data in (
        model(initializer(spelled)),
        model(node("Loop", part(5, part(6, node("If", part(5, part(11, initializer(spelled)))))))),
        model(part(15, part(1, spelled))),
        model(more=part(25, part(1, "F"), part(11, part(5, spelled)))),
        model(more=part(20, part(1, node("Constant", part(5, part(22, part(2, spelled))))))),
    ):
        for analyzer in (onnx_paths, onnx_load):
            assert isinstance(verdict_on(analyzer, data, "onnx"), Refuted)
        for claim in ("self-contained", "load-inert"):
            assert_rejected(_forged(data, claim), data, f"{claim}: {path!r}")


@pytest.mark.parametrize("path", ["w.bin", "a/b.bin", "./w", "w..bin", "...", "ä", "a b"])
def test_a_path_inside_the_folder_is_proven(path: str) -> None:
    assert escapes(path) is None
    data = model(node("Relu"), initializer(tensor(1, [1], outside(path))))
    certificate_of(onnx_paths, data, "onnx")


@pytest.mark.parametrize(
    ("name", "domain"),
    [("Relu", "evil"), ("Evil", ""), ("PyOp", "pyop"), ("EPContext", "com.microsoft"), ("", "")],
)
def test_an_operator_without_a_summary_is_undecided_wherever_it_stands(
    name: str, domain: str
) -> None:
    odd = node(name, domain=domain)
    for data in (
        model(odd),
        model(node("If", part(5, part(6, odd)))),
        model(more=part(25, part(1, "F"), node(name, domain=domain, field=7))),
        model(more=part(20, part(1, odd))),
    ):
        verdict = verdict_on(onnx_load, data, "onnx")
        assert isinstance(verdict, Undecided)
        assert verdict.reason == Reason.MISSING_SUMMARY
        assert_rejected(_forged(data, "load-inert"), data, f"{domain}.{name}")


def test_a_domain_spelled_out_is_the_domain_left_out() -> None:
    certificate_of(onnx_load, model(node("Relu", domain="ai.onnx")), "onnx")


def test_settings_in_the_metadata_are_not_proven() -> None:
    data = model(more=part(14, part(1, "ort_config"), part(2, "{}")))
    assert isinstance(verdict_on(onnx_load, data, "onnx"), Undecided)
    assert_rejected(_forged(data, "load-inert"), data, "settings")


def test_graphs_that_nest_without_end_are_undecided() -> None:
    inner = node("Relu")
    for _ in range(60):
        inner = node("If", part(5, part(6, inner)))
    verdict = verdict_on(onnx_load, model(inner), "onnx")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL
    assert_rejected(_forged(model(inner), "load-inert"), model(inner), "deep graphs")


def test_what_nests_as_deep_as_is_followed_also_checks() -> None:
    inner = node("Relu")
    for depth in range(40):
        inner = node("If", part(5, part(6, inner)))
        verdict = verdict_on(onnx_load, model(inner), "onnx")
        if isinstance(verdict, Proven):
            check(verdict.certificate, model(inner))
        assert isinstance(verdict, Proven) or depth > 20


class Hole:
    """A model whose one tensor of a gigabyte is never there: reading it fails the test."""

    def __init__(self) -> None:
        self.head = model(node("Relu"))
        shape = tensor(2, [1 << 30])
        length = len(shape) + 1 + len(number(1 << 30)) + (1 << 30)
        last = b"\x2a" + number(length) + shape + b"\x4a" + number(1 << 30)
        graph = node("Relu") + last
        self.head = whole(1, 8) + b"\x3a" + number(len(graph) + (1 << 30)) + graph
        self.size, self.beside = len(self.head) + (1 << 30), frozenset[str]()

    def read(self, offset: int, length: int) -> bytes:
        assert offset < len(self.head), "a tensor is read"
        whole = min(length, 1 << 20)
        return self.head[offset : offset + length].ljust(min(whole, self.size - offset), b"\0")


def test_a_tensor_of_a_gigabyte_is_never_read() -> None:
    from probatum.vocabulary import Artifact

    hole = Hole()
    before = time.process_time()
    artifact = Artifact(name="a", kind="onnx", size=hole.size)
    verdict = onnx_header.judge(artifact, hole)
    assert isinstance(verdict, Proven)
    assert time.process_time() - before < 0.5


def test_20_000_nodes_are_quick_across_windows() -> None:
    data = model(*(node("Relu", part(3, f"node {n}" * 9)) for n in range(20_000)))
    before = time.process_time()
    certificate_of(onnx_load, data, "onnx")
    assert time.process_time() - before < 4


def test_a_field_that_crosses_a_window_is_read_whole() -> None:
    for pad in range(1_048_540, 1_048_580):
        data = model(node("Relu", part(6, bytes(pad))), node("Evil"))
        verdict = verdict_on(onnx_load, data, "onnx")
        assert isinstance(verdict, Undecided)
        assert "'Evil'" in verdict.detail

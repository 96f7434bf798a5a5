"""What the Core ML survey, its analysers and its checker promise beyond the case pages."""

import contextlib
import hashlib
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
from probatum.analyzers.model.coreml_load import coreml_load
from probatum.analyzers.model.coreml_paths import coreml_paths
from probatum.errors import FormatError
from probatum.formats.coreml import survey
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Refuted, Undecided
from protobuf_writer import part, whole

ANALYZERS = (coreml_load, coreml_paths)
WEIGHTS = part(2, b"\x77" * 8)


def model(*kind: bytes) -> bytes:
    return whole(1, 4) + part(2, part(100, part(1, "author"))) + b"".join(kind)


def network(*layers: bytes) -> bytes:
    return part(500, *(part(1, layer) for layer in layers))


def program(path: str) -> bytes:
    value = part(5, part(1, path), whole(2, 64))
    operation = part(1, "const") + part(5, part(1, "val"), part(2, value))
    block = part(3, part(1, "CoreML5"), part(2, part(3, operation)))
    return part(502, whole(1, 1), part(2, part(1, "main"), part(2, block)))


INNER = part(1, "inner") + part(140, part(20, WEIGHTS))
CUSTOM = part(1, "mine") + part(500, part(10, "EvilLayer"))
SMALL = model(network(INNER))


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any) -> None:
    for data in (model(network(part(1, "softmax") + part(175))), model(program("@model_path/w"))):
        certificate = certificate_of(analyzer, data, "coreml")
        assert_every_mutant_is_rejected(certificate, data, range(len(data)))


def test_only_weights_may_change_under_a_certificate() -> None:
    certificate = certificate_of(coreml_load, SMALL, "coreml")
    check(certificate, SMALL.replace(b"\x77", b"\x78"))


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        survey(BytesMaterial(data))


@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_what_is_proven_of_a_mutated_file_also_checks(at: int, put: bytes, cut: int) -> None:
    data = SMALL[:at] + put + SMALL[at + cut :]
    for analyzer in ANALYZERS:
        verdict = verdict_on(analyzer, data, "coreml")
        if isinstance(verdict, Proven):
            check(verdict.certificate, data)


def _forged(data: bytes, claim: str) -> Certificate:
    """What the survey would say if it judged nothing."""
    facts: dict[str, Any] = {"skeleton": hashlib.sha256(data).hexdigest()}
    facts |= {"messages": 3, "files": []}
    with contextlib.suppress(FormatError):
        found = survey(BytesMaterial(data))
        facts = {"skeleton": found.skeleton, "messages": found.messages}
        facts |= {"files": sorted(one.name for one in found.files)}
    return Certificate("coreml", {"claim": claim, "size": len(data)} | facts)


CODE = {
    "a custom layer": network(INNER, CUSTOM),
    "a custom layer in a branch": network(part(605, part(1, part(1, CUSTOM)))),
    "a custom layer in a loop": network(part(615, part(4, part(1, CUSTOM)))),
    "a custom layer in a pipeline": part(202, part(1, model(network(CUSTOM)))),
    "a custom layer in a classifier": part(403, part(1, CUSTOM)),
    "a custom model": part(555, part(10, "EvilModel")),
    "a serialized model": part(3000, part(1, "com.example"), part(2, b"bytes")),
    "two kinds at once": network(INNER) + part(555, part(10, "EvilModel")),
}


@pytest.mark.parametrize("name", CODE)
def test_code_of_another_is_undecided_wherever_it_stands(name: str) -> None:
    data = model(CODE[name])
    assert isinstance(verdict_on(coreml_load, data, "coreml"), Undecided)
    assert_rejected(_forged(data, "load-inert"), data, name)
    certificate_of(coreml_paths, data, "coreml")


@pytest.mark.parametrize("path", ["@model_path/weights/weight.bin", "weights/weight.bin"])
def test_weights_in_the_package_are_proven(path: str) -> None:
    for analyzer in ANALYZERS:
        certificate = certificate_of(analyzer, model(program(path)), "coreml")
        assert certificate.facts["files"] == [path]


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "@model_path/../../x", "../w", "file:x", "a\\b", "@model_path/"]
)
def test_weights_outside_the_package_are_refuted(path: str) -> None:
    for kind in (program(path), part(202, part(1, model(program(path))))):
        for analyzer in ANALYZERS:
            assert isinstance(verdict_on(analyzer, model(kind), "coreml"), Refuted)
            claim = analyzer.claim.id
            assert_rejected(_forged(model(kind), claim), model(kind), path)


@pytest.mark.parametrize(
    ("path", "expected"), [("models", Undecided), ("models:/tmp/x", Refuted), ("../m", Refuted)]
)
def test_a_linked_model_is_never_proven(path: str, expected: type) -> None:
    linked = part(556, part(1, part(1, part(1, "other")), part(2, part(1, path))))
    for analyzer in ANALYZERS:
        assert isinstance(verdict_on(analyzer, model(linked), "coreml"), expected)
        assert_rejected(_forged(model(linked), analyzer.claim.id), model(linked), path)


WIRE = {
    "unknown field": model(part(4999)),
    "two networks": model(network(INNER), network(INNER)),
    "padded number": b"\x08\x84\x00" + model()[2:],
    "group": model() + b"\x0b\x0c",
    "past the end": model() + b"\x12\x7f",
    "deep pipelines": model(),
}
for _ in range(60):
    WIRE["deep pipelines"] = model(part(202, part(1, WIRE["deep pipelines"])))


@pytest.mark.parametrize("name", WIRE)
def test_a_wire_that_parsers_read_differently_is_not_proven(name: str) -> None:
    for analyzer in ANALYZERS:
        assert isinstance(verdict_on(analyzer, WIRE[name], "coreml"), Undecided)
        assert_rejected(_forged(WIRE[name], analyzer.claim.id), WIRE[name], name)

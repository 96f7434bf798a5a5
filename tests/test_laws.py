"""The laws that hold for every input: one verdict for each planned claim, and none is a truth."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probatum.audit.judge import judged
from probatum.audit.open import opened
from probatum.audit.opened import Caps, Root
from probatum.audit.plan import plan
from probatum.audit.run import Settings, audit
from probatum.audit.sandbox import Limits
from probatum.material import BytesMaterial
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Place,
    Proven,
    Reason,
    Refuted,
    Report,
    Undecided,
    Verdict,
    Witness,
)

SEEDS = (
    b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s.",
    b"cbuiltins\nprint\n(Vx\ntR.",
    b"GGUF\x03\x00\x00\x00" + b"\x00" * 16,
    b"\x10\x00\x00\x00\x00\x00\x00\x00" + b'{"__metadata__":{}}'[:16],
    b'{"auto_map": {"AutoModel": "m.M"}}',
    b"PK\x05\x06" + b"\x00" * 18,
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }",
    b"\x1f\x8b\x08\x00" + b"\x00" * 20,
    b"\x89HDF\r\n\x1a\n" + b"\x00" * 40,
    b"{{ messages[0].content }}",
)
NAMES = st.sampled_from(
    ["a.pkl", "model.pt", "x.safetensors", "m.gguf", "config.json", "README.md", "z", "k.keras"]
)


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """Arbitrary bytes, or the start of a real format with some of its bytes changed."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=300))
    data = bytearray(draw(st.sampled_from(SEEDS)) + draw(st.binary(max_size=60)))
    for place in draw(st.lists(st.integers(0, len(data) - 1), max_size=4)):
        data[place] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


@given(inputs(), NAMES)
@settings(max_examples=300, deadline=None)
def test_every_input_gets_exactly_one_verdict_for_each_planned_claim(
    data: bytes, name: str
) -> None:
    names = set()
    for one in opened(name, BytesMaterial(data), Caps()):
        assert one.artifact.name not in names
        names.add(one.artifact.name)
        planned = plan(one.artifact)
        assert planned
        assert len({each.claim.id for each in planned}) == len(planned)
        for analyzer in planned:
            verdict = judged(analyzer, one.artifact, one.material)
            assert isinstance(verdict, Proven | Refuted | Undecided)
            assert getattr(verdict, "reason", None) is not Reason.CRASHED, verdict
    assert name in names


@given(st.text(max_size=30))
def test_every_kind_has_a_plan(kind: str) -> None:
    assert plan(Artifact(name="a", kind=kind, size=0))


def report_of(files: list[bytes], jobs: int) -> Report:
    def roots(target: str) -> Iterator[Root]:
        for number, data in enumerate(files):
            yield Root(f"{number}.bin", len(data), fetch=_from(data))

    return audit(["t"], Settings(jobs=jobs, limits=Limits(cpu_s=10)), roots_of=roots)


def _from(data: bytes):  # type: ignore[no-untyped-def]
    return lambda offset, length: data[offset : offset + length]


@given(st.lists(inputs(), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_report_has_one_finding_for_each_planned_claim(files: list[bytes]) -> None:
    report = report_of(files, 1)
    keys = [(one.artifact.name, one.claim) for one in report.findings]
    assert len(keys) == len(set(keys))
    assert [(one.artifact, one.claim) for one in report.planned] == keys
    roots = {one.artifact.name for one in report.findings if one.artifact.parent is None}
    assert roots == {f"{number}.bin" for number in range(len(files))}
    assert {one.claim for one in report.findings} <= {claim.id for claim in report.claims}
    assert not report.interrupted


def test_a_report_does_not_depend_on_the_number_of_workers() -> None:
    chance = random.Random(7)
    files = [chance.choice(SEEDS) + chance.randbytes(chance.randrange(40)) for _ in range(150)]
    assert report_of(files, 1) == report_of(files, 3)


VERDICTS = st.one_of(
    st.builds(Proven, st.builds(Certificate, st.text(), st.just({}))),
    st.builds(Refuted, st.lists(st.builds(Witness, st.text()), min_size=1).map(tuple)),
    st.builds(Undecided, st.sampled_from(Reason), st.text(), st.just(Place())),
)


@given(VERDICTS)
def test_a_verdict_has_no_truth_value(verdict: Verdict) -> None:
    for ask in (bool, lambda v: not v, lambda v: v and v, lambda v: 1 if v else 0, all_of):
        with pytest.raises(TypeError, match="neither true nor false"):
            ask(verdict)


def all_of(verdict: Verdict) -> bool:
    return all([verdict])


def test_a_refutation_needs_a_witness() -> None:
    with pytest.raises(ValueError, match="witness"):
        Refuted(())

"""Whatever an analyser does, its claim ends in one verdict, and hostile text stays out of it."""

import pytest

from probatum.audit.judge import attempted, judged
from probatum.claims import LOAD_INERT
from probatum.errors import FormatError
from probatum.material import BytesMaterial
from probatum.ports import Analyzer, Material
from probatum.vocabulary import Artifact, Certificate, Place, Proven, Reason, Undecided, Verdict

ARTIFACT = Artifact(name="a", kind="pickle", size=0)


def judge_with(judge: object) -> Verdict:
    one = Analyzer("one", LOAD_INERT, frozenset({"pickle"}), judge, "here")  # type: ignore[arg-type]
    return judged(one, ARTIFACT, BytesMaterial(b""))


def test_a_verdict_is_passed_on() -> None:
    verdict = Proven(Certificate("none", {}))
    assert judge_with(lambda artifact, material: verdict) is verdict


def test_a_readers_trouble_keeps_its_reason_detail_and_place() -> None:
    def judge(artifact: Artifact, material: Material) -> Verdict:
        raise FormatError(Reason.TRUNCATED, "cut", Place(offset=7))

    assert judge_with(judge) == Undecided(Reason.TRUNCATED, "cut", Place(offset=7))


def test_running_out_of_memory_is_undecided() -> None:
    def judge(artifact: Artifact, material: Material) -> Verdict:
        raise MemoryError

    verdict = judge_with(judge)
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.OUT_OF_MEMORY


@pytest.mark.parametrize("error", [ValueError, RecursionError, KeyError, AssertionError])
def test_a_crash_names_its_type_and_place_and_nothing_else(error: type[Exception]) -> None:
    def judge(artifact: Artifact, material: Material) -> Verdict:
        raise error("\x1b]0;hostile\x07")

    verdict = judge_with(judge)
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.CRASHED
    assert f"{error.__name__} at tests/test_judge.py:" in verdict.detail
    assert "hostile" not in verdict.detail


@pytest.mark.parametrize("nothing", [None, True, "proven", 0])
def test_what_is_no_verdict_is_a_crash(nothing: object) -> None:
    verdict = judge_with(lambda artifact, material: nothing)
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.CRASHED


def test_a_crash_in_our_own_code_is_placed_there() -> None:
    class Odd:
        size = "many"

    verdict = attempted(lambda: BytesMaterial(Odd()).read(0, "x"), "reading")  # type: ignore[arg-type]
    assert isinstance(verdict, Undecided)
    assert "TypeError at probatum/material.py:" in verdict.detail


def test_being_told_to_stop_is_not_swallowed() -> None:
    def judge(artifact: Artifact, material: Material) -> Verdict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge_with(judge)

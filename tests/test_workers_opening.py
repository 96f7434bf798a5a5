"""What opening a file costs when the opener itself dies, loops or fails on it.

The opener is replaced by one that reads its instructions from the file: no real file is known to
do these things to the real one, or it would have been repaired.
"""

import os
import time
from collections.abc import Iterator

import pytest

from probatum.audit import processes, worker
from probatum.audit.opened import Caps, Opened, Root
from probatum.audit.run import Settings, audit
from probatum.audit.sandbox import Limits
from probatum.errors import FormatError
from probatum.material import BytesMaterial
from probatum.ports import Material
from probatum.vocabulary import Artifact, Finding, Reason, Report, Undecided

LIMITS = Limits(memory=1 << 30, cpu_s=0.5, wall_s=5, deaths=3)


def opener(root_name: str, material: Material, caps: Caps, *_: object) -> Iterator[Opened]:
    """Yields the root, and for each word of it a member; some words never come back."""
    yield Opened(Artifact(name=root_name, kind="text", size=material.size), material)
    for number, word in enumerate(material.read(0, material.size).decode().split()):
        match word:
            case "exit":
                os._exit(7)
            case "loop":
                while True:
                    pass
            case "fail":
                raise AssertionError("ours")
            case "slow":
                deadline = time.process_time() + 0.3
                while time.process_time() < deadline:
                    pass
        trouble = FormatError(Reason.ENCRYPTED, "no password") if word == "locked" else None
        name = f"{root_name}!/{number}"
        found = Artifact(name=name, kind="text", size=1, parent=root_name)
        yield Opened(found, BytesMaterial(b"x"), trouble)


@pytest.fixture(autouse=True)
def _hostile_opener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "opened", opener)
    # Only a forked worker knows this opener; numpy, once a test has imported it, keeps threads
    # that would make the audit start workers anew.
    monkeypatch.setattr(processes, "_alone", lambda: True)


def judged(*texts: str, limits: Limits = LIMITS) -> Report:
    def roots(target: str) -> Iterator[Root]:
        for number, text in enumerate(texts):
            data = text.encode()
            yield Root(f"{number}", len(data), fetch=lambda at, n, d=data: d[at : at + n])

    return audit(["t"], Settings(jobs=1, limits=limits), roots_of=roots)


def opening(report: Report, name: str) -> Undecided:
    """What is said about opening the artifact `name`."""
    [found] = [
        one.verdict
        for one in report.findings
        if (one.artifact.name, one.claim) == (name, "fully-opened")
    ]
    assert isinstance(found, Undecided)
    return found


def artifacts(report: Report) -> list[str]:
    return list(dict.fromkeys(one.artifact.name for one in report.findings))


@pytest.mark.parametrize(
    ("word", "reason"),
    [("exit", Reason.CRASHED), ("loop", Reason.OUT_OF_TIME), ("fail", Reason.CRASHED)],
)
def test_an_opening_that_fails_keeps_what_was_opened_and_says_where_it_ended(
    word: str, reason: Reason
) -> None:
    report = judged("a b", f"a b {word} c", "a")
    assert artifacts(report) == ["0", "0!/0", "0!/1", "1", "1!/0", "1!/1", "2", "2!/0"]
    assert opening(report, "1").reason is reason
    assert len(report.planned) == len(report.findings)
    unaffected = [one for one in report.findings if not one.artifact.name.startswith("1")]
    assert not [one for one in unaffected if one.claim == "fully-opened"]


def test_a_file_that_fails_before_its_first_artifact_is_one_undecided_artifact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(root_name: str, material: Material, caps: Caps, *_: object) -> Iterator[Opened]:
        if root_name == "1":
            os._exit(7)
        return opener(root_name, material, caps)

    monkeypatch.setattr(worker, "opened", never)
    report = judged("a", "a", "a")
    [finding] = [one for one in report.findings if one.artifact.name == "1"]
    assert (finding.artifact.kind, finding.claim) == ("unknown", "kind-is-understood")
    assert isinstance(finding.verdict, Undecided)
    assert finding.verdict.detail == "the worker left with exit status 7"


def test_a_member_in_trouble_keeps_its_container_from_being_fully_opened() -> None:
    report = judged("a locked b")
    assert artifacts(report) == ["0", "0!/0", "0!/1", "0!/2"]
    assert opening(report, "0!/1").reason is Reason.ENCRYPTED


def test_nothing_is_proven_of_a_member_that_could_not_be_opened() -> None:
    report = judged("locked")
    verdicts = [one.verdict for one in report.findings if one.artifact.name == "0!/0"]
    assert len(verdicts) >= 2
    assert {one.reason for one in verdicts} == {Reason.ENCRYPTED}  # type: ignore[union-attr]


def test_a_file_that_takes_too_long_as_a_whole_is_given_up() -> None:
    limits = Limits(memory=1 << 30, cpu_s=5, file_cpu_s=0.5)
    report = judged("slow slow slow slow slow", "a", limits=limits)
    assert opening(report, "0").reason is Reason.OUT_OF_TIME
    assert artifacts(report)[-1] == "1!/0"


def test_a_file_that_costs_too_many_workers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from probatum.audit import judge

    def deadly(analyzer: object, artifact: Artifact, material: Material, *more: object) -> object:
        if artifact.name.startswith("1!/"):
            os._exit(7)
        return judge.judged(analyzer, artifact, material, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(worker, "judged", deadly)
    report = judged("a", "a " * 20, "a")
    dead: list[Finding] = [one for one in report.findings if one.artifact.name.startswith("1!/")]
    reasons = [one.verdict.reason for one in dead]  # type: ignore[union-attr]
    assert (reasons[0], reasons[-1]) == (Reason.CRASHED, Reason.OVER_LIMIT)
    assert opening(report, "1").detail.startswith("it cost 4 workers")
    assert artifacts(report)[-2:] == ["2", "2!/0"]
    assert len(report.planned) == len(report.findings)

"""One hostile file can cost its own verdict and nothing else."""

import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile_analyzers import ANALYZERS
from probatum.audit.opened import Root
from probatum.audit.run import Settings, audit
from probatum.audit.sandbox import Limits
from probatum.errors import FormatError, TargetError
from probatum.vocabulary import Finding, Proven, Reason, Refuted, Report, Undecided

LIMITS = Limits(memory=512 << 20, cpu_s=1.0, wall_s=5.0, evidence=1 << 20)


def settings(jobs: int = 1, *, fork: bool = True, limits: Limits = LIMITS) -> Settings:
    return Settings(jobs=jobs, limits=limits, third_party=ANALYZERS, built_in=False, fork=fork)


def roots(folder: str) -> Iterator[Root]:
    for path in sorted(Path(folder).iterdir()):
        yield Root(path.name, path.stat().st_size, path=str(path))


def judged(tmp_path: Path, *words: str, padding: str = "", **options: object) -> Report:
    for number, word in enumerate(words):
        (tmp_path / f"{number:03}.txt").write_text(f"please do this: {word}\n" + padding)
    return audit([str(tmp_path)], settings(**options), roots_of=roots)  # type: ignore[arg-type]


def of(report: Report, claim: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.claim == claim]


def reason(finding: Finding) -> Reason:
    assert isinstance(finding.verdict, Undecided), finding
    return finding.verdict.reason


COSTS = {
    "loop": Reason.OUT_OF_TIME,
    "cloop": Reason.OUT_OF_TIME,
    "eat": Reason.OUT_OF_MEMORY,
    "exit": Reason.CRASHED,
    "sysexit": Reason.CRASHED,
    "interrupt": Reason.CRASHED,
    "raise": Reason.CRASHED,
    "recurse": Reason.CRASHED,
    "kill": Reason.CRASHED,
    "segfault": Reason.CRASHED,
    "close": Reason.CRASHED,
    "evidence": Reason.OVER_LIMIT,
    "strange": Reason.CRASHED,
    "none": Reason.CRASHED,
    "format": Reason.TRUNCATED,
    "fork": Reason.CRASHED,
    "exec": Reason.CRASHED,
    "write": Reason.CRASHED,
}


@pytest.mark.parametrize("word", COSTS)
def test_a_hostile_file_costs_its_own_verdict_and_nothing_else(tmp_path: Path, word: str) -> None:
    report = judged(tmp_path, "calm", word, "calm")
    assert len(report.findings) == len(report.planned) == 9
    first, second, third = of(report, "probe")
    assert reason(second) == COSTS[word], second.verdict
    for finding in (first, third, *of(report, "before")):
        assert isinstance(finding.verdict, Proven), finding
    for finding in of(report, "then"):
        assert isinstance(finding.verdict, Refuted), finding


def test_how_a_worker_ended_is_said(tmp_path: Path) -> None:
    words = {
        "segfault": "the worker died by signal SIGSEGV",
        "kill": "the worker died by signal SIGABRT",
        "exit": "the worker left with exit status 0",
        "loop": "it took more processor time than one claim may",
        "fork": "b-probe failed: PermissionError at tests/hostile_analyzers.py:",
    }
    found = of(judged(tmp_path, *words), "probe")
    for finding, said in zip(found, words.values(), strict=True):
        assert finding.verdict.detail.startswith(said)  # type: ignore[union-attr]


def test_memory_that_one_file_took_is_there_for_the_next(tmp_path: Path) -> None:
    report = judged(tmp_path, "eat", "need", "eat", "need")
    assert [type(one.verdict).__name__ for one in of(report, "probe")] == [
        "Undecided",
        "Proven",
        "Undecided",
        "Proven",
    ]
    assert all(isinstance(one.verdict, Refuted) for one in of(report, "then"))


def test_a_listing_that_breaks_off_does_not_end_the_audit(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("calm")

    def broken(target: str) -> Iterator[Root]:
        yield from roots(str(tmp_path))
        if target == "crash":
            raise ZeroDivisionError("ours")
        raise TargetError("the disk is gone")

    report = audit(["crash", "target"], settings(), roots_of=broken)
    told = [one.verdict for one in report.findings if one.analyzer == "opening"]
    assert [one.reason for one in told] == [Reason.CRASHED, Reason.UNREADABLE]  # type: ignore[union-attr]
    assert len(of(report, "probe")) == 4


def test_a_system_that_gives_no_processes_gives_undecided_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> object:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("probatum.audit.processes._forked", refused)
    monkeypatch.setattr("probatum.audit.processes._spawned", refused)
    report = judged(tmp_path, "calm", "calm")
    assert [reason(one) for one in report.findings] == [Reason.CRASHED] * 2
    assert "no worker process can be started" in report.findings[0].verdict.detail  # type: ignore[union-attr]


@pytest.mark.parametrize("word", ["exit", "loop", "calm", "segfault"])
def test_workers_started_anew_do_the_same(tmp_path: Path, word: str) -> None:
    report = judged(tmp_path, "calm", word, fork=False)
    _, second = of(report, "probe")
    assert word == "calm" or reason(second) == COSTS[word], second.verdict
    assert all(isinstance(finding.verdict, Refuted) for finding in of(report, "then"))


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's word")
def test_a_worker_that_stands_still_is_ended(tmp_path: Path) -> None:
    limits = Limits(memory=1 << 30, cpu_s=5, wall_s=1.0)
    report = judged(tmp_path, "sleep", "calm", limits=limits)
    first, second = of(report, "probe")
    assert reason(first) == Reason.OUT_OF_TIME
    assert isinstance(second.verdict, Proven)


def test_printing_gigabytes_goes_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    limits = Limits(memory=1 << 30, cpu_s=20)
    report = judged(tmp_path, "print", limits=limits)
    assert isinstance(of(report, "probe")[0].verdict, Proven)
    assert capfd.readouterr() == ("", "")


def test_hostile_text_of_an_exception_is_not_told(tmp_path: Path) -> None:
    [finding] = of(judged(tmp_path, "raise"), "probe")
    assert isinstance(finding.verdict, Undecided)
    assert "RuntimeError at tests/hostile_analyzers.py:" in finding.verdict.detail
    assert "hostile text" not in finding.verdict.detail


def test_evidence_with_half_a_surrogate_pair_is_kept(tmp_path: Path) -> None:
    [finding] = of(judged(tmp_path, "surrogate"), "probe")
    assert finding.verdict == Refuted(finding.verdict.witnesses)  # type: ignore[union-attr]
    assert finding.verdict.witnesses[0].says == "name \\ud800"  # type: ignore[union-attr]


def test_a_certificate_may_hold_integers_of_any_size(tmp_path: Path) -> None:
    [finding] = of(judged(tmp_path, "big"), "probe")
    assert isinstance(finding.verdict, Proven)
    assert finding.verdict.certificate.facts == {"big": 2**200}


def test_findings_come_in_the_same_order_whatever_the_number_of_workers(tmp_path: Path) -> None:
    words = ["calm", "exit", "raise", "calm", "segfault", "format"] * 6
    one = judged(tmp_path, *words, jobs=1)
    four = judged(tmp_path, *words, jobs=4)
    assert one == four
    assert [finding.artifact.name for finding in of(one, "probe")] == [
        f"{number:03}.txt" for number in range(36)
    ]


def test_every_file_of_many_may_kill_its_worker(tmp_path: Path) -> None:
    report = judged(tmp_path, *["exit"] * 40, jobs=2)
    assert {reason(finding) for finding in of(report, "probe")} == {Reason.CRASHED}
    assert len(report.findings) == 120


def test_a_worker_killed_from_outside_costs_one_claim(tmp_path: Path) -> None:
    killer = os.fork()
    if killer == 0:
        try:
            time.sleep(0.3)
            kill_soon_of(os.getppid())
        finally:
            os._exit(0)
    limits = Limits(memory=1 << 30, cpu_s=60, wall_s=60)
    report = judged(tmp_path, "sleep", "calm", limits=limits)
    os.waitpid(killer, 0)
    first, second = of(report, "probe")
    assert reason(first) == Reason.CRASHED
    assert "killed from outside" in first.verdict.detail  # type: ignore[union-attr]
    assert isinstance(second.verdict, Proven)


def test_whoever_kills_workers_at_random_loses_no_report(tmp_path: Path) -> None:
    parent, killer = os.getpid(), os.fork()
    if killer == 0:
        chance, deadline = random.Random(11), time.monotonic() + 1.5
        while time.monotonic() < deadline:
            time.sleep(0.02)
            others = [child for child in _children(parent) if child != os.getpid()]
            if others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(others), signal.SIGKILL)
        os._exit(0)
    report = judged(tmp_path, *["calm", "busy", "raise"] * 60, jobs=3)
    os.waitpid(killer, 0)
    keys = [(one.artifact.name, one.claim) for one in report.findings]
    assert len(keys) == len(set(keys)) == len(report.planned)
    assert {name for name, _ in keys} == {f"{number:03}.txt" for number in range(180)}


def kill_soon_of(parent: int) -> None:
    """End the first other child of `parent` with SIGKILL."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for child in _children(parent):
            if child != os.getpid():
                time.sleep(0.3)
                os.kill(child, signal.SIGKILL)
                return
        time.sleep(0.02)


def _children(parent: int | None = None) -> list[int]:
    text = Path(f"/proc/{parent or os.getpid()}/task/{parent or os.getpid()}/children").read_text()
    return [int(pid) for pid in text.split()]


def test_a_stopped_audit_gives_a_whole_report(tmp_path: Path) -> None:
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    limits = Limits(memory=1 << 30, cpu_s=60, wall_s=60)
    padding = " " * (1 << 18)
    report = judged(tmp_path, "calm", "sleep", "calm", limits=limits, padding=padding)
    assert report.interrupted
    assert len(report.planned) == len(report.findings)
    first, second = of(report, "probe")
    assert isinstance(first.verdict, Proven)
    assert reason(second) == Reason.INTERRUPTED
    third = report.findings[-1]
    assert (third.artifact.name, third.claim) == ("002.txt", "kind-is-understood")
    assert third.artifact.kind == "unknown"
    assert reason(third) == Reason.INTERRUPTED
    assert _children() == []


def test_sigterm_is_ctrl_c(tmp_path: Path) -> None:
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, 0.7)
    assert judged(tmp_path, "sleep").interrupted


def test_an_empty_target_is_not_silent(tmp_path: Path) -> None:
    report = audit([str(tmp_path)], settings(), roots_of=roots)
    [finding] = [one for one in report.findings if one.analyzer == "opening"]
    assert reason(finding) == Reason.NOT_ANALYSED
    assert "nothing to judge" in finding.verdict.detail  # type: ignore[union-attr]


def test_a_file_in_trouble_is_one_undecided_artifact() -> None:
    def troubled(target: str) -> Iterator[Root]:
        yield Root("gone.pkl", 12, trouble=FormatError(Reason.UNREADABLE, "no permission"))
        yield Root("lost.pkl", 12, path="/nowhere/at/all.pkl")

    report = audit(["x"], settings(), roots_of=troubled)
    assert {finding.artifact.name for finding in report.findings} == {"gone.pkl", "lost.pkl"}
    opened = [one for one in report.findings if one.analyzer == "opening"]
    assert [reason(one) for one in opened] == [Reason.UNREADABLE, Reason.VANISHED]


def test_bytes_only_the_parent_can_reach_are_fetched_in_pieces() -> None:
    data = b"please do this: calm\n" + b" " * (20 << 20)
    asked = []

    def fetch(offset: int, length: int) -> bytes:
        asked.append((offset, length))
        return data[offset : offset + length]

    def far(target: str) -> Iterator[Root]:
        yield Root("far.txt", len(data), fetch=fetch)

    report = audit(["x"], settings(), roots_of=far)
    assert isinstance(of(report, "probe")[0].verdict, Proven)
    assert asked and all(length <= 8 << 20 for _, length in asked)


def test_a_fetch_that_fails_is_undecided() -> None:
    def fetch(offset: int, length: int) -> bytes:
        if offset == 0 and length > 50:
            raise FormatError(Reason.OFFLINE, "no network")
        raise OSError("broken")

    def far(target: str) -> Iterator[Root]:
        yield Root("far.txt", 5000, fetch=fetch)

    report = audit(["x"], settings(), roots_of=far)
    assert any(
        isinstance(one.verdict, Undecided) and one.verdict.reason == Reason.OFFLINE
        for one in report.findings
    )


def test_a_target_that_does_not_exist_ends_the_audit_before_it_begins(tmp_path: Path) -> None:
    def missing(target: str) -> Iterator[Root]:
        if target == "missing":
            raise TargetError("missing: there is no such file")
        yield from roots(target)

    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(TargetError, match="no such file"):
        audit([str(tmp_path), "missing"], settings(), roots_of=missing)


def test_two_targets_with_one_name_stay_two_artifacts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("calm")
    report = audit([str(tmp_path), str(tmp_path)], settings(), roots_of=roots)
    path = f"{tmp_path}/a.txt"
    assert [one.artifact.name for one in of(report, "probe")] == [path, f"{path}#2"]


def test_names_that_are_not_utf8_travel(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    (tmp_path / name).write_text("do: calm")

    def odd(target: str) -> Iterator[Root]:
        path = str(tmp_path / name)
        yield Root("caf\\xe9.txt", 8, path=path, beside=frozenset({name, "other"}))

    report = audit(["x"], settings(), roots_of=odd)
    assert isinstance(of(report, "probe")[0].verdict, Proven)


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("calm")
    seen = []
    audit([str(tmp_path)], settings(), roots_of=roots, on_progress=seen.append)
    assert (seen[-1].roots, seen[-1].roots_listed, seen[-1].artifacts) == (5, 5, 5)
    assert seen[-1].size == seen[-1].size_listed == 20

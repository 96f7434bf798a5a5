"""The books of an audit: one finding for each planned claim, and no false 'fully opened'."""

from probatum.audit.opened import Root
from probatum.audit.report import Record, complete
from probatum.claims import FULLY_OPENED, LOAD_INERT
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Proven,
    Reason,
    Refuted,
    Report,
    Undecided,
    Verdict,
    Witness,
)

PROVEN = Proven(Certificate("none", {}))
SHUT = Undecided(Reason.ENCRYPTED, "no password")
CRASH = Undecided(Reason.CRASHED, "died")
OPENED = (("fully-opened", "fully-opened"),)
INERT = (("load-inert", "pickle-load"),)
CLAIMS = {claim.id: claim for claim in (FULLY_OPENED, LOAD_INERT)}


def artifact(name: str, parent: str | None = None) -> Artifact:
    return Artifact(name=name, kind="zip", size=1, parent=parent)


def record(*entries: tuple[Artifact, tuple[tuple[str, str], ...], Undecided | None]) -> Record:
    made = Record(Root(entries[0][0].name if entries else "a", 1))
    for ordinal, (one, planned, trouble) in enumerate(entries):
        made.meet(ordinal, one, planned, trouble)
        for _ in planned:
            made.say(PROVEN)
    made.finished = True
    return made


def verdict(report: Report, name: str, claim: str) -> Verdict:
    [found] = [
        one.verdict for one in report.findings if (one.artifact.name, one.claim) == (name, claim)
    ]
    return found


def test_what_is_whole_stays_as_it_was_told() -> None:
    report = complete(("t",), [record((artifact("a"), OPENED, None))], CLAIMS)
    assert verdict(report, "a", "fully-opened") == PROVEN
    assert report.claims == (FULLY_OPENED,)
    assert not report.interrupted


def test_a_container_with_a_member_in_trouble_is_not_fully_opened() -> None:
    made = record(
        (artifact("a"), OPENED, None),
        (artifact("a!/b", "a"), OPENED, None),
        (artifact("a!/b!/c", "a!/b"), INERT, SHUT),
    )
    report = complete((), [made], CLAIMS)
    told = verdict(report, "a!/b", "fully-opened")
    assert told == Undecided(Reason.ENCRYPTED, "a!/b!/c: no password")
    assert verdict(report, "a", "fully-opened") == PROVEN


def test_an_opening_that_halts_shuts_every_container_it_was_in() -> None:
    made = record(
        (artifact("a"), OPENED, None),
        (artifact("a!/done", "a"), OPENED, None),
        (artifact("a!/b", "a"), OPENED, None),
        (artifact("a!/b!/c", "a!/b"), INERT, None),
    )
    made.halted = CRASH
    report = complete((), [made], CLAIMS)
    assert verdict(report, "a", "fully-opened") == CRASH
    assert verdict(report, "a!/b", "fully-opened") == CRASH
    assert verdict(report, "a!/done", "fully-opened") == PROVEN
    assert verdict(report, "a!/b!/c", "load-inert") == PROVEN


def test_a_halted_root_that_is_no_container_still_says_so() -> None:
    made = record((artifact("a"), INERT, None))
    made.halted = CRASH
    report = complete((), [made], CLAIMS)
    assert verdict(report, "a", "fully-opened") == CRASH


def test_a_refutation_is_not_softened_by_a_halt() -> None:
    made = Record(Root("a", 1))
    made.meet(0, artifact("a"), OPENED, None)
    refuted = Refuted((Witness("two members of one name"),))
    made.say(refuted)
    made.halted, made.finished = CRASH, True
    report = complete((), [made], CLAIMS)
    assert verdict(report, "a", "fully-opened") == refuted


def test_what_was_not_reached_is_undecided_and_counted() -> None:
    half = Record(Root("a", 1))
    half.meet(0, artifact("a"), (*OPENED, *INERT), None)
    half.say(PROVEN)
    report = complete((), [half, Record(Root("b", 5))], CLAIMS, interrupted=True)
    assert report.interrupted
    assert len(report.planned) == len(report.findings) == 3
    for name, claim in (("a", "fully-opened"), ("a", "load-inert"), ("b", "kind-is-understood")):
        told = verdict(report, name, claim)
        assert isinstance(told, Undecided)
        assert told.reason is Reason.INTERRUPTED


def test_a_root_that_yields_nothing_is_not_silent() -> None:
    empty = Record(Root("a", 1), finished=True)
    [finding] = complete((), [empty], CLAIMS).findings
    assert isinstance(finding.verdict, Undecided)


def test_names_are_unique_across_roots_and_parents_follow() -> None:
    def one() -> Record:
        return record((artifact("a"), OPENED, None), (artifact("a!/b", "a"), INERT, None))

    report = complete((), [one(), one()], CLAIMS)
    assert [(one.artifact.name, one.artifact.parent) for one in report.findings] == [
        ("a", None),
        ("a!/b", "a"),
        ("a#2", None),
        ("a!/b#2", "a#2"),
    ]


def test_a_worker_cannot_tell_verdicts_nobody_asked_for() -> None:
    made = record((artifact("a"), OPENED, None))
    for wrong in (
        lambda: made.say(PROVEN),
        lambda: made.meet(5, artifact("b"), OPENED, None),
        lambda: made.meet(0, artifact("b"), OPENED, None),
    ):
        try:
            wrong()
        except ValueError:
            continue
        raise AssertionError("accepted")

"""What a report is worth: the exit code, and what an acceptance covers."""

import datetime

import pytest

from probatum.policy import (
    HOLDS,
    INTERRUPTED,
    REFUTED,
    UNDECIDED,
    Acceptance,
    Policy,
    decide,
    summary,
)
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Entries,
    Entry,
    Finding,
    Place,
    Proven,
    Reason,
    Refuted,
    Report,
    Undecided,
    Verdict,
    Witness,
)

TODAY = datetime.date(2026, 11, 23)
DIGEST = "sha256:" + "0" * 64
PROVEN = Proven(Certificate("none", {}))
BROKEN = Refuted((Witness("here"),))
OPEN = Undecided(Reason.MISSING_SUMMARY, "some.thing")


def finding(verdict: Verdict, claim: str = "load-inert", name: str = "a/m.pkl") -> Finding:
    artifact = Artifact(name=name, kind="pickle", size=1, digest=DIGEST)
    return Finding(artifact, claim, "one", verdict)


def report(*findings: Finding, interrupted: bool = False) -> Report:
    return Report(targets=("t",), planned=(), findings=findings, interrupted=interrupted)


def accepting(artifact: str = "*.pkl", claim: str = "load-inert", days: int = 1) -> Acceptance:
    expires = TODAY + datetime.timedelta(days)
    return Acceptance(artifact=artifact, claim=claim, reason="r", owner="ann", expires=expires)


def code(policy: Policy, *findings: Finding) -> int:
    return decide(report(*findings), policy, TODAY).exit_code


def test_all_proven_holds() -> None:
    assert code(Policy(), finding(PROVEN)) == HOLDS


def test_a_refutation_fails_whatever_its_claim() -> None:
    assert code(Policy(must_prove=()), finding(PROVEN), finding(BROKEN, "odd-claim")) == REFUTED


def test_a_refutation_outweighs_what_is_undecided() -> None:
    assert code(Policy(), finding(OPEN), finding(BROKEN, "data-shaped")) == REFUTED


def test_undecided_fails_only_where_proof_is_asked() -> None:
    assert code(Policy(), finding(PROVEN), finding(OPEN)) == UNDECIDED
    assert code(Policy(), finding(PROVEN), finding(OPEN, "data-shaped")) == HOLDS
    asked = Policy(must_prove=("data-shaped",))
    assert code(asked, finding(PROVEN), finding(OPEN, "data-shaped")) == UNDECIDED


def test_fail_on_refuted_lets_undecided_pass() -> None:
    policy = Policy(fail_on="refuted")
    assert code(policy, finding(PROVEN), finding(OPEN)) == HOLDS
    assert code(policy, finding(PROVEN), finding(BROKEN)) == REFUTED


@pytest.mark.parametrize("claim", ["fully-opened", "kind-is-understood"])
def test_what_could_not_be_opened_fails_although_nobody_asked(claim: str) -> None:
    unread = finding(Undecided(Reason.UNREADABLE, "no permission"), claim, "x.bin")
    assert code(Policy(must_prove=()), finding(PROVEN), unread) == UNDECIDED


def test_what_no_analyser_judges_is_reported_and_does_not_fail() -> None:
    picture = finding(Undecided(Reason.NOT_ANALYSED, "image"), "kind-is-understood", "x.png")
    assert code(Policy(), finding(PROVEN), picture) == HOLDS
    asked = Policy(must_prove=("kind-is-understood",))
    assert code(asked, finding(PROVEN), picture) == UNDECIDED


def test_a_report_that_decides_nothing_never_holds() -> None:
    picture = finding(Undecided(Reason.NOT_ANALYSED, "image"), "kind-is-understood", "x.png")
    assert code(Policy(), picture) == UNDECIDED
    assert code(Policy(fail_on="refuted"), picture) == UNDECIDED
    assert code(Policy()) == UNDECIDED


def test_a_stopped_audit_has_its_own_exit_code() -> None:
    stopped = report(finding(PROVEN), interrupted=True)
    assert decide(stopped, Policy(), TODAY).exit_code == INTERRUPTED


@pytest.mark.parametrize("artifact", ["*.pkl", "a/*", "*", "a/m.pkl", DIGEST])
def test_an_acceptance_covers_what_it_names(artifact: str) -> None:
    policy = Policy(accept=(accepting(artifact),))
    decision = decide(report(finding(PROVEN, "x"), finding(BROKEN)), policy, TODAY)
    assert decision.exit_code == HOLDS
    assert len(decision.accepted) == 1
    assert decision.unused == ()


@pytest.mark.parametrize("artifact", ["m.pkl", "A/M.PKL", "sha256:" + "1" * 64, "sha256:*"])
def test_an_acceptance_covers_nothing_else(artifact: str) -> None:
    policy = Policy(accept=(accepting(artifact),))
    decision = decide(report(finding(BROKEN)), policy, TODAY)
    assert decision.exit_code == REFUTED
    assert decision.unused == policy.accept


def test_an_acceptance_of_another_claim_covers_nothing() -> None:
    assert code(Policy(accept=(accepting(claim="data-shaped"),)), finding(BROKEN)) == REFUTED


def test_an_acceptance_counts_through_its_last_day() -> None:
    policy = Policy(accept=(accepting(days=0),))
    assert code(policy, finding(PROVEN, "x"), finding(BROKEN)) == HOLDS


def test_an_expired_acceptance_fails_and_says_so() -> None:
    told = report(finding(BROKEN))
    decision = decide(told, Policy(accept=(accepting(days=-1),)), TODAY)
    assert decision.exit_code == REFUTED
    said = list(summary(decision, told))
    assert "a/m.pkl: load-inert is refuted; ann accepted it until 2026-11-22, which has passed" in (
        said
    )


def test_one_valid_acceptance_beside_an_expired_one_is_enough() -> None:
    policy = Policy(accept=(accepting(days=-1), accepting("a/*")))
    assert code(policy, finding(PROVEN, "x"), finding(BROKEN)) == HOLDS


def test_the_summary_says_why_the_policy_fails() -> None:
    told = report(finding(BROKEN), finding(OPEN))
    [line] = summary(decide(told, Policy(), TODAY), told)
    assert line == "the policy does not hold: 1 refuted, 1 undecided where proof is asked"


def test_the_summary_of_a_policy_that_holds_is_empty() -> None:
    told = report(finding(PROVEN))
    assert list(summary(decide(told, Policy(), TODAY), told)) == []


def test_an_unused_acceptance_is_said() -> None:
    told = report(finding(PROVEN))
    [line] = summary(decide(told, Policy(accept=(accepting("z*"),)), TODAY), told)
    assert "concerns nothing" in line


def with_entries(**verdicts: str) -> Finding:
    of = tuple(Entry(f"app.py:{name}", "", Place(), said) for name, said in verdicts.items())
    said = Undecided(Reason.UNRESOLVED, "os is named", entries=Entries(of))
    return finding(said, "no-command-injection", ".")


OF_ENTRIES = Policy(must_prove_entry_points=("no-command-injection",))


def test_each_entry_point_is_asked_for_its_proof() -> None:
    assert code(Policy(), finding(PROVEN), with_entries(read="undecided")) == HOLDS
    assert code(OF_ENTRIES, finding(PROVEN), with_entries(read="proven")) == HOLDS
    assert code(OF_ENTRIES, finding(PROVEN), with_entries(read="proven", run="undecided")) == 2


def test_where_no_entry_point_is_known_none_is_proven() -> None:
    assert code(OF_ENTRIES, finding(PROVEN), with_entries()) == UNDECIDED
    assert code(OF_ENTRIES, finding(PROVEN), finding(OPEN, "no-command-injection")) == UNDECIDED
    assert code(OF_ENTRIES, finding(PROVEN, "no-command-injection")) == HOLDS


def test_an_entry_point_is_accepted_by_its_name() -> None:
    one = accepting("app.py:run", "no-command-injection")
    late = accepting("app.py:stop", "no-command-injection", -1)
    policy = Policy(must_prove_entry_points=("no-command-injection",), accept=(one, late))
    assert code(policy, finding(PROVEN), with_entries(read="proven", run="undecided")) == HOLDS
    found = with_entries(run="undecided", stop="undecided")
    decided = decide(report(finding(PROVEN), found), policy, TODAY)
    assert decided.exit_code == UNDECIDED
    assert not decided.unused
    asked = ".: no-command-injection is asked of each entry point, and is not proven of"
    assert f"{asked} app.py:run (and 1 more)" in list(summary(decided, report(found)))


def test_a_refuted_project_is_not_accepted_by_its_entry_points_names() -> None:
    of = Entries((Entry("app.py:run", "", Place(), "refuted"),))
    found = finding(Refuted((Witness("here"),), of), "no-command-injection", ".")
    policy = Policy(
        must_prove_entry_points=("no-command-injection",),
        accept=(accepting("app.py:run", "no-command-injection"),),
    )
    assert code(policy, found) == REFUTED

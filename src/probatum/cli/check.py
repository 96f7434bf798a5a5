"""`probatum check`: re-derive every certificate of a report from the bytes, without the provers."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command, add_output, exit_codes
from probatum.cli.limits import add_advisories, add_configuration, add_limits
from probatum.cli.trust import CLAIM, add_signature, add_trust, is_named

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probatum.audit.opened import Root
    from probatum.audit.recheck import Recheck
    from probatum.configuration import Configuration
    from probatum.policy import Decision, Policy
    from probatum.vocabulary import Report

_DESCRIPTION = """\
Open the targets again and let the independent checkers re-derive every certificate of a report
from their bytes, and walk each path by which it refutes a claim about code. Neither the report nor
the analysers that wrote it are trusted: every artifact is asked all the claims of its kind, and
what has no certificate or path counts as undecided, whatever the report says of it. The policy is
applied to that. Certificates and paths are checked in a worker process that has no network, bounded
memory and bounded time.

The report is the JSON that `probatum audit --format json` wrote. Name the same targets, in the
same order, and repeat its --exclude and its limits. Of a report of `probatum verify` name whom you
trust, and repeat its --signature and what it ignores. Of the JSON of `probatum compare` name both
models: what it calls proven to be the same is read again.
"""

_EXAMPLES = """\
  probatum check report.json model.pt
  probatum check report.json models/ --format json
  probatum check report.json models/ --must-prove load-inert
  probatum check report.json model/ --key publisher.pem
  probatum check comparison.json base/ mirror/
"""

EXIT_CODES = {
    0: "every certificate holds, the report speaks of everything in the targets, and what the "
    "policy asks for is proven by a certificate",
    1: "a certificate is rejected, or the path of a refutation",
    2: "an artifact or claim is missing, what the policy asks for is not proven, or nothing is",
    3: "wrong usage (what was given as a report is none, say), or Probatum's own fault",
}


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "check",
        run,
        help="re-derive a report's certificates with the independent checkers",
        description=_DESCRIPTION,
        examples=_EXAMPLES + exit_codes(EXIT_CODES),
    )
    made.add_argument("report", metavar="REPORT", help="a report in JSON, or - for standard input")
    made.add_argument("targets", nargs="+", metavar="TARGET", help="what was audited")
    made.add_argument("--exclude", action="append", default=[], metavar="GLOB",
                      help="what the audit left out of a folder; may be repeated")  # fmt: skip
    add_advisories(made)
    add_output(made, ("terminal", "json"))
    group = made.add_argument_group("policy")
    add_configuration(group)
    group.add_argument("--must-prove", action="append", metavar="CLAIM",
                       help="ask for proof of CLAIM, instead of the policy's own list; "
                            "may be repeated")  # fmt: skip
    group.add_argument("--only-certificates", action="store_true",
                       help="apply no policy: it is enough that each certificate in the report "
                            "holds and that nothing is left out")  # fmt: skip
    add_signature(made.add_argument_group("of a report of verify"))
    add_trust(made)
    add_limits(made)


def run(arguments: argparse.Namespace) -> int:
    import datetime
    from functools import partial

    from msgspec.structs import replace

    from probatum.adapters.anywhere import IDENTITY, roots
    from probatum.audit.recheck import rechecked
    from probatum.cli import check_comparison
    from probatum.cli.limits import NOT_LISTED, advisories, configuration, lists, settings
    from probatum.cli.output import demand_writable, say, write
    from probatum.cli.reading import REPORT, contents
    from probatum.cli.trust import signatures
    from probatum.errors import UsageError
    from probatum.policy import decide
    from probatum.wire import from_json

    demand_writable(arguments.output)
    if arguments.report == "-" and "-" in arguments.targets:
        raise UsageError("report and target cannot both be standard input: name a file")
    read = configuration(arguments, say)
    data = contents(arguments.report, REPORT, "the report")
    if check_comparison.is_comparison(data):
        return check_comparison.run(arguments, data)
    report = from_json(data)
    policy = _policy(arguments, read, report)
    alone = _is_of_verify(arguments, report)
    given = settings(arguments, read, jobs=1, advisories=advisories(arguments, read))
    asked = NOT_LISTED in policy.must_prove
    identities = asked or any(one.artifact.kind == IDENTITY for one in report.findings)
    result = rechecked(
        report,
        arguments.targets,
        replace(given, lists=lists(arguments, read), asks_lists=asked),
        roots_of=partial(
            roots,
            exclude=arguments.exclude,
            identities=identities,
            signatures=signatures(read, policy.must_prove),
        )
        if not alone
        else partial(_signed_alone, arguments),
        on_note=say,
    )
    decision = None
    if not arguments.only_certificates:
        decision = decide(result.derived, policy, datetime.date.today())
    lines = _json if arguments.format == "json" else _text
    write(lines(result, decision), arguments.output)
    return exit_code(result, decision)


def exit_code(result: Recheck, decision: Decision | None) -> int:
    """One of `EXIT_CODES`. `decision` is None where no policy is applied."""
    from probatum.audit.recheck import HOLDS, MISSING, REJECTED

    if result.number(REJECTED):
        return 1
    if result.number(MISSING) or not result.is_whole or not result.number(HOLDS):
        return 2
    return 2 if decision is not None and decision.failures else 0


def _is_of_verify(arguments: argparse.Namespace, report: Report) -> bool:
    """Whether the user asks about a signature alone: never for the report to say.

    Raises: UsageError if the report is of `verify` and nobody is named whom to trust.
    """
    from probatum.errors import UsageError

    if is_named(arguments):
        if len(arguments.targets) != 1 or arguments.targets == ["-"]:
            raise UsageError("a signature is of one folder or file: name one target")
        return True
    claims = {one.claim for one in report.findings}
    if claims == {CLAIM} and not any("!/" in one.artifact.name for one in report.findings):
        raise UsageError("this is a report of verify: name whom you trust, as with --key")
    return False


def _signed_alone(arguments: argparse.Namespace, target: str) -> Iterator[Root]:
    from probatum.audit.opened import Root
    from probatum.cli.trust import signed
    from probatum.formats.signed_folder import packed

    for name, folder in signed(arguments, target):
        yield Root(name, packed(folder).size, signed=folder)


def _policy(arguments: argparse.Namespace, configuration: Configuration, report: Report) -> Policy:
    """The policy of the file or the command line; what is merely not refuted is never enough."""
    from msgspec.structs import replace

    from probatum.audit.proofs import claims
    from probatum.configuration import demand_claims, demand_entry_claims

    policy = replace(configuration.policy, fail_on="undecided")
    if is_named(arguments):
        policy = replace(policy, must_prove=(CLAIM,), must_prove_entry_points=())
    if arguments.must_prove:
        policy = replace(policy, must_prove=tuple(arguments.must_prove))
    known = claims() | {claim.id for claim in report.claims}
    demand_claims(policy.must_prove, known, "must-prove")
    demand_entry_claims(policy.must_prove_entry_points, "must-prove-entry-points")
    return policy


def _text(result: Recheck, decision: Decision | None) -> str:
    return "\n".join(_lines(result, decision)) + "\n"


def _lines(result: Recheck, decision: Decision | None) -> Iterator[str]:
    from probatum.audit.recheck import HOLDS, MISSING, REJECTED
    from probatum.render.evidence import plural
    from probatum.render.visible import one_cell, visible

    faults = [*_faults(result), *_unproven(result, decision)]
    for word, name, said in faults:
        yield f"{word:10}  {one_cell(name)}  {visible(said)}".rstrip()
    if faults:
        yield ""
    yield (
        f"{plural(result.certificates(HOLDS), 'certificate')} re-derived, "
        f"{result.certificates(REJECTED)} rejected, {result.certificates(MISSING)} not found"
    )
    if any(result.paths(outcome) for outcome in (HOLDS, REJECTED, MISSING)):
        yield (
            f"{plural(result.paths(HOLDS), 'refutation')} walked again in the source, "
            f"{result.paths(REJECTED)} rejected, {result.paths(MISSING)} not found"
        )
    yield f"without a certificate: {result.refuted} refuted, {result.undecided} undecided"
    if result.interrupted:
        yield "the audit was interrupted, so the report is not whole"
    if decision is not None and decision.failures:
        yield "the policy does not hold: what it asks for is not all proven by a certificate"


def _faults(result: Recheck) -> Iterator[tuple[str, str, str]]:
    """What of the report does not hold, or is not there: a word, a name, and what is wrong."""
    from probatum.audit.recheck import HOLDS

    failed = [one for one in result.checked if one.outcome != HOLDS]
    for one in sorted(failed, key=lambda one: one.outcome, reverse=True):
        yield one.outcome, one.finding.artifact.name, f"{one.finding.claim}  {one.why}"
    for name in result.unreported:
        yield "unreported", name, "the report says nothing of this artifact"
    for name, why in result.misdescribed:
        yield "mismatched", name, why
    for name, claim in result.unclaimed:
        yield "unclaimed", name, f"{claim}  its kind demands this claim, and the report has none"
    for plan in result.unanswered:
        yield "unanswered", plan.artifact, f"{plan.claim}  planned and without a finding"
    for trouble in result.unopened:
        yield "unopened", trouble, ""


def _unproven(result: Recheck, decision: Decision | None) -> Iterator[tuple[str, str, str]]:
    """What the policy asks for and no certificate shows, beyond what `_faults` says of it."""
    told = {(one.finding.artifact.name, one.finding.claim) for one in result.checked}
    told.update(result.unclaimed)
    for failure in decision.failures if decision is not None else ():
        finding = failure.finding
        name = finding.artifact.name
        if (name, finding.claim) not in told and name not in result.unreported:
            yield "unproven", name, f"{finding.claim}  the policy asks for a proof of this"


def _json(result: Recheck, decision: Decision | None) -> str:
    import msgspec

    from probatum.audit.recheck import HOLDS, MISSING, REJECTED

    said = {
        "holds": result.number(HOLDS),
        "rejected": result.number(REJECTED),
        "not_found": result.number(MISSING),
        "walked": result.paths(HOLDS),
        "without_certificate": {"refuted": result.refuted, "undecided": result.undecided},
        "whole": result.is_whole,
        "interrupted": result.interrupted,
        "policy": None if decision is None else not decision.failures,
        "checked": [
            {
                "artifact": one.finding.artifact.name,
                "claim": one.finding.claim,
                "outcome": one.outcome,
                "why": one.why,
            }
            for one in result.checked
        ],
        "unproven": [
            {"artifact": one.finding.artifact.name, "claim": one.finding.claim}
            for one in (decision.failures if decision is not None else ())
        ],
        "unreported": result.unreported,
        "misdescribed": [{"artifact": name, "why": why} for name, why in result.misdescribed],
        "unclaimed": [{"artifact": name, "claim": claim} for name, claim in result.unclaimed],
        "unanswered": result.unanswered,
        "unopened": result.unopened,
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=1).decode() + "\n"

"""`probatum check`: re-derive every certificate of a report from the bytes, without the provers."""

import argparse
from collections.abc import Iterator

from probatum.cli.help import SubParsers, add_command, add_output

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.audit.recheck import Recheck

# A report is read whole; one larger than this was not written for this.
_LARGEST = 1 << 30

_DESCRIPTION = """\
Open the targets again and let the independent checkers re-derive every certificate of a report
from their bytes. Neither the report nor the analysers that wrote it are trusted.

The report is the JSON that `probatum audit --format json` wrote. Name the same targets, in the
same order.
"""

_EXAMPLES = """\
  probatum check report.json model.pt
  probatum check report.json models/ --format json
"""

EXIT_CODES = {
    0: "every certificate holds, and the report speaks of everything in the targets",
    1: "a certificate is rejected",
    2: "an artifact is missing, the report is not whole, or it holds no certificate",
    3: "wrong usage (what was given as a report is none, say), or Probatum's own fault",
}


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "check",
        run,
        help="re-derive a report's certificates with the independent checkers",
        description=_DESCRIPTION,
        examples=_EXAMPLES + _exit_codes(),
    )
    made.add_argument("report", metavar="REPORT", help="a report in JSON, or - for standard input")
    made.add_argument("targets", nargs="+", metavar="TARGET", help="what was audited")
    made.add_argument("--exclude", action="append", default=[], metavar="GLOB",
                      help="what the audit left out of a folder; may be repeated")  # fmt: skip
    add_output(made, ("terminal", "json"))


def run(arguments: argparse.Namespace) -> int:
    from functools import partial

    from probatum.adapters.anywhere import roots
    from probatum.audit.recheck import rechecked
    from probatum.cli.output import demand_writable, write
    from probatum.errors import UsageError
    from probatum.wire import from_json

    demand_writable(arguments.output)
    if arguments.report == "-" and "-" in arguments.targets:
        raise UsageError("report and target cannot both be standard input: name a file")
    report = from_json(_read(arguments.report))
    roots_of = partial(roots, exclude=arguments.exclude)
    result = rechecked(report, arguments.targets, roots_of)
    text = _json(result) if arguments.format == "json" else "\n".join(_lines(result)) + "\n"
    write(text, arguments.output)
    return exit_code(result)


def exit_code(result: "Recheck") -> int:
    """One of `EXIT_CODES`."""
    from probatum.audit.recheck import MISSING, REJECTED

    if result.number(REJECTED):
        return 1
    if result.number(MISSING) or not result.is_whole or not result.checked:
        return 2
    return 0


def _exit_codes() -> str:
    return "\nexit codes:\n" + "".join(f"  {code}  {says}\n" for code, says in EXIT_CODES.items())


def _read(path: str) -> bytes:
    import sys
    from pathlib import Path

    from probatum.errors import UsageError

    try:
        if path == "-":
            text = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(path).open("rb") as file:
                text = file.read(_LARGEST + 1)
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise UsageError(f"the report {path!a} cannot be read: {why}") from exc
    if len(text) > _LARGEST:
        raise UsageError(f"the report {path!a} is larger than {_LARGEST >> 20} MiB")
    return text


def _lines(result: "Recheck") -> Iterator[str]:
    from probatum.audit.recheck import HOLDS, MISSING, REJECTED
    from probatum.render.evidence import plural
    from probatum.render.visible import visible

    failed = [one for one in result.checked if one.outcome != HOLDS]
    for one in sorted(failed, key=lambda one: one.outcome, reverse=True):
        name, claim = visible(one.finding.artifact.name), one.finding.claim
        yield f"{one.outcome:10}  {name}  {claim}  {visible(one.why)}"
    for name in result.unreported:
        yield f"unreported  {visible(name)}  the report says nothing of this artifact"
    for plan in result.unanswered:
        yield f"unanswered  {visible(plan.artifact)}  {plan.claim}  planned and without a finding"
    for trouble in result.unopened:
        yield f"unopened    {visible(trouble)}"
    if failed or not result.is_whole:
        yield ""
    yield (
        f"{plural(result.number(HOLDS), 'certificate')} re-derived, "
        f"{result.number(REJECTED)} rejected, {result.number(MISSING)} not found"
    )
    yield f"without a certificate: {result.refuted} refuted, {result.undecided} undecided"
    if result.interrupted:
        yield "the audit was interrupted, so the report is not whole"


def _json(result: "Recheck") -> str:
    import msgspec

    from probatum.audit.recheck import HOLDS, MISSING, REJECTED

    said = {
        "holds": result.number(HOLDS),
        "rejected": result.number(REJECTED),
        "not_found": result.number(MISSING),
        "without_certificate": {"refuted": result.refuted, "undecided": result.undecided},
        "whole": result.is_whole,
        "interrupted": result.interrupted,
        "checked": [
            {
                "artifact": one.finding.artifact.name,
                "claim": one.finding.claim,
                "outcome": one.outcome,
                "why": one.why,
            }
            for one in result.checked
        ],
        "unreported": result.unreported,
        "unanswered": result.unanswered,
        "unopened": result.unopened,
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=1).decode() + "\n"

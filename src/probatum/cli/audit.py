"""`probatum audit`: judge every artifact in the targets, report, and apply the policy."""

from __future__ import annotations

import argparse
import sys

from probatum.cli.help import Parser, SubParsers, add_command, add_output
from probatum.cli.limits import add_advisories, add_configuration, add_limits, count

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.configuration import Configuration
    from probatum.policy import Decision, Policy
    from probatum.vocabulary import Report

FORMATS = ("terminal", "json", "sarif", "junit", "markdown", "html")

_DESCRIPTION = """\
Open each target, judge every artifact in it, and say of each claim: proven, refuted or undecided.

A target is a file, a folder, an archive, - (standard input), hf://owner/name[@revision],
ollama://model, an Ollama store or an OCI image layout.
What is audited is never imported, executed or unpickled; it is judged in worker processes that
have no network, bounded memory and bounded time.
"""

_EXAMPLES = """\
  probatum audit model.pt
  probatum audit models/ --exclude '*.md' --jobs 4
  probatum audit hf://owner/name@v1.0
  probatum audit . --format sarif -o probatum.sarif
  curl -s https://host/model.bin | probatum audit -
  probatum audit model.pt --must-prove load-inert --must-prove data-shaped
"""


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "audit",
        run,
        help="judge models, code, configuration: what is proven, refuted, undecided",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    made.add_argument("targets", nargs="+", metavar="TARGET", help="what to audit")
    add_output(made, FORMATS).add_argument(
        "--problems-only", action="store_true",
        help="sarif: only what breaks the policy, for services that alert on everything",
    )  # fmt: skip
    made.add_argument("--exclude", action="append", default=[], metavar="GLOB",
                      help="leave out files whose name fits; may be repeated")  # fmt: skip
    made.add_argument("--jobs", type=count, default=0, metavar="N",
                      help="worker processes (default: one for each processor)")  # fmt: skip
    made.add_argument("--cache", metavar="DIR",
                      help="keep here what makes the next review of the same code short; "
                           "a folder of your own, outside of every target")  # fmt: skip
    add_advisories(made)
    _add_policy(made)
    add_limits(made)
    _add_talk(made)


def run(arguments: argparse.Namespace) -> int:
    import datetime
    from functools import partial

    from msgspec.structs import replace

    from probatum.adapters.anywhere import roots
    from probatum.audit.run import audit
    from probatum.cli.limits import NOT_LISTED, advisories, configuration, lists, settings
    from probatum.cli.output import demand_writable, say, write
    from probatum.cli.progress import progress
    from probatum.cli.trust import signatures
    from probatum.errors import UsageError
    from probatum.policy import decide, summary
    from probatum.render.evidence import counted

    demand_writable(arguments.output)
    if arguments.problems_only and arguments.format != "sarif":
        raise UsageError("--problems-only goes with --format sarif")
    talk = (lambda line: None) if arguments.quiet else say
    read = configuration(arguments, talk)
    policy = _policy(arguments, read)
    found = lists(arguments, read)
    asked = found is not None or NOT_LISTED in policy.must_prove
    given = settings(arguments, read, arguments.jobs, arguments.cache, advisories(arguments, read))
    with progress(False if arguments.quiet else arguments.progress) as on_progress:
        report = audit(
            arguments.targets,
            replace(given, lists=found, asks_lists=asked),
            roots_of=partial(
                roots,
                exclude=arguments.exclude,
                identities=asked,
                signatures=signatures(read, policy.must_prove),
            ),
            on_progress=on_progress,
            on_note=talk,
        )
    decision = decide(report, policy, datetime.date.today())
    write(_rendered(report, decision, arguments), arguments.output)
    if arguments.format != "terminal" or arguments.output:
        for line in counted(report):
            talk(line)
    for line in summary(decision, report):
        talk(line)
    return decision.exit_code


def _rendered(report: Report, decision: Decision, arguments: argparse.Namespace) -> str:
    from probatum.render.formats import rendered

    options = {}
    if arguments.format == "terminal":
        colour = arguments.output is None and _colourful()
        options = {"colour": colour, "verbose": arguments.verbose}
    elif arguments.problems_only:
        options = {"problems_only": True}
    return rendered(report, arguments.format, decision=decision, **options)


def _colourful() -> bool:
    import os

    from probatum.cli.output import draws

    return draws(sys.stdout) and not os.environ.get("NO_COLOR")


def _policy(arguments: argparse.Namespace, configuration: Configuration) -> Policy:
    """The policy of the file, with what the command line says put over it."""
    from msgspec.structs import replace

    policy = configuration.policy
    if arguments.fail_on:
        policy = replace(policy, fail_on=arguments.fail_on)
    if not arguments.must_prove and configuration.path is None:
        return policy
    from probatum.catalog import claims, named
    from probatum.configuration import demand_claims, demand_entry_claims

    known = claims(named(configuration.third_party))
    if arguments.must_prove:
        demand_claims(arguments.must_prove, known, "--must-prove")
        policy = replace(policy, must_prove=tuple(arguments.must_prove))
    if configuration.path is not None:
        demand_claims(policy.must_prove, known, f"{configuration.path}: policy.must-prove")
        asked = f"{configuration.path}: policy.must-prove-entry-points"
        demand_entry_claims(policy.must_prove_entry_points, asked)
        accepted = [one.claim for one in policy.accept]
        demand_claims(accepted, known, f"{configuration.path}: policy.accept")
    return policy


def _add_policy(parser: Parser) -> None:
    group = parser.add_argument_group("policy")
    add_configuration(group)
    group.add_argument("--must-prove", action="append", metavar="CLAIM",
                       help="ask for proof of CLAIM, instead of the policy's own list; "
                            "may be repeated")  # fmt: skip
    group.add_argument("--fail-on", choices=("refuted", "undecided"),
                       help="fail on refutations only, or also where proof is asked and "
                            "missing (default: undecided)")  # fmt: skip


def _add_talk(parser: Parser) -> None:
    parser.add_argument("--progress", action=argparse.BooleanOptionalAction, default=None,
                        help="show a progress bar (default: on a terminal)")  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true",
                        help="say nothing but the report and errors")  # fmt: skip
    parser.add_argument("-v", "--verbose", action="store_true",
                        help="show every finding, with its evidence")  # fmt: skip

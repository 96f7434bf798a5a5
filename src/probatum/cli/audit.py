"""`probatum audit`: judge every artifact in the targets, report, and apply the policy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from probatum.cli.help import Parser, SubParsers, add_command, add_output

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.audit.run import Settings
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

_LIMITS = (
    ("--max-memory", "memory", "SIZE", "memory of one worker (default 2 GiB)"),
    ("--max-cpu-seconds", "cpu_seconds", "S", "processor time for one claim (default 120)"),
    ("--max-wall-seconds", "wall_seconds", "S", "time without any progress (default 600)"),
    ("--max-depth", "depth", "N", "archives inside archives (default 8)"),
    ("--max-members", "members", "N", "members of one file's archives (default 100000)"),
    ("--max-ratio", "ratio", "N", "times that a file may unfold to (default 1000)"),
    ("--max-member-size", "member_size", "SIZE", "one unfolded member (default 16 GiB)"),
    ("--max-total-size", "total_size", "SIZE", "all a file unfolds to (default 64 GiB)"),
)


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "audit",
        run,
        help="judge models: what is proven, refuted, undecided",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    made.add_argument("targets", nargs="+", metavar="TARGET", help="what to audit")
    add_output(made, FORMATS).add_argument(
        "--problems-only", action="store_true",
        help="sarif: leave out what is proven or accepted, for services that alert on everything",
    )  # fmt: skip
    made.add_argument("--exclude", action="append", default=[], metavar="GLOB",
                      help="leave out files whose name fits; may be repeated")  # fmt: skip
    made.add_argument("--jobs", type=_count, default=0, metavar="N",
                      help="worker processes (default: one for each processor)")  # fmt: skip
    _add_policy(made)
    _add_limits(made)
    _add_talk(made)


def run(arguments: argparse.Namespace) -> int:
    import datetime
    from functools import partial

    from probatum.adapters.anywhere import roots
    from probatum.audit.run import audit
    from probatum.cli.output import demand_writable, say, write
    from probatum.cli.progress import progress
    from probatum.errors import UsageError
    from probatum.policy import decide, summary

    demand_writable(arguments.output)
    if arguments.problems_only and arguments.format != "sarif":
        raise UsageError("--problems-only goes with --format sarif")
    talk = (lambda line: None) if arguments.quiet else say
    configuration = _configuration(arguments, talk)
    settings, policy = _settings(arguments, configuration), _policy(arguments, configuration)
    with progress(False if arguments.quiet else arguments.progress) as on_progress:
        report = audit(
            arguments.targets,
            settings,
            roots_of=partial(roots, exclude=arguments.exclude),
            on_progress=on_progress,
            on_note=talk,
        )
    decision = decide(report, policy, datetime.date.today())
    write(_rendered(report, decision, arguments), arguments.output)
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

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _configuration(arguments: argparse.Namespace, talk: Callable[[str], None]) -> Configuration:
    from probatum.configuration import Configuration, found, read

    path = arguments.config
    if path is None and not arguments.no_config:
        path, note = found(arguments.targets)
        if note is not None:
            talk(note)
    return Configuration() if path is None else read(path)


def _settings(arguments: argparse.Namespace, configuration: Configuration) -> Settings:
    from probatum.audit.run import Settings
    from probatum.configuration import LimitsTable, limited

    table = LimitsTable(**{field: getattr(arguments, field) for _, field, _, _ in _LIMITS})
    limits, caps = limited(configuration.limits, configuration.caps, table)
    return Settings(
        jobs=arguments.jobs,
        limits=limits,
        caps=caps,
        third_party=configuration.third_party,
    )


def _policy(arguments: argparse.Namespace, configuration: Configuration) -> Policy:
    """The policy of the file, with what the command line says put over it."""
    from msgspec.structs import replace

    policy = configuration.policy
    if arguments.fail_on:
        policy = replace(policy, fail_on=arguments.fail_on)
    if not arguments.must_prove and configuration.path is None:
        return policy
    from probatum.catalog import claims, named
    from probatum.configuration import demand_claims

    known = claims(named(configuration.third_party))
    if arguments.must_prove:
        demand_claims(arguments.must_prove, known, "--must-prove")
        policy = replace(policy, must_prove=tuple(arguments.must_prove))
    if configuration.path is not None:
        demand_claims(policy.must_prove, known, f"{configuration.path}: policy.must-prove")
        accepted = [one.claim for one in policy.accept]
        demand_claims(accepted, known, f"{configuration.path}: policy.accept")
    return policy


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


def _add_policy(parser: Parser) -> None:
    group = parser.add_argument_group("policy")
    group.add_argument("--config", metavar="FILE",
                       help="read this configuration (default: ./probatum.toml, "
                            "unless it lies inside a target)")  # fmt: skip
    group.add_argument("--no-config", action="store_true", help="read no configuration file")
    group.add_argument("--must-prove", action="append", metavar="CLAIM",
                       help="ask for proof of CLAIM, instead of the policy's own list; "
                            "may be repeated")  # fmt: skip
    group.add_argument("--fail-on", choices=("refuted", "undecided"),
                       help="fail on refutations only, or also where proof is asked and "
                            "missing (default: undecided)")  # fmt: skip


def _add_limits(parser: Parser) -> None:
    group = parser.add_argument_group("limits", "sizes are bytes, or text such as 512M or 2GiB")
    types: dict[str, Callable[[str], object]] = {"SIZE": str, "S": _seconds, "N": _count}
    for option, field, value, help in _LIMITS:
        group.add_argument(option, dest=field, type=types[value], metavar=value, help=help)


def _add_talk(parser: Parser) -> None:
    parser.add_argument("--progress", action=argparse.BooleanOptionalAction, default=None,
                        help="show a progress bar (default: on a terminal)")  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true",
                        help="say nothing but the report and errors")  # fmt: skip
    parser.add_argument("-v", "--verbose", action="store_true",
                        help="show every finding, with its evidence")  # fmt: skip

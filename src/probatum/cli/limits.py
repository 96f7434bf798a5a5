"""What audits and checks are told alike: their limits and their configuration.

Declaring options runs for each call, `--help` included: see help.py.
"""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from collections.abc import Callable

    from probatum.audit.run import Settings
    from probatum.audit.snapshots import Snapshot
    from probatum.cli.help import Parser
    from probatum.configuration import Configuration

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


NOT_LISTED = "not-listed"
"""The claim that is asked where lists are installed, or the policy names it."""


def add_limits(parser: Parser) -> None:
    """Add the options that bound what workers use and what archives may unfold to."""
    group = parser.add_argument_group("limits", "sizes are bytes, or text such as 512M or 2GiB")
    types: dict[str, Callable[[str], object]] = {"SIZE": str, "S": _seconds, "N": count}
    for option, field, value, help in _LIMITS:
        group.add_argument(option, dest=field, type=types[value], metavar=value, help=help)


def add_configuration(group: argparse._ArgumentGroup) -> None:
    """Add `--config` and `--no-config`."""
    group.add_argument("--config", metavar="FILE",
                       help="read this configuration (default: ./probatum.toml, "
                            "unless it lies inside a target)")  # fmt: skip
    group.add_argument("--no-config", action="store_true", help="read no configuration file")


def add_advisories(parser: Parser) -> None:
    """Add `--advisories` and `--lists`."""
    parser.add_argument("--advisories", metavar="DIGEST",
                        help="rest on this installed snapshot, whatever its age, instead of the "
                             "current one (see `probatum advisories`)")  # fmt: skip
    parser.add_argument("--lists", metavar="DIGEST",
                        help="rest on these installed lists of known-bad models and files, "
                             "whatever their age")  # fmt: skip


def configuration(arguments: argparse.Namespace, talk: Callable[[str], None]) -> Configuration:
    """The configuration that the command line names, or that lies in the working folder."""
    from probatum.configuration import Configuration, found, read

    path = arguments.config
    if path is None and not arguments.no_config:
        path, note = found(arguments.targets)
        if note is not None:
            talk(note)
    return Configuration() if path is None else read(path)


def advisories(arguments: argparse.Namespace, configuration: Configuration) -> Snapshot | None:
    """The advisories that the command line names, or that are installed."""
    import datetime

    from probatum.adapters.advisories_chosen import chosen

    now = datetime.datetime.now(datetime.UTC)
    return chosen(arguments.advisories, configuration.oldest_advisories_days, now)


def lists(arguments: argparse.Namespace, configuration: Configuration) -> Snapshot | None:
    """The lists of known-bad models and files that the command line names, or the installed."""
    import datetime

    from probatum.adapters.advisories_chosen import chosen_lists

    now = datetime.datetime.now(datetime.UTC)
    return chosen_lists(arguments.lists, configuration.oldest_advisories_days, now)


def settings(
    arguments: argparse.Namespace,
    configuration: Configuration,
    jobs: int,
    cache: str | None = None,
    advisories: Snapshot | None = None,
) -> Settings:
    """How to work, by the configuration with what the command line says put over it."""
    from probatum.audit.run import Settings
    from probatum.configuration import LimitsTable, limited

    table = LimitsTable(**{field: getattr(arguments, field) for _, field, _, _ in _LIMITS})
    limits, caps = limited(configuration.limits, configuration.caps, table)
    return Settings(
        jobs=jobs,
        limits=limits,
        caps=caps,
        third_party=configuration.third_party,
        cache=cache,
        advisories=advisories,
    )


def count(text: str) -> int:
    """A whole number of 1 or more, as an argument. Raises: ArgumentTypeError."""
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

"""Has the files of targets told, for the commands that write documents about them."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.bom.telling import Told
    from probatum.cli.help import Parser


def add_survey(parser: Parser) -> None:
    """Add what `survey` asks for, but the limits."""
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB",
                        help="leave out files whose name fits; may be repeated")  # fmt: skip
    parser.add_argument("--progress", action=argparse.BooleanOptionalAction, default=None,
                        help="show a progress bar (default: on a terminal)")  # fmt: skip


def survey(arguments: argparse.Namespace, names: list[str]) -> list[Told]:
    """What every file of the targets tells, read in a confined process."""
    from functools import partial

    from probatum.adapters.anywhere import roots
    from probatum.audit.run import interruptible, listed, spool
    from probatum.audit.survey import surveyed
    from probatum.cli.limits import settings
    from probatum.cli.output import say
    from probatum.cli.progress import bytes_progress
    from probatum.configuration import Configuration

    given = settings(arguments, Configuration(), jobs=1)
    talk = (lambda line: None) if arguments.quiet else say
    quietly = False if arguments.quiet else arguments.progress
    with spool() as folder, interruptible(), bytes_progress(quietly) as on_progress:
        all = tuple(listed(tuple(names), partial(roots, exclude=arguments.exclude)))
        done, total = 0, sum(one.size for one in all)

        def went(size: int) -> None:
            nonlocal done
            done += size
            on_progress(done, max(total, done))

        return surveyed(all, given.limits, given.caps, folder, on_bytes=went, on_note=talk)


def moment(given: str | None) -> str:
    """The date that a document gets, in UTC; empty for none. Raises: UsageError."""
    import os
    from datetime import UTC, datetime

    from probatum.errors import UsageError

    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        if given == "now":
            moment = datetime.now(UTC)
        elif given is not None:
            moment = datetime.fromisoformat(given)
        elif epoch:
            moment = datetime.fromtimestamp(int(epoch), UTC)
        else:
            return ""
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError) as exc:
        what = "--timestamp" if given is not None else "SOURCE_DATE_EPOCH"
        says = f"{what} {given or epoch!r} is no date: write now, or as in 2026-01-31T12:00:00Z"
        raise UsageError(says) from exc

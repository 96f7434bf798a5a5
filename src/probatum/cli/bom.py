"""`probatum bom`: write a bill of materials, and tell what differs between two."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command, exit_codes
from probatum.cli.limits import add_limits

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.bom.gathering import Gathered
    from probatum.formats.bills import Bill

DOCUMENTS = ("cyclonedx-1.6", "cyclonedx-1.7", "spdx-3")
DIFFERENCES = ("terminal", "json", "markdown")

_DESCRIPTION = """\
Write a bill of materials of the targets: models with what their headers, configuration and cards
say of them, data sets, files with their SHA-256, packages that manifests and lock files name, and
the services and images of a deployment. What cannot be known is said on standard error and is not
made up. The same target gives the same bytes.

With `diff` instead of a target, tell what differs between two bills: parts that were added or
removed, and changed versions, digests and licences. Each of the two is a document (CycloneDX in
JSON, SPDX 3 or SPDX 2 in JSON) or a target.

The files are never imported, executed or unpickled, and are read in a confined process.
"""

_EXAMPLES = """\
  probatum bom . -o bom.json
  probatum bom hf://owner/name@v1.0 --format spdx-3 --timestamp now
  probatum bom models/ --all-files --format cyclonedx-1.7
  probatum bom diff released.json .
  probatum bom diff v1.json v2.json --format markdown
"""

EXIT_CODES = {
    0: "the bill is written; with diff: both are made of the same",
    1: "with diff: something differs",
    3: "wrong usage (a document that is no bill of materials, say), or Probatum's own fault",
}


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "bom",
        run,
        help="write a bill of materials (CycloneDX, SPDX), or tell two apart",
        description=_DESCRIPTION,
        examples=_EXAMPLES + exit_codes(EXIT_CODES),
    )
    made.add_argument("targets", nargs="+", metavar="TARGET",
                      help="what to list; or the word diff and two bills or targets "
                           "(a target called diff is ./diff)")  # fmt: skip
    group = made.add_argument_group("output")
    group.add_argument("--format", choices=(*DOCUMENTS, *DIFFERENCES),
                       help="form of the bill (default: cyclonedx-1.6), or of the differences "
                            "(default: terminal)")  # fmt: skip
    group.add_argument("-o", "--output", metavar="FILE",
                       help="write to FILE (whole or not at all)")  # fmt: skip
    group.add_argument("--all-files", action="store_true",
                       help="list every file, not only those of models and data sets")  # fmt: skip
    group.add_argument("--name", help="what the bill is of (default: the target's own name)")
    group.add_argument("--timestamp", metavar="WHEN",
                       help="put a date into the bill: now, or as in 2026-01-31T12:00:00Z "
                            "(default: SOURCE_DATE_EPOCH, or none)")  # fmt: skip
    group.add_argument("-q", "--quiet", action="store_true",
                       help="do not say what the bill lacks")  # fmt: skip
    made.add_argument("--exclude", action="append", default=[], metavar="GLOB",
                      help="leave out files whose name fits; may be repeated")  # fmt: skip
    made.add_argument("--progress", action=argparse.BooleanOptionalAction, default=None,
                      help="show a progress bar (default: on a terminal)")  # fmt: skip
    add_limits(made)


def run(arguments: argparse.Namespace) -> int:
    from probatum.cli.output import demand_writable

    demand_writable(arguments.output)
    if arguments.targets[0] == "diff":
        return _differences(arguments)
    return _written(arguments)


def _written(arguments: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from probatum.cli.moments import moment
    from probatum.cli.output import say, write
    from probatum.errors import UsageError

    form = arguments.format or DOCUMENTS[0]
    if form not in DOCUMENTS:
        raise UsageError(f"--format {form} goes with diff; a bill is {', '.join(DOCUMENTS)}")
    made = moment(arguments.timestamp)
    found = _gathered(arguments, arguments.targets)
    bill = replace(found.bill, made=made)
    for line in () if arguments.quiet else found.lacks:
        say(line)
    if form == "spdx-3":
        from probatum.bom import spdx

        if not made and not arguments.quiet:
            say("SPDX asks for a date: 1970-01-01 stands for none (--timestamp)")
        write(spdx.written(bill), arguments.output)
    else:
        from probatum.bom import cyclonedx

        write(cyclonedx.written(bill, form.removeprefix("cyclonedx-")), arguments.output)
    return 0


def _differences(arguments: argparse.Namespace) -> int:
    from probatum.bom.difference import difference
    from probatum.cli.output import write
    from probatum.errors import UsageError
    from probatum.render.bills import FORMS

    form = arguments.format or DIFFERENCES[0]
    if form not in DIFFERENCES:
        raise UsageError(f"--format {form} goes without diff; here: {', '.join(DIFFERENCES)}")
    if len(arguments.targets) != 3:
        raise UsageError("diff takes two bills or targets (a target called diff is ./diff)")
    before, after = (_bill(arguments, name) for name in arguments.targets[1:])
    found = difference(before, after)
    write(FORMS[form](found), arguments.output)
    return 1 if found.differs else 0


def _bill(arguments: argparse.Namespace, name: str) -> Bill:
    """The bill that a file holds, or that of a target."""
    from pathlib import Path

    from probatum.cli.output import say
    from probatum.errors import FormatError, UsageError
    from probatum.formats.bill_documents import LARGEST, bill, may_be_bill

    path = Path(name)
    try:
        if path.is_file() and path.stat().st_size <= LARGEST:
            data = path.read_bytes()
            if may_be_bill(data):
                return bill(data)
    except FormatError as exc:
        raise UsageError(f"{name!a} cannot be read as a bill of materials: {exc.detail}") from exc
    except OSError as exc:
        raise UsageError(f"{name!a} cannot be read: {exc.strerror}") from exc
    found = _gathered(arguments, [name])
    for line in () if arguments.quiet else found.lacks:
        say(line)
    return found.bill


def _gathered(arguments: argparse.Namespace, names: list[str]) -> Gathered:
    from functools import partial

    from probatum.adapters.anywhere import roots
    from probatum.audit.run import interruptible, listed, spool
    from probatum.audit.survey import standing, surveyed
    from probatum.bom.gathering import gathered
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

        files = surveyed(all, given.limits, given.caps, folder, on_bytes=went, on_note=talk)
        files = standing(files, all)
    return gathered(arguments.name or _called(names), files, all_files=arguments.all_files)


def _called(names: list[str]) -> str:
    """What the targets are called, wherever they lie: a document tells nothing of the machine."""
    import os

    if len(names) > 1:
        return ", ".join(_called([one]) for one in names)
    name = names[0]
    if "://" in name:
        return name
    path = os.path.abspath(name)
    if "/snapshots/" in path and "--" in path:  # the hub's own cache: see bom.models
        return path
    return os.path.basename(path) or path  # noqa: PTH119

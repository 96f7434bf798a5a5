"""`probatum compare`: what one model changed against another, and how much."""

from __future__ import annotations

import argparse
import sys

from probatum.cli.help import SubParsers, add_command, add_output, exit_codes
from probatum.cli.limits import add_limits

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.audit.comparing import Comparison

FORMATS = ("terminal", "json", "markdown", "html")
ASPECTS = ("tensors", "template", "tokenizer", "config", "code", "files")
VALUES = "values"

_DESCRIPTION = """\
Compare two models, a fork or fine-tune with its claimed base for example, and say of each aspect
whether it is the same: tensors, chat template, tokenizer, configuration, code, and the other files.

Tensors are compared by digests of their data type, shape and elements, whatever the file, format,
shard and order that they are stored in. What changed is told: how many elements and how far, which
keys, words, lines, and characters that nobody sees.

A target is what it is for an audit. Nothing in it is imported, executed or unpickled; both are read
in processes that have no network, bounded memory and bounded time.
"""

_EXAMPLES = """\
  probatum compare hf://owner/base@v1.0 ./fork
  probatum compare base/ fork/ --must-equal tensors,template,code
  probatum compare base/ mirror/ --prove
  probatum compare pytorch_model.bin model.safetensors --must-equal tensors
  probatum compare base/ fork/ --format html -o changes.html
"""

EXIT_CODES = {
    0: "everything asked for is the same",
    1: "something asked for differs",
    2: "something asked for could not be read, or there is nothing of it to compare",
    3: "wrong usage, or Probatum's own fault",
}


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "compare",
        run,
        help="what a fork or fine-tune changed against its base",
        description=_DESCRIPTION,
        examples=_EXAMPLES + exit_codes(EXIT_CODES),
    )
    made.add_argument("first", metavar="BASE", help="the model that is taken as given")
    made.add_argument("second", metavar="TARGET", help="the model that may differ from it")
    made.add_argument("--exclude", action="append", default=[], metavar="GLOB",
                      help="leave out files whose name fits; may be repeated")  # fmt: skip
    add_output(made, FORMATS)
    group = made.add_argument_group("policy")
    group.add_argument("--must-equal", type=_aspects, default=ASPECTS, metavar="ASPECTS",
                       help="what has to be the same for exit code 0, separated by commas, of: "
                            f"{', '.join(ASPECTS)} (default: all of them), or values: those of "
                            "the tensors, in whatever data type")  # fmt: skip
    group.add_argument("--prove", action="store_true",
                       help="read both a second time, by readers that share nothing with the "
                            "first, and say what these show to be the same too")  # fmt: skip
    add_limits(made)
    made.add_argument("--progress", action=argparse.BooleanOptionalAction, default=None,
                      help="show a progress bar (default: on a terminal)")  # fmt: skip
    made.add_argument("-q", "--quiet", action="store_true",
                      help="say nothing but the report and errors")  # fmt: skip
    made.add_argument("-v", "--verbose", action="store_true",
                      help="show every tensor, and every line that changed")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    from functools import partial

    from probatum.adapters.anywhere import roots
    from probatum.audit.comparing import compared
    from probatum.cli.limits import settings
    from probatum.cli.output import demand_writable, say, write
    from probatum.cli.progress import bytes_progress
    from probatum.configuration import Configuration
    from probatum.errors import UsageError

    demand_writable(arguments.output)
    if arguments.first == arguments.second == "-":
        raise UsageError("both models cannot be standard input: name a file")
    talk = (lambda line: None) if arguments.quiet else say
    chosen = settings(arguments, Configuration(), jobs=1)
    with bytes_progress(False if arguments.quiet else arguments.progress) as on_progress:
        comparison = compared(
            arguments.first,
            arguments.second,
            limits=chosen.limits,
            caps=chosen.caps,
            roots_of=partial(roots, exclude=arguments.exclude),
            prove=arguments.prove,
            on_progress=on_progress,
            on_note=talk,
        )
    write(_rendered(comparison, arguments), arguments.output)
    return exit_code(comparison, arguments.must_equal)


def exit_code(comparison: Comparison, asked: tuple[str, ...]) -> int:
    """One of `EXIT_CODES`."""
    from probatum.comparison.differences import DIFFERS, UNDECIDED

    named = {"tensors" if one == VALUES and not comparison.same_values else one for one in asked}
    wanted = [one for one in comparison.aspects if one.name in named]
    if named == {VALUES}:
        return 0
    states = {one.state for one in wanted}
    if DIFFERS in states:
        return 1
    if UNDECIDED in states or all(one.none for one in wanted):
        return 2
    # Of what was named one by one, each must be there.
    return 2 if asked != ASPECTS and any(one.none for one in wanted) else 0


def _rendered(comparison: Comparison, arguments: argparse.Namespace) -> str:
    import importlib
    import os

    from probatum.cli.output import draws

    renderer = importlib.import_module(f"probatum.render.comparison_{arguments.format}")
    options = {}
    if arguments.format == "terminal":
        watched = arguments.output is None and draws(sys.stdout)
        options = {
            "colour": watched and not os.environ.get("NO_COLOR"),
            "verbose": arguments.verbose,
        }
    text: str = renderer.render(comparison, asked=arguments.must_equal, **options)
    return text


def _aspects(text: str) -> tuple[str, ...]:
    """Names of aspects, in their own order. Raises: ArgumentTypeError."""
    named = [one.strip() for one in text.split(",")]
    for one in named:
        if one not in (*ASPECTS, VALUES):
            raise argparse.ArgumentTypeError(f"{one!r} is none of: {', '.join(ASPECTS)}, {VALUES}")
    return tuple(one for one in (*ASPECTS, VALUES) if one in named)

"""The command `probatum`: one module per command beside this one, imported heavily only to run.

Each command's module has `add_parser(subparsers)` and `run(arguments) -> int`, the exit code.
Nothing here or in `add_parser` may import more than argparse: `probatum --help` must stay quick.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from probatum.cli.help import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn

COMMANDS = {
    "audit": "probatum.cli.audit",
    "check": "probatum.cli.check",
    "compare": "probatum.cli.compare",
    "bom": "probatum.cli.bom",
    "vex": "probatum.cli.vex",
    "sign": "probatum.cli.sign",
    "verify": "probatum.cli.verify",
    "advisories": "probatum.cli.advisories",
    "explain": "probatum.cli.explain",
    "list": "probatum.cli.listing",
    "completion": "probatum.cli.completion",
}
"""Each command's module, imported when it is called or all are told of."""

_DESCRIPTION = """\
Audits open-source AI: models, the code around them and what deploys them. Of every claim about
every artifact it says one of three things: proven, with a certificate that an independent checker
re-derives from the bytes; refuted, with a witness that anyone can replay; or undecided, with the
one fact that is missing.

The audited files are never imported, executed or unpickled.
"""

_EPILOG = """\
examples:
  probatum audit model.pt                  judge one file
  probatum audit .                         judge a project: code, models, configuration
  probatum audit . --format html -o r.html write a page to read
  probatum compare fork/ base/             what a fork changed
  probatum advisories update               fetch known vulnerabilities for later audits
  probatum explain load-inert              what a claim means and who decides it
  probatum check report.json model.pt      re-derive every proof with the independent checkers

exit codes of an audit:
  0  the policy holds
  1  a claim is refuted
  2  a claim that must be proven is undecided, or there was nothing to judge
  3  wrong usage, or Probatum's own fault
  130  stopped by the user; what was found until then is reported
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names and return its exit code."""
    # Starting up makes tens of thousands of objects and no garbage: Python's own threshold of 700
    # has the collector pass over them again and again, for a tenth of the time of a small audit.
    gc.set_threshold(50_000)
    with _Edge() as edge:
        given = sys.argv[1:] if argv is None else argv
        arguments = parser(*given[:1]).parse_args(given)
        edge.exit_code = arguments.run(arguments)
    return edge.exit_code


def run() -> NoReturn:
    """The program: `main`, and an end at once.

    To free every module and object one by one costs an interpreter as much time as judging fifty
    small files, and the system takes them all back anyhow.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):  # what is told is flushed where it is told
                stream.flush()
    os._exit(code)


def parser(command: str = "") -> Parser:
    """The parser of the whole command line; completion and documentation are made from it.

    With the name of a command it knows that one alone, which takes half the time.
    """
    made = Parser("probatum", description=_DESCRIPTION, epilog=_EPILOG)
    made.add_argument("--version", action=_Version, help="say which version this is, and exit")
    subparsers = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in (command,) if command in COMMANDS else COMMANDS:
        importlib.import_module(COMMANDS[name]).add_parser(subparsers)
    return made


class _Version(argparse.Action):
    """Prints the installed version; finding it out costs too much to do it for every call."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        from probatum.cli.output import write

        write(f"probatum {version('probatum')}\n")
        parser.exit()


class _Edge:
    """The outermost edge: whatever leaves a command ends in an exit code and one clear line.

    An uncaught exception would make the interpreter exit with 1, which means "refuted".
    """

    exit_code = 3

    def __enter__(self) -> _Edge:
        _fill_standard_streams()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if exc is None or isinstance(exc, SystemExit):
            return False
        if isinstance(exc, BrokenPipeError):
            _hush()
        elif isinstance(exc, KeyboardInterrupt):
            self.exit_code = 130
        else:
            _complain(exc)
        return True


def _fill_standard_streams() -> None:
    """Put nothing where a standard stream is closed, before a file or a pipe takes its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115  # for the whole run


def _hush() -> None:
    """Let nothing complain at exit about a reader that has gone."""
    from probatum.cli.output import hush

    hush(1)
    hush(2)


def _complain(exc: BaseException) -> None:
    from probatum.cli.output import hush, say
    from probatum.errors import ProbatumError

    if isinstance(exc, ProbatumError):
        say(str(exc))
        return
    import traceback

    try:
        traceback.print_exception(exc)
    except OSError:
        hush(2)  # nobody listens, but the exit code is still to be 3
    say("this is Probatum's own fault; please report it")


if __name__ == "__main__":
    sys.exit(main())

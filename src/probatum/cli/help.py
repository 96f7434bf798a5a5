"""How every command's options are declared, so that the same option reads the same everywhere.

This module and `add_parser` of every command run for each call, `--help` included: they import
argparse and nothing else. `typing` and `shutil` alone would cost a fifth of the budget.
"""

from __future__ import annotations

import argparse
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from _typeshed import SupportsWrite

    Run = Callable[[argparse.Namespace], int]
    SubParsers = argparse._SubParsersAction["Parser"]
else:
    SubParsers = Run = object


# argparse looks for a translation of each of its own words in the files of a dozen folders, which
# takes as long as declaring the options; of ours there is none.
vars(argparse)["_"] = lambda text: text


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of a description, and finds the terminal's width by itself."""

    def __init__(self, prog: str, **options: Any) -> None:
        options["width"] = _width()
        super().__init__(prog, **options)


class Parser(argparse.ArgumentParser):
    """A parser whose help keeps its line breaks, and for which wrong usage is exit code 3."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("formatter_class", _Formatter)
        options["allow_abbrev"] = False  # an abbreviation of today may mean two options tomorrow
        super().__init__(*arguments, **options)

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments"):
            message += "; what begins with - and is no option comes after --"
        self.exit(3, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """As argparse does it, but a help text that cannot be written is no success."""
        asked = file is sys.stdout
        stream, number = (sys.stdout, 1) if asked else (sys.stderr, 2)
        if stream is None:
            return
        try:
            print(end=message, file=stream, flush=True)
        except OSError as exc:
            from probatum.cli.output import hush, unwritten

            hush(number)
            if asked and not isinstance(exc, BrokenPipeError):  # `head` has what it wanted
                raise unwritten(exc) from exc


def add_command(
    subparsers: SubParsers, name: str, run: Run, *, help: str, description: str, examples: str = ""
) -> Parser:
    """Declare the command `name`; `help` is its line in the list of commands."""
    epilog = f"examples:\n{examples}" if examples else None
    made = subparsers.add_parser(name, help=help, description=description, epilog=epilog)
    made.set_defaults(run=run)
    return made


def add_output(parser: Parser, formats: tuple[str, ...]) -> argparse._ArgumentGroup:
    """Add `--format` and `-o`: every command that reports takes both. Returns their group."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--format",
        choices=formats,
        default=formats[0],
        help=f"form of the report (default: {formats[0]}); json is for scripts",
    )
    group.add_argument(
        "-o", "--output", metavar="FILE", help="write the report to FILE (whole or not at all)"
    )
    return group


def exit_codes(codes: dict[int, str]) -> str:
    """What a command's exit codes mean, as the end of its help."""
    return "\nexit codes:\n" + "".join(f"  {code}  {says}\n" for code, says in codes.items())


def _width() -> int:
    """Columns to write in: what the terminal has, but never too few or too many to read."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal():
        return min(max(int(columns), 40), 100) - 2
    try:
        return min(max(os.get_terminal_size().columns, 40), 100) - 2
    except OSError:  # no terminal
        return 78

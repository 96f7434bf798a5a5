"""How every command's options are declared, so that the same option reads the same everywhere."""

import argparse
from typing import Any, NoReturn

SubParsers = Any
"""What argparse's `add_subparsers` returns; its class is private."""


class Parser(argparse.ArgumentParser):
    """A parser whose help keeps its line breaks, and for which wrong usage is exit code 3."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options["allow_abbrev"] = False  # an abbreviation of today may mean two options tomorrow
        super().__init__(*arguments, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(3, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_command(
    subparsers: SubParsers, name: str, run: Any, *, help: str, description: str, examples: str = ""
) -> Parser:
    """Declare the command `name`; `help` is its line in the list of commands."""
    epilog = f"examples:\n{examples}" if examples else None
    made: Parser = subparsers.add_parser(name, help=help, description=description, epilog=epilog)
    made.set_defaults(run=run)
    return made


def add_output(parser: Parser, formats: tuple[str, ...]) -> None:
    """Add `--format` and `-o`: every command that reports takes both."""
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

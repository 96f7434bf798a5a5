"""`probatum list`: the claims, analysers, kinds, reasons and checkers there are."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command, add_output

SECTIONS = ("claims", "analyzers", "kinds", "reasons", "checkers")

_DESCRIPTION = """\
List what Probatum knows: the claims it judges, the analysers that judge them, the kinds of file
they accept, the reasons for which a claim stays undecided, and the independent checkers.
"""

_EXAMPLES = """\
  probatum list
  probatum list kinds
  probatum list analyzers --format json
"""


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "list",
        run,
        help="list claims, analysers, kinds, reasons, checkers",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    made.add_argument(
        "section", nargs="?", choices=SECTIONS, metavar="SECTION",
        help=f"one of {', '.join(SECTIONS)} (default: all)",
    )  # fmt: skip
    add_output(made, ("terminal", "json"))


def run(arguments: argparse.Namespace) -> int:
    from probatum.cli.index import lines
    from probatum.cli.output import demand_writable, write

    demand_writable(arguments.output)
    sections = (arguments.section,) if arguments.section else SECTIONS
    listed = {section: lines(section) for section in sections}
    if arguments.format == "json":
        import msgspec

        text = msgspec.json.format(msgspec.json.encode(listed), indent=2).decode() + "\n"
    else:
        width = max((len(line.id) for each in listed.values() for line in each), default=0)
        text = "\n".join(
            f"{section}\n" + "".join(f"  {line.id:<{width}}  {line.says}\n" for line in each)
            for section, each in listed.items()
        )
    write(text, arguments.output)
    return 0

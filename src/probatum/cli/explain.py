"""`probatum explain`: what a claim, an analyser, a kind, a reason or a checker means."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from probatum.cli.help import SubParsers, add_command, add_output

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.cli.index import Line

_DESCRIPTION = """\
Explain anything that a report names: a claim, an analyser, a kind of file, a reason for staying
undecided, or a checker. `probatum list` shows them all.
"""

_EXAMPLES = """\
  probatum explain load-inert
  probatum explain missing-summary
  probatum explain safetensors
"""


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "explain",
        run,
        help="what a claim, analyser, kind, reason or checker means",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    made.add_argument("id", metavar="ID", help="what to explain")
    add_output(made, ("terminal", "json"))


def run(arguments: argparse.Namespace) -> int:
    from probatum.cli.output import demand_writable, write
    from probatum.configuration import nearest
    from probatum.errors import UsageError

    demand_writable(arguments.output)
    explained = list(_explained(arguments.id))
    if not explained:
        advice = nearest(arguments.id, _known(), "`probatum list` shows what there is")
        raise UsageError(f"nothing is called {arguments.id!r}; {advice}")
    if arguments.format == "json":
        import msgspec

        text = msgspec.json.format(msgspec.json.encode(explained), indent=2).decode() + "\n"
    else:
        text = "\n".join(f"{one['section']} {one['id']}\n\n{one['page']}\n" for one in explained)
    write(text, arguments.output)
    return 0


def _explained(id: str) -> Iterator[dict[str, str]]:
    """Each thing of that id. One id may be a kind and a checker at once."""
    from probatum.cli import index

    if id in index.claims():
        yield {"section": "claim", "id": id, "page": _of_claim(id)}
    for one in index.judges():
        if one.id == id:
            head = f"Decides {one.claim.id} for: {index.accepted_by(one)}"
            yield {"section": "analyzer", "id": id, "page": f"{head}\n\n{index.page(one.module)}"}
    for section in ("kinds", "reasons"):
        for line in index.lines(section):
            if line.id == id:
                yield {"section": section[:-1], "id": id, "page": _plain(section, line)}
    if id in index.checkers():
        page = index.page(f"probatum.check.{id}")
        yield {"section": "checker", "id": id, "page": page}


def _of_claim(id: str) -> str:
    from probatum.cli import index

    judged = "\n".join(
        f"  {one.id}: {index.accepted_by(one)}" for one in index.judges() if one.claim.id == id
    )
    return f"{index.claims()[id].says}\n\nDecided by\n{judged}"


def _plain(section: str, line: Line) -> str:
    return f"Claims judged of such a file: {line.says}" if section == "kinds" else line.says


def _known() -> set[str]:
    from probatum.cli import index

    return {line.id for section in index.SECTIONS for line in index.lines(section)}

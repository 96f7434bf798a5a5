"""Forms of statements on vulnerabilities, and of which of them count."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from probatum.bom.trust import Weighed
from probatum.render.visible import one_cell, visible


def terminal(found: Sequence[Weighed]) -> str:
    """One line for each statement, and how many count."""
    counting = sum(not one.why_not for one in found)
    lines = [*_lines(found), f"{counting} of {len(found)} statements count"]
    return "".join(f"{line}\n" for line in lines)


def json(found: Sequence[Weighed]) -> str:
    """For scripts."""
    said = [
        msgspec.to_builtins(one.heard.statement)
        | {"document": one.heard.document, "counts": not one.why_not, "why_not": one.why_not}
        for one in found
    ]
    return msgspec.json.format(msgspec.json.encode(said), indent=1).decode() + "\n"


FORMS: dict[str, Callable[[Sequence[Weighed]], str]] = {"terminal": terminal, "json": json}


def _lines(found: Sequence[Weighed]) -> Iterator[str]:
    for one in found:
        statement = one.heard.statement
        cells = (
            statement.status,
            statement.component,
            statement.vulnerabilities[0],
            statement.justification or statement.says or "no reason",
            f"by {statement.author or 'nobody'}",
            *((statement.evidence,) if statement.evidence else ()),
            *((f"within {statement.within}",) if statement.within else ()),
        )
        word = "ignored" if one.why_not else "counts"
        why = f"  ({visible(one.why_not)})" if one.why_not else ""
        yield f"{word:8} {'  '.join(one_cell(cell) for cell in cells)}{why}"

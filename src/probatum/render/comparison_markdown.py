"""A comparison as GitHub-flavoured Markdown, short enough for a comment on a pull request.

As in `markdown`, what comes from a model stands in code alone.
"""

from collections.abc import Iterator

from probatum.audit.comparing import Comparison
from probatum.comparison.differences import Aspect
from probatum.render.comparison import Row, headline, identities, rows, state, summary
from probatum.render.markdown import code, fence
from probatum.render.visible import visible

_LONGEST = 60_000  # as in `markdown`
_MOST_ROWS = 100


def render(comparison: Comparison, *, asked: tuple[str, ...] = ()) -> str:
    """The summary, then each aspect with its changes, those that are the same in one line each."""
    text = f"### Probatum: {summary(comparison)}\n\n"
    for source, said, purl in identities(comparison):
        text += f"- {code(purl or source)} is {code(said)}\n"
    if comparison.trouble:
        text += f"\n**How much changed is not told:** {code(comparison.trouble)}\n"
    for aspect in comparison.aspects:
        word = state(aspect)
        ask = "" if not asked or aspect.name in asked else " (not asked for)"
        text += f"\n**{aspect.name}: {word}**{ask}, {headline(aspect)}\n"
        text += _changes(comparison, aspect, _LONGEST - len(text))
    return text


def _changes(comparison: Comparison, aspect: Aspect, room: int) -> str:
    text = ""
    found = list(rows(comparison, aspect))
    for number, row in enumerate(found):
        item = "\n".join(_item(row))
        if number == _MOST_ROWS or len(text) + len(item) > room:
            return f"{text}\n{len(found) - number:,} more are in the JSON report.\n"
        text += f"\n{item}\n"
    return text


def _item(row: Row) -> Iterator[str]:
    says = f": {code(row.says)}" if row.says else ""
    yield f"- `{row.sign}` {code(row.name)}{says}"
    for said in row.hidden:
        yield f"  **Nobody sees this:** {code(said)}"
    if row.lines:
        lines = [visible(line, 400) for line in row.lines]
        around = fence("\n".join(lines), 3)
        yield ""
        yield from (f"  {line}" for line in (f"{around}diff", *lines, around))

"""A comparison for a person at a terminal: one line an aspect, below it what changed."""

from collections.abc import Iterator

from probatum.audit.comparing import Comparison
from probatum.render.comparison import headline, identities, rows, state, stored, summary
from probatum.render.visible import columns, visible

_COLOURS = {
    "proven": "\x1b[32m",
    "same": "\x1b[32m",
    "differs": "\x1b[1;31m",
    "undecided": "\x1b[33m",
}
_LINES = {"+": "\x1b[32m", "-": "\x1b[31m", "!": "\x1b[1;31m"}
_PLAIN = "\x1b[0m"
_MOST_ROWS = 40
_MOST_LINES = 12
_WIDEST_NAME = 56


def render(
    comparison: Comparison,
    *,
    asked: tuple[str, ...] = (),
    colour: bool = False,
    verbose: bool = False,
) -> str:
    """The aspects in order, and the summary; `verbose` leaves nothing out."""
    return "".join(f"{line}\n" for line in _lines(comparison, asked, colour, verbose))


def _lines(
    comparison: Comparison, asked: tuple[str, ...], colour: bool, verbose: bool
) -> Iterator[str]:
    for aspect in comparison.aspects:
        word = state(aspect)
        ask = "" if not asked or aspect.name in asked else "  (not asked for)"
        yield f"{_in(word, f'{word:<9}', colour)}  {aspect.name:<9}  {headline(aspect)}{ask}"
        found = list(rows(comparison, aspect, each=verbose))
        shown = found if verbose else found[:_MOST_ROWS]
        names = [visible(row.name) for row in shown]
        width = max((n for name in names if (n := columns(name)) <= _WIDEST_NAME), default=0)
        for row, name in zip(shown, names, strict=True):
            gap = " " * (max(0, width - columns(name)) + 2)
            yield f"  {row.sign} {name}{gap}{visible(row.says)}".rstrip()
            for line in row.hidden:
                yield f"      {_in('!', f'! {visible(line)}', colour)}"
            lines = row.lines if verbose else row.lines[:_MOST_LINES]
            for line in lines:
                yield f"      {_in(line[:1], visible(line), colour)}"
            if more := len(row.lines) - len(lines):
                yield f"      {more:,} more lines: -v shows them"
        if more := len(found) - len(shown):
            yield f"  {more:,} more: -v shows them"
    yield ""
    for source, said, purl in identities(comparison):
        yield f"{visible(source)}  {said}{f'  {visible(purl)}' if purl else ''}"
    for record in (comparison.first, comparison.second):
        for name in record.left_out:
            yield f"left out of {visible(record.source)}: {visible(name)}"
    if where := stored(comparison):
        yield visible(where)
    if comparison.trouble:
        yield f"how much changed is not told: {visible(comparison.trouble)}"
    yield summary(comparison)


def _in(key: str, text: str, colour: bool) -> str:
    code = (_COLOURS | _LINES).get(key, "")
    return f"{code}{text}{_PLAIN}" if colour and code else text

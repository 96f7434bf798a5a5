"""A path through source code as a person reads it: line by line, with what matters marked.

Steps that follow one another on the same line are one row: a checker needs each of them, a person
does not. What is long is cut around what is marked.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import Struct

from probatum.vocabulary import Place, Step, Witness

_CUT = "…"

Span = tuple[int, int]  # of characters of a text: its first, and the one behind its last


class Row(Struct, frozen=True):
    """A line of code at `place`, the `marks` in it, and what happens there."""

    place: Place
    code: str
    marks: tuple[Span, ...]
    says: str

    def pieces(self, width: int) -> Iterator[tuple[str, bool]]:
        """The code, cut around its first mark to about `width` characters: text, is it marked?"""
        start, end = _window(self.code, self.marks, width)
        at = start
        if start:
            yield _CUT, False
        for first, behind in self.marks:
            first, behind = max(first, at), min(behind, end)
            if first < behind:
                yield self.code[at:first], False
                yield self.code[first:behind], True
                at = behind
        yield self.code[at:end], False
        if end < len(self.code):
            yield _CUT, False


def code_rows(witness: Witness) -> tuple[Row, ...]:
    """The lines that the steps of a witness lead through."""
    groups = groupby(witness.steps, lambda one: (one.place.part, one.place.line, one.place.offset))
    return tuple(_row(list(steps)) for _, steps in groups)


def advised(witnesses: Iterable[Witness]) -> Iterator[tuple[Witness, str]]:
    """Each witness with what would have stopped it, which is said once for those in a row."""
    waiting: Witness | None = None
    for one in witnesses:
        if waiting is not None:
            yield waiting, waiting.instead if waiting.instead != one.instead else ""
        waiting = one
    if waiting is not None:
        yield waiting, waiting.instead


def _row(steps: list[Step]) -> Row:
    code = steps[0].code
    indented = len(code) - len(code.lstrip())
    spans = {span for one in steps if (span := _span(one)) is not None}
    inner = (one for one in spans if not any(_holds(one, other) for other in spans))
    marks = tuple((first - indented, behind - indented) for first, behind in sorted(inner))
    first = steps[0].place
    place = Place(offset=first.offset, line=first.line, part=first.part)
    says = dict.fromkeys(one.says for one in steps if one.says)
    return Row(place, code.strip(), marks, "; ".join(says))


def _span(step: Step) -> Span | None:
    """The characters of the line that a step means: to the line's end where it goes on below."""
    column = step.place.column
    if column is None or column > len(step.code):
        return None
    end = len(step.code.rstrip())
    if step.end is not None and step.end[0] == step.place.line:
        end = min(end, step.end[1] - 1)
    return (column - 1, end) if column - 1 < end else None


def _holds(outer: Span, inner: Span) -> bool:
    return outer != inner and outer[0] <= inner[0] and inner[1] <= outer[1]


def _window(code: str, marks: tuple[Span, ...], width: int) -> Span:
    """What of the code is shown: whole if it fits, else the first mark with what is around it."""
    if len(code) <= width:
        return 0, len(code)
    first, behind = marks[0] if marks else (0, 0)
    around = max(0, width - (behind - first)) // 2
    start = max(0, min(first - around, len(code) - width))
    return start, min(len(code), start + width)

"""Tells a path as a witness: each step with its line of code, and what would have stopped it."""

from collections.abc import Iterator

from msgspec import Struct

from probatum.check.code_ends import claims
from probatum.check.code_files import Project
from probatum.taint.review import Flow
from probatum.taint.review import Step as Passed
from probatum.taint.spans import Span, line, span
from probatum.vocabulary import Place, Step, Witness

_OF_ROUTES = "no-missing-authentication"  # whose steps may be a path as well
_OF_SECRETS = "no-hardcoded-secret"  # whose lines hold what no report may repeat


class Trace(Struct, frozen=True):
    """The steps to one sink, which `says` as code."""

    says: str
    steps: tuple[Step, ...]


def witness(flow: Flow, project: Project) -> Witness:
    """The flow as a witness, which `probatum.check.code_witness` shows again."""
    return of_traces(flow, traces(flow, project))


def traces(flow: Flow, project: Project) -> list[Trace]:
    """Those to the first sink of a flow and to all others."""
    told = _steps if flow.claim in claims() else _lines
    ways = (flow.steps, *flow.also)
    return [Trace(way[-1].says, tuple(told(flow, way, project))) for way in ways]


def of_traces(flow: Flow, told: list[Trace]) -> Witness:
    """The flow as a witness of the traces that it has."""
    first, *others = told
    place = first.steps[-1].place if first.steps else Place(part=flow.file, line=flow.line)
    more = f", and {len(others)} more calls like it" if others else ""
    says = f"{flow.source} reaches `{first.says}`{more}"
    also = tuple(one.steps for one in others)
    return Witness(says, place, first.steps, instead=flow.instead, also=also)


def _steps(flow: Flow, way: tuple[Passed, ...], project: Project) -> Iterator[Step]:
    """The steps that stand at an expression; what is said at another is said at the next."""
    unsaid: list[str] = []
    spans = _spans(way, project)
    first = next((number for number, one in enumerate(spans) if one is not None), -1)
    for number, (step, at) in enumerate(zip(way, spans, strict=True)):
        if step.says:
            unsaid.append(step.says)
        if at is None:
            continue
        says = ", ".join(dict.fromkeys(unsaid))
        if number == first:
            says = flow.source
        elif number == len(spans) - 1:
            says = f"reaches `{step.says}`"
        place = Place(part=step.file, line=step.line, column=at.begin[1])
        unsaid = []
        yield Step(says, place, at.code, at.end)


def _spans(way: tuple[Passed, ...], project: Project) -> list[Span | None]:
    """Where each step stands, found from the last to the first."""
    found: list[Span | None] = []
    after: Span | None = None
    for step in reversed(way):
        found.append(span(project, step, after))
        after = found[-1] or after
    return found[::-1]


def _lines(flow: Flow, way: tuple[Passed, ...], project: Project) -> Iterator[Step]:
    """The steps of what is no path, but for those between that stand at no expression: each with
    its line, unless that holds a secret."""
    hidden = flow.claim == _OF_SECRETS
    nested = flow.claim == _OF_ROUTES
    spans = _spans(way, project) if nested else [span(project, one, None) for one in way]
    for number, (step, at) in enumerate(zip(way, spans, strict=True)):
        if at is None and 0 < number < len(way) - 1:
            continue
        at = at or line(project, step)
        place = Place(part=step.file, line=step.line, column=at.begin[1] if at else None)
        code = at.code if at and not hidden else ""
        yield Step(step.says, place, code, at.end if at else None)

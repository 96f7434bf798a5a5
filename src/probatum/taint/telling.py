"""Tells a path as a witness: each step with its line of code, and what would have stopped it."""

from collections.abc import Iterator

from probatum.check.code_ends import claims
from probatum.check.code_files import Project
from probatum.taint.review import Flow
from probatum.taint.spans import Span, line, span
from probatum.vocabulary import Place, Step, Witness

_OF_SECRETS = "no-hardcoded-secret"  # whose lines hold what no report may repeat


def witness(flow: Flow, project: Project) -> Witness:
    """The flow as a witness, whose steps `probatum.check.code_path` walks again."""
    told = _steps if flow.claim in claims() else _lines
    steps = tuple(told(flow, project))
    place = steps[-1].place if steps else Place(part=flow.file, line=flow.line)
    more = f", and {len(flow.also)} more calls like it" if flow.also else ""
    says = f"{flow.source} reaches `{flow.says}`{more}"
    return Witness(says, place, steps, instead=flow.instead)


def _steps(flow: Flow, project: Project) -> Iterator[Step]:
    """The steps that stand at an expression; what is said at another is said at the next."""
    unsaid: list[str] = []
    spans = _spans(flow, project)
    first = next((number for number, one in enumerate(spans) if one is not None), -1)
    for number, (step, at) in enumerate(zip(flow.steps, spans, strict=True)):
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


def _spans(flow: Flow, project: Project) -> list[Span | None]:
    """Where each step stands, found from the last to the first."""
    found: list[Span | None] = []
    after: Span | None = None
    for step in reversed(flow.steps):
        found.append(span(project, step, after))
        after = found[-1] or after
    return found[::-1]


def _lines(flow: Flow, project: Project) -> Iterator[Step]:
    """The steps of what is no path: each with its line, but for the lines that hold a secret."""
    for step in flow.steps:
        at = line(project, step) if flow.claim != _OF_SECRETS else None
        place = Place(part=step.file, line=step.line, column=at.begin[1] if at else None)
        yield Step(step.says, place, at.code, at.end) if at else Step(step.says, place)

"""Reviews a project's Python code: the paths on which a value from outside reaches a sink."""

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from probatum.formats.python_project import Keeper
from probatum.taint import project
from probatum.taint.comparisons import NONE
from probatum.taint.flow import COLUMN_BITS, Module
from probatum.taint.program import Program
from probatum.taint.project import Project, Unread
from probatum.taint.properties import found
from probatum.taint.properties import rows as properties
from probatum.taint.search import Search
from probatum.taint.states import Hop, Path

__all__ = ["Flow", "Review", "Step", "Unread", "review"]


class Step(Struct, frozen=True):
    """One step of a flow: the place (both counted from 1) and what happens to the value there.

    `file` is a path in the project, for a notebook followed by its cell: `nb.ipynb#cell3`. `kind`
    and `name` are those of the hop (`states.Hop`).
    """

    file: str
    line: int
    column: int
    says: str
    kind: int = -1
    name: str = ""


class Flow(Struct, frozen=True):
    """A path on which a value from outside reaches a call that `claim` says it must not reach.

    `says` is the sink as code at `file`, `line` and `column`; `source` says in words where the
    value comes from; `steps` lead from there to the sink. `guard` is empty if nothing guards, and
    else the condition of which it is not known whether it stops an attacker. `also` are the steps
    to further sinks that the same function's values reach, `instead` what to write there.
    """

    claim: str
    file: str
    line: int
    column: int
    says: str
    source: str
    steps: tuple[Step, ...]
    guard: str
    also: tuple[tuple[Step, ...], ...] = ()
    instead: str = ""


class Review(Struct, frozen=True):
    """What a project's code lets through: flows, what was not read, sink calls seen by claim."""

    flows: tuple[Flow, ...]
    unread: tuple[Unread, ...]
    sinks: dict[str, int]


def review(
    files: Iterable[tuple[str, bytes]],
    keeper: Keeper | None = None,
    digests: dict[str, bytes] | None = None,
    parsed: dict[str, ast.Module] | None = None,
) -> Review:
    """Reviews files given as (name relative to the project with "/", content).

    Only names that end in `.py` or `.ipynb` are looked at; nothing of them is imported or run.
    With a `keeper`, what the last review left there saves work, and this one may leave the like;
    `digests` are those of the files by name, if they are known; without a keeper, `parsed` takes up
    their trees.
    """
    if keeper is None:
        read = project.read(files, parsed=parsed)
        return reviewed(read, Program(read.modules))
    from probatum.taint.again import review_again

    contents = dict(files)
    return review_again(contents, digests or digests_of(contents), keeper, reviewed)


def digests_of(files: dict[str, bytes]) -> dict[str, bytes]:
    """What tells whether a file is what it was, by name."""
    return {name: hashlib.sha256(content).digest() for name, content in files.items()}


def reviewed(read: Project, program: Program) -> Review:
    """The review of a program that was made of the project."""
    search = Search(program)
    places = _Places(read)
    told = list(search.paths())
    grouped: dict[tuple[object, ...], Flow] = {}
    order = {module.name: number for number, module in enumerate(read.modules)}
    paths = [*told, *found.paths(search, told)]
    for path in sorted(paths, key=lambda one: _order(one, order)):
        flow = places.flow(path)
        key = _group(path, program)
        known = grouped.get(key)
        grouped[key] = flow if known is None else _with(known, flow)
    flows = sorted(grouped.values(), key=lambda one: (one.file, one.line, one.column, one.claim))
    unread = sorted(read.unread, key=lambda one: (one.file, one.line or 0))
    return Review(tuple(flows), tuple(unread), dict(sorted(Counter(search.seen).items())))


def _order(path: Path, modules: dict[str, int]) -> tuple[Any, ...]:
    """By where the sink stands, so that what is told does not depend on what is found first."""
    sink = path.sink
    return modules[sink.module], sink.place, sink.function, path.claim, path.source, path.guard


def _group(path: Path, program: Program) -> tuple[object, ...]:
    """What flows told as one have in common: the claim, the source's function or, for a method, its
    class, and the sink's file."""
    sink = path.sink.module
    if path.claim in properties.names():
        return path.claim, path.source, path.guard, sink
    first = path.hops[0]
    begins = program.owner((first.module, first.function)) or (first.module, first.function)
    return path.claim, path.source, path.guard, *begins, sink


def _with(known: Flow, other: Flow) -> Flow:
    return replace(known, also=(*known.also, other.steps))


class _Places:
    """Turns the search's places into files, lines and columns."""

    def __init__(self, read: Project) -> None:
        self.modules: dict[str, Module] = {module.name: module for module in read.modules}
        self.cells = read.cells

    def flow(self, path: Path) -> Flow:
        sink = self.step(path.sink)
        steps: list[Step] = []
        for hop in (*path.hops, path.sink):
            step = self.step(hop)
            if step not in steps[-1:]:
                steps.append(step)
        guard = path.guard if path.level != NONE else ""
        return Flow(
            path.claim,
            sink.file,
            sink.line,
            sink.column,
            sink.says,
            path.source,
            tuple(steps),
            guard,
            instead=path.instead,
        )

    def step(self, hop: Hop) -> Step:
        file = self.modules[hop.module].path
        line, column = hop.place >> COLUMN_BITS, hop.place & (1 << COLUMN_BITS) - 1
        cells = self.cells.get(file)
        if cells is not None:
            file, line = cells.place(line)
        return Step(file, line, column + 1, hop.says, hop.kind, hop.name)

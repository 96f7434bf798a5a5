"""Verdicts about the pickle streams of a file, with their evidence."""

import hashlib
from collections.abc import Iterator

from probatum.formats import effects
from probatum.formats.importable import in_the_way
from probatum.formats.own_classes import assumed
from probatum.formats.pickle_findings import Danger, Run
from probatum.formats.pickle_streams import Streams
from probatum.formats.pickle_values import Instance, Name, Unknown, certified, described, reachable
from probatum.ports import Material
from probatum.vocabulary import (
    Certificate,
    Excerpt,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

_MOST_WITNESSES = 16


def load_verdict(found: Streams, material: Material) -> Verdict:
    """Whether reading the streams runs anything their author chose."""
    for index, run in enumerate(found.runs):
        dangers = _reached(run)
        if dangers and (index == 0 or found.loader == "torch-raw"):
            return Refuted(tuple(_witness(one, run, material) for one in dangers[:_MOST_WITNESSES]))
        if dangers:
            return Undecided(
                Reason.PARSER_DIFFERENTIAL,
                f"the stream after the first runs {dangers[0].name.replace(':', '.')}, "
                "which a reader that loads once never reaches",
                Place(offset=dangers[0].offset),
            )
        doubt = _undecided(run)
        if doubt is not None:
            return doubt
    doubt = _around(found, material)
    if doubt is not None:
        return doubt
    return Proven(_certificate(found, material, "load-inert"), _assumptions(found))


def shape_verdict(found: Streams, material: Material) -> Verdict:
    """Whether what reading the streams returns is data."""
    functions = [
        _function_witness(value, material)
        for run in found.runs
        if run.broken is None
        for value in _functions(run)
    ]
    if functions:
        return Refuted(tuple(functions[:16]))
    for run in found.runs:
        for doubt in (_depends(run), _undecided(run), _uncertified(run)):
            if doubt is not None:
                return doubt
    doubt = _around(found, material)
    if doubt is not None:
        return doubt
    return Proven(_certificate(found, material, "data-shaped"), _assumptions(found))


def stream_digests(found: Streams, material: Material) -> list[dict[str, object]]:
    """Where each stream lies, with its digest."""
    return [
        {key: one[key] for key in ("start", "end", "sha256")} for one in _streams(found, material)
    ]


def _around(found: Streams, material: Material) -> Undecided | None:
    """What around the streams keeps them from being proven: other bytes, or a file beside."""
    if found.trailing is not None:
        return Undecided(found.trailing.reason, found.trailing.detail, found.trailing.place)
    imports = [one for run in found.runs for one in run.effects if one.how == "import"]
    libraries = {one.name.partition(":")[0] for one in imports if effects.row(one.name)}
    packages = {module.partition(".")[0] for module in libraries}
    if found.own:
        packages.add("torch")  # what the folder's own code imports may be any library
    why = in_the_way(packages, material.beside)
    return Undecided(Reason.UNRESOLVED, why, Place(offset=imports[0].offset)) if why else None


def _reached(run: Run) -> tuple[Danger, ...]:
    """Dangers that a load passes through: in a stream that breaks off, only certain steps count."""
    if run.broken is None:
        return run.refuted
    looked_up = {danger.named_at for danger in run.refuted}
    unsure = [problem.offset for problem in run.problems if problem.offset not in looked_up]
    return tuple(danger for danger in run.refuted if all(danger.offset <= at for at in unsure))


def _witness(danger: Danger, run: Run, material: Material) -> Witness:
    name = danger.name.replace(":", ".")
    start = max(0, danger.named_at - 16)
    steps = [Step(f"{name} is looked up", Place(offset=danger.named_at))]
    if danger.arguments:
        steps.append(Step(f"its arguments are ({danger.arguments})", Place(offset=danger.offset)))
    steps.append(Step(f"{danger.opcode} runs it: {danger.effect}", Place(offset=danger.offset)))
    return Witness(
        says=f"{danger.opcode} {name}({danger.arguments}): {danger.effect}",
        place=Place(offset=danger.offset),
        steps=tuple(steps),
        excerpt=Excerpt(start, material.read(start, danger.offset - start + 16)[:256]),
    )


def _functions(run: Run) -> Iterator[Name]:
    """Functions of known effect that the returned value leads to."""
    for value in reachable(run.result):
        if isinstance(value, Name) and value.name in effects.dangers():
            yield value


def _depends(run: Run) -> Undecided | None:
    if not run.refuted:
        return None
    first = run.refuted[0]
    return Undecided(
        Reason.UNRESOLVED,
        f"what loading returns is up to {first.name.replace(':', '.')}, which it runs",
        Place(offset=first.offset),
    )


def _uncertified(run: Run) -> Undecided | None:
    for value in reachable(run.result):
        if certified(value):
            continue
        offset = value.made if isinstance(value, Instance) else None
        if isinstance(value, Name | Unknown):
            offset = value.offset
        return Undecided(
            Reason.MISSING_SUMMARY,
            f"no summary certifies {described(value)} as data",
            Place(offset=offset),
        )
    return None


def _function_witness(value: Name, material: Material) -> Witness:
    name = value.name.replace(":", ".")
    start = max(0, value.offset - 16)
    return Witness(
        says=f"what loading returns holds the function {name}",
        place=Place(offset=value.offset),
        steps=(
            Step(f"{name} is looked up", Place(offset=value.offset)),
            Step("it is reachable from the returned value"),
        ),
        excerpt=Excerpt(start, material.read(start, 64)),
    )


def _undecided(run: Run) -> Undecided | None:
    if run.problems:
        first, more = run.problems[0], len({problem.detail for problem in run.problems}) - 1
        others = f" (and {more} more)" if more else ""
        return Undecided(first.reason, first.detail + others, Place(offset=first.offset))
    if run.broken is not None:
        return Undecided(run.broken.reason, run.broken.detail, run.broken.place)
    return None


def _certificate(found: Streams, material: Material, claim: str) -> Certificate:
    """What `check/pickle.py` re-derives: the streams' digests and every effectful step."""
    facts: dict[str, object] = {
        "claim": claim,
        "loader": _needed_loader(found),
        "size": material.size,
        "streams": _streams(found, material),
    }
    return Certificate("pickle", facts | ({"folder": found.own} if found.own else {}))


def _streams(found: Streams, material: Material) -> list[dict[str, object]]:
    """The facts of each stream. Both claims rest on the same ones, so the last are kept."""
    if not _last or _last[0][0] is not found:
        _last[:] = [(found, [_stream(run, material) for run in found.runs])]
    return _last[0][1]


_last: list[tuple[Streams, list[dict[str, object]]]] = []


def _needed_loader(found: Streams) -> str:
    """The loader, if the proof needs its ways; a stream without them is a pickle like any other."""
    needs = {"torch": "storage", "joblib": "array"}.get(found.loader)
    used = {one.how for run in found.runs for one in run.effects}
    return "pickle" if needs is not None and needs not in used else found.loader


def _stream(run: Run, material: Material) -> dict[str, object]:
    return {
        "start": run.start,
        "end": run.end,
        "sha256": _digest(material, run.start, run.end),
        "effects": [[one.offset, one.opcode, one.how, one.name] for one in run.effects],
    }


def _digest(material: Material, start: int, end: int) -> str:
    digest = hashlib.sha256()
    while start < end:
        piece = material.read(start, min(1 << 20, end - start))
        if not piece:
            break
        digest.update(piece)
        start += len(piece)
    return digest.hexdigest()


def _assumptions(found: Streams) -> tuple[str, ...]:
    """The libraries whose summaries the proof rests on, and where the folder's code comes from."""
    used = {basis for run in found.runs for basis in run.basis if basis}
    libraries = (f"{basis} does what its effect summaries say" for basis in sorted(used))
    return (*libraries, *assumed(found.own))

"""Whether what a pickle returns is data.

A pickle can load without any effect and still hand back a trap: a returned `os.system`, stored
where the program will call it, passes load-inert and fails here.

**Proven** when every value reachable from the result is built-in data, an instance of a class
whose summary certifies it as data, or such a class itself. **Refuted** when a function is
reachable: the witness says which and where it was looked up. **Undecided** when a step of the load
is, or when a class is not certified as data.
"""

from collections.abc import Iterator

from probatum.claims import DATA_SHAPED
from probatum.formats import effects
from probatum.formats.pickle_evidence import assumptions, certificate, undecided
from probatum.formats.pickle_machine import Run
from probatum.formats.pickle_streams import LOADERS, streams
from probatum.formats.pickle_values import Instance, Name, Unknown, certified, described, reachable
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
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


@analyzer(id="pickle-shape", claim=DATA_SHAPED, accepts=frozenset(LOADERS))
def pickle_shape(artifact: Artifact, material: Material) -> Verdict:
    """Data-shaped, for the result of every pickle stream of the file."""
    found = streams(artifact.kind, material)
    functions = [
        _witness(value, material)
        for run in found.runs
        if run.broken is None
        for value in _functions(run)
    ]
    if functions:
        return Refuted(tuple(functions[:16]))
    for run in found.runs:
        for doubt in (_depends(run), undecided(run), _uncertified(run)):
            if doubt is not None:
                return doubt
    if found.trailing is not None:
        return Undecided(found.trailing.reason, found.trailing.detail, found.trailing.place)
    return Proven(certificate(found, material, "data-shaped"), assumptions(found.runs))


def _functions(run: Run) -> Iterator[Name]:
    """Functions, by summary or by known effect, that the returned value leads to."""
    for value in reachable(run.result):
        if isinstance(value, Name) and (
            (value.row is not None and not value.row.is_class)
            or (value.row is None and value.name in effects.dangers())
        ):
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


def _witness(value: Name, material: Material) -> Witness:
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

"""Whether loading a pickle runs anything its author chose.

**Proven** when every import, call, instance, state and item assignment of every stream resolves to
an effect summary whose conditions on the arguments hold: for the C unpickler, for `pickle.py`, and
for the loader of the file's kind (torch, joblib). The certificate lists each such step with its
offset and the summary it rests on.

**Refuted** when a step runs a callable known to have an effect, with arguments that make it have
one. The witness gives the opcode, the callable and its arguments; every load that succeeds passes
through it. A dangerous name that is merely present is no witness.

**Undecided** otherwise, with the first step that could not be resolved: a name without a summary,
arguments outside a summary's conditions, bytes that two unpicklers read differently
(`parser-differential`), a truncated or malformed stream.

Sources: CPython `Modules/_pickle.c` and `Lib/pickle.py`; Huang et al., "PickleBall", 2025, for
summaries derived from a library's own source.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.pickle_evidence import assumptions, certificate, undecided
from probatum.formats.pickle_machine import Run
from probatum.formats.pickle_steps import Danger
from probatum.formats.pickle_streams import LOADERS, streams
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

_MOST_WITNESSES = 16


@analyzer(id="pickle-load", claim=LOAD_INERT, accepts=frozenset(LOADERS))
def pickle_load(artifact: Artifact, material: Material) -> Verdict:
    """Load-inert, for every pickle stream of the file."""
    found = streams(artifact.kind, material)
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
        doubt = undecided(run)
        if doubt is not None:
            return doubt
    if found.trailing is not None:
        return Undecided(found.trailing.reason, found.trailing.detail, found.trailing.place)
    return Proven(certificate(found, material, "load-inert"), assumptions(found.runs))


def _reached(run: Run) -> tuple[Danger, ...]:
    """Dangers that a load passes through: in a stream that breaks off, only certain steps count."""
    if run.broken is None or not run.problems:
        return run.refuted
    certain = min(problem.offset for problem in run.problems)
    return tuple(danger for danger in run.refuted if danger.offset <= certain)


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

"""Shows a refutation of a claim about code again: every one of its traces, in the source.

A claim about a value on its way is refuted by a path (`code_path`), one about a property by the
place at which it stands: a module for each kind looks in the syntax trees for what the steps and
the words of a witness say. What a witness tells as `also` is held to the same as what it tells
first, and its sentence to how many there are.
"""

from types import ModuleType

from probatum.check import (
    code_ends,
    code_keys,
    code_loops,
    code_path,
    code_routes,
    code_secrets,
    code_switches,
)
from probatum.check.code_files import Project
from probatum.check.code_spots import spot_of
from probatum.errors import Rejected
from probatum.vocabulary import Step, Witness

KIND = "python-project"
_MOST_ALSO, _MOST_STEPS = 100_000, 400
_HIDDEN = "no-hardcoded-secret"  # whose lines hold what no report may repeat
_PROPERTIES: dict[str, ModuleType] = {
    claim: module
    for module in (code_switches, code_keys, code_secrets, code_loops, code_routes)
    for claim in module.CLAIMS
}


def claims() -> frozenset[str]:
    """The claims whose refutations are shown again."""
    return code_ends.claims() | frozenset(_PROPERTIES)


def shows(witness: Witness, claim: str, project: Project) -> None:
    """Raises: Rejected with the step that does not hold."""
    if len(witness.also) > _MOST_ALSO or not all((witness.steps, *witness.also)):
        raise Rejected("a trace without a step")
    more = f", and {len(witness.also)} more calls like it" if witness.also else ""
    if not witness.says.endswith(f"`{more}"):
        raise Rejected("the witness tells of another number of calls")
    said = witness.says.removesuffix(more)
    if witness.place != witness.steps[-1].place:
        raise Rejected("the witness is elsewhere than its last step")
    if claim not in _PROPERTIES:
        for steps in (witness.steps, *witness.also):
            code_path.walks(Witness(said, steps[-1].place, steps), claim, project)
        return
    sink = f" reaches `{witness.steps[-1].says}`"
    if not said.endswith(sink):
        raise Rejected("the witness says something else than its last step")
    for steps in (witness.steps, *witness.also):
        _shows_property(claim, said.removesuffix(sink), steps, project)


def _shows_property(claim: str, source: str, steps: tuple[Step, ...], project: Project) -> None:
    if len(steps) > _MOST_STEPS:
        raise Rejected("the path leads through too much code")
    hidden = claim == _HIDDEN
    try:
        spots = [
            spot_of(project, number, step, hidden=hidden) for number, step in enumerate(steps, 1)
        ]
        _PROPERTIES[claim].shows(claim, source, steps, spots)
    except (RecursionError, MemoryError, KeyError, AttributeError, TypeError, ValueError) as exc:
        raise Rejected("nothing that can be followed") from exc

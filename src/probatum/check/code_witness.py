"""Shows a refutation of a claim about code again: every one of its traces, in the source.

A claim about a value on its way is refuted by a path (`code_path`). What a witness tells as `also`
is held to the same as what it tells first, and its sentence to how many there are.
"""

from probatum.check import code_ends, code_path
from probatum.check.code_files import Project
from probatum.errors import Rejected
from probatum.vocabulary import Witness

KIND = "python-project"
_MOST_ALSO = 100_000


def claims() -> frozenset[str]:
    """The claims whose refutations are shown again."""
    return code_ends.claims()


def shows(witness: Witness, claim: str, project: Project) -> None:
    """Raises: Rejected with the step that does not hold."""
    if len(witness.also) > _MOST_ALSO or not all(witness.also):
        raise Rejected("no traces to further places")
    more = f", and {len(witness.also)} more calls like it" if witness.also else ""
    if not witness.says.endswith(f"`{more}"):
        raise Rejected("the witness tells of another number of calls")
    said = witness.says.removesuffix(more)
    code_path.walks(Witness(said, witness.place, witness.steps), claim, project)
    for steps in witness.also:
        code_path.walks(Witness(said, steps[-1].place, steps), claim, project)

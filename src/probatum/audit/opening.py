"""Says what kept an artifact, or something in it, from being opened.

It decides nothing and never proves: where an artifact is no container and still could not be
opened to its end (it cannot be read, its opener crashed or ran out of time, the audit was
stopped), this gives it the claim `fully-opened` and leaves it **Undecided** with the reason. A
file of which nothing at all could be read gets `kind-is-understood` in its place.
"""

from probatum.claims import FULLY_OPENED
from probatum.ports import Analyzer, Material
from probatum.vocabulary import Artifact, Reason, Undecided, Verdict


def _unopened(artifact: Artifact, material: Material) -> Verdict:
    return Undecided(Reason.UNREADABLE, "it could not be opened")


OPENING = Analyzer("opening", FULLY_OPENED, frozenset(), _unopened, __name__)

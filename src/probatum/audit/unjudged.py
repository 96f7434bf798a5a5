"""Stands in where no analyser judges a file's kind, so that the file is not passed over in silence.

It decides nothing. **Undecided(unknown-kind)**: the content is of no kind that Probatum knows, so
it may be anything. **Undecided(not-analysed)**: the kind is known, and nothing judges it yet: a
picture, a Python source, a notebook. The default policy fails on the first and reports the second.
"""

from probatum.claims import KIND_IS_UNDERSTOOD
from probatum.ports import Analyzer, Material
from probatum.vocabulary import Artifact, Reason, Undecided, Verdict


def _unjudged(artifact: Artifact, material: Material) -> Verdict:
    if artifact.kind == "unknown":
        return Undecided(Reason.UNKNOWN_KIND, "the content is of no kind that Probatum knows")
    return Undecided(Reason.NOT_ANALYSED, f"no analyser judges files of kind {artifact.kind}")


UNJUDGED = Analyzer("unjudged", KIND_IS_UNDERSTOOD, frozenset(), _unjudged, __name__)

"""Whether what a pickle returns is data.

A pickle can load without any effect and still hand back a trap: a returned `os.system`, stored
where the program will call it, passes load-inert and fails here.

**Proven** when every value reachable from the result is built-in data, an instance of a class
whose summary certifies it as data, or such a class itself. **Refuted** when a function of known
effect is reachable: the witness says which and where it was looked up. **Undecided** when a step
of the load is, or when a class, or another function, is not certified as data.
"""

from probatum.claims import DATA_SHAPED
from probatum.formats.own_classes import own_classes
from probatum.formats.pickle_evidence import shape_verdict
from probatum.formats.pickle_streams import streams
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Verdict


@analyzer(
    id="pickle-shape", claim=DATA_SHAPED, accepts={"pickle", "joblib", "torch-pickle", "torch-raw"}
)
def pickle_shape(artifact: Artifact, material: Material) -> Verdict:
    """Data-shaped, for the result of every pickle stream of the file."""
    return shape_verdict(
        streams(artifact.kind, material, own=own_classes(artifact, material)), material
    )

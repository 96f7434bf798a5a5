"""Whether what a numpy array file returns is data.

An array of numbers or text is; an array of Python objects is if the pickle it carries is.

Source: NEP 1 and numpy/lib/format.py `read_array`.
"""

from probatum.claims import DATA_SHAPED
from probatum.formats.npy_evidence import array_verdict
from probatum.formats.pickle_evidence import shape_verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Verdict


@analyzer(id="npy-shape", claim=DATA_SHAPED, accepts={"npy"})
def npy_shape(artifact: Artifact, material: Material) -> Verdict:
    """Data-shaped, for the array or the pickle inside it."""
    return array_verdict("data-shaped", material, shape_verdict)

"""Whether loading a numpy array file runs anything its author chose.

An array of numbers or text is copied from the file: **Proven** from its header, when the array's
bytes are exactly the rest of the file. An array of Python objects carries a pickle, which
`numpy.load(allow_pickle=True)` loads: the verdict is the pickle prover's on those bytes.

Source: NEP 1 and numpy/lib/format.py `read_array`.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.npy_evidence import array_verdict
from probatum.formats.pickle_evidence import load_verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Verdict


@analyzer(id="npy-load", claim=LOAD_INERT, accepts={"npy"})
def npy_load(artifact: Artifact, material: Material) -> Verdict:
    """Load-inert, for the array or the pickle inside it."""
    return array_verdict("load-inert", material, load_verdict)

"""Decides whether loading a fastText model (`.bin`, `.ftz`) runs anything.

fastText reads options, words and two matrices into memory; the file names no path and no code.

**Proven**: the whole file was walked: a known version, as many words as are told, and two matrices,
dense or quantised, of the sizes that they tell, to the last byte.

**Undecided**: a count or size that is wrong, another version, or a file that ends elsewhere.

Source: fastText 0.9.3, src/fasttext.cc, dictionary.cc, quantmatrix.cc, productquantizer.cc.
"""

from probatum.claims import LOAD_INERT
from probatum.formats import fasttext
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Proven, Verdict


@analyzer(id="fasttext-load", claim=LOAD_INERT, accepts={"fasttext"})
def fasttext_load(artifact: Artifact, material: Material) -> Verdict:
    """Walk the model from its first byte to its last."""
    return Proven(fasttext.certificate(material))

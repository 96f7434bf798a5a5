"""Decides whether the counts and sizes in a fastText model (`.bin`, `.ftz`) fit its bytes.

The sizes of words and matrices follow from the counts before them.

**Proven**: the whole file was walked: a known version, as many words as are told, and two matrices,
dense or quantised, of the sizes that they tell, to the last byte.

**Undecided**: a count or size that is wrong, another version, or a file that ends elsewhere.

Source: fastText 0.9.3, src/fasttext.cc, dictionary.cc, quantmatrix.cc, productquantizer.cc.
"""

from probatum.claims import HEADER_SOUND
from probatum.formats import fasttext
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Proven, Verdict


@analyzer(id="fasttext-header", claim=HEADER_SOUND, accepts={"fasttext"})
def fasttext_header(artifact: Artifact, material: Material) -> Verdict:
    """Walk the model from its first byte to its last."""
    return Proven(fasttext.certificate(material))

"""Decides whether loading a safetensors file can run anything its author chose.

The format has no place for code: a header that names spans of bytes, and the bytes. What is left
to an author is a header that a careless reader follows out of bounds. So the claim is **Proven**
on the same facts as `safetensors-header`: every rule of the header holds.

**Undecided**: where the header is not sound, or readers differ on it, for the reason that
`safetensors-header` shows in full. A broken header makes the usual loader refuse the file, which
is no effect; what another loader makes of it cannot be said. Nothing is ever refuted here.

The proof assumes that the file is given to a reader of safetensors, not to a loader that looks
for something else in it; the claim `kind-is-understood` tells of files that are two things.

Source: the format's description in the safetensors README.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.bounds import digest
from probatum.formats.safetensors import header
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Verdict


@analyzer(id="safetensors-load", claim=LOAD_INERT, accepts={"safetensors"})
def safetensors_load(artifact: Artifact, material: Material) -> Verdict:
    """Proven where the header is sound; a broken header leaves it undecided (FormatError)."""
    found = header(material)
    facts = {
        "claim": LOAD_INERT.id,
        "size": material.size,
        "header": found.stop,
        "sha256": digest(material, 0, found.stop),
        "tensors": len(found.tensors),
    }
    assumption = "The file is loaded by a reader that follows the safetensors format."
    return Proven(Certificate("safetensors", facts), (assumption,))

"""Says that a TensorRT engine is opaque: what loading it runs cannot be read from its bytes.

A serialized engine is machine code for one GPU with tactics and weights, in a form that only
NVIDIA's runtime reads and that may carry plugin libraries of its own (`setPluginsToSerialize`).
NVIDIA says to load engines of trusted origin only. So the claim is always **Undecided**
(`opaque`): build the engine from a model in an open format, and audit that.

Sources: "Engine compatibility" and "Version compatible engines" in the TensorRT Developer Guide;
`IRuntime::setEngineHostCodeAllowed`.
"""

from probatum.claims import LOAD_INERT
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Place, Reason, Undecided, Verdict


@analyzer(id="tensorrt-load", claim=LOAD_INERT, accepts={"tensorrt"})
def tensorrt_load(artifact: Artifact, material: Material) -> Verdict:
    """Always undecided: an engine is machine code."""
    says = "a TensorRT engine holds machine code; audit the model that it was built from"
    return Undecided(Reason.OPAQUE, says, Place(offset=0))

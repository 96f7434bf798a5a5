"""Says that an ExecuTorch program is opaque: its delegates are code for other processors.

A `.pte` file is a flatbuffer of instructions; most of a model lies in delegates, blobs compiled
for one accelerator (XNNPACK, Core ML, QNN, Vulkan …) that only the back end reads, and kernels are
looked up by name in whatever the program around the runtime registers. So the claim is always
**Undecided** (`opaque`): audit the model that the program was exported from.

Sources: `schema/program.fbs` (mark `ET12`) and "Backends and Delegates" of ExecuTorch.
"""

from probatum.claims import LOAD_INERT
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Place, Reason, Undecided, Verdict


@analyzer(id="executorch-load", claim=LOAD_INERT, accepts={"executorch"})
def executorch_load(artifact: Artifact, material: Material) -> Verdict:
    """Always undecided: delegates are code in forms of their own."""
    says = "an ExecuTorch program holds compiled delegates; audit the model it was exported from"
    return Undecided(Reason.OPAQUE, says, Place(offset=0))

"""Decides whether a tensor that ONNX keeps in a file of its own is as large as it says.

Models come with such files (`test_data_set_0/input_0.pb`): one message, without a graph around it.

**Proven**: the message is well formed and read alike by every parser; it has a known data type,
dimensions that are not negative and do not overflow, and exactly the bytes or numbers that they ask
for, in the file itself.

**Refuted**: a rule of these is broken.

**Undecided**: `parser-differential` where protobuf readers disagree or the elements stand in two
places; `outside-target` where they lie in another file; a type or field that is not known here.

Sources: `onnx-ml.proto` and `docs/ExternalData.md` of onnx 1.23.
"""

from probatum.claims import HEADER_SOUND
from probatum.formats.onnx_tensor_file import facts, read
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Place, Proven, Refuted, Verdict, Witness


@analyzer(id="onnx-tensor-header", claim=HEADER_SOUND, accepts={"onnx-tensor"})
def onnx_tensor_header(artifact: Artifact, material: Material) -> Verdict:
    """Compare the elements that are there with those that the shape asks for."""
    found = read(material)
    if found.fault is not None:
        return Refuted((Witness(f"the tensor is not sound: {found.fault}", Place(offset=0)),))
    return Proven(Certificate("onnx_tensor", facts(material, found)))

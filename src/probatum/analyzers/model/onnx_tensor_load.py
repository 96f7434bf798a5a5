"""Decides whether loading a tensor that ONNX keeps in a file of its own reaches anything.

`onnx.load_tensor` parses one message, and `numpy_helper.to_array` copies its numbers; a tensor may
name another file instead, which is then opened.

**Proven**: the message is read alike by every parser, is of a known type, and holds its elements
itself (`onnx-tensor-header`).

**Undecided**: it is not sound, or its elements lie in another file.

Sources: `onnx-ml.proto` and `docs/ExternalData.md` of onnx 1.23.
"""

from probatum.claims import LOAD_INERT
from probatum.errors import FormatError
from probatum.formats.onnx_tensor_file import facts, read
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Verdict


@analyzer(id="onnx-tensor-load", claim=LOAD_INERT, accepts={"onnx-tensor"})
def onnx_tensor_load(artifact: Artifact, material: Material) -> Verdict:
    """Proven where the tensor stands in this file alone."""
    found = read(material)
    if found.fault is not None:
        raise FormatError(Reason.MALFORMED, f"the tensor is not sound: {found.fault}")
    return Proven(Certificate("onnx_tensor", facts(material, found)))

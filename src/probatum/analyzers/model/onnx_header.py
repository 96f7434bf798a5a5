"""Decides whether the tensors of an ONNX model are as large as they say.

**Proven**: the protobuf is well formed and read alike by every parser; every tensor, in graphs,
bodies of If, Loop and Scan, functions, attributes and training graphs, has a known data type,
dimensions that are not negative and do not overflow, and exactly the bytes or numbers that they
ask for. For a tensor in another file: offset and length are whole numbers, and the length is what
the shape asks for; that the other file is that long is said as an assumption. The certificate
binds every byte but the raw data of tensors, which is never read.

**Refuted**: the first tensor that breaks a rule, with its byte.

**Undecided**: `parser-differential` where protobuf readers disagree (a field twice that may stand
once, a padded number, a group, a wrong wire type, more than 100 levels) or a tensor's elements
stand in two places; `unsupported` at a field or data type not known here, at segments and at
sparse tensors, whose indices are not followed.

Sources: `onnx-ml.proto`, `docs/IR.md` and `docs/ExternalData.md` of onnx 1.23.
"""

from probatum.claims import HEADER_SOUND
from probatum.formats.onnx import survey
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Refuted, Verdict


@analyzer(id="onnx-header", claim=HEADER_SOUND, accepts={"onnx"})
def onnx_header(artifact: Artifact, material: Material) -> Verdict:
    """Proven where every tensor has the bytes it asks for, refuted at the first that has not."""
    found = survey(material)
    if found.fault is not None:
        return Refuted((found.fault.witness,))
    if found.doubt is not None:
        raise found.doubt
    assumptions = tuple(
        f"The file {one.location!r} beside the model is at least {one.end} bytes long."
        for one in found.external
    )
    facts = {
        "claim": HEADER_SOUND.id,
        "size": material.size,
        "skeleton": found.skeleton,
        "nodes": found.nodes,
        "tensors": found.tensors,
        "files": sorted(one.location for one in found.external),
    }
    return Proven(Certificate("onnx", facts), assumptions)

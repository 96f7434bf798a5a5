"""Decides whether an ONNX model makes its loader open a file outside its own folder.

A tensor may lie in another file, named by a path in the model. Every tensor is looked at: in
graphs, bodies of If, Loop and Scan, functions, attributes, training graphs and sparse tensors.

**Proven**: no tensor names a file, or every path stays in the model's folder: relative, no parent,
no backslash, no colon (a drive, a stream, a network address), no control character. That such a
path meets no symbolic link on its way is said as an assumption.

**Refuted**: each path that does not stay there, with the byte of the tensor that names it.

**Undecided**: where the protobuf is not read alike by every parser, or has a field not known
here, which might name a file too.

Sources: `docs/ExternalData.md` of onnx; CVE-2022-25882 and CVE-2024-27318 (parent folders),
CVE-2024-5187 (archives of models); `kTensorProtoMemoryAddressTag` of onnxruntime.
"""

from probatum.claims import SELF_CONTAINED
from probatum.formats.onnx import External, escapes, survey
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Place, Proven, Refuted, Verdict, Witness


@analyzer(id="onnx-paths", claim=SELF_CONTAINED, accepts={"onnx"})
def onnx_paths(artifact: Artifact, material: Material) -> Verdict:
    """Proven where every path stays in the model's folder, refuted at each that does not."""
    found = survey(material)
    outside = tuple(_witness(one) for one in found.external if escapes(one.location))
    if outside:
        return Refuted(outside[:20])
    facts = {
        "claim": SELF_CONTAINED.id,
        "size": material.size,
        "skeleton": found.skeleton,
        "nodes": found.nodes,
        "tensors": found.tensors,
        "files": sorted(one.location for one in found.external),
    }
    assumptions = tuple(
        f"The path {one.location!r} beside the model leads through no symbolic link."
        for one in found.external
    )
    return Proven(Certificate("onnx", facts), assumptions)


def _witness(one: External) -> Witness:
    says = f"a tensor lies in the file {one.location[:200]!r}, whose path {escapes(one.location)}"
    return Witness(says, Place(offset=one.at))

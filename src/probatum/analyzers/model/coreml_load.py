"""Decides whether loading a Core ML model can run anything its author chose.

A Core ML model is a protobuf of layers, trees or an ML program; Core ML compiles it, and carries
the code of every layer itself. Code of others comes in by class name only.

**Proven**: the whole protobuf is walked and known, pipelines and branches included; no custom
layer, custom model, linked model or serialized model stands in it; every weight file lies in the
package (`coreml-paths`).

**Refuted**: a path to weights that leaves the package: loading reads a file of the author's choice.

**Undecided**: `missing-summary` names the class of a custom layer or model: it is code of the
program that loads the model, and no file holds it. `unresolved` for a linked model, `opaque` for a
serialized model, whose bytes are in a form that only Apple's own code reads.

Sources: `Model.proto`, `NeuralNetwork.proto` (CustomLayerParams), `CustomModel.proto` and
`LinkedModel.proto` of coremltools 9.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.coreml import Survey, leaving, survey
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
)


@analyzer(id="coreml-load", claim=LOAD_INERT, accepts={"coreml"})
def coreml_load(artifact: Artifact, material: Material) -> Verdict:
    """Proven where the model names no code and opens nothing outside its package."""
    found = survey(material)
    if witnesses := tuple(leaving(found)):
        return Refuted(witnesses[:20])
    if (missing := _missing(found)) is not None:
        return missing
    facts = {
        "claim": LOAD_INERT.id,
        "size": material.size,
        "skeleton": found.skeleton,
        "messages": found.messages,
        "files": sorted(one.name for one in found.files),
    }
    assumptions = tuple(
        f"The path {one.name!r} in the package leads through no symbolic link."
        for one in found.files
    )
    return Proven(Certificate("coreml", facts), assumptions)


def _missing(found: Survey) -> Undecided | None:
    for one in found.classes:
        says = f"the class {one.name!r} of a custom layer or model is code of another"
        return Undecided(Reason.MISSING_SUMMARY, says, Place(offset=one.at))
    for one in found.linked:
        says = "another model is linked, which is looked for by name while loading"
        return Undecided(Reason.UNRESOLVED, says, Place(offset=one.at))
    for one in found.opaque:
        says = f"the serialized model {one.name!r} is in a form that only Apple's code reads"
        return Undecided(Reason.OPAQUE, says, Place(offset=one.at))
    return None

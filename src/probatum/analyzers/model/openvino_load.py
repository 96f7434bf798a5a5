"""Decides whether loading an OpenVINO model can run anything its author chose.

The XML lists layers by type and operation set. OpenVINO carries the code of its own operation
sets; a layer of another set is code of an extension library that the loading program adds.

**Proven**: the document leads nowhere else (`xml-self-contained`), and every layer, bodies of If,
Loop and TensorIterator included, is of an operation set `opset1` and up.

**Refuted**: an external DTD or entity or an XInclude: parsing opens what the author chose.

**Undecided**: `missing-summary` names a layer of another set, or without one (formats before
version 10). What the weights beside it hold is numbers.

Sources: "Model Format" and "Operation sets" in OpenVINO's documentation; `ir_deserializer.cpp`.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.bounds import digest
from probatum.formats.openvino import survey
from probatum.formats.xml import Outside
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
)


@analyzer(id="openvino-load", claim=LOAD_INERT, accepts={"openvino-xml"})
def openvino_load(artifact: Artifact, material: Material) -> Verdict:
    """Proven where every layer is of OpenVINO's own operation sets."""
    try:
        found = survey(material)
    except Outside as exc:
        return Refuted((exc.witness,))
    for type, version, place in found.foreign:
        says = f"what the layer {type[:80]!r} of the set {version[:80]!r} does is not known"
        return Undecided(Reason.MISSING_SUMMARY, says, place)
    if found.odd is not None:
        return found.odd
    facts = {
        "claim": LOAD_INERT.id,
        "kind": "openvino-xml",
        "size": material.size,
        "sha256": digest(material, 0, material.size),
        "elements": found.elements,
    }
    assumption = "The file of weights beside it, of the same name, is what it is meant to be."
    return Proven(Certificate("xml", facts), (assumption,))

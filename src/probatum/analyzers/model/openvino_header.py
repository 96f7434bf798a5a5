"""Decides whether the constants of an OpenVINO model lie where they can.

The XML says of every constant at which byte of the `.bin` beside it its values begin, and how many
bytes they are; OpenVINO maps the file and builds tensors over it.

**Proven**: each constant's size is what its type and shape come to, and none begins inside another
(two may be the same bytes: equal constants are stored once). How long the `.bin` must be is said as
an assumption, since it is a file of its own.

**Refuted**: a size that is not that of type and shape, or no plain offset and size.

**Undecided**: an element type that is not listed, constants that overlap, or a document that leads
elsewhere (`xml-self-contained`).

Sources: "Model Format" and "Element types" in OpenVINO's documentation; `ir_deserializer.cpp`.
"""

from probatum.claims import HEADER_SOUND
from probatum.formats.bounds import digest
from probatum.formats.openvino_constants import Wrong, constants, overlapping
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
    Witness,
)


@analyzer(id="openvino-header", claim=HEADER_SOUND, accepts={"openvino-xml"})
def openvino_header(artifact: Artifact, material: Material) -> Verdict:
    """Compare each constant's place with its type and shape, and with the other constants'."""
    try:
        found = constants(material)
    except Wrong as exc:
        return Refuted((Witness(exc.says, exc.place),))
    other = overlapping(found)
    if other is not None:
        says = f"the constant at byte {other.start} of the weights begins inside another"
        return Undecided(Reason.PARSER_DIFFERENTIAL, says, Place(line=other.line or None))
    needed = max((one.end for one in found), default=0)
    facts = {
        "size": material.size,
        "sha256": digest(material, 0, material.size),
        "constants": len(found),
        "weights": needed,
    }
    says = f"The file of weights beside it has at least {needed} bytes."
    return Proven(Certificate("openvino_constants", facts), (says,) if needed else ())

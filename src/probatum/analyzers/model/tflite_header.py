"""Decides whether the flatbuffer of a TFLite model is sound.

**Proven**: every table, vtable, vector and text lies inside the file, aligned; every slot of every
table is where its vtable may put it; no two parts overlap (one may be used twice, whole); every
tensor, buffer and operator code that is named by number exists; every constant tensor has the
bytes that its shape and type ask for; buffers kept behind the flatbuffer lie in the file. The
certificate binds every byte but the contents of buffers, which are never read.

**Refuted**: the first of these rules that is broken, with its byte.

**Undecided**: `unsupported` at a slot, union member, type or version that the schema here does
not know; `malformed` without the mark `TFL3`.

Sources: `schema.fbs` and `core/interpreter_builder.cc` of TensorFlow Lite; CVE-2020-15210,
CVE-2020-15211 (indices of tensors), CVE-2022-23558 to 23561 (sizes).
"""

from probatum.claims import HEADER_SOUND
from probatum.formats.bounds import Broken
from probatum.formats.tflite import survey
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Refuted, Verdict


@analyzer(id="tflite-header", claim=HEADER_SOUND, accepts={"tflite"})
def tflite_header(artifact: Artifact, material: Material) -> Verdict:
    """Proven where every offset and index is sound, refuted at the first that is not."""
    try:
        found = survey(material)
    except Broken as exc:
        return Refuted((exc.witness,))
    if found.doubt is not None:
        raise found.doubt
    facts = {
        "claim": HEADER_SOUND.id,
        "size": material.size,
        "skeleton": found.skeleton,
        "tables": found.tables,
        "operators": sorted({str(one) for one in found.operators}),
    }
    return Proven(Certificate("tflite", facts))

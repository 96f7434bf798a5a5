"""Decides whether the header of a safetensors file is sound.

**Proven**: the eight-byte length is at most 100 MB and inside the file; the header is one JSON
object with nothing but white space after it; no key stands twice; every tensor has exactly a
known dtype, a shape and two offsets; shape times dtype does not overflow 64 bits and is the span
of the offsets; sorted by offset the tensors lie end to end and fill the buffer, so none overlap
and no byte is unaccounted for; `__metadata__` maps strings to strings. The certificate binds the
header's bytes and the file's size.

**Refuted**: the first of these rules that is broken, with its byte and the bytes around it.

**Undecided**: `parser-differential` where readers see different headers (a key that stands twice,
half a surrogate pair, a NUL in a name, white space before the brace), `malformed` where the text
is not JSON or not UTF-8, `unsupported` at a key in an entry that the format does not know,
`truncated` where not even a length is there.

Only the header is read: a file of any size costs the time of its header.

Sources: the format's description in the safetensors README; `read_metadata` and `validate` in
`safetensors/src/tensor.rs`; the format's security review by Trail of Bits, 2023.
"""

from probatum.claims import HEADER_SOUND
from probatum.formats.bounds import Broken, digest
from probatum.formats.safetensors import header
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Refuted, Verdict


@analyzer(id="safetensors-header", claim=HEADER_SOUND, accepts={"safetensors"})
def safetensors_header(artifact: Artifact, material: Material) -> Verdict:
    """Proven where every rule of the format holds, refuted at the first that does not."""
    try:
        found = header(material)
    except Broken as exc:
        return Refuted((exc.witness,))
    facts = {
        "claim": HEADER_SOUND.id,
        "size": material.size,
        "header": found.stop,
        "sha256": digest(material, 0, found.stop),
        "tensors": len(found.tensors),
    }
    return Proven(Certificate("safetensors", facts))

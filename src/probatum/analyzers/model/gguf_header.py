"""Decides whether the header of a GGUF file is sound.

**Proven**: versions 1 to 3 (big-endian: 3); both counts, every string and every array lie inside
the file, all sums done without overflow; no metadata key and no tensor name stands twice; every
value type exists; `general.alignment`, if there, is a power of two from 8; every tensor has at
most four dimensions, a known type, rows that are whole blocks, a size below 2^63 elements, an
aligned offset, and bytes inside the file that no other tensor shares. The certificate binds the
header's bytes and the file's size.

**Refuted**: the first of these rules that is broken, with its byte and the bytes around it.

**Undecided**: `parser-differential` where loaders disagree (a key or name that stands twice, a
NUL in one, a tensor without elements), `unsupported` at a version or tensor type that is not
known here, and at arrays of arrays; `over-limit` beyond a million entries or 256 MiB of header.

The tensors are never read. What the architecture's own hyperparameters ask for is not part of
the claim: whether `llama.block_count` fits the tensors is for the loader to say.

Sources: `docs/gguf.md` of ggml; `ggml/src/gguf.cpp` of llama.cpp; CVE-2024-21802, CVE-2024-21825,
CVE-2024-21836, CVE-2024-23496, CVE-2024-23605 (TALOS-2024-1912 to 1916); CVE-2024-25664 to 25668
(Databricks, 2024); CVE-2025-53630.
"""

from probatum.claims import HEADER_SOUND
from probatum.formats.bounds import Broken, digest
from probatum.formats.gguf import header
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Refuted, Verdict


@analyzer(id="gguf-header", claim=HEADER_SOUND, accepts={"gguf"})
def gguf_header(artifact: Artifact, material: Material) -> Verdict:
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
        "entries": len(found.metadata),
        "tensors": len(found.tensors),
    }
    return Proven(Certificate("gguf", facts))

"""Decides whether loading a GGUF file can run anything its author chose.

The format has no place for code that runs on loading: metadata, a directory of tensors, and
their bytes. So the claim is **Proven** on the same facts as `gguf-header`. A chat template in
the metadata is code that runs when a conversation is rendered, by some programs already when the
model is opened: it is an artifact of its own, judged for `template-inert`.

**Undecided**: where the header is not sound, or loaders differ on it, for the reason that
`gguf-header` shows in full: a header that leads out of bounds has run code in loaders before
(see the CVEs there). Nothing is ever refuted here.

A file that is one part of several (`split.count` above 1) makes llama.cpp open its siblings,
whose names follow from its own name and not from its content; that is said as an assumption.

Sources: `docs/gguf.md` of ggml; `llama_model_loader` of llama.cpp; CVE-2024-34359 (a template
rendered without a sandbox by llama-cpp-python).
"""

from collections.abc import Iterator

from probatum.claims import LOAD_INERT
from probatum.formats.bounds import digest
from probatum.formats.gguf import Header, header, number
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Verdict


@analyzer(id="gguf-load", claim=LOAD_INERT, accepts={"gguf"})
def gguf_load(artifact: Artifact, material: Material) -> Verdict:
    """Proven where the header is sound; a broken header leaves it undecided (FormatError)."""
    found = header(material)
    facts = {
        "claim": LOAD_INERT.id,
        "size": material.size,
        "header": found.stop,
        "sha256": digest(material, 0, found.stop),
        "entries": len(found.metadata),
        "tensors": len(found.tensors),
    }
    return Proven(Certificate("gguf", facts), tuple(_assumptions(material, found)))


def _assumptions(material: Material, found: Header) -> Iterator[str]:
    yield "The file is loaded by a reader that follows the GGUF format."
    if "tokenizer.chat_template" in found.metadata:
        yield "Its chat template is judged as an artifact of its own, for template-inert."
    parts = number(material, found, "split.count") or 0
    if parts > 1:
        yield f"The loader opens the other {parts - 1} parts beside this one too."

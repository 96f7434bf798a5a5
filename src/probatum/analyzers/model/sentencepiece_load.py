"""Decides whether loading a SentencePiece model (`tokenizer.model`, `spiece.model`) runs anything.

The file is one protocol buffer: the pieces of the vocabulary with their scores, how they were
trained, and how text is normalised (a table of replacements). The loader builds tries of these. The
paths among the training options are not opened again.

**Proven**: the message is well formed and read alike by every parser, with the fields of
SentencePiece's own schema only, and each piece is text with a score and a known type.

**Undecided**: a field that is not known here (the schema leaves room for extensions), a piece that
is no text, or bytes that protobuf readers take differently.

Sources: `src/sentencepiece_model.proto` and `src/sentencepiece_processor.cc` of sentencepiece 0.2.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.bounds import digest
from probatum.formats.sentencepiece import pieces
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Verdict


@analyzer(id="sentencepiece-load", claim=LOAD_INERT, accepts={"sentencepiece"})
def sentencepiece_load(artifact: Artifact, material: Material) -> Verdict:
    """Walk every piece and every field around them."""
    facts = {
        "pieces": pieces(material),
        "size": material.size,
        "sha256": digest(material, 0, material.size),
    }
    return Proven(Certificate("sentencepiece", facts))

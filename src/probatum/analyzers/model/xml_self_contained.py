"""Decides whether an OpenVINO or PMML document makes its parser open anything else.

**Proven**: the XML is well-formed UTF-8 without document type declarations of its own, without
XInclude and without processing instructions; every element is one of the format's own; a PMML
document locates no table elsewhere and holds an Extension only where it describes itself. A
schema that is named by `xsi:schemaLocation` is a name and not fetched: said as an assumption, like
the `.bin` file of weights that OpenVINO opens beside its XML, under the same name.

**Refuted**: an external DTD, an external entity, an XInclude, with its line.

**Undecided**: `parser-differential` where a DTD declares anything (internal entities may expand
without end, attributes may get defaults), `unresolved` at instructions and extensions that are
for another program, `unsupported` for encodings other than UTF-8, `over-limit` beyond 256 MiB or
500 levels.

Sources: XML 1.0 2.8 and 4.2; XInclude 1.1; PMML 4.4.1; OpenVINO's "Model Format".
"""

from collections.abc import Callable

from probatum.claims import SELF_CONTAINED
from probatum.formats import openvino, pmml
from probatum.formats.bounds import digest
from probatum.formats.xml import Outside
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Refuted, Verdict

_ASSUMED = {
    "pmml": ("No parser fetches the schemas that the document names.",),
    "openvino-xml": ("The file of weights beside it, of the same name, is what it should be.",),
}
_SURVEYS: dict[str, Callable[[Material], pmml.Survey | openvino.Survey]] = {
    "pmml": pmml.survey,
    "openvino-xml": openvino.survey,
}


@analyzer(id="xml-self-contained", claim=SELF_CONTAINED, accepts={"openvino-xml", "pmml"})
def xml_self_contained(artifact: Artifact, material: Material) -> Verdict:
    """Proven where nothing in the document leads elsewhere."""
    try:
        found = _SURVEYS[artifact.kind](material)
    except Outside as exc:
        return Refuted((exc.witness,))
    if found.odd is not None:
        return found.odd
    facts = {
        "claim": SELF_CONTAINED.id,
        "kind": artifact.kind,
        "size": material.size,
        "sha256": digest(material, 0, material.size),
        "elements": found.elements,
    }
    return Proven(Certificate("xml", facts), _ASSUMED[artifact.kind])

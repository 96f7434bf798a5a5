"""Decides whether loading a PMML document can run anything its author chose.

PMML describes models and transformations; its functions are built in or defined in the document
by other functions. An evaluator may take any other function's name for a class to load.

**Proven**: the document leads nowhere else (`xml-self-contained`), and every function that it
applies is one of PMML 4.4's own or defined in the document; every element is one of PMML 4.4
(`rules/pmml_elements.toml`), the cells of an inline table aside.

**Refuted**: an external DTD or entity or an XInclude: parsing opens what the author chose.

**Undecided**: `missing-summary` names a function that is neither (JPMML loads a name with dots as
a Java class); `unresolved` at an Extension, whose meaning is its vendor's.

Sources: PMML 4.4.1, "Built-in functions" and "Extension Mechanism"; JPMML-Evaluator's README.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.bounds import digest
from probatum.formats.pmml import survey
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


@analyzer(id="pmml-load", claim=LOAD_INERT, accepts={"pmml"})
def pmml_load(artifact: Artifact, material: Material) -> Verdict:
    """Proven where every function is PMML's own or the document's."""
    try:
        found = survey(material)
    except Outside as exc:
        return Refuted((exc.witness,))
    for name, place in found.calls:
        says = f"what the function {name[:120]!r} does is not known"
        return Undecided(Reason.MISSING_SUMMARY, says, place)
    if found.odd is not None:
        return found.odd
    facts = {
        "claim": LOAD_INERT.id,
        "kind": "pmml",
        "size": material.size,
        "sha256": digest(material, 0, material.size),
        "elements": found.elements,
    }
    assumption = "No parser fetches the schemas that the document names."
    return Proven(Certificate("xml", facts), (assumption,))

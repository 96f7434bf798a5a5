"""Decides whether XML from outside is read with external entities or style sheets.

`lxml.etree.XSLT`, `xml.sax` and parsers that resolve entities read files and addresses that the
document names; before its version 5, lxml resolves them unless its parser is told not to.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: `resolve_entities=False, no_network=True`, `XSLTAccessControl.DENY_ALL`,
defusedxml.

Sources: CWE-611; CVE-2025-6985.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_EXTERNAL_ENTITIES = Claim(
    "no-external-entities",
    "No document from outside is read by a parser that follows its references.",
)


@analyzer(id="no-external-entities", claim=NO_EXTERNAL_ENTITIES, accepts={"python-project"})
def no_external_entities(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-external-entities", material)

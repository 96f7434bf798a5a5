"""Decides whether text from outside, a model's answer above all, is run as Python.

`eval`, `exec`, `compile`, `runpy`, an interpreter object: a model that was told to answer with an
expression answers with whatever its prompt talked it into.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: a parser of the language that is meant (`ast.literal_eval`, `json.loads`),
a table of operations.

Sources: CWE-94, CWE-95; CVE-2023-29374, CVE-2023-36258.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_CODE_INJECTION = Claim("no-code-injection", "No value from outside is run as Python code.")


@analyzer(id="no-code-injection", claim=NO_CODE_INJECTION, accepts={"python-project"})
def no_code_injection(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-code-injection", material)

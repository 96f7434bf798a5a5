"""Decides whether a configuration, a request or a model chooses what is imported.

`importlib.import_module(config["module"])` imports any module there is, and what is looked up in
it is mostly called next.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: a table of the classes that may be named; a fixed package in front of the
name.

Sources: CWE-470; CVE-2025-1550, CVE-2025-64439.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_UNSAFE_REFLECTION = Claim(
    "no-unsafe-reflection", "No value from outside chooses the module or class that is imported."
)


@analyzer(id="no-unsafe-reflection", claim=NO_UNSAFE_REFLECTION, accepts={"python-project"})
def no_unsafe_reflection(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-unsafe-reflection", material)

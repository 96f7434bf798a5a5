"""Decides whether text from outside is put into an SQL statement.

A value formatted, joined or added into the text that `execute` and the like are given; and a
whole statement that a model or a request brings.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: parameters (`execute(statement, values)`); names only from a list of known
ones.

Sources: CWE-89; CVE-2025-67644, CVE-2023-36189.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_SQL_INJECTION = Claim(
    "no-sql-injection", "No value from outside becomes part of the text of an SQL statement."
)


@analyzer(id="no-sql-injection", claim=NO_SQL_INJECTION, accepts={"python-project"})
def no_sql_injection(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-sql-injection", material)

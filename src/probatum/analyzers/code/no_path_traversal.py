"""Decides whether a name from outside leaves the folder that it is joined to.

`os.path.join(folder, name)` and `folder / name` go wherever `name` says, with `..` or an absolute
path. A test of the text (`startswith`, a pattern that lets `..` through) is tried against known
attacks and counts only if it stops them; one for `..` behind `abspath`, which leaves none, does
not.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: resolve both, then `is_relative_to` or `commonpath`; a bare file name by
`os.path.basename`.

Sources: CWE-22; CVE-2024-3571, CVE-2023-6021.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_PATH_TRAVERSAL = Claim(
    "no-path-traversal",
    "No value from outside names a file behind a base folder without being held inside it.",
)


@analyzer(id="no-path-traversal", claim=NO_PATH_TRAVERSAL, accepts={"python-project"})
def no_path_traversal(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-path-traversal", material)

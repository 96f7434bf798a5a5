"""Decides whether the members of an archive can be written outside of its folder.

`TarFile.extractall` without a filter follows names with `..`, absolute names and links. A filter
of names alone stops no link. A check of each member is tried with one that is named as the folder
beside is, and with a link: what lets one of them through guards nothing.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: `filter="data"` (Python 3.12, PEP 706); a filter that looks at names and at
links.

Sources: CWE-22; PEP 706; CVE-2025-8406, CVE-2024-5187.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_ARCHIVE_TRAVERSAL = Claim(
    "no-archive-traversal",
    "No archive from outside is unpacked beyond the folder it is unpacked into.",
)


@analyzer(id="no-archive-traversal", claim=NO_ARCHIVE_TRAVERSAL, accepts={"python-project"})
def no_archive_traversal(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-archive-traversal", material)

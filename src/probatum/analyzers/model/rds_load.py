"""Decides whether reading a serialised R object (`.rds`, `.RData`) runs anything.

R's reader only builds values, with four exceptions that this page is about: a promise that is
not kept yet runs its expression when the value is first touched (CVE-2024-27322, R before
4.4.0), an active binding runs its function when the value is read, a compact vector of a
memory-mapped class opens a file, and the name of a package's name space or environment loads that
package.

- **Proven**: every item was walked, and none is one of these. Calls, functions and their byte code
  may be among the values (a fitted `lm` keeps its formula): they are returned, not run, and are the
  matter of `data-shaped`. R attaches some packages of its own before it reads anything: their names
  load nothing, which the finding says as an assumption. `check/rds_file.py` walks the file again.
- **Refuted**: an unkept promise of a call, or a memory-mapped vector, at its byte.
- **Undecided**: another package, an active binding, a compact class of another package; a
  workspace (`RDX3`) with functions, since `load` binds each to a name its author chose.

Sources: R Internals 1.8; src/main/serialize.c; src/library/base/R/load.R; CVE-2024-27322.
"""

from probatum.claims import LOAD_INERT
from probatum.formats import rds
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Refuted, Undecided, Verdict


@analyzer(id="rds-load", claim=LOAD_INERT, accepts={"rds"})
def rds_load(artifact: Artifact, material: Material) -> Verdict:
    """Walks every item and looks for what runs while it is read or first touched."""
    found = rds.walked(material)
    if found.effects:
        return Refuted(found.effects)
    if found.open:
        return found.open[0]
    if found.workspace and found.code:
        first = found.code[0]
        detail = f"load() binds what it reads to names of the author's choice: {first.says}"
        return Undecided(Reason.UNRESOLVED, detail, first.place)
    facts = {
        "claim": LOAD_INERT.id,
        "size": material.size,
        "items": found.items,
        "structure_sha256": found.structure_sha256,
    }
    says = f"R attaches {', '.join(found.packages)} before it reads anything, as it does by default"
    return Proven(Certificate("rds_file", facts), (says,) if found.packages else ())

"""Decides whether a serialised R object (`.rds`, `.RData`) is data alone.

- **Proven**: every item was walked; there are vectors, lists, strings, environments and objects
  of these, and no function, call, expression, promise, pointer or byte code.
  `check/rds_file.py` walks the file again.
- **Refuted**: a function, call or expression among the values, at its byte. That is how R keeps
  a fitted model's formula, so an honest model is often refuted here and proven by `rds-load`.
- **Undecided**: what `rds-load` leaves undecided.

Source: R Internals 1.8 "Serialization formats".
"""

from probatum.claims import DATA_SHAPED
from probatum.formats import rds
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Refuted, Verdict


@analyzer(id="rds-data", claim=DATA_SHAPED, accepts={"rds"})
def rds_data(artifact: Artifact, material: Material) -> Verdict:
    """Walks every item and looks for code among the values."""
    found = rds.walked(material)
    if found.code:
        return Refuted(found.code)
    if found.effects:
        return Refuted(found.effects)
    if found.open:
        return found.open[0]
    facts = {
        "claim": DATA_SHAPED.id,
        "size": material.size,
        "items": found.items,
        "structure_sha256": found.structure_sha256,
    }
    says = f"R attaches {', '.join(found.packages)} before it reads anything, as it does by default"
    return Proven(Certificate("rds_file", facts), (says,) if found.packages else ())

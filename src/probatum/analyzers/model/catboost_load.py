"""Says that what a CatBoost model (`.cbm`) makes its reader do is not decided here.

The file is a FlatBuffers table that only CatBoost's C++ reads, with parts whose layout is not
published. Nothing in it is known to be called; nobody here has shown that it is not.

- **Proven**, **Refuted**: never.
- **Undecided**: always.

Source: catboost/libs/model/flatbuffers/model.fbs.
"""

from probatum.claims import LOAD_INERT
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Reason, Undecided, Verdict


@analyzer(id="catboost-load", claim=LOAD_INERT, accepts={"catboost"})
def catboost_load(artifact: Artifact, material: Material) -> Verdict:
    """Names the missing fact: what CatBoost's own C++ reader does with these bytes."""
    return Undecided(Reason.OPAQUE, "only CatBoost's own C++ reads this format in full")

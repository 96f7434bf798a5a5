"""Decides whether loading an XGBoost model (JSON or UBJSON) runs anything.

XGBoost's own formats hold numbers and names of built-in parts; nothing in them is called. What
is left is the C++ that reads them: it follows child and category indices as the file gives them.

- **Proven**: the file is of the published schema, and every tree holds together: arrays of one
  length, children that form a tree, features and categories that exist.
  `check/xgboost_model.py` reads it again.
- **Refuted**: never; nothing in the format runs by itself.
- **Undecided**: a model that does not hold together (its reader could leave its memory), keys or
  boosters of a later schema, leaves that are vectors.

Sources: xgboost doc/model.schema, src/tree/tree_model.cc, src/common/json.cc (3.2).
"""

import hashlib

from probatum.claims import LOAD_INERT
from probatum.errors import FormatError
from probatum.formats import ubjson, xgboost_model
from probatum.formats.bounds import region
from probatum.formats.strict_json import LARGEST, parsed
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Verdict

ASSUMPTIONS = ("XGBoost's C++ reads a file of its own schema without memory errors",)


@analyzer(id="xgboost-load", claim=LOAD_INERT, accepts={"xgboost-json", "xgboost-ubj"})
def xgboost_load(artifact: Artifact, material: Material) -> Verdict:
    """Reads the whole model and checks that each tree holds together."""
    if material.size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"a model of more than {LARGEST} bytes")
    data = region(material, 0, material.size)
    text = artifact.kind == "xgboost-json"
    found = xgboost_model.checked(parsed(data, "the model") if text else ubjson.parsed(data))
    facts = {
        "form": "json" if text else "ubjson",
        "size": material.size,
        "sha256": hashlib.sha256(data).hexdigest(),
        "trees": found.trees,
        "nodes": found.nodes,
    }
    return Proven(Certificate("xgboost_model", facts), ASSUMPTIONS)

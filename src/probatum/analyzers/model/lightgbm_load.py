"""Decides whether loading a LightGBM text model runs anything.

The text holds numbers and the name of a built-in objective; the parameters at its end are kept
and not acted upon. What is left is the C++ that reads it: it follows sizes, children and category
bounds as the text gives them.

- **Proven**: every line up to the end of the trees is known, `tree_sizes` leads from tree to
  tree, each array is as long as its tree, every node and leaf is a child exactly once, and
  features and categories exist. `check/lightgbm_text.py` reads it again.
- **Refuted**: never; nothing in the format runs by itself.
- **Undecided**: a model that does not hold together, linear trees, unknown lines.

Sources: LightGBM src/boosting/gbdt_model_text.cpp, src/io/tree.cpp (4.6).
"""

import hashlib

from probatum.claims import LOAD_INERT
from probatum.errors import FormatError
from probatum.formats import lightgbm_text
from probatum.formats.bounds import region
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Verdict

LARGEST = 256 << 20
ASSUMPTIONS = ("LightGBM's C++ reads a model that holds together without memory errors",)


@analyzer(id="lightgbm-load", claim=LOAD_INERT, accepts={"lightgbm-text"})
def lightgbm_load(artifact: Artifact, material: Material) -> Verdict:
    """Reads the whole model and checks that each tree holds together."""
    if material.size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"a model of more than {LARGEST} bytes")
    data = region(material, 0, material.size)
    found = lightgbm_text.checked(data)
    facts = {
        "size": material.size,
        "sha256": hashlib.sha256(data).hexdigest(),
        "trees": found.trees,
        "leaves": found.leaves,
    }
    return Proven(Certificate("lightgbm_text", facts), ASSUMPTIONS)

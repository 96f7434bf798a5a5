"""Decides whether a Torch7 file (`.t7`) returns data alone.

- **Proven**: the whole file was walked, with tensors, storages and the modules of torch/nn only,
  and no function. `check/torch7_file.py` walks it again.
- **Refuted**: Lua byte code that comes back as a function, at its byte.
- **Undecided**: a class whose reading nobody has reviewed; the ASCII form.

Source: github.com/torch/torch7 File.lua.
"""

from probatum.claims import DATA_SHAPED
from probatum.formats import torch7
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Refuted, Verdict


@analyzer(id="torch7-data", claim=DATA_SHAPED, accepts={"torch7"})
def torch7_data(artifact: Artifact, material: Material) -> Verdict:
    """Walks every object and looks for functions among them."""
    found = torch7.walked(material)
    if found.functions:
        return Refuted(found.functions)
    facts = {
        "size": material.size,
        "objects": found.objects,
        "structure_sha256": found.structure_sha256,
    }
    return Proven(Certificate("torch7_file", facts))

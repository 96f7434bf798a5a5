"""Decides whether `torch.load` of a Torch7 file (`.t7`) runs anything.

Torch7's reader fills tables, tensors and objects of classes that the loading program already
has; a class may bring a `read` of its own. Functions travel as Lua byte code: `loadstring` makes
them functions again, without running them, but Lua does not verify byte code.

- **Proven**: the whole file was walked, with tensors, storages and the modules of torch/nn only,
  and no function. `check/torch7_file.py` walks it again.
- **Refuted**: never; the reader itself calls nothing that the file carries.
- **Undecided**: Lua byte code (loading it is not running it, but LuaJIT can be corrupted by
  forged code); a class whose `read` nobody has reviewed; the ASCII form.

Source: github.com/torch/torch7 File.lua.
"""

from probatum.claims import LOAD_INERT
from probatum.formats import torch7
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Undecided, Verdict

ASSUMPTIONS = ("the nn modules of the loading program are those that torch/nn published",)


@analyzer(id="torch7-load", claim=LOAD_INERT, accepts={"torch7"})
def torch7_load(artifact: Artifact, material: Material) -> Verdict:
    """Walks every object and looks for byte code."""
    found = torch7.walked(material)
    if found.functions:
        first = found.functions[0]
        detail = f"{first.says}; loading it does not run it, nor does Lua verify it"
        return Undecided(Reason.UNRESOLVED, detail, first.place)
    facts = {
        "size": material.size,
        "objects": found.objects,
        "structure_sha256": found.structure_sha256,
    }
    return Proven(Certificate("torch7_file", facts), ASSUMPTIONS)

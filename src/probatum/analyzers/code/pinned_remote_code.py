"""Decides whether the code of a model repository runs in whatever state it is in today.

`trust_remote_code=True` downloads Python files and runs them, `torch.hub.load` with
`trust_repo=True` too. Without a commit as `revision` (40 hexadecimal digits; a branch or tag can be
moved) whoever can write to the repository, now or later, chooses what runs. A default of True
counts, of a parameter that others may leave out, a field or an option; so does the value in
`model_kwargs={"trust_remote_code": True}`.

**Refuted** with the call, and where the value was said if that is elsewhere. **Undecided** where
the revision is not known, where the switch stands under a condition that may be the user's own wish
(it is named), or where nothing was found and a word stands in the code by which it could be done.
**Proven** where no such word does. Not refuted: what a caller passes through a parameter that is
False by default, a folder of this machine, and what only tests run.

What to write instead: `revision="<commit>"` beside it, or False and a model whose classes the
library has.

Sources: CWE-494; https://huggingface.co/docs/transformers/custom_models;
https://pytorch.org/docs/stable/hub.html.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

PINNED_REMOTE_CODE = Claim(
    "pinned-remote-code", "No code of a model repository is run here but that of a fixed commit."
)


@analyzer(id="pinned-remote-code", claim=PINNED_REMOTE_CODE, accepts={"python-project"})
def pinned_remote_code(artifact: Artifact, material: Material) -> Verdict:
    """Look at the constants that every switch of this kind, and its revision, may be given."""
    return verdict("pinned-remote-code", material)

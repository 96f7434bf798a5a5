"""Stands for the review of code that no project covers, so that this code is seen.

The Python files and notebooks of a folder are judged together, as an artifact of kind
`python-project`, and are not asked this one by one. Those that lie in an archive, come from an
address or from standard input, and scripts and stubs without the name of a module, are.

Always **Undecided(not-analysed)**: Python sources, notebooks and the like hold whatever their
author wrote, and nothing here has read them. They run when somebody imports or starts them, or
when a configuration names them (`no-remote-code`) and its loader is told to trust it. Read them
as you would any program, and accept them in the policy by their digest.
"""

from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Reason, Undecided, Verdict

CODE_REVIEWED = Claim("code-reviewed", "This code does what its documentation says and no more.")


@analyzer(id="code-reviewed", claim=CODE_REVIEWED, accepts={"python", "notebook"})
def code_reviewed(artifact: Artifact, material: Material) -> Verdict:
    """Say that nobody has read it."""
    what = "a notebook" if artifact.kind == "notebook" else "source code"
    detail = f"{what} of {material.size} bytes that was not read: review it, or do not run it"
    return Undecided(Reason.NOT_ANALYSED, detail)

"""Stands for the review of source code by a person, so that code is seen.

Always **Undecided(not-analysed)**: Python sources, notebooks and the like hold whatever their
author wrote, and what they are for nobody here can tell. They run when somebody imports or starts
them, or when a configuration names them (`no-remote-code`) and its loader is told to trust it.
Read them as you would any program, and accept them in the policy by their digest.

The Python files and notebooks of a folder, an archive or a repository on a hub are asked this once,
as the artifact of kind `python-project` that they are together; what other claims say of the
project they say of all of them. One by one are asked those of other layouts and of standard input,
and scripts and stubs without the name of a module.
"""

from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Reason, Undecided, Verdict

CODE_REVIEWED = Claim("code-reviewed", "This code does what its documentation says and no more.")

_WHAT = {"notebook": "a notebook", "python-project": "a project's code"}


@analyzer(
    id="code-reviewed",
    claim=CODE_REVIEWED,
    accepts={"python", "notebook", "python-project", "jupyter-config"},
)
def code_reviewed(artifact: Artifact, material: Material) -> Verdict:
    """Say that nobody has read it."""
    what = _WHAT.get(artifact.kind, "source code")
    detail = f"{what} of {material.size} bytes that nobody has read: review it, or do not run it"
    return Undecided(Reason.NOT_ANALYSED, detail)

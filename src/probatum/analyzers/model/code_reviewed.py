"""Stands for the review of source code by a person, so that code is seen.

Always **Undecided(not-analysed)**: Python sources, notebooks and the like hold whatever their
author wrote, and what they are for nobody here can tell. They run when somebody imports or starts
them, or when a configuration names them (`no-remote-code`) and its loader is told to trust it.
Read them as you would any program, and accept them in the policy by their digest. Of a project, the
files that could not be read, and that no other claim's rules saw, are named here.

The Python files and notebooks of a folder, an archive or a repository on a hub are asked this once,
as the artifact of kind `python-project` that they are together; what other claims say of the
project they say of all of them. One by one are asked those of other layouts and of standard input,
and scripts and stubs without the name of a module.
"""

from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Reason, Undecided

CODE_REVIEWED = Claim("code-reviewed", "This code does what its documentation says and no more.")

_WHAT = {"notebook": "a notebook", "python-project": "a project's code"}
_MOST_NAMED = 50


@analyzer(
    id="code-reviewed",
    claim=CODE_REVIEWED,
    accepts={"python", "notebook", "python-project", "jupyter-config"},
)
def code_reviewed(artifact: Artifact, material: Material) -> Undecided:
    """Say that nobody has read it, and of a project, what no rule has seen."""
    what = _WHAT.get(artifact.kind, "source code")
    detail = f"{what} of {material.size} bytes that nobody has read: review it, or do not run it"
    if artifact.kind == "python-project":
        detail += _unseen(material)
    return Undecided(Reason.NOT_ANALYSED, detail)


def _unseen(material: Material) -> str:
    from probatum.taint.verdicts import unread  # the engine: not for a file alone

    unseen = [
        f"{one.file}{f':{one.line}' if one.line else ''} ({one.why})" for one in unread(material)
    ]
    if not unseen:
        return ""
    more = f", and {len(unseen) - _MOST_NAMED} more" if len(unseen) > _MOST_NAMED else ""
    return f"; no rule has seen {', '.join(unseen[:_MOST_NAMED])}{more}"

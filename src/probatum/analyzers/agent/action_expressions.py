"""Decides whether an action made of steps pastes what it is handed into a shell.

An expression in `run` is put into the script before a shell reads it: a title with a quote in it is
a command there. Who raises the event, and what the inputs hold, is for the workflow that uses the
action to say. Hence it is never refuted.

- **Undecided**: an outsider's text, or an input, is pasted into a shell, a script or a prompt; or
  no such place was found, which shows nothing of what the steps themselves fetch.

Write instead: `env: {TITLE: "${{ inputs.title }}"}` and `"$TITLE"` in the script.

Sources: `rules/agent/workflows.toml`; CWE-94;
docs.github.com/en/actions/concepts/security/script-injections.
"""

import re
from collections.abc import Iterator

from probatum.claims import NO_UNTRUSTED_PROMPT
from probatum.errors import FormatError
from probatum.formats import yaml_nodes
from probatum.formats.nodes import Mapping, Scalar, items
from probatum.formats.workflow_rules import texts
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Place, Reason, Undecided, Verdict

_EXPRESSION = re.compile(r"\$\{\{([^{}]{1,500})\}\}")
_INPUT = re.compile(r"\binputs\s*(?:\.|\[)")
_SAYS = (
    "is pasted into a script: whether an outsider decides it is for the workflow that uses this "
    "action to say; hand it over as a variable"
)
_GIVEN = ("script", "prompt", "direct_prompt")


@analyzer(id="action-expressions", claim=NO_UNTRUSTED_PROMPT, accepts={"github-action"})
def action_expressions(artifact: Artifact, material: Material) -> Verdict:
    """Look at what each step pastes into its script."""
    if material.size > yaml_nodes.LARGEST:
        says = f"more than {yaml_nodes.LARGEST} bytes, which are not all read"
        raise FormatError(Reason.OVER_LIMIT, says)
    data = b"".join(material.read(at, 1 << 20) for at in range(0, material.size, 1 << 20))
    found = yaml_nodes.documents(data)
    root = found[0] if len(found) == 1 else None
    if not isinstance(root, Mapping):
        raise FormatError(Reason.MALFORMED, "no mapping")
    for says, place in sorted(_pasted(root), key=lambda one: "input" in one[0]):
        return Undecided(Reason.UNRESOLVED, says, place)
    says = "no expression that its caller decides was found in a script, which shows nothing"
    return Undecided(Reason.NOT_ANALYSED, says)


def _pasted(root: Mapping) -> Iterator[tuple[str, Place]]:
    for step in items(root.get("runs", "steps")):
        scripts = [step.get("run")] if isinstance(step, Mapping) else []
        scripts += [step.get("with", one) for one in _GIVEN if isinstance(step, Mapping)]
        for script in scripts:
            for found in _EXPRESSION.finditer(script.text) if isinstance(script, Scalar) else ():
                said = found[1].strip()[:80]
                whose = next((says for says, each in texts() if each.search(found[1])), "")
                if not whose and _INPUT.search(found[1]):
                    whose = "an input"
                if whose and isinstance(script, Scalar):
                    yield f"{said} ({whose}) {_SAYS}", script.place

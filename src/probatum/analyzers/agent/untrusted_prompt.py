"""Decides whether a workflow hands what outsiders write to a shell, or to an agent that can act.

Anyone may open an issue, comment, and propose a change. GitHub runs some workflows for that with
the repository's secrets and a token that may write. A title that is pasted into `run:` is a command
there; in the prompt of an agent it is an order, and no quoting and no variable in between helps.

- **Proven**: no event is named that an outsider raises. `check/workflow.py` looks for their names.
- **Refuted**: under such an event, an outsider's text, their code, or what an agent made of it,
  reaches a shell, a script, or the prompt of an agent with tools, in a job that holds a secret or a
  token that writes, and every condition over it is one that an outsider can make true. The witness
  is the way, step by step.
- **Undecided**: a condition that is not understood, a step that looks up somebody's rights, an
  environment that may ask for approval, an agent with limited tools, a token whose rights are a
  setting; what only a caller decides; and where no way was found, which is no proof.

Understood as guards: the author's association, compared with OWNER, MEMBER and COLLABORATOR, of
the one who raised the event; comparisons of the actor; of the head's repository with this one;
events that only writers raise; actions that check the actor's rights by themselves.

What to write instead: a condition such as `contains(fromJSON('["OWNER","MEMBER"]'),
github.event.comment.author_association)`; `permissions: {}` and no secrets in jobs that read what
outsiders write; an agent without a shell, whose answer a second job handles as data.

Sources: `rules/agent/workflows.toml`, where each row names its own; OWASP LLM01:2025; CWE-94.
"""

from msgspec.structs import replace

from probatum.claims import NO_UNTRUSTED_PROMPT
from probatum.errors import FormatError
from probatum.formats.agent_evidence import decided, witness
from probatum.formats.workflow import workflow
from probatum.formats.workflow_flow import Reached, reached
from probatum.formats.workflow_rules import events
from probatum.formats.yaml_nodes import LARGEST
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Reason, Step, Undecided, Verdict, Witness


@analyzer(id="untrusted-prompt", claim=NO_UNTRUSTED_PROMPT, accepts={"github-workflow"})
def untrusted_prompt(artifact: Artifact, material: Material) -> Verdict:
    """Follow what each event brings through the jobs."""
    if material.size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {LARGEST} bytes, which are not all read")
    data = b"".join(material.read(at, 1 << 20) for at in range(0, material.size, 1 << 20))
    found = workflow(data)
    sure: list[Witness] = []
    open: list[Undecided] = []
    told = set()
    for one in reached(found):
        if one.doubt:
            open.append(Undecided(Reason.UNRESOLVED, f"{one.says}; but {one.doubt}", one.place))
        elif (one.says, one.place) not in told:
            told.add((one.says, one.place))
            sure.append(_witness(one, data))
    for event, place in found.events.items():
        if event in events() | events("weak_event"):
            says = f"no way from {event!r} to a shell or an agent was found, which shows nothing"
            open.append(Undecided(Reason.NOT_ANALYSED, says, place))
    return decided("no-untrusted-prompt", data, sure, open, checker="workflow")


def _witness(one: Reached, data: bytes) -> Witness:
    steps = tuple(Step(each.says, each.place) for each in one.way.steps)
    return replace(witness(one.says, one.place, data), steps=steps)

"""Decides whether a skill, a command or an agent is allowed everything by its own settings.

Before the text stand settings (`---`): the tools that it uses without being asked, and how a
subagent asks. Who takes a skill over approves its text, and its settings with it.

- **Proven**: no settings stand before the text, or none that speaks of permissions or hooks.
  `check/front_matter.py` reads them again.
- **Refuted**: `allowed-tools` with a whole shell, an interpreter or every tool; a `permissionMode`
  that never asks.
- **Undecided**: other settings of that kind, of which it is not known what they allow.

Sources: `rules/agent/permissions.toml`; code.claude.com/docs/en/skills (allowed-tools), /sub-agents
(permissionMode).
"""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from probatum.claims import NO_BLANKET_PERMISSION
from probatum.formats.agent_evidence import decided, witness
from probatum.formats.front_matter import read
from probatum.formats.nodes import Mapping, Scalar, items
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Verdict

_LISTS = ("allowed-tools", "allowed_tools", "allowedTools")
_MODES = ("permissionMode", "permission-mode", "permission_mode")
_TOOL = re.compile(r"[^\s,()]+(?:\([^()]*\))?")


@analyzer(id="front-matter-permission", claim=NO_BLANKET_PERMISSION, accepts={"agent-rules"})
def front_matter_permission(artifact: Artifact, material: Material) -> Verdict:
    """Look at every tool that is allowed, and at the mode."""
    data, front = read(material)
    sure = [witness(says, one.place, data) for says, one in _too_wide(front)]
    return decided("no-blanket-permission", data, sure, (), checker="front_matter")


def _too_wide(front: Mapping | None) -> Iterator[tuple[str, Scalar]]:
    for entry in front.entries if front is not None else ():
        values = [one for one in (entry.value, *items(entry.value)) if isinstance(one, Scalar)]
        for value in values:
            if entry.key.text in _MODES and value.text == "bypassPermissions":
                yield f"{value.text}: no use of a tool is asked about; write default", value
            for tool in _TOOL.findall(value.text) if entry.key.text in _LISTS else ():
                if tool in _wide():
                    says = f"{tool} is allowed without asking: a program that runs whatever it is"
                    yield f"{says} given, or every file; write Bash(git diff:*) or the like", value


@cache
def _wide() -> frozenset[str]:
    """What `permissions.toml` says of `allow`: whole shells, interpreters, every file."""
    text = files("probatum.rules").joinpath("agent/permissions.toml").read_text("utf-8")
    rows = [row for row in tomllib.loads(text)["permission"] if "allow" in row.get("keys", ())]
    return frozenset(value for row in rows for value in row["values"])

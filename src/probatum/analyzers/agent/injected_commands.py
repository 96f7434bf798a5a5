"""Decides whether a text for an agent runs what it fetches, or tools in whatever version there is.

A skill or a command can run commands before a model reads it: `` !`git status` `` puts their output
in its place; and hooks in its settings run by themselves. Nobody is asked about these twice.

- **Proven**: no such command and no hook stands in the text. `check/front_matter.py` looks
  again.
- **Refuted**: one hands what it fetches to a shell, or starts a tool that is fetched in whatever
  version there is on the day.
- **Undecided**: any other command: what it fetches is not known.

Commands in the prose, which an agent runs only if it is told to and asks first, are not meant.

Sources: `rules/agent/launchers.toml`; code.claude.com/docs/en/skills (dynamic context); CWE-494.
"""

import shlex

from probatum.claims import PINNED_TOOLS
from probatum.formats.agent_config import Server, Word
from probatum.formats.agent_evidence import decided, witness
from probatum.formats.front_matter import commands, read
from probatum.formats.launchers import Start, started
from probatum.formats.shell_downloads import downloads
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Place, Reason, Undecided, Verdict, Witness


@analyzer(id="injected-commands", claim=PINNED_TOOLS, accepts={"agent-rules"})
def injected_commands(artifact: Artifact, material: Material) -> Verdict:
    """Look at every command that runs by itself."""
    data, front = read(material)
    sure: list[Witness] = []
    open: list[Undecided] = []
    for line, place in commands(data, front):
        says = next((said for _, said in downloads(line)), "") or _newest(line, place)
        if says:
            sure.append(witness(f"what is fetched is run, whatever it is: {says}", place, data))
        else:
            what = f"a command that runs by itself: what it fetches is not known ({line[:60]})"
            open.append(Undecided(Reason.UNRESOLVED, what, place))
    return decided("pinned-tools", data, sure, open, checker="front_matter")


def _newest(line: str, place: Place) -> str:
    """What is said of a tool that is started in whatever version; empty where none is."""
    try:
        words = tuple(Word(word, place) for word in shlex.split(line))
    except ValueError:
        return ""
    found = started(Server("", place, words, ())) if words else ()
    return next((one.says for one in found if one.start == Start.OPEN), "")

"""Decides whether an agent's configuration starts its tools in versions that stay as they are.

`npx -y some-server` fetches, at every start, whatever its author published last: a tool that was
read and approved can be another one tomorrow.

- **Proven**: each server is reached by an address, or is started by npx, uvx, pipx or docker from
  one whole version or digest, or is a file or module of this machine that an interpreter is given.
  `check/agent_config.py` reads the document again. Assumed: what a package depends on is its own
  affair, and the registry keeps what it published.
- **Refuted**: a tool without a version, at `@latest` or a range, at no fixed commit, an image
  without a tag; or a line that fetches something and hands it to a shell.
- **Undecided**: a version that a variable sets, a tag of an image (its registry can move it), a
  program of which it is not known what it fetches.

Sources: `rules/agent/launchers.toml`; modelcontextprotocol.io, "Security Best Practices" (local
servers); CWE-494.
"""

from probatum.claims import PINNED_TOOLS
from probatum.formats.agent_config import document, servers
from probatum.formats.agent_evidence import decided, witness
from probatum.formats.launchers import Start, started
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Reason, Undecided, Verdict

_ASSUMED = (
    "registries keep what they published; what a package depends on is its own affair",
    "what is installed on the machine fetches nothing by itself",
)


@analyzer(id="pinned-tools", claim=PINNED_TOOLS, accepts={"agent-config"})
def pinned_tools(artifact: Artifact, material: Material) -> Verdict:
    """Follow each command line to the tool that it names."""
    data, node = document(material)
    sure, open = [], []
    for server in servers(node):
        for one in started(server):
            place = one.word.place
            if one.start == Start.OPEN:
                says = f"{server.name}: {one.says}; write {one.instead}"
                sure.append(witness(says, place, data))
            elif one.start == Start.UNKNOWN:
                says = f"{server.name}: {one.says}"
                open.append(Undecided(Reason.UNRESOLVED, says, place))
    return decided("pinned-tools", data, sure, open, _ASSUMED)

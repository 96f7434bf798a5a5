"""Decides whether a build or a script runs what it fetches, whatever it is by then.

`curl … | sh` runs what the address answers on the day, to whoever asks: what was read once need not
be what runs.

- **Refuted**: each line that hands what it fetches to a shell.
- **Undecided**: no such line was found. That shows nothing: what is installed by other means, or
  fetched and run in two lines, is not followed.

Write instead: fetch a file of one version, compare its digest, then run it; or `COPY --from` an
image with a digest.

Sources: CWE-494; `formats/shell_downloads.py`.
"""

from probatum.claims import PINNED_TOOLS
from probatum.errors import FormatError
from probatum.formats.agent_evidence import witness
from probatum.formats.bounds import utf8
from probatum.formats.shell_downloads import downloads
from probatum.formats.yaml_nodes import Spots
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Reason, Refuted, Undecided, Verdict

_LARGEST = 1 << 20
_MOST = 100


@analyzer(
    id="pinned-downloads",
    claim=PINNED_TOOLS,
    accepts={"dockerfile", "launcher", "makefile", "shell-script"},
)
def pinned_downloads(artifact: Artifact, material: Material) -> Verdict:
    """Look at every pipe into a shell."""
    if material.size > _LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {_LARGEST} bytes, which are not all read")
    data = material.read(0, material.size)
    text = utf8(data)
    spots = Spots(text)
    found = []
    for at, said in downloads(text):
        line = text[text.rfind("\n", 0, at) + 1 : at]
        if not line.lstrip().startswith("#"):
            says = f"what is fetched is run, whatever it is by then: {said}"
            found.append(witness(says, spots.place(at), data))
    if found:
        return Refuted(tuple(found[:_MOST]))
    says = "nothing that is fetched is handed to a shell unseen; what else it installs is not told"
    return Undecided(Reason.NOT_ANALYSED, says)

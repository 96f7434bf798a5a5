"""Decides whether a workflow, or an action made of steps, uses others' actions in one version.

An action runs with the job's token and secrets. Whoever may push to its repository can move a tag
or a branch to other code, as happened to `tj-actions/changed-files` (CVE-2025-30066).

- **Refuted**: somebody else's action at a tag or a branch, an image without a digest, a line that
  hands what it fetches to a shell.
- **Undecided**: actions of `actions` and `github`, whose tags GitHub keeps; what an expression
  names; and where nothing of that was found, since what steps install themselves is not followed.

Write instead: `owner/action@` and the 40 digits of a commit, with the version as a comment behind.

Sources: docs.github.com/en/actions/reference/security/secure-use (Using third-party actions);
CWE-494, CWE-1357.
"""

import re
from collections.abc import Iterator

from probatum.claims import PINNED_TOOLS
from probatum.errors import FormatError
from probatum.formats import yaml_nodes
from probatum.formats.agent_evidence import witness
from probatum.formats.nodes import Mapping, Node, Scalar, walk
from probatum.formats.shell_downloads import downloads
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Place, Reason, Refuted, Undecided, Verdict

_COMMIT = re.compile(r"[^@\s]+@[0-9a-f]{40}")
_DIGEST = re.compile(r"docker://\S+@sha256:[0-9a-f]{64}")
_OWN = frozenset({"actions", "github"})
_MOST = 100


@analyzer(id="pinned-actions", claim=PINNED_TOOLS, accepts={"github-workflow", "github-action"})
def pinned_actions(artifact: Artifact, material: Material) -> Verdict:
    """Look at every `uses`, and at every line of a shell."""
    if material.size > yaml_nodes.LARGEST:
        says = f"more than {yaml_nodes.LARGEST} bytes, which are not all read"
        raise FormatError(Reason.OVER_LIMIT, says)
    data = b"".join(material.read(at, 1 << 20) for at in range(0, material.size, 1 << 20))
    sure, open = [], []
    for says, place, is_sure in (
        one for document in yaml_nodes.documents(data) for one in _told(document)
    ):
        if is_sure:
            sure.append(witness(says, place, data))
        else:
            open.append(Undecided(Reason.UNRESOLVED, says, place))
    if sure:
        return Refuted(tuple(sure[:_MOST]))
    says = "every action is named by a commit; what steps install by themselves is not followed"
    return open[0] if open else Undecided(Reason.NOT_ANALYSED, says)


def _told(document: Node) -> Iterator[tuple[str, Place, bool]]:
    """What is wrong, where, and whether it is sure."""
    for _, node in walk(document):
        if not isinstance(node, Mapping):
            continue
        uses, run = node.get("uses"), node.get("run")
        if isinstance(uses, Scalar):
            yield from _used(uses)
        if isinstance(run, Scalar):
            for _, said in downloads(run.text):
                yield f"what is fetched is run, whatever it is by then: {said}", run.place, True


def _used(uses: Scalar) -> Iterator[tuple[str, Place, bool]]:
    text = uses.text.strip()
    if text.startswith(("./", "../", ".\\")) or _COMMIT.fullmatch(text) or _DIGEST.fullmatch(text):
        return
    if "${{" in text:
        yield f"which action this is an expression says: {text[:80]}", uses.place, False
    elif text.partition("/")[0].lower() in _OWN:
        yield f"{text[:80]}: GitHub can move the tag", uses.place, False
    else:
        says = f"{text[:80]} is whatever its owner's tag or branch names on the day"
        yield f"{says}; write its commit", uses.place, True

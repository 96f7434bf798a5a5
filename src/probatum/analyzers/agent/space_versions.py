"""Decides whether a Space is built from versions that stay as they are.

The hub builds a Space anew whenever it is restarted or changed, and takes what is newest then
wherever its README names no version.

- **Proven**: the SDK is static, or Gradio or Streamlit in one whole version, and nothing is fetched
  before the start. `check/space_card.py` reads the front matter again. What the Space's own
  `requirements.txt` and code fetch is judged there.
- **Refuted**: Gradio or Streamlit without a version; a model in `preload_from_hub` without a
  commit.
- **Undecided**: a version that is not whole; `sdk: docker`, whose Dockerfile decides.

Source: huggingface.co/docs/hub/spaces-config-reference (`sdk_version`, `preload_from_hub`).
"""

import re

from probatum.claims import PINNED_TOOLS
from probatum.formats.agent_evidence import decided, witness
from probatum.formats.nodes import Mapping, items, text
from probatum.formats.space_card import card
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Place, Reason, Undecided, Verdict, Witness

_WHOLE = re.compile(r"\d+\.\d+\.\d+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@analyzer(id="space-versions", claim=PINNED_TOOLS, accepts={"space-card"})
def space_versions(artifact: Artifact, material: Material) -> Verdict:
    """Look at the SDK's version, and at each model that is fetched before the start."""
    data, front = card(material)
    sdk = (text(front.get("sdk")) or "").lower()
    sure: list[Witness] = []
    open: list[Undecided] = []
    if sdk in ("gradio", "streamlit"):
        _version(sdk, front, data, sure, open)
    elif sdk != "static":
        says = f"what a Space of {sdk[:40]!r} is built from stands in its Dockerfile"
        open.append(Undecided(Reason.OUTSIDE_TARGET, says, _place(front, "sdk")))
    for one in items(front.get("preload_from_hub")):
        words = (text(one) or "").split()
        if not words or not _COMMIT.fullmatch(words[-1]):
            says = f"{' '.join(words)[:80]!r} is fetched as it is then; add files and a commit"
            sure.append(witness(says, one.place, data))
    return decided("pinned-tools", data, sure, open, checker="space_card")


def _version(
    sdk: str, front: Mapping, data: bytes, sure: list[Witness], open: list[Undecided]
) -> None:
    version = text(front.get("sdk_version")) or ""
    place = _place(front, "sdk_version" if version else "sdk")
    if version in ("", "latest"):
        says = f"{sdk} in whatever version is newest; write sdk_version: 1.2.3"
        sure.append(witness(says, place, data))
    elif not _WHOLE.fullmatch(version):
        says = f"sdk_version {version[:40]!r}: is it one version?"
        open.append(Undecided(Reason.UNRESOLVED, says, place))


def _place(front: Mapping, key: str) -> Place:
    found = front.get(key)
    return front.place if found is None else found.place

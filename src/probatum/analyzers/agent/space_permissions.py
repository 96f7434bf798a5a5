"""Decides whether a Space asks those who sign in for more than it could need.

With `hf_oauth` a Space gets a token of whoever signs in, with the rights in `hf_oauth_scopes`:
whoever changes the Space, or breaks into it, has them too.

- **Proven**: it asks nobody to sign in. `check/space_card.py` reads the front matter again.
- **Refuted**: it asks for the right to write to, or to manage, all repositories of a person.
- **Undecided**: other rights, of which it is not known what they are for.

Source: huggingface.co/docs/hub/spaces-oauth (scopes).
"""

from probatum.claims import NO_BLANKET_PERMISSION
from probatum.formats.agent_evidence import decided, witness
from probatum.formats.nodes import boolean, items, text
from probatum.formats.space_card import card
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Reason, Undecided, Verdict, Witness

_ALL = {
    "write-repos": "writes to every repository of who signs in",
    "manage-repos": "creates, changes and deletes every repository of who signs in",
}


@analyzer(id="space-permissions", claim=NO_BLANKET_PERMISSION, accepts={"space-card"})
def space_permissions(artifact: Artifact, material: Material) -> Verdict:
    """Look at the rights that it asks for."""
    data, front = card(material)
    sure: list[Witness] = []
    open: list[Undecided] = []
    for one in items(front.get("hf_oauth_scopes")):
        right = text(one) or ""
        if right in _ALL:
            says = f"{right}: {_ALL[right]}; ask for read-repos, or for nothing"
            sure.append(witness(says, one.place, data))
    asked = front.get("hf_oauth")
    if asked is not None and boolean(asked) is not False:
        says = "who signs in hands it a token: what for is not known"
        open.append(Undecided(Reason.UNRESOLVED, says, asked.place))
    return decided("no-blanket-permission", data, sure, open, checker="space_card")

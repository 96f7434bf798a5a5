"""Decides whether a text for an agent says something that a page made from it leaves out.

Rules and skills are reviewed as the page that a forge shows; an agent reads the file. A comment,
an unnamed link, or an element that a style hides stands in the one and not in the other.

- **Proven**: no comment but the directives that editing tools read, no declaration, no element
  with a style or an attribute by which it could be hidden, no picture (its words are not shown), no
  link with a title or without words, and none that is defined and not used.
  `check/shown_text.py` looks again.
- **Refuted**: what is left out tells an agent to disregard its rules, to keep something from the
  user, to pass on secrets, or to run what is fetched or decoded; the witness shows the words.
- **Undecided**: any other words that are left out, such as a note from one maintainer to another,
  and what stands in something that looks like code.

Sources: `rules/agent/instructions.toml`; CommonMark 0.31; HTML.
"""

from probatum.errors import FormatError
from probatum.formats.agent_evidence import decided
from probatum.formats.bounds import utf8
from probatum.formats.instructions import instruction, is_directive
from probatum.formats.unshown_text import Unshown, unshown
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Claim,
    Excerpt,
    Place,
    Reason,
    Undecided,
    Verdict,
    Witness,
)

NO_UNSHOWN_TEXT = Claim(
    "no-unshown-text",
    "Nothing in this text stands in a comment, or in markup that keeps it off a page.",
)
_MOST = 4 << 20
_STEP = 1 << 20
_SHOWN = 20


@analyzer(id="unshown-text", claim=NO_UNSHOWN_TEXT, accepts={"agent-rules"})
def unshown_text(artifact: Artifact, material: Material) -> Verdict:
    """Look at every comment and every element."""
    if material.size > _MOST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} bytes, which are not all read")
    data = b"".join(material.read(at, _STEP) for at in range(0, material.size, _STEP))
    text = utf8(data)
    found = sorted(
        (one for one in unshown(text) if not is_directive(one.words) or one.what != "a comment"),
        key=lambda one: one.at,
    )
    told = [(one, instruction(one.words, encoded=False)) for one in found if one.surely]
    witnesses = tuple(_witness(one, order, text, data) for one, order in told if order is not None)
    says = "{}: are these words for the agent? {!r}"
    open = [
        Undecided(Reason.UNRESOLVED, says.format(one.what, one.words[:120]), _place(one.at, text))
        for one in found[:1]
    ]
    return decided("no-unshown-text", data, witnesses[:_SHOWN], open, checker="shown_text")


def _witness(one: Unshown, order: str, text: str, data: bytes) -> Witness:
    place = _place(one.at, text)
    start = place.offset or 0
    excerpt = Excerpt(start, data[start : start + 160], text=True)
    return Witness(f"{one.what} {order}: {one.words[:200]!r}", place, (), excerpt)


def _place(at: int, text: str) -> Place:
    return Place(len(text[:at].encode()), text.count("\n", 0, at) + 1)

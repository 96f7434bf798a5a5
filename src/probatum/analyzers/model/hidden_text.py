"""Decides whether a model card, a text or a template says something that it does not show.

What a person reads and approves is not what a model or a compiler reads, where characters have no
picture: tags (U+E0000) and variation selectors spell whole sentences, bidirectional controls turn
text round (CVE-2021-42574), zero-width characters part and mark words, and control characters make
a terminal hide, colour or write over what stands there.

- **Proven**: UTF-8 in which every such character is part of writing: a mark at the start, joiners
  in emoji and between letters of scripts that need them (Arabic, Persian, the scripts of India),
  emoji selectors, a direction mark beside right-to-left letters, a soft hyphen in a word.
- **Refuted**: a bidirectional control, two or more characters that nobody sees in a row, or single
  ones that together spell words; the witness gives the place and, where it can be decoded, the
  hidden message.
- **Undecided**: one such character alone, isolates that a line of right-to-left writing opens and
  closes, characters for private use (fonts give them a picture, and tokenisers a meaning), and
  bytes that are not UTF-8.

Escapes (`\\u202e` in a template, entities in Markdown) are not hidden: a reader sees them. The
reader meant is one of the text itself: comments in Markdown, and what else a page made from it
leaves out, stand in it for all to see.

Sources: `formats/hidden_text.py`.
"""

import hashlib

from msgspec.structs import replace

from probatum.errors import FormatError
from probatum.formats import kinds_inventory as inventories
from probatum.formats.bounds import utf8
from probatum.formats.hidden_text import Hidden, hidden, scattered
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Excerpt,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

NO_HIDDEN_TEXT = Claim(
    "no-hidden-text", "Everything that this text says to a machine, it shows to a reader."
)
_MOST = 64 << 20
_STEP = 1 << 20
_SHOWN = 50


@analyzer(
    id="hidden-text",
    claim=NO_HIDDEN_TEXT,
    accepts={
        "markdown",
        "text",
        "chat-template",
        "agent-rules",
        "agent-config",
        "space-card",
        "dockerfile",
        "env-file",
        "systemd-unit",
        "mlflow-auth",
        "quadlet",
        "makefile",
        "procfile",
        *inventories.TEXT_FORMS,
        *inventories.SYSTEM_FORMS,
    },
)
def hidden_text(artifact: Artifact, material: Material) -> Verdict:
    """Look at every character without a picture, and at its neighbours."""
    if material.size > _MOST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} bytes, which are not all read")
    data = b"".join(material.read(at, _STEP) for at in range(0, material.size, _STEP))
    text = utf8(data)
    found = tuple(hidden(text))
    sure = [one for one in found if one.surely][:_SHOWN]
    if sure:
        return Refuted(tuple(_witness(one, text, data) for one in sure))
    message = scattered(found)
    if message:
        says = f"{len(found)} invisible characters between the others that spell {message!r}"
        return Refuted((_witness(replace(found[0], says=says), text, data),))
    if found:
        return Undecided(Reason.UNRESOLVED, found[0].says, _place(found[0], text))
    facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return Proven(Certificate("visible_text", facts))


def _place(one: Hidden, text: str) -> Place:
    return Place(len(text[: one.at].encode()), text.count("\n", 0, one.at) + 1)


def _witness(one: Hidden, text: str, data: bytes) -> Witness:
    place = _place(one, text)
    start = max(0, (place.offset or 0) - 20)
    return Witness(one.says, place, (), Excerpt(start, data[start : start + 80], text=True))

"""Decides whether a text for an agent holds words that only show when they are decoded.

A person who approves a file of rules reads what stands there; a model reads base64, hexadecimal
digits, percent and character escapes nearly as well as words, and does what they say.

- **Proven**: no part decodes to sixteen readable characters or more, and fewer than four letters
  are written as escapes. `check/plain_words.py` decodes again, from every place.
- **Refuted**: a block decodes to an order, a command line, or words that keep something from the
  user; the witness shows them, decoded as often as it takes.
- **Undecided**: a block decodes to words that no rule takes for an instruction (a token, a
  picture, somebody's example); they are shown.

Sources: `rules/agent/instructions.toml`; RFC 4648; OWASP LLM01:2025.
"""

import hashlib
from collections.abc import Iterator

from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.encoded_text import Block, blocks
from probatum.formats.instructions import instruction
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
    Step,
    Undecided,
    Verdict,
    Witness,
)

NO_ENCODED_INSTRUCTIONS = Claim(
    "no-encoded-instructions",
    "No part of this text is base64, hexadecimal, or percent or character escapes for words.",
)
_MOST = 4 << 20
_STEP = 1 << 20
_SHOWN = 20
_DEEPEST = 3


@analyzer(
    id="encoded-instructions",
    claim=NO_ENCODED_INSTRUCTIONS,
    accepts={"agent-rules", "agent-config", "markdown", "space-card"},
)
def encoded_instructions(artifact: Artifact, material: Material) -> Verdict:
    """Decode whatever can be decoded, and read it."""
    if material.size > _MOST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} bytes, which are not all decoded")
    data = b"".join(material.read(at, _STEP) for at in range(0, material.size, _STEP))
    text = utf8(data)
    found = sorted(blocks(text), key=lambda one: one.at)
    witnesses = tuple(_witnesses(found, text, data))[:_SHOWN]
    if witnesses:
        return Refuted(witnesses)
    for one in found:
        says = f"{one.encoding} for {one.words[:120]!r}: are these words for the agent?"
        return Undecided(Reason.UNRESOLVED, says, _place(one.at, text))
    facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return Proven(Certificate("plain_words", facts))


def _witnesses(found: list[Block], text: str, data: bytes) -> Iterator[Witness]:
    told = -1
    for one in found:
        if one.at < told:  # the same block from another place, or in another way
            continue
        for chain in _chains(one, 0):
            order = instruction(chain[-1].words, encoded=True)
            if order is None:
                continue
            told, place = one.end, _place(one.at, text)
            start = place.offset or 0
            excerpt = Excerpt(start, data[start : start + 120], text=True)
            steps = tuple(
                Step(f"{each.encoding} decodes to {each.words[:500]!r}", place) for each in chain
            )
            says = f"{chain[0].encoding} that {order}: {chain[-1].words[:200]!r}"
            yield Witness(says, place, steps, excerpt)
            break


def _chains(one: Block, depth: int) -> Iterator[tuple[Block, ...]]:
    """The block, and the blocks in what it decodes to."""
    yield (one,)
    if depth < _DEEPEST:
        for inner in blocks(one.words):
            for rest in _chains(inner, depth + 1):
                yield (one, *rest)


def _place(at: int, text: str) -> Place:
    return Place(len(text[:at].encode()), text.count("\n", 0, at) + 1)

"""Verdicts about a file of configuration: witnesses, else what is open, else a certificate."""

import hashlib
from collections.abc import Sequence
from importlib import import_module

from msgspec.structs import replace

from probatum.errors import Rejected
from probatum.formats.secret_text import masked
from probatum.vocabulary import (
    Certificate,
    Excerpt,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

_SHOWN = 100


def witness(says: str, place: Place, data: bytes, *, shown: bool = True) -> Witness:
    """A witness with the line that it stands in, unless that is not to be `shown`, or may hold a
    secret."""
    says = masked(says)
    if not shown or place.offset is None:
        return Witness(says, place)
    start = data.rfind(b"\n", 0, place.offset) + 1
    end = data.find(b"\n", place.offset)
    line = data[start : end if end >= 0 else len(data)]
    start = start if len(line) <= 160 else max(start, place.offset - 40)
    line = data[start : start + min(len(line), 160)]
    text = line.decode("utf-8", "replace")
    if len(line) == 160 or masked(text) != text:
        return Witness(says, place)
    return Witness(says, place, (), Excerpt(start, line, True))


def decided(
    claim: str,
    data: bytes,
    sure: Sequence[Witness],
    open: Sequence[Undecided],
    assumptions: tuple[str, ...] = (),
    checker: str = "agent_config",
) -> Verdict:
    """Refuted by what is `sure`; else undecided by the first that is `open`; else proven.

    That no rule finds anything proves nothing: what the checker cannot show stays undecided.
    """
    if sure:
        return Refuted(tuple(sure[:_SHOWN]))
    if open:
        return replace(open[0], detail=masked(open[0].detail))
    digest = hashlib.sha256(data).hexdigest()
    facts = {"claim": claim, "size": len(data), "sha256": digest}
    try:
        holds = import_module(f"probatum.check.{checker}").holds
        holds(facts, lambda at, length: data[at : at + length], len(data))
    except Rejected as exc:
        says = (
            f"no rule speaks against it, and it is not plain enough to be shown: {masked(str(exc))}"
        )
        return Undecided(Reason.UNRESOLVED, says)
    return Proven(Certificate(checker, facts), assumptions)

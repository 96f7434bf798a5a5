"""The verdict on one claim about a project's code, from the flows that a review finds."""

import ast
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from probatum.check import entry_points
from probatum.check.entry_points import Ways
from probatum.formats import python_project
from probatum.formats.bounds import digest
from probatum.ports import Material
from probatum.taint.entries import entries, ways_into
from probatum.taint.mentions import claims
from probatum.taint.project import Unread
from probatum.taint.properties import rows
from probatum.taint.review import Flow, Review, digests_of, review
from probatum.taint.walks import Walks
from probatum.vocabulary import (
    Certificate,
    Entries,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

_MOST = 200
"""Witnesses told of one claim: a project with more has no use for the rest yet."""
_NOT_WHOLE = "not all of the project could be read"
_ASSUMED = (
    "no other code on the import path makes these calls on this code's behalf",
    "nothing outside of this project replaces what its names mean",
)


def verdict(claim: str, material: Material) -> Verdict:
    """Whether a value from outside reaches a call that `claim`, an id, is about.

    Raises: FormatError if the project cannot be read.
    """
    found, walked, ways = _reviewed(material)
    judged = _of_project(claim, material, found, walked)
    if isinstance(judged, Proven) or claim not in entry_points.claims():
        return judged
    if isinstance(ways, str):
        return replace(judged, entries=Entries((), unknown=ways))
    flows = [flow for flow in found.flows if flow.claim == claim]
    told = [flow for flow in flows if flow.guard or not walked.of(flow)[1]]
    return replace(judged, entries=entries(claim, told, ways, material))


def _of_project(claim: str, material: Material, found: Review, walked: Walks) -> Verdict:
    flows = [flow for flow in found.flows if flow.claim == claim]
    open_flows = _open(found, claim)
    if open_flows:
        return _walked(open_flows, walked)
    if flows:
        return _guarded(flows)
    left_out = python_project.left_out(material)
    if found.unread or left_out:
        return _unread(found, left_out)
    named = walked.mentioned.get(claim)
    if named is not None:
        return Undecided(
            Reason.UNRESOLVED,
            _nothing_found(claim, named.word.removeprefix("import ")),
            Place(part=named.file, line=named.line),
        )
    facts = {"claim": claim, "size": material.size, "sha256": digest(material, 0, material.size)}
    return Proven(Certificate("no_sinks", facts), _ASSUMED)


def unread(material: Material) -> tuple[Unread, ...]:
    """What of a project the review saw nothing of: files, or cells of notebooks, and why.

    Raises: FormatError if the project cannot be read.
    """
    left_out = (Unread(one.name, None, one.why) for one in python_project.left_out(material))
    return (*_reviewed(material)[0].unread, *left_out)


def _nothing_found(claim: str, word: str) -> str:
    if claim in rows.names():
        return (
            f"nothing was found, and that is no proof: `{word}` stands here, so that every value "
            "it works on would have to be resolved"
        )
    return (
        f"no path was found, and that is no proof: `{word}` is named here, so that every "
        "call on the way to such a call would have to be resolved"
    )


def _walked(flows: list[Flow], found: Walks) -> Verdict:
    """Refuted by the paths that the checker can walk again in the source; one that it cannot is
    not called a refutation. What is no path, but one call or setting, is told as it is."""
    witnesses: list[Witness] = []
    unwalked: list[tuple[Witness, str]] = []
    for flow in flows:
        told, why = found.of(flow)
        if why:
            unwalked.append((told, why))
        else:
            witnesses.append(told)
    if witnesses:
        return Refuted(tuple(witnesses))
    told, why = unwalked[0]
    detail = f"{told.says}, by a path that cannot be followed in the source: {why}"
    return Undecided(Reason.UNRESOLVED, detail, told.place)


def _guarded(flows: list[Flow]) -> Undecided:
    first = flows[0]
    more = f" (and {len(flows) - 1} more like it)" if len(flows) > 1 else ""
    return Undecided(
        Reason.UNRESOLVED,
        f"{first.source} reaches `{first.says}` only if `{first.guard}`: whether that stops an "
        f"attacker is not known{more}",
        Place(part=first.file, line=first.line),
    )


def _unread(found: Review, left_out: tuple[python_project.LeftOut, ...]) -> Undecided:
    if not found.unread:
        first = left_out[0]
        says = f"{first.name} is no part of what was read: {first.why}"
        return Undecided(Reason.OUTSIDE_TARGET, says, Place(part=first.name))
    first_unread = found.unread[0]
    others = len(found.unread) - 1
    more = f" (and {others} more: code-reviewed names them)" if others else ""
    return Undecided(
        Reason.MALFORMED,
        f"not read: {first_unread.why}{more}",
        Place(part=first_unread.file, line=first_unread.line),
    )


def _open(found: Review, claim: str) -> list[Flow]:
    """The flows of a claim that nothing guards, as far as they are told."""
    return [flow for flow in found.flows if flow.claim == claim and not flow.guard][:_MOST]


def _reviewed(material: Material) -> tuple[Review, Walks, Ways | str]:
    if not (_last and _last[0][0] is material):
        with _uncollected():
            _last[:] = [_reviewed_anew(material)]
    return _last[0][1:]


def _reviewed_anew(material: Material) -> tuple[Material, Review, Walks, Ways | str]:
    keeper = material.keeper if isinstance(material, python_project.Packed) else None
    contents = dict(python_project.files(material))
    digests = digests_of(contents) if keeper is not None else None
    parsed: dict[str, ast.Module] = {}
    few = material.size <= entry_points.MOST
    found = review(contents.items(), keeper, digests, parsed if few else None)
    walked = Walks(material, contents, keeper, digests)
    walked.keep(flow for claim in sorted(claims()) for flow in _open(found, claim))
    whole = not found.unread and not python_project.left_out(material)
    return material, found, walked, ways_into(material, parsed) if whole else _NOT_WHOLE


@contextmanager
def _uncollected() -> Iterator[None]:
    """A review makes millions of objects and next to no cycles: a collector finds nothing, and
    looks for it for a tenth of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


_last: list[tuple[Material, Review, Walks, Ways | str]] = []
"""All claims of a project rest on the same review, so the last one is kept."""

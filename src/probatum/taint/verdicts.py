"""The verdict on one claim about a project's code, from the flows that a review finds."""

from probatum.check.code_ends import claims
from probatum.check.code_files import Project
from probatum.check.code_path import walks
from probatum.errors import Rejected
from probatum.formats import python_project
from probatum.formats.bounds import digest
from probatum.ports import Material
from probatum.taint.mentions import Mention, mentions
from probatum.taint.properties import rows
from probatum.taint.review import Flow, Review, review
from probatum.taint.telling import witness
from probatum.vocabulary import (
    Certificate,
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
_ASSUMED = (
    "no other code on the import path makes these calls on this code's behalf",
    "nothing outside of this project replaces what its names mean",
)


def verdict(claim: str, material: Material) -> Verdict:
    """Whether a value from outside reaches a call that `claim`, an id, is about.

    Raises: FormatError if the project cannot be read.
    """
    found, mentioned = _reviewed(material)
    flows = [flow for flow in found.flows if flow.claim == claim]
    open_flows = [flow for flow in flows if not flow.guard]
    if open_flows:
        return _walked(claim, open_flows, material)
    if flows:
        return _guarded(flows)
    left_out = python_project.left_out(material)
    if found.unread or left_out:
        return _unread(found, left_out)
    named = mentioned.get(claim)
    if named is not None:
        return Undecided(
            Reason.UNRESOLVED,
            _nothing_found(claim, named.word),
            Place(part=named.file, line=named.line),
        )
    facts = {"claim": claim, "size": material.size, "sha256": digest(material, 0, material.size)}
    return Proven(Certificate("no_sinks", facts), _ASSUMED)


def _nothing_found(claim: str, word: str) -> str:
    if claim in rows.names():
        return (
            f"nothing was found, and that is no proof: {word} stands here, so that every value it "
            "works on would have to be resolved"
        )
    return (
        f"no path was found, and that is no proof: {word} is named here, so that every "
        "call on the way to such a call would have to be resolved"
    )


def _walked(claim: str, flows: list[Flow], material: Material) -> Verdict:
    """Refuted by the paths that the checker can walk again in the source; one that it cannot is
    not called a refutation. What is no path, but one call or setting, is told as it is."""
    project = _project(material)
    if claim not in claims():
        return Refuted(tuple(witness(flow, project) for flow in flows[:_MOST]))
    witnesses: list[Witness] = []
    unwalked: list[tuple[Witness, str]] = []
    for flow in flows[:_MOST]:
        told = witness(flow, project)
        try:
            walks(told, claim, project)
        except Rejected as exc:
            unwalked.append((told, str(exc)))
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
    unread = found.unread[0]
    more = f" (and {len(found.unread) - 1} more files)" if len(found.unread) > 1 else ""
    return Undecided(
        Reason.MALFORMED, f"not read: {unread.why}{more}", Place(part=unread.file, line=unread.line)
    )


def _reviewed(material: Material) -> tuple[Review, dict[str, Mention]]:
    if not (_last and _last[0][0] is material):
        keeper = material.keeper if isinstance(material, python_project.Packed) else None
        found = review(python_project.files(material), keeper)
        _last[:] = [(material, found, mentions(python_project.files(material)))]
    return _last[0][1:]


_last: list[tuple[Material, Review, dict[str, Mention]]] = []
"""All claims of a project rest on the same review, so the last one is kept."""


def _project(material: Material) -> Project:
    """The files as the checker reads them, each once for all claims."""
    if not (_checked and _checked[0][0] is material):
        _checked[:] = [(material, Project(material.read, material.size))]
    return _checked[0][1]


_checked: list[tuple[Material, Project]] = []

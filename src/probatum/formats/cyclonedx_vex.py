"""Reads what a CycloneDX document says of vulnerabilities: a VEX, alone or within a bill.

What it calls otherwise than OpenVEX is taken for the nearest of its words. A vulnerability without
an analysis says nothing of whether it affects, and is no statement.

Source: cyclonedx.org/capabilities/vex; the schema's `vulnerabilities`.
"""

from collections.abc import Iterator
from typing import Any

from probatum.errors import FormatError
from probatum.formats.bills import Part
from probatum.formats.cyclonedx import bill
from probatum.formats.json_fields import Json, listed, mapping, text
from probatum.formats.vex import (
    AFFECTED,
    CODE_NOT_PRESENT,
    CODE_NOT_REACHED,
    FIXED,
    JUSTIFICATIONS,
    MITIGATED,
    NOT_AFFECTED,
    NOT_CONTROLLED,
    UNDER_INVESTIGATION,
    Statement,
)
from probatum.vocabulary import Reason

OWN = "probatum:"
_STATUSES = {
    "exploitable": AFFECTED, "in_triage": UNDER_INVESTIGATION, "not_affected": NOT_AFFECTED,
    "false_positive": NOT_AFFECTED, "resolved": FIXED, "resolved_with_pedigree": FIXED,
}  # fmt: skip
_JUSTIFICATIONS = {
    "code_not_present": CODE_NOT_PRESENT, "code_not_reachable": CODE_NOT_REACHED,
    "requires_configuration": NOT_CONTROLLED, "requires_dependency": NOT_CONTROLLED,
    "requires_environment": NOT_CONTROLLED, "protected_by_compiler": MITIGATED,
    "protected_at_runtime": MITIGATED, "protected_at_perimeter": MITIGATED,
    "protected_by_mitigating_control": MITIGATED,
}  # fmt: skip


def statements(value: Any) -> tuple[Statement, ...]:
    """What the document says. Raises: FormatError."""
    document = mapping(value, "the document")
    parts = {one.ref: one for one in bill(document).parts}
    author = _author(mapping(document.get("metadata"), "metadata"))
    made = text(mapping(document.get("metadata"), "metadata").get("timestamp"), "timestamp")
    return tuple(
        statement
        for one in listed(document.get("vulnerabilities"), "vulnerabilities")
        for statement in _stated(mapping(one, "a vulnerability"), parts, author, made)
    )


def _author(metadata: Json) -> str:
    """Who speaks: the first of the authors, or who made the document."""
    people = listed(metadata.get("authors"), "authors")
    maker = metadata.get("manufacturer") or metadata.get("manufacture") or metadata.get("supplier")
    return text(mapping(people[0] if people else maker, "an author").get("name"), "a name")


def _stated(one: Json, parts: dict[str, Part], author: str, made: str) -> Iterator[Statement]:
    analysis = mapping(one.get("analysis"), "analysis")
    state = text(analysis.get("state"), "state")
    if not state:
        return
    own = _own(one)
    justification = text(analysis.get("justification"), "justification")
    told = own.get("justification", "")
    names = [text(one.get("id"), "id")]
    for reference in listed(one.get("references"), "references"):
        names.append(text(mapping(reference, "a reference").get("id"), "id"))
    for affected in listed(one.get("affects"), "affects"):
        ref = text(mapping(affected, "what is affected").get("ref"), "ref")
        part = parts.get(ref)
        status = _STATUSES.get(state, "")
        says = text(analysis.get("detail"), "detail") or text(one.get("recommendation"), "text")
        if state == "false_positive" and not says:
            says = "a false positive"
        try:
            yield Statement(
                component=(part.purl or part.name) if part is not None else ref,
                vulnerabilities=tuple(dict.fromkeys(name for name in names if name)),
                status=status,
                justification=(
                    told if told in JUSTIFICATIONS else _JUSTIFICATIONS.get(justification, "")
                )
                if status == NOT_AFFECTED
                else "",
                says=says,
                evidence=own.get("certificate", ""),
                within=own.get("within", ""),
                author=author,
                made=text(analysis.get("lastUpdated"), "lastUpdated") or made,
            )
        except ValueError as exc:
            raise FormatError(Reason.MALFORMED, f"a vulnerability: {exc}") from exc


def _own(one: Json) -> dict[str, str]:
    """What only Probatum's own documents say."""
    found = {}
    for value in listed(one.get("properties"), "properties"):
        said = mapping(value, "a property")
        name = text(said.get("name"), "name")
        if name.startswith(OWN):
            found[name.removeprefix(OWN)] = text(said.get("value"), "value")
    return found

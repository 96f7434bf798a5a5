"""Reads OpenVEX, the versions from 0.0.1 to 0.2.0, whoever wrote it.

A product with subcomponents is spoken of as what holds them. What a statement leaves out it has
from its document. Source: github.com/openvex/spec, OPENVEX-SPEC.md (statement, data inheritance).
"""

import re
from collections.abc import Iterator
from typing import Any

from probatum.errors import FormatError
from probatum.formats.json_fields import Json, listed, mapping, text
from probatum.formats.vex import Statement
from probatum.vocabulary import Reason

CONTEXT = "https://openvex.dev/ns"
_EVIDENCE = re.compile(r"certificate (sha256:[0-9a-f]{64})\b")
_MOST = 1 << 20


def is_openvex(value: Any) -> bool:
    """Whether a JSON value says that it is a document of this format."""
    return isinstance(value, dict) and str(value.get("@context"))[: len(CONTEXT)] == CONTEXT


def statements(value: Any) -> tuple[Statement, ...]:
    """What the document says. Raises: FormatError."""
    document = mapping(value, "the document")
    found: list[Statement] = []
    for one in listed(document.get("statements"), "statements"):
        for statement in _stated(mapping(one, "a statement"), document):
            found.append(statement)
            if len(found) > _MOST:
                raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} statements")
    return tuple(found)


def _stated(one: Json, document: Json) -> Iterator[Statement]:
    names = _vulnerability(one.get("vulnerability"))
    notes = text(one.get("status_notes"), "status_notes")
    evidence = _EVIDENCE.search(notes)
    impact, action = (text(one.get(f"{key}_statement"), key) for key in ("impact", "action"))
    for component, within in _products(one):
        try:
            yield Statement(
                component=component,
                vulnerabilities=names,
                status=text(one.get("status"), "status"),
                justification=text(one.get("justification"), "justification"),
                says=impact or action or ("" if evidence else notes),
                evidence=evidence[1] if evidence else "",
                within=within,
                author=text(document.get("author"), "author"),
                made=text(one.get("timestamp") or document.get("timestamp"), "timestamp"),
            )
        except ValueError as exc:
            raise FormatError(Reason.MALFORMED, f"a statement: {exc}") from exc


def _vulnerability(value: Any) -> tuple[str, ...]:
    """The ids of the vulnerability; before 0.2.0 it was a text."""
    if isinstance(value, str):
        return (text(value, "a vulnerability"),)
    found = mapping(value, "a vulnerability")
    name = text(found.get("name"), "name")
    address = text(found.get("@id"), "@id").rstrip("/").rpartition("/")[2]
    others = [text(one, "an alias") for one in listed(found.get("aliases"), "aliases")]
    return tuple(dict.fromkeys(one for one in (name or address, *others) if one))


def _products(one: Json) -> Iterator[tuple[str, str]]:
    """Each component that is spoken of, and the product that holds it, if one is named."""
    shared = listed(one.get("subcomponents"), "subcomponents")  # where 0.0.x has them
    for product in listed(one.get("products"), "products"):
        whole = _identified(product)
        own = product.get("subcomponents") if isinstance(product, dict) else None
        inner = listed(own, "subcomponents") or shared
        if not inner:
            yield whole, ""
        for component in inner:
            yield _identified(component), whole


def _identified(value: Any) -> str:
    """The package URL of a product or component, or how else it is identified."""
    if isinstance(value, str):
        return text(value, "a product")
    found = mapping(value, "a product")
    identifiers = mapping(found.get("identifiers"), "identifiers")
    return text(identifiers.get("purl") or found.get("@id"), "a product")

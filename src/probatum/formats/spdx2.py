"""Reads a bill of materials in the JSON of SPDX 2.2 and 2.3, as other tools still write it.

Sources: spdx.github.io/spdx-spec/v2.3 (package, file and relationship information).
"""

from typing import Any

from probatum.errors import FormatError
from probatum.formats.bills import (
    APPLICATION,
    CONTAINS,
    DEPENDS_ON,
    FILE,
    LIBRARY,
    Bill,
    Link,
    Part,
)
from probatum.formats.json_fields import Json, listed, mapping, text
from probatum.vocabulary import Reason

_PURPOSES = {
    "APPLICATION": APPLICATION, "FRAMEWORK": "framework", "CONTAINER": "container", "FILE": FILE,
    "OPERATING-SYSTEM": "operating-system", "DEVICE": "device", "FIRMWARE": "firmware",
}  # fmt: skip
_NOTHING = ("", "NOASSERTION", "NONE")
_KINDS = {
    "CONTAINS": (CONTAINS, False), "CONTAINED_BY": (CONTAINS, True),
    "DEPENDS_ON": (DEPENDS_ON, False), "DEPENDENCY_OF": (DEPENDS_ON, True),
}  # fmt: skip


def is_spdx2(value: Any) -> bool:
    """Whether a JSON value says that it is a document of this format."""
    return isinstance(value, dict) and str(value.get("spdxVersion"))[:7] == "SPDX-2."


def bill(value: Any) -> Bill:
    """The bill that the document holds. Raises: FormatError."""
    document = mapping(value, "the document")
    parts: dict[str, Part] = {}
    for key, of in (("packages", _package), ("files", _file)):
        for one in listed(document.get(key), key):
            part = of(mapping(one, "a package or file"))
            if part.ref in parts:
                raise FormatError(Reason.PARSER_DIFFERENTIAL, f"{part.ref[:80]!r} stands twice")
            parts[part.ref] = part
    links, described = _related(document)
    made = mapping(document.get("creationInfo"), "creationInfo").get("created")
    return Bill(
        parts=tuple(parts.values()),
        links=tuple(one for one in links if one.of in parts and one.to in parts),
        main=next((one for one in described if one in parts), ""),
        made=text(made, "created"),
    )


def _related(document: Json) -> tuple[tuple[Link, ...], list[str]]:
    described = [
        text(one, "an id") for one in listed(document.get("documentDescribes"), "documentDescribes")
    ]
    links: dict[Link, None] = {}
    for value in listed(document.get("relationships"), "relationships"):
        one = mapping(value, "a relationship")
        of, to = text(one.get("spdxElementId"), "of"), text(one.get("relatedSpdxElement"), "to")
        kind = text(one.get("relationshipType"), "relationshipType")
        if kind == "DESCRIBES":
            described.append(to)
        elif kind in _KINDS:
            word, turned = _KINDS[kind]
            links[Link(to, word, of) if turned else Link(of, word, to)] = None
    return tuple(links), described


def _package(found: Json) -> Part:
    purpose = text(found.get("primaryPackagePurpose"), "a purpose")
    references = [mapping(one, "a reference") for one in listed(found.get("externalRefs"), "refs")]
    purls = [
        text(one.get("referenceLocator"), "a reference")
        for one in references
        if one.get("referenceType") == "purl"
    ]
    licenses = (text(found.get(key), key) for key in ("licenseDeclared", "licenseConcluded"))
    return Part(
        ref=text(found.get("SPDXID"), "SPDXID"),
        type=_PURPOSES.get(purpose, LIBRARY),
        name=text(found.get("name"), "a name"),
        version=text(found.get("versionInfo"), "versionInfo"),
        purl=purls[0] if purls else "",
        digests=_digests(found),
        licenses=tuple([one for one in licenses if one not in _NOTHING][:1]),
    )


def _file(found: Json) -> Part:
    return Part(
        ref=text(found.get("SPDXID"), "SPDXID"),
        type=FILE,
        name=text(found.get("fileName"), "fileName").removeprefix("./"),
        digests=_digests(found),
    )


def _digests(found: Json) -> tuple[str, ...]:
    all = [mapping(one, "a checksum") for one in listed(found.get("checksums"), "checksums")]
    pairs = ((text(one.get("algorithm"), "algorithm"), one.get("checksumValue")) for one in all)
    return tuple(f"{name.lower()}:{text(value, 'a checksum')}" for name, value in pairs)

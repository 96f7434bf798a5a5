"""Reads a bill of materials in SPDX 3's JSON-LD serialization, whoever wrote it.

Elements are taken in the order of the graph; agents, tools and licences are told by what refers to
them. Sources: spdx.github.io/spdx-spec/v3.0.1 (model, serializations).
"""

from typing import Any
from urllib.parse import unquote

from probatum.errors import FormatError
from probatum.formats.bills import (
    CONTAINS,
    DATA,
    DEPENDS_ON,
    DERIVED_FROM,
    FILE,
    MODEL,
    TRAINED_ON,
    Bill,
    Facts,
    Link,
    Model,
    Part,
)
from probatum.formats.cyclonedx import spot
from probatum.formats.json_fields import Json, listed, mapping, text
from probatum.vocabulary import Reason

_TYPES = {
    "ai_AIPackage": MODEL, "dataset_DatasetPackage": DATA, "software_File": FILE,
    "software_Package": "",
}  # fmt: skip
_PURPOSES = {
    "model": MODEL, "data": DATA, "operatingSystem": "operating-system",
    "deviceDriver": "device-driver",
    **{
        one: one
        for one in (
            "application", "library", "framework", "container", "platform", "device", "firmware",
            "file",
        )
    },
}  # fmt: skip
_KINDS = {
    "contains": CONTAINS, "dependsOn": DEPENDS_ON, "trainedOn": TRAINED_ON,
    "descendantOf": DERIVED_FROM,
}  # fmt: skip
_OWN = frozenset(
    f"probatum:{one}" for one in ("type", "version", "purl", "digest", "place", "external")
)
_MARK = "#part-"


def is_spdx3(value: Any) -> bool:
    """Whether a JSON value says that it is a document of this format."""
    if not isinstance(value, dict) or not isinstance(value.get("@graph"), list):
        return False
    return "spdx.org/rdf/3" in str(value.get("@context"))[:1000]


def bill(value: Any) -> Bill:
    """The bill that the document holds. Raises: FormatError."""
    graph = [
        mapping(one, "an element")
        for one in listed(mapping(value, "the document").get("@graph"), "@graph")
    ]
    licenses = {
        _id(one): _license(one) for one in graph if "icense" in text(one.get("type"), "type")
    }
    declared, links = _related(graph, licenses)
    parts: dict[str, Part] = {}
    for one in graph:
        if text(one.get("type"), "type") in _TYPES:
            part = _part(one, tuple(declared.get(_id(one), ())))
            if part.ref in parts:
                raise FormatError(Reason.PARSER_DIFFERENTIAL, f"{part.ref[:80]!r} stands twice")
            parts[part.ref] = part
    made = next(
        (text(one.get("created"), "created") for one in graph if one.get("type") == "CreationInfo"),
        "",
    )
    return Bill(
        parts=tuple(parts.values()),
        links=tuple(one for one in links if one.of in parts and one.to in parts),
        main=_main(graph, parts),
        made="" if made.startswith("1970-01-01T00:00:00") else made,
    )


def _id(element: Json) -> str:
    return text(element.get("spdxId") or element.get("@id"), "an element's id")


def _ref(id: str) -> str:
    """The reference of a part; for what Probatum wrote, the one that it had."""
    return unquote(id.partition(_MARK)[2]) if _MARK in id and "/probatum-" in id else id


def _main(graph: list[Json], parts: dict[str, Part]) -> str:
    for one in graph:
        if one.get("type") == "software_Sbom":
            roots = [
                _ref(text(id, "an id")) for id in listed(one.get("rootElement"), "rootElement")
            ]
            return next((ref for ref in roots if ref in parts), "")
    return ""


def _related(
    graph: list[Json], licenses: dict[str, str]
) -> tuple[dict[str, list[str]], tuple[Link, ...]]:
    """The licences that are declared for each id, and the links between parts."""
    declared: dict[str, list[str]] = {}
    links: dict[Link, None] = {}
    for one in graph:
        kind = one.get("relationshipType")
        if not isinstance(kind, str):
            continue
        of = text(one.get("from"), "from")
        to = [text(id, "to") for id in listed(one.get("to"), "to")]
        if kind == "hasDeclaredLicense":
            found = [licenses[id] for id in to if licenses.get(id)]
            declared.setdefault(of, []).extend(found)
        elif kind in _KINDS:
            links.update(dict.fromkeys(Link(_ref(of), _KINDS[kind], _ref(id)) for id in to))
    return declared, tuple(links)


def _license(element: Json) -> str:
    said = text(element.get("simplelicensing_licenseExpression"), "a licence")
    name = text(element.get("name"), "a name")
    return name if name and said.startswith("LicenseRef-") else said or name


def _part(element: Json, licenses: tuple[str, ...]) -> Part:
    properties = _properties(element)
    own = {name: value for name, value in properties if name in _OWN}
    purpose = text(element.get("software_primaryPurpose"), "software_primaryPurpose")
    type = _TYPES[element["type"]] or own.get("probatum:type") or _PURPOSES.get(purpose, "library")
    digests = [
        _digest(mapping(one, "a hash")) for one in listed(element.get("verifiedUsing"), "hashes")
    ]
    digests += [value for name, value in properties if name == "probatum:digest"]
    return Part(
        ref=_ref(_id(element)),
        type=type,
        name=text(element.get("name"), "a name"),
        version=text(element.get("software_packageVersion"), "a version")
        or own.get("probatum:version", ""),
        purl=text(element.get("software_packageUrl"), "a URL") or own.get("probatum:purl", ""),
        digests=tuple(one for one in digests if one),
        licenses=licenses,
        places=tuple(spot(value) for name, value in properties if name == "probatum:place"),
        facts=tuple(one for one in properties if one[0] not in _OWN),
        model=_model(element) if type == MODEL else None,
        external=own.get("probatum:external") == "true",
    )


def _digest(found: Json) -> str:
    algorithm = text(found.get("algorithm"), "algorithm").replace("_", "-")
    algorithm = algorithm.replace("blake2b", "blake2b-")
    value = text(found.get("hashValue"), "hashValue")
    return f"{algorithm}:{value}" if algorithm and value else ""


def _model(element: Json) -> Model | None:
    types = [text(one, "a type") for one in listed(element.get("ai_typeOfModel"), "ai_typeOfModel")]
    domains = [text(one, "a domain") for one in listed(element.get("ai_domain"), "ai_domain")]
    facts = [
        (text(one.get("key"), "key"), text(one.get("value"), "value"))
        for entry in listed(element.get("ai_hyperparameter"), "ai_hyperparameter")
        for one in [mapping(entry, "an entry")]
    ]
    if not (types or domains or facts):
        return None
    return Model(
        task=", ".join(domains),
        architecture=", ".join(types),
        family=next((value for key, value in facts if key == "family"), ""),
        facts=tuple(one for one in facts if one[0] != "family"),
    )


def _properties(element: Json) -> Facts:
    found = []
    for one in listed(element.get("extension"), "extension"):
        entries = listed(mapping(one, "an extension").get("extension_cdxProperty"), "properties")
        for entry in entries:
            said = mapping(entry, "a property")
            name = text(said.get("extension_cdxPropName"), "a property's name")
            found.append((name, text(said.get("extension_cdxPropValue"), "a property's value")))
    return tuple(found)

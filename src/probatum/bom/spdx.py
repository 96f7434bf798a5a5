"""Writes a bill as SPDX 3.0.1, in its JSON-LD serialization.

A model is an AI package, what it was trained on a dataset package; both are joined to their files
and to one another by relationships. What the model of SPDX has no field for stands in the extension
for properties that it shares with CycloneDX. The document's namespace is made of the content.

SPDX asks of every document when it was made. Where nobody says so, it is the first second of 1970.

Sources: spdx.github.io/spdx-spec/v3.0.1 (model, serializations); spdx.org/rdf/3.0.1.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from probatum import __version__
from probatum.bom.cyclonedx import placed
from probatum.bom.licenses import is_expression, is_known
from probatum.formats.bills import (
    CONTAINS,
    DATA,
    DEPENDS_ON,
    DERIVED_FROM,
    FILE,
    MODEL,
    TRAINED_ON,
    Bill,
    Model,
    Part,
)

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
NO_DATE = "1970-01-01T00:00:00Z"
_CLASSES = {MODEL: "ai_AIPackage", DATA: "dataset_DatasetPackage", FILE: "software_File"}
_PURPOSES = {
    MODEL: "model", DATA: "data", "application": "application", "library": "library",
    "framework": "framework", "container": "container", "platform": "platform",
    "operating-system": "operatingSystem", "device": "device", "firmware": "firmware",
    "device-driver": "deviceDriver",
}  # fmt: skip
_RELATIONSHIPS = {
    CONTAINS: "contains", DEPENDS_ON: "dependsOn", TRAINED_ON: "trainedOn",
    DERIVED_FROM: "descendantOf",
}  # fmt: skip
_ALGORITHMS = {
    "md5": "md5", "sha1": "sha1", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512",
    "sha3-256": "sha3_256", "sha3-384": "sha3_384", "sha3-512": "sha3_512",
    "blake2b-256": "blake2b256", "blake2b-384": "blake2b384", "blake2b-512": "blake2b512",
    "blake3": "blake3",
}  # fmt: skip
_NOT_IN_A_REFERENCE = re.compile(r"[^A-Za-z0-9.-]+")
_INFO = "_:creationinfo"
Json = dict[str, Any]


def written(bill: Bill) -> str:
    """The document. The same bill gives the same text."""
    draft = _graph(bill, "urn:draft#")
    content = hashlib.sha256(json.dumps(draft, sort_keys=True).encode()).hexdigest()
    name = uuid.uuid5(uuid.NAMESPACE_OID, content)
    graph = _graph(bill, f"https://spdx.org/spdxdocs/probatum-{name}#")
    whole = {"@context": CONTEXT, "@graph": graph}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _graph(bill: Bill, space: str) -> list[Json]:
    return list(_Teller(bill, space).graph())


class _Teller:
    def __init__(self, bill: Bill, space: str) -> None:
        self._bill = bill
        self._space = space

    def graph(self) -> Iterator[Json]:
        agent, tool = self._space + "Probatum", self._space + "Tool"
        yield {
            "type": "CreationInfo",
            "@id": _INFO,
            "specVersion": "3.0.1",
            "created": self._bill.made or NO_DATE,
            "createdBy": [agent],
            "createdUsing": [tool],
        }
        yield self._element("SoftwareAgent", agent, name="Probatum")
        yield self._element("Tool", tool, name=f"probatum {__version__}")
        told = [
            *(self._part(one) for one in self._bill.parts),
            *self._licenses(),
            *self._relationships(),
        ]
        ids = [str(one["spdxId"]) for one in told]
        main = [self._id(self._bill.main)] if self._bill.main else []
        sbom = self._space + "Sbom"
        profiles = ["core", "software", "simpleLicensing", "extension"]
        yield self._element(
            "SpdxDocument", self._space + "Document", rootElement=[sbom],
            profileConformance=profiles,
        )  # fmt: skip
        yield self._element(
            "software_Sbom", sbom, rootElement=main or ids[:1], element=ids,
            profileConformance=profiles, software_sbomType=["analyzed"],
        )  # fmt: skip
        yield from told

    def _id(self, ref: str) -> str:
        return f"{self._space}part-{quote(ref, safe='')}"

    def _element(self, type: str, id: str, **fields: object) -> Json:
        full = {key: value for key, value in fields.items() if value}
        return {"type": type, "spdxId": id, "creationInfo": _INFO} | full

    def _part(self, part: Part) -> Json:
        type = _CLASSES.get(part.type, "software_Package")
        made = self._element(type, self._id(part.ref), name=part.name)
        properties = list(part.facts)
        if type != "software_File":
            if part.version:
                made["software_packageVersion"] = part.version
            if part.purl:
                made["software_packageUrl"] = part.purl
        else:
            said = (("probatum:version", part.version), ("probatum:purl", part.purl))
            properties += [one for one in said if one[1]]
        if part.type in _PURPOSES:
            made["software_primaryPurpose"] = _PURPOSES[part.type]
        elif part.type not in _CLASSES:
            properties.append(("probatum:type", part.type))
        hashes = [one for one in part.digests if one.partition(":")[0] in _ALGORITHMS]
        if hashes:
            made["verifiedUsing"] = [_hash(one) for one in hashes]
        properties += [("probatum:digest", one) for one in part.digests if one not in hashes]
        properties += [("probatum:place", placed(one.location, one.line)) for one in part.places]
        if part.external:
            properties.append(("probatum:external", "true"))
        if part.type == MODEL and part.model is not None:
            made |= _of_model(part.model)
        if part.type == DATA:
            made["dataset_datasetType"] = ["noAssertion"]
        if properties:
            made["extension"] = [_extension(properties)]
        return made

    def _licenses(self) -> Iterator[Json]:
        """Each licence that is declared once, and whose it is."""
        number: dict[str, str] = {}
        for part in self._bill.parts:
            for one in part.licenses:
                if one not in number:
                    number[one] = f"{self._space}license-{len(number) + 1}"
                    yield self._license(number[one], one)
        for count, part in enumerate(one for one in self._bill.parts if one.licenses):
            yield self._element(
                "Relationship", f"{self._space}licensed-{count + 1}",
                **{"from": self._id(part.ref)}, relationshipType="hasDeclaredLicense",
                to=[number[one] for one in part.licenses],
            )  # fmt: skip

    def _license(self, id: str, said: str) -> Json:
        known = is_known(said) or is_expression(said)
        expression = said if known else f"LicenseRef-{_NOT_IN_A_REFERENCE.sub('-', said)}"
        return self._element(
            "simplelicensing_LicenseExpression", id, name=said,
            simplelicensing_licenseExpression=expression,
        )  # fmt: skip

    def _relationships(self) -> Iterator[Json]:
        grouped: dict[tuple[str, str], list[str]] = {}
        for link in self._bill.links:
            grouped.setdefault((link.of, link.kind), []).append(link.to)
        for count, ((of, kind), to) in enumerate(grouped.items()):
            yield self._element(
                "Relationship", f"{self._space}relationship-{count + 1}",
                **{"from": self._id(of)}, relationshipType=_RELATIONSHIPS[kind],
                to=[self._id(one) for one in to],
            )  # fmt: skip


def _of_model(model: Model) -> Json:
    made: Json = {}
    if model.architecture:
        made["ai_typeOfModel"] = [model.architecture]
    if model.task:
        made["ai_domain"] = [model.task]
    facts = (("family", model.family), *model.facts) if model.family else model.facts
    if facts:
        made["ai_hyperparameter"] = [
            {"type": "DictionaryEntry", "key": key, "value": value} for key, value in facts
        ]
    return made


def _hash(digest: str) -> Json:
    algorithm, _, value = digest.partition(":")
    return {"type": "Hash", "algorithm": _ALGORITHMS[algorithm], "hashValue": value}


def _extension(properties: list[tuple[str, str]]) -> Json:
    entries = [
        {
            "type": "extension_CdxPropertyEntry",
            "extension_cdxPropName": name,
            "extension_cdxPropValue": value,
        }
        for name, value in properties
    ]
    return {"type": "extension_CdxPropertiesExtension", "extension_cdxProperty": entries}

"""Writes a bill as CycloneDX 1.6 or 1.7, in JSON.

A model is a component with a model card; its files are components inside of it; the data that it
was trained on is referred to from the card, and what it derives from stands in its pedigree. What
the schema has no field for is a property. The serial number is made of the content.

Sources: cyclonedx.org/docs/1.6/json and /1.7/json; cyclonedx.org/capabilities/mlbom.
"""

import hashlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

from probatum import __version__
from probatum.bom.licenses import is_expression, is_known
from probatum.formats.bills import (
    CONTAINS,
    DEPENDS_ON,
    DERIVED_FROM,
    MODEL,
    SERVICE,
    TRAINED_ON,
    Bill,
    Facts,
    Model,
    Part,
)
from probatum.formats.cyclonedx import spot

VERSIONS = ("1.6", "1.7")
_ALGORITHMS = {
    "md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512",
    "sha3-256": "SHA3-256", "sha3-384": "SHA3-384", "sha3-512": "SHA3-512",
    "blake2b-256": "BLAKE2b-256", "blake2b-384": "BLAKE2b-384", "blake2b-512": "BLAKE2b-512",
    "blake3": "BLAKE3",
}  # fmt: skip
Json = dict[str, Any]


def written(bill: Bill, version: str = "1.6") -> str:
    """The document. The same bill gives the same text."""
    told = _Teller(bill, version)
    content = told.content()
    whole = json.dumps(content, sort_keys=True).encode()
    serial = uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(whole).hexdigest())
    head = {
        "$schema": f"http://cyclonedx.org/schema/bom-{version}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
    }
    return json.dumps(head | content, indent=2, ensure_ascii=False) + "\n"


class _Teller:
    def __init__(self, bill: Bill, version: str) -> None:
        self._bill = bill
        self._version = version
        self._parts = {one.ref: one for one in bill.parts}
        self._to: dict[tuple[str, str], list[str]] = {}
        for link in bill.links:
            self._to.setdefault((link.of, link.kind), []).append(link.to)
        self._told: set[str] = set()

    def content(self) -> Json:
        metadata: Json = {"timestamp": self._bill.made} if self._bill.made else {}
        tool = {"type": "application", "name": "probatum", "version": __version__}
        metadata["tools"] = {"components": [tool]}
        main = self._parts.get(self._bill.main)
        if main is not None:
            metadata["component"] = self._component(main)
        inside = {
            to for (of, kind), all in self._to.items() if kind == CONTAINS for to in all
            if self._holds(of)
        }  # fmt: skip
        tops = [one for one in self._bill.parts if one.ref not in inside]
        components = [
            self._component(one)
            for one in (*tops, *self._bill.parts)  # a ring of parts has no top
            if one.type != SERVICE and one.ref not in self._told
        ]
        services = [self._service(one) for one in self._bill.parts if one.type == SERVICE]
        found: Json = {"metadata": metadata, "components": components}
        if services:
            found["services"] = services
        dependencies = list(self._dependencies())
        if dependencies:
            found["dependencies"] = dependencies
        return found

    def _holds(self, ref: str) -> bool:
        """Whether what a part contains can stand inside of it: a service holds no components."""
        return ref in self._parts and self._parts[ref].type != SERVICE

    def _component(self, root: Part) -> Json:
        """A part with what it contains, however deep, each written once."""
        top = self._alone(root)
        stack = [(root, top)]
        while stack:
            part, made = stack.pop()
            inner = []
            for ref in self._to.get((part.ref, CONTAINS), ()):
                child = self._parts.get(ref)
                if child is not None and ref not in self._told and child.type != SERVICE:
                    inner.append(self._alone(child))
                    stack.append((child, inner[-1]))
            if inner:
                made["components"] = inner
        return top

    def _alone(self, part: Part) -> Json:
        self._told.add(part.ref)
        made: Json = {"type": part.type, "bom-ref": part.ref, "name": part.name}
        if part.version:
            made["version"] = part.version
        facts = list(part.facts)
        hashes = []
        for one in part.digests:
            algorithm, _, value = one.partition(":")
            if algorithm in _ALGORITHMS:
                hashes.append({"alg": _ALGORITHMS[algorithm], "content": value})
            else:
                facts.append(("probatum:digest", one))
        if hashes:
            made["hashes"] = hashes
        if part.licenses:
            made["licenses"], more = _licenses(part.licenses)
            facts += more
        if part.purl:
            made["purl"] = part.purl
        ancestors = [
            _ancestor(self._parts[ref])
            for ref in self._to.get((part.ref, DERIVED_FROM), ())
            if ref in self._parts
        ]
        if ancestors:
            made["pedigree"] = {"ancestors": ancestors}
        if part.places:
            made["evidence"] = {
                "occurrences": [
                    {"location": one.location} | ({"line": one.line} if one.line else {})
                    for one in part.places
                ]
            }
        if part.type == MODEL:
            card = self._card(part.model or Model(), part.ref)
            if card:
                made["modelCard"] = card
        if part.external and self._version != "1.6":
            made["isExternal"] = True
        elif part.external:
            facts.append(("probatum:external", "true"))
        if facts:
            made["properties"] = _properties(tuple(facts))
        return made

    def _card(self, model: Model, ref: str) -> Json:
        parameters: Json = {}
        if model.task:
            parameters["task"] = model.task
        if model.family:
            parameters["architectureFamily"] = model.family
        if model.architecture:
            parameters["modelArchitecture"] = model.architecture
        data = [{"ref": to} for to in self._to.get((ref, TRAINED_ON), ())]
        if data:
            parameters["datasets"] = data
        card: Json = {"modelParameters": parameters} if parameters else {}
        if model.facts:
            card["properties"] = _properties(model.facts)
        return card

    def _service(self, part: Part) -> Json:
        made: Json = {"bom-ref": part.ref, "name": part.name}
        if part.version:
            made["version"] = part.version
        places = tuple(("probatum:place", placed(one.location, one.line)) for one in part.places)
        if facts := part.facts + places:
            made["properties"] = _properties(facts)
        return made

    def _dependencies(self) -> Iterator[Json]:
        for (of, kind), all in self._to.items():
            if kind == DEPENDS_ON:
                yield {"ref": of, "dependsOn": all}


def placed(location: str, line: int) -> str:
    """A place as one text: the file, and the line behind a colon, 0 if the name looks as if."""
    return f"{location}:{line}" if line or spot(location).line else location


def _licenses(declared: tuple[str, ...]) -> tuple[list[Json], Facts]:
    """The licences, and those that the schema cannot hold beside an expression."""
    if is_expression(declared[0]):
        return [{"expression": declared[0]}], tuple(
            ("probatum:license", one) for one in declared[1:]
        )
    return [{"license": {"id" if is_known(one) else "name": one}} for one in declared], ()


def _ancestor(part: Part) -> Json:
    made = {"type": part.type, "name": part.name}
    if part.version:
        made["version"] = part.version
    return made | ({"purl": part.purl} if part.purl else {})


def _properties(facts: Facts) -> list[Json]:
    return [{"name": name, "value": value} for name, value in facts]

"""Reads a bill of materials in CycloneDX's JSON, any version of it, whoever wrote it.

What has no field in `bills` and is a property is kept as a fact. A component without a reference of
its own gets one. Sources: cyclonedx.org/docs/1.7/json, and of the versions before.
"""

from typing import Any

from msgspec.structs import replace

from probatum.errors import FormatError
from probatum.formats.bills import (
    CONTAINS,
    DEPENDS_ON,
    DERIVED_FROM,
    MODEL,
    SERVICE,
    TRAINED_ON,
    Bill,
    Facts,
    Link,
    Model,
    Part,
    Spot,
)
from probatum.formats.json_fields import Json, listed, mapping, text, whole
from probatum.vocabulary import Reason

_ALGORITHMS = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "BLAKE3": "blake3",
    **{f"SHA-{size}": f"sha{size}" for size in (256, 384, 512)},
    **{f"SHA3-{size}": f"sha3-{size}" for size in (256, 384, 512)},
    **{f"BLAKE2b-{size}": f"blake2b-{size}" for size in (256, 384, 512)},
}


def is_cyclonedx(value: Any) -> bool:
    """Whether a JSON value says that it is a document of this format."""
    return isinstance(value, dict) and value.get("bomFormat") == "CycloneDX"


def bill(value: Any) -> Bill:
    """The bill that the document holds. Raises: FormatError."""
    return _Reader(mapping(value, "the document")).bill()


class _Reader:
    def __init__(self, document: Json) -> None:
        self._document = document
        self._parts: dict[str, Part] = {}
        self._links: list[Link] = []
        self._ancestors: list[tuple[str, Part]] = []

    def bill(self) -> Bill:
        metadata = mapping(self._document.get("metadata"), "metadata")
        main = ""
        if metadata.get("component") is not None:
            main = self._take([("", metadata["component"])])
        self._take([("", one) for one in listed(self._document.get("components"), "components")])
        for one in listed(self._document.get("services"), "services"):
            self._service(mapping(one, "a service"))
        for one in listed(self._document.get("dependencies"), "dependencies"):
            of = mapping(one, "a dependency")
            for to in listed(of.get("dependsOn"), "dependsOn"):
                self._link(text(of.get("ref"), "ref"), DEPENDS_ON, text(to, "a dependency"))
        self._join_ancestors()
        made = text(metadata.get("timestamp"), "timestamp")
        links = tuple(dict.fromkeys(self._links))
        return Bill(parts=tuple(self._parts.values()), links=links, main=main, made=made)

    def _take(self, stack: list[tuple[str, Any]]) -> str:
        """Take components with all inside of them; returns the reference of the first."""
        first = ""
        stack.reverse()
        while stack:
            within, value = stack.pop()
            found = mapping(value, "a component")
            part = self._part(found)
            first = first or part.ref
            if within:
                self._link(within, CONTAINS, part.ref)
            inner = listed(found.get("components"), "components")
            stack += [(part.ref, one) for one in reversed(inner)]
        return first

    def _part(self, found: Json) -> Part:
        part = _told(found)
        ref = self._fresh(part.ref, f"{part.type}:{part.name}")
        part = replace(part, ref=ref)
        if part.type == MODEL or found.get("modelCard") is not None:
            part = replace(part, model=self._model(ref, found.get("modelCard")))
        pedigree = mapping(found.get("pedigree"), "pedigree")
        for one in listed(pedigree.get("ancestors"), "ancestors"):
            self._ancestors.append((ref, _told(mapping(one, "an ancestor"))))
        self._parts[ref] = part
        return part

    def _fresh(self, ref: str, name: str) -> str:
        if ref:
            if ref in self._parts:
                raise FormatError(
                    Reason.PARSER_DIFFERENTIAL, f"the bom-ref {ref[:80]!r} stands twice"
                )
            return ref
        count, made = 1, name
        while made in self._parts:
            count += 1
            made = f"{name}#{count}"
        return made

    def _model(self, ref: str, card: Any) -> Model | None:
        if card is None:
            return None
        found = mapping(card, "modelCard")
        parameters = mapping(found.get("modelParameters"), "modelParameters")
        for one in listed(parameters.get("datasets"), "datasets"):
            if to := text(mapping(one, "a data set").get("ref"), "ref"):
                self._link(ref, TRAINED_ON, to)
        model = Model(
            task=text(parameters.get("task"), "task"),
            family=text(parameters.get("architectureFamily"), "architectureFamily"),
            architecture=text(parameters.get("modelArchitecture"), "modelArchitecture"),
            facts=_facts(found.get("properties")),
        )
        return None if model == Model() else model

    def _service(self, found: Json) -> None:
        name = text(found.get("name"), "a service's name")
        ref = self._fresh(text(found.get("bom-ref"), "bom-ref"), f"{SERVICE}:{name}")
        facts = _facts(found.get("properties"))
        places = tuple(spot(said) for name, said in facts if name == "probatum:place")
        self._parts[ref] = Part(
            ref=ref, type=SERVICE, name=name, version=text(found.get("version"), "version"),
            places=places, facts=tuple(one for one in facts if one[0] != "probatum:place"),
        )  # fmt: skip

    def _link(self, of: str, kind: str, to: str) -> None:
        self._links.append(Link(of, kind, to))

    def _join_ancestors(self) -> None:
        """An ancestor is told inside of its heir: it is a part of that name, or becomes one."""
        known = {(one.name, one.version, one.purl): one.ref for one in self._parts.values()}
        for of, ancestor in self._ancestors:
            key = ancestor.name, ancestor.version, ancestor.purl
            if key not in known:
                ref = self._fresh("", f"{ancestor.type}:{ancestor.name}")
                self._parts[ref] = replace(ancestor, ref=ref)
                known[key] = ref
            self._link(of, DERIVED_FROM, known[key])


def _told(found: Json) -> Part:
    """A component by itself."""
    group = text(found.get("group"), "group")
    name = text(found.get("name"), "a component's name")
    facts = _facts(found.get("properties"))
    digests = [_digest(mapping(one, "a hash")) for one in listed(found.get("hashes"), "hashes")]
    digests += [value for name, value in facts if name == "probatum:digest"]
    licenses = [
        _license(mapping(one, "a licence")) for one in listed(found.get("licenses"), "licenses")
    ]
    licenses += [value for name, value in facts if name == "probatum:license"]
    external = found.get("isExternal") is True or ("probatum:external", "true") in facts
    own = ("probatum:digest", "probatum:license", "probatum:external")
    return Part(
        ref=text(found.get("bom-ref"), "bom-ref"),
        type=text(found.get("type"), "a component's type"),
        name=f"{group}/{name}" if group else name,
        version=text(found.get("version"), "version"),
        purl=text(found.get("purl"), "purl"),
        digests=tuple(digests),
        licenses=tuple(one for one in licenses if one),
        places=_places(found),
        facts=tuple(one for one in facts if one[0] not in own),
        external=external,
    )


def _digest(found: Json) -> str:
    algorithm = text(found.get("alg"), "alg")
    return (
        f"{_ALGORITHMS.get(algorithm, algorithm.lower())}:{text(found.get('content'), 'content')}"
    )


def _license(found: Json) -> str:
    inner = mapping(found.get("license"), "license")
    said = found.get("expression") or inner.get("id") or inner.get("name")
    return text(said, "a licence")


def _places(found: Json) -> tuple[Spot, ...]:
    evidence = mapping(found.get("evidence"), "evidence")
    all = [
        mapping(one, "an occurrence") for one in listed(evidence.get("occurrences"), "occurrences")
    ]
    return tuple(
        Spot(text(one.get("location"), "location"), whole(one.get("line"), "line")) for one in all
    )


def _facts(value: Any) -> Facts:
    all = [mapping(one, "a property") for one in listed(value, "properties")]
    return tuple((text(one.get("name"), "name"), text(one.get("value"), "value")) for one in all)


def spot(said: str) -> Spot:
    """A place that was written as one text: a file, and perhaps a line behind a colon."""
    location, _, line = said.rpartition(":")
    if location and line.isascii() and line.isdigit() and len(line) < 10:
        return Spot(location, int(line))
    return Spot(said)

# ruff: noqa: SIM905  (a list of keys reads better as words)
"""Bills of materials as documents: valid by the official schemas, read back whole, hostile ones."""

import json
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bills import bills, sorted_parts
from probatum.bom import cyclonedx, spdx
from probatum.bom.licenses import is_expression, is_known, spelled
from probatum.errors import FormatError
from probatum.formats.bill_documents import bill, may_be_bill
from probatum.formats.bills import (
    CONTAINS,
    DEPENDS_ON,
    DERIVED_FROM,
    FILE,
    LIBRARY,
    MODEL,
    SERVICE,
    TRAINED_ON,
    Bill,
    Link,
    Model,
    Part,
    Spot,
)
from probatum.vocabulary import Reason

FORMS = {
    "cyclonedx-1.6": lambda one: cyclonedx.written(one, "1.6"),
    "cyclonedx-1.7": lambda one: cyclonedx.written(one, "1.7"),
    "spdx-3": spdx.written,
}
EXAMPLE = Bill(
    parts=(
        Part(ref="m", type=MODEL, name="owner/chat", version="c0ffee", licenses=("llama3",),
             purl="pkg:huggingface/owner/chat@c0ffee", places=(Spot("README.md", 3),),
             model=Model(task="text-generation", family="llama", facts=(("parameters", "8"),))),
        Part(ref="f", type=FILE, name="model.safetensors", digests=("sha256:" + "ab" * 32,)),
        Part(ref="b", type=MODEL, name="owner/base", external=True),
        Part(ref="d", type="data", name="squad", licenses=("CC-BY-SA-4.0",)),
        Part(ref="p", type=LIBRARY, name="torch", version="2.6.0+cu124",
             purl="pkg:pypi/torch@2.6.0%2Bcu124", licenses=("MIT OR Apache-2.0",)),
        Part(ref="s", type=SERVICE, name="web", places=(Spot("compose.yaml", 2),)),
    ),
    links=(
        Link("m", CONTAINS, "f"), Link("m", DERIVED_FROM, "b"), Link("m", TRAINED_ON, "d"),
        Link("m", DEPENDS_ON, "p"), Link("m", DEPENDS_ON, "s"),
    ),
    main="m",
    made="2026-01-31T12:00:00Z",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@given(value=bills())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back(form: str, value: Bill) -> None:
    text = FORMS[form](value)
    found = bill(text.encode())
    assert sorted_parts(found) == sorted_parts(value)
    assert set(found.links) == set(value.links)
    assert found.made == value.made
    if value.main or form != "spdx-3":  # where something must be the root, the first part is
        assert found.main == value.main
    assert FORMS[form](value) == text


@pytest.mark.parametrize("version", cyclonedx.VERSIONS)
@given(value=bills())
@settings(max_examples=30, deadline=None)
def test_cyclonedx_is_valid_by_its_own_schema(version: str, value: Bill) -> None:
    validator = _validator(version)
    text = json.loads(cyclonedx.written(value, version))
    assert [one.message for one in validator.iter_errors(text)] == []


@given(value=bills())
@settings(max_examples=30, deadline=None)
def test_spdx_is_valid_by_its_own_model(value: Bill) -> None:
    model = pytest.importorskip("spdx_python_model").v3_0_1
    objects = model.SHACLObjectSet()
    model.JSONLDDeserializer().read(BytesIO(spdx.written(value).encode()), objects)
    assert not objects.missing_ids
    model.JSONLDSerializer().write(objects, BytesIO())  # asks for every field that must be there


@cache
def _validator(version: str) -> Any:
    schema = pytest.importorskip("cyclonedx.schema")
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    folder = Path(schema.__file__).parent / "_res"
    registry = referencing.Registry()
    for name in ("spdx", "jsf-0.82", "cryptography-defs"):
        content = json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text("utf-8"))
        resource = referencing.Resource.from_contents(content)
        address = f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json"
        registry = registry.with_resource(address, resource)
    whole = json.loads((folder / f"bom-{version}.SNAPSHOT.schema.json").read_text("utf-8"))
    return jsonschema.Draft7Validator(whole, registry=registry)


def test_a_model_has_a_card_in_cyclonedx() -> None:
    found = json.loads(cyclonedx.written(EXAMPLE))
    model = found["metadata"]["component"]
    assert model["modelCard"]["modelParameters"] == {
        "task": "text-generation",
        "architectureFamily": "llama",
        "datasets": [{"ref": "d"}],
    }
    assert [one["name"] for one in model["components"]] == ["model.safetensors"]
    assert model["pedigree"]["ancestors"] == [{"type": MODEL, "name": "owner/base"}]
    assert model["licenses"] == [{"license": {"name": "llama3"}}]
    assert [one["name"] for one in found["services"]] == ["web"]


def test_a_model_is_an_ai_package_in_spdx() -> None:
    graph = json.loads(spdx.written(EXAMPLE))["@graph"]
    model = next(one for one in graph if one["type"] == "ai_AIPackage")
    assert model["software_primaryPurpose"] == "model"
    assert model["ai_domain"] == ["text-generation"]
    kinds = {one["relationshipType"] for one in graph if one["type"] == "Relationship"}
    assert kinds == {"contains", "dependsOn", "trainedOn", "descendantOf", "hasDeclaredLicense"}
    licences = [one for one in graph if one["type"] == "simplelicensing_LicenseExpression"]
    assert licences[0]["simplelicensing_licenseExpression"] == "LicenseRef-llama3"


def test_a_serial_number_is_made_of_the_content() -> None:
    other = Bill(parts=EXAMPLE.parts[:1], main="m")
    first, again, second = (
        json.loads(cyclonedx.written(one))["serialNumber"] for one in (EXAMPLE, EXAMPLE, other)
    )
    assert first == again != second


# --- written by others ---------------------------------------------------------------------

OTHERS = {
    "a component with a group": {
        "bomFormat": "CycloneDX", "specVersion": "1.4",
        "components": [{"type": "library", "group": "@scope", "name": "tool", "version": "1"}],
    },
    "a package of SPDX 2": {
        "spdxVersion": "SPDX-2.3",
        "packages": [{
            "SPDXID": "SPDXRef-1", "name": "@scope/tool", "versionInfo": "1",
            "licenseDeclared": "NOASSERTION",
        }],
    },
    "a package of SPDX 3": {
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [{
            "type": "software_Package", "spdxId": "https://a.example/1", "name": "@scope/tool",
            "software_packageVersion": "1", "software_primaryPurpose": "library",
        }],
    },
}  # fmt: skip


@pytest.mark.parametrize("document", OTHERS.values(), ids=OTHERS)
def test_other_tools_documents_are_read(document: Any) -> None:
    data = json.dumps(document).encode()
    assert may_be_bill(data)
    (found,) = bill(b"\xef\xbb\xbf" + data).parts
    assert (found.type, found.name, found.version) == ("library", "@scope/tool", "1")


def test_relationships_of_spdx_2_are_turned_round() -> None:
    document = {
        "spdxVersion": "SPDX-2.3",
        "creationInfo": {"created": "2026-01-31T12:00:00Z"},
        "packages": [
            {"SPDXID": "a", "name": "app", "primaryPackagePurpose": "APPLICATION"},
            {"SPDXID": "b", "name": "torch", "licenseConcluded": "BSD-3-Clause",
             "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:pypi/torch@2"}],
             "checksums": [{"algorithm": "SHA256", "checksumValue": "ab" * 32}]},
        ],
        "files": [{"SPDXID": "f", "fileName": "./a.py"}],
        "relationships": [
            {"spdxElementId": "doc", "relationshipType": "DESCRIBES", "relatedSpdxElement": "a"},
            {"spdxElementId": "b", "relationshipType": "DEPENDENCY_OF", "relatedSpdxElement": "a"},
            {"spdxElementId": "a", "relationshipType": "CONTAINS", "relatedSpdxElement": "f"},
        ],
    }  # fmt: skip
    found = bill(json.dumps(document).encode())
    assert found.main == "a"
    assert set(found.links) == {Link("a", DEPENDS_ON, "b"), Link("a", CONTAINS, "f")}
    torch = sorted_parts(found)["b"]
    assert (torch.purl, torch.licenses) == ("pkg:pypi/torch@2", ("BSD-3-Clause",))
    assert torch.digests == ("sha256:" + "ab" * 32,)


def test_components_inside_of_components_are_found_however_deep() -> None:
    inner: dict[str, Any] = {"type": "file", "name": "deepest"}
    for _ in range(200):
        inner = {"type": "file", "name": "around", "components": [inner]}
    found = bill(json.dumps({"bomFormat": "CycloneDX", "components": [inner]}).encode())
    assert len(found.parts) == 201
    assert len(found.links) == 200


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"{}", Reason.UNSUPPORTED),
        (b"[]", Reason.UNSUPPORTED),
        (b'{"bomFormat": "CycloneDX", "components": {}}', Reason.MALFORMED),
        (b'{"bomFormat": "CycloneDX", "components": [{"name": 1}]}', Reason.MALFORMED),
        (b'{"bomFormat": "CycloneDX", "components": [{"name": "\\ud800"}]}', Reason.MALFORMED),
        (b'{"bomFormat": "CycloneDX", "bomFormat": "CycloneDX"}', Reason.PARSER_DIFFERENTIAL),
        (b'{"bomFormat": "CycloneDX", "components": [{"bom-ref": "a"}, {"bom-ref": "a"}]}',
         Reason.PARSER_DIFFERENTIAL),
        (b'{"spdxVersion": "SPDX-2.3", "packages": [{"SPDXID": "a"}, {"SPDXID": "a"}]}',
         Reason.PARSER_DIFFERENTIAL),
        (b'{"bomFormat": "CycloneDX", "components": ' + b"[" * 100_000, Reason.OVER_LIMIT),
        (b'{"bomFormat": "CycloneDX", "components": [{"evidence": {"occurrences": [{"line": -1}]}}'
         b"]}", Reason.MALFORMED),
    ],
)  # fmt: skip
def test_a_document_that_is_none_is_refused(document: bytes, reason: Reason) -> None:
    with pytest.raises(FormatError) as caught:
        bill(document)
    assert caught.value.reason is reason


_KEYS = st.sampled_from(
    "bomFormat specVersion metadata component components services dependencies ref dependsOn name "
    "type bom-ref version hashes alg content licenses license id expression pedigree ancestors "
    "modelCard modelParameters datasets properties value evidence occurrences location line "
    "@graph @context spdxId creationInfo relationshipType from to extension verifiedUsing "
    "spdxVersion packages files relationships SPDXID externalRefs checksums".split()
)
_LEAVES = st.sampled_from(
    ["CycloneDX", "SPDX-2.3", "a", "https://spdx.org/rdf/3.0.1/", "software_Package", "contains",
     "machine-learning-model", "hasDeclaredLicense", None, 0, -1, 1.5, True]
)  # fmt: skip
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5)
)


@given(_VALUES, st.sampled_from(["CycloneDX", "SPDX-2.3", "SPDX-3"]))
@settings(max_examples=300, deadline=None)
def test_readers_raise_nothing_but_format_errors(value: Any, form: str) -> None:
    if isinstance(value, dict):
        value = (
            value
            | {
                "CycloneDX": {"bomFormat": "CycloneDX"},
                "SPDX-2.3": {"spdxVersion": "SPDX-2.3"},
                "SPDX-3": {"@context": "https://spdx.org/rdf/3.0.1/", "@graph": [value]},
            }[form]
        )
    try:
        found = bill(json.dumps(value).encode())
    except FormatError:
        return
    cyclonedx.written(found)
    spdx.written(found)


# --- licences ------------------------------------------------------------------------------


def test_a_licence_is_spelled_as_spdx_spells_it() -> None:
    assert spelled("apache-2.0") == "Apache-2.0"
    assert spelled("odbl") == "ODbL-1.0"
    assert spelled("llama3.1") == "llama3.1"


def test_an_expression_consists_of_known_licences() -> None:
    assert is_expression("MIT OR (Apache-2.0 AND BSD-3-Clause)")
    assert is_expression("Apache-2.0 WITH LLVM-exception")
    assert not is_expression("MIT")
    assert not is_expression("MIT OR mine")
    assert not is_expression("MIT; OR Apache-2.0")


def test_every_identifier_is_on_the_list_of_spdx() -> None:
    schema = pytest.importorskip("cyclonedx.schema")
    path = Path(schema.__file__).parent / "_res" / "spdx.SNAPSHOT.schema.json"
    listed = set(json.loads(path.read_text("utf-8"))["enum"])
    from probatum.bom.licenses import _rules

    assert {*_rules().identifiers, *_rules().exceptions, *_rules().hub.values()} <= listed
    assert all(is_known(one) for one in _rules().hub.values())

"""SARIF 2.1.0: what is written validates against the official schema, and says what it should."""

# ruff: noqa: E501  (what a report says is as long as it is)

import datetime
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest
from hypothesis import given, settings
from inline_snapshot import snapshot

from probatum.policy import Acceptance, Policy, decide
from probatum.render.sarif import render
from probatum.vocabulary import Finding, Reason, Report, Undecided
from reports import artifact, large, report_of, reports, sample

SCHEMA = json.loads(
    Path(__file__).with_name("data").joinpath("sarif-schema-2.1.0.json").read_bytes()
)
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


@settings(max_examples=60)
@given(reports())
def test_every_report_validates_against_the_official_schema(report: Report) -> None:
    VALIDATOR.validate(json.loads(render(report)))


def test_the_sample_and_the_empty_report_validate() -> None:
    for report in (sample(), report_of(), large(20)):
        VALIDATOR.validate(json.loads(render(report)))


def test_the_three_verdicts_are_the_three_kinds() -> None:
    found = {(one["properties"]["verdict"], one["kind"], one["level"]) for one in _results()}
    assert found == {
        ("proven", "pass", "none"),
        ("refuted", "fail", "error"),
        ("undecided", "open", "none"),
    }


def test_a_refuted_finding_in_full() -> None:
    assert _result("resnet/optimizer.pkl") == snapshot(
        {
            "ruleId": "load-inert",
            "ruleIndex": 5,
            "message": {
                "text": "resnet/optimizer.pkl: load-inert is refuted: byte 51: REDUCE calls builtins.print('loaded')"
            },
            "partialFingerprints": {
                "probatumFinding/v1": "5b73545b62e4427d8788b8e4a1e89ae3bb21004c92d82efbbff7b2d4bec35b96"
            },
            "properties": {"analyzer": "pickle-load", "verdict": "refuted"},
            "kind": "fail",
            "level": "error",
            "codeFlows": [
                {
                    "message": {"text": "REDUCE calls builtins.print('loaded')"},
                    "threadFlows": [
                        {
                            "locations": [
                                {
                                    "location": {
                                        "physicalLocation": {
                                            "artifactLocation": {
                                                "uri": "models/resnet/optimizer.pkl",
                                                "index": 10,
                                            },
                                            "region": {"byteOffset": 20, "byteLength": 1},
                                        },
                                        "message": {"text": "GLOBAL pushes builtins.print"},
                                    }
                                },
                                {
                                    "location": {
                                        "physicalLocation": {
                                            "artifactLocation": {
                                                "uri": "models/resnet/optimizer.pkl",
                                                "index": 10,
                                            },
                                            "region": {"byteOffset": 39, "byteLength": 1},
                                        },
                                        "message": {"text": "MARK, STRING, TUPLE push ('loaded',)"},
                                    }
                                },
                                {
                                    "location": {
                                        "physicalLocation": {
                                            "artifactLocation": {
                                                "uri": "models/resnet/optimizer.pkl",
                                                "index": 10,
                                            },
                                            "region": {"byteOffset": 51, "byteLength": 1},
                                        },
                                        "message": {
                                            "text": "REDUCE calls the first with the second"
                                        },
                                    }
                                },
                            ]
                        }
                    ],
                }
            ],
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "models/resnet/optimizer.pkl", "index": 10},
                        "region": {"byteOffset": 51, "byteLength": 1},
                        "contextRegion": {
                            "byteOffset": 0,
                            "byteLength": 53,
                            "snippet": {
                                "binary": "gAJ9cQBYBQAAAGVwb2NocQFLB3NjX19idWlsdGluX18KcHJpbnQKKFMnbG9hZGVkJwp0Ui4="
                            },
                        },
                    }
                }
            ],
        }
    )


def test_a_member_is_placed_in_the_file_that_holds_it() -> None:
    assert _result("llama/llama-3-tiny.gguf!/tokenizer.chat_template") == snapshot(
        {
            "ruleId": "template-inert",
            "ruleIndex": 8,
            "message": {
                "text": "llama/llama-3-tiny.gguf!/tokenizer.chat_template: template-inert is refuted: line 4, byte 98: the filter attr reaches __class__, and from there every loaded class"
            },
            "partialFingerprints": {
                "probatumFinding/v1": "290fec58d7701d825c21fb7afdf758508ad83a22135948ee52d52c5d32ac9058"
            },
            "properties": {"analyzer": "jinja-template", "verdict": "refuted"},
            "kind": "fail",
            "level": "error",
            "codeFlows": [
                {
                    "message": {
                        "text": "the filter attr reaches __class__, and from there every loaded class"
                    },
                    "threadFlows": [
                        {
                            "locations": [
                                {
                                    "location": {
                                        "physicalLocation": {
                                            "artifactLocation": {
                                                "uri": "tokenizer.chat_template",
                                                "index": 5,
                                            },
                                            "region": {"byteOffset": 104, "byteLength": 1},
                                        },
                                        "message": {"text": "'__cl' ~ 'ass__' is '__class__'"},
                                    }
                                },
                                {
                                    "location": {
                                        "physicalLocation": {
                                            "artifactLocation": {
                                                "uri": "tokenizer.chat_template",
                                                "index": 5,
                                            },
                                            "region": {"byteOffset": 98, "byteLength": 1},
                                        },
                                        "message": {
                                            "text": "attr reads the attribute of that name"
                                        },
                                    }
                                },
                            ]
                        }
                    ],
                }
            ],
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "models/llama/llama-3-tiny.gguf"}
                    },
                    "logicalLocations": [
                        {"fullyQualifiedName": "llama/llama-3-tiny.gguf!/tokenizer.chat_template"}
                    ],
                }
            ],
        }
    )


def test_a_member_is_a_nested_artifact_with_a_path_of_its_own() -> None:
    [run] = json.loads(render(sample()))["runs"]
    named = {one["properties"]["name"]: one for one in run["artifacts"]}
    member = named["resnet/weights.pt!/archive/data.pkl"]
    assert member["location"]["uri"] == "archive/data.pkl"
    assert run["artifacts"][member["parentIndex"]] is named["resnet/weights.pt"]
    assert len(member["hashes"]["sha-256"]) == 64


@pytest.mark.parametrize(
    ("targets", "name", "uri"),
    [
        (("models",), "a/x.pkl", "models/a/x.pkl"),
        (("./models/",), "a/x.pkl", "models/a/x.pkl"),
        ((".",), "a/x.pkl", "a/x.pkl"),
        (("models/x.pkl",), "x.pkl", "models/x.pkl"),
        (("a/x.pkl", "b"), "b/y.pkl", "b/y.pkl"),
        (("a/x.pkl", "b/x.pkl"), "b/x.pkl", "b/x.pkl"),
        (("/abs/models",), "a/x.pkl", "a/x.pkl"),
        (("../models",), "a/x.pkl", "a/x.pkl"),
        (("hf://owner/name",), "x.pkl", "x.pkl"),
        (("-",), "stdin", "stdin"),
        ((), "x.pkl", "x.pkl"),
    ],
)
def test_a_file_is_placed_where_a_viewer_looks_for_it(
    targets: tuple[str, ...], name: str, uri: str
) -> None:
    finding = Finding(artifact(name, "pickle", 1), "load-inert", "a", Undecided(Reason.OPAQUE, "d"))
    [run] = json.loads(render(report_of(finding, targets=targets)))["runs"]
    [where] = run["results"][0]["locations"]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == uri
    assert run["artifacts"][0]["location"]["uri"] == uri


def test_every_claim_is_a_rule_with_its_sentence() -> None:
    [run] = json.loads(render(sample()))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted({one["ruleId"] for one in run["results"]})
    assert all(rule["shortDescription"]["text"].endswith(".") for rule in rules)
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])


def test_problems_only_leaves_out_what_does_not_break_the_policy() -> None:
    report = sample()
    accepted = decide(
        report,
        Policy(accept=(_acceptance("resnet/optimizer.pkl", "load-inert"),)),
        datetime.date(2026, 11, 23),
    )
    [run] = json.loads(render(report, decision=accepted, problems_only=True))["runs"]
    assert {one["kind"] for one in run["results"]} == {"fail", "open"}
    said = [one["message"]["text"] for one in run["results"]]
    assert not any("optimizer" in one or "code-reviewed" in one for one in said)
    assert len(said) == 8


def test_problems_only_leaves_out_what_is_proven_where_no_policy_is_asked() -> None:
    [run] = json.loads(render(sample(), problems_only=True))["runs"]
    assert len(run["results"]) == 10


def test_what_the_policy_accepts_is_suppressed_with_its_reason() -> None:
    report = sample()
    policy = Policy(accept=(_acceptance("resnet/optimizer.pkl", "load-inert"),))
    text = render(report, decision=decide(report, policy, datetime.date(2026, 11, 23)))
    VALIDATOR.validate(json.loads(text))
    suppressed = [one for one in json.loads(text)["runs"][0]["results"] if "suppressions" in one]
    assert [one["suppressions"] for one in suppressed] == snapshot(
        [
            [
                {
                    "kind": "external",
                    "status": "accepted",
                    "justification": "ml-platform until 2026-12-31: prints a word, replaced in v2",
                }
            ]
        ]
    )


def test_an_interrupted_audit_is_not_called_successful() -> None:
    whole = sample()
    cut = Report(
        targets=whole.targets, planned=whole.planned, findings=whole.findings[:3], interrupted=True
    )
    [run] = json.loads(render(cut))["runs"]
    assert run["invocations"] == snapshot(
        [
            {
                "executionSuccessful": False,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": "interrupted: 11 claims known by then stayed unjudged"},
                    }
                ],
            }
        ]
    )


def test_a_fingerprint_survives_bytes_that_move_but_not_another_name() -> None:
    prints = [one["partialFingerprints"]["probatumFinding/v1"] for one in _results()]
    assert len(set(prints)) == len(prints)
    assert prints == [one["partialFingerprints"]["probatumFinding/v1"] for one in _results()]


@settings(max_examples=60)
@given(reports())
def test_hostile_words_make_no_link_no_placeholder_and_no_address(report: Report) -> None:
    [run] = json.loads(render(report))["runs"]
    for message in _members(run, "message"):
        text = message["text"]
        assert "](" not in text.replace("\\](", "")
        assert "{" not in text.replace("{{", "")
        assert text.isprintable()
    for uri in _members(run, "uri"):
        parts = urlsplit(uri)
        assert not parts.scheme
        assert not parts.netloc
        assert uri.isascii()
        assert uri.isprintable()
        assert unquote(uri) is not None


@settings(max_examples=60)
@given(reports())
def test_every_result_has_a_place_and_every_index_points_at_its_name(report: Report) -> None:
    [run] = json.loads(render(report))["runs"]
    for result in run["results"]:
        assert len(result["locations"]) == 1
    for located in _members(run, "artifactLocation"):
        if "index" in located:
            assert run["artifacts"][located["index"]]["location"]["uri"] == located["uri"]


def _acceptance(artifact: str, claim: str) -> Acceptance:
    return Acceptance(
        artifact=artifact,
        claim=claim,
        reason="prints a word, replaced in v2",
        owner="ml-platform",
        expires=datetime.date(2026, 12, 31),
    )


def _results() -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = json.loads(render(sample()))["runs"][0]["results"]
    return results


def _result(name: str) -> dict[str, Any]:
    [found] = [one for one in _results() if one["message"]["text"].startswith(f"{name}:")]
    return found


def _members(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for one in value.values():
            yield from _members(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from _members(one, key)

"""A report as JSON: what is written is read back, and what is not a report is refused clearly."""

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.errors import UsageError
from probatum.reasons import MEANINGS
from probatum.render.json import render, schema
from probatum.tallies import counts, unanswered
from probatum.vocabulary import Certificate, Finding, Place, Proven, Reason, Report, Undecided
from probatum.wire import FACTS_DEPTH, from_json, pieces, to_json
from reports import artifact, large, report_of, reports, sample

VALIDATOR = jsonschema.Draft202012Validator(schema())


@given(reports())
def test_writing_what_was_read_gives_the_same_bytes(report: Report) -> None:
    text = to_json(report)
    assert to_json(from_json(text)) == text


@given(reports())
def test_every_report_validates_against_the_published_schema(report: Report) -> None:
    VALIDATOR.validate(json.loads(to_json(report)))


def test_the_sample_is_read_back_equal() -> None:
    report = sample()
    read = from_json(to_json(report))
    assert read.findings == report.findings
    assert read.planned == report.planned
    assert read.targets == report.targets
    assert {claim.id for claim in read.claims} == {one.claim for one in report.findings}


def test_the_schema_is_itself_valid_and_describes_every_property() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    undescribed = [
        f"{where}.{name}"
        for where, one in _objects(schema())
        for name, about in one["properties"].items()
        if not _described(about)
    ]
    assert undescribed == []


def test_the_schema_says_of_every_reason_what_the_rest_of_the_project_says() -> None:
    listed = {one["const"]: one["description"] for one in schema()["$defs"]["reason"]["oneOf"]}
    assert listed == {reason.value: MEANINGS[reason] for reason in Reason}


def test_each_finding_is_one_line_of_the_text() -> None:
    report = sample()
    lines = to_json(report).decode().splitlines()
    findings = [line.rstrip(",") for line in lines if line.startswith('{"verdict":')]
    assert len(findings) == len(report.findings)
    assert all(json.loads(line)["claim"] for line in findings)


def test_a_finding_carries_what_a_script_asks_for() -> None:
    [finding] = [
        one
        for one in json.loads(render(sample()))["findings"]
        if one["artifact"]["name"] == "resnet/optimizer.pkl"
    ]
    assert finding["verdict"] == "refuted"
    assert finding["artifact"]["kind"] == "pickle"
    assert finding["artifact"]["digest"].startswith("sha256:")
    assert finding["claim"] == "load-inert"
    assert finding["says"].startswith("Loading this file runs nothing")
    assert finding["analyzer"] == "pickle-load"
    assert finding["witnesses"][0]["place"] == {"offset": 51}


def test_the_pieces_are_the_whole() -> None:
    report = large(50)
    assert b"".join(pieces(report)) == to_json(report)


def test_key_order_inside_facts_does_not_change_the_bytes() -> None:
    one, other = (
        report_of(Finding(artifact("a", "pickle", 1), "c", "a", Proven(Certificate("p", facts))))
        for facts in ({"x": 1, "y": 2}, {"y": 2, "x": 1})
    )
    assert to_json(one) == to_json(other)


def test_evidence_that_json_cannot_hold_does_not_lose_the_report() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    report = report_of(
        _proven("half", {"text": "\ud800", "object": object}),
        _proven("deep", {"nested": deep}),
        Finding(artifact("n\udc80", "pickle", 1), "c", "a", Undecided(Reason.OPAQUE, "\udfff")),
    )
    read = from_json(to_json(report))
    assert [one.artifact.name for one in read.findings] == ["half", "deep", "n\\udc80"]
    assert read.findings[0].verdict == Proven(
        Certificate("p", {"object": "<class 'object'>", "text": "\\ud800"})
    )
    assert read.findings[1].verdict == Proven(Certificate("p", {"unwritable": "nested too deep"}))


def test_what_was_planned_and_not_judged_is_found() -> None:
    whole = sample()
    cut = Report(
        targets=whole.targets,
        planned=whole.planned,
        findings=whole.findings[2:],
        interrupted=True,
    )
    assert unanswered(whole) == ()
    assert unanswered(from_json(to_json(cut))) == whole.planned[:2]


def test_counts_name_all_three_verdicts_even_where_there_are_none() -> None:
    assert counts(report_of()) == {"proven": 0, "refuted": 0, "undecided": 0}


# What is not a report.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "not a Probatum report: Input data was truncated"),
        (b"[]", "not a Probatum report: Expected `object`, got `array`"),
        (b'{"version": 2}', "the report has schema version 2 and this Probatum reads 1"),
        (b'{"version": true}', "not a Probatum report: Expected `int`, got `bool`"),
        (b'{"version": 1}', "not a Probatum report: Object missing required field `tool`"),
        (b"\xff\xfe{", "not a Probatum report: JSON is malformed"),
        (b'{"version":1,"x":"\xed\xa0\x80"}', "not a Probatum report:"),
        (b'{"version":' + b"[" * 1_000_000, "not a Probatum report:"),
        (b'{"version":1,"tool":' + b'{"a":' * 1_000_000, "not a Probatum report:"),
    ],
)
def test_what_is_no_report_is_a_usage_error_that_says_why(text: bytes, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        from_json(text)
    assert str(raised.value).startswith(said)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(text: bytes) -> None:
    with pytest.raises(UsageError):
        from_json(text)


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.integers(0, 255), st.booleans())
def test_a_damaged_report_is_read_or_refused_and_nothing_else(
    at: int, byte: int, cut: bool
) -> None:
    text = bytearray(SAMPLE)
    text[at % len(text)] = byte
    try:
        from_json(bytes(text[: at % len(text)] if cut else text))
    except UsageError:
        return


def test_a_summary_that_does_not_count_its_findings_is_refused() -> None:
    report = json.loads(SAMPLE)
    report["summary"]["refuted"] -= 1
    assert _refusal(report) == "not a Probatum report: its summary does not count its findings"


def test_two_verdicts_on_one_claim_are_refused() -> None:
    report = json.loads(SAMPLE)
    report["findings"].append(report["findings"][0])
    assert "two verdicts on no-hidden-text of 'bert/README.md'" in _refusal(report)


def test_one_artifact_described_in_two_ways_is_refused() -> None:
    report = json.loads(SAMPLE)
    [first, second] = [
        one for one in report["findings"] if one["artifact"]["name"].endswith("data.pkl")
    ]
    second["artifact"]["kind"] = "safetensors"
    assert first["artifact"] != second["artifact"]
    assert "in two ways" in _refusal(report)


def test_one_claim_worded_in_two_ways_is_refused() -> None:
    report = json.loads(SAMPLE)
    [*_, last] = [one for one in report["findings"] if one["claim"] == "load-inert"]
    last["says"] = "This file is harmless."
    assert "words the claim load-inert in two ways" in _refusal(report)


def test_facts_nested_without_end_are_refused() -> None:
    report = json.loads(SAMPLE)
    deep: Any = 0
    for _ in range(FACTS_DEPTH + 1):
        deep = [deep]
    [first, *_] = [one for one in report["findings"] if one["verdict"] == "proven"]
    first["certificate"]["facts"] = {"deep": deep}
    assert "nests deeper" in _refusal(report)


@pytest.mark.parametrize("checker", ["os", "../os", "os.path", "", "__init__", "Pickle", "a b"])
def test_the_checker_of_a_certificate_is_a_plain_module_name(checker: str) -> None:
    report = json.loads(SAMPLE)
    [first, *_] = [one for one in report["findings"] if one["verdict"] == "proven"]
    first["certificate"]["checker"] = checker
    if checker == "os":  # a fine name; `probatum check` finds that there is no such checker
        from_json(json.dumps(report).encode())
    else:
        assert "regex" in _refusal(report)


def test_schema_and_reader_refuse_the_same_mutants() -> None:
    """Drops, retypes and adds a member of every object in the sample, one at a time."""
    report = json.loads(SAMPLE)
    mutants = list(_mutants(report))
    assert len(mutants) > 300
    for what, mutant in mutants:
        assert not VALIDATOR.is_valid(mutant), what
        assert _refusal(mutant), what


SAMPLE = to_json(sample())
_OPEN = {"facts"}  # objects whose members are free
_OPTIONAL = {"offset", "line", "part", "column"}


def _proven(name: str, facts: dict[str, Any]) -> Finding:
    return Finding(artifact(name, "pickle", 1), "c", "a", Proven(Certificate("p", facts)))


def _refusal(report: Any) -> str:
    with pytest.raises(UsageError) as raised:
        from_json(json.dumps(report).encode())
    return str(raised.value)


def _mutants(report: Any) -> Any:
    for path in list(_paths(report)):
        name = path[-1]
        if isinstance(name, str) and name not in _OPTIONAL:
            yield f"without {path}", _edited(report, path, lambda held, key: held.pop(key))
        yield f"wrong type {path}", _edited(report, path, _retype)
        if isinstance(name, str):
            yield f"more beside {path}", _edited(report, path, _add)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if path:
        yield path
    if path and path[-1] in _OPEN:
        return
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _paths(one, (*path, key))
    elif isinstance(value, list):
        for index in range(0, len(value), 3):
            yield from _paths(value[index], (*path, index))


def _edited(report: Any, path: tuple[Any, ...], edit: Any) -> Any:
    changed = copy.deepcopy(report)
    held = changed
    for key in path[:-1]:
        held = held[key]
    edit(held, path[-1])
    return changed


def _retype(held: Any, key: Any) -> None:
    held[key] = 0.5 if not isinstance(held[key], float) else "x"


def _add(held: Any, key: Any) -> None:
    held[f"{key}_"] = held[key]


def _objects(value: Any, where: str = "$") -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("properties"), dict):
            yield where, value
        for key, one in value.items():
            yield from _objects(one, f"{where}.{key}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _objects(one, f"{where}[{index}]")


def _described(about: dict[str, Any]) -> bool:
    if "const" in about or "description" in about:
        return True
    if "$ref" in about:
        defined = schema()["$defs"][about["$ref"].rpartition("/")[2]]
        return "description" in defined or about["$ref"].endswith("/id")
    kinds = about.get("oneOf") or [about.get("items", {})]
    return any("$ref" in kind for kind in kinds)


def test_a_place_without_members_is_the_whole_artifact() -> None:
    finding = Finding(artifact("a", "pickle", 1), "c", "a", Undecided(Reason.OPAQUE, "d", Place()))
    assert json.loads(to_json(report_of(finding)))["findings"][0]["place"] == {}

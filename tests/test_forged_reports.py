"""Somebody has a hostile folder and wants `probatum check` to pass: what they may write, and fail.

Each forgery begins with the honest report. The hostile pickle is inert text that nothing loads.
"""

import copy
import hashlib
import importlib
import json
import os
import pickle
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tools.derive_proofs import stale

from probatum.cli.main import main

Report = dict[str, Any]
Forgery = Callable[[Report], None]
EVIL = b"cos\nsystem\n(S'true'\ntR."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An honest pickle, a hostile one, a text, and both pickles again in an archive."""
    made = tmp_path_factory.mktemp("forged") / "models"
    made.mkdir()
    (made / "good.pkl").write_bytes(pickle.dumps({"layers": [1, 2, 3]}))
    (made / "evil.pkl").write_bytes(EVIL)
    (made / "notes.txt").write_text("Nothing to see here.\n", encoding="utf-8")
    with zipfile.ZipFile(made / "both.zip", "w") as archive:
        archive.write(made / "good.pkl", "good.pkl")
        archive.write(made / "evil.pkl", "evil.pkl")
    return made


@pytest.fixture(scope="module")
def honest(folder: Path) -> Report:
    return _audited(folder)


def _audited(target: Path) -> Report:
    written = target.parent / f"{target.name}.json"
    main(["audit", str(target), "--format", "json", "-o", str(written), "-q", "--no-config"])
    report: Report = json.loads(written.read_bytes())
    return report


def _checked(
    report: Report, target: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, str]:
    tally = [one["verdict"] for one in report["findings"]]
    report["summary"] = {word: tally.count(word) for word in ("proven", "refuted", "undecided")}
    file = target.parent / "forged.json"
    file.write_text(json.dumps(report), encoding="utf-8")
    capsys.readouterr()
    code = main(["check", str(file), str(target), "--no-config", *options])
    said = capsys.readouterr()
    return code, said.out + said.err


def _of(report: Report, name: str, claim: str | None = None) -> list[dict[str, Any]]:
    return [
        one
        for one in report["findings"]
        if one["artifact"]["name"] == name and claim in (None, one["claim"])
    ]


def _drop(report: Report, name: str, claim: str | None = None) -> None:
    gone = [id(one) for one in _of(report, name, claim)]
    report["findings"] = [one for one in report["findings"] if id(one) not in gone]
    report["planned"] = [
        one
        for one in report["planned"]
        if one["artifact"] != name or claim not in (None, one["claim"])
    ]


def _undecide(report: Report, name: str, reason: str = "not-analysed") -> None:
    for one in _of(report, name):
        for key in ("witnesses", "certificate", "assumptions"):
            one.pop(key, None)
        one.update(verdict="undecided", reason=reason, detail="nobody looked", place={})


def _prove(one: dict[str, Any], certificate: dict[str, Any]) -> None:
    for key in ("witnesses", "reason", "detail", "place"):
        one.pop(key, None)
    one.update(verdict="proven", certificate=certificate, assumptions=[])


def _lend(report: Report) -> None:
    for one in _of(report, "evil.pkl"):
        [lender] = _of(report, "good.pkl", one["claim"])
        _prove(one, copy.deepcopy(lender["certificate"]))


def _lend_with_its_own_digests(report: Report) -> None:
    _lend(report)
    for one in _of(report, "evil.pkl"):
        facts = one["certificate"]["facts"]
        facts["size"] = len(EVIL)
        for stream in facts.get("streams", ()):
            stream.update(end=len(EVIL), sha256=hashlib.sha256(EVIL).hexdigest(), effects=[])


def _call_it_text(report: Report) -> None:
    first, *_ = _of(report, "evil.pkl")
    _drop(report, "evil.pkl")
    first["artifact"]["kind"] = "text"
    facts = {"kind": "text", "size": len(EVIL), "sha256": hashlib.sha256(EVIL).hexdigest()}
    [text] = _of(report, "notes.txt", "kind-is-understood")
    first.update({key: text[key] for key in ("claim", "says", "analyzer")})
    _prove(first, {"checker": "kind", "facts": facts})
    report["findings"].append(first)
    plan = {"artifact": "evil.pkl", "claim": first["claim"], "analyzer": first["analyzer"]}
    report["planned"].append(plan)


def _call_it_source(report: Report) -> None:
    first, *_ = _of(report, "evil.pkl")
    _drop(report, "evil.pkl")
    first["artifact"]["kind"] = "python"
    first.update(claim="code-reviewed", says="", analyzer="code-reviewed")
    report["findings"].append(first)
    plan = {"artifact": "evil.pkl", "claim": first["claim"], "analyzer": first["analyzer"]}
    report["planned"].append(plan)
    _undecide(report, "evil.pkl")


def _swap_digests(report: Report) -> None:
    good, evil = _of(report, "good.pkl"), _of(report, "evil.pkl")
    one, other = good[0]["artifact"]["digest"], evil[0]["artifact"]["digest"]
    for finding in good:
        finding["artifact"]["digest"] = other
    for finding in evil:
        finding["artifact"]["digest"] = one
    _undecide(report, "evil.pkl")


def _swap_names(report: Report) -> None:
    swapped = {"good.pkl": "evil.pkl", "evil.pkl": "good.pkl"}
    for one in report["findings"]:
        name = one["artifact"]["name"]
        one["artifact"]["name"] = swapped.get(name, name)
    for one in report["planned"]:
        one["artifact"] = swapped.get(one["artifact"], one["artifact"])


def _twice(report: Report) -> None:
    again = copy.deepcopy(_of(report, "good.pkl"))
    for one in again:
        one["artifact"]["name"] = "good.pkl#2"
    report["findings"] += again
    _undecide(report, "good.pkl#2")


def _out_of_its_container(report: Report) -> None:
    name = "both.zip!/evil.pkl"
    for one in _of(report, name):
        one["artifact"]["parent"] = None
    _undecide(report, name)


_FORGERIES: dict[str, tuple[Forgery, str]] = {
    "the refuted claim is dropped from the plan and the findings": (
        lambda report: _drop(report, "evil.pkl", "load-inert"),
        "unclaimed   evil.pkl  load-inert",
    ),
    "the hostile file is dropped whole": (
        lambda report: _drop(report, "evil.pkl"),
        "unreported  evil.pkl",
    ),
    "a hostile member is dropped": (
        lambda report: _drop(report, "both.zip!/evil.pkl"),
        "unreported  both.zip!/evil.pkl",
    ),
    "a container's own claim is dropped": (
        lambda report: _drop(report, "both.zip", "fully-opened"),
        "both.zip  ",
    ),
    "refuted becomes undecided": (
        lambda report: _undecide(report, "evil.pkl"),
        "unproven    evil.pkl  load-inert",
    ),
    "refuted becomes undecided for an honest reason": (
        lambda report: _undecide(report, "evil.pkl", "missing-extra"),
        "unproven    evil.pkl  load-inert",
    ),
    "another file's certificate": (_lend, "rejected    evil.pkl  load-inert"),
    "another file's certificate with this file's digests": (
        _lend_with_its_own_digests,
        "rejected    evil.pkl  load-inert",
    ),
    "a pickle is called text": (_call_it_text, "is of kind pickle and the report says text"),
    "a pickle is called source code": (_call_it_source, "unclaimed   evil.pkl  load-inert"),
    "two digests are swapped": (_swap_digests, "mismatched  evil.pkl"),
    "two names are swapped": (_swap_names, "rejected    evil.pkl  load-inert"),
    "an artifact stands twice": (_twice, "mismatched  good.pkl#2"),
    "a member lies in no container": (_out_of_its_container, "mismatched  both.zip!/evil.pkl"),
}


@pytest.mark.parametrize("forgery", _FORGERIES)
def test_a_forged_report_does_not_pass(
    forgery: str, honest: Report, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge, expected = _FORGERIES[forgery]
    report = copy.deepcopy(honest)
    forge(report)
    code, said = _checked(report, folder, capsys)
    assert code in (1, 2), said
    assert expected in said


def test_refuted_and_undecided_are_worth_the_same(
    honest: Report, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _checked(copy.deepcopy(honest), folder, capsys)
    report = copy.deepcopy(honest)
    for one in [one for one in report["findings"] if one["verdict"] == "refuted"]:
        _undecide(report, one["artifact"]["name"])
    code, said = _checked(report, folder, capsys)
    assert code == told[0] == 2
    assert [line for line in said.splitlines() if line.startswith("unproven")] == [
        line for line in told[1].splitlines() if line.startswith("unproven")
    ]


def test_without_a_policy_a_report_that_hides_nothing_passes(
    honest: Report, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _checked(copy.deepcopy(honest), folder, capsys, "--only-certificates")[0] == 0
    report = copy.deepcopy(honest)
    _drop(report, "evil.pkl", "load-inert")
    assert _checked(report, folder, capsys, "--only-certificates")[0] == 2


def test_a_policy_of_the_user_is_applied_to_what_the_certificates_show(
    honest: Report, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--must-prove", "no-hidden-text")
    code, said = _checked(copy.deepcopy(honest), folder, capsys, *asked)
    assert code == 0, said
    assert _checked(copy.deepcopy(honest), folder, capsys, "--must-prove", "no-such-claim")[0] == 3


def test_an_artifact_judged_twice_is_no_report(
    honest: Report, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = copy.deepcopy(honest)
    report["findings"] += copy.deepcopy(_of(report, "good.pkl"))
    code, said = _checked(report, folder, capsys)
    assert code == 3
    assert "two verdicts" in said


def test_a_proof_of_one_format_proves_nothing_of_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some bytes are sound tensors to one reader and a hostile pickle to the next."""
    header = b'{"w":{"dtype":"U8","shape":[64],"data_offsets":[0,64]}}'
    target = tmp_path / "models"
    target.mkdir()
    sound = len(header).to_bytes(8, "little") + header + bytes(64)
    (target / "w.safetensors").write_bytes(sound)
    (target / "w.pkl").write_bytes(pickle.dumps([1]))
    report = _audited(target)
    [lender] = _of(report, "w.safetensors", "load-inert")
    [one] = _of(report, "w.pkl", "load-inert")
    _prove(one, lender["certificate"])
    code, said = _checked(report, target, capsys)
    assert code == 1
    assert "no certificate of safetensors proves load-inert of the kind pickle" in said


@pytest.mark.parametrize(
    ("kind", "name", "checker", "facts"),
    [
        ("joblib", "x", "pickle", {"loader": "torch-raw"}),
        ("pickle", "x", "pickle", {"loader": "joblib"}),
        ("torch-pickle", "x!/a/data.pkl", "pickle", {"loader": ["torch"]}),
        ("torch-tar-pickle", "x!/storages", "pickle", {"loader": "pickle"}),
        ("torchscript", "x", "torchscript", {"part": "code"}),
        ("torchscript-pickle", "x", "torchscript", {"part": "code"}),
        ("xgboost-ubj", "x", "xgboost_model", {"form": "json"}),
        ("openvino-xml", "x", "xml", {"kind": "pmml"}),
        ("npy", "x", "pickle", {"loader": "pickle"}),
        ("tensorrt", "x", "pickle", {"loader": "pickle"}),
        ("unknown", "x", "pickle", {"loader": "pickle"}),
    ],
)
def test_a_fact_that_the_kind_decides_is_not_the_reports_to_choose(
    kind: str, name: str, checker: str, facts: dict[str, Any]
) -> None:
    from probatum.audit.proofs import misfit
    from probatum.vocabulary import Artifact, Certificate

    artifact = Artifact(name=name, kind=kind, size=1)
    assert misfit(artifact, "load-inert", Certificate(checker, facts))


def test_names_that_collide_are_told_apart_as_the_audit_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "models"
    (target / "a!").mkdir(parents=True)
    (target / "a!" / "b").write_bytes(pickle.dumps([1]))
    with zipfile.ZipFile(target / "a", "w") as archive:
        archive.writestr("b", pickle.dumps({"x": 2}))
    report = _audited(target)
    assert len({one["artifact"]["name"] for one in report["findings"]}) == 3
    code, said = _checked(report, target, capsys)
    assert code == 0, said


def test_a_trouble_in_opening_cannot_be_proven_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "models"
    target.mkdir()
    with tarfile.open(target / "a.tar", "w") as archive:
        archive.add(__file__, "whole.py")
    data = (target / "a.tar").read_bytes()
    (target / "a.tar").write_bytes(data[:1500])
    report = _audited(target)
    code, said = _checked(report, target, capsys)
    assert code == 2, said


def test_the_tables_are_what_the_analysers_say() -> None:
    assert stale() == [], "run python -m tools.derive_proofs"


# Hostile certificates cost their own line.


def _forever(*_: object) -> None:
    while True:
        time.process_time()


def _memory(*_: object) -> None:
    held = [bytearray(64 << 20)]
    while True:
        held.append(bytearray(64 << 20))


def _output(*_: object) -> None:
    os.write(1, b"x" * 100)
    Path("/tmp/forged-by-a-checker").write_text("x", "utf-8")


@pytest.mark.parametrize("hostile", [_forever, _memory, os.abort, _output, os.fork])
def test_a_check_that_goes_wrong_costs_its_own_line(
    hostile: Callable[..., None],
    honest: Report,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = importlib.import_module("probatum.check.visible_text")
    monkeypatch.setattr(module, "holds", lambda *_: hostile())
    code, said = _checked(
        copy.deepcopy(honest), folder, capsys, "--max-cpu-seconds", "1", "--max-memory", "1GiB"
    )
    assert code == 1, said
    rejected = [line for line in said.splitlines() if line.startswith("rejected")]
    assert len(rejected) == 1
    assert "notes.txt  no-hidden-text" in rejected[0]
    assert f"{honest['summary']['proven'] - 1} certificates re-derived" in said
    assert not Path("/tmp/forged-by-a-checker").exists()


def test_names_stay_the_audits_own_when_a_worker_dies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "models"
    (target / "a!").mkdir(parents=True)
    (target / "a!" / "b").write_bytes(pickle.dumps([1]))
    with zipfile.ZipFile(target / "a", "w") as archive:
        archive.writestr("b", pickle.dumps({"x": 2}))
        archive.writestr("c.txt", "some text\n")
    report = _audited(target)
    module = importlib.import_module("probatum.check.visible_text")
    monkeypatch.setattr(module, "holds", lambda *_: os.abort())
    _, said = _checked(report, target, capsys)
    assert [line.split()[1:3] for line in said.splitlines() if line.startswith("rejected")] == [
        ["a!/c.txt", "no-hidden-text"]
    ]


@pytest.mark.parametrize(
    "facts",
    [
        {"loader": "pickle", "claim": "load-inert", "size": 10**4000, "streams": []},
        {"claim": "load-inert", "streams": [{"start": 1 << 200}] * 1000},
        {"claim": "load-inert", "deep": json.loads("[" * 60 + "]" * 60)},
        {"claim": "load-inert", "x" * (1 << 20): "y" * (1 << 20)},
    ],
)
def test_hostile_facts_are_rejected(
    facts: dict[str, Any], honest: Report, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = copy.deepcopy(honest)
    [one] = _of(report, "good.pkl", "load-inert")
    one["certificate"]["facts"] = facts
    code, said = _checked(report, folder, capsys)
    assert code in (1, 3), said
    assert "Traceback" not in said
    assert code == 3 or "rejected    good.pkl  load-inert" in said


@pytest.mark.parametrize(
    ("kind", "said"), [("yaml", "json"), ("json", "yaml"), ("model-config", "yaml")]
)
def test_a_configuration_is_not_checked_as_the_report_would_have_it_read(
    kind: str, said: str
) -> None:
    """JSON that names code may hold none of the words that are looked for in YAML."""
    from probatum.audit.proofs import misfit
    from probatum.vocabulary import Artifact, Certificate

    artifact = Artifact(name="config", kind=kind, size=1)
    assert misfit(artifact, "no-remote-code", Certificate("remote_code", {"format": said}))

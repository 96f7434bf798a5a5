"""Code that a model's configuration names: what its import runs, said by prover and by checker."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from certificate_laws import beside
from hostile.folders import written
from hostile.repositories import ATTACKS, CONFIG, HONEST, NAMINGS, REPOSITORIES, encoded
from probatum.analyzers.model.named_code import named_code
from probatum.audit.certified import rejection
from probatum.check import named_code as checker
from probatum.errors import FormatError, Rejected
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Certificate, Proven, Undecided, Verdict


def _verdict(folder: Path, data: bytes) -> Verdict:
    artifact = Artifact(name="config.json", kind="model-config", size=len(data))
    return named_code.judge(artifact, BytesMaterial(data, beside(folder)))


def _rejected(folder: Path, data: bytes, facts: dict[str, Any]) -> str:
    artifact = Artifact(name="config.json", kind="model-config", size=len(data))
    material = BytesMaterial(data, beside(folder))
    return rejection(artifact, "named-code-inert", Certificate("named_code", facts), material)


def _facts(data: bytes, files: dict[str, str]) -> dict[str, Any]:
    folder = {name: sha256(text.encode()).hexdigest() for name, text in files.items()}
    return {"size": len(data), "sha256": sha256(data).hexdigest(), "folder": folder}


@pytest.mark.parametrize("name", REPOSITORIES)
def test_an_honest_repository_is_proven_and_the_certificate_holds(
    tmp_path: Path, name: str
) -> None:
    config, files = REPOSITORIES[name]
    written(tmp_path, dict(files))
    verdict = _verdict(tmp_path, encoded(config))
    assert isinstance(verdict, Proven), verdict
    assert verdict.certificate.facts == _facts(encoded(config), files)
    assert _rejected(tmp_path, encoded(config), verdict.certificate.facts) == ""


@pytest.mark.parametrize("name", ATTACKS)
def test_no_repository_that_may_run_more_is_proven(tmp_path: Path, name: str) -> None:
    files = ATTACKS[name]
    written(tmp_path, dict(files))
    verdict = _verdict(tmp_path, encoded(CONFIG))
    assert isinstance(verdict, Undecided), name
    for count in range(2):
        listed = {one: text for one, text in files.items() if one in HONEST or count}
        assert _rejected(tmp_path, encoded(CONFIG), _facts(encoded(CONFIG), listed)), name


@pytest.mark.parametrize("name", NAMINGS)
def test_code_that_is_named_in_another_way_is_not_proven(tmp_path: Path, name: str) -> None:
    written(tmp_path, dict(HONEST))
    data = encoded(NAMINGS[name])
    try:
        assert isinstance(_verdict(tmp_path, data), Undecided)
    except FormatError as undecided:
        assert undecided.detail
    assert _rejected(tmp_path, data, _facts(data, dict(HONEST)))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a statement", "importing modeling_roam runs __import__('os').system('true')"),
        ("a text in a type", "PreTrainedModel evaluates the annotation List["),
        ("a library that opens a browser", "the loader imports antigravity"),
        ("a sibling that the loader looks into", "the loader looks into 'from .evil import'"),
        ("kernels that are loaded", "torch.ops.load_library('kernel.so') (modeling_roam.py:"),
    ],
)
def test_the_line_that_prevents_the_proof_is_named(tmp_path: Path, name: str, says: str) -> None:
    written(tmp_path, dict(ATTACKS[name]))
    verdict = _verdict(tmp_path, encoded(CONFIG))
    assert isinstance(verdict, Undecided)
    assert says in verdict.detail
    assert ".py:" in verdict.detail


def test_a_certificate_holds_for_the_files_that_are_there_now(tmp_path: Path) -> None:
    written(tmp_path, dict(HONEST))
    data = encoded(CONFIG)
    facts = _facts(data, dict(HONEST))
    assert _rejected(tmp_path, data, facts) == ""
    written(tmp_path, {"configuration_roam.py": HONEST["configuration_roam.py"] + "# more\n"})
    assert "another digest" in _rejected(tmp_path, data, facts)


def test_no_mutant_of_a_certificate_is_accepted(tmp_path: Path) -> None:
    written(tmp_path, dict(HONEST) | {"other.py": "X = 1\n"})
    data = encoded(CONFIG)
    facts = _facts(data, dict(HONEST))
    mutants: list[Any] = [
        {**facts, "size": facts["size"] + 1},
        {**facts, "size": True},
        {**facts, "sha256": "0" * 64},
        {**facts, "more": 1},
        {**facts, "folder": {}},
        {**facts, "folder": []},
        {**facts, "folder": dict.fromkeys(HONEST, 1)},
        {**facts, "folder": {"modeling_roam.py": facts["folder"]["modeling_roam.py"]}},
        _facts(data, dict(HONEST) | {"other.py": "X = 1\n"}),
        {"size": facts["size"]},
    ]
    for mutant in mutants:
        with pytest.raises(Rejected):
            checker.holds(mutant, BytesMaterial(data).read, len(data), beside(tmp_path).folders)


def test_without_the_folder_nothing_is_proven() -> None:
    data = encoded(CONFIG)
    artifact = Artifact(name="config.json", kind="model-config", size=len(data))
    verdict = named_code.judge(artifact, BytesMaterial(data))
    assert isinstance(verdict, Undecided)
    assert "audit it on this machine" in verdict.detail
    with pytest.raises(Rejected):
        checker.holds(_facts(data, dict(HONEST)), BytesMaterial(data).read, len(data))


def test_a_folder_of_models_may_have_the_name_of_a_library(tmp_path: Path) -> None:
    written(tmp_path, dict(HONEST) | {"onnx/model.onnx": b"", "openvino/model.xml": b""})
    data = encoded(CONFIG)
    verdict = _verdict(tmp_path, data)
    assert isinstance(verdict, Proven), verdict
    assert _rejected(tmp_path, data, verdict.certificate.facts) == ""
    written(tmp_path, {"onnx/helper.py": "X = 1\n"})
    assert isinstance(_verdict(tmp_path, data), Undecided)
    assert _rejected(tmp_path, data, verdict.certificate.facts)

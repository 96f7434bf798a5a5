"""`probatum check` of what `probatum compare` wrote."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from known_lists import safetensors
from probatum.cli.main import main


def weights(first: float = 1.0) -> bytes:
    return safetensors(struct.pack("<2f", first, 3.0))


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("base", "mirror"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text('{"model_type": "llama"}')
        (tmp_path / name / "model.safetensors").write_bytes(weights())
    return tmp_path


def compared(*line: str) -> dict[str, Any]:
    main(["compare", "base", "mirror", *line, "--format", "json", "-o", "made.json", "-q"])
    said: dict[str, Any] = json.loads(Path("made.json").read_text())
    return said


def checked(said: dict[str, Any]) -> int:
    Path("made.json").write_text(json.dumps(said))
    return main(["check", "made.json", "base", "mirror"])


def test_what_is_proven_to_be_the_same_is_derived_again(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = compared("--prove")
    assert checked(said) == 0
    assert "proven to be the same again, 0 rejected" in capsys.readouterr().out
    assert main(["check", "made.json", "base", "mirror", "--format", "json"]) == 0
    assert {one["outcome"] for one in json.loads(capsys.readouterr().out)["checked"]} == {"holds"}


def test_a_comparison_without_proofs_shows_nothing(models: Path) -> None:
    assert checked(compared()) == 2


def test_what_changed_since_is_rejected(models: Path) -> None:
    said = compared("--prove")
    (models / "mirror" / "model.safetensors").write_bytes(weights(2.0))
    assert checked(said) == 1


def test_a_word_changed_in_the_document_is_rejected(models: Path) -> None:
    (models / "mirror" / "model.safetensors").write_bytes(weights(2.0))
    for change in ({"state": "same"}, {"state": "same", "proven": True}, {"name": "all"}):
        said = compared("--prove")
        tensors = next(one for one in said["aspects"] if one["name"] == "tensors")
        tensors.update(change)
        assert checked(said) == 1
    said = compared("--prove")
    said["aspects"][0] = 3
    assert checked(said) == 1


@pytest.mark.parametrize("said", [{"aspects": 3}, {}, {"aspects": []}])
def test_a_document_that_is_none_proves_nothing(models: Path, said: dict[str, Any]) -> None:
    assert checked({"schema": "probatum-comparison/1", **said}) in (2, 3)


def test_a_comparison_is_of_two_models(models: Path) -> None:
    compared("--prove")
    assert main(["check", "made.json", "base"]) == 3

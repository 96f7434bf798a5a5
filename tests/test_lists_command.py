"""Lists of known-bad models and files, as a user installs them and meets them in an audit."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from advisory_mirror import Mirror
from known_lists import COMMIT, TENSOR, safetensors
from probatum.cli.main import main

_CLAIM = "not-listed"
_TODAY = datetime.now(UTC).date().isoformat()


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROBATUM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(safetensors(TENSOR))
    (model / "notes.txt").write_text("nobody lists this\n")
    return model


def _list(*entries: str, name: str = "own", published: str = _TODAY) -> str:
    told = "".join(f'\n[[entry]]\nreason = "a test calls it bad"\n{one}\n' for one in entries)
    Path(f"{name}.toml").write_text(f'name = "{name}"\npublished = {published}\n{told}')
    return f"{name}.toml"


def _installed(*entries: str, more: tuple[str, ...] = (), **said: str) -> int:
    return main(["advisories", "update", "--list", _list(*entries, **said), *more])


def _audited(target: Path, *more: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the findings on the claim by artifact."""
    asked = ("--must-prove", _CLAIM, "--format", "json", "-o", "report.json")
    code = main(["audit", str(target), *asked, "-q", *more])
    findings = json.loads(Path("report.json").read_text())["findings"]
    return code, {one["artifact"]["name"]: one for one in findings if one["claim"] == _CLAIM}


def _sha256(path: Path) -> str:
    return f'sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"'


def test_a_file_on_a_list_is_refuted_with_its_reason(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _installed(_sha256(model / "notes.txt")) == 0
    assert "own: 1 entry, published on" in capsys.readouterr().out
    assert main(["audit", str(model)]) == 1
    told = capsys.readouterr().out
    assert "notes.txt" in told and "a test calls it bad" in told


def test_what_no_list_names_is_proven_and_checked(model: Path) -> None:
    assert _installed(f'sha256 = "{"0" * 64}"', f'tensor = "{"0" * 64}"') == 0
    code, found = _audited(model)
    assert code == 0
    assert {one["verdict"] for one in found.values()} == {"proven"}
    assert set(found) == {"model.safetensors", "notes.txt"}
    assert main(["check", "report.json", str(model), "--must-prove", _CLAIM]) == 0
    (model / "notes.txt").write_text("something else\n")
    assert main(["check", "report.json", str(model), "--must-prove", _CLAIM]) == 1


def test_a_tensor_is_known_in_another_file(model: Path) -> None:
    tensor = hashlib.sha256(b"F32 2\n" + TENSOR).hexdigest()
    assert _installed(f'tensor = "{tensor}"') == 0
    code, found = _audited(model)
    assert code == 1
    assert found["model.safetensors"]["verdict"] == "refuted"
    assert found["notes.txt"]["verdict"] == "proven"


def test_without_a_list_it_is_asked_only_where_the_policy_asks(model: Path) -> None:
    code, found = _audited(model)
    assert code == 2
    assert {one["reason"] for one in found.values()} == {"missing-advisories"}
    main(["audit", str(model), "--format", "json", "-o", "report.json", "-q"])
    assert _CLAIM not in Path("report.json").read_text()
    assert main(["check", "report.json", str(model), "--must-prove", _CLAIM]) == 2


def test_a_list_that_is_too_old_proves_nothing(model: Path) -> None:
    assert _installed(f'sha256 = "{"0" * 64}"', published="2020-01-01") == 0
    code, found = _audited(model)
    assert (code, found["notes.txt"]["reason"]) == (2, "missing-advisories")
    assert "days old, and 30 are allowed" in found["notes.txt"]["detail"]
    digest = Path("data/lists/current").read_text().strip()
    assert _audited(model, "--lists", digest)[0] == 0
    assert main(["check", "report.json", str(model), "--must-prove", _CLAIM]) == 1
    asked = ["--must-prove", _CLAIM, "--lists", digest]
    assert main(["check", "report.json", str(model), *asked]) == 0


def test_a_list_that_was_changed_on_the_disk_is_no_proof(model: Path) -> None:
    assert _installed(f'sha256 = "{"0" * 64}"') == 0
    assert _audited(model)[0] == 0
    digest = Path("data/lists/current").read_text().strip()
    Path(f"data/lists/snapshots/{digest}/records.jsonl").write_bytes(b"")
    assert main(["check", "report.json", str(model), "--must-prove", _CLAIM]) == 1


def test_a_newer_list_takes_the_place_of_the_older_one_of_its_name(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (f'sha256 = "{one * 64}"' for one in "01")
    assert _installed(first, published="2026-01-02") == 0
    assert _installed(second, name="other") == 0
    assert _installed(first, second, published="2026-01-03") == 0
    assert main(["advisories", "info", "--format", "json"]) == 0
    out = capsys.readouterr().out
    said = json.loads(out[out.index("{") :])["lists"]["covers"]
    assert {name: one["entries"] for name, one in said.items()} == {"other": 1, "own": 2}
    assert "key" not in said["own"]["source"]
    assert main(["advisories", "update", "--drop-list", "other"]) == 0
    assert main(["advisories", "update", "--drop-list", "other"]) == 3
    assert main(["advisories", "info"]) == 0
    told = capsys.readouterr().out
    assert "no advisories are installed" in told and "own: 2 entries" in told


def test_an_older_or_a_shorter_list_is_refused(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (f'sha256 = "{one * 64}"' for one in "01")
    assert _installed(first, second, published="2026-01-02") == 0
    before = Path("data/lists/current").read_text()
    assert _installed(first, second, published="2026-01-01") == 3
    assert "was published on 2026-01-02, the new one 2026-01-01" in capsys.readouterr().err
    assert _installed(first, published="2026-01-02") == 3
    assert "1 of what the installed one names is gone" in capsys.readouterr().err
    assert Path("data/lists/current").read_text() == before
    assert _installed(first, published="2026-01-02", more=("--allow-older",)) == 0
    assert "1 thing that it named no longer there" in capsys.readouterr().out


def test_what_is_no_list_is_a_mistake(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("own.toml").write_text("name = 3")
    assert main(["advisories", "update", "--list", "own.toml"]) == 3
    assert "own.toml: no list of known-bad models and files: it has no name" in (
        capsys.readouterr().err
    )
    assert main(["advisories", "update", "--list", "missing.toml"]) == 3
    assert main(["advisories", "update", "--list", "http://example.org/x"]) == 3


def test_a_snapshot_in_the_hubs_cache_is_known_by_its_commit(model: Path) -> None:
    held = Path("cache/models--owner--name/snapshots") / COMMIT
    held.mkdir(parents=True)
    (held / "notes.txt").write_text("nobody lists this\n")
    assert _installed(f'purl = "pkg:huggingface/other/name@{COMMIT}"') == 0
    code, found = _audited(held)
    assert code == 1
    assert found["package-url"]["verdict"] == "refuted"
    assert _installed(f'purl = "pkg:huggingface/owner/name@{"1" * 40}"', name="own",
                      more=("--allow-older",)) == 0  # fmt: skip
    code, found = _audited(held)
    assert (code, found["package-url"]["verdict"]) == (0, "proven")
    assert main(["check", "report.json", str(held), "--must-prove", _CLAIM]) == 0
    assert main(["check", "report.json", str(held), "--only-certificates"]) == 0


def test_a_list_is_fetched_and_is_as_old_as_the_last_time_that_it_was_asked_for(
    model: Path,
) -> None:
    entry = f'sha256 = "{"0" * 64}"'
    with Mirror() as mirror:
        mirror.files["/list.toml"] = Path(_list(entry, published="2020-01-01")).read_bytes()
        address = f"{mirror.url}/list.toml"
        assert main(["advisories", "update", "--list", f"{address}?key=secret"]) == 3
        assert main(["advisories", "update", "--list", address]) == 0
        assert main(["advisories", "update", "--list", address]) == 0
        assert "if-none-match" in mirror.requests[-1][1]
    assert _audited(model)[0] == 0


def test_old_states_of_the_lists_are_pruned(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in "0123":
        assert _installed(f'sha256 = "{one * 64}"', more=("--allow-older",)) == 0
    capsys.readouterr()
    assert main(["advisories", "prune", "--keep", "1"]) == 0
    assert "3 older lists removed, 1 kept\n" in capsys.readouterr().out
    assert _audited(model)[0] == 0

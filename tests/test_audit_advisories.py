"""Audits and checks that rest on installed advisories, as a user meets them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from advisory_mirror import advisory, lines
from probatum.cli.main import main

_CLAIM = "no-known-vulnerability"
_TODAY = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _known(id: str, fixed: str) -> dict[str, Any]:
    """A record of today: advisories from a file are as old as its newest record."""
    return advisory(id, "demo", fixed=fixed, modified=_TODAY)


_RECORDS = [_known(f"X-{number}", "2.0") for number in range(20)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROBATUM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.txt").write_text("demo==2.0\n")
    return project


@pytest.fixture
def installed(project: Path) -> str:
    """The digest of the installed snapshot."""
    return _updated(project, *_RECORDS)


def _updated(project: Path, *records: dict[str, Any]) -> str:
    feed = project.parent / "feed.jsonl"
    feed.write_bytes(lines(*records))
    assert main(["advisories", "update", "--from", str(feed)]) == 0
    return (project.parent / "data/advisories/current").read_text().strip()


def _audited(project: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the finding on the claim."""
    report = project.parent / "report.json"
    asked = ("--must-prove", _CLAIM, "--format", "json", "-o", str(report))
    code = main(["audit", str(project), *asked, "-q", *more])
    findings = json.loads(report.read_text())["findings"]
    return code, next(one for one in findings if one["claim"] == _CLAIM)


def _checked(project: Path, *more: str) -> int:
    report = str(project.parent / "report.json")
    return main(["check", report, str(project), "--must-prove", _CLAIM, *more])


def test_a_pinned_project_is_proven_and_checked(project: Path, installed: str) -> None:
    code, verdict = _audited(project)
    assert (code, verdict["verdict"]) == (0, "proven")
    assert verdict["certificate"]["facts"]["snapshot"] == installed
    assert _checked(project) == 0


def test_an_affected_component_is_told_with_its_upgrade(
    project: Path, installed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.txt").write_text("demo==1.5\n")
    assert main(["audit", str(project), "-v"]) == 1
    told = capsys.readouterr().out
    assert "demo 1.5 is affected by X-0, X-1, X-10 and 17 more" in told
    assert "instead: demo 2.0 closes all that is known" in told


def test_without_advisories_the_policy_does_not_hold(project: Path) -> None:
    code, verdict = _audited(project)
    assert (code, verdict["reason"]) == (2, "missing-advisories")


def test_advisories_that_are_too_old_prove_nothing(
    project: Path, installed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = project.parent / f"data/advisories/snapshots/{installed}/feeds.json"
    said = json.loads(manifest.read_text()) | {"checked": "2020-01-01T00:00:00+00:00"}
    manifest.write_text(json.dumps(said))
    code, verdict = _audited(project)
    assert (code, verdict["reason"]) == (2, "missing-advisories")
    assert "days old, and 30 are allowed" in verdict["detail"]
    # Whoever names them has chosen them.
    assert _audited(project, "--advisories", installed[:12])[0] == 0
    assert _checked(project) == 1
    assert _checked(project, "--advisories", installed) == 0
    (project.parent / "probatum.toml").write_text("[advisories]\nmax-age-days = 100000\n")
    assert _audited(project)[0] == 0


def test_a_check_asks_the_same_advisories(project: Path, installed: str) -> None:
    assert _audited(project)[0] == 0
    newer = _updated(project, *_RECORDS, _known("X-21", "3.0"))
    assert newer != installed
    assert _checked(project) == 1
    assert _checked(project, "--advisories", installed) == 0
    assert _audited(project)[0] == 1


def test_a_changed_record_is_no_proof(project: Path, installed: str) -> None:
    assert _audited(project)[0] == 0
    records = project.parent / f"data/advisories/snapshots/{installed}/records.jsonl"
    records.write_bytes(records.read_bytes().replace(b'"2.0"', b'"9.0"'))
    assert _checked(project) == 1


def test_a_snapshot_that_is_not_there_is_a_mistake(
    project: Path, installed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(project), "--advisories", "0" * 64]) == 3
    assert "no snapshot of advisories called" in capsys.readouterr().err
    assert main(["audit", str(project), "--advisories", installed[:4]]) == 3


def test_an_environment_is_judged_as_a_whole(project: Path, installed: str) -> None:
    (project / "requirements.txt").unlink()
    for name, version in (("demo", "1.0"), ("other", "3.0")):
        folder = project / f"{name}-{version}.dist-info"
        folder.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (folder / "METADATA").write_text(text)
    code, verdict = _audited(project)
    assert (code, verdict["verdict"]) == (1, "refuted")
    assert len(verdict["witnesses"]) == 1
    (project / "demo-1.0.dist-info/METADATA").write_text("Name: demo\nVersion: 2.0\n")
    (project / "demo-1.0.dist-info").rename(project / "demo-2.0.dist-info")
    assert _audited(project)[0] == 0
    assert _checked(project) == 0

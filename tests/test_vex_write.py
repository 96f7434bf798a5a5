"""`probatum vex write`: what the installed advisories say of a target, for others to read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from advisory_mirror import advisory, lines
from probatum.cli.main import main

_TODAY = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
_RECORDS = (
    advisory("X-1", "demo", fixed="2.0", modified=_TODAY, aliases=["CVE-1900-0001"]),
    advisory("X-2", "other", last="2.0-NA", modified=_TODAY),
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROBATUM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "feed.jsonl").write_bytes(lines(*_RECORDS))
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def _installed() -> None:
    assert main(["advisories", "update", "--from", "feed.jsonl"]) == 0


def _pinned(project: Path, text: str) -> None:
    (project / "requirements.txt").write_text(text)


def _written(*more: str) -> Any:
    arguments = ["vex", "write", "project", "--author", "Us", "-o", "vex.json", "-q", *more]
    assert main(arguments) == 0
    return json.loads(Path("vex.json").read_text())


def _states_nothing(*more: str) -> None:
    assert main(["vex", "write", "project", "--author", "Us", "-q", *more]) == 2


def test_what_affects_and_what_cannot_be_told_is_stated(project: Path) -> None:
    _installed()
    _pinned(project, "demo==1.0\nother==2.0\nunheard-of==1\n")
    document = _written("--timestamp", "2026-01-31T12:00:00Z")
    assert (document["author"], document["timestamp"]) == ("Us", "2026-01-31T12:00:00Z")
    first, second = document["statements"]
    assert first["vulnerability"] == {"name": "CVE-1900-0001", "aliases": ["X-1"]}
    assert (first["products"][0]["@id"], first["status"]) == ("pkg:pypi/demo@1.0", "affected")
    assert first["action_statement"] == "upgrade to 2.0"
    assert second["status"] == "under_investigation"


def test_what_does_not_affect_is_stated_with_the_certificate_of_a_report(project: Path) -> None:
    _installed()
    _pinned(project, "demo==2.0\n")
    _states_nothing()
    assert main(["audit", "project", "--format", "json", "-o", "report.json", "-q"]) == 0
    [said] = _written("--report", "report.json")["statements"]
    assert (said["status"], said["justification"]) == (
        "not_affected",
        "vulnerable_code_not_present",
    )
    assert said["status_notes"].startswith("shown by the certificate sha256:")


def test_a_certificate_of_another_file_or_snapshot_shows_nothing(project: Path) -> None:
    _installed()
    _pinned(project, "demo==2.0\n")
    assert main(["audit", "project", "--format", "json", "-o", "report.json", "-q"]) == 0
    _pinned(project, "demo==2.0 # changed\n")
    _states_nothing("--report", "report.json")
    _pinned(project, "demo==2.0\n")
    Path("feed.jsonl").write_bytes(lines(*_RECORDS, advisory("X-3", "third", modified=_TODAY)))
    _installed()
    _states_nothing("--report", "report.json")


def test_it_is_written_as_cyclonedx_and_read_back(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _installed()
    _pinned(project, "demo==1.0\n")
    document = _written("--format", "cyclonedx-1.6")
    assert document["vulnerabilities"][0]["analysis"]["state"] == "exploitable"
    assert main(["vex", "show", "vex.json"]) == 0
    assert "CVE-1900-0001" in capsys.readouterr().out


def test_without_advisories_nothing_is_stated(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _pinned(project, "demo==1.0\n")
    assert main(["vex", "write", "project", "--author", "Us"]) == 3
    assert (
        "no advisories are installed: run 'probatum advisories update'" in capsys.readouterr().err
    )


def test_a_document_without_a_statement_is_not_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _installed()
    _pinned(project, "unheard-of==1\n")
    assert main(["vex", "write", "project", "--author", "Us", "-o", "vex.json"]) == 2
    assert "no document is written" in capsys.readouterr().err
    assert not Path("vex.json").exists()

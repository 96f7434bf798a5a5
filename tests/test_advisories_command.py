"""`probatum advisories` as a user meets it."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from advisory_mirror import advisory, epss, kev, lines
from probatum.cli.main import main

RECORDS = [advisory(f"X-{number}", "demo", fixed="2.0") for number in range(20)]


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PROBATUM_DATA", str(tmp_path / "data"))
    path = tmp_path / "feed.jsonl"
    path.write_bytes(lines(*RECORDS))
    return str(path)


def said(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["advisories", *arguments]) == 0
    return capsys.readouterr().out


def test_an_update_tells_what_it_installed(feed: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = said("update", "--from", feed, capsys=capsys)
    assert first.startswith("PyPI: 20 records, the newest changed on 2026-01-02\nno EPSS scores\n")
    assert first.endswith(" is installed\n")
    assert "still what there is" in said("update", "--from", feed, capsys=capsys)


def test_what_is_gone_is_told(feed: str, capsys: pytest.CaptureFixture[str]) -> None:
    said("update", "--from", feed, capsys=capsys)
    Path(feed).write_bytes(lines(*RECORDS[1:]))
    assert "1 record that you had no longer there: X-0" in said(
        "update", "--from", feed, capsys=capsys
    )


def test_a_refused_update_says_why_and_exits_with_3(
    feed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said("update", "--from", feed, capsys=capsys)
    Path(feed).write_bytes(lines(*RECORDS[5:]))
    assert main(["advisories", "update", "--from", feed]) == 3
    told, talk = capsys.readouterr()
    assert told == ""
    assert "5 of the 20 installed records of PyPI are gone" in talk
    assert "--allow-older" in talk
    said("update", "--from", feed, "--allow-older", capsys=capsys)


def test_what_is_installed_is_told_in_words_and_for_scripts(
    feed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scores.csv").write_bytes(epss("2026-01-31", CVE_2026_0001=("0.5", "0.9")))
    (tmp_path / "kev.json").write_bytes(kev("2026-01-30", CVE_2026_0001="2026-01-15"))
    more = [f"--from={tmp_path / name}" for name in ("scores.csv", "kev.json")]
    said("update", "--from", feed, *more, capsys=capsys)
    told = said("info", capsys=capsys)
    assert "covers    PyPI: 20 records, the newest changed on 2026-01-02\n" in told
    assert "urgency   EPSS of 2026-01-31\n" in told
    assert re.search(r"as of     2026-01-02T03:04:05Z, \d+ days ago\n", told)
    assert f"source    {feed}\n          sha256:" in told
    read = json.loads(said("info", "--format", "json", capsys=capsys))
    assert read["covers"] == {"PyPI": {"records": 20, "newest": "2026-01-02T03:04:05Z"}}
    assert (read["epss"], read["kev"], read["older"]) == ("2026-01-31", "2026-01-30", [])
    assert read["age_s"] > 86_400
    assert [set(one) for one in read["sources"]] == [
        {"address", "sha256", "size", "last_modified"}
    ] * 3
    assert Path(read["folder"]).name == read["snapshot"]


@pytest.mark.parametrize("command", ["info", "serve"])
def test_without_advisories_the_way_to_them_is_told(
    command: str, feed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["advisories", command]) == 3
    assert "run 'probatum advisories update'" in capsys.readouterr().err


def test_old_snapshots_are_removed(feed: str, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        Path(feed).write_bytes(lines(*RECORDS, *[advisory("Y", "y", last=str(number))]))
        said("update", "--from", feed, capsys=capsys)
    assert "older     3; 'probatum advisories prune' removes some" in said("info", capsys=capsys)
    pruned = said("prune", "--keep", "2", capsys=capsys)
    assert pruned.endswith("2 snapshots removed, 2 kept\n")
    assert main(["advisories", "prune", "--keep", "0"]) == 3


def test_an_address_that_is_not_fetched_is_wrong_usage(
    feed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["advisories", "update", "--from", "http://mirror.example/all.zip"]) == 3
    assert "only https" in capsys.readouterr().err


def test_a_command_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["advisories"])
    assert caught.value.code == 3
    assert "COMMAND" in capsys.readouterr().err


def test_a_server_answers_until_it_is_stopped(
    feed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said("update", "--from", feed, capsys=capsys)
    command = [sys.executable, "-m", "probatum", "advisories", "serve", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ, text=True) as running:
        assert running.stderr is not None
        line = running.stderr.readline()
        address = line.split()[1]
        with urllib.request.urlopen(f"{address}/v1/vulns/X-1", timeout=10) as answer:
            assert json.load(answer) == RECORDS[1]
            assert answer.headers["X-Probatum-Snapshot"].startswith(line.split()[5].rstrip(","))
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 0
        assert running.stderr.read() == ""


def test_the_progress_of_a_fetch_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    from probatum.cli import transfers

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    drawn = Terminal()
    monkeypatch.setattr(sys, "stderr", drawn)
    monkeypatch.setenv("TERM", "xterm")
    with transfers.shown() as show:
        show("https://host.example/PyPI/all.zip", 0, 0)
        show("https://host.example/PyPI/all.zip", 1 << 20, 4 << 20)
    assert "PyPI/all.zip" in drawn.getvalue()
    monkeypatch.setattr(sys, "stderr", StringIO())
    with transfers.shown() as show:
        show("https://host.example/PyPI/all.zip", 1, 2)
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]

"""Several targets in one audit: every artifact is called by where it lies."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probatum.audit.run import audit
from probatum.audit.targets import folder_of
from probatum.cli.main import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders that hold files of the same name, and an empty one."""
    for folder in ("a/deep", "b", "empty"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("a/model.pkl", "a/deep/model.pkl", "b/model.pkl", "model.pkl"):
        (tmp_path / name).write_bytes(pickle.dumps([1, 2]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*targets: str) -> list[str]:
    return list(dict.fromkeys(one.artifact.name for one in audit(targets).findings))


def test_one_target_names_its_files_by_themselves(here: Path) -> None:
    assert names("a") == ["deep/model.pkl", "model.pkl"]
    assert names("a/model.pkl") == ["model.pkl"]


def test_several_targets_name_their_files_by_their_paths(here: Path) -> None:
    assert names("a", "b/model.pkl", "./model.pkl") == [
        "a/deep/model.pkl",
        "a/model.pkl",
        "b/model.pkl",
        "model.pkl",
    ]
    assert names("b/", ".", "empty")[0] == "b/model.pkl"
    assert names("model.pkl", "empty") == ["model.pkl", "empty"]
    assert names(str(here / "b"), "../" + here.name + "/a/deep") == [
        f"{here}/b/model.pkl",
        f"../{here.name}/a/deep/model.pkl",
    ]


def test_the_same_target_twice_gives_two_artifacts(here: Path) -> None:
    assert names("b", "b") == ["b/model.pkl", "b/model.pkl#2"]


@pytest.mark.parametrize(
    ("target", "folder"),
    [
        ("-", ""),
        ("hf://owner/name", ""),
        ("model.pkl", ""),
        (".", ""),
        ("/", "/"),
        ("a//deep/..", "a/"),
        ("a/model.pkl", "a/"),
    ],
)
def test_what_has_no_path_has_no_folder(here: Path, target: str, folder: str) -> None:
    assert folder_of(target) == folder


def test_a_report_of_several_targets_can_be_checked(here: Path) -> None:
    assert main(["audit", "a", "b", "--format", "json", "-o", "r.json", "--quiet"]) == 0
    assert main(["check", "r.json", "a", "b"]) == 0
    assert main(["check", "r.json", "b", "a"]) != 3
    (here / "b/model.pkl").write_bytes(b"\x80\x04K\x01.")
    assert main(["check", "r.json", "a", "b"]) == 1


def test_sarif_places_each_file_where_it_lies(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["audit", "a/deep", "b/model.pkl", "--format", "sarif"])
    [run] = json.loads(capsys.readouterr().out)["runs"]
    places = {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]
    }
    assert places == {"a/deep/model.pkl", "b/model.pkl"}


def test_a_file_whose_name_is_an_option_is_a_file_behind_two_dashes(here: Path) -> None:
    (here / "evil.pkl").write_text('[policy]\nfail-on = "refuted"\n')
    (here / "--config=evil.pkl").write_bytes(b"cbuiltins\nprint\n(Vhello\ntR.")
    assert main(["audit", "--", "--config=evil.pkl", "model.pkl"]) == 1


def test_the_counts_are_said_where_the_report_goes_elsewhere(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["-o", "r.txt"], ["--format", "json"]):
        assert main(["audit", "b", *arguments]) == 0
        assert "probatum: " in (talk := capsys.readouterr().err)
        assert "0 refuted, 0 undecided" in talk
    assert main(["audit", "b", "-q", "-o", "r.txt"]) == 0
    assert main(["audit", "b"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_terminal_that_is_closed_leaves_nothing_behind(here: Path, number: int) -> None:
    blob = pickle.dumps([{index: str(index)} for index in range(100_000)])
    for index in range(20):
        (here / f"b/{index}.pkl").write_bytes(blob)
    spool = here / "spool"
    spool.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "probatum", "audit", "b", "--format", "json"],
        env={**os.environ, "TMPDIR": str(spool)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # under nohup it is ignored
    )
    deadline = time.monotonic() + 30
    while not list(spool.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(told)["interrupted"]
    assert not list(spool.iterdir())

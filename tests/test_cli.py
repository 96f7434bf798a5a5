"""The command line as a user meets it: exit codes, streams, files, and no traceback ever."""

import io
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probatum.cli.main import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, with no terminal in sight."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def model(here: Path) -> str:
    (here / "model.pkl").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    return "model.pkl"


@pytest.fixture
def hostile(here: Path) -> str:
    """A pickle that would print, if anyone loaded it."""
    (here / "hostile.pkl").write_bytes(b"cbuiltins\nprint\n(Vhello\ntR.")
    return "hostile.pkl"


ACCEPTED = """
[[policy.accept]]
artifact = "hostile.pkl"
claim = "load-inert"
reason = "known"
owner = "ann"
expires = 2999-01-01
"""


def run(*arguments: str) -> int:
    """The exit code of a command, whether it returns or exits."""
    try:
        return main(arguments)
    except SystemExit as exc:
        assert isinstance(exc.code, int)
        return exc.code


def test_a_proven_model_exits_with_0(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audit", model) == 0
    told, talk = capsys.readouterr()
    assert "0 refuted, 0 undecided" in told
    assert talk == ""


def test_a_refuted_model_exits_with_1(hostile: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audit", hostile) == 1
    told, talk = capsys.readouterr()
    assert "refuted" in told
    assert "probatum: the policy does not hold: " in talk


def test_an_undecided_model_exits_with_2(here: Path) -> None:
    (here / "unknown.pkl").write_bytes(b"cnobody.knows\nthis\n)R.")
    assert run("audit", "unknown.pkl") == 2
    (here / "unknown.bin").write_bytes(b"\x07\x01 no format begins like this")
    assert run("audit", "unknown.bin", "--fail-on", "refuted") == 2  # nothing at all was decided


def test_an_empty_folder_does_not_exit_with_0(here: Path) -> None:
    (here / "empty").mkdir()
    assert run("audit", "empty") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["audit"],
        ["aduit", "x"],
        ["audit", "x", "--jobs", "0"],
        ["audit", "x", "--jobs", "many"],
        ["audit", "x", "--format", "pdf"],
        ["audit", "missing.pkl"],
        ["audit", "hf:/"],
        ["audit", ".", "--must-prove", "load-inrt"],
        ["audit", ".", "--config", "missing.toml"],
        ["audit", ".", "--max-memory", "lots"],
        ["audit", ".", "--max-memory", "1M"],
        ["audit", ".", "--max-wall-seconds", "-1"],
        ["audit", ".", "-o", "no/such/folder/report"],
        ["audit", ".", "-o", "."],
        ["audit", ".", "--problems-only"],
        ["explain", "no-such-thing"],
        ["list", "everything"],
        ["completion", "cmd"],
    ],
)
def test_wrong_usage_exits_with_3_and_one_clear_line(
    here: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "x").write_text("x")
    assert run(*arguments) == 3
    told, talk = capsys.readouterr()
    assert told == ""
    assert talk.startswith("probatum")
    assert talk.count("\n") == 1
    assert "Traceback" not in talk


def test_our_own_fault_exits_with_3_and_never_with_1(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import probatum.policy

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(probatum.policy, "decide", broken)
    assert run("audit", model) == 3
    assert "Probatum's own fault" in capsys.readouterr().err


def test_json_goes_to_standard_output_and_talk_does_not(
    hostile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("audit", hostile, "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    [finding] = [one for one in report["findings"] if one["claim"] == "load-inert"]
    assert finding["artifact"]["name"] == "hostile.pkl"
    assert finding["verdict"] == "refuted"
    assert {claim for claim in finding if claim in {"analyzer", "witnesses"}} == {
        "analyzer",
        "witnesses",
    }


def test_the_policy_reaches_the_forms_that_show_it(
    hostile: str, model: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "probatum.toml").write_text(ACCEPTED)
    assert run("audit", hostile, model, "--format", "sarif") == 0
    results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert [one["suppressions"] for one in results if "suppressions" in one]
    assert run("audit", hostile, model, "--format", "sarif", "--problems-only") == 0
    fewer = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert len(fewer) < len(results)
    assert run("audit", hostile, model, "--format", "junit") == 0
    assert "accepted by ann" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["terminal", "json", "sarif", "junit", "markdown", "html"])
def test_every_form_can_be_written_to_a_file(
    hostile: str, form: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("audit", hostile, "--format", form, "-o", "report", "--quiet") == 1
    assert "hostile.pkl" in (here / "report").read_text()
    assert capsys.readouterr() == ("", "")
    assert sorted(path.name for path in here.iterdir()) == ["hostile.pkl", "report"]


def test_a_report_file_is_replaced_whole_and_keeps_its_link(model: str, here: Path) -> None:
    (here / "real").write_text("old " * 1000)
    (here / "link").symlink_to("real")
    assert run("audit", model, "--format", "json", "-o", "link") == 0
    assert (here / "link").is_symlink()
    assert json.loads((here / "real").read_text())["version"] == 1


def test_a_report_can_go_to_a_device(model: str) -> None:
    assert run("audit", model, "-o", "/dev/null") == 0


def test_a_report_that_cannot_be_written_is_not_lost(
    model: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run("audit", model, "-o", "report") == 3
    told, talk = capsys.readouterr()
    assert "0 refuted" in told
    assert "No space left on device" in talk
    assert not list(here.glob(".report*"))


def test_an_accepted_refutation_passes_until_it_expires(
    hostile: str, model: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # data-shaped stays undecided as well, and nobody asks for it
    (here / "probatum.toml").write_text(ACCEPTED)
    assert run("audit", hostile, model) == 0
    assert "accepted by the policy" in capsys.readouterr().err
    (here / "probatum.toml").write_text(ACCEPTED.replace("2999", "1999"))
    assert run("audit", hostile) == 1
    assert "ann accepted it until 1999-01-01, which has passed" in capsys.readouterr().err


def test_an_audited_folder_cannot_switch_its_auditor_off(
    hostile: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "probatum.toml").write_text("""[[policy.accept]]
artifact = "*"
claim = "load-inert"
reason = "trust me"
owner = "mallory"
expires = 2999-01-01
""")
    assert run("audit", ".") == 1
    assert "is not used" in capsys.readouterr().err


def test_no_config_reads_none(model: str, here: Path) -> None:
    (here / "probatum.toml").write_text("broken")
    assert run("audit", model) == 3
    assert run("audit", model, "--no-config") == 0


def test_files_can_be_left_out(hostile: str, model: str) -> None:
    assert run("audit", ".") == 1
    assert run("audit", ".", "--exclude", "hostile*") == 0


def test_standard_input_is_a_target(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(pickle.dumps([1, 2])))
    monkeypatch.setattr(sys, "stdin", stream)
    assert run("audit", "-", "--verbose") == 0
    assert "load-inert" in capsys.readouterr().out


def test_quiet_says_nothing_but_the_report(
    hostile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("audit", hostile, "--quiet") == 1
    told, talk = capsys.readouterr()
    assert "refuted" in told
    assert talk == ""


def test_progress_is_shown_when_asked_for(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audit", model, "--progress") == 0
    assert "judging" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("probatum ")


# --- as a process ---------------------------------------------------------------------------


def started(*arguments: str, **options: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "probatum", *arguments]
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def worked_by_another(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it has started a process that judges, or has ended."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return process.poll() is not None or not children.exists() or bool(children.read_text())


def test_a_reader_that_goes_away_is_no_drama(here: Path) -> None:
    for number in range(300):
        (here / f"{number}.pkl").write_bytes(b"cnobody.knows\nthis\n)R.")
    with started("audit", ".") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        talk = process.stderr.read()
        assert process.wait() == 2
    assert b"Traceback" not in talk
    assert b"BrokenPipe" not in talk


THIRD_PARTY = """[analyzers]
third-party = ["hostile_analyzers:probe"]
"""


def test_a_third_party_analyser_judges_only_where_it_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "note.txt").write_text("please be calm\n")
    run("audit", "note.txt", "--verbose")
    assert "probe" not in capsys.readouterr().out
    (here / "probatum.toml").write_text(THIRD_PARTY)
    assert run("audit", "note.txt", "--verbose", "--must-prove", "probe") == 0
    assert "probe" in capsys.readouterr().out


@pytest.mark.parametrize("entry", ["nothing.there:x", "json:dumps", "json", "hostile_analyzers:"])
def test_a_third_party_analyser_that_is_none_is_a_mistake_in_the_configuration(
    model: str, here: Path, entry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "probatum.toml").write_text(f'[analyzers]\nthird-party = ["{entry}"]\n')
    assert run("audit", model) == 3
    assert entry in capsys.readouterr().err


def test_ctrl_c_ends_with_a_whole_report_and_130(here: Path) -> None:
    (here / "a.pkl").write_bytes(pickle.dumps([1]) + b" " * (1 << 18))
    (here / "slow.txt").write_text("please sleep\n" + " " * (1 << 18))
    (here / "z.txt").write_text("please sleep\n")
    (here / "probatum.toml").write_text(THIRD_PARTY)
    told_where = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    targets = ("a.pkl", "slow.txt", "z.txt")
    with started("audit", *targets, "--format", "json", env=told_where) as process:
        while not worked_by_another(process):
            time.sleep(0.1)
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stderr is not None
        told, talk = process.stdout.read(), process.stderr.read()
        code = process.wait()
    assert b"Traceback" not in talk
    assert code == 130
    report = json.loads(told)
    assert report["interrupted"] is True
    assert len(report["planned"]) == len(report["findings"])
    verdicts = {(one["artifact"]["name"], one["claim"]): one for one in report["findings"]}
    assert verdicts["slow.txt", "probe"]["reason"] == "interrupted"
    assert verdicts["z.txt", "kind-is-understood"]["reason"] == "interrupted"
    assert verdicts["a.pkl", "load-inert"]["verdict"] != "undecided" or (
        verdicts["a.pkl", "load-inert"]["reason"] != "interrupted"
    )


def test_the_current_directory_cannot_stand_in_for_our_modules(model: str, here: Path) -> None:
    for name in ("msgspec", "tempfile", "select", "rich", "datetime", "json"):
        (here / f"{name}.py").write_text("raise SystemExit('imported from the audited folder')")
    with started("audit", model, cwd=here) as process:
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait() == 0

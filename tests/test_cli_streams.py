"""Standard streams that are closed, full, empty or pipes: one clear line, and never exit code 1."""

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from probatum.audit.targets import roots
from probatum.cli.output import draws
from probatum.errors import TargetError
from probatum.vocabulary import Reason

_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    (tmp_path / "hostile.pkl").write_bytes(b"cbuiltins\nprint\n(Vhello\ntR.")
    return tmp_path


def shell(
    here: Path, line: str, stdin: bytes | None = None, **settings: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `line`, in which `probatum` stands for the command, in a shell in the folder `here`."""
    command = f'probatum() {{ "{sys.executable}" -m probatum "$@"; }}\n{line}'
    return subprocess.run(
        ["bash", "-c", command], cwd=here, input=stdin, capture_output=True, timeout=60,
        env={**os.environ, **settings},
    )  # fmt: skip


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["audit model.pkl", "audit hostile.pkl", "list", "--version"])
@_FULL
def test_a_full_disk_behind_standard_output_is_said_in_one_line(
    here: Path, command: str, unbuffered: str
) -> None:
    done = shell(here, f"probatum {command} >/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 3
    said = done.stderr.decode()
    assert said.count("\n") == 1
    assert "standard output cannot be written: No space left" in said


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("audit model.pkl --max-memory 9EB", 3),
        ("audit nowhere", 3),
        ("nonsense", 3),
        ("audit hostile.pkl", 1),
        ("audit model.pkl", 0),
        ("audit model.pkl >/dev/full", 3),
        ("--help >/dev/full", 3),
    ],
)
@_FULL
def test_a_full_disk_behind_standard_error_changes_no_exit_code(
    here: Path, command: str, code: int, unbuffered: str
) -> None:
    done = shell(here, f"probatum {command} 2>/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == code


@_FULL
def test_a_help_that_nobody_can_read_is_no_success(here: Path) -> None:
    assert shell(here, "probatum --help >/dev/full", PYTHONUNBUFFERED="").returncode == 3


def test_a_reader_that_stops_after_the_first_line_of_help_is_no_drama(here: Path) -> None:
    done = shell(here, 'probatum audit --help | head -n 1; exit "${PIPESTATUS[0]}"')
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_closed_standard_output_is_said_before_the_work(here: Path) -> None:
    done = shell(here, "probatum audit model.pkl >&-")
    assert done.returncode == 3
    assert b"standard output is closed: name a file for the report with -o" in done.stderr


def test_a_closed_standard_error_costs_the_talk_and_nothing_else(here: Path) -> None:
    done = shell(here, "probatum audit hostile.pkl 2>&-")
    assert done.returncode == 1
    assert b"refuted" in done.stdout


def test_a_report_file_needs_no_standard_stream_at_all(here: Path) -> None:
    assert shell(here, "probatum audit hostile.pkl -o r.txt <&- >&- 2>&-").returncode == 1
    assert "refuted" in (here / "r.txt").read_text()


def test_a_closed_standard_input_is_wrong_usage(here: Path) -> None:
    done = shell(here, "probatum audit - <&-")
    assert done.returncode == 3
    assert b"standard input is closed" in done.stderr


@pytest.mark.parametrize("target", ["-", "/dev/stdin"])
def test_nothing_on_standard_input_is_not_an_empty_file(here: Path, target: str) -> None:
    done = shell(here, f"false | probatum audit model.pkl {target}")
    assert done.returncode == 2
    assert b"nothing came on standard input" in done.stdout


def test_the_file_name_of_standard_input_is_standard_input(here: Path) -> None:
    done = shell(here, "probatum audit /dev/stdin", stdin=(here / "model.pkl").read_bytes())
    assert done.returncode == 0
    assert shell(here, "probatum audit /dev/stdin < hostile.pkl").returncode == 1


def test_a_named_pipe_says_how_to_be_read(here: Path) -> None:
    os.mkfifo(here / "pipe")
    [root] = roots(str(here / "pipe"))
    assert root.trouble is not None
    assert root.trouble.reason is Reason.UNREADABLE
    assert "pipe it into the target -" in root.trouble.detail


def test_standard_input_that_breaks_off_is_an_error_and_no_crash() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(TargetError, match="cannot be read and kept: Input/output error"):
        list(roots("-", stdin=Broken()))


def test_a_current_folder_that_is_gone_is_wrong_usage(here: Path) -> None:
    done = shell(here, "mkdir gone && cd gone && rmdir ../gone && probatum audit .")
    assert done.returncode == 3
    assert done.stderr == b"probatum: .: No such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("audit ''", "a target has no name"),
        ("audit model.pkl -o ''", "-o needs the name of a file"),
        ("audit -model.pkl model.pkl", "what begins with - and is no option comes after --"),
        ("explain zzqqy", "`probatum list` shows what there is"),
    ],
)
def test_wrong_usage_says_what_to_do(here: Path, arguments: str, says: str) -> None:
    done = shell(here, f"probatum {arguments}")
    assert done.returncode == 3
    assert says in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_locale_that_knows_only_ascii_changes_nothing_but_what_is_drawn(here: Path) -> None:
    for name in (b"\xe9\x9b\xaa.pkl", b"\xff.pkl", b"e\xcc\x81.pkl"):
        Path(os.fsdecode(os.fsencode(here) + b"/" + name)).write_bytes(pickle.dumps([1]))
    ascii = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    plain, utf8 = (shell(here, "probatum audit -v .", **locale) for locale in (ascii, {}))
    assert plain.returncode == utf8.returncode == 1
    assert (plain.stdout, plain.stderr) == (utf8.stdout, utf8.stderr)
    assert "雪.pkl" in utf8.stdout.decode()


@pytest.mark.parametrize(
    ("term", "expected"), [("xterm", True), ("dumb", False), ("", False), (None, False)]
)
def test_only_a_terminal_that_draws_gets_colours(
    monkeypatch: pytest.MonkeyPatch, term: str | None, expected: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("TERM", raising=False)
    if term is not None:
        monkeypatch.setenv("TERM", term)
    assert draws(Terminal()) is expected
    assert draws(io.StringIO()) is False
    assert draws(None) is False

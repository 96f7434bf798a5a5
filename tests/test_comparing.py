"""How a comparison works: in confined processes, from far away, and until somebody stops it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models import TENSORS, floats, model, safetensors
from probatum.audit import comparing
from probatum.audit.apart import Line, Task, apart
from probatum.audit.comparing import Comparison, compared
from probatum.audit.opened import Caps, Root
from probatum.audit.sandbox import Limits
from probatum.audit.targets import roots
from probatum.cli.compare import ASPECTS, exit_code
from probatum.comparison import measures
from probatum.errors import FormatError
from probatum.vocabulary import Reason, Undecided


def run(work: Callable[[Line], bytes], tmp_path: Path, **limits: float) -> bytes | Undecided:
    task = Task("the task", work, sources=[lambda offset, length: b"abcdef"[offset:][:length]])
    return apart([task], Limits(**limits), str(tmp_path))[0]  # type: ignore[arg-type]


def reason(answer: bytes | Undecided) -> Reason:
    assert isinstance(answer, Undecided)
    return answer.reason


def refused(line: Line) -> bytes:
    raise FormatError(Reason.MALFORMED, "no such thing")


def dies(line: Line) -> bytes:
    line.stand("model.bin", 0)
    os._exit(7)


def killed(line: Line) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def greedy(line: Line) -> bytes:
    return bytes(1 << 40)


def slow(line: Line) -> bytes:
    line.stand("model.bin", 0)
    while True:
        pass


def test_a_task_answers_and_says_how_far_it_is(tmp_path: Path) -> None:
    heard = []

    def work(line: Line) -> bytes:
        line.stand("a", 3)
        line.went(3)
        return line.fetch(0, 2, 3)

    task = Task("t", work, sources=[lambda offset, length: b"abcdef"[offset : offset + length]])
    assert apart([task, task], Limits(), str(tmp_path), on_bytes=heard.append) == [b"cde", b"cde"]
    assert heard == [3, 3]


def test_a_task_that_fails_costs_its_own_answer(tmp_path: Path) -> None:
    tasks = [Task("t", work) for work in (refused, dies, greedy, lambda line: b"fine")]
    answers = apart(tasks, Limits(memory=1 << 30), str(tmp_path))
    assert [reason(one) for one in answers[:3]] == [
        Reason.MALFORMED,
        Reason.CRASHED,
        Reason.OUT_OF_MEMORY,
    ]
    assert answers[3] == b"fine"
    died = answers[1]
    assert isinstance(died, Undecided)
    assert died.detail == "t: its process left with exit status 7 (at model.bin)"


def test_a_task_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    answer = run(slow, tmp_path, cpu_s=0.2)
    assert reason(answer) is Reason.OUT_OF_TIME
    assert isinstance(answer, Undecided)
    assert "(at model.bin)" in answer.detail


def test_a_task_has_no_network_and_no_other_program(tmp_path: Path) -> None:
    def network(line: Line) -> bytes:
        try:
            socket.socket()
        except PermissionError:
            return b"refused"
        return b"open"

    def program(line: Line) -> bytes:
        try:
            os.execv(sys.executable, [sys.executable, "-c", "pass"])
        except PermissionError:
            return b"refused"

    assert run(network, tmp_path) == b"refused"
    assert run(program, tmp_path) == b"refused"


def test_what_nobody_may_fetch_ends_the_task(tmp_path: Path) -> None:
    assert reason(run(lambda line: line.fetch(7, 0, 1), tmp_path)) is Reason.CRASHED
    assert reason(run(lambda line: line.fetch(0, -1, 1), tmp_path)) is Reason.CRASHED
    assert reason(run(lambda line: line.fetch(0, 0, 1 << 30), tmp_path)) is Reason.CRASHED


def test_what_cannot_be_fetched_is_said(tmp_path: Path) -> None:
    def fails(offset: int, length: int) -> bytes:
        raise FormatError(Reason.OFFLINE, "the hub is gone")

    task = Task("t", lambda line: line.fetch(0, 0, 1), sources=[fails])
    answer = apart([task], Limits(), str(tmp_path))[0]
    assert reason(answer) is Reason.OFFLINE


def compare(first: Path, second: Path, **how: object) -> Comparison:
    given = {"limits": Limits(), "caps": Caps(), "roots_of": roots} | how
    return compared(str(first), str(second), **given)  # type: ignore[arg-type]


def far(target: str) -> "list[Root]":
    """The same files, as of a target whose bytes only this process can fetch."""
    made = []
    for root in roots(target):
        if root.path is not None:
            data = Path(os.fsdecode(root.path)).read_bytes()
            fetch = lambda at, length, data=data: data[at : at + length]  # noqa: E731
            made.append(Root(root.name, root.size, fetch=fetch))
    return made


def test_what_lies_far_away_is_fetched_and_compared(tmp_path: Path) -> None:
    tuned = dict(TENSORS) | {"model.norm.weight": ("F32", (2,), floats(1, 3))}
    base, other = model(tmp_path / "a"), model(tmp_path / "b", tuned)
    found = compare(base, other, roots_of=lambda target: iter(far(target)))
    ((change, told),) = found.changes()
    assert change.name == "model.norm.weight"
    assert told.measure is not None
    assert told.measure.largest == 2.0
    assert exit_code(found, ASPECTS) == 1


def test_a_model_whose_process_dies_is_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")

    def dying(*_: object) -> None:
        os._exit(9)

    monkeypatch.setattr(comparing.Recorder, "take", dying)
    found = compare(base, other)
    assert {one.state for one in found.aspects} == {"undecided"}
    assert exit_code(found, ASPECTS) == 2
    assert "exit status 9 (at README.md)" in found.first.lost[0].detail


def test_what_is_told_of_a_change_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b", template="other")

    def dying(*_: object) -> None:
        os._exit(9)

    monkeypatch.setattr(comparing.explained, "explained", dying)
    found = compare(base, other)
    assert "exit status 9" in found.trouble
    assert exit_code(found, ASPECTS) == 1


def test_two_readings_that_part_are_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    assert all(one.proven for one in compare(base, other, prove=True).aspects)
    monkeypatch.setattr(comparing.Rederiver, "_content", lambda *_: "0" * 64)
    found = {one.name: one for one in compare(base, other, prove=True).aspects}
    assert (found["tensors"].proven, found["code"].proven) == (True, False)
    assert found["code"].state == "undecided"
    assert found["code"].lost[0].reason == "parser-differential"


def test_what_only_one_reader_knows_is_proven_by_its_bytes(tmp_path: Path) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    for folder in (base, other):
        (folder / "model.safetensors").write_bytes(safetensors(TENSORS) + b"\0")
    assert all(one.proven for one in compare(base, other, prove=True).aspects)


def test_without_numpy_it_is_told_that_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "has_numpy", lambda: False)
    tuned = dict(TENSORS) | {"model.norm.weight": ("F32", (2,), floats(1, 3))}
    found = compare(model(tmp_path / "a"), model(tmp_path / "b", tuned))
    ((_, told),) = found.changes()
    assert told.measure is not None
    assert told.measure.why == "how much is told with numpy: pip install 'probatum[compare]'"


def test_without_numpy_a_wider_copy_is_still_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "has_numpy", lambda: False)
    wide = {"w": ("F32", (2,), floats(1.5, -2))}
    few = {"w": ("BF16", (2,), floats(1.5, -2)[2:4] + floats(-2)[2:])}
    assert compare(model(tmp_path / "a", few), model(tmp_path / "b", wide)).same_values


def test_ctrl_c_ends_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    for name in ("a", "b"):
        with (tmp_path / f"{name}.bin").open("wb") as file:
            file.truncate(64 << 30)  # takes no room, and longer to hash than anyone waits
    started = subprocess.Popen(
        [sys.executable, "-m", "probatum", "compare", str(tmp_path / "a.bin"), "b.bin"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(spool)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not list(spool.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out, err) == (130, b"", b"")
    assert list(spool.iterdir()) == []

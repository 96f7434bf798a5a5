"""What a worker must not do, it cannot do: by the kernel alone, and by the interpreter alone."""

import ctypes
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from probatum.audit import sandbox
from probatum.audit.sandbox import Limits, confine

linux = pytest.mark.skipif(sys.platform != "linux", reason="these layers are Linux's")

FREE = Limits(memory=1 << 40, file_size=1 << 20)


def in_child(prepare: Callable[[], object], deed: Callable[[], object]) -> str:
    """What `deed` comes to in a forked process after `prepare`: 'done' or the exception's name."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            prepare()
            try:
                deed()
                said = "done"
            except BaseException as exc:
                said = type(exc).__name__
            os.write(writer, said.encode())
        finally:
            os._exit(0)
    os.close(writer)
    try:
        return os.read(reader, 1000).decode()
    finally:
        os.close(reader)
        os.waitpid(pid, 0)


def _socket() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
        pass


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _spawn() -> None:
    subprocess.run(["true"], check=True)


def _exec() -> None:
    os.execv("/bin/true", ["true"])


def _write_elsewhere() -> None:
    with open("/tmp/probatum-must-not-exist", "w") as file:
        file.write("x")


def _remove_elsewhere() -> None:
    Path("/tmp/probatum-must-not-exist").unlink()


def _chmod() -> None:
    Path(__file__).chmod(0o644)


def _kill_parent() -> None:
    os.kill(os.getppid(), 0)


REFUSED = [_socket, _fork, _spawn, _exec, _write_elsewhere, _chmod, _kill_parent]


@linux
@pytest.mark.parametrize("deed", REFUSED, ids=lambda deed: deed.__name__)
def test_the_kernel_alone_refuses(tmp_path: Path, deed: Callable[[], object]) -> None:
    assert in_child(lambda: None, lambda: None) == "done"
    said = in_child(lambda: sandbox._confine_by_kernel(str(tmp_path)), deed)
    assert said == "PermissionError"


@pytest.mark.parametrize("deed", [*REFUSED, _remove_elsewhere], ids=lambda deed: deed.__name__)
def test_the_interpreter_alone_refuses(tmp_path: Path, deed: Callable[[], object]) -> None:
    hook = sandbox._refusal(os.path.realpath(tmp_path))
    assert in_child(lambda: sys.addaudithook(hook), deed) == "PermissionError"


@linux
def test_raw_system_calls_are_refused_too(tmp_path: Path) -> None:
    def raw_socket() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(41 if os.uname().machine == "x86_64" else 198, 2, 1, 0) < 0:
            raise OSError(ctypes.get_errno(), "refused")

    assert in_child(lambda: None, raw_socket) == "done"
    kernel = lambda: sandbox._confine_by_kernel(str(tmp_path))  # noqa: E731
    assert in_child(kernel, raw_socket) == "PermissionError"


def test_nothing_is_unpickled_in_a_worker(tmp_path: Path) -> None:
    stream = pickle.dumps(os.getcwd)
    assert in_child(lambda: confine(FREE, str(tmp_path)), lambda: pickle.loads(stream)) == (
        "PermissionError"
    )


def test_what_a_worker_needs_it_can_still_do(tmp_path: Path) -> None:
    def work() -> None:
        tempfile.tempdir = str(tmp_path)
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 1000)
            file.seek(0)
            assert file.read() == b"x" * 1000
        with tempfile.NamedTemporaryFile() as named:
            named.write(b"x")
        Path(__file__).read_bytes()
        import wave  # noqa: F401  # a module nobody has imported yet

        if os.geteuid() == 0:  # others may not: the limit of processes counts threads as well
            thread = threading.Thread(target=lambda: None)
            thread.start()
            thread.join()

    assert in_child(lambda: confine(FREE, str(tmp_path)), work) == "done"


def test_no_file_grows_beyond_its_limit(tmp_path: Path) -> None:
    def grow() -> None:
        with open(tmp_path / "big", "wb") as file:
            file.write(b"x" * (2 << 20))

    assert in_child(lambda: confine(FREE, str(tmp_path)), grow) == "OSError"


def test_memory_is_bounded(tmp_path: Path) -> None:
    small = Limits(memory=600 << 20)
    hungry: list[bytearray] = []
    assert in_child(
        lambda: confine(small, str(tmp_path)), lambda: hungry.append(bytearray(1 << 30))
    ) in {"MemoryError"}


@linux
def test_this_system_enforces_everything(tmp_path: Path) -> None:
    def complain() -> None:
        gaps = confine(FREE, str(tmp_path))
        if gaps:
            raise RuntimeError(gaps)

    assert in_child(lambda: None, complain) == "done"


def test_what_cannot_be_enforced_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "elsewhere")

    def complain() -> None:
        gaps = confine(FREE, str(tmp_path))
        if not any("network" in gap for gap in gaps):
            raise RuntimeError(gaps)

    assert in_child(lambda: None, complain) == "done"


@linux
def test_an_unknown_machine_is_a_gap_and_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_MACHINES", {})

    def complain() -> None:
        gaps = confine(FREE, str(tmp_path))
        if not any("seccomp" in gap for gap in gaps):
            raise RuntimeError(gaps)

    assert in_child(lambda: None, complain) == "done"


@linux
def test_the_numbers_are_those_of_the_kernels_own_table() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("no kernel headers here")
    words = (line.split() for line in header.read_text().splitlines())
    numbers = {word[1][5:]: int(word[2]) for word in words if word[:1] == ["#define"] and word[2:]}
    named = sandbox._REFUSED_CALLS | {"clone": sandbox._CLONE, "clone3": sandbox._CLONE3}
    named |= {"tgkill": sandbox._TGKILL, "prlimit64": sandbox._PRLIMIT}
    wrong = {name for name, (x86, _) in named.items() if numbers.get(name, x86) != x86}
    assert not wrong

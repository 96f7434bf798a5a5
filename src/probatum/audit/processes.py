"""Starts worker processes, talks to them over their pipes, and finds out how they ended.

Where the system can fork and this process has no threads, workers are forked, which costs a
millisecond; elsewhere they are started anew, which costs a tenth of a second.
"""

import gc
import os
import select
import signal
import sys
import time
from mmap import mmap

import msgspec

from probatum.audit.frames import Frames, Page, Setup, framed
from probatum.vocabulary import Reason, Undecided

_POLL_S = 0.5
# What a message may take beyond the evidence it carries.
_SLACK = 4 << 20


class Process:
    """One worker process as its parent sees it: two pipes, a page, and what it was given."""

    def __init__(self, setup: Setup, *, fork: bool) -> None:
        down, self.down = os.pipe()
        self.up, up = os.pipe()
        os.set_blocking(self.down, False)
        try:
            start = _forked if fork and _alone() else _spawned
            self.pid, self.page = start(down, up, setup)
        except OSError:
            os.close(self.down)
            os.close(self.up)
            raise
        finally:
            os.close(down)
            os.close(up)
        self.frames = Frames(setup.limits.evidence + _SLACK)
        self.batch: list[int] = []
        self.batches = 0
        self.knows: set[int] = {0}
        self.beats = 0
        self.moved = time.monotonic()
        self._status: int | None = None

    def send(self, payload: bytes, patience_s: float) -> None:
        """Send a message. A worker that is gone or takes nothing is found out by the watch."""
        view = memoryview(framed(payload))
        deadline = time.monotonic() + patience_s
        while view and time.monotonic() < deadline:
            try:
                view = view[os.write(self.down, view) :]
            except BlockingIOError:
                select.select([], [self.down], [], _POLL_S)
            except BrokenPipeError:
                return
        self.moved = time.monotonic()

    def gone(self) -> bool:
        """Whether the process has ended; its status is kept."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = status
        return self._status is not None

    def ended(self) -> Undecided:
        """Why a worker stopped talking, as the verdict on what it was doing."""
        deadline = time.monotonic() + 1
        while not self.gone() and time.monotonic() < deadline:
            time.sleep(0.005)
        if self._status is None:
            return Undecided(Reason.CRASHED, "the worker closed its own pipe")
        if not os.WIFSIGNALED(self._status):
            left = os.waitstatus_to_exitcode(self._status)
            return Undecided(Reason.CRASHED, f"the worker left with exit status {left}")
        return killed_by(os.WTERMSIG(self._status))

    def end(self) -> None:
        """End the process, and any it may have started. It holds nothing that needs saving."""
        if not self.gone():
            for kill in (os.killpg, os.kill):
                try:
                    kill(self.pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    continue
            self._status = os.waitpid(self.pid, 0)[1]
        for fd in (self.down, self.up):
            os.close(fd)
        self.down = self.up = -1


def killed_by(number: int) -> Undecided:
    """What the end of a process by a signal says of what it was doing."""
    if number == signal.SIGPROF:
        return Undecided(Reason.OUT_OF_TIME, "it took more processor time than one claim may")
    if number == signal.SIGKILL:
        why = "the worker was killed from outside (often: the system ran out of memory)"
        return Undecided(Reason.CRASHED, why)
    name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
    return Undecided(Reason.CRASHED, f"the worker died by signal {name}")


def _alone() -> bool:
    """Whether this process has one thread only, as it must have to fork safely."""
    if len(sys._current_frames()) > 1:
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    except OSError:
        return True


def _forked(down: int, up: int, setup: Setup) -> tuple[int, Page]:
    from probatum.audit.worker import work

    memory = mmap(-1, Page.SIZE)
    page = Page(memory, fresh=True)
    gc.freeze()
    pid = os.fork()
    if pid == 0:
        work(down, up, page, setup)
    return pid, page


def _spawned(down: int, up: int, setup: Setup) -> tuple[int, Page]:
    import subprocess
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.truncate(Page.SIZE)
        page = Page(mmap(file.fileno(), Page.SIZE), fresh=True)
        fds = (down, up, file.fileno())
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; import probatum.audit.worker as w; w.main()"
        )
        told = msgspec.json.encode(setup).decode()
        command = [sys.executable, "-P", "-c", code, *map(str, fds), told]
        process = subprocess.Popen(command, pass_fds=fds, stdin=subprocess.DEVNULL)  # noqa: S603
    process.returncode = 0  # this module waits for the process itself
    return process.pid, page

"""Runs work on hostile bytes in confined processes of its own, and hears what they tell.

Each task runs in one forked process that has given up the network, other programs, other files and
most memory before it reads (see `sandbox`); bytes that only this process can fetch it asks for over
its pipe. A task that dies costs its own answer and nothing else.
"""

import os
import select
import signal
from collections.abc import Callable, Sequence
from typing import NoReturn

import msgspec
from msgspec import Struct

from probatum.audit.frames import Frames, framed
from probatum.audit.judge import attempted
from probatum.audit.processes import killed_by
from probatum.audit.sandbox import Limits, confine
from probatum.audit.worker import settle
from probatum.errors import FormatError
from probatum.vocabulary import Place, Reason, Undecided

Fetch = Callable[[int, int], bytes]

_READ = 1 << 20
_LARGEST_ANSWER = 1 << 30
_LARGEST_FETCH = 8 << 20
# Seconds of processor time for this many bytes, beside what a claim may take: slower than any
# machine hashes, so that a large file has the time that it needs.
_SLOWEST_BYTES_S = 4 << 20


class Wants(Struct, frozen=True, array_like=True, tag=0):
    """The task waits for bytes of the source `number`."""

    number: int
    offset: int
    length: int


class At(Struct, frozen=True, array_like=True, tag=1):
    """The task begins with the file `name`."""

    name: str


class Went(Struct, frozen=True, array_like=True, tag=2):
    """So many bytes more are done with."""

    size: int


class Done(Struct, frozen=True, array_like=True, tag=3):
    """The task's answer, or why it has none."""

    answer: bytes
    trouble: Undecided | None = None


class Gaps(Struct, frozen=True, array_like=True, tag=4):
    """What of the sandbox this platform cannot enforce."""

    gaps: tuple[str, ...]


class Fetched(Struct, frozen=True, array_like=True, tag=5):
    """The bytes asked for, or why they cannot be had."""

    data: bytes
    trouble: Undecided | None = None


_encoder = msgspec.msgpack.Encoder()
_up = msgspec.msgpack.Decoder(Wants | At | Went | Done | Gaps)
_down = msgspec.msgpack.Decoder(Fetched)


class Line:
    """What a task has of the world: it says where it is, and asks for bytes."""

    def __init__(self, down: int, up: int, limits: Limits) -> None:
        self._down = down
        self._up = up
        self._limits = limits
        self._frames = Frames(_LARGEST_ANSWER)

    def stand(self, name: str, size: int) -> None:
        """Begin with a file: it has its own processor time, more of it if it is large."""
        self.tell(At(name.encode("utf-8", "backslashreplace").decode()))
        self.grant(size)

    def grant(self, size: int) -> None:
        """Give the time that so many bytes may take."""
        seconds = self._limits.cpu_s + size / _SLOWEST_BYTES_S
        signal.setitimer(signal.ITIMER_PROF, min(seconds, self._limits.file_cpu_s))

    def went(self, size: int) -> None:
        self.tell(Went(size))

    def fetch(self, number: int, offset: int, length: int) -> bytes:
        """Bytes of a source that lies far away. Raises: FormatError if they cannot be had."""
        self.tell(Wants(number, offset, length))
        while True:
            data = os.read(self._down, _READ)
            if not data:
                os._exit(0)
            for payload in list(self._frames.feed(data)):  # whole: it forgets at its end
                answer = _down.decode(payload)
                if answer.trouble is not None:
                    raise FormatError(answer.trouble.reason, answer.trouble.detail)
                return answer.data

    def tell(self, message: Struct) -> None:
        view = memoryview(framed(_encoder.encode(message)))
        while view:
            view = view[os.write(self._up, view) :]


class Task(Struct, frozen=True):
    """`work` is run apart and gives the answer; before it is confined, `prepare` is, which may
    import what needs more than it will have. `sources` fetch what lies far away.
    """

    name: str
    work: Callable[[Line], bytes]
    prepare: Callable[[], object] = lambda: None
    sources: Sequence[Fetch | None] = ()


def apart(
    tasks: Sequence[Task],
    limits: Limits,
    spool: str,
    *,
    on_bytes: Callable[[int], None] = lambda size: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> list[bytes | Undecided]:
    """The answer of every task, or why there is none; they run at the same time."""
    running: list[_Running] = []
    try:
        for task in tasks:
            running.append(_Running(task, limits, spool))
        while any(one.answer is None for one in running):
            for one in _ready(running):
                one.listen(on_bytes, on_note)
        return [one.answer for one in running if one.answer is not None]
    finally:
        for one in running:
            one.end()


class _Running:
    """One task's process as its parent sees it."""

    def __init__(self, task: Task, limits: Limits, spool: str) -> None:
        self.answer: bytes | Undecided | None = None
        self._task = task
        self._frames = Frames(_LARGEST_ANSWER)
        self._at = ""
        down, self._down = os.pipe()
        self.up, up = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _work(task, down, up, limits, spool)
        os.close(down)
        os.close(up)

    def listen(self, on_bytes: Callable[[int], None], on_note: Callable[[str], None]) -> None:
        data = os.read(self.up, _READ)
        if not data:
            self.answer = self._ended()
            return
        try:
            for payload in self._frames.feed(data):
                self._hear(_up.decode(payload), on_bytes, on_note)
        except (ValueError, msgspec.DecodeError) as exc:
            self.answer = Undecided(Reason.CRASHED, f"its process told no message: {exc}")

    def _hear(
        self,
        message: Wants | At | Went | Done | Gaps,
        on_bytes: Callable[[int], None],
        on_note: Callable[[str], None],
    ) -> None:
        match message:
            case At(name=name):
                self._at = name
            case Went(size=size):
                on_bytes(size)
            case Gaps(gaps=gaps):
                for gap in gaps:
                    on_note(gap)
            case Done(answer=answer, trouble=trouble):
                self.answer = self._told(trouble) if trouble is not None else answer
            case Wants(number=number, offset=offset, length=length):
                self._fetch(number, offset, length)

    def _fetch(self, number: int, offset: int, length: int) -> None:
        sources = self._task.sources
        fetch = sources[number] if 0 <= number < len(sources) else None
        if fetch is None or offset < 0 or not 0 <= length <= _LARGEST_FETCH:
            raise ValueError("it asked for bytes that nobody can fetch")
        data = attempted(lambda: fetch(offset, length), "fetching")
        answer = Fetched(b"", data) if isinstance(data, Undecided) else Fetched(data)
        view = memoryview(framed(_encoder.encode(answer)))
        try:
            while view:
                view = view[os.write(self._down, view) :]
        except BrokenPipeError:
            return  # its end is heard of next

    def _ended(self) -> Undecided:
        status = os.waitpid(self._pid, 0)[1]
        self._pid = 0
        if os.WIFSIGNALED(status):
            return self._told(killed_by(os.WTERMSIG(status)))
        left = os.waitstatus_to_exitcode(status)
        return self._told(Undecided(Reason.CRASHED, f"its process left with exit status {left}"))

    def _told(self, why: Undecided) -> Undecided:
        where = f" (at {self._at})" if self._at else ""
        return Undecided(why.reason, f"{self._task.name}: {why.detail}{where}")

    def end(self) -> None:
        """End the process, if it has not."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self.up)
        os.close(self._down)


def _ready(running: list[_Running]) -> list[_Running]:
    poll = select.poll()
    by_fd = {one.up: one for one in running if one.answer is None}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    return [by_fd[fd] for fd, _ in poll.poll()]


def _work(task: Task, down: int, up: int, limits: Limits, spool: str) -> NoReturn:
    """Be the process of a task. Never returns."""
    status = 1
    try:
        settle(spool, keep={down, up})
        task.prepare()
        line = Line(down, up, limits)
        gaps = confine(limits, spool)
        if gaps:
            line.tell(Gaps(gaps))
        line.grant(0)
        answer = attempted(lambda: task.work(line), "it")
        line.tell(
            Done(b"", Undecided(answer.reason, answer.detail, Place()))
            if isinstance(answer, Undecided)
            else Done(answer)
        )
        status = 0
    finally:
        os._exit(status)

"""Judges roots in worker processes, and outlives whatever happens to them.

1. Roots come lazily and go to idle workers in batches; a worker is started when there is work
   for it. 2. A worker tells what it meets and finds; the records keep it. 3. A worker that dies
   costs the one step it stood on: that gets its verdict here, and a fresh worker judges the rest,
   skipping what is done. 4. A root that costs too many workers is given up, and says so.

Where the system can fork and this process has no threads, workers are forked, which costs a
millisecond; elsewhere they are started anew, which costs a tenth of a second.
"""

import gc
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from mmap import mmap

import msgspec
from msgspec import Struct

from probatum.audit.frames import (
    Batch,
    Fetched,
    Finished,
    Frames,
    Gaps,
    Halted,
    Introduced,
    Met,
    Order,
    Page,
    Resigned,
    Said,
    Setup,
    Wants,
    down_encoder,
    framed,
    names_as_bytes,
    up_decoder,
)
from probatum.audit.judge import attempted, undecided
from probatum.audit.opened import Root
from probatum.audit.report import Record
from probatum.vocabulary import Claim, Reason, Undecided

_BATCH_ROOTS, _BATCH_BYTES = 32, 4 << 20
_TICK_S = 0.5
_READ = 1 << 20
_SLACK = 4 << 20
_FALSE_STARTS = 3
# A second worker costs as much as judging a few hundred small files: it waits until one has
# turned out not to be enough.
_ALONE_S = 0.1


class Progress(Struct, frozen=True):
    """How far an audit is: roots and bytes judged, of those listed so far, and artifacts."""

    roots: int
    roots_listed: int
    size: int
    size_listed: int
    artifacts: int


class Crew:
    """The workers of one audit and the records of what they were given."""

    def __init__(
        self,
        setup: Setup,
        jobs: int,
        *,
        fork: bool,
        on_note: Callable[[str], None],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.records: list[Record] = []
        self.claims: dict[str, Claim] = {}
        self._setup = setup
        self._jobs = max(1, jobs)
        self._fork = fork
        self._on_note = on_note
        self._on_progress = on_progress
        self._noted: set[str] = set()
        self._again: deque[list[int]] = deque()
        self._workers: list[_Worker] = []
        self._beside: dict[int, frozenset[str]] = {0: frozenset()}
        self._beside_ids: dict[frozenset[str], int] = {frozenset(): 0}
        self._false_starts = 0
        self._began = time.monotonic()
        self._done_roots = self._done_size = self._listed_size = self._artifacts = 0

    def judge(self, roots: Iterator[Root]) -> None:
        """Judge every root. Whatever is raised, the workers are gone then and the records stand."""
        try:
            while self._feed(roots):
                for worker in self._ready():
                    self._listen(worker)
                self._watch()
                self._report_progress()
        finally:
            for worker in self._workers:
                worker.end()

    # --- giving work ------------------------------------------------------------------------

    def _feed(self, roots: Iterator[Root]) -> bool:
        """Give every idle worker something to do. False once nothing is left to wait for."""
        while True:
            idle = next((worker for worker in self._workers if not worker.batch), None)
            if idle is None and len(self._workers) >= self._wanted():
                return True
            batch = self._again.popleft() if self._again else self._next_batch(roots)
            if not batch:
                return any(worker.batch for worker in self._workers)
            if idle is None:
                idle = self._hire(batch)
            if idle is not None:
                self._give(idle, batch)

    def _hire(self, batch: list[int]) -> "_Worker | None":
        """A new worker. Where the system gives none, go on with those there are, if there are."""
        try:
            worker = _Worker(self._setup, fork=self._fork)
        except OSError as exc:
            if self._workers:
                self._jobs = len(self._workers)
                self._again.appendleft(batch)
            else:
                self._never_started(batch, Undecided(Reason.CRASHED, str(exc.strerror)))
            return None
        self._workers.append(worker)
        return worker

    def _wanted(self) -> int:
        return 1 if self._workers and self._alone_for_s() > 0 else self._jobs

    def _alone_for_s(self) -> float:
        """For how long one worker is still to be enough."""
        return self._began + _ALONE_S - time.monotonic()

    def _next_batch(self, roots: Iterator[Root]) -> list[int]:
        batch: list[int] = []
        size = 0
        while len(batch) < _BATCH_ROOTS and size < _BATCH_BYTES:
            root = next(roots, None)
            if root is None:
                break
            batch.append(len(self.records))
            self.records.append(Record(root))
            size += root.size
        self._listed_size += size
        return batch

    def _give(self, worker: "_Worker", batch: list[int]) -> None:
        orders = tuple(self._order(number) for number in batch)
        new = {order.beside for order in orders} - worker.knows
        beside = {id: names_as_bytes(self._beside[id]) for id in new}
        worker.knows |= new
        worker.batch = batch
        worker.send(down_encoder.encode(Batch(orders, beside)), self._setup.limits.wall_s)

    def _order(self, number: int) -> Order:
        record = self.records[number]
        root = record.root
        done, given = record.progress
        return Order(
            root=number,
            name=root.name.encode("utf-8", "backslashreplace").decode(),
            size=root.size,
            path=None if root.path is None else os.fsencode(root.path),
            trouble=undecided(root.trouble) if root.trouble else None,
            beside=self._beside_id(root.beside),
            expected=root.expected,
            done=done,
            given=given,
            known=tuple(record.known),
        )

    def _beside_id(self, names: frozenset[str]) -> int:
        id = self._beside_ids.setdefault(names, len(self._beside_ids))
        self._beside.setdefault(id, names)
        return id

    # --- hearing from workers ---------------------------------------------------------------

    def _ready(self) -> list["_Worker"]:
        poll = select.poll()
        by_fd = {worker.up: worker for worker in self._workers if worker.batch}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        waits_s = self._alone_for_s() if self._jobs > 1 else 0.0
        return [by_fd[fd] for fd, _ in poll.poll((waits_s if waits_s > 0 else _TICK_S) * 1000)]

    def _listen(self, worker: "_Worker") -> None:
        """Take what a worker has to say; if that is its end, or nonsense, bury it."""
        data = os.read(worker.up, _READ)
        if not data:
            self._bury(worker, worker.ended())
            return
        worker.moved = time.monotonic()
        try:
            for payload in worker.frames.feed(data):
                if worker in self._workers:
                    self._hear(worker, payload)
        except (ValueError, msgspec.DecodeError) as exc:
            said = exc if type(exc) is ValueError else "it told something that is no message"
            self._bury(worker, Undecided(Reason.CRASHED, f"the worker was ended: {said}"))

    def _hear(self, worker: "_Worker", payload: bytes) -> None:
        match up_decoder.decode(payload):
            case Said(verdict=verdict):
                self._current(worker).say(verdict)
            case Met(root=root, ordinal=ordinal, artifact=artifact, planned=planned, trouble=why):
                self._demand(worker, root).meet(ordinal, artifact, planned, why)
                self._artifacts += 1
            case Finished(root=root):
                record = self._demand(worker, root)
                if not all(entry.judged for entry in record.entries):
                    raise ValueError("it left a claim without a verdict")
                self._finish(worker.batch.pop(0))
            case Halted(root=root, trouble=trouble):
                self._demand(worker, root).halted = trouble
            case Wants(root=root, offset=offset, length=length):
                self._fetch(worker, self._demand(worker, root).root, offset, length)
            case Introduced(claims=claims):
                self.claims = {claim.id: claim for claim in claims} | self.claims
            case Resigned():
                self._dismiss(worker)
            case Gaps(gaps=gaps):
                self._note(gaps)

    def _current(self, worker: "_Worker") -> Record:
        if not worker.batch:
            raise ValueError("it told of a root that is not its own")
        return self.records[worker.batch[0]]

    def _demand(self, worker: "_Worker", root: int) -> Record:
        if not worker.batch or worker.batch[0] != root:
            raise ValueError("it told of a root that is not its own")
        return self.records[root]

    def _finish(self, number: int) -> None:
        record = self.records[number]
        record.finished = True
        self._done_roots += 1
        self._done_size += record.root.size

    def _fetch(self, worker: "_Worker", root: Root, offset: int, length: int) -> None:
        fetch = root.fetch
        if fetch is None or not 0 <= offset <= root.size or not 0 <= length <= _READ * 8:
            raise ValueError("it asked for bytes that nobody can fetch")
        data = attempted(lambda: fetch(offset, length), "fetching")
        answer = Fetched(b"", data) if isinstance(data, Undecided) else Fetched(data)
        worker.send(down_encoder.encode(answer), self._setup.limits.wall_s)
        for each in self._workers:
            each.moved = time.monotonic()

    def _note(self, gaps: tuple[str, ...]) -> None:
        for gap in gaps:
            if gap not in self._noted:
                self._noted.add(gap)
                self._on_note(gap)

    def _report_progress(self) -> None:
        self._on_progress(
            Progress(
                self._done_roots,
                len(self.records),
                self._done_size,
                self._listed_size,
                self._artifacts,
            )
        )

    # --- when workers fail ------------------------------------------------------------------

    def _watch(self) -> None:
        """End workers that have stood still for too long, and bury those that died in silence."""
        now = time.monotonic()
        for worker in [worker for worker in self._workers if worker.batch]:
            beats = worker.page.beats()
            if beats != worker.beats:
                worker.beats, worker.moved = beats, now
            still = now - worker.moved
            if still > self._setup.limits.wall_s:
                why = f"nothing happened for {self._setup.limits.wall_s:g} s"
                self._bury(worker, Undecided(Reason.OUT_OF_TIME, why))
            elif still > _TICK_S and worker.gone():
                self._bury(worker, worker.ended())

    def _bury(self, worker: "_Worker", why: Undecided) -> None:
        """Write down what the worker's end cost, and have the rest of its batch judged again."""
        worker.end()
        self._workers.remove(worker)
        where = worker.page.where()
        if where is None:
            self._never_started(worker.batch, why)
            return
        self._false_starts = 0
        root, ordinal, claim = where
        if root in worker.batch:
            record = self.records[root]
            record.deaths += 1
            record.known.append((ordinal, claim, why))
            if record.deaths > self._setup.limits.deaths:
                worker.batch.remove(root)
                detail = f"it cost {record.deaths} workers; the last one: {why.detail}"
                record.give_up(Undecided(Reason.OVER_LIMIT, detail))
                self._finish(root)
        if worker.batch:
            self._again.appendleft(worker.batch)

    def _dismiss(self, worker: "_Worker") -> None:
        """Replace a worker that did nothing wrong but should not go on."""
        worker.end()
        self._workers.remove(worker)
        if worker.batch:
            self._again.appendleft(worker.batch)

    def _never_started(self, batch: list[int], why: Undecided) -> None:
        self._false_starts += 1
        if self._false_starts < _FALSE_STARTS:
            self._again.appendleft(batch)
            return
        detail = f"no worker process can be started here: {why.detail}"
        for number in batch:
            self.records[number].give_up(Undecided(Reason.CRASHED, detail))
            self._finish(number)


class _Worker:
    """One worker process as its parent sees it: two pipes, a page, and what it was given."""

    def __init__(self, setup: Setup, *, fork: bool) -> None:
        down, self.down = os.pipe()
        self.up, up = os.pipe()
        os.set_blocking(self.down, False)
        try:
            start = _forked if fork and _alone() else _spawned
            self.pid, self.page = start(down, up, setup)
        finally:
            os.close(down)
            os.close(up)
        self.frames = Frames(setup.limits.evidence + _SLACK)
        self.batch: list[int] = []
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
                select.select([], [self.down], [], _TICK_S)
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
        return _killed_by(os.WTERMSIG(self._status))

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


def _killed_by(number: int) -> Undecided:
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

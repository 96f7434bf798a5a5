"""Judges roots in worker processes, and outlives whatever happens to them.

1. Roots come lazily and go to idle workers in batches; a worker is started when there is work
   for it. 2. A worker tells what it meets and finds; the records keep it. 3. A worker that dies
   costs the one step it stood on: that gets its verdict here, and a fresh worker judges the rest,
   skipping what is done. 4. A root that costs too many workers is given up, and says so.
"""

import os
import select
import time
from collections import deque
from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct

from probatum.audit.frames import (
    Batch,
    Fetched,
    Finished,
    Gaps,
    Halted,
    Introduced,
    Met,
    Order,
    Resigned,
    Said,
    Setup,
    Up,
    Wants,
    down_encoder,
    names_as_bytes,
    up_decoder,
)
from probatum.audit.judge import attempted, undecided
from probatum.audit.memories import Memories, spooled
from probatum.audit.opened import Root
from probatum.audit.processes import Process
from probatum.audit.report import Record, names_taken
from probatum.vocabulary import Claim, Reason, Undecided

_BATCH_ROOTS, _BATCH_BYTES = 32, 4 << 20
_TICK_S = 0.5
_READ = 1 << 20
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
        shown: Callable[[Root], bytes] | None = None,
        memories: Memories | None = None,
    ) -> None:
        self.records: list[Record] = []
        self.claims: dict[str, Claim] = {}
        self._setup = setup
        self._jobs = max(1, jobs)
        self._fork = fork
        self._on_note = on_note
        self._on_progress = on_progress
        self._shown = shown
        self._memories = memories
        self._noted: set[str] = set()
        self._again: deque[list[int]] = deque()
        self._workers: list[Process] = []
        self._beside: dict[int, frozenset[str]] = {0: frozenset()}
        self._beside_ids: dict[frozenset[str], int] = {frozenset(): 0}
        self._false_starts = 0
        self._ever_heard = False
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

    def _hire(self, batch: list[int]) -> "Process | None":
        """A new worker. Where the system gives none, go on with those there are, if there are."""
        try:
            worker = Process(self._setup, fork=self._fork)
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

    def _give(self, worker: Process, batch: list[int]) -> None:
        orders = tuple(self._order(number) for number in batch)
        new = {order.beside for order in orders} - worker.knows
        beside = {id: names_as_bytes(self._beside[id]) for id in new}
        fresh = not worker.batches
        worker.knows |= new
        worker.batch = batch
        worker.batches += 1
        taken = names_taken(self.records[: batch[0]]) if self._shown and fresh else ()
        worker.send(down_encoder.encode(Batch(orders, beside, taken)), self._setup.limits.wall_s)

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
            shown=self._shown(root) if self._shown is not None else b"[]",
            project=root.project,
            signed=root.signed,
            in_project=root.in_project,
            memory=self._memories.of(root) if self._memories is not None else None,
            around=root.around,
            folders=tuple(map(os.fsencode, root.folders)),
        )

    def _beside_id(self, names: frozenset[str]) -> int:
        id = self._beside_ids.setdefault(names, len(self._beside_ids))
        self._beside.setdefault(id, names)
        return id

    # --- hearing from workers ---------------------------------------------------------------

    def _ready(self) -> list[Process]:
        poll = select.poll()
        by_fd = {worker.up: worker for worker in self._workers if worker.batch}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        waits_s = self._alone_for_s() if self._jobs > 1 else 0.0
        return [by_fd[fd] for fd, _ in poll.poll((waits_s if waits_s > 0 else _TICK_S) * 1000)]

    def _listen(self, worker: Process) -> None:
        """Take what a worker has to say; if that is its end, or nonsense, bury it."""
        data = os.read(worker.up, _READ)
        if not data:
            self._bury(worker, worker.ended())
            return
        worker.moved = time.monotonic()
        self._false_starts, self._ever_heard = 0, True
        try:
            for payload in worker.frames.feed(data):
                for message in up_decoder.decode(payload):
                    if worker in self._workers:
                        self._hear(worker, message)
        except (ValueError, msgspec.DecodeError) as exc:
            said = exc if type(exc) is ValueError else "it told something that is no message"
            self._bury(worker, Undecided(Reason.CRASHED, f"the worker was ended: {said}"))

    def _hear(self, worker: Process, message: Up) -> None:
        match message:
            case Said(verdict=verdict):
                self._current(worker).say(verdict)
            case Met(root=root, ordinal=ordinal, artifact=artifact, planned=planned, trouble=why):
                self._demand(worker, root).meet(ordinal, artifact, planned, why)
                self._artifacts += 1
            case Finished(root=root):
                record = self._demand(worker, root)
                if record.halted is not None:
                    record.give_up(record.halted)  # a repeated opening may end before the first
                elif not all(entry.judged for entry in record.entries):
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

    def _current(self, worker: Process) -> Record:
        if not worker.batch:
            raise ValueError("it told of a root that is not its own")
        return self.records[worker.batch[0]]

    def _demand(self, worker: Process, root: int) -> Record:
        if not worker.batch or worker.batch[0] != root:
            raise ValueError("it told of a root that is not its own")
        return self.records[root]

    def _finish(self, number: int) -> None:
        record = self.records[number]
        record.finished = True
        self._done_roots += 1
        self._done_size += record.root.size
        memory = self._memories.of(record.root) if self._memories is not None else None
        if self._memories is not None and memory is not None:
            self._memories.adopt(spooled(self._setup.spool, number), memory)

    def _fetch(self, worker: Process, root: Root, offset: int, length: int) -> None:
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

    def _bury(self, worker: Process, why: Undecided) -> None:
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

    def _dismiss(self, worker: Process) -> None:
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
        if self._ever_heard:
            self._false_starts = 0  # it was bad luck: the next batch is worth a try

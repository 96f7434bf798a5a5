"""The worker process: opens, plans and judges the roots it is given, and tells its parent."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from mmap import mmap
from typing import TYPE_CHECKING, Any, NoReturn, assert_never

import msgspec
from msgspec.structs import replace

from probatum.audit import opening, plan
from probatum.audit.frames import (
    OPENING,
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
    Teller,
    Up,
    Wants,
    down_decoder,
    names_of,
    up_encoder,
)
from probatum.audit.judge import attempted, judged, undecided
from probatum.audit.memories import Keeper, spooled
from probatum.audit.open import opened
from probatum.audit.opened import Caps, Opened
from probatum.audit.projects import is_member, of_file, with_project
from probatum.audit.sandbox import confine, die_with_parent, reuse_memory
from probatum.audit.snapshots import Installed
from probatum.audit.targets import boundary
from probatum.catalog import named
from probatum.claims import FULLY_OPENED, KIND_IS_UNDERSTOOD
from probatum.errors import FormatError
from probatum.formats import python_project, signed_files
from probatum.material import Beside, BytesMaterial, FileMaterial, Folder
from probatum.ports import Analyzer, Material
from probatum.vocabulary import Artifact, Claim, Proven, Reason, Refuted, Undecided, Verdict

if TYPE_CHECKING:
    from probatum.audit.certified import Certificates

_FETCH = 8 << 20
_LONG = 1 << 18
_ORDERS = 1 << 30
_WIND_S = 0.01  # a claim that begins sooner after the last goes on by its clock


def work(down: int, up: int, page: Page, setup: Setup) -> NoReturn:
    """Be a worker on the pipes `down` and `up` until there is nothing left to do. Never returns."""
    status = 1
    try:
        settle(setup.spool, keep={down, up})
        worker = Worker(down, up, page, setup)
        worker.confine()
        worker.serve()
        status = 0
    finally:
        os._exit(status)


def settle(spool: str, keep: set[int]) -> None:
    """Make a new process one of its own, which ends with its parent and has no file but `keep`."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for one in (signal.SIGTERM, signal.SIGPROF, signal.SIGPIPE, signal.SIGALRM):
        signal.signal(one, signal.SIG_DFL)
    die_with_parent()
    reuse_memory()
    _let_go_of_files(keep)
    os.environ["TMPDIR"] = spool
    if "tempfile" in sys.modules:
        vars(sys.modules["tempfile"])["tempdir"] = spool
    sys.path[:] = [entry for entry in sys.path if entry]


class Worker:
    """Judges batches of roots, one claim at a time, saying where it is before each step."""

    def __init__(self, down: int, up: int, page: Page, setup: Setup) -> None:
        self._down = down
        self._frames = Frames(_ORDERS)
        self._pending: list[bytes] = []
        self._teller = Teller(up)
        self._page = page
        self._limits = setup.limits
        self._caps = setup.caps
        self._spool = setup.spool
        self._known = {
            name: Installed(one)
            for name, one in (("advisories", setup.advisories), ("lists", setup.lists))
            if one is not None
        }
        self._certificates: Certificates | None = None
        if setup.checking:
            from probatum.audit import certified

            self._certificates = certified.Certificates(self._known, asks_lists=setup.asks_lists)
        self._plan = plan.planner(
            named(setup.third_party), built_in=setup.built_in, asks_lists=setup.asks_lists
        )
        self._claims: set[Claim] = set()
        self._planned_last: tuple[tuple[Analyzer, ...], tuple[tuple[str, str], ...]] = ((), ())
        self._beside: dict[int, frozenset[str]] = {0: frozenset()}
        self._around: dict[tuple[int, tuple[bytes, ...]], Beside] = {}
        self._wound = -_WIND_S  # when the clock was set, in seconds
        # Code of others may close what is not its own.
        self._foreign = bool(setup.third_party)

    def confine(self) -> None:
        gaps = confine(self._limits, self._spool)
        if gaps:
            self._tell(Gaps(gaps))

    def serve(self) -> None:
        """Take batches until the pipe ends."""
        while (message := self._next()) is not None:
            if isinstance(message, Batch):
                self._beside.update((id, names_of(data)) for id, data in message.beside.items())
                if self._certificates is not None:
                    self._certificates.after(message.taken)
                for order in message.orders:
                    self._root(order)
                self._stop_the_clock()
                self._teller.flush()

    # --- one root ---------------------------------------------------------------------------

    def _root(self, order: Order) -> None:
        known = {(ordinal, claim): verdict for ordinal, claim, verdict in order.known}
        self._stay_in_touch(order.size)
        started = time.process_time()
        if self._certificates is not None:
            self._stand(order.root, 0, OPENING)
            self._certificates.of(order.shown)
        steps = self._opened(order)
        ordinal = 0
        one: Opened | Undecided | None = None
        while True:
            if (ordinal, OPENING) in known:
                self._tell(Halted(order.root, known[ordinal, OPENING]))
                break
            self._stand(order.root, ordinal, OPENING)
            one = attempted(lambda: next(steps, None), "opening")
            if one is None:
                break
            if isinstance(one, Undecided):
                self._tell(Halted(order.root, one))
                break
            if ordinal >= order.done:
                self._artifact(order, ordinal, one, known)
            if time.process_time() - started > self._limits.file_cpu_s:
                self._tell(Halted(order.root, self._too_slow()))
                break
            ordinal += 1
        self._tell(Finished(order.root))
        if isinstance(one, Undecided) and _exhausted(one):
            self._resign()

    def _artifact(
        self, order: Order, ordinal: int, one: Opened, known: dict[tuple[int, int], Undecided]
    ) -> None:
        trouble = undecided(one.trouble) if one.trouble is not None else None
        planned = self._planned(order, one)
        self._tell(Met(order.root, ordinal, one.artifact, self._introduced(planned), trouble))
        self._stay_in_touch(one.artifact.size, careful=bool(known))
        first = order.given if ordinal == order.done else 0
        for number in range(first, len(planned)):
            verdict: Verdict | None = known.get((ordinal, number))
            if verdict is None:
                self._stand(order.root, ordinal, number)
                known_by = self._known.get(planned[number].rests_on)
                verdict = judged(planned[number], one.artifact, one.material, known_by)
                if trouble is not None:
                    verdict = _in_trouble(verdict, trouble, planned[number], one.artifact)
                if self._foreign and not self._teller.intact():
                    os._exit(2)
            self._say(verdict)
            if _exhausted(verdict) and (ordinal, number) not in known:
                self._resign()

    def _introduced(self, planned: tuple[Analyzer, ...]) -> tuple[tuple[str, str], ...]:
        """The ids of what is planned, of which the parent knows the claims."""
        if planned is not self._planned_last[0]:
            claims = {each.claim for each in planned} - self._claims
            if claims:
                self._tell(Introduced(tuple(sorted(claims, key=lambda one: one.id))))
                self._claims |= claims
            self._planned_last = planned, tuple((one.claim.id, one.id) for one in planned)
        return self._planned_last[1]

    def _planned(self, order: Order, one: Opened) -> tuple[Analyzer, ...]:
        plan = self._plan if self._certificates is None else self._certificates.plan
        planned = plan(one.artifact)
        if (order.in_project and one.artifact.parent is None) or is_member(one.artifact):
            planned = of_file(planned)
        if one.trouble is not None and not any(_tells(each, one.artifact) for each in planned):
            return (*planned, opening.OPENING)
        return planned

    def _opened(self, order: Order) -> Iterator[Opened]:
        """The root's artifacts. A root that cannot be read at all is one artifact of no kind."""
        trouble = order.trouble
        if trouble is None:
            try:
                whole = self._material(order)
            except FormatError as exc:
                trouble = undecided(exc)
            else:
                kind = _kind(order)
                caps = self._caps_for(order)
                found = opened(order.name, whole, caps, kind, self._is_told(order))
                yield from with_project(_expecting(order, found), caps)
                return
        nothing = Artifact(name=order.name, kind="unknown", size=order.size)
        why = FormatError(trouble.reason, trouble.detail, trouble.place)
        yield Opened(nothing, BytesMaterial(b""), why)

    def _is_told(self, order: Order) -> Callable[[str], bool]:
        """Whether anything is asked of the root, by its kind: its project may be asked all."""
        if not order.in_project or order.expected is not None or self._certificates is not None:
            return lambda kind: True
        plan, name, size = self._plan, order.name, order.size
        return lambda kind: bool(of_file(plan(Artifact(name=name, kind=kind, size=size))))

    def _caps_for(self, order: Order) -> Caps:
        # Bytes that are dear to fetch are not fetched only to be hashed; a signature names them.
        # Nor are those of a whole environment, of which only what may run is read.
        is_near = order.path is not None or (order.project is not None and not order.project.site)
        return self._caps if is_near else replace(self._caps, digest_size=0)

    def _material(self, order: Order) -> Material:
        beside = self._beside[order.beside]
        if order.path is not None:
            return FileMaterial(order.path, self._with_folders(order), order.around)
        if order.signed is not None:
            from probatum.formats import signed_folder

            return signed_folder.packed(order.signed)
        if order.project is not None and python_project.is_near(order.project):
            keeper = None
            if order.memory is not None:
                keeper = Keeper(order.memory, spooled(self._spool, order.root))
            return python_project.packed(order.project, beside, keeper)
        return FetchedMaterial(order.size, beside, self._fetcher(order.root))

    def _with_folders(self, order: Order) -> frozenset[str]:
        """What lies beside the file of an order, and where that can be looked into."""
        names = self._beside[order.beside]
        if not order.folders:
            return names
        key = order.beside, order.folders
        if key not in self._around:
            paths = [os.fsdecode(path) for path in order.folders]
            folders = tuple(Folder(path, boundary(paths[-1])) for path in paths)
            self._around[key] = Beside.of(names, folders)
        return self._around[key]

    def _too_slow(self) -> Undecided:
        return Undecided(
            Reason.OUT_OF_TIME,
            f"the file as a whole took more than {self._limits.file_cpu_s:g} s of processor time",
        )

    # --- where the worker is, and for how long ----------------------------------------------

    def _stand(self, root: int, ordinal: int, claim: int) -> None:
        self._page.stand(root, ordinal, claim)
        now = time.monotonic()
        if now - self._wound > _WIND_S:
            # Ends the process when it runs out, in the middle of a C loop too.
            signal.setitimer(signal.ITIMER_PROF, self._limits.cpu_s)
            self._wound = now

    def _resign(self) -> NoReturn:
        # What one file has left in memory must not cost the next one its verdict.
        self._tell(Resigned())
        self._teller.flush()
        os._exit(0)

    def _stay_in_touch(self, size: int, *, careful: bool = False) -> None:
        # What may take long must not keep what is done from the parent. Nor may what is done be
        # lost again and again in a file that has cost a worker before.
        if careful or size > _LONG:
            self._teller.flush()

    def _stop_the_clock(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._wound = -_WIND_S

    # --- the pipes --------------------------------------------------------------------------

    def _say(self, verdict: Verdict) -> None:
        self._teller.tell(_written(verdict, self._limits.evidence))

    def _tell(self, message: Up) -> None:
        self._teller.tell(up_encoder.encode(message))

    def _next(self) -> Batch | Fetched | None:
        while not self._pending:
            data = os.read(self._down, 1 << 20)
            if not data:
                return None
            self._pending.extend(self._frames.feed(data))
        message: Batch | Fetched = down_decoder.decode(self._pending.pop(0))
        return message

    def _fetcher(self, root: int) -> Callable[[int, int], bytes]:
        def fetch(offset: int, length: int) -> bytes:
            self._tell(Wants(root, offset, length))
            self._teller.flush()
            match self._next():
                case Fetched(data=data, trouble=None):
                    return data
                case Fetched(trouble=Undecided() as trouble):
                    raise FormatError(trouble.reason, trouble.detail, trouble.place)
            os._exit(0)

        return fetch


class FetchedMaterial:
    """Bytes that lie far away: each read is asked of the parent process."""

    def __init__(
        self, size: int, beside: frozenset[str], fetch: Callable[[int, int], bytes]
    ) -> None:
        self._size = size
        self._beside = beside
        self._fetch = fetch

    @property
    def size(self) -> int:
        return self._size

    @property
    def beside(self) -> frozenset[str]:
        return self._beside

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self._size)
        return b"".join(
            self._fetch(start, min(_FETCH, end - start)) for start in range(offset, end, _FETCH)
        )


def _kind(order: Order) -> str | None:
    """The kind of a root that is put together from several files."""
    if order.signed is not None:
        return signed_files.KIND
    return order.project.kind if order.project is not None else None


def _expecting(order: Order, found: Iterator[Opened]) -> Iterator[Opened]:
    """`found`, where the root itself carries what a manifest says of it."""
    for number, one in enumerate(found):
        if number == 0 and order.expected is not None:
            one = replace(one, artifact=replace(one.artifact, expected=order.expected))
        yield one


def _exhausted(verdict: Verdict) -> bool:
    return isinstance(verdict, Undecided) and verdict.reason is Reason.OUT_OF_MEMORY


def _in_trouble(
    verdict: Verdict, trouble: Undecided, analyzer: Analyzer, artifact: Artifact
) -> Verdict:
    """What a verdict is worth where the artifact, or something in it, could not be opened.

    A refutation stands. Nothing is proven of a member whose bytes may not all be there.
    """
    match verdict:
        case Refuted():
            return verdict
        case Undecided():
            return trouble if _tells(analyzer, artifact) else verdict
        case Proven():
            whole = artifact.parent is None and not _tells(analyzer, artifact)
            return verdict if whole else trouble
    assert_never(verdict)


def _tells(analyzer: Analyzer, artifact: Artifact) -> bool:
    """Whether the trouble in opening this artifact is itself the verdict on the claim."""
    claim = analyzer.claim.id
    return claim == FULLY_OPENED.id or (
        claim == KIND_IS_UNDERSTOOD.id and artifact.kind == "unknown"
    )


def _written(verdict: Verdict, most: int) -> bytes:
    """The message that carries `verdict`, whatever an analyser put into it."""
    payload = attempted(lambda: up_encoder.encode(Said(verdict)), "writing the evidence down")
    if isinstance(payload, Undecided) and not isinstance(verdict, Proven):
        payload = attempted(lambda: up_encoder.encode(Said(_legible(verdict))), "writing it down")
    if isinstance(payload, Undecided):
        return up_encoder.encode(Said(payload))
    if len(payload) > most:
        over = f"its evidence takes {len(payload)} bytes, and {most} are allowed"
        return up_encoder.encode(Said(Undecided(Reason.OVER_LIMIT, over)))
    return payload


def _legible(verdict: Verdict) -> Verdict:
    """The same verdict with every lone surrogate in its texts escaped."""
    legible: Verdict = msgspec.convert(_escaped(msgspec.to_builtins(verdict)), Verdict)
    return legible


def _escaped(data: Any) -> Any:
    match data:
        case str():
            return data.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {key: _escaped(value) for key, value in data.items()}
        case list() | tuple():
            return [_escaped(value) for value in data]
    return data


def _let_go_of_files(keep: set[int]) -> None:
    """Point every inherited file, the terminal's included, at nothing.

    Not closed: their numbers stay taken, so that an inherited object which closes its own later
    cannot close a file of ours.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208
        if int(name) not in keep | {nothing}:
            os.dup2(nothing, int(name), inheritable=False)


def main() -> NoReturn:
    """Start as a process of its own, where forking is not possible (see `workers`)."""
    down, up, page = (int(argument) for argument in sys.argv[1:4])
    setup = msgspec.json.decode(sys.argv[4], type=Setup)
    work(down, up, Page(mmap(page, Page.SIZE)), setup)

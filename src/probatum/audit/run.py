"""Runs an audit from the names of its targets to its report."""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from types import FrameType
from typing import NoReturn

from msgspec import Struct
from msgspec.structs import replace

from probatum.audit import plan, targets
from probatum.audit.frames import Setup
from probatum.audit.judge import attempted
from probatum.audit.memories import Memories
from probatum.audit.opened import Caps, Root
from probatum.audit.report import complete
from probatum.audit.sandbox import Limits
from probatum.audit.snapshots import Snapshot
from probatum.audit.workers import Crew, Progress
from probatum.catalog import named, warm
from probatum.claims import FULLY_OPENED, KIND_IS_UNDERSTOOD
from probatum.errors import FormatError, TargetError, UsageError
from probatum.vocabulary import Reason, Report, Undecided

_Handler = signal.Handlers | Callable[[int, FrameType | None], NoReturn]

RootsOf = Callable[[str], Iterator[Root]]


class Settings(Struct, frozen=True, kw_only=True):
    """How to audit. `jobs` of 0 means one for each processor this process may use.

    `third_party` names analysers to load as `package.module:attribute`; without `built_in` they
    are the only ones. `fork=False` starts workers anew even where they could be forked. `cache` is
    a folder for what shortens the next review of the same code, `advisories` the snapshot of known
    vulnerabilities to rest on, `lists` those of known-bad models and files; with `asks_lists` every
    file is asked whether one names it.
    """

    jobs: int = 0
    limits: Limits = Limits()
    caps: Caps = Caps()
    third_party: tuple[str, ...] = ()
    built_in: bool = True
    fork: bool = sys.platform != "darwin"
    cache: str | None = None
    advisories: Snapshot | None = None
    lists: Snapshot | None = None
    asks_lists: bool = False


def audit(
    names: Iterable[str],
    settings: Settings | None = None,
    *,
    roots_of: RootsOf = targets.roots,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Report:
    """Judge everything in the targets called `names`; `roots_of` lists the files of one.

    Findings come in the order of the targets and of the files in them, whatever the number of
    workers. On Ctrl-C (or SIGTERM) the report is still whole: what was not reached is undecided,
    and `interrupted` is set. `on_note` hears what of the sandbox this platform cannot enforce.
    Raises: TargetError if a target cannot be opened at all, before anything is judged;
    ConfigurationError if an analyser of `third_party` cannot be used.
    """
    settings = settings or Settings()
    names = tuple(names)
    # A clash between analysers is told now, not by every worker.
    plan.planner(named(settings.third_party), built_in=settings.built_in)
    warm()
    crew, interrupted = judged(
        names, settings, roots_of=roots_of, on_progress=on_progress, on_note=on_note
    )
    own = {one.id: one for one in (FULLY_OPENED, KIND_IS_UNDERSTOOD)}
    return complete(names, crew.records, crew.claims | own, interrupted=interrupted)


def judged(
    names: tuple[str, ...],
    settings: Settings,
    *,
    roots_of: RootsOf,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
    shown: Callable[[Root], bytes] | None = None,
) -> tuple[Crew, bool]:
    """Have a crew judge everything in the targets; whether the user stopped it.

    With `shown`, what a report shows of a root, claims are judged by certificates and no analyser
    is imported. Raises: TargetError if a target cannot be opened at all.
    """
    if os.name != "posix":
        raise UsageError("workers cannot be confined on this system: use Linux, macOS or WSL")
    with spool() as folder, interruptible():
        setup = Setup(
            limits=settings.limits,
            caps=settings.caps,
            spool=folder,
            third_party=settings.third_party,
            built_in=settings.built_in,
            checking=shown is not None,
            advisories=settings.advisories,
            lists=settings.lists,
            asks_lists=settings.asks_lists,
        )
        crew = Crew(
            setup,
            settings.jobs or processors(),
            fork=settings.fork,
            on_note=on_note,
            on_progress=on_progress,
            shown=shown,
            memories=Memories(settings.cache, names) if settings.cache else None,
        )
        interrupted = False
        try:
            crew.judge(listed(names, roots_of))
        except KeyboardInterrupt:
            interrupted = True
        return crew, interrupted


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def listed(names: tuple[str, ...], roots_of: RootsOf) -> Iterator[Root]:
    """The files of every target. The first of each is looked for before any is judged.

    A target without a file is not passed over in silence: it is a root in trouble of its own.
    Of several targets, a file's name begins with the path of its own.
    """
    listings = [(name, roots_of(name)) for name in names]
    begun = [(name, next(listing, None), listing) for name, listing in listings]
    for name, first, listing in begun:
        folder = targets.folder_of(name) if len(names) > 1 else ""
        if first is None:
            nothing = FormatError(Reason.NOT_ANALYSED, "there is nothing to judge in this target")
            yield Root(name, 0, trouble=nothing)
        elif folder:
            yield from (_within(folder, root) for root in chain((first,), _rest(".", listing)))
        else:
            yield first
            yield from _rest(name, listing)


def _within(folder: str, root: Root) -> Root:
    if root.name == ".":  # the target as a whole
        return replace(root, name=folder.rstrip("/") or folder)
    return replace(root, name=folder + root.name)


def _rest(name: str, listing: Iterator[Root]) -> Iterator[Root]:
    """The rest of a listing. What ends it too early is a root in trouble, not the audit's end."""

    def step() -> Root | None:
        try:
            return next(listing, None)
        except TargetError as exc:
            raise FormatError(Reason.UNREADABLE, str(exc)) from exc

    while (root := attempted(step, "listing the target")) is not None:
        if isinstance(root, Undecided):
            yield Root(name, 0, trouble=FormatError(root.reason, root.detail, root.place))
            return
        yield root


@contextmanager
def spool() -> Iterator[str]:
    """A folder for what workers unfold, gone at the end."""
    # As tempfile.TemporaryDirectory does, without the ten milliseconds that importing it takes.
    path = f"{os.environ.get('TMPDIR') or '/tmp'}/probatum-{os.urandom(8).hex()}"  # noqa: S108
    try:
        os.mkdir(path, 0o700)  # noqa: PTH102
    except OSError as exc:
        raise UsageError(f"no temporary folder can be made ({exc.strerror}); set TMPDIR") from exc
    try:
        yield path
    finally:
        _remove(path)


def _remove(folder: str) -> None:
    try:
        os.rmdir(folder)  # noqa: PTH106
    except OSError:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """Take Ctrl-C, SIGTERM or the terminal's end once, and see the children's ends, all the while.

    Once is enough to stop; a second one must not keep the report from being told.
    """
    threading = sys.modules.get("threading")  # where nobody has imported it, this is the one
    if threading is not None and threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted: dict[signal.Signals, _Handler] = {
        signal.SIGCHLD: signal.SIG_DFL,
        signal.SIGTERM: _interrupt,
    }
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` or `&` have set it
            wanted[number] = _interrupt
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt

"""Compares two targets: what each is made of first, then how much of it changed.

Both records are made at the same time, each in a confined process of its own (see `apart`). What
they tell apart is opened once more, in a third one, which alone reads from both: tensors are
measured and texts compared there.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from probatum.audit.apart import Line, Task, apart
from probatum.audit.judge import attempted
from probatum.audit.open import opened
from probatum.audit.opened import Caps, Root
from probatum.audit.run import RootsOf, interruptible, spool
from probatum.audit.sandbox import Limits
from probatum.audit.worker import FetchedMaterial
from probatum.comparison import contents, explained, measures, weights
from probatum.comparison.differences import Aspect, Change, differences
from probatum.comparison.explained import Explanation
from probatum.comparison.measures import Measure
from probatum.comparison.record import Item, Lost, Record
from probatum.comparison.recording import Recorder, Step
from probatum.comparison.rederived import Rederiver, proven
from probatum.comparison.tensors import Tensor
from probatum.errors import FormatError, UsageError
from probatum.material import FileMaterial
from probatum.ports import Material
from probatum.vocabulary import Reason, Undecided

_HELD = 16


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is told of one change, by its place among all the changes."""

    measure: Measure | None = None
    explanation: Explanation | None = None
    trouble: str = ""


class Comparison(Struct, frozen=True, kw_only=True):
    """Two models and what differs; `told` has, for each change of each aspect in turn, more.

    `trouble` is why there is no more to tell of any.
    """

    first: Record
    second: Record
    aspects: tuple[Aspect, ...]
    told: tuple[Told, ...] = ()
    trouble: str = ""

    def changes(self) -> Iterator[tuple[Change, Told]]:
        """Every change with what is told of it."""
        every = chain.from_iterable(one.changes for one in self.aspects)
        for number, change in enumerate(every):
            yield change, self.told[number] if number < len(self.told) else Told()

    @property
    def same_values(self) -> bool:
        """Whether every tensor has the values of the first's, in another data type perhaps."""
        tensors = next(one for one in self.aspects if one.name == "tensors")
        told = [more for change, more in self.changes() if change.aspect == "tensors"]
        return not (tensors.none or tensors.lost) and all(
            one.measure is not None and one.measure.same_values for one in told
        )


class Target(Struct, frozen=True):
    """A target and its files, as they were listed."""

    name: str
    roots: tuple[Root, ...]

    @property
    def size(self) -> int:
        return sum(one.size for one in self.roots)


def listed(name: str, roots_of: RootsOf) -> Target:
    """The files of a target. A project is not one: its files are told by themselves.

    Raises: TargetError if it cannot be opened at all.
    """
    return Target(name, tuple(root for root in roots_of(name) if root.project is None))


def compared(
    first: str,
    second: str,
    *,
    limits: Limits,
    caps: Caps,
    roots_of: RootsOf,
    prove: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Comparison:
    """Compare two targets; `on_progress` hears bytes done and bytes in all.

    With `prove`, both are read a second time by readers of their own, and what these show to be the
    same is marked as proven.

    Raises: TargetError if one cannot be opened at all.
    """
    if os.name != "posix":
        raise UsageError("the work cannot be confined on this system: use Linux, macOS or WSL")
    both = listed(first, roots_of), listed(second, roots_of)
    done, total = 0, sum(one.size for one in both)

    def went(size: int) -> None:
        nonlocal done
        done += size
        on_progress(done, max(total, done))

    caps = replace(caps, digest_size=0)
    run = partial(apart, limits=limits, on_bytes=went, on_note=on_note)
    with spool() as folder, interruptible():
        tasks = [_recording(one, caps) for one in both]
        records = [
            _record(one, answer) for one, answer in zip(both, run(tasks, spool=folder), strict=True)
        ]
        found = Comparison(first=records[0], second=records[1], aspects=differences(*records))
        if prove:
            total *= 2
            tasks = [_recording(one, caps, maker=Rederiver) for one in both]
            again = [
                _record(one, answer)
                for one, answer in zip(both, run(tasks, spool=folder), strict=True)
            ]
            marked = proven(found.aspects, (records[0], records[1]), (again[0], again[1]))
            found = replace(found, aspects=marked)
        changes = [change for change, _ in found.changes()]
        if not changes:
            return found
        total += sum(one.after.size for one in changes if one.after and one.before) * 2
        (answer,) = run([_telling(both, changes, caps)], spool=folder)
    if isinstance(answer, Undecided):
        return replace(found, trouble=answer.detail)
    try:
        return replace(found, told=msgspec.msgpack.decode(answer, type=tuple[Told, ...]))
    except msgspec.DecodeError:
        return replace(found, trouble="the process that was to tell more told something else")


def recorded(
    name: str, *, limits: Limits, caps: Caps, roots_of: RootsOf, whole: bool = True
) -> Record:
    """The record of one target. Raises: TargetError if it cannot be opened at all."""
    target = listed(name, roots_of)
    with spool() as folder, interruptible():
        task = _recording(target, replace(caps, digest_size=0), whole)
        (answer,) = apart([task], limits, folder)
    return _record(target, answer)


def _record(target: Target, answer: bytes | Undecided) -> Record:
    if isinstance(answer, Undecided):
        lost = Lost("", target.name, answer.reason.value, answer.detail)
        return Record(source=target.name, lost=(lost,))
    try:
        return msgspec.msgpack.decode(answer, type=Record)
    except msgspec.DecodeError:  # a process that reads hostile bytes may tell anything
        lost = Lost("", target.name, Reason.CRASHED.value, "its process told something else")
        return Record(source=target.name, lost=(lost,))


# --- making a record ------------------------------------------------------------------------


def _recording(
    target: Target, caps: Caps, whole: bool = False, maker: type[Recorder] = Recorder
) -> Task:
    sources = [root.fetch for root in target.roots]
    work = partial(_recorded, target, caps, whole, maker)
    return Task(target.name, work, sources=sources)


def _recorded(target: Target, caps: Caps, whole: bool, maker: type[Recorder], line: Line) -> bytes:
    alone = len(target.roots) == 1
    recorder = maker(target.name, line.went, alone=alone, whole=whole)
    for number, root in enumerate(target.roots):
        line.stand(root.name, root.size)
        if root.trouble is not None and root.trouble.reason is Reason.NOT_ANALYSED:
            is_link = root.name != "." and not f"/{root.name}".endswith("/.git")
            note = recorder.link if is_link else recorder.leave_out
            note(root.name, root.trouble.detail)
        elif root.trouble is not None:
            recorder.lose(root.name, root.trouble.reason, root.trouble.detail)
        else:
            steps = _steps(number, root, caps, line)
            ended = attempted(partial(recorder.take, steps), "opening it")
            if isinstance(ended, Undecided):
                recorder.lose(root.name, ended.reason, ended.detail)
    return msgspec.msgpack.encode(recorder.record())


def _steps(number: int, root: Root, caps: Caps, line: Line) -> Iterator[Step]:
    for one in opened(root.name, _material(number, root, line), caps):
        yield one.artifact, one.material, one.trouble


def _material(number: int, root: Root, line: Line) -> Material:
    if root.path is not None:
        return FileMaterial(root.path, root.beside)
    return FetchedMaterial(root.size, root.beside, partial(line.fetch, number))


# --- telling how much changed ---------------------------------------------------------------


def _telling(both: tuple[Target, Target], changes: list[Change], caps: Caps) -> Task:
    sources = [root.fetch for one in both for root in one.roots]
    work = partial(_told, both, changes, caps)
    return Task("telling what changed", work, _with_numpy, sources)


def _with_numpy() -> None:
    """Import numpy, where it is, before the process may no longer; its threads would only wait."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    measures.has_numpy()


def _told(both: tuple[Target, Target], changes: list[Change], caps: Caps, line: Line) -> bytes:
    first, second = both
    before = _Shelf(first.roots, 0, [one.before for one in changes], caps, line)
    after = _Shelf(second.roots, len(first.roots), [one.after for one in changes], caps, line)
    found = []
    for change in changes:
        step = partial(_one, change, before, after, line)
        answer = attempted(step, "it")
        trouble = Told(trouble=answer.detail) if isinstance(answer, Undecided) else answer
        found.append(trouble)
    return msgspec.msgpack.encode(found)


def _one(change: Change, before: "_Shelf", after: "_Shelf", line: Line) -> Told:
    old, new = change.before, change.after
    if change.how == "renamed" or (change.aspect == "tensors" and not (old and new)):
        return Told()
    size = sum(one.size for one in (old, new) if one is not None)
    line.stand((new or old or _NOTHING).file, 4 * size)
    if old and new and old.dtype and new.dtype:
        measure = measures.measured(before.tensor(old), after.tensor(new))
        line.went(size)
        return Told(measure=measure)
    if change.aspect == "tensors" or _is_of_gguf(old or new):
        return Told()
    kind, first = before.find(old) if old else ("", None)
    kind, second = after.find(new) if new else (kind, None)
    name = (new or old or _NOTHING).file
    return Told(explanation=explained.explained(name, kind, first, second))


_NOTHING = Item(aspect="", name="", digest="", file="")


def _is_of_gguf(item: Item | None) -> bool:
    return item is not None and item.name.startswith("gguf: ")


class _Shelf:
    """Finds the things of a record again; a few files are held open."""

    def __init__(
        self,
        roots: tuple[Root, ...],
        first: int,
        wanted: list[Item | None],
        caps: Caps,
        line: Line,
    ) -> None:
        self._roots = {root.name: (first + number, root) for number, root in enumerate(roots)}
        self._wanted = {one.file for one in wanted if one is not None}
        self._caps = caps
        self._line = line
        self._open: OrderedDict[str, dict[str, tuple[str, Material]]] = OrderedDict()
        self._tensors: OrderedDict[str, dict[str, list[Tensor]]] = OrderedDict()

    def find(self, item: Item) -> tuple[str, Material]:
        """The kind and the bytes of the artifact that holds it. Raises: FormatError."""
        name = item.file.partition("!/")[0]
        if name not in self._open:
            number, root = self._roots[name]
            steps = _steps(number, root, self._caps, self._line)
            self._open[name] = {
                artifact.name: (artifact.kind, material)
                for artifact, material, _ in steps
                if artifact.name in self._wanted
            }
            if len(self._open) > _HELD:
                self._open.popitem(last=False)
        self._open.move_to_end(name)
        if item.file not in self._open[name]:
            raise FormatError(Reason.VANISHED, f"{item.file} is no longer there")
        return self._open[name][item.file]

    def tensor(self, item: Item) -> Tensor:
        """The tensor itself. Raises: FormatError."""
        if item.file not in self._tensors:
            kind, material = self.find(item)
            named: dict[str, list[Tensor]] = {}
            if kind in weights.KINDS:
                for one in weights.tensors(kind, contents.stem(item.file), material):
                    named.setdefault(one.name, []).append(one)
            self._tensors[item.file] = named
            if len(self._tensors) > _HELD:
                self._tensors.popitem(last=False)
        own = item.name.removeprefix(contents.folder(item.file, self.find(item)[0]))
        for one in self._tensors[item.file].get(own, []):
            if (one.dtype, one.shape) == (item.dtype, item.shape):
                return one
        raise FormatError(Reason.VANISHED, f"tensor {item.name!r} is no longer there")

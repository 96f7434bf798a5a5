"""The pickle streams of a file, as the loaders of its kind read them one after the other."""

import msgspec
from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import pickle_opcodes as opcodes
from probatum.formats.own_classes import OwnClasses
from probatum.formats.pickle_findings import Problem, Run
from probatum.formats.pickle_loaders import RAW_MAGIC, RAW_OBJECT, RAW_STREAMS, other_reading
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

LOADERS = {
    "pickle": "pickle",
    "joblib": "joblib",
    "torch-pickle": "torch",
    "torch-raw": "torch-raw",
}
"""Kind of artifact -> the loader whose reading is followed."""


class Streams(Struct, frozen=True):
    """Every stream of one file. A run without effects may span several streams of plain data.

    `trailing` is what is wrong with the bytes around the streams, if anything is. `own` has the
    digest of each source file around that the classes of the folder rest on.
    """

    loader: str
    runs: tuple[Run, ...]
    trailing: FormatError | None = None
    own: dict[str, str] = {}


def streams(
    kind: str, material: Material, start: int = 0, own: OwnClasses | None = None
) -> Streams:
    """Follow the streams of an artifact of a kind in LOADERS, from `start` on.

    `own`: the classes of the folder, for a caller whose certificate tells of them.
    """
    key = (kind, material, start)
    for kept, with_own, found in _last:
        if kept == key and (with_own == (own is not None) or _asked_nobody(found)):
            return found
    found = _followed(_Reading(LOADERS[kind], material, own), start)
    other = "" if found.loader == "torch" else other_reading(material.read(start, 512))
    if other:
        doubt = FormatError(Reason.PARSER_DIFFERENTIAL, other, Place(offset=start))
        found = msgspec.structs.replace(found, trailing=doubt)
    if own is not None:
        found = msgspec.structs.replace(found, own=own.digests())
    _last[:] = [(key, own is not None, found)]
    return found


_last: list[tuple[tuple[str, Material, int], bool, Streams]] = []
"""Three claims rest on the same pass, so the last one is kept."""


def _asked_nobody(found: Streams) -> bool:
    """Whether the classes of the folder made no difference: without them, a name that they may
    stand for is a problem, and with them a file that the pass rests on."""
    return not found.own and not any(run.problems or run.refuted for run in found.runs)


class _Reading(Struct, frozen=True):
    """What is the same for every stream of a file."""

    loader: str
    material: Material
    own: OwnClasses | None


def _followed(reading: _Reading, start: int) -> Streams:
    loader, material = reading.loader, reading.material
    if loader == "torch-raw":
        return _torch_raw(reading, start)
    runs: list[Run] = []
    at = start
    while at < material.size or not runs:
        found = _next(reading, at)
        if runs and (loader == "torch" or (found.broken and not found.refuted)):
            return Streams(loader, tuple(runs), _leftover(material, at))
        _merge(runs, found)
        if found.broken:
            break
        at = found.end
    return Streams(loader, tuple(runs))


def _torch_raw(reading: _Reading, start: int) -> Streams:
    """Magic number, protocol, system, the object, storage keys; raw storages follow, unpickled by
    nothing. Source: torch/serialization.py `_legacy_load`."""
    runs: list[Run] = []
    material, at = reading.material, start
    while len(runs) < RAW_STREAMS and at < material.size:
        runs.append(_next(reading, at))
        if runs[-1].broken:
            return Streams("torch-raw", tuple(runs))
        at = runs[-1].end
    if len(runs) == RAW_STREAMS and material.read(start + 2, 13) == RAW_MAGIC:
        return Streams("torch-raw", tuple(runs), _beside_the_object(runs))
    wrong = FormatError(Reason.MALFORMED, "not the five streams of a legacy torch file")
    return Streams("torch-raw", tuple(runs), wrong)


def _beside_the_object(runs: list[Run]) -> FormatError | None:
    """torch compares the second stream with its version and iterates the fifth, whatever it is."""
    for index, one in enumerate(runs):
        if index != RAW_OBJECT and one.effects:
            what = f"stream {index + 1} of a legacy torch file is not plain data"
            return FormatError(Reason.UNRESOLVED, what, Place(offset=one.start))
    return None


def _next(reading: _Reading, at: int) -> Run:
    material = reading.material
    try:
        skimmed = opcodes.skim(material.read, at, material.size)
    except FormatError as exc:
        return Run(at, at, (), (), (), frozenset(), broken=exc)
    if skimmed.effect is None:
        return Run(at, skimmed.end, (), (), (), frozenset(), result=())
    found = _run(reading, at, reading.loader)
    if any(one.how == "array" for one in found.effects):
        return _also_straight(found, reading)
    return found


def _run(reading: _Reading, at: int, loader: str) -> Run:
    from probatum.formats.pickle_machine import run  # a pickle of plain data does without

    material = reading.material
    return run(material.read, at, material.size, loader, material.beside, reading.own)


def _also_straight(found: Run, reading: _Reading) -> Run:
    """A joblib file may be handed to `pickle.load`, which goes on into the arrays' bytes."""
    other = _run(reading, found.start, "straight")
    if not other.problems and not other.refuted:
        return found
    what = f"it would run {other.refuted[0].name}" if other.refuted else other.problems[0].detail
    detail = f"pickle.load would read the bytes of joblib's arrays as opcodes: {what}"
    problem = Problem(found.start, Reason.PARSER_DIFFERENTIAL, detail)
    return msgspec.structs.replace(found, problems=(*found.problems, problem))


def _merge(runs: list[Run], found: Run) -> None:
    """Millions of small data streams in one file cost one run."""
    if runs and _is_plain(runs[-1]) and _is_plain(found):
        runs[-1] = Run(runs[-1].start, found.end, (), (), (), frozenset(), result=())
    else:
        runs.append(found)


def _is_plain(one: Run) -> bool:
    return not (one.effects or one.problems or one.refuted or one.broken)


def _leftover(material: Material, at: int) -> FormatError:
    return FormatError(
        Reason.PARSER_DIFFERENTIAL,
        f"{material.size - at} bytes follow the end of the pickle: readers differ about them",
        Place(offset=at),
    )

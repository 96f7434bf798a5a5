"""The pickle streams of a file, as the loaders of its kind read them one after the other."""

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import pickle_opcodes as opcodes
from probatum.formats.pickle_machine import Run, run
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

LOADERS = {
    "pickle": "pickle",
    "joblib": "joblib",
    "torch-pickle": "torch",
    "torch-raw": "torch-raw",
}
"""Kind of artifact -> the loader whose reading is followed."""
_TORCH_RAW_STREAMS = 5


class Streams(Struct, frozen=True):
    """Every stream of one file. A run without effects may span several streams of plain data.

    `trailing` is what is wrong with the bytes after the last stream, if anything is.
    """

    loader: str
    runs: tuple[Run, ...]
    trailing: FormatError | None = None


def streams(kind: str, material: Material, start: int = 0) -> Streams:
    """Follow the streams of an artifact of a kind in LOADERS, from `start` on."""
    key = (kind, material, start)
    if _last and _last[0][0] == key:
        return _last[0][1]
    found = _followed(LOADERS[kind], material, start)
    _last[:] = [(key, found)]
    return found


_last: list[tuple[tuple[str, Material, int], Streams]] = []
"""Two claims rest on the same pass, so the last one is kept."""


def _followed(loader: str, material: Material, start: int) -> Streams:
    runs: list[Run] = []
    at = start
    while True:
        found = _next(loader, material, at)
        _merge(runs, found, loader)
        at = found.end
        if found.broken or at >= material.size:
            return Streams(loader, tuple(runs))
        if loader == "torch":
            return Streams(loader, tuple(runs), _leftover(material, at))
        if loader == "torch-raw" and len(runs) == _TORCH_RAW_STREAMS:
            return Streams(loader, tuple(runs))  # raw storages follow, which nothing unpickles
        if loader != "torch-raw" and not _begins(material, at):
            return Streams(loader, tuple(runs), _leftover(material, at))


def _next(loader: str, material: Material, at: int) -> Run:
    try:
        skimmed = opcodes.skim(material.read, at, material.size)
    except FormatError as exc:
        return Run(at, at, (), (), (), frozenset(), broken=exc)
    if skimmed.effect is None:
        return Run(at, skimmed.end, (), (), (), frozenset(), result=())
    return run(material.read, at, material.size, loader, material.beside)


def _merge(runs: list[Run], found: Run, loader: str) -> None:
    """Millions of small data streams in one file cost one run."""
    if loader != "torch-raw" and runs and _is_plain(runs[-1]) and _is_plain(found):
        runs[-1] = Run(runs[-1].start, found.end, (), (), (), frozenset(), result=())
    else:
        runs.append(found)


def _is_plain(one: Run) -> bool:
    return not (one.effects or one.problems or one.refuted or one.broken)


def _begins(material: Material, at: int) -> bool:
    """Whether another stream that ends in STOP can be read at `at`."""
    try:
        opcodes.skim(material.read, at, material.size)
    except FormatError:
        return False
    return True


def _leftover(material: Material, at: int) -> FormatError:
    return FormatError(
        Reason.PARSER_DIFFERENTIAL,
        f"{material.size - at} bytes follow the end of the pickle: readers differ about them",
        Place(offset=at),
    )

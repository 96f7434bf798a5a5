"""Decides whether a pickle of torch's oldest format, a tar, runs anything its author chose.

Before 0.1.10 torch.save wrote a tar of `storages`, `tensors` and `pickle`, and torch.load still
reads it where it may unpickle anything. `pickle` is one stream. In `storages` and `tensors` raw
bytes stand between the streams, of a length that the stream before them tells.

- **Proven**: `pickle` alone, where it is built-in data; `check/pickle.py` reads it again.
- **Refuted**: a stream that the loader comes to runs a callable with an effect, at its byte.
- **Undecided**: a step without a summary, a length that cannot be told, and a `storages` or
  `tensors` in whose streams nothing was found: no certificate covers the raw bytes between them.

Source: torch/serialization.py `_legacy_load.legacy_load` (torch 2.13).
"""

from collections.abc import Callable

from probatum.claims import LOAD_INERT
from probatum.errors import FormatError
from probatum.formats import pickle_evidence, pickle_machine
from probatum.formats.pickle_findings import Run
from probatum.formats.pickle_streams import Streams
from probatum.formats.pickle_values import Name, Value
from probatum.formats.torch_storages import widths
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Place, Proven, Reason, Undecided, Verdict

Skip = Callable[[Value, Material, int], int]

_MOST_STREAMS = 100_000
_MOST_DIMENSIONS = 64


@analyzer(id="torch-tar-load", claim=LOAD_INERT, accepts={"torch-tar-pickle"})
def torch_tar_load(artifact: Artifact, material: Material) -> Verdict:
    """Follows the streams as the loader reads this member."""
    base = artifact.name.rpartition("/")[2].lower()
    if base == "pickle":
        return _verdict((_stream(material, 0),), material, whole=True)
    runs = [_stream(material, 0)]
    at, count = runs[0].end, runs[0].result
    if runs[0].broken is None and type(count) is int:
        skip = _storage_end if base == "storages" else _tensor_end
        try:
            _follow(runs, material, at, count, skip, ends_with_views=base == "storages")
        except FormatError as exc:
            found = _verdict(tuple(runs), material, whole=False)
            proven = isinstance(found, Proven | Undecided)
            return Undecided(exc.reason, exc.detail, exc.place) if proven else found
    return _verdict(tuple(runs), material, whole=False)


def _stream(material: Material, at: int) -> Run:
    return pickle_machine.run(material.read, at, material.size, "pickle", material.beside)


def _follow(
    runs: list[Run], material: Material, at: int, count: int, skip: Skip, *, ends_with_views: bool
) -> None:
    if count > _MOST_STREAMS:
        raise FormatError(Reason.OVER_LIMIT, f"{count} streams are more than {_MOST_STREAMS}")
    for _ in range(count):
        runs.append(_stream(material, at))
        if runs[-1].broken is not None:
            return
        at = skip(runs[-1].result, material, runs[-1].end)
    if ends_with_views:
        runs.append(_stream(material, at))


def _storage_end(described: Value, material: Material, at: int) -> int:
    """After a count of 8 bytes and that many elements of the described type."""
    cls = described[2] if type(described) is tuple and len(described) == 3 else None
    width = widths()["storages"].get(cls.name) if isinstance(cls, Name) else None
    if width is None:
        raise FormatError(Reason.UNRESOLVED, "how many bytes this storage takes", Place(offset=at))
    return _inside(at + 8 + width * int.from_bytes(material.read(at, 8), "little"), material)


def _tensor_end(described: Value, material: Material, at: int) -> int:
    """After the dimensions, 4 bytes that nobody reads, sizes, strides and an offset."""
    dimensions = int.from_bytes(material.read(at, 4), "little")
    if dimensions > _MOST_DIMENSIONS:
        raise FormatError(Reason.MALFORMED, f"{dimensions} dimensions", Place(offset=at))
    return _inside(at + 8 + 16 * dimensions + 8, material)


def _inside(end: int, material: Material) -> int:
    if end > material.size:
        raise FormatError(Reason.TRUNCATED, "raw bytes reach past the end of the member")
    return end


def _verdict(runs: tuple[Run, ...], material: Material, *, whole: bool) -> Verdict:
    """The first stream decides like any pickle; each later one is one that is surely loaded."""
    for run in runs:
        found = pickle_evidence.load_verdict(Streams("pickle", (run,)), material)
        if not isinstance(found, Proven):
            return found
    if whole and runs[0].end == material.size:
        return found
    if whole:
        says = "bytes follow the end of the pickle"
        return Undecided(Reason.PARSER_DIFFERENTIAL, says, Place(offset=runs[0].end))
    return Undecided(
        Reason.UNSUPPORTED,
        f"its {len(runs)} streams run nothing that is known, but no certificate covers the raw "
        "bytes between them",
    )

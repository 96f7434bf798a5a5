"""Decides whether a file is of one format, from its first byte to its last, and named as that.

A file can be two things at once: a tensor file with an archive behind it, a picture with a pickle
at its end, a pickle called `.safetensors`. Whoever looks at it sees the one, and a loader that
looks elsewhere opens the other. (Two readings *within* one format are for `fully-opened`,
`header-sound` and `load-inert`.)

**Proven** when three things hold. The format's own fields, followed from the first byte, cover the
file to its last byte: a tensor file's header, a pickle's opcodes, an archive's records, a text's
grammar; of padding, only what the format allows, and only zeros. No other reader accepts it: not
those that look away from the start (a ZIP's end record in the last 64 KiB, an HDF5 signature at
512, 1024, 2048, …, a PDF's first line in the first 1024 bytes), nor those of formats without a
magic number (a pickle machine fails before it imports or calls anything, the first block is no tar
header, the first eight bytes are no length of a safetensors header, the whole is no protocol buffer
of ONNX or Core ML). And a suffix that is bound to a format is this one's: many are bound to none
(`.bin`, `.ckpt`, no suffix at all). About readers that are not named here nothing is said.

**Refuted** with the place and what another loader sees there: an archive that ends the file, an
HDF5 file further in, a tar header in the first block, bytes before an archive, a file of a known
kind behind the end; or the suffix of another format. A llamafile is refuted: it is programs for
several systems and a ZIP in one, by design; who wants it accepts it in the policy.

**Undecided** where a format's fields are not followed to the end here (HDF5, TFLite, CatBoost,
compiled formats, 7z, the storages of torch's legacy files, images other than PNG), where the
file cannot be followed, where it lies on a hub (each place at which HDF5 is looked for would be a
fetch of its own), where bytes of no known kind stand behind the end, or where something that
another reader might take lies where the format has room for any bytes: an archive that ends a tar,
or the one behind a TFLite model that its metadata describes.

Members of a torch archive are opened by their place in it, whatever they begin with, and not asked.

Sources: Albertini, "Abusing file formats" (PoC||GTFO 7:6); CPython Lib/zipfile and Lib/tarfile;
HDF5 `H5FD_locate_signature`; TensorFlow Lite's metadata ("associated files"); Trail of Bits,
"Relishing new Fickling features for securing ML systems", 2024 (PyTorch polyglots).
"""

from collections.abc import Iterator
from typing import Any

from probatum.claims import ONE_FORMAT
from probatum.errors import FormatError
from probatum.formats.bound_names import bound_suffix, fits
from probatum.formats.extents import extent
from probatum.formats.kinds import CONTAINERS, PICKLES, ZIPS, kind_of
from probatum.formats.other_readers import HEAD, Reading, ends, readings
from probatum.formats.uncovered import Uncovered
from probatum.material import SliceMaterial
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Excerpt,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

_CARRIERS = CONTAINERS | PICKLES | {"msgpack", "rds", "torch7", "tflite"}
"""Kinds with room for any bytes: what lies whole inside one of them is no second format.

TensorFlow Lite's own metadata keeps the files that belong to a model in a ZIP behind it.
"""
_WITHOUT_MAGIC = frozenset({"zlib", "xz", "msgpack", "torch7", "rds", "pickle", "joblib"})
"""Kinds that numbers may begin like: only a file that was followed to its end is surely one."""
_PLAIN = frozenset({"unknown", "text", "empty", "markdown", "json"})
_ASSUMED = ("other readers look where zipfile, tarfile, h5py, pickle and the like do",)


@analyzer(
    id="one-format",
    claim=ONE_FORMAT,
    accepts={
        "zip", "torch-zip", "torchscript", "npz", "keras", "skops", "mar", "tar", "torch-tar",
        "nemo", "gzip", "bzip2", "xz", "zlib", "zstd", "lz4", "7z", "pickle", "joblib", "torch-raw",
        "npy", "safetensors", "gguf", "onnx", "coreml", "saved-model", "hdf5", "tflite",
        "executorch", "tensorrt", "msgpack", "xgboost-json", "xgboost-ubj", "lightgbm-text",
        "catboost", "rds", "torch7", "openvino-xml", "pmml", "image", "llamafile",
    },
)  # fmt: skip
def one_format(artifact: Artifact, material: Material) -> Verdict:
    """Follow the file to its end, and try every other reader on it."""
    kind = artifact.kind
    followed = _followed(kind, material)
    costly = artifact.expected is not None and artifact.expected.costly and material.size > HEAD
    found = tuple(readings(kind, material, far=not costly))
    named = fits(artifact.name, kind) and kind != "llamafile"
    if named and not found and not costly and not isinstance(followed, FormatError):
        ended = ends(material)
        facts = {"kind": kind, "size": material.size, "ends": ended, "extent": followed}
        return Proven(Certificate("one_format", facts), _ASSUMED)
    witnesses = (
        *(() if named else _misnamed(artifact, material, followed)),
        *(_second(one, material) for one in found if _is_second(one, kind, followed)),
        *_foreign(kind, followed, material),
    )
    return Refuted(witnesses) if witnesses else _doubt(artifact, found, followed)


def _doubt(artifact: Artifact, found: tuple[Reading, ...], followed: object) -> Undecided:
    """What keeps the file from being proven where no witness shows that it is two things."""
    for one in found:
        return Undecided(Reason.PARSER_DIFFERENTIAL, one.says, Place(offset=one.at))
    if isinstance(followed, FormatError) and fits(artifact.name, artifact.kind):
        return Undecided(followed.reason, followed.detail, followed.place)
    if fits(artifact.name, artifact.kind):
        says = "it lies far away, and the places where HDF5 is looked for were not fetched"
        return Undecided(Reason.NOT_ANALYSED, says, Place(offset=HEAD))
    says = f"it is called .{bound_suffix(artifact.name)} and begins like {artifact.kind}"
    return Undecided(Reason.UNRESOLVED, says, Place(offset=0))


def _followed(kind: str, material: Material) -> dict[str, Any] | FormatError:
    try:
        return extent(kind, material)
    except FormatError as exc:
        return exc


def _is_second(reading: Reading, kind: str, followed: object) -> bool:
    """Whether another reader accepts the file, by more than what a field of bytes may hold."""
    end = followed.start if isinstance(followed, Uncovered) else None
    inside = kind in _CARRIERS and reading.at > 0 and (end is None or reading.at < end)
    return reading.sure and not inside


def _misnamed(artifact: Artifact, material: Material, followed: object) -> Iterator[Witness]:
    head, start = Excerpt(0, material.read(0, 64)), Place(offset=0)
    if artifact.kind == "llamafile":
        says = "a program for several systems at once, which is an archive as well"
        yield Witness(says, start, excerpt=head)
        return
    if artifact.kind not in _WITHOUT_MAGIC or not isinstance(followed, FormatError):
        suffix = bound_suffix(artifact.name)
        step = Step(f"the name ends with .{suffix}, the suffix of another format")
        says = f"it is called .{suffix}, and its bytes are of the kind {artifact.kind}"
        yield Witness(says, start, (step,), head)


def _second(reading: Reading, material: Material) -> Witness:
    return Witness(reading.says, Place(offset=reading.at), excerpt=_around(reading.at, material))


def _foreign(kind: str, gap: object, material: Material) -> Iterator[Witness]:
    """What stands where no field reaches, if a reader would know it."""
    if not isinstance(gap, Uncovered) or not any(
        any(piece) for piece in _pieces(gap.start, gap.end, material)
    ):
        return
    inner = kind_of("", SliceMaterial(material, gap.start, gap.end - gap.start))
    place = Place(offset=gap.start)
    if kind in ZIPS and gap.start == 0:
        says = f"{gap.detail}: who goes by the first bytes sees no archive"
    elif inner not in _PLAIN:
        says = f"{gap.detail}: a file of the kind {inner}"
    else:
        return
    yield Witness(says, place, excerpt=_around(gap.start, material))


def _pieces(at: int, end: int, material: Material) -> Iterator[bytes]:
    while at < end and (piece := material.read(at, min(1 << 20, end - at))):
        yield piece
        at += len(piece)


def _around(at: int, material: Material) -> Excerpt:
    start = max(0, at - 16)
    return Excerpt(start, material.read(start, 64))

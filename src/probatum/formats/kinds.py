# ruff: noqa: SIM905  (a list of kinds reads better as words)
"""Recognises what a file is by its content; its name only breaks ties.

`kind_of` asks a table of small predicates in order: formats with a magic number, archives, then
pickles (which have none), then protocol buffers, JSON and other text. The order is what a loader
that goes by content would do: whatever could run as a pickle or as an executable is never called
text. Most files cost one read of 4 KiB; only ZIP (whose directory stands at the end) and a few
formats without a magic number are read elsewhere too.

To add a format, write one line in `_TABLE`: its kind and a predicate over `Seen`. The predicates
stand in `kinds_marks`, `kinds_archives`, `kinds_pickles` and `kinds_text`.
"""

from collections.abc import Callable

from probatum.formats import tar
from probatum.formats.kinds_archives import (
    BZIP2,
    ZSTD,
    is_lzma_alone,
    is_old_joblib,
    is_zlib,
    tar_kind,
    zip_ends_it,
    zip_kind,
)
from probatum.formats.kinds_archives import TARS as TARS
from probatum.formats.kinds_archives import ZIPS as ZIPS
from probatum.formats.kinds_marks import (
    EXECUTORCH,
    IMAGE,
    PACKAGE_URL,
    R_TEXT,
    STRONG,
    UBJSON,
    begins,
    executable,
    is_bytecode,
    is_hdf5,
    is_macho,
    is_msgpack,
    is_pe,
    is_safetensors,
    is_tensorflow_index,
    is_torch7,
)
from probatum.formats.kinds_pickles import (
    FIRST_OPCODES,
    calls_something,
    is_framed,
    is_in_script,
    is_in_torch_tar,
    is_in_torch_zip,
    is_pickle,
    is_script_code,
    pickle_kind,
)
from probatum.formats.kinds_seen import Seen
from probatum.formats.kinds_text import (
    is_agent_toml,
    is_json,
    is_promised_text,
    is_space_card,
    is_xml,
    json_kind,
    script_kind,
    xml_kind,
)
from probatum.formats.pickle_start import Start, Walk
from probatum.ports import Material

CONTAINERS = frozenset(
    "zip tar gzip bzip2 xz zlib zstd lz4 7z torch-zip torchscript torch-tar npz keras skops nemo "
    "mar".split()
)
PICKLES = frozenset(
    "pickle torch-pickle torchscript-pickle torch-raw torch-tar-pickle npy joblib".split()
)
_PROTOBUFS = frozenset({"onnx", "coreml", "saved-model"})


def kind_of(name: str, material: Material, parent: str | None = None) -> str:
    """The kind of the file `name`; `parent` is the kind of the container it was taken from."""
    seen = Seen(name, material, parent)
    if not seen.size:
        return "empty"
    if parent is None and is_framed(seen):  # no row before that of pickles would take it
        return pickle_kind(seen)
    for kind, holds in _TABLE:
        if holds(seen):
            return kind(seen) if callable(kind) else kind
    if seen.text is None and seen.is_raw_weights:
        return "raw-weights"
    return seen.promise or ("text" if seen.text is not None else "unknown")


def is_loadable_start(head: bytes, size: int) -> bool:
    """Whether the first bytes of what should be a raw tensor are those of another file.

    Only what is very unlikely in numbers counts: strong magic numbers, and pickles that run.
    """
    place = int.from_bytes(head[60:64], "little")
    if STRONG.match(head) or (head[:2] == b"MZ" and head[place : place + 4] == b"PE\0\0"):
        return True
    if not head or head[0] not in FIRST_OPCODES | {0x80}:
        return False
    walk = Walk(head, size)
    announced = head[0] == 0x80 and walk.ops > 2 and walk.start != Start.NONE
    return announced or walk.start in (Start.CALLS, Start.LONG)


def _hdf5_by_name(seen: Seen) -> bool:
    """Keras hands whatever has this suffix to HDF5, which finds its signature further in, too."""
    return seen.promise == "hdf5" and not calls_something(seen) and is_hdf5(seen)


def _zip_by_name(seen: Seen) -> bool:
    """What goes by the name, or by the end, opens the ZIP that ends a file of another format."""
    return (seen.promise in ZIPS or seen.promise == "pickle") and zip_ends_it(seen)


def _zip_behind_script(seen: Seen) -> bool:
    """A first line for Python, then a ZIP: zipapps, and what libraries that go by the end open."""
    first = seen.head.split(b"\n", 1)[0]
    return first.startswith(b"#!") and b"python" in first and zip_ends_it(seen)


def _protobuf_kind(seen: Seen) -> str:
    """As it is named, but that ONNX keeps single tensors under the suffix of TensorFlow's graphs.

    To a reader of graphs such a message is an empty one.
    """
    bare = seen.promise == "saved-model" and seen.base != "saved_model.pb"
    if bare and seen.outline is not None and seen.outline.onnx_tensor:
        return "onnx-tensor"
    return str(seen.promise)


def _protobuf_by_name(seen: Seen) -> bool:
    """A protocol buffer has no magic, and its parsers pass over what they do not know.

    A file named as one is parsed as that, whatever other format its first bytes are the start of.
    """
    return seen.promise in _PROTOBUFS and seen.text is None


def _is_deployment(seen: Seen) -> bool:
    """A text that deploys something. Its patterns are not compiled where only weights are read."""
    if seen.text is None:
        return False
    from probatum.formats.kinds_deploy import is_deployment

    return is_deployment(seen)


def _deployment_kind(seen: Seen) -> str:
    from probatum.formats.kinds_deploy import deployment_kind

    return deployment_kind(seen)


def _names_components(seen: Seen) -> bool:
    """A text that names components; asked like one that deploys."""
    if seen.text is None:
        return False
    from probatum.formats.kinds_inventory import inventory_kind

    return inventory_kind(seen) is not None


def _inventory_kind(seen: Seen) -> str:
    from probatum.formats.kinds_inventory import inventory_kind

    return str(inventory_kind(seen))


_TABLE: tuple[tuple[str | Callable[[Seen], str], Callable[[Seen], bool]], ...] = (
    # What a container's own loader opens as a pickle, whatever it holds.
    ("torchscript-pickle", is_in_script),
    ("torchscript-code", is_script_code),
    ("torch-pickle", is_in_torch_zip),
    ("torch-tar-pickle", is_in_torch_tar),
    ("hdf5", _hdf5_by_name),
    # Formats with a magic number.
    (zip_kind, begins(b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")),
    (executable("elf"), begins(b"\x7fELF")),
    ("llamafile", begins(b"MZqFpD", b"jartsr=")),
    (executable("pe"), is_pe),
    (executable("macho"), is_macho),
    (zip_kind, _zip_behind_script),
    (script_kind, begins(b"#!", b"\xef\xbb\xbf#!")),
    ("npy", begins(b"\x93NUMPY")),
    # What follows begins, or may begin, with the first opcodes of a pickle that runs.
    (pickle_kind, calls_something),
    (zip_kind, _zip_by_name),
    (_protobuf_kind, _protobuf_by_name),
    ("pyc", is_bytecode),
    ("gzip", begins(b"\x1f\x8b")),
    ("bzip2", lambda seen: bool(BZIP2.match(seen.head))),
    ("xz", begins(b"\xfd7zXZ\0")),
    ("xz", is_lzma_alone),
    ("zstd", lambda seen: bool(ZSTD.match(seen.head))),
    ("lz4", begins(b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18")),
    ("7z", begins(b"7z\xbc\xaf\x27\x1c")),
    ("zlib", is_zlib),
    ("zlib", is_old_joblib),
    (tar_kind, lambda seen: tar.starts(seen.head)),
    ("gguf", begins(b"GGUF")),
    ("image", lambda seen: bool(IMAGE.match(seen.head))),
    ("catboost", begins(b"CBM1")),
    ("rds", begins(b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"X\n\0\0\0", b"B\n")),
    ("rds", lambda seen: bool(R_TEXT.match(seen.head))),
    ("tensorrt", begins(b"ptrt", b"ftrt")),
    ("fasttext", begins(b"\xba\x16\x4f\x2f")),
    ("tensorflow-index", is_tensorflow_index),
    ("tflite", begins(b"TFL3", at=4)),
    ("executorch", lambda seen: bool(EXECUTORCH.match(seen.head))),
    ("msgpack", is_msgpack),
    (pickle_kind, is_pickle),
    ("safetensors", is_safetensors),
    ("hdf5", is_hdf5),
    ("torch7", is_torch7),
    ("xgboost-ubj", lambda seen: bool(UBJSON.match(seen.head))),
    ("onnx", lambda seen: seen.outline is not None and seen.outline.onnx),
    ("coreml", lambda seen: seen.outline is not None and seen.outline.coreml),
    ("saved-model", lambda seen: seen.outline is not None and seen.outline.saved_model),
    ("sentencepiece", lambda seen: seen.outline is not None and seen.outline.sentencepiece),
    # Bytes of no format that begin otherwise: readers that go by the end find a ZIP.
    (zip_kind, zip_ends_it),
    # Text.
    ("package-url", lambda seen: bool(PACKAGE_URL.fullmatch(seen.head))),
    (_inventory_kind, _names_components),
    (_deployment_kind, _is_deployment),
    ("agent-config", is_agent_toml),
    (json_kind, is_json),
    ("lightgbm-text", begins(b"tree\nversion=", b"tree\r\nversion=")),
    (xml_kind, is_xml),
    ("space-card", is_space_card),
    (lambda seen: str(seen.promise), is_promised_text),
)

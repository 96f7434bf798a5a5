# ruff: noqa: SIM905  (a list of kinds reads better as words)
"""Recognises what a file is by its content; its name only breaks ties.

`kind_of` asks a table of small predicates in order: formats with a magic number, archives, then
pickles (which have none), then protocol buffers, JSON and other text. The order is what a loader
that goes by content would do: whatever could run as a pickle or as an executable is never called
text. Most files cost one read of 4 KiB; only ZIP (whose directory stands at the end) and a few
formats without a magic number are read elsewhere too.

To add a format, write one line in `_TABLE`: its kind and a predicate over `Seen`.
"""

import lzma
import re
import zlib
from collections.abc import Callable
from functools import cached_property

from probatum.errors import FormatError
from probatum.formats import tar, zip
from probatum.formats.folder_names import promised
from probatum.formats.pickle_start import TORCH_MAGIC, Start, Walk
from probatum.formats.protobuf_outline import Outline, outline
from probatum.ports import Material

HEAD = 4096
_JOBLIB_SEARCH = 16 << 20
_STEP = 1 << 20
_PLAIN_TAIL = 22 + 0xFFFF

CONTAINERS = frozenset(
    "zip tar gzip bzip2 xz zlib zstd lz4 7z torch-zip torchscript torch-tar npz keras skops nemo "
    "mar".split()
)
ZIPS = frozenset({"zip", "torch-zip", "torchscript", "npz", "keras", "skops", "mar"})
TARS = frozenset({"tar", "torch-tar", "nemo"})
PICKLES = frozenset(
    "pickle torch-pickle torchscript-pickle torch-raw torch-tar-pickle npy joblib".split()
)


class Seen:
    """What is known of a file so far: its name, its first bytes, and the rest on demand."""

    def __init__(self, name: str, material: Material, parent: str | None) -> None:
        self.material = material
        self.parent = parent
        self.size = material.size
        self.head = material.read(0, HEAD)
        self.name = name
        self.inside = name.rpartition("!/")[2]
        self.base = name.rpartition("/")[2].lower()

    @cached_property
    def promise(self) -> str | None:
        """The kind that the name promises, if any."""
        return None if _is_raw_weights(self) else promised(self.base)

    @cached_property
    def text(self) -> str | None:
        """The head as text; None where it is not."""
        return _as_text(self.head, cut=self.size > len(self.head))

    @cached_property
    def walk(self) -> Walk:
        """How far the file runs as a pickle."""
        return Walk(self.head, self.size, self.material.read)

    @cached_property
    def outline(self) -> Outline | None:
        """The top-level fields, where the whole file is one protocol buffer."""
        return outline(self.material, self.head)

    @cached_property
    def zip_names(self) -> tuple[str, ...] | None:
        """The names of a ZIP's members; None where there is no directory to follow."""
        try:
            return tuple(entry.name for entry in zip.directory(self.material).entries)
        except FormatError:
            return None

    @cached_property
    def tar_names(self) -> tuple[str, ...]:
        """The names of a tar's first members."""
        return tar.first_names(self.material)


def kind_of(name: str, material: Material, parent: str | None = None) -> str:
    """The kind of the file `name`; `parent` is the kind of the container it was taken from."""
    seen = Seen(name, material, parent)
    if not seen.size:
        return "empty"
    for kind, holds in _TABLE:
        if holds(seen):
            return kind(seen) if callable(kind) else kind
    return seen.promise or ("text" if seen.text is not None else "unknown")


def is_loadable_start(head: bytes, size: int) -> bool:
    """Whether the first bytes of what should be a raw tensor are those of another file.

    Only what is very unlikely in numbers counts: strong magic numbers, and pickles that run.
    """
    place = int.from_bytes(head[60:64], "little")
    if _STRONG.match(head) or (head[:2] == b"MZ" and head[place : place + 4] == b"PE\0\0"):
        return True
    if not head or head[0] not in _FIRST_OPCODES | {0x80}:
        return False
    walk = Walk(head, size)
    announced = head[0] == 0x80 and walk.ops > 2 and walk.start != Start.NONE
    return announced or walk.start in (Start.CALLS, Start.LONG)


def _is_raw_weights(seen: Seen) -> bool:
    """Whether a `.bin` is named as the bare numbers that another format keeps beside its graph."""
    if not seen.base.endswith(".bin"):
        return False
    openvino = seen.base[:-3] + "xml" in (name.lower() for name in seen.material.beside)
    return openvino or "com.apple.CoreML/weights/" in seen.name


def _magic(*magics: bytes, at: int = 0) -> Callable[[Seen], bool]:
    return lambda seen: seen.head.startswith(magics, at)


def _inside_torch(seen: Seen) -> bool:
    loaded = seen.base in ("data.pkl", "constants.pkl", "attributes.pkl")
    return seen.parent in ("torch-zip", "torchscript") and loaded


def _script_pickle(seen: Seen) -> bool:
    place = seen.inside.partition("/")[2]
    return seen.parent == "torchscript" and "/" not in place and place.endswith(".pkl")


def _script_code(seen: Seen) -> bool:
    place = seen.inside.partition("/")[2]
    return seen.parent == "torchscript" and place.startswith("code/") and place.endswith(".py")


def _inside_torch_tar(seen: Seen) -> bool:
    return seen.parent == "torch-tar" and seen.base in ("pickle", "storages", "tensors")


def _pe(seen: Seen) -> bool:
    if not seen.head.startswith(b"MZ"):
        return False
    at = int.from_bytes(seen.head[60:64], "little")
    return seen.material.read(at, 4) == b"PE\0\0" or seen.text is None


def _macho(seen: Seen) -> bool:
    if seen.head.startswith(
        (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
    ):
        return True
    # The fat header shares its magic with Java classes, whose version there is 45 or more.
    fat = seen.head.startswith((b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"))
    return fat and int.from_bytes(seen.head[4:8], "big") < 45


def _executable(kind: str) -> Callable[[Seen], str]:
    return lambda seen: "llamafile" if seen.base.endswith(".llamafile") else kind


def _script(seen: Seen) -> str:
    first = seen.head.split(b"\n", 1)[0]
    return "python" if b"python" in first else "shell-script"


def _hdf5(seen: Seen) -> bool:
    magic, at = b"\x89HDF\r\n\x1a\n", 0
    while at < seen.size:
        if at < HEAD - 8:
            found = seen.head.startswith(magic, at)
        elif seen.text is not None:  # not worth a search: its superblock would not hide in text
            return False
        else:
            found = seen.material.read(at, 8) == magic
        if found:
            return True
        at = at * 2 or 512
    return False


def _safetensors(seen: Seen) -> bool:
    length = int.from_bytes(seen.head[:8], "little")
    return seen.head[8:9] == b"{" and 2 <= length <= seen.size - 8


def _zip_ends_it(seen: Seen) -> bool:
    """A ZIP behind bytes of no other format: what zipfile and its like would open."""
    tail = seen.material.read(max(0, seen.size - _PLAIN_TAIL), _PLAIN_TAIL)
    return b"PK\x05\x06" in tail and bool(seen.zip_names)


def _hdf5_by_name(seen: Seen) -> bool:
    """Keras hands whatever has this suffix to HDF5, which finds its signature further in, too."""
    return seen.promise == "hdf5" and not _calls(seen) and _hdf5(seen)


def _zip_by_name(seen: Seen) -> bool:
    """What goes by the name, or by the end, opens the ZIP that ends a file of another format."""
    return (seen.promise in ZIPS or seen.promise == "pickle") and _zip_ends_it(seen)


def _protobuf_by_name(seen: Seen) -> bool:
    """A protocol buffer has no magic, and its parsers pass over what they do not know.

    A file named as one is parsed as that, whatever other format its first bytes are the start of.
    """
    return seen.promise in _PROTOBUFS and seen.text is None


def _zip_kind(seen: Seen) -> str:
    names = seen.zip_names
    if names is None:
        kept = seen.promise in ZIPS
        return seen.promise if kept and seen.promise else "zip"
    # Keras opens by this suffix alone, whatever else lies in the archive.
    if seen.promise == "keras" and "config.json" in names:
        return "keras"
    bases = {name.rpartition("/")[2] for name in names}
    if _is_script(names, bases):
        return "torchscript"
    if "data.pkl" in bases or any("/.data/" in name for name in names):
        return "torch-zip"
    if "MAR-INF/MANIFEST.json" in names:
        return "mar"
    if "schema.json" in names:
        return "skops"
    if "config.json" in names and ("metadata.json" in names or "model.weights.h5" in names):
        return "keras"
    if "model_config.yaml" in bases and any(name.endswith(".ckpt") for name in names):
        return "zip"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return seen.promise if seen.promise in ("npz", "keras", "skops", "mar") else "zip"


def _is_script(names: tuple[str, ...], bases: set[str]) -> bool:
    """Whether torch.load hands the archive to TorchScript's reader instead of unpickling it.

    It goes by `constants.pkl` in the archive's own folder, which is the first member's; a file of
    that name elsewhere changes nothing. Source: torch/serialization.py `_is_torchscript_zip`.
    """
    if names and names[0].partition("/")[0] + "/constants.pkl" in names:
        return True
    legacy = "model.json" in bases and any("/code/" in name for name in names)
    return legacy and "data.pkl" not in bases


def _tar_kind(seen: Seen) -> str:
    names = {name.removeprefix("./") for name in seen.tar_names}
    if {"pickle", "storages", "tensors"} <= names:
        return "torch-tar"
    if "model_config.yaml" in names:
        return "nemo"
    return "nemo" if seen.base.endswith(".nemo") else "tar"


def _calls(seen: Seen) -> bool:
    """Whether a pickle machine would surely do something, whatever else the bytes may be.

    Other formats leave room for opcodes: a name in a tar header, a number that is a string's
    length to a pickle machine and leads it to where an author's own bytes lie.
    """
    if seen.head[0] not in _FIRST_OPCODES | {0x80}:
        return False
    walk = seen.walk
    if walk.start in (Start.CALLS, Start.LONG) or _torch_magic(seen):
        return True
    return walk.start in (Start.IMPORTS, Start.ONGOING) and seen.text is None


def _pickle(seen: Seen) -> bool:
    head = seen.head
    if _safetensors(seen):  # its length is a random start of a pickle that leads nowhere
        return False
    if head[0] == 0x80:
        return len(head) > 2 and head[1] <= 5 and head[2:3] in _OPCODES
    if head[0] not in _FIRST_OPCODES:
        return False
    if seen.walk.start == Start.DATA:
        return seen.text is None or _goes_on(seen)
    return seen.walk.start == Start.ONGOING


def _goes_on(seen: Seen) -> bool:
    """Whether a text that stops a pickle machine is pickles to its end, as prose hardly is."""
    rest = seen.head[seen.walk.end :].strip()
    return not rest or Walk(rest, len(rest) + seen.size - len(seen.head)).start > Start.IMPORTS


def _pickle_kind(seen: Seen) -> str:
    if _torch_magic(seen):
        return "torch-raw"
    return "joblib" if _names_joblib(seen.material) else "pickle"


def _torch_magic(seen: Seen) -> bool:
    """Whether torch.load would go on to the streams behind the first."""
    written = _MAGIC_BYTES in seen.head[:64] or _MAGIC_DIGITS in seen.head[:64]
    return written and seen.walk.integer == TORCH_MAGIC and seen.walk.start == Start.DATA


def _names_joblib(material: Material) -> bool:
    """Whether the stream holds the names of joblib's array wrapper, behind which arrays lie raw."""
    wanted, kept, at = {b"joblib.numpy_pickle", b"NumpyArrayWrapper"}, b"", 0
    while wanted and at < _JOBLIB_SEARCH and (piece := material.read(at, _STEP)):
        at += len(piece)
        piece = kept + piece
        wanted = {name for name in wanted if name not in piece}
        kept = piece[-32:]
    return not wanted


def _msgpack(seen: Seen) -> bool:
    head = seen.head
    if 0x81 <= head[0] <= 0x8F:
        at = 1
    elif head[0] in (0xDE, 0xDF):
        at = 3 if head[0] == 0xDE else 5
    else:
        return False
    key = head[at : at + 1]
    if 0xA1 <= (key or b"\0")[0] <= 0xBF:
        word = head[at + 1 : at + 1 + (key[0] & 31)]
    elif key == b"\xd9":
        word = head[at + 2 : at + 2 + head[at + 1]] if len(head) > at + 1 else b""
    else:
        return False
    return bool(word) and all(0x20 <= byte < 0x7F for byte in word)


def _zlib(seen: Seen) -> bool:
    """No magic number, so the first bytes are tried: text may begin with the same two.

    joblib unfolds whatever begins with `x`, and deflated data can be all text.
    """
    head = seen.head
    if head[0] & 0x8F != 8 or int.from_bytes(head[:2], "big") % 31:
        return False
    try:
        return bool(zlib.decompressobj().decompress(head, 64)) and (
            seen.text is None or head[:1] == b"x"
        )
    except zlib.error:
        return False


def _old_joblib(seen: Seen) -> bool:
    """Two letters, a length that joblib gives to `int(…, 16)` as it stands, and a zlib stream."""
    try:
        return seen.head[:2] == b"ZF" and int(seen.head[2:21], 16) >= 0
    except ValueError:
        return False


def _lzma_alone(seen: Seen) -> bool:
    if not _LZMA_ALONE.match(seen.head):
        return False
    try:
        return bool(lzma.LZMADecompressor(lzma.FORMAT_ALONE, 1 << 28).decompress(seen.head, 64))
    except lzma.LZMAError:
        return False


def _torch7(seen: Seen) -> bool:
    return bool(_TORCH7.match(seen.head)) or (
        seen.promise == "torch7" and bool(_TORCH7_LOOSE.match(seen.head))
    )


def _json_kind(seen: Seen) -> str:
    text = seen.text or ""
    if seen.promise in _WRITTEN_AS_JSON - {"json"}:
        # A Keras or skops archive has files of the same names with quite another meaning.
        inside = seen.parent in ("keras", "skops", "mar", "torch-zip", "torchscript")
        return "json" if inside and seen.promise == "model-config" else str(seen.promise)
    if '"learner"' in text and _XGBOOST.match(text):
        return "xgboost-json"
    return "notebook" if '"cells"' in text and '"nbformat"' in text else "json"


def _is_json(seen: Seen) -> bool:
    return seen.text is not None and bool(_JSON.match(seen.text))


def _xml_kind(seen: Seen) -> str:
    root = _xml_root(seen)
    if root == "pmml":
        return "pmml"
    return "openvino-xml" if root == "net" else "text"


def _is_xml(seen: Seen) -> bool:
    """Any XML with a root; what is neither a network nor PMML is text."""
    return _xml_root(seen) is not None and seen.promise in (None, "text", "openvino-xml", "pmml")


def _xml_root(seen: Seen) -> str | None:
    text = (seen.text or "").lstrip("\ufeff \t\r\n")
    if not text.startswith("<"):
        return None
    found = _XML_ROOT.match(text)
    if found is None:  # a long prologue hides it: go by the name
        return {"pmml": "pmml", "openvino-xml": "net"}.get(seen.promise or "")
    return found[1].lower()


def _promised_text(seen: Seen) -> bool:
    return seen.text is not None and seen.promise in _WRITTEN_AS_TEXT


def _as_text(head: bytes, *, cut: bool) -> str | None:
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as exc:
        if not cut or len(head) - exc.start > 3:
            return None
        text = head[: exc.start].decode(encoding, "ignore")
    return None if _CONTROL.search(text) else text


_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_JSON = re.compile(r"\ufeff?\s*(\{\s*(\"|\}|$)|\[\s*([\[{\"\]0-9tfn-]|$))")
_XGBOOST = re.compile(r"\s*\{\s*\"(learner|version|Config)\"")
_XML_ROOT = re.compile(
    r"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)*<(?:[\w.-]+:)?([A-Za-z][\w.-]*)",
    re.DOTALL,
)
_TORCH7 = re.compile(
    rb"\x04\0\0\0(?:\0\0\0\0)?.{4}(?:.{4})?\x03\0\0\0(?:\0\0\0\0)?V \d"
    rb"|\x03\0\0\0.{4}.{4}[\x01-\x05]\0\0\0.{0,16}.{4}"
    rb"(?:\x04\0\0\0.{4})\x03\0\0\0V \d"
    rb"|4\n\d+\n3\nV \d",
    re.DOTALL,
)
_TORCH7_LOOSE = re.compile(rb"[\x01-\x08]\0\0\0|[1-8]\n")
_MAGIC_BYTES = TORCH_MAGIC.to_bytes(10, "little")
_MAGIC_DIGITS = str(TORCH_MAGIC).encode()
_OPCODES = frozenset(
    bytes((code,))
    for code in b"(012.FIJKLMNPQRSTUVXabcdeghijlopqrstu}])BCG"
    b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
    b"\x90\x91\x92\x93\x94\x95\x96\x97\x98"
)
_FIRST_OPCODES = frozenset(
    b"(FIJKLMNPSTUVXci}])BCG\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96\x97"
)
_PROTOBUFS = frozenset({"onnx", "coreml", "saved-model"})
_WRITTEN_AS_TEXT = frozenset(
    "model-config tokenizer-config yaml chat-template markdown python shell-script notebook "
    "text json lightgbm-text".split()
)
_WRITTEN_AS_JSON = _WRITTEN_AS_TEXT | {"xgboost-json"}

_STRONG = re.compile(
    rb"PK\x03\x04|\x7fELF|MZqFpD|#!/|\x93NUMPY|\x1f\x8b\x08|BZh[1-9]1AY|\xfd7zXZ|7z\xbc\xaf|GGUF"
    rb"|\x89HDF\r\n|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|.{257}ustar",
    re.DOTALL,
)
_BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")
_LZMA_ALONE = re.compile(
    rb"[\x00-\xe0]\0\0[\x00-\xff]{2}(\xff{8}|[\x00-\xff]{5}\0\0\0)\0", re.DOTALL
)
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
_IMAGE = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|BM.{4}\0\0\0\0|II\*\0|MM\0\*",
    re.DOTALL,
)
_R_TEXT = re.compile(rb"A\n[23]\n\d+\n")
_EXECUTORCH = re.compile(rb".{4}ET\d\d", re.DOTALL)
_UBJSON = re.compile(rb"\{[iUIlL].{1,8}(learner|version|Config)", re.DOTALL)

_TABLE: tuple[tuple[str | Callable[[Seen], str], Callable[[Seen], bool]], ...] = (
    # What a container's own loader opens as a pickle, whatever it holds.
    ("torchscript-pickle", _script_pickle),
    ("torchscript-code", _script_code),
    ("torch-pickle", _inside_torch),
    ("torch-tar-pickle", _inside_torch_tar),
    ("hdf5", _hdf5_by_name),
    # Formats with a magic number.
    (_zip_kind, _magic(b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")),
    (_executable("elf"), _magic(b"\x7fELF")),
    ("llamafile", _magic(b"MZqFpD", b"jartsr=")),
    (_executable("pe"), _pe),
    (_executable("macho"), _macho),
    (_script, _magic(b"#!", b"\xef\xbb\xbf#!")),
    ("npy", _magic(b"\x93NUMPY")),
    # What follows begins, or may begin, with the first opcodes of a pickle that runs.
    (_pickle_kind, _calls),
    (_zip_kind, _zip_by_name),
    (lambda seen: str(seen.promise), _protobuf_by_name),
    ("gzip", _magic(b"\x1f\x8b")),
    ("bzip2", lambda seen: bool(_BZIP2.match(seen.head))),
    ("xz", _magic(b"\xfd7zXZ\0")),
    ("xz", _lzma_alone),
    ("zstd", lambda seen: bool(_ZSTD.match(seen.head))),
    ("lz4", _magic(b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18")),
    ("7z", _magic(b"7z\xbc\xaf\x27\x1c")),
    ("zlib", _zlib),
    ("zlib", _old_joblib),
    (_tar_kind, lambda seen: tar.starts(seen.head)),
    ("gguf", _magic(b"GGUF")),
    ("image", lambda seen: bool(_IMAGE.match(seen.head))),
    ("catboost", _magic(b"CBM1")),
    ("rds", _magic(b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"X\n\0\0\0", b"B\n")),
    ("rds", lambda seen: bool(_R_TEXT.match(seen.head))),
    ("tensorrt", _magic(b"ptrt", b"ftrt")),
    ("tflite", _magic(b"TFL3", at=4)),
    ("executorch", lambda seen: bool(_EXECUTORCH.match(seen.head))),
    ("msgpack", _msgpack),
    (_pickle_kind, _pickle),
    ("safetensors", _safetensors),
    ("hdf5", _hdf5),
    ("torch7", _torch7),
    ("xgboost-ubj", lambda seen: bool(_UBJSON.match(seen.head))),
    ("onnx", lambda seen: seen.outline is not None and seen.outline.onnx),
    ("coreml", lambda seen: seen.outline is not None and seen.outline.coreml),
    ("saved-model", lambda seen: seen.outline is not None and seen.outline.saved_model),
    # Bytes of no format that begin otherwise: readers that go by the end find a ZIP.
    (_zip_kind, _zip_ends_it),
    # Text.
    (_json_kind, _is_json),
    ("lightgbm-text", _magic(b"tree\nversion=", b"tree\r\nversion=")),
    (_xml_kind, _is_xml),
    (lambda seen: str(seen.promise), _promised_text),
)

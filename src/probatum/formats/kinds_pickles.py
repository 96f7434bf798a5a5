"""Whether a file runs as a pickle, and which loader it is for."""

from probatum.formats.kinds_marks import is_safetensors
from probatum.formats.kinds_seen import Seen
from probatum.formats.kinds_text import WRITTEN_AS_TEXT
from probatum.formats.pickle_start import TORCH_MAGIC, Start, Walk
from probatum.ports import Material

_JOBLIB_SEARCH = 16 << 20
_STEP = 1 << 20
_FRAMED = (b"\x80\4\x95", b"\x80\5\x95")
_LONG_FRAME = 256
_MAGIC_BYTES = TORCH_MAGIC.to_bytes(10, "little")
_MAGIC_DIGITS = str(TORCH_MAGIC).encode()
_OPCODES = frozenset(
    bytes((code,))
    for code in b"(012.FIJKLMNPQRSTUVXabcdeghijlopqrstu}])BCG"
    b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
    b"\x90\x91\x92\x93\x94\x95\x96\x97\x98"
)
FIRST_OPCODES = frozenset(
    b"(FIJKLMNPSTUVXci}])BCG\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96\x97"
)


def is_in_torch_zip(seen: Seen) -> bool:
    """Whether torch unpickles this member of its archive."""
    loaded = seen.base in ("data.pkl", "constants.pkl", "attributes.pkl")
    return seen.parent in ("torch-zip", "torchscript") and loaded


def is_in_script(seen: Seen) -> bool:
    """Whether TorchScript's own reader unpickles this member of its archive."""
    place = seen.inside.partition("/")[2]
    return seen.parent == "torchscript" and "/" not in place and place.endswith(".pkl")


def is_script_code(seen: Seen) -> bool:
    """Whether this member is code that TorchScript compiles."""
    place = seen.inside.partition("/")[2]
    return seen.parent == "torchscript" and place.startswith("code/") and place.endswith(".py")


def is_in_torch_tar(seen: Seen) -> bool:
    """Whether torch unpickles this member of its oldest archives."""
    return seen.parent == "torch-tar" and seen.base in ("pickle", "storages", "tensors")


def calls_something(seen: Seen) -> bool:
    """Whether a pickle machine would surely do something, whatever else the bytes may be.

    Other formats leave room for opcodes: a name in a tar header, a number that is a string's
    length to a pickle machine and leads it to where an author's own bytes lie.
    """
    if seen.head[0] not in FIRST_OPCODES | {0x80} or _names_persistent(seen):
        return False
    if is_framed(seen):
        return True
    walk = seen.walk
    if walk.start in (Start.CALLS, Start.LONG) or _torch_magic(seen):
        return True
    return walk.start in (Start.IMPORTS, Start.ONGOING) and seen.text is None


def is_framed(seen: Seen) -> bool:
    """Whether the head is that of protocol 4 or 5 with a long frame, and no name says otherwise.

    Nothing else begins like that, so its opcodes need no walk: most pickles of a tree are these.
    """
    if not seen.head.startswith(_FRAMED):
        return False
    length = int.from_bytes(seen.head[3:11], "little")
    return _LONG_FRAME <= length <= seen.size - 11 and seen.promise in (None, "pickle")


def is_pickle(seen: Seen) -> bool:
    """Whether a pickle machine would run the file, though it calls nothing at its beginning."""
    head = seen.head
    if is_safetensors(seen):  # its length is a random start of a pickle that leads nowhere
        return False
    if head[0] == 0x80:
        return len(head) > 2 and head[1] <= 5 and head[2:3] in _OPCODES
    if head[0] not in FIRST_OPCODES or _names_persistent(seen):
        return False
    if seen.walk.start == Start.DATA:
        return seen.text is None or _goes_on(seen)
    return seen.walk.start == Start.ONGOING


def _names_persistent(seen: Seen) -> bool:
    """Whether this is text whose first line is a persistent id to a pickle machine: `Please …`.

    pickle.load fails at that, torch's loaders take no text for one, and the name promises no format
    that any other loader would be given. So `RECORD` of a wheel that lists `PIL/…` is text.
    """
    named = seen.promise is None or seen.promise in WRITTEN_AS_TEXT
    return seen.head[0] == ord("P") and named and seen.text is not None


def _goes_on(seen: Seen) -> bool:
    """Whether a text that stops a pickle machine is pickles to its end, as prose hardly is."""
    rest = seen.head[seen.walk.end :].strip()
    return not rest or Walk(rest, len(rest) + seen.size - len(seen.head)).start > Start.IMPORTS


def pickle_kind(seen: Seen) -> str:
    """Which loader the pickle is for."""
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

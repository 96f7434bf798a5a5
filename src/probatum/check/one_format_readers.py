"""Step 2 of the check of `one-format`: what other readers would take a file for."""

import hashlib
import io
import pickletools
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress

from probatum.check.pickle_data import LENGTHS
from probatum.errors import Rejected

Read = Callable[[int, int], bytes]
_HEAD = 1 << 16
_TAIL = 65557
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MARKS = (b"GGUF", b"CBM1", b"BZh", b"GIF8", b"II*\0", b"MM\0*", b"MZ", b"BM")
_RUNS = frozenset(
    """
    GLOBAL STACK_GLOBAL INST OBJ REDUCE BUILD NEWOBJ NEWOBJ_EX BINPERSID STOP
    """.split()  # noqa: SIM905
)
_SCANNED = re.compile(r"[ \t\r\v\f]*(?:[0-9+\-.iInN\"']|\n|$)")


def ends(read: Read, size: int) -> str:
    """The digest of all that is looked at here."""
    digest = hashlib.sha256(read(0, min(_HEAD, size)))
    if size > _HEAD:
        start = max(_HEAD, size - _TAIL)
        digest.update(read(start, size - start))
        for at in (at for at in _doublings(size) if at >= _HEAD):
            digest.update(read(at, min(8, size - at)))
    return digest.hexdigest()


def _doublings(size: int) -> Iterator[int]:
    return (1 << power for power in range(9, 64) if 1 << power < size)


def demand_none(kind: str, read: Read, size: int) -> None:
    """Raise Rejected where a reader of another format might take the file."""
    head, tail = read(0, min(_HEAD, size)), read(max(0, size - _TAIL), min(_TAIL, size))
    if kind not in ("zip", "torch-zip", "torchscript", "npz", "keras", "skops", "mar"):
        _demand(b"PK\5\6" not in tail, "the end of a ZIP archive")
    for at in _doublings(size):
        _demand(read(at, min(8, size - at)) != _HDF5, f"an HDF5 signature at byte {at}")
    if kind not in ("tar", "torch-tar", "nemo"):
        _demand(not is_tar_header(head[:512]), "the first block is a tar's header")
    length = int.from_bytes(head[:8], "little")
    if kind != "safetensors" and head[8:9] == b"{":
        _demand(not 2 <= length <= min(size - 8, 100_000_000), "the length of a tensor header")
    if kind not in ("onnx", "coreml", "saved-model"):
        _demand(not _is_protobuf(read, size), "a protocol buffer of known fields")
    _demand(b"%PDF-" not in head[:1024], "a PDF's header")
    if kind not in ("tflite", "executorch"):
        _demand(not re.match(rb"TFL3|ET\d\d", head[4:8]), "the mark of another format")
    if kind in ("pickle", "joblib"):
        _demand(not head.startswith(_MARKS), "the mark of another format")
    else:
        _no_pickle(head, size)


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def is_tar_header(block: bytes) -> bool:
    """Whether the block holds the sum of its bytes, in any spelling that tarfile knows."""
    if len(block) < 512:
        return False
    said, others = block[148:156], block[:148] + block[156:512]
    unsigned = sum(others) + 256
    sums = {int.from_bytes(said[1:], "big") - (256**7 if said[0] == 255 else 0)}
    with suppress(ValueError):
        sums.add(int(said.partition(b"\0")[0].decode("ascii").strip() or "0", 8))
    return bool(sums & {unsigned, unsigned - 256 * sum(byte >= 128 for byte in others)})


def fields(read: Read, size: int) -> Iterator[tuple[int, int, bytes]]:
    """Each field at the top of a protocol buffer: number, wire type, the bytes before its value.

    Raises: Rejected where none stands.
    """
    at = 0
    while at < size:
        piece = read(at, min(20, size - at))
        tag, place = _varint(piece, 0)
        number, wire, length = tag >> 3, tag & 7, 0
        if wire == 0:
            _, place = _varint(piece, place)
        elif wire == 2:
            length, place = _varint(piece, place)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise Rejected("no field stands here")
        _demand(0 < number < 1 << 29 and at + place + length <= size, "a field passes the end")
        yield number, wire, piece[:place]
        at += place + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[at : at + 10]:
        at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, at
    raise Rejected("a number does not end")


def _is_protobuf(read: Read, size: int) -> bool:
    known = {(1, 0), (3, 0), (5, 0), (10, 0), (14, 2), (20, 2), (25, 2), (26, 2)}
    known |= {(number, 2) for number in range(1, 9)}
    try:
        for count, (number, wire, _) in enumerate(fields(read, size)):
            if (number, wire) not in known and not (number >= 200 and wire == 2):
                return False
            if count == 255:
                return True
    except Rejected:
        return False
    return size > 0


def _no_pickle(head: bytes, size: int) -> None:
    """A machine that is given these bytes fails before it imports or calls anything.

    PERSID first of all hands a text to a function that pickle.load does not have, and of which
    torch's takes a tuple only.
    """
    if head[:1] in (b"P", b""):
        return
    stream, at = io.BytesIO(head), 0
    machine = _Machine()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape in a string is nothing to tell
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                if not machine.goes_on(opcode, argument):
                    return
                _demand(opcode.name not in _RUNS, f"a pickle machine reaches {opcode.name}")
                at = stream.tell()
        except (ValueError, OverflowError) as exc:
            _fails_everywhere(head, at, str(exc), size)


def _fails_everywhere(head: bytes, at: int, says: str, size: int) -> None:
    code, rest = head[at : at + 1], head[at + 1 :]
    if code in (b"I", b"L", b"F", b"S", b"g", b"p"):  # C reads them otherwise
        _demand(not _SCANNED.match(rest[:64].decode("latin-1")), "a line that may be read")
    elif code in (b"c", b"i"):
        module = rest.partition(b"\n")[0].partition(b" ")[0]
        _demand(b"\0" in module, "a name that may be a module's")
    else:
        starved = any(word in says for word in ("expected", "newline", "exhausted"))
        width = LENGTHS.get(code[0], 0) if code else 0
        over = at + 1 + width + int.from_bytes(rest[:width], "little") > size
        _demand(
            over or len(head) == size or not starved,
            "a pickle machine is fed beyond what is checked",
        )


class _Machine:
    """How many values lie above each mark, and which places of the memo are filled."""

    def __init__(self) -> None:
        self.depths = [0]
        self.memo: set[object] = set()

    def goes_on(self, opcode: pickletools.OpcodeInfo, argument: object) -> bool:
        """Apply the opcode; False where every machine fails instead."""
        name = opcode.name
        if name in ("GLOBAL", "INST") and "\0" in str(argument).partition(" ")[0]:
            return False  # no module has such a name
        if name.endswith("GET") and argument not in self.memo:
            return False
        if name.endswith("PUT") or name == "MEMOIZE":
            self.memo.add(len(self.memo) if name == "MEMOIZE" else argument)
            return self.depths[-1] > 0
        if name == "PROTO" and isinstance(argument, int) and argument > 5:
            return False
        return self._apply(name, opcode)

    def _apply(self, name: str, opcode: pickletools.OpcodeInfo) -> bool:
        if name == "MARK":
            self.depths.append(0)
            return True
        before = opcode.stack_before
        needs = before.index(pickletools.markobject) if pickletools.markobject in before else -1
        if needs >= 0:
            if len(self.depths) == 1 or (name == "OBJ" and not self.depths[-1]):
                return False
            self.depths.pop()
        elif name == "POP" and len(self.depths) > 1 and not self.depths[-1]:
            self.depths.pop()
            return True
        else:
            needs = len(before)
        if self.depths[-1] < needs:
            return False
        self.depths[-1] += len(opcode.stack_after) - needs
        return True

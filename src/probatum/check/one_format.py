"""Checks that a file is of one format to its last byte, and that no other reader takes it.

facts = {"kind": str, "size": bytes, "ends": sha256 of the first 64 KiB, of those of the last
         65557 bytes that lie behind them, and of eight bytes at 65536, 131072, 262144, …,
         "extent": facts of the kind, see below}

1. The facts are about these bytes.
2. No other reader takes them: no end of a ZIP directory in the last 65557 bytes, no HDF5 signature
   where one is looked for, no tar header in the first block, no length of a safetensors header, no
   whole protocol buffer of known fields, no PDF header in the first 1024 bytes, no identifier of
   TFLite or ExecuTorch at byte 4; a pickle machine fails within the first 64 KiB before it imports
   or calls anything. Each only where it is not the kind's own mark.
3. Fields cover the file. Models whose reader has a checker of its own are handed to that (tensor
   headers, walked files, compressed streams, PNG); GGUF's tensors lie end to end but for zeros,
   fewer than the alignment; a ZIP's records as in `members`; a tar's headers and blocks of zeros;
   a pickle's opcodes up to each STOP, joblib's arrays where its own run finds them; a protocol
   buffer's fields at the top, all named by the schema.
4. The artifact's name bears no suffix of another format (`concerns`, asked by whoever has it).
"""

import hashlib
import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from probatum.check import one_format_names, one_format_readers
from probatum.check.pickle_data import LENGTHS, demand_data
from probatum.errors import Rejected
from probatum.vocabulary import Artifact

CLAIM = "one-format"
Read = Callable[[int, int], bytes]
_ZIPS = frozenset({"zip", "torch-zip", "torchscript", "npz", "keras", "skops", "mar"})
_TARS = frozenset({"tar", "torch-tar", "nemo"})
_STREAMS = frozenset({"gzip", "bzip2", "xz", "zlib", "zstd", "lz4"})
_STEP = 1 << 20
_WALKED: dict[str, tuple[str, dict[str, Any]]] = {
    "safetensors": ("safetensors", {"claim": "header-sound"}),
    "msgpack": ("msgpack_file", {}),
    "rds": ("rds_file", {"claim": "load-inert"}),
    "torch7": ("torch7_file", {}),
    "xgboost-json": ("xgboost_model", {"form": "json"}),
    "xgboost-ubj": ("xgboost_model", {"form": "ubjson"}),
    "lightgbm-text": ("lightgbm_text", {}),
    "pmml": ("xml", {"claim": "self-contained", "kind": "pmml"}),
    "openvino-xml": ("xml", {"claim": "self-contained", "kind": "openvino-xml"}),
    "image": ("kind", {"kind": "png"}),
    **{one: ("members", {"format": one}) for one in _STREAMS},
}
"""Kind -> the checker that walks it, imported when it is needed, and what its facts must say."""


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raise Rejected unless the bytes are of the one format that `facts` names."""
    _demand(
        isinstance(facts, dict) and set(facts) == {"kind", "size", "ends", "extent"}, "the facts"
    )
    named, inner = facts["kind"], facts["extent"]
    _demand(isinstance(named, str) and isinstance(inner, dict), "kind and extent")
    _demand(type(facts["size"]) is int and facts["size"] == size, "the size differs")
    exact = _exact(read)
    _demand(one_format_readers.ends(exact, size) == facts["ends"], "the ends of the file differ")
    one_format_readers.demand_none(named, exact, size)
    if named in _WALKED:
        checker, wanted = _WALKED[named]
        _demand(all(inner.get(key) == value for key, value in wanted.items()), "another reader")
        importlib.import_module(f"probatum.check.{checker}").holds(inner, read, size)
    elif named == "gguf":
        _gguf(inner, exact, size)
    elif named in _ZIPS:
        _zip(inner, exact, size)
    elif named in _TARS:
        _tar(inner, exact, size)
    elif named in ("pickle", "joblib"):
        _demand(set(inner) == {"arrays", "streams"}, "the facts of a pickle")
        _demand(inner["arrays"] is False or named == "joblib", "arrays are joblib's")
        _pickle(inner, exact, 0, size)
    elif named == "npy":
        _npy(inner, exact, size)
    elif named in _TOP:
        _protobuf(named, inner, exact, size)
    else:
        raise Rejected("no format that is followed here")


def concerns(facts: dict[str, Any], artifact: Artifact) -> str:
    """Why facts that `holds` accepts do not speak of this artifact; empty if they do."""
    if facts["kind"] != artifact.kind:
        return f"the certificate is of the kind {facts['kind']}"
    if not one_format_names.bears(artifact.name, artifact.kind):
        return "the artifact's name is that of another format"
    return ""


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _exact(read: Read) -> Read:
    def exact(at: int, length: int) -> bytes:
        data = read(at, length) if at >= 0 and length >= 0 else b""
        _demand(len(data) == length, "the file is shorter than its parts")
        return data

    return exact


def _pieces(read: Read, at: int, end: int) -> Iterator[bytes]:
    for start in range(at, end, _STEP):
        yield read(start, min(_STEP, end - start))


def _sha256(read: Read, at: int, end: int) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(read, at, end):
        digest.update(piece)
    return digest.hexdigest()


def _gguf(facts: dict[str, Any], read: Read, size: int) -> None:
    from probatum.check import gguf

    _demand(facts.get("claim") == "header-sound", "the facts of a header")
    alignment, spans = gguf.spans(facts, read, size)
    at = facts["header"]
    for begin, end in sorted(spans):
        _demand(0 <= begin - at < alignment, "bytes between tensors")
        _demand(not any(read(at, begin - at)), "padding that is not zero")
        at = end
    _demand(0 <= size - at < alignment and size <= -(-at // alignment) * alignment, "a tail")
    _demand(not any(read(at, size - at)), "padding that is not zero")


def _zip(facts: dict[str, Any], read: Read, size: int) -> None:
    from probatum.check import zip_members

    _demand(set(facts) == {"structure"}, "the facts of an archive")
    structure = hashlib.sha256()
    try:
        zip_members.zip_records(read, size, structure)
    except ValueError as exc:
        raise Rejected("the archive's records do not parse") from exc
    _demand(structure.hexdigest() == facts["structure"], "the structure's digest differs")


def _tar(facts: dict[str, Any], read: Read, size: int) -> None:
    _demand(set(facts) == {"structure", "members"}, "the facts of an archive")
    at, count, structure = 0, 0, hashlib.sha256()
    while any(block := read(at, 512)):
        _demand(one_format_readers.is_tar_header(block), "no header stands where one should")
        length, type_ = _tar_size(block[124:136]), block[156:157]
        structure.update(block)
        if type_ in b"xgLK":
            body = read(at + 512, min(length, 1 << 20))
            _demand(len(body) == length and b" size=" not in body, "an extended header")
            structure.update(read(at + 512, length))
        else:
            _demand(type_ in b"\x0001234567" and (length == 0 or type_ in b"\x0007"), "a type")
            count += 1
        end = at + 512 + length
        at = -(-end // 512) * 512
        structure.update(read(end, at - end))
    _demand(size - at >= 1024, "the archive does not end with two blocks of zeros")
    for piece in _pieces(read, at, size):
        _demand(not any(piece), "something stands behind the archive's end")
        structure.update(piece)
    _demand(type(facts["members"]) is int and facts["members"] == count, "the members' number")
    _demand(structure.hexdigest() == facts["structure"], "the structure's digest differs")


def _tar_size(field: bytes) -> int:
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    _demand(re.fullmatch(rb"[0-7]*", digits), "a size is no number")
    return int(digits or b"0", 8)


def _pickle(facts: dict[str, Any], read: Read, start: int, size: int) -> None:
    arrays, streams, at = facts.get("arrays"), facts.get("streams"), start
    _demand(isinstance(streams, list) and streams and type(arrays) is bool, "the streams")
    found = False
    for one in streams or ():
        _demand(isinstance(one, dict) and set(one) == {"start", "end", "sha256"}, "a stream")
        begin, end = one["start"], one["end"]
        _demand(type(begin) is int and type(end) is int and begin == at < end <= size, "a span")
        _demand(_sha256(read, begin, end) == one["sha256"], "a stream's bytes differ")
        if arrays:
            found = _holds_arrays(read, begin, end) or found
        else:
            _opcodes(read, begin, end, one["sha256"])
        at = end
    _demand(at == size, "bytes follow the last stream")
    _demand(found == arrays, "arrays are told of, and there are none")


def _holds_arrays(read: Read, start: int, end: int) -> bool:
    """Whether joblib's run over the stream, which ends where it should, passes over an array."""
    from probatum.check.pickle_run import Run

    run = Run(read, start, end, "joblib")
    run.to_stop()
    return any(effect[2] == "array" for effect in run.effects)


def _opcodes(read: Read, start: int, end: int, sha256: str) -> None:
    """[start, end) is a stream of opcodes whose only STOP is its last byte, or streams of data."""
    try:
        demand_data(read, start, end, sha256)
    except Rejected:
        at = start
        while (code := read(at, 1)) != b".":
            at = _after(code[0], at, read, end)
            _demand(at < end, "a stream breaks off")
        _demand(at + 1 == end, "a stream stops early")


def _after(code: int, at: int, read: Read, end: int) -> int:
    width = LENGTHS.get(code)
    if width is not None:
        length = int.from_bytes(read(at + 1, width), "little", signed=code in b"T\x8b")
        _demand(length >= 0, "a negative length")
        return at + 1 + width + length
    if code in _LINES:
        for _ in range(_LINES[code]):
            at = _line_end(read, at, end)
        return at
    _demand(code in _WIDTHS, "no opcode")
    return at + 1 + _WIDTHS[code]


def _line_end(read: Read, at: int, end: int) -> int:
    """Where the line that goes on behind `at` ends."""
    at += 1
    while at < end:
        piece = read(at, min(4096, end - at))
        stop = piece.find(b"\n")
        if stop >= 0:
            return at + stop + 1
        at += len(piece)
    raise Rejected("a line breaks off")


def _npy(facts: dict[str, Any], read: Read, size: int) -> None:
    if "streams" not in facts:
        from probatum.check import npy

        _demand(facts.get("claim") == "header-sound", "the facts of an array")
        npy.holds(facts, read, size)
        return
    _demand(set(facts) == {"header", "data", "arrays", "streams"}, "the facts of an array")
    head = read(0, min(12, size))
    _demand(head[:6] == b"\x93NUMPY" and head[6] in (1, 2, 3) and head[7] == 0, "no array file")
    width = 2 if head[6] == 1 else 4
    data = 8 + width + int.from_bytes(head[8 : 8 + width], "little")
    _demand(type(facts["data"]) is int and facts["data"] == data <= 12 + (1 << 16), "its data")
    _demand(_sha256(read, 0, data) == facts["header"], "the header's bytes differ")
    _demand(facts["arrays"] is False, "arrays are joblib's")
    _pickle(facts, read, data, size)


def _protobuf(named: str, facts: dict[str, Any], read: Read, size: int) -> None:
    _demand(set(facts) == {"fields", "tags"}, "the facts of a protocol buffer")
    tags, count = hashlib.sha256(), 0
    for number, wire, tag in one_format_readers.fields(read, size):
        part = named == "coreml" and number >= 200 and wire == 2
        _demand((number, wire) in _TOP[named] or part, f"the field {number} has no name")
        tags.update(tag)
        count += 1
    _demand(type(facts["fields"]) is int and facts["fields"] == count, "the fields' number")
    _demand(tags.hexdigest() == facts["tags"], "the fields differ")


_TOP = {
    "onnx": {(1, 0), (5, 0), *((number, 2) for number in (2, 3, 4, 6, 7, 8, 14, 20, 25, 26))},
    "coreml": {(1, 0), (2, 2), (10, 0)},
    "saved-model": {(1, 0), (1, 2), (2, 2), (3, 0), (4, 2), (5, 2)},
}
_LINES = {**dict.fromkeys(b"FILSVPgp", 1), **dict.fromkeys(b"ci", 2)}
_WIDTHS = {
    **dict.fromkeys(b"(012NRabdelstou}])Q", 0),
    **dict.fromkeys(b"\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98", 0),
    **dict.fromkeys(b"K\x80\x82hq", 1),
    **dict.fromkeys(b"M\x83", 2),
    **dict.fromkeys(b"J\x84jr", 4),
    **dict.fromkeys(b"G\x95", 8),
}

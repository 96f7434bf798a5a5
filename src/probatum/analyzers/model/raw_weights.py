"""Decides whether a file of bare numbers beside a model is nothing but that.

OpenVINO keeps its weights in a `.bin` beside the `.xml` of the same name, TensorFlow in
`.data-00000-of-00001` beside an `.index`, Core ML in the folder `weights` of a package. Such a file
has no format of its own: what it means stands beside it, and is judged there. What can be shown of
the file is that no loader takes it for anything else.

Proven: it begins like no known format, a pickle machine that were given it fails before it imports
or calls anything, no ZIP ends it, no HDF5 signature stands where its readers look, its first block
is no tar header.

Undecided: it could be taken for something else, or it is text.

Sources: "Model Format" in OpenVINO's documentation; tensorflow/core/util/tensor_bundle;
coremltools' MILBlob; CPython Lib/pickletools, Lib/zipfile; HDF5 `H5FD_locate_signature`.
"""

import hashlib
import io
import pickletools
import re
import zlib

from probatum.claims import KIND_IS_UNDERSTOOD
from probatum.formats import tar
from probatum.formats.kinds import kind_of
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Place, Proven, Reason, Undecided, Verdict

_HEAD = 1 << 16
_TAIL = 65557
_USTAR = re.compile(rb".{257}ustar", re.DOTALL)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_STARTS = re.compile(
    rb"#!|MZ|BZh|BM|BC\xc0\xde|PK|GGUF|CBM1|ZF|%PDF|[AXB]\n|RD[AX]|\xef\xbb\xbf"
    rb"|[\x50-\x5f]\x2a\x4d\x18|\xca\xfe\xba[\xbe\xbf]|.{4}(?:TFL3|ET\d\d)",
    re.DOTALL,
)
_BESIDE = "What stands beside it, and says what the numbers mean, is what its name says."
_PUSHES = frozenset({"BININT", "BININT1", "BININT2", "NONE", "BINFLOAT", "NEWTRUE", "NEWFALSE"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})


@analyzer(id="raw-weights", claim=KIND_IS_UNDERSTOOD, accepts={"raw-weights"})
def raw_weights(artifact: Artifact, material: Material) -> Verdict:
    """Try what other loaders would try."""
    head = material.read(0, _HEAD)
    tail = material.read(max(0, material.size - _TAIL), _TAIL)
    doublings = [material.read(at, 8) for at in _doublings(material.size)]
    other = _other(material, head, tail, doublings)
    if other is not None:
        return Undecided(Reason.PARSER_DIFFERENTIAL, other, Place(offset=0))
    looked_at = hashlib.sha256(head + tail + b"".join(doublings)).hexdigest()
    facts = {"size": material.size, "looked_at": looked_at}
    return Proven(Certificate("raw_weights", facts), (_BESIDE,))


def _doublings(size: int) -> list[int]:
    found = [512]
    while found[-1] < size:
        found.append(2 * found[-1])
    return found[:-1]


def _other(material: Material, head: bytes, tail: bytes, doublings: list[bytes]) -> str | None:
    """What else a loader could take it for."""
    kind = kind_of("", material)
    if kind != "unknown":
        return f"by its bytes alone it is of the kind {kind}"
    if _STARTS.match(head) or _HDF5 in doublings:
        return "it bears the mark of another format"
    if b"PK\x05\x06" in tail:
        return "it ends like a ZIP archive"
    if _USTAR.match(head) or tar.starts(head) or tar.accepted_by_tarfile(head[:512]):
        return "its first block is a tar header"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= material.size - 8:
        return "it begins like tensors of safetensors"
    if _inflates(head):
        return "it begins like a zlib stream"
    return None if _fails_as_pickle(head) else "a pickle machine may read its beginning"


def _inflates(head: bytes) -> bool:
    try:
        return bool(zlib.decompressobj().decompress(head, 1))
    except zlib.error:
        return False


def _fails_as_pickle(head: bytes) -> bool:
    """Whether every pickle machine fails before it has done more than push numbers."""
    depth = 0
    try:
        for opcode, _, _ in pickletools.genops(io.BytesIO(head)):
            if opcode.name in _GETS or len(opcode.stack_before) > depth:
                return True  # what it needs was never there
            if opcode.name not in _PUSHES:
                return False
            depth += 1
    except (ValueError, IndexError, OverflowError) as exc:
        return "unknown" in str(exc)
    return False

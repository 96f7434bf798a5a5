"""What loaders of other formats would make of a file of a known kind.

Two sorts of loader take a file that is meant as something else: those that look for their format
away from the first byte (a ZIP's end, an HDF5 signature at a doubling offset, a PDF's first line),
and those whose format has no magic number (pickle, tar, safetensors, protocol buffers). Each is
tried as it would try; what it would accept is a `Reading`.

Sources: CPython Lib/zipfile `_EndRecData`, Lib/tarfile; HDF5 `H5FD_locate_signature`;
safetensors `read_metadata`; ISO 32000-1 annex H (a PDF's header in the first 1024 bytes).
"""

import hashlib
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import tar, zip
from probatum.formats.kinds import PICKLES, TARS, ZIPS, kind_of
from probatum.formats.patterns import Later
from probatum.formats.pickle_start import Start, Walk
from probatum.formats.protobuf_outline import outline
from probatum.ports import Material

HEAD = 1 << 16
TAIL = 22 + 0xFFFF
_HDF5 = b"\x89HDF\r\n\x1a\n"
_END = b"PK\x05\x06"
_PDF = b"%PDF-"
_MAGICS = (b"GGUF", b"CBM1", b"BZh", b"GIF8", b"II*\0", b"MM\0*", b"MZ", b"BM")
_ODD_NUMBER = Later(rb"[ILFgp][ \t\r\v\f]{0,9}+(\n|[0-9+.iInN-][^\n\0]{0,400}+\0)")
_PROTOBUFS = frozenset({"onnx", "coreml", "saved-model"})
_VARINT, _BYTES = 0, 2
_NAMED = (
    {(1, _VARINT), (3, _VARINT), (5, _VARINT), (10, _VARINT)}
    | {(number, _BYTES) for number in (1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26)}
)  # fmt: skip


class Reading(Struct, frozen=True):
    """That another loader accepts the file (`sure`), or that it might, from the byte `at` on."""

    says: str
    at: int
    sure: bool = False


def readings(kind: str, material: Material, *, far: bool = True) -> Iterator[Reading]:
    """Everything that other loaders may make of a file of this kind.

    Without `far`, HDF5 is looked for in the first 64 KiB only: each place behind is a fetch of its
    own where the bytes lie on a hub.
    """
    head = material.read(0, HEAD)
    if kind not in ZIPS:
        yield from _as_zip(material, head)
    if kind == "hdf5":
        yield from _before_hdf5(material, head)
    else:
        yield from _as_hdf5(material, head, far=far)
    if kind not in TARS:
        yield from _as_tar(material, head)
    if kind != "safetensors":
        yield from _as_safetensors(material, head)
    if kind not in _PROTOBUFS:
        yield from _as_protobuf(material, head)
    if kind in PICKLES and kind != "npy":
        yield from _as_magic(head)
    else:
        yield from _as_pickle(head, material.size)
    if kind not in ("tflite", "executorch") and _is_marked_later(head):
        yield Reading(f"byte 4 bears the mark {head[4:8].decode()} of another format", 4)
    if _PDF in head[:1024]:
        yield _as_pdf(material, head)


def ends(material: Material) -> str:
    """The SHA-256 in hex of all that `readings` looks at whatever the file's kind."""
    digest = hashlib.sha256(material.read(0, HEAD))
    digest.update(material.read(max(HEAD, material.size - TAIL), TAIL))
    for at in _far_doublings(material.size):
        digest.update(material.read(at, 8))
    return digest.hexdigest()


def _doublings(size: int) -> Iterator[int]:
    """Where HDF5 is looked for, after the first byte."""
    return _doubled(512, size)


def _far_doublings(size: int) -> Iterator[int]:
    return _doubled(HEAD, size)


def _doubled(at: int, size: int) -> Iterator[int]:
    while at < size:
        yield at
        at *= 2


def _as_zip(material: Material, head: bytes) -> Iterator[Reading]:
    start = max(0, material.size - TAIL)
    tail = head if material.size == len(head) else material.read(start, TAIL)
    found = tail.rfind(_END)
    if found < 0:
        return
    try:
        names = [entry.name for entry in zip.directory(material).entries]
    except FormatError:
        yield Reading("a mark like the end of a ZIP archive stands near the end", start + found)
        return
    first = f", the first {names[0][:80]!r}" if names else ""
    yield Reading(
        f"a ZIP archive ends here, which zipfile opens: {len(names)} members{first}",
        start + found,
        sure=True,
    )


def _as_hdf5(material: Material, head: bytes, *, far: bool) -> Iterator[Reading]:
    near = _doublings(len(head)) if _HDF5 in head else ()
    behind = _far_doublings(material.size) if far else ()
    for at in (*near, *behind):
        if material.read(at, 8) != _HDF5:
            continue
        superblock = material.read(at, 16)
        sure = len(superblock) == 16 and superblock[8] <= 3
        says = "an HDF5 signature stands where h5py looks for one"
        yield Reading(says + (", and opens the file from here" if sure else ""), at, sure)
        return


def _before_hdf5(material: Material, head: bytes) -> Iterator[Reading]:
    """HDF5 that begins further in lets its first bytes be anything."""
    if head.startswith(_HDF5):
        return
    first = kind_of("", material)
    if first not in ("hdf5", "unknown", "text"):
        yield Reading(f"by its first bytes it is of the kind {first}", 0, sure=True)


def _as_tar(material: Material, head: bytes) -> Iterator[Reading]:
    if not tar.accepted_by_tarfile(head[:512]) and head[257:262] != b"ustar":
        return
    names = tar.first_names(material, 1)
    first = f": its first member is {names[0][:80]!r}" if names else ""
    yield Reading(f"the first block is a tar header, too{first}", 0, sure=bool(names))


def _as_safetensors(material: Material, head: bytes) -> Iterator[Reading]:
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{" or not 2 <= length <= material.size - 8:
        return
    from probatum.formats import safetensors

    if length > safetensors.MAX_HEADER_SIZE:
        return
    try:
        tensors = len(safetensors.header(material).tensors)
    except FormatError:
        yield Reading("its first bytes are the length of a safetensors header", 0)
        return
    yield Reading(f"safetensors reads it as a file of {tensors} tensors", 0, sure=True)


def _as_protobuf(material: Material, head: bytes) -> Iterator[Reading]:
    # A field whose number takes several bytes is a part of a Core ML model, and holds bytes.
    if not head or head[0] & 7 not in (_VARINT, _BYTES) or (head[0] > 127 and not head[0] & 2):
        return
    found = outline(material, head)
    if found is not None and all(
        field in _NAMED or (field[0] >= 200 and field[1] == _BYTES) for field in found.fields
    ):
        yield Reading("it reads as a protocol buffer with the fields of ONNX or Core ML", 0)


def _as_magic(head: bytes) -> Iterator[Reading]:
    for magic in _MAGICS if head.startswith(_MAGICS) else ():
        if head.startswith(magic):
            yield Reading(f"it begins with {magic!r}, the mark of another format", 0)


def _as_pickle(head: bytes, size: int) -> Iterator[Reading]:
    # `P` hands a line of text to persistent_load: pickle.load has none, torch's wants a tuple.
    if head[:1] in (b"P", b""):
        return
    walk = Walk(head, size)
    odd = _ODD_NUMBER.search(head, 0, walk.last + 2)  # some machines read it, and others do not
    if walk.start is not Start.NONE or odd or _may_be_read(head, walk.last):
        yield Reading("a pickle machine would not fail at its first bytes", 0)


def _may_be_read(head: bytes, at: int) -> bool:
    """Whether the line at which the walk ended is one that some unpickler may take after all."""
    code, rest = head[at : at + 1], head[at + 1 :]
    if code in (b"c", b"i"):  # no module has a NUL in its name
        return b"\0" not in rest.partition(b"\n")[0].partition(b" ")[0]
    line = rest[:64].lstrip(b" \t\r\v\f")
    numbers = code in (b"I", b"L", b"F", b"S", b"g", b"p")
    return numbers and (not line or line[0] in b"0123456789+-.iInN\"'\n")


def _is_marked_later(head: bytes) -> bool:
    return head[4:8] == b"TFL3" or (head[4:6] == b"ET" and len(head) > 7 and head[6:8].isdigit())


def _as_pdf(material: Material, head: bytes) -> Reading:
    ended = b"%%EOF" in material.read(max(0, material.size - 1024), 1024)
    return Reading("PDF readers find their header here", head.find(_PDF), sure=ended)

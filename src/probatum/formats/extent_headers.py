"""Tensor files, protocol buffers and PNG images, followed to their end (see `extents`)."""

import hashlib
from typing import Any

from probatum.errors import FormatError
from probatum.formats import png
from probatum.formats.bounds import digest, region
from probatum.formats.protobuf_outline import fields
from probatum.formats.uncovered import Uncovered, demand_end
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

Facts = dict[str, Any]
_MOST_IMAGE = 64 << 20
_VARINT, _BYTES = 0, 2
_TOP = {
    "onnx": {(1, _VARINT), (5, _VARINT)}
    | {(number, _BYTES) for number in (2, 3, 4, 6, 7, 8, 14, 20, 25, 26)},
    "coreml": {(1, _VARINT), (2, _BYTES), (10, _VARINT)},
    "saved-model": {(1, _VARINT), (1, _BYTES), (2, _BYTES), (3, _VARINT), (4, _BYTES), (5, _BYTES)},
}


def safetensors_facts(kind: str, material: Material) -> Facts:
    """The header accounts for every byte of the buffer."""
    from probatum.formats import safetensors  # a file of one format needs no other's reader

    found = safetensors.header(material)
    return {
        "claim": "header-sound",
        "size": material.size,
        "header": found.stop,
        "sha256": digest(material, 0, found.stop),
        "tensors": len(found.tensors),
    }


def gguf_facts(kind: str, material: Material) -> Facts:
    """Header, tensors, and zeros between them as far as the alignment asks."""
    from probatum.formats import gguf

    found = gguf.header(material)
    at = found.stop
    for begin, end in sorted((one.begin, one.end) for one in found.tensors.values()):
        _demand_padding(material, at, begin, found.alignment)
        at = end
    stop = min(-(-at // found.alignment) * found.alignment, material.size)
    _demand_padding(material, at, stop, found.alignment)
    demand_end(stop, material, "the last tensor")
    return {
        "claim": "header-sound",
        "size": material.size,
        "header": found.stop,
        "sha256": digest(material, 0, found.stop),
        "entries": len(found.metadata),
        "tensors": len(found.tensors),
    }


def _demand_padding(material: Material, at: int, end: int, alignment: int) -> None:
    """Between two tensors stand fewer bytes than the alignment, and all of them are zero."""
    if end - at >= alignment:
        raise Uncovered(at, end, f"{end - at} bytes belong to no tensor")
    if any(material.read(at, end - at)):
        raise Uncovered(at, end, f"the {end - at} bytes of padding are not zero")


def protobuf_facts(kind: str, material: Material) -> Facts:
    """Fields at the top that the schema names."""
    tags, count, named = hashlib.sha256(), 0, _TOP[kind]
    for field in fields(material):
        found = (field.number, field.wire)
        if found not in named and not (
            kind == "coreml" and field.number >= 200 and field.wire == _BYTES
        ):
            says = f"field {field.number} at the top is none that the schema of {kind} names"
            raise FormatError(Reason.UNSUPPORTED, says, Place(offset=field.at))
        tags.update(field.tag)
        count += 1
    return {"fields": count, "tags": tags.hexdigest()}


def png_facts(kind: str, material: Material) -> Facts:
    """The chunks of a PNG."""
    if not material.read(0, 8).startswith(png.SIGNATURE):
        raise FormatError(Reason.UNSUPPORTED, "of images, only PNG is followed to its end")
    if material.size > _MOST_IMAGE:
        raise FormatError(Reason.OVER_LIMIT, f"an image of more than {_MOST_IMAGE} bytes")
    data = region(material, 0, material.size)
    end, name = png.last_chunk(data)
    if name != b"IEND":
        raise FormatError(Reason.MALFORMED, "the image's chunks break off", Place(offset=end))
    demand_end(end, material, "the image")
    return {"kind": "png", "size": material.size, "sha256": hashlib.sha256(data).hexdigest()}

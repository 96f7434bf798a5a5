"""What a file of weights tells of its model: how many parameters, of which types, and which ones.

But for `digests`, only headers are read.

Source, for what GGUF says of itself: docs/gguf.md of ggml (keys).
"""

from collections import Counter
from math import prod

from msgspec import Struct
from msgspec.structs import replace

from probatum.comparison import contents
from probatum.comparison.tensors import digest
from probatum.comparison.weights import KINDS as TENSORS
from probatum.comparison.weights import tensors
from probatum.formats import gguf
from probatum.formats.bills import Facts
from probatum.ports import Material

KINDS = frozenset(
    {
        "catboost", "coreml", "executorch", "fasttext", "gguf", "hdf5", "keras", "lightgbm-text",
        "llamafile", "mar", "nemo", "onnx", "openvino-xml", "pmml", "raw-weights", "safetensors",
        "saved-model", "skops", "tensorrt", "tflite", "torch-raw", "torch-tar", "torch-zip",
        "torch7", "torchscript", "xgboost-json", "xgboost-ubj",
    }
)  # fmt: skip
"""Kinds of files that hold, or are, a model by themselves."""

_GGUF_TEXTS = {
    "general.name": "name", "general.license": "license", "general.size_label": "size label",
    "general.quantized_by": "quantized by",
}  # fmt: skip
_LONGEST = 1 << 16


class Weights(Struct, frozen=True, kw_only=True):
    """What one header tells. `types`: how many elements are of each type of number, most first."""

    types: tuple[tuple[str, int], ...] = ()
    family: str = ""
    name: str = ""
    license: str = ""
    bases: tuple[str, ...] = ()
    facts: Facts = ()


def weights(kind: str, material: Material) -> Weights | None:
    """None where the header of such a file is not read for this. Raises: FormatError."""
    if kind not in TENSORS:
        return None
    counts: Counter[str] = Counter()
    for one in tensors(kind, "", material):
        counts[one.dtype] += prod(one.shape)
    types = tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
    told = _of_gguf(material) if kind == "gguf" else Weights()
    return replace(told, types=types)


def digests(name: str, kind: str, material: Material) -> tuple[tuple[str, str], ...]:
    """Every tensor of a file of one of `TENSORS`, by its name, with its digest.

    All bytes of it are read. Raises: FormatError where they cannot all be told.
    """
    known: dict[object, str] = {}
    found = []
    for one in tensors(kind, contents.stem(name), material):
        if one.place not in known:
            known[one.place] = digest(one)
        found.append((one.name, known[one.place]))
    return tuple(found)


def _of_gguf(material: Material) -> Weights:
    """What the metadata says."""
    found = gguf.header(material)
    said = {name: _text(material, found, key) for key, name in _GGUF_TEXTS.items()}
    family = _text(material, found, "general.architecture")
    numbers = {
        "context length": gguf.number(material, found, f"{family}.context_length"),
        "layers": gguf.number(material, found, f"{family}.block_count"),
    }
    facts = [(name, str(value)) for name, value in numbers.items() if value is not None]
    facts += [(key, said[key]) for key in ("size label", "quantized by") if said[key]]
    count = min(gguf.number(material, found, "general.base_model.count") or 0, 16)
    bases = (_base(material, found, number) for number in range(count))
    return Weights(
        family=family,
        name=said["name"],
        license=said["license"],
        bases=tuple(one for one in bases if one),
        facts=tuple(facts),
    )


def _base(material: Material, header: gguf.Header, number: int) -> str:
    """The base model of that number: the repository that its address names, or its name."""
    key = f"general.base_model.{number}"
    address = _text(material, header, f"{key}.repo_url")
    _, hub, path = address.partition("huggingface.co/")
    return path.strip("/") if hub else _text(material, header, f"{key}.name")


def _text(material: Material, header: gguf.Header, key: str) -> str:
    raw = gguf.string(material, header, key, _LONGEST)
    return (raw or b"").decode("utf-8", "replace")

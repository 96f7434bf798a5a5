"""What the header of a file of weights tells of its model: how many parameters, of which types.

Only headers are read. Sources: the safetensors README; docs/gguf.md of ggml (keys, file types).
"""

from collections import Counter
from collections.abc import Callable
from math import prod

from msgspec import Struct

from probatum.formats import gguf, safetensors
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

_GGML_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
    10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS",
    17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S",
    23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16",
    34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
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
    reader = _READERS.get(kind)
    return None if reader is None else reader(material)


def _of_safetensors(material: Material) -> Weights:
    found = safetensors.header(material)
    counts: Counter[str] = Counter()
    for tensor in found.tensors.values():
        counts[tensor.dtype] += prod(tensor.shape)
    return Weights(types=_sorted(counts))


def _of_gguf(material: Material) -> Weights:
    found = gguf.header(material)
    counts: Counter[str] = Counter()
    for tensor in found.tensors.values():
        counts[_GGML_TYPES.get(tensor.type, f"ggml type {tensor.type}")] += prod(tensor.shape)
    said = {
        name: value for key, name in _GGUF_TEXTS.items() if (value := _text(material, found, key))
    }
    family = _text(material, found, "general.architecture")
    numbers = {
        "context length": gguf.number(material, found, f"{family}.context_length"),
        "layers": gguf.number(material, found, f"{family}.block_count"),
    }
    facts = [(name, str(value)) for name, value in numbers.items() if value is not None]
    facts += [(key, said[key]) for key in ("size label", "quantized by") if key in said]
    count = min(gguf.number(material, found, "general.base_model.count") or 0, 16)
    bases = (_base(material, found, number) for number in range(count))
    return Weights(
        types=_sorted(counts),
        family=family,
        name=said.get("name", ""),
        license=said.get("license", ""),
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


def _sorted(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


_READERS: dict[str, Callable[[Material], Weights]] = {
    "safetensors": _of_safetensors,
    "gguf": _of_gguf,
}

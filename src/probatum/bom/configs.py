"""What the configuration beside a model's weights says of its architecture.

Sources: transformers configuration_utils.py and quantization_config.py; diffusers
configuration_utils.py (`_class_name`); peft config.py (`base_model_name_or_path`).
"""

from typing import Any

from msgspec import Struct

from probatum.formats.bills import Facts
from probatum.formats.bounds import region
from probatum.formats.strict_json import parsed
from probatum.ports import Material

_LARGEST = 4 << 20
_FACTS = {
    "max_position_embeddings": "context length",
    "vocab_size": "vocabulary",
    "num_hidden_layers": "layers",
    "hidden_size": "hidden size",
    "num_local_experts": "experts",
    "torch_dtype": "declared type",
    "dtype": "declared type",
    "transformers_version": "transformers version",
    "_diffusers_version": "diffusers version",
    "peft_type": "adapter",
}
NAMES = ("config.json", "model_index.json", "adapter_config.json")


class Config(Struct, frozen=True, kw_only=True):
    """What one configuration says."""

    family: str = ""
    architecture: str = ""
    base: str = ""
    facts: Facts = ()


def config(material: Material) -> Config:
    """Raises: FormatError."""
    value = parsed(region(material, 0, min(material.size, _LARGEST)), "the configuration")
    fields = value if isinstance(value, dict) else {}
    classes = fields.get("architectures")
    first = classes[0] if isinstance(classes, list) and classes else fields.get("_class_name")
    facts = {
        name: str(said)
        for key, name in _FACTS.items()
        if isinstance(said := fields.get(key), str | int) and not isinstance(said, bool)
    }
    if quantized := _quantization(fields.get("quantization_config")):
        facts["quantization"] = quantized
    return Config(
        family=_text(fields.get("model_type")),
        architecture=_text(first),
        base=_text(fields.get("base_model_name_or_path")),
        facts=tuple((name, _text(said)) for name, said in facts.items() if _text(said)),
    )


def _quantization(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    method, bits = _text(value.get("quant_method")), value.get("bits")
    if not bits:
        bits = 4 if value.get("load_in_4bit") is True else 8 if value.get("load_in_8bit") else None
    said = f"{bits} bits" if isinstance(bits, int) and not isinstance(bits, bool) else ""
    return ", ".join(one for one in (method, said) if one)


def _text(value: Any) -> str:
    """A text on one line, as an author means it; nothing of what is none."""
    if not isinstance(value, str) or len(value) > 1000 or not value.isprintable():
        return ""
    return value

"""Writes small inert models for tests: a folder with weights, tokenizer, configuration, code."""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Written = Mapping[str, tuple[str, Sequence[int], bytes]]
"""Tensors by name: data type, shape, bytes."""


def safetensors(tensors: Written) -> bytes:
    header: dict[str, Any] = {}
    at = 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    said = json.dumps(header).encode()
    return len(said).to_bytes(8, "little") + said + b"".join(data for *_, data in tensors.values())


def gguf(tensors: Written, types: Mapping[str, int], template: str = "") -> bytes:
    """A GGUF file; `types` are ggml's numbers of the data types."""

    def text(said: str) -> bytes:
        return struct.pack("<Q", len(said.encode())) + said.encode()

    entries = text("tokenizer.chat_template") + struct.pack("<I", 8) + text(template)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), bool(template))
    head += entries if template else b""
    data = b""
    for name, (dtype, shape, raw) in tensors.items():
        sizes = list(reversed(shape))
        head += text(name) + struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
        head += struct.pack("<IQ", types[dtype], len(data))
        data += raw + bytes(-len(raw) % 32)
    return head + bytes(-len(head) % 32) + data


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def halves(*values: float) -> bytes:
    """As BF16: the upper half of each float."""
    return b"".join(struct.pack("<f", value)[2:] for value in values)


TENSORS: Written = {
    "model.layers.0.weight": ("F32", (2, 2), floats(1, 2, 3, 4)),
    "model.layers.1.weight": ("F32", (2, 2), floats(5, 6, 7, 8)),
    "model.norm.weight": ("F32", (2,), floats(1, 1)),
}
TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


def model(folder: Path, tensors: Written = TENSORS, template: str = TEMPLATE) -> Path:
    """A folder as a hub has it."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(safetensors(tensors))
    files = {
        "config.json": {"model_type": "llama", "hidden_size": 2},
        "tokenizer_config.json": {"eos_token": "</s>", "chat_template": template},
        "tokenizer.json": {
            "added_tokens": [{"id": 0, "content": "</s>", "special": True}],
            "model": {"vocab": {"a": 1, "b": 2}, "merges": ["a b"]},
        },
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "modeling.py").write_text("class Model:\n    pass\n")
    (folder / "README.md").write_text("# A model\n")
    return folder

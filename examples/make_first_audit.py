"""Writes the files of examples/first-audit, byte for byte the same each time.

Honest files are made with the standard library alone; the hostile one is a protocol-0 pickle, a
text that can be read, whose payload only prints.
"""

import array
import io
import json
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

HOSTILE = """\
cbuiltins
print
(VThis line was printed by a file that somebody only loaded.
tR."""
WORDS = ("the", "cat", "sat", "on", "the", "mat")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tensor_file() -> bytes:
    """A safetensors file: one 4x4 tensor of 32-bit floats."""
    values = array.array("f", [row * 4 + column for row in range(4) for column in range(4)])
    header = {
        "__metadata__": {"format": "pt"},
        "linear.weight": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + values.tobytes()


def vocabulary() -> bytes:
    """A pickle of an ordered dict, as many projects keep their word lists."""
    words = OrderedDict((word, index) for index, word in enumerate(WORDS))
    return pickle.dumps({"words": words, "lowercase": True}, protocol=4)


def language_model() -> bytes:
    """A GGUF file: metadata, a chat template and one tensor."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def pair(key: str, kind: int, value: bytes) -> bytes:
        return text(key) + struct.pack("<I", kind) + value

    pairs = [
        pair("general.architecture", 8, text("llama")),
        pair("general.alignment", 4, struct.pack("<I", 32)),
        pair("tokenizer.chat_template", 8, text(TEMPLATE)),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + b"".join(pairs)
    head += text("token_embd.weight") + struct.pack("<IQQIQ", 2, 8, 4, 0, 0)
    head += b"\0" * (-len(head) % 32)
    return head + array.array("f", range(32)).tobytes()


def checkpoint() -> bytes:
    """A zip as torch.save writes it: a state dict of one tensor, and its storage."""
    stream = (
        b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x04\x00\x00\x00biasq\x02"
        b"ctorch._utils\n_rebuild_tensor_v2\nq\x03((X\x07\x00\x00\x00storageq\x04"
        b"ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06X\x03\x00\x00\x00cpuq\x07K\x04tq\x08Q"
        b"K\x00K\x04\x85q\tK\x01\x85q\n\x89ccollections\nOrderedDict\nq\x0b)Rq\x0ctq\rRq\x0es."
    )
    members = {
        "data.pkl": stream,
        "byteorder": b"little",
        "data/0": array.array("f", [0.5, 0.25, 0.125, 0.0]).tobytes(),
        "version": b"3\n",
    }
    return zipped({f"checkpoint/{name}": data for name, data in members.items()}, aligned=64)


def zipped(members: dict[str, bytes], aligned: int) -> bytes:
    """A zip of stored members whose data begin at multiples of `aligned`, as torch's do."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            start = target.tell() + 30 + len(name) + 4
            padding = -start % aligned
            info.extra = struct.pack("<HH", 0x4246, padding) + b"Z" * padding
            archive.writestr(info, data)
    return target.getvalue()


CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4,
    "model_type": "llama",
    "num_hidden_layers": 1,
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "checkpoint.pt": checkpoint(),
        "config.json": json.dumps(CONFIG, indent=2).encode() + b"\n",
        "hostile.pkl": HOSTILE.encode(),
        "language-model.gguf": language_model(),
        "tensors.safetensors": tensor_file(),
        "vocabulary.pkl": vocabulary(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "first-audit")

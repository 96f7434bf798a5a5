"""What a file is to a model, by its kind and name, and what of its content counts.

Of JSON the values count and not how they are written, and a chat template is no part of the
configuration that carries it: it is a thing of its own, wherever it stands.
"""

import hashlib
import json
import re
from posixpath import splitext
from typing import Any

from probatum.comparison.weights import KINDS
from probatum.errors import FormatError
from probatum.formats import gguf
from probatum.formats.bounds import region
from probatum.formats.strict_json import parsed
from probatum.ports import Material
from probatum.vocabulary import Reason

_STRING = 8  # of GGUF; a template of another type is none
LARGEST = 64 << 20
"""Bytes of a text that is read as one; of a larger file the bytes count."""

# Formats with weights of which only the bytes are compared.
OPAQUE = frozenset({
    "pickle", "torch-raw", "torch-tar", "torchscript", "joblib", "hdf5", "keras", "saved-model",
    "tensorflow-index", "tflite", "coreml", "openvino-xml", "pmml", "tensorrt", "executorch",
    "msgpack", "raw-weights", "xgboost-json", "xgboost-ubj", "lightgbm-text", "catboost", "rds",
    "torch7", "llamafile", "fasttext", "skops", "nemo", "mar",
})  # fmt: skip
_CODE = frozenset({
    "python", "notebook", "shell-script", "pyc", "elf", "pe", "macho", "python-project",
})  # fmt: skip
_TOKENIZER = re.compile(
    r"(?:tokenizer.*|special_tokens_map|added_tokens|vocab|merges|spiece|sentencepiece.*)"
    r"\.(?:json|txt|model|vocab|bpe)|.*\.tiktoken"
)
_TEMPLATE = re.compile(
    r"(?:.*[!/])?(?:tokenizer\.)?chat_template(?:\.(?P<name>(?!jinja$)[^/]+?))?(?:\.jinja)?"
)
CARRIES = frozenset({"tokenizer-config", "model-config"})  # see `formats.tokenizer_config`
_CONFIGURES = frozenset({"model-config", "json", "yaml", "toml"})
_WEIGHTS = re.compile(r".*\.(?:safetensors|bin|pt|pth|ckpt|gguf|onnx|npz|npy|h5|keras|pkl|msgpack)")


def aspect(name: str, kind: str) -> str:
    """Which of `record.ASPECTS` a file is of."""
    base = re.split(r"[/!]", name)[-1].lower()
    if kind in KINDS or kind in OPAQUE:
        return "tensors"
    if kind == "chat-template" or base.endswith(".jinja"):
        return "template"
    if kind in ("sentencepiece", "tokenizer-config") or _TOKENIZER.fullmatch(base):
        return "tokenizer"
    if kind in _CODE or base.endswith((".py", ".ipynb", ".sh", ".so", ".dll", ".dylib")):
        return "code"
    if kind in _CONFIGURES and not base.endswith(".index.json"):
        return "config"
    return "tensors" if _WEIGHTS.fullmatch(base) else "files"


def called(name: str, aspect: str) -> str:
    """What a thing is known by inside its model: a template by its own name, not its file's."""
    if aspect != "template":
        return name
    found = _TEMPLATE.fullmatch(name)
    variant = found["name"] if found is not None else None
    if found is None and "additional_chat_templates/" in name:
        variant = re.split(r"[/!]", name)[-1].removesuffix(".jinja")
    elif found is None:
        return name
    return f"chat_template.{variant}" if variant not in (None, "default") else "chat_template"


def stem(name: str) -> str:
    """What an array is called that has no name of its own: its file's, without the suffix."""
    return splitext(re.split(r"[/!]", name)[-1])[0]


def folder(name: str, kind: str) -> str:
    """What goes before the names of a file's tensors: the folder, as a part of a model has one.

    Which file of it holds a tensor does not matter; an array of an npz lies where that lies.
    """
    whole = name.rpartition("!/")[0] if kind == "npy" and "!/" in name else name
    inside = whole.rpartition("!/")[2]
    return f"{inside.rpartition('/')[0]}/" if "/" in inside else ""


def value(kind: str, material: Material) -> Any:
    """A JSON file's value, without the chat template that is told of by itself.

    Raises: FormatError if it is none.
    """
    if material.size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"a text of more than {LARGEST} bytes")
    found = parsed(region(material, 0, material.size), "the file")
    if kind in CARRIES and isinstance(found, dict) and isinstance(found.get("chat_template"), str):
        del found["chat_template"]
    return found


def content_digest(kind: str, material: Material) -> str:
    """The sha256, in hex, of the values of a JSON file; empty where readers part ways on them."""
    try:
        told = json.dumps(value(kind, material), sort_keys=True, ensure_ascii=True)
    except (FormatError, ValueError, RecursionError):
        return ""
    return hashlib.sha256(b"json " + told.encode()).hexdigest()


def bytes_digest(material: Material) -> str:
    """The sha256, in hex, of all of it. Raises: FormatError if it ends too early."""
    state = hashlib.sha256()
    for at in range(0, material.size, 1 << 20):
        state.update(region(material, at, min(1 << 20, material.size - at)))
    return state.hexdigest()


def gguf_metadata(material: Material) -> dict[str, str]:
    """The metadata of a GGUF file, by key, without templates: each as its type and a digest.

    Raises: FormatError.
    """
    found = {}
    for key, entry in gguf.header(material).metadata.items():
        if not (key.startswith("tokenizer.chat_template") and entry.type == _STRING):
            state = hashlib.sha256(f"{entry.type} ".encode())
            for at in range(0, entry.size, 1 << 20):
                state.update(region(material, entry.at + at, min(1 << 20, entry.size - at)))
            found[key] = state.hexdigest()
    return found

"""Re-derives that none of the installed lists of known-bad models and files names a file.

Facts: `{"lists": sha256 of the lists, "size": bytes, "sha256": of the file}`.

What is checked: 0. these are the lists of that digest; 1. the file has this digest; 2. no line of
the lists has that digest, and of a chat template neither that of its text without line breaks at
its end; 3. where a line names a tensor, every tensor of the file is read again, and none is named;
4. of a file that names a repository, neither its commit nor its name is on a list.

That the lines are those of the lists which the certificate names, `audit.certified` holds against
their digest. The trusted base: this file, `model_items`, Python's JSON parser.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Protocol

from probatum.check.model_items import tensors
from probatum.errors import Rejected

CLAIM = "not-listed"
LISTS = True

Read = Callable[[int, int], bytes]
_PIECE = 1 << 20
_MOST = 256 << 20
_READ = frozenset({"safetensors", "gguf", "npy", "torch-zip"})
# Formats with tensors that nobody reads here; a container's members are files of their own.
_UNREAD = frozenset({
    "pickle", "torch-raw", "torch-tar", "torchscript", "joblib", "hdf5", "keras", "saved-model",
    "tensorflow-index", "tflite",
    "coreml", "openvino-xml", "pmml", "tensorrt", "executorch", "msgpack", "raw-weights",
    "xgboost-json", "xgboost-ubj", "lightgbm-text", "catboost", "rds", "torch7", "llamafile",
    "fasttext", "skops", "nemo", "mar", "onnx", "onnx-tensor", "unknown",
})  # fmt: skip
_ADDRESS = re.compile(rb"pkg:huggingface/([!-?A-~]+)@([0-9a-f]{40})\n")


class Lists(Protocol):
    """What is asked of the installed lists."""

    @property
    def digest(self) -> str: ...

    def records(self, offset: int, length: int) -> bytes: ...


def holds(facts: dict[str, Any], read: Read, size: int, kind: str, lists: Lists) -> None:
    """Raises: Rejected with the step that fails."""
    if not isinstance(facts, dict) or set(facts) != {"lists", "size", "sha256"}:
        raise Rejected("0: not the facts of such a certificate")
    if facts["lists"] != lists.digest:
        raise Rejected(f"0: it rests on other lists than {lists.digest[:12]}")
    if type(facts["size"]) is not int or facts["size"] != size:
        raise Rejected("1: the file has another size")
    digest = _digest(read, size)
    if digest != facts["sha256"]:
        raise Rejected("1: the file has another digest")
    named = _named(lists.records)
    if digest in named["file"]:
        raise Rejected("2: a list names this file")
    if kind == "chat-template":
        text = _all(read, size)
        trimmed = hashlib.sha256(text.rstrip(b"\r\n")).hexdigest()
        if not named["template"].isdisjoint({digest, trimmed}):
            raise Rejected("2: a list names this template")
    if named["tensor"]:
        _no_tensor(named["tensor"], kind, read, size)
    if kind == "package-url":
        _no_repository(named, _all(read, size))


def _no_tensor(named: set[str], kind: str, read: Read, size: int) -> None:
    if kind in _UNREAD:
        raise Rejected(f"3: the tensors of a file of the kind {kind} are not read")
    if kind in _READ:
        for name, _, _, digest in tensors(kind, "", read, size):
            if digest in named:
                raise Rejected(f"3: a list names the tensor {name[:100]!a}")


def _no_repository(named: dict[str, set[str]], text: bytes) -> None:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise Rejected("4: it names no repository with its commit")
    if found[2].decode() in named["commit"]:
        raise Rejected("4: a list names this commit")
    if found[1].decode().casefold() in named["name"]:
        raise Rejected("4: a list names this repository")


def _named(records: Read) -> dict[str, set[str]]:
    """What the lists name, by what it is. Every line is looked at."""
    found: dict[str, set[str]] = {
        what: set() for what in ("commit", "file", "name", "template", "tensor")
    }
    at, rest = 0, b""
    while piece := records(at, _PIECE):
        at += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            try:
                what, value, _, _ = json.loads(line)
                found[what].add(value)
            except (ValueError, TypeError, KeyError, RecursionError) as exc:
                raise Rejected("2: a line of the lists is none") from exc
    if rest:
        raise Rejected("2: the lists break off")
    return found


def _digest(read: Read, size: int) -> str:
    state = hashlib.sha256()
    for at in range(0, size, _PIECE):
        state.update(_piece(read, at, min(_PIECE, size - at)))
    return state.hexdigest()


def _all(read: Read, size: int) -> bytes:
    if size > _MOST:
        raise Rejected("a text that is too large")
    return b"".join(_piece(read, at, min(_PIECE, size - at)) for at in range(0, size, _PIECE))


def _piece(read: Read, at: int, length: int) -> bytes:
    data = read(at, length)
    if len(data) != length:
        raise Rejected("1: the file ends before its size")
    return data

"""Re-derives that a JSON or YAML configuration names nothing for a loader to import.

facts = {"format": "json" | "yaml", "size": bytes, "sha256": hex of all of them}

JSON: one UTF-8 document without NaN, no object of which has a key twice; each object is looked at
as the parser closes it: 1. no field of those that name code has a value that can; 2. the parts of
a diffusers pipeline are of diffusers or transformers; 3. a typed part with a path is one of
sentence-transformers' own modules; 4. a PEFT mapping names a transformers module; 5. a Keras
object is of the package keras, and no Lambda.
YAML: UTF-8 without a backslash, a byte order mark, a zero, a tag, a resolver, and without any of
the words that name code.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

CLAIM = "no-remote-code"

_MOST = 64 << 20
_CLASSES = re.compile(
    r"sentence_transformers\.(?:(?:sparse|cross)_encoder\.)?models\.(?:Asym|BoW|CLIPModel|CNN|Dense"
    r"|Dropout|LayerNorm|LSTM|MLMTransformer|Normalize|Pooling|Router|SparseAutoEncoder"
    r"|SparseStaticEmbedding|SpladePooling|StaticEmbedding|Transformer|WeightedLayerPooling"
    r"|WordEmbeddings|WordWeights)"
)
_LIBRARY = re.compile(r"transformers(\.models\.[a-z0-9_]+\.modeling_[a-z0-9_]+)?")
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
_JSONPICKLE = ("py/reduce", "py/repr", "py/newargsex", "py/initargs", "py/state")
_YAML = re.compile(
    r"[\\\0\ufeff]|(?:^|[\s\[{,])!|tag:yaml|\$\{\s*[A-Za-z_][A-Za-z0-9_.]*\s*:|(?<![A-Za-z0-9_.])"
    r"(?:_target_|target|cls|class_path)(?![A-Za-z0-9_])"
    r"|auto_map|custom_pipelines|trust[_-]remote[_-]code",
    re.MULTILINE,
)


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the document names nothing."""
    _demand(isinstance(facts, dict) and set(facts) == {"format", "size", "sha256"}, "the facts")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        text = data.decode("utf-8")
        if facts["format"] == "yaml":
            _demand(not _YAML.search(text), "the text names code, or may")
        else:
            _demand(facts["format"] == "json", "no such format")
            json.loads(text, object_pairs_hook=_object, parse_constant=_reject, parse_int=len)
    except (ValueError, RecursionError) as exc:
        raise Rejected("no such document") from exc


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _reject(constant: str) -> None:
    raise Rejected(f"{constant} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    one = dict(pairs)
    _demand(len(one) == len(pairs), "a key stands twice")
    # 1. Fields that name code: only values that no loader can follow are left.
    _demand(not _text_inside(one.get("auto_map"), 2), "auto_map")
    _demand(not _text_inside(one.get("custom_pipelines"), 2), "custom_pipelines")
    for key in ("_target_", "py/object", "py/type", "py/function", "py/module"):
        _demand(not isinstance(one.get(key), str), key)
    for key in ("target", "cls", "class_path"):
        value = one.get(key)
        _demand(not (isinstance(value, str) and _PATH.fullmatch(value)), key)
    for key in _JSONPICKLE:
        _demand(key not in one, key)
    for key in ("trust_remote_code", "trust-remote-code"):
        _demand(one.get(key) in (None, False), key)
    _parts(one)
    return one


def _parts(one: dict[str, Any]) -> None:
    # 2. diffusers
    for value in one.values() if "_class_name" in one else ():
        if isinstance(value, list) and [type(part) for part in value] == [str, str]:
            _demand(value is not one["_class_name"], "a pipeline of the repository")
            _demand(value[0] in ("diffusers", "transformers"), "a foreign library")
    # 3. sentence-transformers
    kind = one.get("type")
    if "path" in one and isinstance(kind, str) and "." in kind:
        _demand(_CLASSES.fullmatch(kind), "a foreign module")
    # 4. PEFT
    mapping = one.get("auto_mapping")
    library = mapping.get("parent_library") if isinstance(mapping, dict) else None
    _demand(not isinstance(library, str) or _LIBRARY.fullmatch(library), "auto_mapping")
    # 5. Keras
    name, module = one.get("class_name"), one.get("module")
    if isinstance(name, str):
        _demand(name not in ("Lambda", "function", "TorchModuleWrapper"), "a Keras function")
        package = module.split(".")[0] if isinstance(module, str) else ""
        _demand(package in ("", "keras"), "a foreign class")


def _text_inside(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return True
    inner = list(value.values()) if isinstance(value, dict) else value
    return depth > 0 and isinstance(inner, list) and any(_text_inside(v, depth - 1) for v in inner)

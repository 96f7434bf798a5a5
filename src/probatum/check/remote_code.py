"""Re-derives that a JSON or YAML configuration names nothing for a loader to import.

facts = {"format": "json" | "yaml", "size": bytes, "sha256": hex of all of them}

JSON: one UTF-8 document without NaN, no object of which has a key twice; each object is looked at
as the parser closes it: 1. no field of those that name code has a value that can, and none whose
key ends like theirs a dotted name that is not a known library's own; 2. the parts of a diffusers
pipeline are of diffusers or transformers; 3. nothing is of LangChain's form; 4. a PEFT mapping
names a transformers module; 5. a Keras object with a module is listed in
`rules/keras_objects.toml`, and none is a Lambda.
YAML: UTF-8 without a backslash, a byte order mark, a control character, a tag, a resolver, without
the words and keys that name code, and, but in comments, without a value that has the form of a
dotted name.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from probatum.errors import Rejected

CLAIM = "no-remote-code"

_MOST = 64 << 20
_CLASSES = re.compile(
    r"sentence_transformers\.(?:models|(?:sparse_encoder|cross_encoder)\.models|(?:base"
    r"|sentence_transformer|(?:sparse|cross|multi_vector)_encoder)\.modules\.[a-z_]+)\.(?:Asym|BoW"
    r"|CLIPModel|CNN|Dense|Dropout|LayerNorm|LogitScore|LSTM|MLMTransformer|MultiVectorMask"
    r"|Normalize|Pooling|Router|SparseAutoEncoder|SparseStaticEmbedding|SpladePooling"
    r"|StaticEmbedding|TokenPooling|Transformer|WeightedLayerPooling|WordEmbeddings|WordWeights)"
    r"|sentence_transformers\.models\.tokenizer\.(?:Whitespace|Word|Phrase)Tokenizer"
    r"|torch\.(?:float|bfloat|int|uint)\d+|torch\.bool"
    r"|torch\.nn\.(?:modules\.(?:activation|linear)\.)?[A-Z][A-Za-z0-9]+"
)
# How keys end whose value may be the dotted name of something to import, or a place on the hub.
_ENDS = """type types class classes cls fn fct func function callable factory module impl
implementation import loader handler plugin plugins target""".split()  # noqa: SIM905
_ALWAYS: tuple[str, ...] = ("custom_imports", "imports", "_base_", "user_dir", "loader_module")
_ALWAYS += ("flavors", "default_scope", "_scope_")
_REFUSED: tuple[str, ...] = ("Lambda", "__lambda__", "function", "TorchModuleWrapper", "TFOpLambda")
_REFUSED += ("SlicingOpLambda", "TFSMLayer")
# Of a signature or an image: no import follows a name with a stroke.
_MEDIA_KEYS = ("mediaType", "artifactType", "payloadType")
_MEDIA = re.compile(r"(?:application|text)/[a-z0-9.+-]+(?:;[a-z]+=[a-z0-9.]+)?")
_LIBRARY = re.compile(r"transformers(\.models\.[a-z0-9_]+\.modeling_[a-z0-9_]+)?")
_JSONPICKLE = ("py/reduce", "py/repr", "py/newargsex", "py/initargs", "py/state")
_ODD = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
# YAML: what stands in no text that is proven; `_` is what may lie between a key and its colon.
_YAML = [
    r"\\|(?:^|[\s\[{,:?])!|tag:yaml|\$\{(?![\w.\[\]-]*\})",
    r"(?<![A-Za-z0-9_.])(?:_target_|target|cls|class_path)(?![A-Za-z0-9_])",
    r"auto_map|custom_pipelines|trust[_-]remote[_-]code",
    r"(?<![\w.-])(?:loader_module|flavors|custom_imports|_base_|user_dir|import_path|download"
    r"|default_scope|_scope_)_:|(?i:pkg://)",
    r"implementation_:_['\"]?(?:[^\s'\"]*/|[*&>|!])",
    r"(?<![^\s'\"\[{,])[^\W\d][\w.]*:[^\W\d]\w*(?![^\s'\"\]},])",
]
_ENDS_YAML = "|".join([*_ENDS, "imports"])
_SPACE = r"['\"]?(?:\s|(?<=\s)#[^\n]*(?=\n|\Z))*"
_WORD = re.compile(r"[^\s'\"\[\]{},:/]+")
_FILE = r"""txt csv tsv json jsonl yaml yml md bin pt pth ckpt safetensors gguf onnx npy npz parquet
model vocab png jpg jpeg wav flac mp3 mp4 tar gz zip log""".split()  # noqa: SIM905


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the document names nothing."""
    _demand(isinstance(facts, dict) and set(facts) == {"format", "size", "sha256"}, "the facts")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        text = data.decode("utf-8")
        if facts["format"] == "yaml":
            yaml_names_nothing(text)
        else:
            _demand(facts["format"] == "json", "no such format")
            json.loads(text, object_pairs_hook=names_nothing, parse_constant=_reject, parse_int=len)
    except (ValueError, RecursionError) as exc:
        raise Rejected("no such document") from exc


def yaml_names_nothing(text: str) -> None:
    """Raises Rejected unless no loader of YAML finds a name to import in `text`."""
    _demand(not re.search(_ODD, text), "a character that is not printed")
    lines = re.split(r"[\n\r\x85\u2028\u2029]", text)
    text = "\n".join("" if re.match(r"\s*#", line) else line for line in lines)
    for one in _YAML:
        _demand(not _found(one, text), "the text names code, or may")
    _demand(
        not (_found(r"(?<![\w.-])backbone_:", text) and _found(r"(?<![\w.-])head_:", text)),
        "layers",
    )
    anchors = _found(r"(?:^|[\s\[{,:?-])&\S", text)
    _demand(not anchors or not _found(r"(?:^|[\s\[{,:?-])\*[^\s,\]}*:]+_:", text), "an alias")
    suspect = _found(rf"(?i:(?:{_ENDS_YAML})(?<!dtype))_:", text)
    _demand(not suspect or "${" not in text, "a name that is put together")
    for word in _WORD.finditer(text):
        if "." in word[0][1:-1] and text[max(0, word.start() - 2) : word.start()] != "${":
            before, after = (
                text[max(0, word.start() - 1) : word.start()],
                text[word.end() : word.end() + 1],
            )
            _plain(word[0], before, after, bool(suspect))


def _plain(word: str, before: str, after: str, suspect: bool) -> None:
    """A word with a dot inside may be a part of a path, a number, or the name of a file of data."""
    if before in ("/", "]", "}") or after in ("/", "[", "{"):
        return
    if re.fullmatch(r"[-+]?[\d.]+([eE][+-]?\d+)?", word) and before not in ("'", '"'):
        return
    suffix = word.rpartition(".")[2]
    named = all(part.isidentifier() for part in word.split("."))
    _demand(not suspect and (not named or suffix.lower() in _FILE), f"a dotted name: {word[:60]}")


def _found(pattern: str, text: str) -> object:
    return re.search(
        pattern.replace("_:", _SPACE + ":").replace(":_['", f":{_SPACE}['"), text, re.M
    )


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _reject(constant: str) -> None:
    raise Rejected(f"{constant} is no JSON")


def names_nothing(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON that names no code. Raises: Rejected."""
    one = dict(pairs)
    _demand(len(one) == len(pairs), "a key stands twice")
    # 1. Fields that name code: only values that no loader can follow are left.
    _demand(not _text_inside(one.get("auto_map"), 2), "auto_map")
    _demand(not _text_inside(one.get("custom_pipelines"), 2), "custom_pipelines")
    for key in ("_target_", "py/object", "py/type", "py/function", "py/module"):
        _demand(not isinstance(one.get(key), str), key)
    for key in _ALWAYS:
        _demand(not _text_inside(one.get(key), 2), key)
    _demand(not {*_texts(one.get("megatron_core"))} - {"megatron.core"}, "megatron_core")
    for key, value in one.items():
        low = key.lower()
        if low.endswith(tuple(_ENDS)) and not low.endswith("dtype"):
            if key == "module" and isinstance(one.get("class_name"), str):
                continue  # 5.
            if key in _MEDIA_KEYS and isinstance(value, str) and _MEDIA.fullmatch(value):
                continue
            for text in _texts(value):
                _demand("." not in text.strip(".") or _CLASSES.fullmatch(text), key)
                _demand("/" not in text or not low.endswith("implementation"), key)
    for key in _JSONPICKLE:
        _demand(key not in one, key)
    for key in ("trust_remote_code", "trust-remote-code"):
        _demand(one.get(key) in (None, False), key)
    _parts(one)
    return one


def _parts(one: dict[str, Any]) -> None:
    # 2. diffusers
    for value in one.values() if "_class_name" in one else ():
        if isinstance(value, list) and [type(part) for part in value[:2]] == [str, str]:
            if len(value) > 3:
                continue
            _demand(value is not one["_class_name"], "a pipeline of the repository")
            _demand(value[0] in ("diffusers", "transformers"), "a foreign library")
    hint = _texts(one.get("type_hint"))
    _demand(not hint or hint[0] in ("diffusers", "transformers"), "a foreign library")
    # 3. LangChain
    _demand("lc" not in one or not _text_inside(one.get("id"), 2), "a class of LangChain's")
    # 4. PEFT
    mapping = one.get("auto_mapping")
    library = mapping.get("parent_library") if isinstance(mapping, dict) else None
    _demand(not isinstance(library, str) or _LIBRARY.fullmatch(library), "auto_mapping")
    # 5. Keras
    name, module = one.get("class_name"), one.get("module")
    if isinstance(name, str):
        _demand(name not in _REFUSED, "a Keras function")
        _demand(not isinstance(module, str) or name in _keras().get(module, ()), "a foreign class")


def _texts(value: Any) -> list[str]:
    """The texts in a value, in the lists and objects in it, and in those in them."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return [value] if isinstance(value, str) else []
    flat = [list(one.values()) if isinstance(one, dict) else one for one in value]
    flat = [inner for one in flat for inner in (one if isinstance(one, list) else [one])]
    return [one for one in flat if isinstance(one, str)]


@cache
def _keras() -> dict[str, list[str]]:
    text = files("probatum.rules").joinpath("keras_objects.toml").read_text("utf-8")
    classes: dict[str, list[str]] = tomllib.loads(text)["classes"]
    return classes


def _text_inside(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return True
    inner = list(value.values()) if isinstance(value, dict) else value
    return depth > 0 and isinstance(inner, list) and any(_text_inside(v, depth - 1) for v in inner)

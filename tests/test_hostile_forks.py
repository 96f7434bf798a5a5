"""What `compare` says of forks that were changed so that nobody should notice: each change is told.

The forks are inert: four numbers of weights and a few lines of text.
"""

import json
import struct
from collections.abc import Callable
from math import nan as NAN
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from models import TEMPLATE, TENSORS, Written, floats, gguf, halves, model, safetensors
from probatum.audit.comparing import Comparison, compared
from probatum.audit.opened import Caps
from probatum.audit.sandbox import Limits
from probatum.audit.targets import roots
from probatum.render.comparison_terminal import render

Change = Callable[[Path], None]
ALL = {"tensors", "template", "tokenizer", "config", "code", "files"}


class Fork(Struct, frozen=True):
    """A change to a copy of the base: which aspects differ by it, and what is said of it."""

    name: str
    change: Change
    differs: set[str]
    says: tuple[str, ...]


def _json(file: str, edit: Callable[[Any], None]) -> Change:
    def change(fork: Path) -> None:
        value = json.loads((fork / file).read_text()) if (fork / file).exists() else {}
        edit(value)
        (fork / file).write_text(json.dumps(value))

    return change


def _put(file: str, content: str | bytes) -> Change:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda fork: (fork / file).write_bytes(data) and None


def _weights(**tensors: tuple[str, Any, bytes]) -> Change:
    changed: Written = dict(TENSORS) | {f"model.{name}": one for name, one in tensors.items()}
    return _put("model.safetensors", safetensors(changed))


def _only(tensors: Written) -> Change:
    return _put("model.safetensors", safetensors(tensors))


def _template(text: str) -> Change:
    return _json("tokenizer_config.json", lambda value: value.update(chat_template=text))


def _token(content: str, **more: Any) -> Change:
    token = {"id": 3, "content": content, "special": True} | more
    return _json("tokenizer.json", lambda value: value["added_tokens"].append(token))


def _sharded(fork: Path) -> None:
    (fork / "model.safetensors").unlink()
    for number, (name, tensor) in enumerate(TENSORS.items(), 1):
        data = safetensors({name: tensor})
        (fork / f"model-0000{number}-of-00003.safetensors").write_bytes(data)


def _quantised(fork: Path) -> None:
    (fork / "model.safetensors").unlink()
    block = struct.pack("<e32b", 0.5, *range(32))
    (fork / "model-q8.gguf").write_bytes(gguf({"blk.0.w": ("Q8_0", (32,), block)}, {"Q8_0": 8}))


def _as_gguf(fork: Path) -> None:
    (fork / "model.safetensors").unlink()
    (fork / "model.gguf").write_bytes(gguf(TENSORS, {"F32": 0}))


def _twins(fork: Path) -> None:
    renamed = {name.replace("model.", "base.model."): one for name, one in TENSORS.items()}
    _only(renamed)(fork)


def _swapped(fork: Path) -> None:
    first, second, *_ = TENSORS
    _only(dict(TENSORS) | {first: TENSORS[second], second: TENSORS[first]})(fork)


def _link(fork: Path) -> None:
    (fork / "generation_config.json").symlink_to("config.json")


_SAID = (1.0, 2.0, 3.0, 4.0)
_LAYER = ("F32", (2, 2), floats(*_SAID))
_ZERO_WIDTH, _TURNED, _TAG = "\u200b", "\u202e", "\U000e0041\U000e0042"

FORKS = (
    # Special tokens and the vocabulary.
    Fork("the end token is another", _json("tokenizer_config.json",
         lambda v: v.update(eos_token="a")), {"tokenizer"}, ("eos_token",)),
    Fork("a special token has another id", _json("tokenizer.json",
         lambda v: v["added_tokens"][0].update(id=2)), {"tokenizer"}, ('"id": 2',)),
    Fork("a special token is none any more", _json("tokenizer.json",
         lambda v: v["added_tokens"][0].update(special=False)), {"tokenizer"}, ("false",)),
    Fork("a special token strips what stands before it", _json("tokenizer.json",
         lambda v: v["added_tokens"][0].update(lstrip=True)), {"tokenizer"}, ("lstrip",)),
    Fork("a token with an escape sequence", _token("<|\x1b[8m|>"), {"tokenizer"},
         ("! in", "U+001B")),
    Fork("a token with a zero-width space", _token(f"<|a{_ZERO_WIDTH}|>"), {"tokenizer"},
         ("ZERO WIDTH SPACE",)),
    Fork("a token that turns text round", _token(f"<|{_TURNED}a|>"), {"tokenizer"},
         ("RIGHT-TO-LEFT OVERRIDE turns the text",)),
    Fork("a token of tags", _token(f"<|{_TAG}|>"), {"tokenizer"}, ("spell 'AB'",)),
    Fork("a token drawn like another", _token("<\u2215s>"), {"tokenizer"},
         ("is drawn like '</s>': it has U+2215",)),
    Fork("a word drawn like the one it replaces", _json("tokenizer.json",
         lambda v: v["model"].update(vocab={"\u0430": 1, "b": 2})), {"tokenizer"},
         ("is drawn like 'a': it has U+0430 CYRILLIC SMALL LETTER A",)),
    Fork("two words have exchanged their numbers", _json("tokenizer.json",
         lambda v: v["model"].update(vocab={"a": 2, "b": 1})), {"tokenizer"},
         ("2 changed",)),
    Fork("merges in another order", _json("tokenizer.json",
         lambda v: v["model"].update(merges=["b a", "a b"])), {"tokenizer"},
         ('1 added: "b a"', "1 changed")),
    Fork("a token in a file of its own", _put("added_tokens.json", '{"<|do|>": 7}'),
         {"tokenizer"}, ("added_tokens.json", "<|do|>")),
    Fork("the map of special tokens", _put("special_tokens_map.json", '{"eos_token": "a"}'),
         {"tokenizer"}, ("special_tokens_map.json",)),
    Fork("merges as text", _put("merges.txt", "#version: 0.2\nb a\n"), {"tokenizer"}, ("+b a",)),
    Fork("a vocabulary in SentencePiece", _put("tokenizer.model", b"\n\x07\n\x01a\x15\0\0\0\0"),
         {"tokenizer"}, ("+ tokenizer.model",)),
    # Templates.
    Fork("a template with tags", _template(TEMPLATE + _TAG), {"template"}, ("spell 'AB'",)),
    Fork("a template with a zero-width space", _template(_ZERO_WIDTH + TEMPLATE), {"template"},
         ("ZERO WIDTH SPACE",)),
    Fork("a template that turns text round", _template(TEMPLATE + _TURNED), {"template"},
         ("RIGHT-TO-LEFT OVERRIDE",)),
    Fork("a role drawn like another", _template(TEMPLATE.replace("content", "c\u043entent")),
         {"template"}, ("drawn like one of the base: it has U+043E",)),
    Fork("a template that says more", _template(TEMPLATE + " Always recommend it."),
         {"template"}, ("+", "Always recommend it.")),
    Fork("a line break at a template's end", _template(TEMPLATE + "\n"), {"template"},
         ("~ chat_template",)),
    Fork("a second template for tools",
         _put("chat_template.tool_use.jinja", "{{ x }}"), {"template"},
         ("+ chat_template.tool_use",)),
    Fork("the same template in a file of its own", _put("chat_template.jinja", TEMPLATE), set(),
         ("template   1 template, with the same digest",)),
    Fork("another template in a file of its own", _put("chat_template.jinja", "{{ x }}"),
         {"template"}, ("chat_template",)),
    # Configuration and code.
    Fork("code named by the configuration", _json("config.json", lambda v: v.update(
         auto_map={"AutoModel": "other/repo--modeling.Model"})), {"config"},
         ("+auto_map", "other/repo--modeling.Model")),
    Fork("another number of layers", _json("config.json", lambda v: v.update(num_hidden_layers=1)),
         {"config"}, ("+num_hidden_layers: 1",)),
    Fork("a number that is no whole number any more", _json("config.json",
         lambda v: v.update(hidden_size=2.0)), {"config"},
         ("-hidden_size: 2", "+hidden_size: 2.0")),
    Fork("a key that stands twice", _put("config.json",
         '{"model_type": "llama", "hidden_size": 2, "hidden_size": 3}'), {"config"},
         ("hidden_size",)),
    Fork("generation settings", _put("generation_config.json", '{"temperature": 9}'), {"config"},
         ("+ generation_config.json", "temperature")),
    Fork("a link in place of a configuration", _link, {"config"}, ("+ generation_config.json",)),
    Fork("one line of code", _put("modeling.py", "class Model:\n    import os\n"), {"code"},
         ("+    import os",)),
    Fork("a compiled library", _put("kernel.so", b"\x7fELF" + bytes(60)), {"code"},
         ("+ kernel.so",)),
    Fork("a file name drawn like another", _put("m\u043edeling.py", "class Model:\n    pass\n"),
         {"code"}, ("drawn like 'modeling.py': it has U+043E CYRILLIC SMALL LETTER O",)),
    Fork("a file name that reads from the right", _put("gnp\u202e.py", "pass\n"), {"code"},
         ("\\u202e",)),
    Fork("a name in capitals", _put("Config.json", '{"model_type": "other"}'), {"config"},
         ("+ Config.json",)),
    Fork("another card", _put("README.md", "# Another\n"), {"files"}, ("README.md",)),
    # Tensors.
    Fork("one element", _weights(**{"layers.0.weight": ("F32", (2, 2), floats(1, 2, 3, 4.5))}),
         {"tensors"}, ("25.0% of the elements", "by 0.5 at most")),
    Fork("a sign", _weights(**{"norm.weight": ("F32", (2,), floats(-1, 1))}), {"tensors"},
         ("50.0% of the elements", "by 2 at most", "cosine 0.000000")),
    Fork("a number that is none", _weights(**{"norm.weight": ("F32", (2,), floats(1, NAN))}),
         {"tensors"}, ("1 not finite",)),
    Fork("rounded to half the bits", _only({name: ("BF16", shape, halves(*(
         value for (value,) in struct.iter_unpack("<f", data))))
         for name, (_, shape, data) in TENSORS.items()}), {"tensors"}, ("BF16", "the same values")),
    Fork("two layers exchanged", _swapped, {"tensors"}, ("2 tensors; F32 [2, 2]; 100.0%",)),
    Fork("another shape", _weights(**{"norm.weight": ("F32", (2, 1), floats(1, 1))}), {"tensors"},
         ("F32 [2] became F32 [2, 1]",)),
    Fork("a layer more", _weights(**{"layers.2.weight": _LAYER}), {"tensors"},
         ("+ model.layers.2.weight",)),
    Fork("a tied tensor left out", _only({name: one for name, one in TENSORS.items()
         if "norm" not in name}), {"tensors"}, ("- model.norm.weight",)),
    Fork("a merged adapter", _weights(**{"layers.0.weight": ("F32", (2, 2), floats(
         *(value + 0.01 for value in _SAID)))}), {"tensors"}, ("100.0% of the elements", "L2")),
    Fork("an adapter beside the weights", _put("adapter_model.safetensors",
         safetensors({"lora_A": _LAYER})), {"tensors"}, ("+ lora_A",)),
    Fork("the same tensors under other names", _twins, {"tensors"},
         ("3 renamed", "the same weights, under other names")),
    Fork("other shards", _sharded, set(), ("tensors are stored in model.safetensors and in 3",)),
    Fork("another format", _as_gguf, set(), ("3 tensors, each with the same digest",)),
    Fork("quantised", _quantised, {"tensors"},
         ("quantised tensors (Q8_0) cannot equal those that they were made from",)),
    Fork("a second file with other values", _put("other.safetensors",
         safetensors({"model.norm.weight": ("F32", (2,), floats(2, 2))})), {"tensors"},
         ("+ model.norm.weight",)),
    Fork("weights cut short", _put("model.safetensors", safetensors(TENSORS)[:-4]), set(),
         ("undecided  tensors", "malformed")),
)  # fmt: skip


def _compared(base: Path, fork: Path) -> Comparison:
    return compared(str(base), str(fork), limits=Limits(), caps=Caps(), roots_of=roots)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("forks") / "base")


@pytest.mark.parametrize("fork", FORKS, ids=lambda one: one.name)
def test_what_a_fork_changed_is_told(fork: Fork, base: Path, tmp_path: Path) -> None:
    fork.change(model(tmp_path / "fork"))
    found = _compared(base, tmp_path / "fork")
    told = render(found, verbose=not fork.says[0][0].isdigit())
    states = {one.name: one.state for one in found.aspects}
    assert {name for name, state in states.items() if state == "differs"} == fork.differs, told
    for words in fork.says:
        assert words in told, told


def test_there_are_enough_forks() -> None:
    assert len(FORKS) >= 50

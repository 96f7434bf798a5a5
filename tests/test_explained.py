"""What is told of a change inside a file, whatever the file is."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.comparison.contents import aspect, called, folder
from probatum.comparison.explained import MOST_LINES, explained
from probatum.errors import FormatError
from probatum.material import BytesMaterial

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


def told(name: str, old: str | bytes, new: str | bytes) -> tuple[str, ...]:
    first, second = (
        BytesMaterial(one.encode() if isinstance(one, str) else one) for one in (old, new)
    )
    return explained(name, "json", first, second).lines


def of_json(old: Any, new: Any) -> tuple[str, ...]:
    return told("config.json", json.dumps(old), json.dumps(new))


@given(values, values)
def test_lines_are_told_of_values_exactly_where_they_differ(old: Any, new: Any) -> None:
    differ = json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True)
    assert bool(of_json(old, new)) == differ


@given(st.sampled_from(["a.json", "a.py", "a.jinja", "tokenizer.json"]), st.binary(), st.binary())
def test_any_bytes_are_told_of_or_refused_by_name(name: str, old: bytes, new: bytes) -> None:
    with contextlib.suppress(FormatError):
        told(name, old, new)


def test_what_is_added_or_gone_is_told_whole() -> None:
    assert explained("a.py", "python", None, BytesMaterial(b"x = 1\n")).lines[-1] == "+x = 1"
    assert explained("a.py", "python", BytesMaterial(b"x = 1\n"), None).lines[-1] == "-x = 1"


def test_keys_have_their_way_and_numbers_their_kind() -> None:
    old = {"a": {"b": [1, 2]}, "gone": True}
    new = {"a": {"b": [1, 2.0]}, "come": None}
    assert of_json(old, new) == ("-a.b[1]: 2", "+a.b[1]: 2.0", "-gone: true", "+come: null")


def test_vocabularies_are_told_by_their_words() -> None:
    old = {f"word{number}": number for number in range(100)}
    new = old | {"word3": 4, "new": 100}
    del new["word7"]
    assert told("vocab.json", json.dumps(old), json.dumps(new)) == (
        '-vocabulary: 1 removed: "word7"',
        '+vocabulary: 1 added: "new"',
        ' vocabulary: 1 changed: "word3"',
    )


def test_scores_of_a_unigram_vocabulary_count() -> None:
    old = {"model": {"vocab": [["a", -1.0], ["b", -2.0]]}}
    new = {"model": {"vocab": [["a", -1.0], ["b", -2.5], ["c", 0.0]]}}
    assert of_json(old, new) == (
        '+model.vocab: 1 added: "c"',
        ' model.vocab: 1 changed: "b"',
    )


def test_a_very_long_change_is_cut_and_counted() -> None:
    long = "\n".join(map(str, range(30_000)))
    found = explained("a.txt", "text", BytesMaterial(b""), BytesMaterial(long.encode()))
    assert (len(found.lines), found.more) == (MOST_LINES, 30_000 - MOST_LINES)
    assert all(len(line) <= 301 for line in told("a.txt", "", "x" * 10_000))


def test_binary_files_have_no_lines() -> None:
    assert told("a.so", b"\x7fELF\0", b"\x7fELF\0\1") == ()


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("model.safetensors", "safetensors", "tensors"),
        ("model.safetensors.index.json", "json", "files"),
        ("pytorch_model.bin", "text", "tensors"),
        ("tokenizer_config.json!/chat_template", "chat-template", "template"),
        ("chat_template.jinja", "text", "template"),
        ("tokenizer.json", "json", "tokenizer"),
        ("special_tokens_map.json", "json", "tokenizer"),
        ("spiece.model", "sentencepiece", "tokenizer"),
        ("sub/config.json", "model-config", "config"),
        ("modeling_x.py", "text", "code"),
        ("run", "elf", "code"),
        ("README.md", "markdown", "files"),
        ("weights", "hdf5", "tensors"),
    ],
)
def test_every_file_is_of_one_aspect(name: str, kind: str, expected: str) -> None:
    assert aspect(name, kind) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tokenizer_config.json!/chat_template", "chat_template"),
        ("tokenizer_config.json!/chat_template.default", "chat_template"),
        ("tokenizer_config.json!/chat_template.tool_use", "chat_template.tool_use"),
        ("model.gguf!/tokenizer.chat_template", "chat_template"),
        ("model.gguf!/tokenizer.chat_template.rag", "chat_template.rag"),
        ("chat_template.jinja", "chat_template"),
        ("additional_chat_templates/rag.jinja", "chat_template.rag"),
        ("prompts/other.jinja", "prompts/other.jinja"),
    ],
)
def test_a_template_has_its_own_name_wherever_it_stands(name: str, expected: str) -> None:
    assert called(name, "template") == expected


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("model.safetensors", "safetensors", ""),
        ("unet/model.safetensors", "safetensors", "unet/"),
        ("all.tar.gz!/unet/model.safetensors", "safetensors", "unet/"),
        ("sub/w.npz!/a.npy", "npy", "sub/"),
        ("w.npz!/a.npy", "npy", ""),
        ("sub/a.npy", "npy", "sub/"),
    ],
)
def test_a_tensor_has_the_folder_of_its_file(name: str, kind: str, expected: str) -> None:
    assert folder(name, kind) == expected

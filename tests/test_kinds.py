"""Recognition by content: a wrong name hides nothing, and no pickle is called text."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probatum.formats.folder_names import promised
from probatum.formats.kinds import PICKLES, is_loadable_start, kind_of
from probatum.formats.pickle_start import TORCH_MAGIC, Start, Walk
from probatum.material import BytesMaterial

CALL = b"cbuiltins\nprint\n(S'hello'\ntR."


def kind(data: bytes, name: str = "sample", parent: str | None = None) -> str:
    return kind_of(name, BytesMaterial(data), parent)


def zip_of(*names: str, data: bytes = b"x") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, data)
    return held.getvalue()


def tar_of(*names: str) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return held.getvalue()


def safetensors(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


def field(number: int, data: bytes) -> bytes:
    return bytes((number << 3 | 2, len(data))) + data


ONNX = b"\x08\x08" + field(2, b"maker") + field(7, field(2, b"g")) + field(8, b"\x10\x11")
NODE = field(1, field(1, b"name") + field(2, b"Const"))
PE = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(20)

BY_CONTENT = [
    ("empty", b""),
    ("zip", zip_of("a.txt")),
    ("torch-zip", zip_of("m/data.pkl", "m/data/0", "m/version")),
    ("torchscript", zip_of("m/data.pkl", "m/constants.pkl", "m/code/a.py")),
    ("npz", zip_of("a.npy", "b.npy")),
    ("keras", zip_of("config.json", "metadata.json", "model.weights.h5")),
    ("skops", zip_of("schema.json", "1.npy")),
    ("mar", zip_of("MAR-INF/MANIFEST.json", "m.pt")),
    ("nemo", tar_of("./model_config.yaml", "./model_weights.ckpt")),
    ("torch-tar", tar_of("sys_info", "pickle", "storages", "tensors")),
    ("tar", tar_of("a.txt")),
    ("tar", tar_of("N.")),
    ("gzip", gzip.compress(b"x")),
    ("bzip2", bz2.compress(b"x")),
    ("xz", lzma.compress(b"x")),
    ("xz", lzma.compress(b"x", lzma.FORMAT_ALONE)),
    ("zlib", zlib.compress(b"some text, and more of it")),
    ("pyc", b"\xcb\r\r\n" + bytes(12) + b"\xe3" + bytes(8)),
    ("zstd", b"\x28\xb5\x2f\xfd\x00"),
    ("lz4", b"\x04\x22\x4d\x18\x40"),
    ("7z", b"7z\xbc\xaf\x27\x1c\x00\x04"),
    ("torch-raw", pickle.dumps(TORCH_MAGIC, 2) + pickle.dumps(1001, 2)),
    ("torch-raw", pickle.dumps(TORCH_MAGIC, 0) + pickle.dumps(1001, 0)),
    ("torch-raw", pickle.dumps(TORCH_MAGIC, 4) + pickle.dumps(1001, 4)),
    ("joblib", b"\x80\x04\x8c\x13joblib.numpy_pickle\x8c\x11NumpyArrayWrapper\x93)\x81"),
    ("npy", b"\x93NUMPY\x01\x00v\x00{"),
    ("safetensors", safetensors(b'{"a":1}')),
    ("gguf", b"GGUF\x03\0\0\0" + bytes(16)),
    ("hdf5", b"\x89HDF\r\n\x1a\n" + bytes(20)),
    ("hdf5", bytes(512) + b"\x89HDF\r\n\x1a\n" + bytes(20)),
    ("onnx", ONNX),
    ("saved-model", b"\x08\x01" + field(2, field(1, b""))),
    ("saved-model", NODE + NODE),
    ("coreml", b"\x08\x01" + field(2, b"") + b"\xa2\x1f\x01x"),
    ("tflite", b"\x20\0\0\0TFL3" + bytes(8)),
    ("executorch", b"\x20\0\0\0ET12" + bytes(8)),
    ("tensorrt", b"ptrt\0\0\0\0"),
    ("openvino-xml", b'<?xml version="1.0"?>\n<!-- c --><net name="m" version="11">'),
    ("pmml", b'<!DOCTYPE a [<!ENTITY x "y">]>\n<PMML version="4.4">'),
    ("pmml", '<?xml version="1.0"?><p:PMML>'.encode("utf-16")),
    ("msgpack", b"\x81\xa6params\x81\xa1w\x01"),
    ("msgpack", b"\xde\x00\x01\xa6params\x80"),
    ("xgboost-json", b'{"learner":{"attributes":{}},"version":[2,1,0]}'),
    ("xgboost-ubj", b"{L\0\0\0\0\0\0\0\x07learner{"),
    ("lightgbm-text", b"tree\nversion=v4\nnum_class=1\n"),
    ("catboost", b"CBM1\0\0\0\0"),
    ("rds", b"X\n\0\0\0\x03\0\x04\x03\x02"),
    ("rds", b"RDX3\nX\n\0\0\0\x03"),
    ("torch7", b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1\x08\0\0\0nn.Model"),
    ("elf", b"\x7fELF\x02\x01\x01" + bytes(60)),
    ("pe", PE),
    ("macho", b"\xcf\xfa\xed\xfe" + bytes(30)),
    ("macho", b"\xca\xfe\xba\xbe\0\0\0\x02" + bytes(30)),
    ("llamafile", b"MZqFpD='\n\n" + bytes(60)),
    ("shell-script", b"#!/bin/sh\nexit\n"),
    ("python", b"#!/usr/bin/env python3\n"),
    ("image", b"\x89PNG\r\n\x1a\n" + bytes(9)),
    ("notebook", b'{"cells": [], "nbformat": 4}'),
    ("json", b'[{"a": 1}]'),
    ("text", b"some words\n"),
    ("text", b"vocab\nwords\n"),
    ("unknown", b"\x01\x02\x03\x00\xff"),
    ("zip", b"\x01\x00 unknown bytes" + zip_of("a.txt")),
    ("zip", b"plain text before it\n" + zip_of("a.txt")),
]


@pytest.mark.parametrize(("expected", "data"), BY_CONTENT)
def test_content_tells_the_kind(expected: str, data: bytes) -> None:
    assert kind(data) == expected


@pytest.mark.parametrize(
    "name", ["a.txt", "a.bin", "a.safetensors", "config.json", "README.md", "a"]
)
@pytest.mark.parametrize("protocol", range(6))
def test_a_wrong_name_hides_no_pickle(name: str, protocol: int) -> None:
    assert kind(pickle.dumps({"a": [1.5, "b" * 300]}, protocol), name) == "pickle"
    assert kind(CALL, name) == "pickle"


@pytest.mark.parametrize(
    ("expected", "name", "data"),
    [
        ("model-config", "config.json", b'{"model_type": "x"}'),
        ("model-config", "generation_config.json", b"{}"),
        ("model-config", "preprocessor_config.json", b"{}"),
        ("tokenizer-config", "tokenizer_config.json", b"{}"),
        ("json", "tokenizer.json", b"{}"),
        ("yaml", "conf.yaml", b"a: 1\n"),
        ("yaml", "conf.yml", b'{"_target_": "x"}'),
        ("chat-template", "chat_template.jinja", b"{{ x }}"),
        ("chat-template", "chat_template.jinja", b"{% if x %}"),
        ("markdown", "README.md", b"# hello\n"),
        ("python", "modeling.py", b"import os\n"),
        ("saved-model", "saved_model.pb", b"\xff\xff"),
        ("safetensors", "a.safetensors", b"\xff\xff"),
        ("pickle", "pytorch_model.bin", bytes(20)),
        ("pickle", "a.pkl", b"hello"),
        ("text", "a.txt", b"I think so.\n"),
        ("llamafile", "a.llamafile", b"\x7fELF" + bytes(20)),
        ("markdown", "README.md", b"[a](b)\n"),
        ("markdown", "README.md", b"Kernel User Note Generated (c) } ] )\n"),
    ],
)
def test_the_name_breaks_ties(expected: str, name: str, data: bytes) -> None:
    assert kind(data, f"folder/{name}") == expected


def test_a_torch_archive_decides_what_its_members_are() -> None:
    for name in ("m/data.pkl", "m/constants.pkl"):
        assert kind(b"\x7fELF", f"a.pt!/{name}", "torch-zip") == "torch-pickle"
    assert kind(b"\x80\x02.", "a.tar!/storages", "torch-tar") == "torch-tar-pickle"


def test_the_configuration_in_a_keras_archive_is_not_a_transformers_one() -> None:
    assert kind(b'{"class_name": "Functional"}', "m.keras!/config.json", "keras") == "json"


@pytest.mark.parametrize("length", [0x2E4E, 0x0280, 0x4E2E])
def test_a_header_length_that_reads_like_opcodes_is_still_safetensors(length: int) -> None:
    header = json.dumps({"a": "b"}).encode().ljust(length)
    assert kind(safetensors(header), "model.safetensors") == "safetensors"


def test_a_pickle_shaped_like_a_short_magic_number_is_a_pickle() -> None:
    for prefix in (b"GGUF\x03\0\0\0\x010", b"BM\x0a\0\0", b"X\n\0\0\0" + bytes(10) + b"0"):
        if prefix[:1] != b"B":
            assert kind(prefix + CALL, "a.gguf") == "pickle"


def test_a_pickle_is_recognised_whatever_stands_behind_it() -> None:
    assert kind(CALL + b"# words and words", "notes.txt") == "pickle"
    assert kind(CALL[:-1] + b"\0\0\0", "notes.txt") == "pickle"
    assert kind(CALL + zip_of("a"), "a.zip") == "pickle"


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (b"cat\ndog\n", Start.IMPORTS),
        (b"words", Start.NONE),
        (b"]q\x00.", Start.DATA),
        (b"I\n.", Start.DATA),
        (b"I0x10\n.", Start.DATA),
        (b"(cos\nsystem\no", Start.CALLS),
        (b"(ios\nsystem\n", Start.CALLS),
        (b"N" * 90, Start.LONG),
        (b"R", Start.NONE),
        (b"(.", Start.NONE),
    ],
)
def test_a_walk_says_how_far_a_pickle_machine_gets(data: bytes, start: Start) -> None:
    assert Walk(data, len(data)).start == start


def test_numbers_are_seldom_taken_for_a_file() -> None:
    assert not is_loadable_start(bytes(512), 4000)
    assert is_loadable_start(CALL, len(CALL))
    assert is_loadable_start(pickle.dumps(print), 4000)
    assert is_loadable_start(b"\x7fELF" + bytes(90), 4000)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(PLAIN, st.integers(0, 5), st.sampled_from(["a.txt", "config.json", "a.png", "a"]))
@example(print, 0, "a.txt")
@example(print, 4, "a.txt")
def test_every_pickle_is_recognised(value: object, protocol: int, name: str) -> None:
    assert kind(pickle.dumps(value, protocol), name) in PICKLES


@given(
    st.lists(
        st.sampled_from(list(b"(012NRabdelstou}])QK\x01\x81\x85\x90\x93\x94\nSVIcg'")) | st.just(46)
    )
)
def test_any_opcodes_can_be_walked(codes: list[int]) -> None:
    assert Walk(bytes(codes), len(codes)).end <= len(codes)


@given(st.binary(max_size=2000), st.sampled_from(["a.bin", "config.json", "a", "a.onnx"]))
def test_any_bytes_have_a_kind(data: bytes, name: str) -> None:
    assert kind(data, name)


@given(st.sampled_from([data for _, data in BY_CONTENT if data]), st.data())
def test_changed_bytes_have_a_kind(data: bytes, drawn: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(drawn.draw(st.integers(1, 5))):
        at = drawn.draw(st.integers(0, len(changed) - 1))
        changed[at] = drawn.draw(st.integers(0, 255))
    assert kind(bytes(changed[: drawn.draw(st.integers(1, len(changed)))]))


def test_bare_numbers_beside_a_graph_are_no_pickle_by_name() -> None:
    data = bytes(range(200, 256)) * 3
    beside = frozenset({"openvino_model.xml", "openvino_model.bin"})
    assert kind_of("m/openvino_model.bin", BytesMaterial(data, beside)) == "raw-weights"
    assert kind(data, "m.mlpackage/Data/com.apple.CoreML/weights/weight.bin") == "raw-weights"
    assert kind(data, "weight.bin") == "pickle"
    pickled = BytesMaterial(pickle.dumps([1]), beside)
    assert kind_of("openvino_model.bin", pickled) == "pickle"


def test_other_xml_is_text() -> None:
    assert kind(b"<annotation><a/></annotation>", "labels.xml") == "text"
    assert kind(b"<net><a/></net>", "labels.xml") == "openvino-xml"


def test_names_promise_kinds() -> None:
    assert promised("model.safetensors") == "safetensors"
    assert promised(".bin") is None
    assert promised("adapter_config.json") == "model-config"


def _raw_vector_that_runs() -> bytes:
    """An R file: a pickle machine takes R's numbers for the lengths of two strings."""
    start = b"X\n" + (2).to_bytes(4) + (0x30500).to_bytes(4) + (0x20300).to_bytes(4) + b"\0X\0\x18"
    content = (20_000).to_bytes(4) + b"z" * (0x1800 - 2) + b"0" + CALL
    return start + content.ljust(20_004, b"z")


def _deflated_text_that_runs() -> bytes:
    """A zlib stream: two empty blocks, and stored ones whose lengths are UTF-8 as well."""
    start, room = b"\x58\x09\x02\x08\x00", 0x5520
    text = b"0123456\n" * 70_000
    pieces, at = [], 0
    call_at = (0x80209 + 5) - len(start) - 4
    for number in range(25):
        block = bytearray(text[at : at + room])
        place = call_at - number * (room + 5)
        if 0 <= place < room - len(CALL):
            block[place : place + len(CALL)] = CALL
        pieces.append((b"\0" if number else b"") + b"\x20\x55\xdf\xaa" + bytes(block))
        at += room
    return start + b"".join(pieces)


LONG_STRING = b"0X" + (6000).to_bytes(4, "little") + b"y" * 6000 + b"0"
RUNS_AND_LOOKS_LIKE = {
    "rds": _raw_vector_that_runs(),
    "zlib": _deflated_text_that_runs(),
    "tar": tar_of(CALL.decode()),
    "tar of a later protocol": (b"\x80\x02" + CALL).ljust(100, b"\0") + tar_of("x")[100:],
    "catboost": b"CBM1" + b"x" * 64 + LONG_STRING + CALL,
    "executorch": b"C\x20\0\0ET12" + b"x" * 26 + LONG_STRING + CALL,
    "catboost, an octal number": b"CBM1" + b"x" * 64 + LONG_STRING + b"I0o7\n0" + CALL,
    "catboost, a NUL in a number": b"CBM1" + b"x" * 64 + LONG_STRING + b"I7\0no\n0" + CALL,
    "catboost, a long line": b"CBM1" + b"x" * 64 + b"0V" + b"y" * 9000 + b"\n0" + CALL,
}


@pytest.mark.parametrize("looks", RUNS_AND_LOOKS_LIKE)
def test_what_a_pickle_machine_runs_is_a_pickle_whatever_else_it_is(
    looks: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = RUNS_AND_LOOKS_LIKE[looks]
    pickle.loads(data)
    assert capsys.readouterr().out == "hello\n"
    assert kind(data) == kind(data, "model.rds") == "pickle"


def test_a_tar_that_torch_reads_as_its_old_streams_is_one_of_them() -> None:
    magic = b"L%d\n." % TORCH_MAGIC
    assert kind(tar_of((magic + b"I1001\n." + CALL).decode())) == "torch-raw"


FILLED = safetensors(b'{"t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}' + b" " * 11)


def test_a_loader_that_goes_by_the_name_finds_the_zip_that_ends_a_tensor_file() -> None:
    data = FILLED + zip_of("config.json", "metadata.json")
    assert kind(data, "m.safetensors") == "safetensors"
    assert kind(data, "m.keras") == "keras"
    assert kind(FILLED + zip_of("schema.json"), "m.skops") == "skops"
    assert kind(FILLED + zip_of("m/constants.pkl", "m/code/a.py"), "m.pt") == "torchscript"


def test_a_loader_that_goes_by_the_name_finds_the_hdf5_behind_another_start() -> None:
    for start in (zip_of("a.txt"), FILLED):
        data = start.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n"
        assert kind(data, "m.h5") == "hdf5"
    assert kind(CALL.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n", "m.h5") == "pickle"


@pytest.mark.parametrize("name", ["m.onnx", "m.mlmodel", "saved_model.pb"])
def test_a_file_named_as_a_protocol_buffer_is_parsed_as_one(name: str) -> None:
    for data in (FILLED, b"GGUF" + bytes(40), zlib.compress(b"x" * 100), tar_of("x")):
        assert kind(data, name) == promised(name)


def test_deflated_text_that_joblib_would_unfold_is_no_text() -> None:
    assert zlib.decompressobj().decompress(b"x^KLJN") == b"abc"
    assert kind(b"x^KLJN") == "zlib"
    assert kind(b"ZF" + b"10".ljust(19) + b"x^KLJN") == "zlib"
    assert kind(b"x = 1\n") == kind(b"ZF is a company") == "text"


@pytest.mark.parametrize("suffix", ["pyw", "vbs", "hta", "desktop", "zsh"])
def test_what_a_system_runs_by_its_suffix_is_no_plain_text(suffix: str) -> None:
    assert kind(b"import os\n", f"m.{suffix}") == ("python" if suffix == "pyw" else "shell-script")


@pytest.mark.parametrize("name", [b"my-module", b"my module", b"a/b", "überlauf".encode()])
def test_a_pickle_that_imports_what_is_no_identifier_is_a_pickle(name: bytes) -> None:
    data = b"c" + name + b"\nrun\n(tR."
    assert kind_of("notes", BytesMaterial(data)) == "pickle"


def test_a_number_before_a_long_line_hides_no_pickle() -> None:
    data = b"I1\0" + b" " * (2 << 20) + b"\ncos\nsystem\n(S'id'\ntR."
    assert kind_of("notes", BytesMaterial(data)) == "pickle"


def test_bytes_that_only_begin_like_an_import_are_no_pickle() -> None:
    assert kind_of("weights", BytesMaterial(b"c\xff\xfe\xfd\n\x81\x82\n\x90\x91")) == "unknown"


def test_an_archive_behind_a_line_for_python_is_an_archive() -> None:
    held = io.BytesIO(b"#!/usr/bin/env python3\n")
    held.seek(0, 2)
    with zipfile.ZipFile(held, "a") as archive:
        archive.writestr("schema.json", "{}")
    assert kind_of("model.skops", BytesMaterial(held.getvalue())) == "skops"
    assert kind_of("train.py", BytesMaterial(b"#!/usr/bin/env python3\n")) == "python"


def test_lines_that_begin_like_imports_are_text() -> None:
    lines = b"complete -c lsof -s b -d 'no blocking'\n" * 200
    assert kind_of("notes", BytesMaterial(lines)) == "text"

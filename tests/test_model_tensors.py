"""The digests of tensors: one for each content, in whatever format, by either of two readers."""

import contextlib
import io
import random
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assemble import assembled
from models import TENSORS, Written, floats, gguf, model, safetensors
from probatum.check import model_items
from probatum.cli.main import main
from probatum.comparison import tensors as one_tensor
from probatum.comparison import weights
from probatum.comparison.differences import SAME, differences
from probatum.comparison.measures import _EIGHT, _eight, measured
from probatum.comparison.record import Item, Lost, Record
from probatum.comparison.tensors import Tensor, contiguous, digest, pieces
from probatum.errors import FormatError, Rejected
from probatum.material import BytesMaterial
from protobuf_writer import part, whole
from torch_archives import TENSOR, archive

Told = dict[str, tuple[str, tuple[int, ...], str]]


def first(kind: str, data: bytes) -> Told:
    found = weights.tensors(kind, "x", BytesMaterial(data))
    return {one.name: (one.dtype, one.shape, digest(one)) for one in found}


def second(kind: str, data: bytes) -> Told:
    found = model_items.tensors(kind, "x", BytesMaterial(data).read, len(data))
    return {name: (dtype, shape, told) for name, dtype, shape, told in found}


def npy(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def torch_file(tensors: Written, *, big: bool = False) -> bytes:
    """What torch.save writes of a state dict of flat tensors of floats."""
    steps = []
    records = {"version": b"3\n"} | ({"byteorder": b"big"} if big else {})
    for number, (name, (_, shape, data)) in enumerate(tensors.items()):
        count = len(data) // 4
        made = TENSOR.format(
            type="FloatStorage", key=number, count=count, offset=0, length=count, step=1
        )
        assert len(shape) == 1
        steps.append(f"BINUNICODE '{name}'\n{made}")
        values = struct.unpack(f"<{count}f", data)
        records[f"data/{number}"] = struct.pack(f">{count}f", *values) if big else data
    text = "PROTO 2\nEMPTY_DICT\nMARK\n" + "\n".join(steps) + "\nSETITEMS\nSTOP"
    return archive({"data.pkl": assembled(text), **records})


FLAT: Written = {
    name: (dtype, (len(data) // 4,), data) for name, (dtype, _, data) in TENSORS.items()
}


def test_every_format_and_reader_gives_one_digest() -> None:
    expected = first("safetensors", safetensors(FLAT))
    assert len(expected) == 3
    files = {
        "safetensors": safetensors({name: FLAT[name] for name in reversed(FLAT)}),
        "gguf": gguf(FLAT, {"F32": 0}, "hello"),
        "torch-zip": torch_file(FLAT),
    }
    for kind, data in files.items():
        assert first(kind, data) == expected, kind
        assert second(kind, data) == expected, kind
    assert first("torch-zip", torch_file(FLAT, big=True)) == expected
    assert second("torch-zip", torch_file(FLAT, big=True)) == expected


@pytest.mark.parametrize("code", ["<f4", ">f4", "<i8", ">u2", "|b1", "<c8", ">c16", "|u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numpy_files_of_any_order_and_byte_order_have_one_digest(code: str, order: str) -> None:
    plain = np.arange(24).reshape(2, 3, 4).astype(code)
    native = npy(np.ascontiguousarray(plain.astype(plain.dtype.newbyteorder("<"))))
    data = npy(np.asarray(plain, order="F" if order == "F" else "C"))
    assert first("npy", data) == second("npy", data) == first("npy", native)


def test_data_type_and_shape_are_part_of_it() -> None:
    raw = floats(1, 2, 3, 4)
    files = [("F32", (4,)), ("F32", (2, 2)), ("I32", (4,)), ("F32", (4, 1)), ("BF16", (8,))]
    found = {
        first("safetensors", safetensors({"w": (dtype, shape, raw)}))["w"][2]
        for dtype, shape in files
    }
    assert len(found) == len(files)


@given(
    shape=st.lists(st.integers(0, 4), max_size=4).map(tuple),
    seed=st.integers(0, 1000),
    width=st.sampled_from([1, 2, 4, 8]),
)
def test_strides_are_undone(shape: tuple[int, ...], seed: int, width: int) -> None:
    axes = list(range(len(shape)))
    random.Random(seed).shuffle(axes)
    stored = np.arange(int(np.prod(shape))).astype(f"<u{width}").reshape([shape[a] for a in axes])
    seen = stored.transpose(np.argsort(axes)) if axes else stored
    steps = tuple(step // width for step in seen.strides)
    material = BytesMaterial(stored.tobytes())
    one = Tensor(
        name="w", dtype=f"U{8 * width}", shape=seen.shape, material=material, start=0,
        size=seen.nbytes, width=width, strides=() if contiguous(seen.shape, steps) else steps,
    )  # fmt: skip
    assert b"".join(pieces(one, 7)) == np.ascontiguousarray(seen).tobytes()


SEEDS = {
    "safetensors": safetensors(TENSORS),
    "gguf": gguf(TENSORS, {"F32": 0}, "hello"),
    "torch-zip": torch_file(FLAT),
    "npy": npy(np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3))),
}


@pytest.mark.parametrize("kind", SEEDS)
@given(data=st.data())
def test_readers_never_fail_in_another_way_and_never_part(kind: str, data: st.DataObject) -> None:
    mutant = bytearray(SEEDS[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    told: list[Told] = []
    with contextlib.suppress(FormatError):
        told.append(first(kind, bytes(mutant)))
    with contextlib.suppress(Rejected):
        told.append(second(kind, bytes(mutant)))
    assert len(told) < 2 or told[0] == told[1]


@pytest.mark.parametrize("kind", SEEDS)
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_by_name(kind: str, data: bytes) -> None:
    with contextlib.suppress(FormatError):
        first(kind, data)
    with contextlib.suppress(Rejected):
        second(kind, data)


def test_a_pickle_that_runs_something_tells_no_tensors() -> None:
    text = "PROTO 2\nGLOBAL os system\nBINUNICODE 'true'\nTUPLE1\nREDUCE\nSTOP"
    data = archive({"data.pkl": assembled(text), "version": b"3\n"})
    with pytest.raises(FormatError, match=r"os\.system"):
        first("torch-zip", data)
    with pytest.raises(Rejected):
        second("torch-zip", data)


def test_a_tensor_in_another_order_is_moved_only_if_it_is_small() -> None:
    one = Tensor(
        name="w", dtype="F32", shape=(1 << 20, 1 << 20), material=BytesMaterial(bytes(8)),
        start=0, size=4 << 40, width=4, strides=(0, 0),
    )  # fmt: skip
    with pytest.raises(FormatError, match="too large"):
        digest(one)


def test_a_tensor_of_any_size_is_read_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    class Counting(BytesMaterial):
        def read(self, offset: int, length: int) -> bytes:
            sizes.append(length)
            return super().read(offset, length)

    one = Tensor(
        name="w", dtype="U8", shape=(5 << 20,), material=Counting(bytes(5 << 20)), start=0,
        size=5 << 20, width=1,
    )  # fmt: skip
    digest(one)
    assert max(sizes) <= one_tensor.PIECE


def test_files_of_npz_archives_are_tensors_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = {"a": np.arange(4, dtype="<f4"), "b": np.ones((2, 2), dtype="<i2")}
    np.savez(tmp_path / "one.npz", **arrays)
    np.savez_compressed(tmp_path / "two.npz", **arrays)
    paths = [str(tmp_path / name) for name in ("one.npz", "two.npz")]
    assert main(["compare", *paths, "--prove", "-q", "--must-equal", "tensors"]) == 0
    assert "proven     tensors    2 tensors" in capsys.readouterr().out


def item(name: str, digest: str, file: str) -> Item:
    return Item(aspect="tensors", name=name, digest=digest, file=file)


@given(
    st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("xyz"), st.sampled_from("fg"))),
    st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("xyz"), st.sampled_from("fg"))),
)
def test_what_is_the_same_has_the_same_contents_under_the_same_names(
    one: list[tuple[str, str, str]], other: list[tuple[str, str, str]]
) -> None:
    records = [
        Record(source="m", items=tuple(item(*each) for each in items)) for items in (one, other)
    ]
    tensors = differences(*records)[0]
    told = {(name, digest) for name, digest, _ in one} == {
        (name, digest) for name, digest, _ in other
    }
    if tensors.state == SAME:
        assert told
    if {*one} == {*other}:
        assert tensors.state == SAME


def test_two_files_that_swap_what_they_have_are_not_the_same() -> None:
    one = Record(source="m", items=(item("w", "x", "f"), item("w", "y", "g")))
    other = Record(source="m", items=(item("w", "y", "f"), item("w", "x", "g")))
    assert [change.how for change in differences(one, other)[0].changes] == ["changed", "changed"]


def test_a_link_that_becomes_a_template_is_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    (other / "chat_template.jinja").symlink_to("README.md")
    assert main(["compare", str(base), str(other), "-q", "--prove"]) == 1
    assert "+ chat_template" in capsys.readouterr().out


def test_parts_in_folders_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, parts in (("a", ("unet", "vae")), ("b", ("vae", "unet"))):
        for inner, value in zip(parts, (1.0, 2.0), strict=True):
            folder = tmp_path / name / inner
            folder.mkdir(parents=True)
            data = safetensors({"w": ("F32", (1,), floats(value))})
            (folder / "model.safetensors").write_bytes(data)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "-q"]) == 1
    assert "unet/w" in capsys.readouterr().out


def test_a_model_in_an_archive_is_read_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = model(tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as made:
        made.write(base / "model.safetensors", "model.safetensors")
    paths = [str(base), str(tmp_path / "b.zip")]
    assert main(["compare", *paths, "-q", "--must-equal", "tensors"]) == 0


@pytest.mark.parametrize("dtype", _EIGHT)
def test_eight_bit_floats_count_up(dtype: str) -> None:
    values = [_eight(byte, *_EIGHT[dtype]) for byte in range(128)]
    finite = [value for value in values if value == value and value != float("inf")]
    assert finite == sorted(finite)
    assert max(finite) == {
        "F8_E4M3": 448.0, "F8_E5M2": 57344.0, "F8_E4M3FNUZ": 240.0, "F8_E5M2FNUZ": 57344.0,
    }[dtype]  # fmt: skip


@given(
    st.lists(
        st.tuples(st.floats(width=32, allow_nan=False), st.floats(width=32)), min_size=1, max_size=9
    )
)
def test_a_measure_never_calls_other_values_the_same(pairs: list[tuple[float, float]]) -> None:
    def tensor(values: list[float]) -> Tensor:
        data = floats(*values)
        return Tensor(
            name="w", dtype="F32", shape=(len(values),), material=BytesMaterial(data), start=0,
            size=len(data), width=4,
        )  # fmt: skip

    found = measured(tensor([one for one, _ in pairs]), tensor([other for _, other in pairs]))
    assert found.changed == sum(one != other for one, other in pairs)
    assert found.largest < float("inf")


def graph(*content: bytes) -> bytes:
    return whole(1, 8) + part(8, part(1, ""), whole(2, 13)) + part(7, *content)


def test_initialisers_of_onnx_have_the_same_digests_and_its_graph_is_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = whole(1, 2) + whole(1, 2) + whole(2, 1) + part(8, "w")
    initialiser = part(5, about, part(9, floats(1, 2, 3, 4)))
    packed = part(5, about, part(4, floats(1, 2, 3, 4)))
    expected = first("safetensors", safetensors({"w": ("F32", (2, 2), floats(1, 2, 3, 4))}))
    assert first("onnx", graph(initialiser)) == first("onnx", graph(packed)) == expected
    (tmp_path / "a.onnx").write_bytes(graph(initialiser))
    (tmp_path / "b.onnx").write_bytes(graph(initialiser, part(2, "other")))
    paths = [str(tmp_path / name) for name in ("a.onnx", "b.onnx")]
    assert main(["compare", *paths, "-q", "--must-equal", "tensors"]) == 0
    assert main(["compare", *paths, "-q", "--must-equal", "code"]) == 1
    assert "differs    code" in capsys.readouterr().out


def test_what_is_missing_from_a_model_that_was_not_read_whole_is_not_called_removed() -> None:
    lost = (Lost("tensors", "g", "malformed", "cut short", "00"),)
    whole = Record(source="m", items=(item("v", "x", "f"), item("w", "y", "g")))
    cut = Record(source="m", items=(item("v", "x", "f"),), lost=lost)
    for records in ((whole, cut), (cut, whole)):
        tensors = differences(*records)[0]
        assert (tensors.state, tensors.changes) == ("undecided", ())
    added = Record(source="m", items=(item("v", "z", "f"), item("u", "z", "f")), lost=lost)
    tensors = differences(whole, added)[0]
    assert tensors.state == "differs"
    assert sorted(change.how for change in tensors.changes) == ["added", "changed"]


def test_a_file_that_torch_did_not_put_into_an_archive_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "PROTO 2\nEMPTY_DICT\nSTOP"
    records = {"data.pkl": assembled(text), "version": b"3\n", "byteorder": b"little"}
    (tmp_path / "a.pt").write_bytes(archive(records))
    (tmp_path / "b.pt").write_bytes(archive(records, root="other"))
    (tmp_path / "c.pt").write_bytes(archive(records | {"code/evil.py": b"import os\n"}))
    a, b, c = (str(tmp_path / f"{name}.pt") for name in "abc")
    main(["compare", a, b, "-q", "--must-equal", "code"])
    assert "none       code" in capsys.readouterr().out
    assert main(["compare", a, c, "-q", "--must-equal", "code"]) == 1
    assert "evil.py" in capsys.readouterr().out

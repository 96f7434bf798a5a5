"""The claim `one-format`: files that two loaders accept are never proven to be one."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.one_format import one_format
from probatum.audit.judge import judged
from probatum.audit.open import opened
from probatum.audit.opened import Caps
from probatum.check import one_format_names
from probatum.check.one_format import concerns
from probatum.formats.bound_names import fits
from probatum.formats.kinds import kind_of
from probatum.material import BytesMaterial
from probatum.vocabulary import (
    Artifact,
    Expected,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
)

HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(88)


def zipped(name: str = "a", data: bytes = b"x", method: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo(name), data, method)
    return held.getvalue()


def tarred(name: str = "a", data: bytes = b"x") -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        one = tarfile.TarInfo(name)
        one.size = len(data)
        archive.addfile(one, io.BytesIO(data))
    return held.getvalue()


def tensors(data: bytes = bytes(8), **more: object) -> bytes:
    entry = {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}
    header = json.dumps({**more, "w": entry}).encode()
    return struct.pack("<Q", len(header)) + header + data


def gguf(data: bytes = bytes(32)) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 0)
    head += struct.pack("<Q", 1) + b"w" + struct.pack("<IQIQ", 1, len(data), 24, 0)
    return head + bytes(-len(head) % 32) + data + bytes(-len(data) % 32)


def array(data: bytes = bytes(8)) -> bytes:
    text = repr({"descr": "|u1", "fortran_order": False, "shape": (len(data),)})
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text.encode() + b"\n" + data


def picture(data: bytes = b"") -> bytes:
    chunks = ((b"IHDR", bytes(13)), (b"teXt", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def onnx(data: bytes = b"") -> bytes:
    return b"\x08\x07" + b"\x32" + _varint(len(data)) + data + b"\x3a\x00"


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found, number = found + bytes([number & 127 | 128]), number >> 7
    return found + bytes([number])


HOSTS: dict[str, Callable[[bytes], bytes]] = {
    "zip": lambda data: zipped("data", data),
    "tar": lambda data: tarred("data", data),
    "gzip": lambda data: gzip.compress(data, 0, mtime=0),
    "safetensors": tensors,
    "gguf": gguf,
    "npy": array,
    "pickle": lambda data: pickle.dumps(data, 4),
    "image": picture,
    "onnx": onnx,
}
"""Each kind with a way to hold any bytes in one of its own fields."""

SAMPLES = {
    **{kind: (host(b"some bytes, and more of them"), kind) for kind, host in HOSTS.items()},
    "deflated": (zipped("a", b"a" * 99, zipfile.ZIP_DEFLATED), "zip"),
    "bzip2": (bz2.compress(b"words"), "bzip2"),
    "xz": (lzma.compress(b"words"), "xz"),
    "zlib": (zlib.compress(b"words" * 9), "zlib"),
    "pickles": (pickle.dumps([1]) + pickle.dumps({"a": 2.5}), "pickle"),
    "calls": (b"cnumpy\ndtype\n(S'f8'\ntR.", "pickle"),
    "msgpack": (b"\x82\xa1a\x01\xa1b\xc3", "msgpack"),
    "text": (b'<net name="n" version="11"><layers/></net>', "openvino-xml"),
}


@pytest.mark.parametrize(("data", "kind"), SAMPLES.values(), ids=SAMPLES)
def test_an_honest_file_is_proven_and_every_mutant_of_the_proof_is_rejected(
    data: bytes, kind: str
) -> None:
    certificate = certificate_of(one_format, data, kind)
    assert_every_mutant_is_rejected(certificate, data, range(len(data)))


def test_a_large_files_middle_is_not_read_and_its_end_is_bound() -> None:
    data = tensors(bytes(300_000))
    certificate = certificate_of(one_format, data, "safetensors")
    for at in (0, 40, len(data) - 60_000, len(data) - 1):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert_rejected(certificate, changed, f"byte {at}")
    marked = bytearray(data)
    marked[131072 : 131072 + 8] = HDF5[:8]
    assert_rejected(certificate, bytes(marked), "a second format in the middle")
    assert isinstance(verdict_on(one_format, bytes(marked), "safetensors"), Refuted)


# --- The law of polyglots --------------------------------------------------------------------


def _opens(open: Callable[[io.BytesIO], object], data: bytes) -> bool:
    try:
        open(io.BytesIO(data))
    except Exception:
        return False
    return True


def _untars(data: bytes) -> bool:
    return _opens(lambda file: tarfile.open(fileobj=file, mode="r:").next(), data)


class _Guarded(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        raise pickle.UnpicklingError(f"{module}.{name} is not imported")


def _unpickles(data: bytes) -> bool:
    return _opens(lambda file: _Guarded(file).load(), data)


def _finds_hdf5(data: bytes) -> bool:
    places = [0, *(1 << power for power in range(9, 40))]
    return any(data.startswith(HDF5[:8], at) for at in places if at < len(data))


def _reads_tensors(data: bytes) -> bool:
    stop = 8 + int.from_bytes(data[:8], "little")
    return stop <= len(data) and _opens(lambda file: json.loads(file.read()[8:stop]), data)


def _begins(magic: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(magic)


LOADERS: dict[str, Callable[[bytes], bool]] = {
    "zip": lambda data: zipfile.is_zipfile(io.BytesIO(data)),
    "tar": _untars,
    "pickle": _unpickles,
    "hdf5": _finds_hdf5,
    "safetensors": _reads_tensors,
    "gguf": _begins(b"GGUF\x03\0\0\0"),
    "npy": _begins(b"\x93NUMPY"),
    "image": _begins(b"\x89PNG\r\n\x1a\n"),
    "gzip": _begins(b"\x1f\x8b\x08"),
    "pdf": lambda data: b"%PDF-" in data[:1024],
}
GUESTS = {
    **{kind: host(b"words") for kind, host in HOSTS.items()},
    "hdf5": HDF5,
    "program": b"\x7fELF" + bytes(60),
    "pdf": b"%PDF-1.4\n%%EOF\n",
    "page": b"<html></html>\n",
}


def joins(host: str, guest: bytes, pad: int) -> tuple[bytes, ...]:
    """The guest before, behind and inside the host, at this distance from its place."""
    plain = HOSTS[host](b"words")
    return (
        guest + plain,
        guest + bytes(pad) + plain,
        plain + guest,
        plain + bytes(pad) + guest,
        HOSTS[host](guest),
        HOSTS[host](bytes(pad) + guest),
        HOSTS[host](guest + bytes(pad)),
    )


def assert_not_proven_twice(data: bytes, name: str = "") -> None:
    accepting = [loader for loader, accepts in LOADERS.items() if accepts(data)]
    if len(accepting) < 2:
        return
    kind = kind_of(name, BytesMaterial(data))
    verdict = verdict_on(one_format, data, kind)
    assert kind not in one_format.accepts or not isinstance(verdict, Proven), (kind, accepting)


@pytest.mark.parametrize(("host", "guest"), list(product(HOSTS, GUESTS)))
def test_no_file_that_two_loaders_accept_is_proven(host: str, guest: str) -> None:
    start = HOSTS[host](b"\xa5" * 16).find(b"\xa5" * 16)
    for pad in (1, 3, 32, 512, 512 - start % 512, 1024 - start % 512):
        for data in joins(host, GUESTS[guest], pad):
            assert_not_proven_twice(data)
            assert_not_proven_twice(data, f"model.{host}")


def test_the_generator_makes_files_that_two_loaders_accept() -> None:
    """The law would hold of nothing at all."""
    twice = [
        (host, guest)
        for host, guest in product(HOSTS, GUESTS)
        if any(
            sum(accepts(data) for accepts in LOADERS.values()) > 1
            for data in joins(host, GUESTS[guest], 512)
        )
    ]
    assert len(twice) > 20


@given(st.sampled_from(sorted(HOSTS)), st.lists(st.sampled_from(sorted(GUESTS)), max_size=3))
def test_no_pile_of_files_is_proven_where_two_loaders_accept_it(
    host: str, guests: list[str]
) -> None:
    pile = b"".join(GUESTS[guest] for guest in guests)
    for data in (HOSTS[host](pile), HOSTS[host](b"") + pile, pile + HOSTS[host](b"")):
        assert_not_proven_twice(data)


def test_a_tar_whose_first_name_is_another_formats_magic_is_not_proven() -> None:
    data = bytearray(tarred("GGUF" + "a" * 20, b"x"))
    assert kind_of("model.gguf", BytesMaterial(bytes(data))) == "tar"
    for kind in ("gguf", "npy", "catboost"):
        assert not isinstance(verdict_on(one_format, bytes(data), kind), Proven)


def test_tensors_that_are_an_onnx_model_as_well_are_not_proven() -> None:
    # 0x0a: a field of bytes, whose length is the second byte of the header's length.
    inner = b'{"__metadata__":{"a":"' + b"x" * 200
    hidden = inner[:66] + b":\x00" + inner[68:]
    found = struct.pack("<Q", 0x400A) + hidden
    verdict = verdict_on(one_format, found + bytes(0x4012 - len(found)), "safetensors")
    assert not isinstance(verdict, Proven)


# --- Names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "fit"),
    [
        ("a/model.safetensors", "safetensors", True),
        ("model.SAFETENSORS", "pickle", False),
        ("model.gguf", "safetensors", False),
        ("model.pkl", "torch-zip", True),
        ("model.pkl.gz", "gzip", True),
        ("old.gz", "zlib", True),
        ("weights.bin", "safetensors", True),
        ("model", "pickle", True),
        (".npy", "pickle", True),
        ("folder.npz/model", "pickle", True),
        ("checkpoint.pth.tar", "torch-raw", True),
        ("x.pt!/archive/tensor.onnx", "onnx", True),
        ("model.onnx", "pickle", False),
    ],
)
def test_a_suffix_binds_a_file_to_its_format(name: str, kind: str, fit: bool) -> None:
    assert fits(name, kind) is fit
    assert one_format_names.bears(name, kind) is fit


@given(st.sampled_from(sorted(one_format.accepts)), st.text("apkltzgufn5.hx/", max_size=9))
@example("hdf5", "x.h5")
def test_prover_and_checker_agree_on_every_name(kind: str, name: str) -> None:
    from probatum.formats import bound_names

    for suffix in (name, *bound_names._FITS):
        assert fits(f"model.{suffix}", kind) is one_format_names.bears(f"model.{suffix}", kind)


def test_a_certificate_of_another_name_or_kind_is_not_taken() -> None:
    data = pickle.dumps([1])
    facts = certificate_of(one_format, data, "pickle").facts
    said = [
        concerns(facts, Artifact(name=name, kind=kind, size=len(data)))
        for name, kind in (("m.pkl", "pickle"), ("m.npz", "pickle"), ("m.pkl", "joblib"))
    ]
    assert said[0] == ""
    assert "name" in said[1]
    assert "kind" in said[2]


# --- Bad input ---------------------------------------------------------------------------------


def whole(data: bytes, name: str) -> list[tuple[str, Verdict]]:
    return [
        (one.artifact.kind, judged(one_format, one.artifact, one.material))
        for one in opened(name, BytesMaterial(data), Caps())
        if one.artifact.kind in one_format.accepts
    ]


@settings(max_examples=300)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_what_is_proven_of_changed_bytes_also_checks(name: str, data: st.DataObject) -> None:
    found, kind = bytearray(SAMPLES[name][0]), SAMPLES[name][1]
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(found) - 1))
        found[at] = data.draw(st.integers(0, 255))
    tail = data.draw(st.binary(max_size=4))
    changed = bytes(found) + tail
    verdict = verdict_on(one_format, changed, kind)
    assert isinstance(verdict, Proven | Refuted | Undecided)
    if isinstance(verdict, Proven):
        check(verdict.certificate, changed)


@given(st.binary(max_size=80), st.sampled_from(sorted(one_format.accepts)))
@example(b"X\0\0\0\0", "safetensors")
@example(b"ia b\nc\n.", "msgpack")
def test_any_bytes_get_a_verdict_and_what_is_proven_checks(data: bytes, kind: str) -> None:
    verdict = verdict_on(one_format, data, kind)
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(
    st.integers(0, 255), st.integers(0, 12), st.binary(max_size=12), st.sampled_from([0, 70_000])
)
@settings(max_examples=300)
def test_prover_and_checker_agree_where_a_pickle_machine_fails(
    first: int, second: int, tail: bytes, more: int
) -> None:
    """Honest headers have every length, so their first bytes are every opcode."""
    header = json.dumps(
        {"w": {"dtype": "U8", "shape": [len(tail) + more], "data_offsets": [0, len(tail) + more]}}
    ).encode()
    length = max(second << 8 | first, len(header))
    data = struct.pack("<Q", length) + header.ljust(length) + tail + bytes(more)
    verdict = verdict_on(one_format, data, "safetensors")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


def test_a_tensor_file_is_read_at_its_ends_only() -> None:
    class Counting(BytesMaterial):
        taken = 0

        def read(self, offset: int, length: int) -> bytes:
            data = super().read(offset, length)
            Counting.taken += len(data)
            return data

    data = tensors(bytes(8 << 20))
    material = Counting(data)
    verdict = one_format.judge(Artifact(name="x", kind="safetensors", size=len(data)), material)
    assert isinstance(verdict, Proven)
    assert Counting.taken < 400_000


def test_of_a_file_on_a_hub_only_the_ends_are_fetched() -> None:
    data = tensors(bytes(300_000))
    afar = Expected("sha256:" + "0" * 64, "the listing", len(data), costly=True)
    artifact = Artifact(name="x", kind="safetensors", size=len(data), expected=afar)
    verdict = one_format.judge(artifact, BytesMaterial(data))
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.NOT_ANALYSED
    assert isinstance(one_format.judge(artifact, BytesMaterial(data + zipped())), Refuted)


@pytest.mark.parametrize("name", ["model.pkl", "model.npz", "photo.png", "x"])
def test_a_file_cut_short_is_not_proven(name: str) -> None:
    for data, kind in SAMPLES.values():
        if kind not in ("openvino-xml", "tar", "gguf"):  # white space, and zeros at the end
            assert not isinstance(verdict_on(one_format, data[:-1], kind), Proven)
            assert all(not isinstance(one, Proven) for _, one in whole(data[:-1], name))

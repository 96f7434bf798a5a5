"""What the header analyser of torch archives and its checker promise beyond the case page."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assemble import assembled
from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.torch_zip_header import torch_zip_header
from probatum.errors import FormatError, Rejected
from probatum.formats import torch_archive
from probatum.formats.kinds import kind_of
from probatum.formats.torch_storages import widths
from probatum.material import BytesMaterial
from probatum.ports import Material
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Refuted, Undecided, Verdict
from torch_archives import EMPTY, archive, saved, script, tensor

SOUND = saved(tensor())


def header(data: bytes, kind: str = "torch-zip") -> Verdict:
    return verdict_on(torch_zip_header, data, kind)


def test_every_mutant_of_a_certificate_is_rejected() -> None:
    certificate = certificate_of(torch_zip_header, SOUND, "torch-zip")
    storage = SOUND.index(bytes(16))
    assert_every_mutant_is_rejected(certificate, SOUND, range(storage))
    assert_every_mutant_is_rejected(certificate, SOUND, range(storage + 16, len(SOUND)))


@settings(max_examples=200)
@given(
    type=st.sampled_from(["FloatStorage", "ByteStorage", "LongStorage", "QUInt4x2Storage"]),
    count=st.integers(-1, 6),
    offset=st.integers(-1, 3),
    length=st.integers(-1, 6),
    step=st.integers(-1, 3),
    there=st.integers(0, 40),
)
def test_what_is_proven_lies_inside_for_certain(
    type: str, count: int, offset: int, length: int, step: int, there: int
) -> None:
    made = {"type": type, "count": count, "offset": offset, "length": length, "step": step}
    data = saved(tensor(**made), bytes(there))  # type: ignore[arg-type]
    verdict = header(data)
    width = widths()["storages"].get(f"torch:{type}")
    last = offset + (length - 1) * step if length > 0 else -1
    inside = width is not None and count >= 0 and count * width <= there
    inside = inside and min(offset, length, step) >= 0 and last < count
    assert isinstance(verdict, Proven) == inside
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)
    else:
        facts = certificate_of(torch_zip_header, SOUND, "torch-zip").facts | {"size": len(data)}
        assert_rejected(Certificate("torch_zip", facts), data, str(verdict))


def test_a_record_a_byte_too_short_is_refuted() -> None:
    verdict = header(saved(tensor(), bytes(15)))
    assert isinstance(verdict, Refuted)
    assert "over a record of 15" in verdict.witnesses[0].says
    place = verdict.witnesses[0].place
    assert place.part == "data.pkl"
    assert place.offset is not None
    assert saved(tensor(), bytes(15))[place.offset : place.offset + 1] == b"Q"


def test_padding_as_torch_aligns_storages_is_sound() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr(zipfile.ZipInfo("m/data.pkl"), tensor())
        padded = zipfile.ZipInfo("m/data/0")
        padded.extra = b"FB" + (30).to_bytes(2, "little") + b"Z" * 30
        opened.writestr(padded, bytes(16))
        opened.writestr(zipfile.ZipInfo("m/version"), b"3\n")
    assert isinstance(header(made.getvalue()), Proven)


def test_a_second_record_of_one_name_is_not_proven() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as opened:
            opened.writestr(zipfile.ZipInfo("m/data.pkl"), tensor())
            opened.writestr(zipfile.ZipInfo("m/data/0"), bytes(16))
            opened.writestr(zipfile.ZipInfo("m/data/0"), bytes(4))
            opened.writestr(zipfile.ZipInfo("m/version"), b"3\n")
    verdict = header(made.getvalue())
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL


def test_names_that_differ_in_case_alone_are_one_to_some_readers() -> None:
    more = {"data.pkl": tensor(), "data/0": bytes(16), "version": b"3\n"}
    twice = archive(more | {"DATA.pkl": EMPTY})
    verdict = header(twice)
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL
    facts = certificate_of(torch_zip_header, SOUND, "torch-zip").facts | {"size": len(twice)}
    with pytest.raises(Rejected, match="case"):
        check(Certificate("torch_zip", facts), twice)


def test_a_storage_inside_other_arguments_is_not_overlooked() -> None:
    hidden = assembled(
        "PROTO 2\nGLOBAL torch.jit._pickle build_tensorlist\nMARK\nBINUNICODE 'storage'\n"
        "GLOBAL torch FloatStorage\nBINUNICODE '0'\nBINUNICODE 'cpu'\nBININT1 4\nTUPLE\n"
        "BINPERSID\nTUPLE1\nTUPLE1\nREDUCE\nSTOP"
    )
    assert isinstance(header(saved(hidden)), Undecided)


def test_a_tensor_of_a_script_is_judged_too() -> None:
    short = script("class Net(Module):\n  a : Tensor\n", pickle=tensor())
    verdict = header(short, "torchscript")
    assert isinstance(verdict, Undecided)
    assert "no uncompressed record" in verdict.detail
    good = {"data.pkl": EMPTY, "constants.pkl": tensor(), "constants/0": bytes(16)}
    assert isinstance(header(archive(good | {"version": b"3\n"}), "torchscript"), Proven)
    bad = archive(good | {"version": b"3\n", "constants/0": bytes(8)})
    assert isinstance(header(bad, "torchscript"), Refuted)


def test_no_storage_is_ever_read() -> None:
    data = saved(tensor(count=1 << 20, length=1 << 20), bytes(4 << 20))
    counted = _Counting(data)
    made = Artifact(name="sample", kind="torch-zip", size=len(data))
    assert isinstance(torch_zip_header.judge(made, counted), Proven)
    assert counted.bytes_read < 1 << 18


class _Counting:
    def __init__(self, data: bytes) -> None:
        self._inner: Material = BytesMaterial(data)
        self.bytes_read = 0

    @property
    def size(self) -> int:
        return self._inner.size

    @property
    def beside(self) -> frozenset[str]:
        return frozenset()

    def read(self, offset: int, length: int) -> bytes:
        data = self._inner.read(offset, length)
        self.bytes_read += len(data)
        return data


@given(st.binary(max_size=300))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    assert not isinstance(header(data), Proven)


@settings(max_examples=300)
@given(st.integers(0, len(SOUND) - 1), st.integers(1, 255))
def test_a_changed_byte_is_proven_only_if_the_checker_agrees(at: int, flip: int) -> None:
    data = SOUND[:at] + bytes([SOUND[at] ^ flip]) + SOUND[at + 1 :]
    verdict = header(data)
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


def test_a_record_that_is_marked_as_a_link_is_not_proven() -> None:
    data = bytearray(SOUND)
    entry = data.index(b"PK\1\2")
    data[entry + 5], data[entry + 41] = 3, 0xA0  # made on Unix, the mode of a symbolic link
    verdict = header(bytes(data))
    assert isinstance(verdict, Undecided)
    assert "is a link" in verdict.detail


@pytest.mark.parametrize("name", ["constants.pkl", "x/constants.pkl", "../constants.pkl"])
def test_only_the_archives_own_folder_makes_a_script(name: str) -> None:
    data = archive({"data.pkl": EMPTY, name: EMPTY, "version": b"3\n"})
    expected = "torchscript" if name == "constants.pkl" else "torch-zip"
    assert kind_of("sample", BytesMaterial(data)) == expected


def test_the_folder_is_that_of_the_first_member() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr(zipfile.ZipInfo("a/data.pkl"), EMPTY)
        opened.writestr(zipfile.ZipInfo("b/constants.pkl"), EMPTY)
    assert kind_of("sample", BytesMaterial(made.getvalue())) == "torch-zip"
    with pytest.raises(FormatError, match="outside the folder"):
        torch_archive.archive(BytesMaterial(made.getvalue()))

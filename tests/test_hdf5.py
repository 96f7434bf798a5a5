"""What the HDF5 reader, its analysers and its checker promise, on files assembled here."""

import contextlib
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.hdf5_header import hdf5_header
from probatum.analyzers.model.hdf5_load import hdf5_load
from probatum.analyzers.model.hdf5_self_contained import hdf5_self_contained
from probatum.errors import FormatError, Rejected
from probatum.formats.hdf5 import walked
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Place, Proven, Reason, Refuted, Undecided

ANALYZERS = (hdf5_load, hdf5_self_contained, hdf5_header)
NONE = b"\xff" * 8


def u16(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}H", *numbers)


def u64(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def message(kind: int, body: bytes, flags: int = 0) -> bytes:
    return bytes([kind]) + u16(len(body)) + bytes([flags]) + body


def header(*messages: bytes) -> bytes:
    body = b"".join(messages)
    return b"OHDR\x02\x01" + u16(len(body)) + body + bytes(4)


def file(*objects: bytes, tail: bytes = b"") -> bytes:
    """Superblock 2, the root at 48, then the other headers and the data, end to end."""
    rest = b"".join(objects) + tail
    start = b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00" + u64(0) + NONE + u64(48 + len(rest), 48)
    return start + bytes(4) + rest


def text_attribute(name: str, value: bytes) -> bytes:
    named = name.encode() + b"\0"
    kind = b"\x13\0\0\0" + struct.pack("<I", len(value))
    start = b"\x03\0" + u16(len(named), len(kind), 4) + b"\0"
    return message(0x0C, start + named + kind + b"\x02\0\0\0" + value)


def link(name: str, address: int) -> bytes:
    return message(6, b"\x01\0" + bytes([len(name)]) + name.encode() + u64(address))


def external_link(name: str, target: bytes) -> bytes:
    start = b"\x01\x08\x40" + bytes([len(name)]) + name.encode()
    return message(6, start + u16(len(target)) + target)


def contiguous(address: int, size: int) -> bytes:
    return message(8, b"\x03\x01" + u64(address, size))


CONFIG = {
    "class_name": "Sequential",
    "config": {"layers": [{"class_name": "Dense", "config": {"units": 1, "activation": "relu"}}]},
}


def model(config: Any = CONFIG) -> bytes:
    """A root with a description and one dataset of 16 bytes."""
    described = text_attribute("model_config", json.dumps(config).encode())
    length = len(header(described, link("w", 0)))
    dataset = header(contiguous(48 + length + len(header(contiguous(0, 0))), 16))
    return file(header(described, link("w", 48 + length)), dataset, tail=bytes(16))


def old_file() -> bytes:
    """Superblock 0: the root is a symbol table, as h5py writes by default."""
    heap_data = bytes(8) + b"w\0\0\0\0\0\0\0"
    places = {"root": 96, "tree": 136, "leaf": 184, "heap": 232, "names": 264, "data": 280}
    start = b"\x89HDF\r\n\x1a\n" + bytes(5) + b"\x08\x08\0\x04\0\x10\0" + bytes(4)
    start += u64(0) + NONE + u64(344) + NONE + u64(0, places["root"]) + bytes(24)
    root = b"\x01\0" + u16(1) + struct.pack("<II", 1, 24) + bytes(4)
    root += u16(0x11, 16) + bytes(4) + u64(places["tree"], places["heap"])
    tree = b"TREE\0\0" + u16(1) + NONE * 2 + u64(0, places["leaf"], 8)
    leaf = b"SNOD\x01\0" + u16(1) + u64(8, places["data"]) + bytes(24)
    heap = b"HEAP\0\0\0\0" + u64(16, 0xFFFFFFFF, places["names"])
    dataset = b"\x01\0" + u16(1) + struct.pack("<II", 1, 32) + bytes(4)
    dataset += u16(8, 24) + bytes(4) + b"\x03\x01" + u64(328, 16) + bytes(6)
    made = start + root + tree + leaf + heap + heap_data + dataset + bytes(16)
    assert len(made) == 344, len(made)
    return made


SMALL = model()
OLD = old_file()


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any) -> None:
    certificate = certificate_of(analyzer, SMALL, "hdf5")
    assert_every_mutant_is_rejected(certificate, SMALL, range(len(SMALL) - 16))


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_a_file_of_the_old_layout_is_proven(analyzer: Any) -> None:
    certificate = certificate_of(analyzer, OLD, "hdf5")
    assert certificate.facts["objects"] == 2


@given(st.binary(max_size=300))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        walked(BytesMaterial(b"\x89HDF\r\n\x1a\n" + data))


@pytest.mark.parametrize("whole", [SMALL, OLD], ids=["new", "old"])
@given(data=st.data())
def test_what_is_proven_of_a_mutated_file_also_checks(whole: bytes, data: Any) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    put = data.draw(st.binary(max_size=8))
    changed = whole[:at] + put + whole[at + len(put) :]
    for analyzer in ANALYZERS:
        verdict = verdict_on(analyzer, changed, "hdf5")
        if isinstance(verdict, Proven):
            check(verdict.certificate, changed)


def test_an_external_link_is_refuted_with_the_file_it_opens() -> None:
    data = file(header(external_link("w", b"\0../other.h5\0/x\0")))
    assert isinstance(verdict_on(hdf5_header, data, "hdf5"), Undecided)
    for analyzer in (hdf5_load, hdf5_self_contained):
        verdict = verdict_on(analyzer, data, "hdf5")
        assert isinstance(verdict, Refuted)
        assert "../other.h5" in verdict.witnesses[0].says
        assert verdict.witnesses[0].place == Place(part="/w")


def test_external_raw_data_are_refuted_with_the_file_they_lie_in() -> None:
    heap = 48 + len(header(message(7, bytes(40))))
    names = b"/tmp/elsewhere.bin\0".ljust(24, b"\0")
    slots = b"\x01\0\0\0\0\0" + u16(1) + u64(heap) + u64(0, 0, 8)
    data = file(header(message(7, slots)), b"HEAP\0\0\0\0" + u64(24, 24, heap + 32), tail=names)
    verdict = verdict_on(hdf5_self_contained, data, "hdf5")
    assert isinstance(verdict, Refuted)
    assert "/tmp/elsewhere.bin" in verdict.witnesses[0].says


def test_a_virtual_dataset_of_another_file_is_refuted() -> None:
    layout = message(8, b"\x04\x03" + u64(0) + struct.pack("<I", 1))
    heap = 48 + len(header(layout))
    mapping = b"\0" + u64(1) + b"other.h5\0data\0"
    held = (
        u16(1, 1) + bytes(4) + u64(len(mapping)) + mapping.ljust(-(-len(mapping) // 8) * 8, b"\0")
    )
    layout = message(8, b"\x04\x03" + u64(heap) + struct.pack("<I", 1))
    data = file(header(layout), b"GCOL\x01\0\0\0" + u64(16 + len(held)) + held)
    verdict = verdict_on(hdf5_self_contained, data, "hdf5")
    assert isinstance(verdict, Refuted)
    assert "'other.h5'" in verdict.witnesses[0].says


def test_a_filter_that_needs_a_library_is_refuted_as_self_contained_and_open_as_inert() -> None:
    data = file(header(message(0x0B, b"\x02\x01" + u16(32015, 0, 0, 0))))
    assert isinstance(verdict_on(hdf5_self_contained, data, "hdf5"), Refuted)
    verdict = verdict_on(hdf5_load, data, "hdf5")
    assert isinstance(verdict, Undecided)
    assert "32015" in verdict.detail


def test_a_built_in_filter_is_proven() -> None:
    data = file(header(message(0x0B, b"\x02\x02" + u16(1, 0, 1) + bytes(4) + u16(2, 0, 0))))
    certificate_of(hdf5_self_contained, data, "hdf5")


LAMBDA = {
    "class_name": "Lambda",
    "config": {"function": ["4wEAAABwcmludG9ubHlwcmludG9ubHk=", None, None]},
}


def test_a_lambda_in_the_description_is_refuted() -> None:
    verdict = verdict_on(hdf5_load, model(LAMBDA), "hdf5")
    assert isinstance(verdict, Refuted)
    assert "marshalled Python code" in verdict.witnesses[0].says


def test_a_lambda_in_the_training_configuration_is_refuted() -> None:
    data = file(header(text_attribute("training_config", json.dumps(LAMBDA).encode())))
    assert isinstance(verdict_on(hdf5_load, data, "hdf5"), Refuted)


def test_a_description_that_stands_twice_is_undecided() -> None:
    twice = text_attribute("model_config", b"{}"), text_attribute("model_config", b"[]")
    verdict = verdict_on(hdf5_load, file(header(*twice)), "hdf5")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL


def test_a_pytables_file_is_undecided_because_pytables_unpickles_attributes() -> None:
    data = file(header(text_attribute("PYTABLES_FORMAT_VERSION", b"2.1")))
    verdict = verdict_on(hdf5_load, data, "hdf5")
    assert isinstance(verdict, Undecided)
    assert "PyTables" in verdict.detail


@pytest.mark.parametrize(
    ("info", "says"),
    [
        (message(2, b"\0\0" + u64(96) + NONE), "links in dense storage"),
        (message(0x15, b"\0\0" + u64(96) + NONE), "attributes in dense storage"),
        (message(0x0F, bytes(9)), "0xf"),
        (message(6, b"\x01\x08\x41\x01w" + u16(0)), "user-defined link"),
        (message(8, b"\x04\x02" + bytes(30)), "data layout version 4"),
    ],
)
def test_what_is_not_read_stays_open_by_name(info: bytes, says: str) -> None:
    data = file(header(info), tail=bytes(64))
    for analyzer in ANALYZERS:
        verdict = verdict_on(analyzer, data, "hdf5")
        assert isinstance(verdict, Undecided)
        assert says in verdict.detail


def test_data_past_the_end_are_refuted_as_a_header() -> None:
    verdict = verdict_on(hdf5_header, file(header(contiguous(48, 1 << 40))), "hdf5")
    assert isinstance(verdict, Refuted)
    assert "pass the end" in verdict.witnesses[0].says


def test_data_over_the_structure_are_refuted_as_an_overlap() -> None:
    verdict = verdict_on(hdf5_header, file(header(contiguous(60, 8))), "hdf5")
    assert isinstance(verdict, Refuted)
    assert "inside" in verdict.witnesses[0].says


def test_the_checker_finds_the_overlap_by_itself() -> None:
    data = file(header(contiguous(60, 8)))
    honest = certificate_of(hdf5_load, data, "hdf5").facts
    assert_rejected(
        Certificate("hdf5_file", honest | {"claim": "header-sound", "built": 0}), data, "an overlap"
    )


def forged(data: bytes, objects: int) -> Certificate:
    """A certificate of the header, but for the digest, which every step before it comes before."""
    facts = {"claim": "header-sound", "size": len(data), "objects": objects, "built": 0}
    return Certificate("hdf5_file", facts | {"structure_sha256": ""})


def test_what_lies_behind_the_end_of_the_superblock_is_no_part_of_the_file() -> None:
    data = file(header(contiguous(82, 8)), tail=bytes(8))
    ends = u64(len(data))
    assert isinstance(verdict_on(hdf5_header, data, "hdf5"), Proven)
    short = data.replace(ends, u64(len(data) - 4), 1)
    assert isinstance(verdict_on(hdf5_header, short, "hdf5"), Refuted)
    with pytest.raises(Rejected, match="pass the end"):
        check(forged(short, 1), short)


def test_data_that_do_not_fit_their_message_are_no_sound_header() -> None:
    data = file(header(message(8, b"\x03\0" + u16(4) + b"abcd")))
    assert isinstance(verdict_on(hdf5_header, data, "hdf5"), Proven)
    long = data.replace(u16(4) + b"abcd", u16(5) + b"abcd")
    assert not isinstance(verdict_on(hdf5_header, long, "hdf5"), Proven)
    with pytest.raises(Rejected, match="pass the end"):
        check(forged(long, 1), long)


def test_a_group_that_holds_itself_ends() -> None:
    certificate_of(hdf5_load, file(header(link("self", 48))), "hdf5")


def test_a_continuation_that_leads_back_ends_as_an_overlap() -> None:
    data = file(header(message(0x10, u64(48, 20))))
    verdict = verdict_on(hdf5_header, data, "hdf5")
    assert isinstance(verdict, Refuted)


def test_a_signature_elsewhere_is_undecided() -> None:
    verdict = verdict_on(hdf5_load, bytes(512) + SMALL, "hdf5")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.UNSUPPORTED

"""What the GGUF reader, its analysers and its checker promise beyond the case pages."""

import contextlib
import hashlib
import struct
import time
from collections.abc import Sequence
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
from probatum.analyzers.model.gguf_header import gguf_header
from probatum.analyzers.model.gguf_load import gguf_load
from probatum.errors import FormatError, Rejected
from probatum.formats.gguf import BLOCKS, header, members
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Refuted

ANALYZERS = (gguf_header, gguf_load)


class Writer:
    """Spells a GGUF header in any version and order, right or wrong as it is told."""

    def __init__(self, version: int = 3, order: str = "<") -> None:
        self.version, self.order = version, order
        self.word = "I" if version == 1 else "Q"
        self.entries: list[bytes] = []
        self.tensors: list[bytes] = []

    def pack(self, spell: str, *values: Any) -> bytes:
        return struct.pack(self.order + spell.replace("W", self.word), *values)

    def text(self, said: str | bytes) -> bytes:
        raw = said.encode() if isinstance(said, str) else said
        return self.pack("W", len(raw)) + raw

    def entry(self, key: str | bytes, type: int, value: bytes) -> "Writer":
        self.entries.append(self.text(key) + self.pack("I", type) + value)
        return self

    def string(self, key: str, value: str) -> "Writer":
        return self.entry(key, 8, self.text(value))

    def array(self, key: str, type: int, count: int, values: bytes) -> "Writer":
        return self.entry(key, 9, self.pack("IW", type, count) + values)

    def tensor(
        self, name: str | bytes, shape: Sequence[int], type: int = 0, offset: int = 0
    ) -> "Writer":
        dims = self.pack("I" + "W" * len(shape), len(shape), *shape)
        self.tensors.append(self.text(name) + dims + self.pack("IQ", type, offset))
        return self

    def bytes(self, data: int = 0, alignment: int = 32, counts: tuple[int, int] = (0, 0)) -> bytes:
        more_tensors, more_entries = counts
        head = b"GGUF" + self.pack("I", self.version)
        head += self.pack("W", len(self.tensors) + more_tensors)
        head += self.pack("W", len(self.entries) + more_entries)
        head += b"".join(self.entries + self.tensors)
        return head + bytes(-len(head) % alignment + data)


def small(version: int = 3, order: str = "<") -> Writer:
    made = Writer(version, order)
    made.string("general.architecture", "llama").entry("n", 4, made.pack("I", 7))
    made.entry("yes", 7, b"\1").array("t", 8, 2, made.text("a") + made.text("bc"))
    made.array("flags", 7, 2, b"\0\1").array("f", 6, 2, made.pack("ff", 1, 2))
    made.string("tokenizer.chat_template", "{{ x }}").string("tokenizer.chat_template.rag", "y")
    return made.tensor("w", [32, 2], 2, 64).tensor("b", [3], 0, 0).tensor("s", [], 30, 32)


SMALL = small().bytes(64 + 36)
STOP = header(BytesMaterial(SMALL)).stop


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any) -> None:
    certificate = certificate_of(analyzer, SMALL, "gguf")
    assert_every_mutant_is_rejected(certificate, SMALL, range(STOP))


@pytest.mark.parametrize(("version", "order"), [(1, "<"), (2, "<"), (3, "<"), (3, ">")])
def test_every_version_and_order_is_proven(version: int, order: str) -> None:
    data = small(version, order).bytes(64 + 36)
    certificate_of(gguf_header, data, "gguf")


def test_the_chat_templates_become_members() -> None:
    found = {one.name: one for one in members(BytesMaterial(SMALL))}
    assert set(found) == {"tokenizer.chat_template", "tokenizer.chat_template.rag"}
    template = found["tokenizer.chat_template"]
    assert (template.kind, template.material.read(0, 99)) == ("chat-template", b"{{ x }}")


def test_a_part_of_several_says_so() -> None:
    made = Writer().entry("split.count", 2, struct.pack("<H", 3))
    verdict = verdict_on(gguf_load, made.bytes(), "gguf")
    assert isinstance(verdict, Proven)
    assert any("2 parts" in one for one in verdict.assumptions)


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        header(BytesMaterial(b"GGUF\3\0\0\0" + data))


@given(st.integers(8, STOP - 1), st.binary(max_size=9), st.integers(0, 9))
def test_what_is_proven_of_a_mutated_file_also_checks(at: int, put: bytes, cut: int) -> None:
    data = SMALL[:at] + put + SMALL[at + cut :]
    verdict = verdict_on(gguf_header, data, "gguf")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.integers(8, STOP - 1), st.integers(0, 255))
def test_analyser_and_checker_agree_on_every_changed_byte(at: int, put: int) -> None:
    data = SMALL[:at] + bytes([put]) + SMALL[at + 1 :]
    proven = isinstance(verdict_on(gguf_header, data, "gguf"), Proven)
    # The counts may now be others, so that only a forger who adjusts them is convincing.
    forged = [_forged(data, stop, data) for stop in range(24, len(data))]
    assert proven == any(_accepted(certificate, data) for certificate in forged)


def _forged(data: bytes, stop: int, whole: bytes) -> Certificate:
    tensors, entries = struct.unpack_from("<QQ", data, 8)
    facts = {"claim": "header-sound", "size": len(whole), "header": stop}
    digest = hashlib.sha256(data[:stop]).hexdigest()
    return Certificate("gguf", facts | {"sha256": digest, "entries": entries, "tensors": tensors})


def _accepted(certificate: Certificate, data: bytes) -> bool:
    try:
        check(certificate, data)
    except Rejected:
        return False
    return True


U64 = (1 << 64) - 1
BROKEN: dict[str, bytes] = {
    "overlap": Writer().tensor("a", [16]).tensor("b", [4], offset=32).bytes(64),
    "same place": Writer().tensor("a", [4]).tensor("b", [4]).bytes(64),
    "past the end": Writer().tensor("a", [4]).bytes(8),
    "unaligned": Writer().tensor("a", [4], offset=8).bytes(64),
    "offset at the top": Writer().tensor("a", [4], offset=U64 - 31).bytes(64),
    "five dimensions": Writer().tensor("a", [1, 1, 1, 1, 1]).bytes(64),
    "overflow to zero": Writer().tensor("a", [1 << 32, 1 << 32]).bytes(64),
    "negative dimension": Writer().tensor("a", [U64]).bytes(64),
    "empty": Writer().tensor("a", [4, 0]).bytes(64),
    "row of a part": Writer().tensor("a", [33], 2).bytes(64),
    "withdrawn type": Writer().tensor("a", [32], 31).bytes(64),
    "no such type": Writer().tensor("a", [32], 5000).bytes(64),
    "negative type": Writer().tensor("a", [32], (1 << 32) - 1).bytes(64),
    "long name": Writer().tensor("a" * 64, [4]).bytes(64),
    "NUL in a name": Writer().tensor(b"a\0b", [4]).bytes(64),
    "name twice": Writer().tensor("a", [4]).tensor("a", [4], offset=32).bytes(64),
    "key twice": Writer().string("a", "x").string("a", "y").bytes(),
    "empty key": Writer().string("", "x").bytes(),
    "NUL in a key": Writer().entry(b"a\0b", 0, b"\0").bytes(),
    "key not UTF-8": Writer().entry(b"a\xff", 0, b"\0").bytes(),
    "no such value": Writer().entry("a", 13, b"\0" * 8).bytes(),
    "truth of two": Writer().entry("a", 7, b"\2").bytes(),
    "array of arrays": Writer().array("a", 9, 1, struct.pack("<IQ", 0, 0)).bytes(),
    "array to the top": Writer().array("a", 12, 1 << 61, b"").bytes(),
    "strings to the top": Writer().array("a", 8, 1 << 61, b"").bytes(),
    "string to the top": Writer().entry("a", 8, struct.pack("<Q", U64)).bytes(),
    "string past the end": Writer().entry("a", 8, struct.pack("<Q", 99)).bytes(),
    "string in array": Writer().array("a", 8, 1, struct.pack("<Q", U64)).bytes(),
    "key to the top": Writer().bytes(64, counts=(0, 1)).replace(b"\0" * 32, b"\xff" * 32),
    "more entries": Writer().bytes(64, counts=(0, 1 << 40)),
    "more tensors": Writer().bytes(64, counts=(1 << 40, 0)),
    "one tensor more": Writer().bytes(8, 1, counts=(1, 0)),
    "alignment zero": Writer().entry("general.alignment", 4, bytes(4)).bytes(),
    "alignment 48": Writer().entry("general.alignment", 4, struct.pack("<I", 48)).bytes(),
    "alignment 4": Writer().entry("general.alignment", 4, struct.pack("<I", 4)).bytes(),
    "alignment wide": Writer().entry("general.alignment", 10, struct.pack("<Q", 32)).bytes(),
    "alignments": Writer().array("general.alignment", 4, 1, struct.pack("<I", 32)).bytes(),
    "version 4": b"GGUF\4" + Writer().bytes()[5:],
    "version 0": b"GGUF\0" + Writer().bytes()[5:],
    "version 2 big-endian": Writer(2, ">").bytes(),
    "only a magic": b"GGUF",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_header_is_not_proven_and_its_checker_agrees(name: str) -> None:
    data = BROKEN[name]
    for analyzer in ANALYZERS:
        assert not isinstance(verdict_on(analyzer, data, "gguf"), Proven)
    for stop in range(len(data) + 1):
        padded = data + bytes(24)
        forged = _forged(padded, stop, data)
        assert_rejected(forged, data, f"a forged certificate: {name}")


def test_a_file_cut_short_is_not_called_sound() -> None:
    for stop in range(len(SMALL)):
        assert not isinstance(verdict_on(gguf_header, SMALL[:stop], "gguf"), Proven), stop


def test_every_type_of_tensor_has_its_size() -> None:
    for type, (elements, size) in BLOCKS.items():
        made = Writer().tensor("a", [elements * 3], type)
        certificate_of(gguf_header, made.bytes(size * 3), "gguf")
        verdict = verdict_on(gguf_header, made.bytes(size * 3 - 1), "gguf")
        assert isinstance(verdict, Refuted)


def test_a_vocabulary_of_300_000_words_is_quick_and_crosses_windows() -> None:
    made = Writer()
    made.array("t", 8, 300_000, b"".join(made.text("token" * (n % 4)) for n in range(300_000)))
    data = made.array("big", 8, 2, made.text("x" * 3_000_000) + made.text("y")).bytes()
    before = time.process_time()
    certificate_of(gguf_header, data, "gguf")
    assert time.process_time() - before < 3

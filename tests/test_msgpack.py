"""What the MessagePack walker and its checker promise beyond the case page."""

import contextlib
import struct

from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import assert_every_mutant_is_rejected, certificate_of, check, verdict_on
from probatum.analyzers.model.msgpack_load import msgpack_load
from probatum.errors import FormatError
from probatum.formats.msgpack import walked
from probatum.material import BytesMaterial
from probatum.vocabulary import Proven, Reason, Undecided


def array(name: bytes, buffer: bytes, shape: tuple[int, ...] = (2,)) -> bytes:
    sizes = bytes([0x90 | len(shape), *shape])
    named = bytes([0xA0 | len(name)]) + name
    body = b"\x93" + sizes + named + b"\xc6" + struct.pack(">I", len(buffer)) + buffer
    return b"\xc9" + struct.pack(">I", len(body)) + b"\x01" + body


SMALL = b"\x82\xa1w" + array(b"float32", bytes(8)) + b"\xa1c\xc7\x13\x02\x92" + b"\xcb" + bytes(8)
SMALL += b"\xcb" + bytes(8)


def test_every_mutant_of_a_certificate_is_rejected() -> None:
    certificate = certificate_of(msgpack_load, SMALL, "msgpack")
    buffer = SMALL.index(b"\xc6") + 5
    assert_every_mutant_is_rejected(certificate, SMALL, range(buffer))
    assert_every_mutant_is_rejected(certificate, SMALL, range(buffer + 8, len(SMALL)))


@given(st.binary(max_size=200))
def test_the_reader_raises_only_format_errors_and_agrees_with_the_checker(data: bytes) -> None:
    verdict = verdict_on(msgpack_load, data, "msgpack")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_what_is_proven_of_a_mutated_file_also_checks(at: int, put: bytes, cut: int) -> None:
    data = SMALL[:at] + put + SMALL[at + cut :]
    with contextlib.suppress(FormatError):
        walked(BytesMaterial(data))
    verdict = verdict_on(msgpack_load, data, "msgpack")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


def test_an_array_is_passed_over_and_not_read() -> None:
    class Counting(BytesMaterial):
        count = 0

        def read(self, offset: int, length: int) -> bytes:
            data = super().read(offset, length)
            Counting.count += len(data)
            return data

    walked(Counting(array(b"float32", bytes(4 << 20))))
    assert Counting.count < 200_000


def test_lists_without_end_cost_nothing() -> None:
    verdict = verdict_on(msgpack_load, b"\x91" * 5000, "msgpack")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.TRUNCATED

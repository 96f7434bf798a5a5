"""Headers of array files: what numpy refuses is not proven, and what is proven also checks."""

import pytest

from certificate_laws import certificate_of, verdict_on
from probatum.analyzers.model.npy_load import npy_load
from probatum.vocabulary import Undecided


def array(header: str, content: bytes = bytes(24)) -> bytes:
    text = header.encode("latin-1").ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


PLAIN = "{'descr': [('a', '<i4'), ('b', '<f8')], 'fortran_order': False, 'shape': (2,), }"


def test_a_record_of_two_fields_is_proven() -> None:
    certificate_of(npy_load, array(PLAIN), "npy")


@pytest.mark.parametrize(
    "header",
    [
        PLAIN.replace("'b'", "'\0'"),
        PLAIN.replace("(2,)", "(2)"),
        PLAIN.replace("'shape'", "'shapes'"),
        PLAIN.replace("False", "0"),
        PLAIN + " 1",
    ],
)
def test_a_header_that_numpy_refuses_stays_undecided(header: str) -> None:
    assert isinstance(verdict_on(npy_load, array(header), "npy"), Undecided)

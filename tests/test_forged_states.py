"""States that compiled code believes: each crashed its library while it was loaded, or after.

Every forged stream stands beside the honest one that it was made from. The checker is asked too,
with the certificate that a prover would write that had let the state pass. Nothing is loaded.
"""

import pytest

from assemble import assembled
from certificate_laws import certificate_of, verdict_on
from probatum.analyzers.model.npy_load import npy_load
from probatum.analyzers.model.pickle_load import pickle_load
from probatum.check import pickle as checker
from probatum.errors import Rejected
from probatum.formats.pickle_evidence import _certificate
from probatum.formats.pickle_streams import streams
from probatum.material import BytesMaterial
from probatum.vocabulary import Undecided


def _dtype(code: str, fields: str = "", order: str = "<", size: int = -1, flags: int = 0) -> str:
    """A numpy dtype; `fields` are instructions that push its names and its fields."""
    return f"""GLOBAL numpy dtype
        SHORT_BINUNICODE '{code}'
        NEWFALSE
        NEWTRUE
        TUPLE3
        REDUCE
        MARK
        BININT1 3
        SHORT_BINUNICODE '{order}'
        NONE
        {fields or "NONE" + chr(10) + "NONE"}
        BININT {size}
        BININT {-1 if size < 0 else 1}
        BININT1 {flags}
        TUPLE
        BUILD
        """


def _field(name: str, dtype: str, offset: int) -> str:
    return f"SHORT_BINUNICODE '{name}'\n{dtype}BININT {offset}\nTUPLE2\n"


def _fields(*names: str, entries: str) -> str:
    """Names, and a dict of fields that the memo keeps as 9."""
    listed = "".join(f"SHORT_BINUNICODE '{name}'\n" for name in names)
    return f"MARK\n{listed}TUPLE\nEMPTY_DICT\nBINPUT 9\nMARK\n{entries}SETITEMS"


_NUMBER = _dtype("f8")
_OBJECT = _dtype("O8", order="|", flags=63)
_RECORD = _dtype("V8", _fields("a", entries=_field("a", _NUMBER, 0)), "|", 8, 16)


def _pair(offset: int, size: int) -> str:
    """A record of a reference at 0 and a number at an offset."""
    entries = _field("a", _OBJECT, 0) + _field("b", _NUMBER, offset)
    return _dtype(f"V{size}", _fields("a", "b", entries=entries), "|", size, 27)


def _built(instance: str, state: str) -> str:
    module, name = instance.rsplit(" ", 1)
    made = f"GLOBAL {module} newObj\nGLOBAL {module} {name}\nTUPLE1\nREDUCE\n"
    return f"{made}{state}\nBUILD\n"


_EMPTY = """GLOBAL numpy.core.multiarray _reconstruct
    GLOBAL numpy ndarray
    BININT1 0
    TUPLE1
    SHORT_BINBYTES b'd'
    TUPLE3
    REDUCE
    """
_DISTANCE = "sklearn.metrics._dist_metrics EuclideanDistance64"
_WHOLE_DISTANCE = _built(_DISTANCE, f"BINFLOAT 2.0\n{_EMPTY}{_EMPTY}TUPLE3")
_KD_TREE = "sklearn.neighbors._kd_tree KDTree"
_BALL_TREE = "sklearn.neighbors._ball_tree BallTree"
_INTEGERS = "BININT1 1\n" * 7
_TREE_STATE = f"MARK\n{_EMPTY * 4}{_INTEGERS}{_WHOLE_DISTANCE}NONE\nTUPLE"

_HONEST = {
    "a record of one number": _RECORD,
    "a record of a reference and a number": _pair(8, 16),
    "a distance": _WHOLE_DISTANCE,
    "a k-d tree": _built(_KD_TREE, _TREE_STATE),
    "a ball tree": _built(_BALL_TREE, _TREE_STATE),
}
_LATER = "POP\nBINGET 9\nSHORT_BINUNICODE 'a'\n"
_FORGED = {
    "a field that becomes a reference after the type was built": (
        f"{_RECORD}{_LATER}{_OBJECT}BININT1 0\nTUPLE2\nSETITEM\n"
    ),
    "a field that moves out of its record after the type was built": (
        f"{_RECORD}{_LATER}{_NUMBER}BININT 1000000\nTUPLE2\nSETITEM\n"
    ),
    "a record that names a field twice": _dtype(
        "V8", _fields("a", entries=_field("a", _NUMBER, 0) * 2), "|", 8, 16
    ),
    "a number over a reference": _pair(0, 8),
    "a number over the end of a reference": _pair(4, 12),
    "a swapped reference": _dtype("O8", order=">", flags=63),
    "a swapped record": _RECORD.replace("'|'", "'>'"),
    "a type that all of numpy shares": _NUMBER.replace("NEWFALSE", "")
    .replace("NEWTRUE", "")
    .replace("TUPLE3", "TUPLE1"),
    "a distance of nothing": _built(_DISTANCE, "EMPTY_TUPLE"),
    "a distance of an empty list": _built(_DISTANCE, "EMPTY_LIST"),
    "a distance of one number": _built(_DISTANCE, "BINFLOAT 2.0\nTUPLE1"),
    "a k-d tree of nothing": _built(_KD_TREE, "EMPTY_TUPLE"),
    "a k-d tree of too little": _built(_KD_TREE, f"MARK\n{_EMPTY * 4}{_INTEGERS}TUPLE"),
    "a ball tree of an empty list": _built(_BALL_TREE, "EMPTY_LIST"),
}


@pytest.mark.parametrize("what", _HONEST)
def test_an_honest_state_is_proven(what: str) -> None:
    certificate_of(pickle_load, assembled(f"PROTO 4\n{_HONEST[what]}STOP"), "pickle")


@pytest.mark.parametrize("what", _FORGED)
def test_a_forged_state_is_not_proven_and_no_certificate_of_it_holds(what: str) -> None:
    data = assembled(f"PROTO 4\n{_FORGED[what]}STOP")
    assert isinstance(verdict_on(pickle_load, data, "pickle"), Undecided)
    material = BytesMaterial(data)
    certificate = _certificate(streams("pickle", material), material, "load-inert")
    with pytest.raises(Rejected, match=r"^4: "):
        checker.holds(certificate.facts, material.read, material.size)


@pytest.mark.parametrize("shape", ["(3)", "(03,)", "(3,\v)", "[3]"])
def test_a_header_that_numpy_refuses_is_no_header(shape: str) -> None:
    assert isinstance(verdict_on(npy_load, _array_file(shape), "npy"), Undecided)


def test_a_header_that_numpy_writes_is_one() -> None:
    certificate_of(npy_load, _array_file("(3,)"), "npy")


def _array_file(shape: str) -> bytes:
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(3)

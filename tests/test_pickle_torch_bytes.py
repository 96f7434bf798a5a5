"""Storages inside a bare pickle's bytes, and layers that old torch saved with their source."""

import pickle

import pytest

from certificate_laws import assert_every_mutant_is_rejected, assert_rejected, check, verdict_on
from probatum.analyzers.model.pickle_load import pickle_load
from probatum.analyzers.model.pickle_shape import pickle_shape
from probatum.vocabulary import Proven, Refuted, Undecided

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
STORAGE = b"\x80\x02(U\x07storagectorch\nFloatStorage\nU\x011U\x03cpuK\x04NtQ."
FILLER = pickle.dumps({"filler": "x" * 250}, 2)


def raw(
    object_: bytes = STORAGE, version: bytes = b"\x80\x02M\xe9\x03.", keys: bytes = b"\x80\x02]."
) -> bytes:
    """A file as `torch.save(…, _use_new_zipfile_serialization=False)` writes it."""
    return MAGIC + version + FILLER + object_ + keys


def loaded(content: bytes, opcode: bytes = b"B") -> bytes:
    name = b"ctorch.storage\n_load_from_bytes\n"
    return b"\x80\x03" + name + opcode + len(content).to_bytes(4, "little") + content + b"\x85R."


def layer(cls: bytes, source: bytes) -> bytes:
    return b"\x80\x02(U\x06modulec" + cls + b"\nU\x04f.py" + source + b"tQ)\x81."


PRINTS = b"cbuiltins\nprint\n(U\x02hitR"
ESTIMATOR = b"csklearn.linear_model._base\nLinearRegression\n)\x81"


def test_a_storage_in_bytes_is_followed_and_certified() -> None:
    data = loaded(raw())
    for analyzer in (pickle_load, pickle_shape):
        verdict = verdict_on(analyzer, data, "pickle")
        assert isinstance(verdict, Proven)
        check(verdict.certificate, data)
    effects = verdict.certificate.facts["streams"][0]["effects"]
    assert [effect[2] for effect in effects] == ["import", "call", "import", "storage"]
    assert data[effects[3][0] : effects[3][0] + 1] == b"Q"


def test_a_changed_certificate_of_bytes_in_a_pickle_is_rejected() -> None:
    data = loaded(raw())
    verdict = verdict_on(pickle_load, data, "pickle")
    assert isinstance(verdict, Proven)
    assert_every_mutant_is_rejected(verdict.certificate, data, range(0, len(data), 7))
    other = data.replace(b"FloatStorage", b"HalfXStorage")
    assert_rejected(verdict.certificate, other, "a storage of no type")


@pytest.mark.parametrize(
    "data",
    [
        loaded(raw(object_=b"\x80\x02" + PRINTS + b".")),
        loaded(raw(object_=STORAGE.replace(b"cpu", b"cp:"))),
        loaded(raw(version=b"\x80\x02" + ESTIMATOR + b".")),
        loaded(raw(keys=b"\x80\x02" + ESTIMATOR + b".")),
        loaded(raw()[:-1]),
        loaded(b"PK" + raw()[2:]),
        loaded(raw(object_=loaded(raw()))),
        loaded(pickle.dumps([1] * 200, 2)),
        loaded(raw(), opcode=b"X"),
        b"\x80\x03(" + loaded(raw())[2:-3] + b"q\x00\x85R" + b"ctorch.storage\n_load_from_bytes\n"
        b"h\x00\x85R" * 2 + b"l.",
        b"\x80\x03ctorch.storage\n_load_from_bytes\n]\x85R.",
        b"\x80\x03ctorch.storage\n_load_from_bytes\n)R.",
    ],
)
def test_bytes_that_are_not_one_storage_of_torch_are_never_proven(data: bytes) -> None:
    assert not isinstance(verdict_on(pickle_load, data, "pickle"), Proven)


def test_a_call_inside_the_bytes_is_refuted_at_its_place() -> None:
    """The bytes are loaded with weights_only=False, whatever the caller of pickle.load thinks."""
    runs = b"\x80\x02cos\nsystem\n(U\x04true" + b"tR."
    data = loaded(raw(object_=runs))
    verdict = verdict_on(pickle_load, data, "pickle")
    assert isinstance(verdict, Refuted)
    assert verdict.witnesses[0].place.offset == data.index(b"tR.") + 1
    other_version = loaded(raw(object_=runs, version=b"\x80\x02K\x01."))
    assert isinstance(verdict_on(pickle_load, other_version, "pickle"), Undecided)


def test_bytes_are_followed_as_often_as_they_are_long() -> None:
    """Two calls on the same bytes take twice the work of one, so they are not followed."""
    once = loaded(raw())
    kept = once[:-3] + b"q\x00\x85R"
    again = kept + b"ctorch.storage\n_load_from_bytes\nh\x00\x85R\x86."
    assert isinstance(verdict_on(pickle_load, kept + b".", "pickle"), Proven)
    assert isinstance(verdict_on(pickle_load, again, "pickle"), Undecided)


def test_a_layer_with_its_source_is_the_class_that_it_names() -> None:
    for source in (b"U\x04text", b"X\x2c\x01\0\0" + b"s" * 300):
        data = raw(layer(b"torch.nn.modules.linear\nIdentity", source))
        verdict = verdict_on(pickle_load, data, "torch-raw")
        assert isinstance(verdict, Proven)
        check(verdict.certificate, data)
        assert_every_mutant_is_rejected(verdict.certificate, data, range(0, len(data) - 6, 7))


@pytest.mark.parametrize(
    "object_",
    [
        layer(b"sklearn.linear_model._base\nLinearRegression", b"U\x04text"),
        layer(b"os\nsystem", b"U\x04text"),
        layer(b"torch.nn.modules.linear\nIdentity", ESTIMATOR),
        layer(b"torch.nn.modules.linear\nIdentity", b"K\x01"),
    ],
)
def test_a_source_that_another_class_or_object_stands_for_is_undecided(object_: bytes) -> None:
    """A class with `dump_patches` writes a file; an object compares itself with torch's source."""
    assert isinstance(verdict_on(pickle_load, raw(object_), "torch-raw"), Undecided)


@pytest.mark.parametrize("place", ["version", "keys"])
def test_what_torch_compares_or_iterates_must_be_plain_data(place: str) -> None:
    held = {place: b"\x80\x02" + ESTIMATOR + b"."}
    assert isinstance(verdict_on(pickle_load, raw(), "torch-raw"), Proven)
    assert isinstance(verdict_on(pickle_load, raw(**held), "torch-raw"), Undecided)

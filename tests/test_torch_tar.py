"""What the analyser of torch's tar format promises beyond the case page."""

from hypothesis import given
from hypothesis import strategies as st

from assemble import assembled
from probatum.analyzers.model.torch_tar_load import torch_tar_load
from probatum.errors import FormatError
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Proven, Refuted, Undecided, Verdict

NUMBER = assembled("PROTO 2\nBININT1 1\nSTOP")
HIDDEN = assembled("GLOBAL os system\nUNICODE echo inert\nTUPLE1\nREDUCE\nSTOP")


def load(name: str, data: bytes) -> Verdict:
    artifact = Artifact(name=f"a.pt!/{name}", kind="torch-tar-pickle", size=len(data))
    try:
        return torch_tar_load.judge(artifact, BytesMaterial(data))
    except FormatError as exc:
        return Undecided(exc.reason, exc.detail, exc.place)


def described(storage: str) -> bytes:
    return assembled(
        f"PROTO 2\nBINUNICODE '0'\nBINUNICODE 'cpu'\nGLOBAL torch {storage}\nTUPLE3\nSTOP"
    )


def test_a_stream_that_a_plain_reading_takes_for_text_is_found() -> None:
    raw = (2).to_bytes(8, "little") + bytes(8)
    data = NUMBER + described("FloatStorage") + raw + HIDDEN
    assert isinstance(load("storages", data), Refuted)
    wider = NUMBER + described("DoubleStorage") + raw + HIDDEN
    assert isinstance(load("storages", wider), Undecided)


def test_only_the_one_stream_of_the_object_itself_is_ever_proven() -> None:
    assert isinstance(load("pickle", NUMBER), Proven)
    assert isinstance(load("pickle", NUMBER + b"x"), Undecided)
    for name in ("storages", "tensors", "STORAGES", "other"):
        assert isinstance(load(name, assembled("PROTO 2\nBININT1 0\nSTOP")), Undecided)


@given(st.binary(max_size=120), st.sampled_from(["pickle", "storages", "tensors"]))
def test_any_bytes_get_a_verdict(data: bytes, name: str) -> None:
    for whole in (data, NUMBER + data):
        verdict = load(name, whole)
        assert name == "pickle" or not isinstance(verdict, Proven)

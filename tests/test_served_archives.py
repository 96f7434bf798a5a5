"""What the NeMo and TorchServe analysers and their checkers promise beyond the case pages."""

from hypothesis import given
from hypothesis import strategies as st

from bytes_of_text import built
from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.mar_remote_code import mar_remote_code
from probatum.analyzers.model.nemo_remote_code import nemo_remote_code
from probatum.vocabulary import Certificate, Proven, Undecided

NEMO = built("tar", "--- model_config.yaml\nrate: 16000\n")
MAR = built(
    "zip",
    '--- MAR-INF/MANIFEST.json\n{"model": {"handler": "text_classifier", "modelName": "m"}}\n',
)


def test_every_mutant_of_a_nemo_certificate_is_rejected() -> None:
    certificate = certificate_of(nemo_remote_code, NEMO, "nemo")
    start = NEMO.index(b"rate")
    assert_every_mutant_is_rejected(certificate, NEMO, range(start, start + 11))


def test_every_mutant_of_a_mar_certificate_is_rejected() -> None:
    certificate = certificate_of(mar_remote_code, MAR, "mar")
    assert_every_mutant_is_rejected(certificate, MAR, range(MAR.index(b"{"), len(MAR)))


_PIECES = st.sampled_from(
    ["_target_", "target", ": ", "os.system", "\n", "  ", "- ", "!!python/x", "!", "${", "}", "x",
     "oc.env:", "\\", "'", '"', "{", "[", ",", "a: 1\n", "\r", "#"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_prover_and_checker_agree_on_any_configuration(text: str) -> None:
    data = built("tar", "--- model_config.yaml\n" + text.replace("\r", " "))
    verdict = verdict_on(nemo_remote_code, data, "nemo")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)
        assert "_target_" not in text.split()
    else:
        facts = certificate_of(nemo_remote_code, NEMO, "nemo").facts
        assert_rejected(Certificate("nemo_config", facts), data, str(verdict))


@given(st.binary(max_size=600))
def test_the_readers_raise_only_format_errors_on_any_bytes(data: bytes) -> None:
    assert isinstance(verdict_on(nemo_remote_code, data, "nemo"), Undecided)
    assert isinstance(verdict_on(mar_remote_code, data, "mar"), Undecided)

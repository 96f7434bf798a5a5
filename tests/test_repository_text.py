"""Configurations, programs and hidden text: certificates and laws."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import assert_every_mutant_is_rejected, certificate_of, check, verdict_on
from probatum.analyzers.model.hidden_text import hidden_text
from probatum.analyzers.model.no_remote_code import no_remote_code
from probatum.analyzers.model.not_a_program import not_a_program
from probatum.errors import FormatError
from probatum.formats.hidden_text import decoded
from probatum.formats.repository_config import located
from probatum.vocabulary import Proven, Refuted, Undecided

KEYS = st.sampled_from(
    ["auto_map", "_target_", "target", "custom_pipelines", "impl", "type", "path", "_class_name",
     "class_name", "module", "auto_mapping", "parent_library", "py/object", "py/reduce", "cls",
     "trust_remote_code", "unet", "a"]
)  # fmt: skip
VALUES = st.sampled_from(
    ["", "os.system", "m.M", "diffusers", "transformers", "keras.layers", "Dense", "Lambda",
     "sentence_transformers.models.Pooling", "sentence_transformers.models.os", None, True, 0, 1.5]
)  # fmt: skip
DOCUMENTS = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)
)
CHARACTERS = st.sampled_from(
    "a é\u05d0\u0646\u0915\u094d\u200c\u200d\ufe0f\U0001f469\U0001f3fd\U0001f4bb\u200e\u00ad\ufeff"
    "\u202e\u200b\u1820\u180b\U0001f3f4\U000e0067\U000e0062\U000e007f\ue000#\n"
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"a": [1, {"cls": 2}], "auto_map": null}', "model-config"),
        (b"a: 1\nb: [x, y]\n", "yaml"),
    ],
)
def test_every_mutant_of_a_configurations_proof_is_rejected(data: bytes, kind: str) -> None:
    certificate = certificate_of(no_remote_code, data, kind)
    assert_every_mutant_is_rejected(certificate, data, range(len(data)))


def test_every_mutant_of_a_visible_texts_proof_is_rejected() -> None:
    data = "\ufeffA text 👩🏽‍💻 می‌خواهم\n".encode()
    certificate = certificate_of(hidden_text, data, "markdown")
    assert_every_mutant_is_rejected(certificate, data, range(len(data)))


@given(DOCUMENTS)
def test_prover_and_checker_agree_on_every_configuration(value: object) -> None:
    data = json.dumps(value).encode()
    verdict = verdict_on(no_remote_code, data, "json")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)
    elif isinstance(verdict, Refuted):
        assert data[verdict.witnesses[0].place.offset or 0 :].startswith(b'"')


@given(st.binary(max_size=60) | st.text('{}[],:"\\ a1.eNtrufalsn', max_size=40).map(str.encode))
def test_the_reader_of_configurations_raises_nothing_but_format_errors(data: bytes) -> None:
    try:
        located(data)
    except FormatError:
        return


@given(st.text(st.sampled_from("a: !\\${}_targetcls\n\u2028"), max_size=60))
def test_what_is_proven_of_yaml_also_checks(text: str) -> None:
    data = text.encode()
    verdict = verdict_on(no_remote_code, data, "yaml")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.text(CHARACTERS, max_size=12) | st.text(st.characters(codec="utf-8"), max_size=12))
def test_what_is_proven_visible_also_checks(text: str) -> None:
    data = text.encode()
    verdict = verdict_on(hidden_text, data, "text")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_a_message_in_tags_is_decoded(message: str) -> None:
    hidden = "".join(chr(0xE0000 + ord(char)) for char in message)
    assert decoded(hidden) == message
    assert isinstance(verdict_on(hidden_text, f"Card{hidden}".encode(), "markdown"), Refuted)


def test_bits_in_zero_width_characters_are_decoded() -> None:
    bits = "".join(f"{byte:08b}" for byte in b"run")
    assert decoded(bits.replace("0", "\u200b").replace("1", "\u200c")) == "run"


def test_a_deep_document_stays_undecided() -> None:
    verdict = verdict_on(no_remote_code, b"[" * 200_000 + b"]" * 200_000, "json")
    assert isinstance(verdict, Undecided)


@given(st.binary(max_size=80), st.sampled_from(["elf", "pe", "macho", "shell-script"]))
def test_a_program_is_never_proven_to_be_none(data: bytes, kind: str) -> None:
    assert not isinstance(verdict_on(not_a_program, data, kind), Proven)

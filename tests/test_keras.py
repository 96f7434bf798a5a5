"""What the Keras readers, analysers and checker promise beyond the case pages."""

import contextlib
import io
import json
import warnings
import zipfile
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
from probatum.analyzers.model.keras_load import keras_load
from probatum.analyzers.model.keras_self_contained import keras_self_contained
from probatum.errors import FormatError
from probatum.formats import keras_archive, keras_config
from probatum.formats.kinds import kind_of
from probatum.material import BytesMaterial
from probatum.vocabulary import Certificate, Proven, Reason, Refuted, Undecided

ANALYZERS = (keras_load, keras_self_contained)


def layer(name: str, module: str = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def archive(config: Any, method: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        opened.writestr(zipfile.ZipInfo("metadata.json"), "{}")
        opened.writestr(zipfile.ZipInfo("config.json"), json.dumps(config), method)
    return made.getvalue()


SMALL = archive(layer("Sequential", "keras", layers=[layer("Dense", units=3, activation="relu")]))


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
def test_every_mutant_of_a_certificate_is_rejected(analyzer: Any) -> None:
    certificate = certificate_of(analyzer, SMALL, "keras")
    start = SMALL.index(b'{"module"')
    assert_every_mutant_is_rejected(certificate, SMALL, range(start, len(SMALL)))


@given(st.binary(max_size=300))
def test_the_reader_raises_only_format_errors_on_any_bytes(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        keras_archive.description(BytesMaterial(data))


@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_what_is_proven_of_a_mutated_archive_also_checks(at: int, put: bytes, cut: int) -> None:
    data = SMALL[:at] + put + SMALL[at + cut :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdict = verdict_on(keras_load, data, "keras")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["class_name", "module", "config", "registered_name", "activation", "x"]
            ),
            inner | st.sampled_from(["Dense", "keras.layers", "Lambda", "relu", "function", "os"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_prover_and_checker_agree_on_any_description(config: Any) -> None:
    data = archive(config)
    verdict = verdict_on(keras_load, data, "keras")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)
    else:
        facts = _facts_as_if_proven(data)
        assert_rejected(Certificate("keras_archive", facts), data, f"{verdict}")


def _facts_as_if_proven(data: bytes) -> dict[str, Any]:
    described = keras_archive.description(BytesMaterial(data))
    return {
        "claim": "load-inert",
        "size": len(data),
        "directory": described.directory,
        "directory_sha256": described.directory_sha256,
        "config_sha256": described.config_sha256,
        "objects": described.found.objects,
    }


def test_a_compressed_description_is_read_too() -> None:
    data = archive(layer("Dense", units=3), zipfile.ZIP_DEFLATED)
    certificate_of(keras_load, data, "keras")


def test_a_name_that_stands_twice_in_the_directory_is_undecided() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened.writestr("config.json", json.dumps(layer("Dense")))
        opened.writestr("config.json", json.dumps(layer("Lambda")))
    verdict = verdict_on(keras_load, made.getvalue(), "keras")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL


def test_a_deep_description_with_long_keys_costs_no_more_than_its_size() -> None:
    text = '{"%s":' % ("k" * 300) * 300 + "[" + "{}," * 5000 + "{}]" + "}" * 300
    found = keras_config.reached(json.loads(text), "config.json")
    assert found.witnesses == ()


def test_many_unknown_classes_are_named_once_and_counted() -> None:
    verdict = verdict_on(keras_load, archive([layer("Odd", "x")] * 5), "keras")
    assert isinstance(verdict, Undecided)
    assert "and 4 more" in verdict.detail


@pytest.mark.parametrize("module", ["os", "builtins", "importlib", "pickle", "os.path", "ctypes"])
def test_every_standard_module_is_a_way_out(module: str) -> None:
    config = layer("function", module) | {"config": "anything", "registered_name": "anything"}
    assert isinstance(verdict_on(keras_load, archive(config), "keras"), Refuted)


def test_every_refused_class_is_never_among_the_proven_ones() -> None:
    known = keras_config.known()
    assert not known.names & known.refused.keys()


@pytest.mark.parametrize(
    "other", ["schema.json", "MAR-INF/MANIFEST.json", "data.pkl", "m/data.pkl"]
)
def test_an_archive_of_two_loaders_is_a_parser_differential(other: str) -> None:
    made = io.BytesIO(archive(layer("Dense", units=3)))
    with zipfile.ZipFile(made, "a") as opened:
        opened.writestr(other, "{}")
    verdict = verdict_on(keras_load, made.getvalue(), "keras")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.PARSER_DIFFERENTIAL
    assert_rejected(
        Certificate("keras_archive", _facts_as_if_proven(SMALL)), made.getvalue(), "two loaders"
    )


def test_code_stays_refuted_whatever_lies_beside_it() -> None:
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAABwcmludG9ubHlwcmludG9ubHk="}}
    made = io.BytesIO(archive(layer("Lambda", function=code)))
    with zipfile.ZipFile(made, "a") as opened:
        opened.writestr("schema.json", "{}")
    assert isinstance(verdict_on(keras_load, made.getvalue(), "keras"), Refuted)


def test_what_keras_opens_by_its_suffix_is_never_another_loader_s_kind() -> None:
    made = io.BytesIO(archive(layer("Dense", units=3)))
    with zipfile.ZipFile(made, "a") as opened:
        opened.writestr("schema.json", "{}")
    assert kind_of("model.keras", BytesMaterial(made.getvalue())) == "keras"

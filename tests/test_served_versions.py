"""What the answers of serving endpoints say of the version of what serves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.catalog import accepting
from probatum.formats.kinds import kind_of
from probatum.formats.served_versions import answers
from probatum.inventory.reading import inventory_of
from probatum.material import BytesMaterial

_PROPS = {"default_generation_settings": {"n_ctx": 4096}, "build_info": "b4315-0a1b2c3d"}
_INFO = {"model_id": "o/m", "version": "2.4.0", "max_total_tokens": 4096}
_GRADIO = {"version": "4.1.0", "components": [], "dependencies": [], "mode": "blocks"}
_STATS = {"system": {"comfyui_version": "0.3.1", "pytorch_version": "2.5.0+cu124"}, "devices": []}


@pytest.mark.parametrize(
    ("name", "answer", "expected"),
    [
        ("vllm-version.json", {"version": "0.6.3"}, ["PyPI vllm 0.6.3"]),
        ("vllm/version", {"version": "0.6.3.post1"}, ["PyPI vllm 0.6.3.post1"]),
        ("ollama.json", {"version": "0.5.1"}, ["Go github.com/ollama/ollama v0.5.1"]),
        ("jupyter.json", {"version": "2.14.2"}, ["PyPI jupyter-server 2.14.2"]),
        ("props.json", _PROPS, ["generic llama.cpp b4315"]),
        ("info.json", _INFO, ["generic text-generation-inference 2.4.0"]),
        ("a.json", {"openapi": "3.0", "info": {"title": "LiteLLM API", "version": "1.55.0"}},
         ["PyPI litellm 1.55.0"]),
        ("a.json", {"ray_version": "2.9.0", "ray_commit": "c"}, ["PyPI ray 2.9.0"]),
        ("a.json", _GRADIO, ["PyPI gradio 4.1.0"]),
        ("a.json", {"name": "triton", "version": "2.50.0", "extensions": []},
         ["generic triton-inference-server 2.50.0"]),
        ("a.json", _STATS, ["generic comfyui 0.3.1", "PyPI torch 2.5.0+cu124"]),
    ],
)  # fmt: skip
def test_an_answer_names_what_serves(
    name: str, answer: dict[str, Any], expected: list[str]
) -> None:
    material = BytesMaterial(json.dumps(answer, indent=1).encode())
    assert kind_of(name, material) == "served-version"
    told = inventory_of("served-version", name, material).components
    assert [f"{one.ecosystem} {one.name} {one.version}" for one in told] == expected
    assert all(one.place.line is not None for one in told)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("version.json", {"version": "0.6.3"}),
        ("vllm/package.json", {"name": "vllm-ui", "version": "0.6.3"}),
        ("vllm.json", {"version": 6}),
        ("vllm.json", {"version": "two words"}),
        ("a.json", {"openapi": "3.0", "info": {"title": "FastAPI", "version": "0.1.0"}}),
        ("a.json", ["version"]),
        ("a.json", {"name": "other", "version": "1", "extensions": []}),
        ("props.json", _PROPS | {"build_info": "unknown"}),
    ],
)
def test_what_others_write_too_is_plain_json(name: str, answer: Any) -> None:
    assert kind_of(name, BytesMaterial(json.dumps(answer).encode())) == "json"


def test_a_configuration_of_a_model_stays_one_whatever_it_holds() -> None:
    text = json.dumps(_GRADIO | {"model_type": "x"}).encode()
    assert kind_of("config.json", BytesMaterial(text)) == "model-config"


def test_such_a_file_is_asked_all_that_json_is_asked() -> None:
    plain = {one.claim.id for one in accepting("json")}
    assert plain < {one.claim.id for one in accepting("served-version")}


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_an_answer_or_none(text: str) -> None:
    assert isinstance(answers("vllm.json", text), tuple)


def test_a_text_nested_without_end_is_none() -> None:
    assert answers("a.json", "[" * 100_000) == ()

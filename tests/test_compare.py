"""What `probatum compare` tells of two models, and with which exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models import TEMPLATE, TENSORS, floats, gguf, halves, model, safetensors
from probatum.audit.comparing import recorded
from probatum.audit.opened import Caps
from probatum.audit.sandbox import Limits
from probatum.audit.targets import roots
from probatum.cli.main import main
from probatum.comparison.record import identity, purl

Compare = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Compare:
    """The exit code, and what is told of each aspect."""

    def told(*arguments: object) -> tuple[int, dict[str, Any]]:
        code = main(["compare", *map(str, arguments), "--format", "json", "-q"])
        report = json.loads(capsys.readouterr().out)
        return code, {one["name"]: one for one in report["aspects"]}

    return told


def changes(told: dict[str, Any], aspect: str) -> list[tuple[str, str]]:
    return [
        (one["how"], (one["after"] or one["before"])["name"]) for one in told[aspect]["changes"]
    ]


def test_a_copy_is_the_same_in_everything(tmp_path: Path, compare: Compare) -> None:
    code, told = compare(model(tmp_path / "a"), model(tmp_path / "b"))
    assert code == 0
    assert {one["state"] for one in told.values()} == {"same"}
    assert told["tensors"]["same"] == 3


def test_shards_order_and_white_space_are_no_difference(tmp_path: Path, compare: Compare) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    (other / "model.safetensors").unlink()
    names = list(reversed(TENSORS))
    for number, few in enumerate((names[:1], names[1:]), 1):
        shard = safetensors({name: TENSORS[name] for name in few})
        (other / f"model-0000{number}-of-00002.safetensors").write_bytes(shard)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config, indent=4, sort_keys=True))
    assert compare(base, other)[0] == 0


def test_a_changed_tensor_is_named_and_measured(tmp_path: Path, compare: Compare) -> None:
    tuned = dict(TENSORS) | {"model.layers.1.weight": ("F32", (2, 2), floats(5, 6, 7, 10))}
    code, told = compare(model(tmp_path / "a"), model(tmp_path / "b", tuned))
    assert code == 1
    assert changes(told, "tensors") == [("changed", "model.layers.1.weight")]
    measure = told["tensors"]["changes"][0]["measure"]
    assert (measure["elements"], measure["changed"], measure["largest"]) == (4, 1, 2.0)
    assert measure["relative"] == pytest.approx(2 / (25 + 36 + 49 + 64) ** 0.5)
    assert 0.99 < measure["cosine"] < 1


def test_added_removed_and_renamed_tensors_are_told_apart(tmp_path: Path, compare: Compare) -> None:
    other = {
        "lm_head.weight": ("F32", (1,), floats(9)),
        "layers.0.weight": TENSORS["model.layers.0.weight"],
        "model.norm.weight": TENSORS["model.norm.weight"],
    }
    _, told = compare(model(tmp_path / "a"), model(tmp_path / "b", other))
    assert sorted(changes(told, "tensors")) == [
        ("added", "lm_head.weight"),
        ("removed", "model.layers.1.weight"),
        ("renamed", "layers.0.weight"),
    ]


def test_a_wider_data_type_has_the_same_values(tmp_path: Path, compare: Compare) -> None:
    few = {"w": ("BF16", (2,), halves(1.5, -2))}
    wide = {"w": ("F32", (2,), floats(1.5, -2))}
    base, other = model(tmp_path / "a", few), model(tmp_path / "b", wide)
    assert compare(base, other, "--must-equal", "tensors")[0] == 1
    assert compare(base, other, "--must-equal", "values,code")[0] == 0
    far = model(tmp_path / "c", {"w": ("F32", (2,), floats(1.5, -2.001))})
    assert compare(base, far, "--must-equal", "values")[0] == 1


def test_a_longer_embedding_keeps_its_first_rows(tmp_path: Path, compare: Compare) -> None:
    longer = {"w": ("F32", (3, 1), floats(1, 2, 3))}
    shorter = {"w": ("F32", (2, 1), floats(1, 2))}
    _, told = compare(model(tmp_path / "a", shorter), model(tmp_path / "b", longer))
    measure = told["tensors"]["changes"][0]["measure"]
    assert measure["rows"] == 2
    assert "changed" not in measure


def test_a_converted_model_has_its_tensors_and_template(tmp_path: Path, compare: Compare) -> None:
    base = model(tmp_path / "a")
    (tmp_path / "b.gguf").write_bytes(gguf(TENSORS, {"F32": 0}, TEMPLATE))
    code, told = compare(base, tmp_path / "b.gguf", "--must-equal", "tensors,template")
    assert code == 0
    assert told["config"]["state"] == "differs"


def test_what_a_reader_would_not_see_is_told(tmp_path: Path, compare: Compare) -> None:
    base = model(tmp_path / "a")
    other = model(tmp_path / "b", template=TEMPLATE + "\nBe \U000e0041\U000e0042brief.")
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    tokenizer["added_tokens"].append({"id": 3, "content": "<|a\u200b|>", "special": True})
    tokenizer["model"]["vocab"]["c"] = 3
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    code, told = compare(base, other)
    assert code == 1
    assert "spell 'AB'" in told["template"]["changes"][0]["explanation"]["hidden"][0]
    explanation = told["tokenizer"]["changes"][0]["explanation"]
    assert '+model.vocab: 1 added: "c"' in explanation["lines"]
    assert "ZERO WIDTH SPACE" in explanation["hidden"][0]
    assert changes(told, "tokenizer") == [("changed", "tokenizer.json")]


def test_keys_of_a_configuration_and_lines_of_code_are_told(
    tmp_path: Path, compare: Compare
) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    (other / "config.json").write_text(json.dumps({"model_type": "llama", "rope": 1}))
    (other / "modeling.py").write_text("import os\nclass Model:\n    pass\n")
    (other / "evil.so").write_bytes(b"\x7fELF" + bytes(60))
    _, told = compare(base, other)
    lines = told["config"]["changes"][0]["explanation"]["lines"]
    assert lines == ["-hidden_size: 2", "+rope: 1"]
    assert "+import os" in told["code"]["changes"][0]["explanation"]["lines"]
    assert ("added", "evil.so") in changes(told, "code")


def test_what_cannot_be_read_is_undecided_unless_its_bytes_are_the_same(
    tmp_path: Path, compare: Compare
) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    for folder in (base, other):
        (folder / "model.safetensors").write_bytes(safetensors(TENSORS)[:-1])
    code, told = compare(base, other)
    assert (code, told["tensors"]["state"], told["code"]["state"]) == (0, "same", "same")
    (other / "model.safetensors").write_bytes(safetensors(TENSORS)[:-2])
    code, told = compare(base, other)
    assert (code, told["tensors"]["state"], told["code"]["state"]) == (2, "undecided", "same")
    assert told["tensors"]["lost"][0]["reason"] == "malformed"


def test_weights_that_are_not_read_are_compared_by_their_bytes(
    tmp_path: Path, compare: Compare
) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    for folder in (base, other):
        (folder / "weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert compare(base, other)[0] == 0
    (other / "weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(101))
    code, told = compare(base, other)
    assert code == 1
    assert changes(told, "tensors") == [("changed", "weights.h5")]


def test_two_files_may_have_any_names(tmp_path: Path, compare: Compare) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text('{"model_type": "llama"}')
    assert compare(tmp_path / "a.json", tmp_path / "b.json")[0] == 0


def test_nothing_to_compare_is_not_the_same(tmp_path: Path, compare: Compare) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text("# A\n")
    assert compare(tmp_path / "a", tmp_path / "b")[0] == 0
    assert compare(tmp_path / "a", tmp_path / "b", "--must-equal", "tensors")[0] == 2
    assert compare(tmp_path / "a", tmp_path / "b", "--must-equal", "values")[0] == 2


def test_a_second_copy_with_other_values_is_a_difference(tmp_path: Path, compare: Compare) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    hidden = dict(TENSORS) | {"model.norm.weight": ("F32", (2,), floats(1, 2))}
    (other / "extra.safetensors").write_bytes(safetensors(hidden))
    code, told = compare(base, other)
    assert code == 1
    assert changes(told, "tensors") == [("added", "model.norm.weight")]


def test_an_unknown_aspect_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", str(tmp_path), str(tmp_path), "--must-equal", "weights"])
    assert stopped.value.code == 3
    assert "'weights' is none of: tensors" in capsys.readouterr().err


def test_a_target_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tmp_path / "no"), str(tmp_path)]) == 3
    assert "No such file" in capsys.readouterr().err


def test_a_person_reads_groups_of_layers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tuned = {
        name: ("F32", shape, floats(*(9.0 for _ in range(len(data) // 4))))
        for name, (_, shape, data) in TENSORS.items()
    }
    base, other = model(tmp_path / "a"), model(tmp_path / "b", tuned)
    assert main(["compare", str(base), str(other)]) == 1
    said = capsys.readouterr().out
    assert "~ model.layers.*.weight  2 tensors; F32 [2, 2]; 100.0% of the elements" in said
    assert said.splitlines()[-1] == "5 aspects the same, 1 different"


def test_an_identity_does_not_depend_on_how_a_model_is_stored(tmp_path: Path) -> None:
    base, other = model(tmp_path / "a"), model(tmp_path / "b")
    (other / "model.safetensors").write_bytes(
        safetensors({name: TENSORS[name] for name in reversed(TENSORS)})
    )
    first, second = (
        recorded(str(one), limits=Limits(), caps=Caps(), roots_of=roots) for one in (base, other)
    )
    assert identity(first) == identity(second)
    assert not first.lost
    digests = {one.name: one.digest for one in first.files}
    assert all(one.startswith("sha256:") for one in digests.values())
    assert digests != {one.name: one.digest for one in second.files}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (f"hf://owner/name@{'a' * 40}", f"pkg:huggingface/owner/name@{'a' * 40}"),
        ("hf://owner/name@main", ""),
        ("hf://owner/name", ""),
        ("models/x", ""),
    ],
)
def test_only_a_commit_names_a_model(target: str, said: str) -> None:
    assert purl(target) == said

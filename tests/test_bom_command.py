"""`probatum bom` as a user meets it."""

import json
import os
from pathlib import Path

import pytest

from bills import model_in, project_in
from models import TENSORS, gguf, model, safetensors
from probatum.audit import survey
from probatum.cli.main import main
from probatum.formats.bill_documents import bill


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    return tmp_path


def run(*arguments: str) -> int:
    """The exit code of a command, whether it returns or exits."""
    try:
        return main(arguments)
    except SystemExit as exc:
        assert isinstance(exc.code, int)
        return exc.code


Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("form", ["cyclonedx-1.6", "cyclonedx-1.7", "spdx-3"])
def test_a_bill_is_written_in_each_form_and_lists_the_same(
    form: str, here: Path, capsys: Captured
) -> None:
    project_in(here / "shop")
    assert run("bom", "shop", "--format", form) == 0
    told, talk = capsys.readouterr()
    found = bill(told.encode())
    assert {"chat", "torch", "nginx", "web"} <= {one.name for one in found.parts}
    assert "probatum: the version of requests (>=2) is not fixed in requirements.txt\n" in talk


def test_the_same_target_gives_the_same_bytes(here: Path, capsys: Captured) -> None:
    project_in(here / "shop")
    assert run("bom", "shop") == run("bom", "./shop/") == 0
    told = capsys.readouterr().out
    assert told[: len(told) // 2] == told[len(told) // 2 :]


def test_a_date_stands_in_it_only_where_one_is_asked_for(
    here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_in(here / "chat")
    assert run("bom", "chat") == 0
    assert "timestamp" not in capsys.readouterr().out
    assert run("bom", "chat", "--timestamp", "2026-01-31T13:00:00+01:00") == 0
    assert '"timestamp": "2026-01-31T12:00:00Z"' in capsys.readouterr().out
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert run("bom", "chat", "-q", "--format", "spdx-3") == 0
    assert '"created": "1970-01-02T00:00:00Z"' in capsys.readouterr().out


def test_a_bill_can_be_called_something_else(here: Path, capsys: Captured) -> None:
    model_in(here / "chat")
    assert run("bom", "chat", "-q", "--name", "Our chat", "-o", "out.json") == 0
    assert capsys.readouterr() == ("", "")
    component = json.loads((here / "out.json").read_text())["metadata"]["component"]
    assert component["name"] == "Our chat"


def test_files_of_several_targets_are_told_apart(here: Path, capsys: Captured) -> None:
    model_in(here / "a")
    model_in(here / "b")
    assert run("bom", "a", "b", "-q") == 0
    found = bill(capsys.readouterr().out.encode())
    assert {"file:a/config.json", "file:b/config.json"} <= {one.ref for one in found.parts}


def test_what_is_excluded_is_not_listed(here: Path, capsys: Captured) -> None:
    project_in(here / "shop")
    assert run("bom", "shop", "-q", "--exclude", "models") == 0
    assert "machine-learning-model" not in capsys.readouterr().out


def test_two_bills_that_differ_exit_with_1(here: Path, capsys: Captured) -> None:
    project_in(here / "shop")
    assert run("bom", "shop", "-q", "-o", "before.json") == 0
    (here / "shop" / "requirements.txt").write_text("torch==2.7.0\nnumpy==2.0.0\n")
    assert run("bom", "diff", "before.json", "shop", "-q") == 1
    assert capsys.readouterr().out == (
        "added    library  numpy  2.0.0\n"
        "removed  library  requests\n"
        "changed  library  torch  version: 2.6.0+cu124 -> 2.7.0\n"
        "\n"
        "1 added, 1 removed, 1 changed, 16 the same\n"
    )
    assert run("bom", "diff", "before.json", "shop", "-q", "--format", "json") == 1
    assert json.loads(capsys.readouterr().out)["changed"][0]["fields"] == [
        {"field": "version", "before": "2.6.0+cu124", "after": "2.7.0"}
    ]
    assert run("bom", "diff", "before.json", "shop", "-q", "--format", "markdown") == 1
    assert "| changed version | library torch | 2.6.0+cu124 | 2.7.0 |" in capsys.readouterr().out


def test_the_same_bill_in_two_formats_is_the_same(here: Path, capsys: Captured) -> None:
    project_in(here / "shop")
    assert run("bom", "shop", "-q", "-o", "one.json") == 0
    assert run("bom", "shop", "-q", "-o", "two.json", "--format", "spdx-3") == 0
    assert run("bom", "diff", "one.json", "two.json") == 0
    assert capsys.readouterr().out.startswith("0 added, 0 removed, 0 changed")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["bom", "diff", "a"], "diff takes two"),
        (["bom", "chat", "--format", "markdown"], "goes with diff"),
        (["bom", "diff", "a", "b", "--format", "spdx-3"], "goes without diff"),
        (["bom", "chat", "--timestamp", "yesterday"], "is no date"),
        (["bom", "nowhere"], "nowhere"),
        (["bom", "diff", "broken.json", "chat"], "cannot be read as a bill of materials"),
        (["bom", "chat", "-o", "no/such/file"], "there is no folder"),
    ],
)
def test_wrong_usage_exits_with_3(
    arguments: list[str], says: str, here: Path, capsys: Captured
) -> None:
    model_in(here / "chat")
    (here / "broken.json").write_text('{"bomFormat": "CycloneDX", "components": 1}')
    assert run(*arguments) == 3
    assert says in capsys.readouterr().err


def test_a_file_that_kills_its_reader_costs_only_itself(
    here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_in(here / "chat")
    plain = survey.told

    def deadly(artifact: object, *rest: object, **more: object) -> object:
        if getattr(artifact, "name", "") == "config.json":
            os._exit(7)
        return plain(artifact, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(survey, "told", deadly)
    assert run("bom", str(folder)) == 0
    told, talk = capsys.readouterr()
    assert "nothing of config.json is known: reading: its process left with exit status 7" in talk
    found = bill(told.encode())
    digests = {one.name: one.digests for one in found.parts}
    assert digests["config.json"] == ()
    assert digests["model.safetensors"]
    assert digests["tokenizer_config.json"]


def test_files_are_read_in_a_process_without_a_network(
    here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_in(here / "chat")

    def escaping(*_: object, **more: object) -> object:
        import socket

        return socket.socket()

    monkeypatch.setattr(survey, "told", escaping)
    assert run("bom", "chat") == 0
    assert "nothing of config.json is known: reading it failed: PermissionError" in (
        capsys.readouterr().err
    )


def test_names_from_a_bill_cannot_steer_the_terminal(here: Path, capsys: Captured) -> None:
    evil = {"type": "library", "name": "\x1b[2Jx\nadded  y", "version": "\u202e1"}
    for name, parts in (("a.json", []), ("b.json", [evil])):
        document = {"bomFormat": "CycloneDX", "components": parts}
        (here / name).write_text(json.dumps(document))
    assert run("bom", "diff", "a.json", "b.json") == 1
    told = capsys.readouterr().out
    assert "\\x1b[2Jx\\nadded \\x20y  \\u202e1" in told


def _facts(name: str) -> dict[str, str]:
    found = bill(Path(name).read_bytes())
    return dict(next(one for one in found.parts if one.ref == found.main).facts)


@pytest.mark.parametrize("form", ["cyclonedx-1.6", "cyclonedx-1.7", "spdx-3"])
def test_a_model_is_known_by_its_tensors_in_other_shards_and_formats(
    form: str, here: Path, capsys: Captured
) -> None:
    model(here / "base")
    model(here / "shards")
    (here / "shards/model.safetensors").unlink()
    for number, name in enumerate(TENSORS, 1):
        shard = safetensors({name: TENSORS[name]})
        (here / f"shards/model-0000{number}-of-00003.safetensors").write_bytes(shard)
    (here / "one.gguf").write_bytes(gguf(TENSORS, {"F32": 0}))
    for target in ("base", "shards", "one.gguf"):
        assert run("bom", target, "-q", "--format", form, "-o", f"{target}.json") == 0
    told = [_facts(f"{one}.json") for one in ("base", "shards", "one.gguf")]
    assert all(one["probatum:tensors"] == told[0]["probatum:tensors"] for one in told)
    assert run("bom", "diff", "base.json", "shards.json") == 1
    assert "same     machine-learning-model  shards  the weights of base\n" in (
        capsys.readouterr().out
    )
    assert run("bom", "diff", "base.json", "one.gguf.json", "--format", "markdown") == 1
    assert "| the same weights | machine-learning-model one.gguf | base | one.gguf |" in (
        capsys.readouterr().out
    )


def test_the_same_tensors_under_other_names_are_said_to_be_that(
    here: Path, capsys: Captured
) -> None:
    model(here / "base")
    model(here / "fork", {f"other.{name}": one for name, one in TENSORS.items()})
    assert run("bom", "diff", "base", "fork", "-q") == 1
    told = capsys.readouterr().out
    assert "the weights of base, under other names\n" in told
    assert "changed  machine-learning-model  fork  tensors: sha256:" in told
    assert run("bom", "diff", "base", "fork", "-q", "--format", "json") == 1
    said = json.loads(capsys.readouterr().out)["same_weights"]
    assert [(one["before"]["name"], one["after"]["name"]) for one in said] == [("base", "fork")]


def test_a_model_of_which_not_all_weights_are_read_has_no_identity(
    here: Path, capsys: Captured
) -> None:
    model(here / "base")
    (here / "base/weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert run("bom", "base", "-o", "base.json") == 0
    assert "the identity of base is not known: not all of its weights are read" in (
        capsys.readouterr().err
    )
    assert "probatum:tensors" not in _facts("base.json")


def test_a_download_says_which_commit_it_was_of(here: Path) -> None:
    model(here / "base")
    beside = here / "base/.cache/huggingface/download"
    beside.mkdir(parents=True)
    (beside / "config.json.metadata").write_text(f"{'ab' * 20}\netag\n1700000000.0\n")
    assert run("bom", "base", "-q", "-o", "base.json") == 0
    assert _facts("base.json")["probatum:downloaded at commit"] == "ab" * 20

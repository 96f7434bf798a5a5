"""The bill of a target: what its files tell, what belongs together, and what it lacks."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from bills import linked, model_in, of, part, project_in, tensors
from probatum.bom.difference import difference
from probatum.formats.bills import (
    CONTAINER,
    CONTAINS,
    DATA,
    DEPENDS_ON,
    DERIVED_FROM,
    FILE,
    MODEL,
    SERVICE,
    TRAINED_ON,
    Bill,
    Part,
    Spot,
)
from test_gguf import Writer


def test_a_model_is_what_its_header_configuration_and_card_say(tmp_path: Path) -> None:
    found = of(model_in(tmp_path / "chat"))
    model = part(found.bill, "chat")
    assert found.bill.main == model.ref
    assert (model.type, model.licenses) == (MODEL, ("Apache-2.0",))
    assert model.model is not None
    assert model.model.task == "text-generation"
    assert (model.model.family, model.model.architecture) == ("llama", "LlamaForCausalLM")
    facts = dict(model.model.facts)
    assert facts["probatum:parameters"] == "8"
    assert facts["probatum:tensor types"] == "BF16 6, F32 2"
    assert facts["probatum:quantization"] == "awq, 4 bits"
    assert facts["probatum:context length"] == "4096"
    template = "probatum:chat template tokenizer_config.json!/chat_template"
    assert facts[template].startswith("sha256:")


def test_what_a_card_names_is_external_and_has_its_line(tmp_path: Path) -> None:
    bill = of(model_in(tmp_path / "chat")).bill
    assert linked(bill, DERIVED_FROM) == {("chat", "owner/Base-1")}
    assert linked(bill, TRAINED_ON) == {("chat", "squad"), ("chat", "owner/data")}
    base = part(bill, "owner/Base-1")
    assert base.external
    assert base.purl == "pkg:huggingface/owner/Base-1"
    assert base.places == (Spot("README.md", 3),)
    assert part(bill, "owner/data").type == DATA


def test_every_file_of_a_model_has_its_digest(tmp_path: Path) -> None:
    bill = of(model_in(tmp_path / "chat")).bill
    files = {one.name: one for one in bill.parts if one.type == FILE}
    assert set(files) == {"README.md", "config.json", "model.safetensors", "tokenizer_config.json"}
    assert all(one.digests for one in files.values())
    assert {name for _, name in linked(bill, CONTAINS)} == set(files)


def test_a_project_holds_models_needs_packages_and_starts_services(tmp_path: Path) -> None:
    bill = of(project_in(tmp_path / "shop")).bill
    models = {one.name for one in bill.parts if one.type == MODEL and not one.external}
    assert models == {"chat", "models/embed.safetensors"}
    needs = {to for of, to in linked(bill, DEPENDS_ON) if of == "shop"}
    assert needs == models | {"torch", "requests", "web", "db", "nginx", "host:5000/pg"}
    torch = part(bill, "torch")
    assert torch.purl == "pkg:pypi/torch@2.6.0%2Bcu124"
    assert torch.places == (Spot("requirements.txt", 1),)
    assert part(bill, "web").type == SERVICE
    image = part(bill, "nginx")
    assert (image.type, image.version) == (CONTAINER, "1.25")
    assert part(bill, "host:5000/pg").digests == (f"sha256:{'ab' * 32}",)


def test_shards_are_one_model_and_their_parameters_are_added(tmp_path: Path) -> None:
    bill = of(project_in(tmp_path / "shop")).bill
    model = part(bill, "models/embed.safetensors").model
    assert model is not None
    assert ("probatum:parameters", "3") in model.facts


def test_what_is_not_known_is_said_and_not_made_up(tmp_path: Path) -> None:
    lacks = of(project_in(tmp_path / "shop")).lacks
    for line in (
        "the licence of models/embed.safetensors is not known",
        "the architecture of models/embed.safetensors is not known",
        "what models/embed.safetensors was trained on is not known",
        "the version of requests (>=2) is not fixed in requirements.txt",
        "the licences of 2 packages are not known",
        "the digest of the image nginx:1.25 is not known: compose.yaml names none",
    ):
        assert line in lacks
    assert not any("licence of chat" in line for line in lacks)


def test_other_files_are_listed_where_all_are_asked_for(tmp_path: Path) -> None:
    folder = project_in(tmp_path / "shop")
    assert not any(one.name == "app.py" for one in of(folder).bill.parts)
    assert part(of(folder, all_files=True).bill, "app.py").digests


def test_the_same_files_elsewhere_make_the_same_bill(tmp_path: Path) -> None:
    first = project_in(tmp_path / "here" / "shop")
    second = project_in(tmp_path / "there" / "shop")
    assert of(first) == of(second)


def test_a_snapshot_of_the_hubs_cache_is_known_by_its_repository_and_commit(tmp_path: Path) -> None:
    commit = "c0ffee" + "0" * 34
    folder = tmp_path / "models--owner--chat" / "snapshots" / commit
    model_in(folder)
    model = part(of(folder, name=str(folder)).bill, "owner/chat")
    assert model.version == commit
    assert model.purl == f"pkg:huggingface/owner/chat@{commit}"


def test_a_folder_within_a_model_belongs_to_it(tmp_path: Path) -> None:
    folder = model_in(tmp_path / "chat")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text('{"model_type": "other"}')
    (folder / "onnx" / "b.safetensors").write_bytes(tensors(w=("U8", 1)))
    bill = of(folder).bill
    assert [one.name for one in bill.parts if one.type == MODEL and not one.external] == ["chat"]
    model = part(bill, "chat").model
    assert model is not None
    assert model.family == "llama"
    assert part(bill, "onnx/b.safetensors").type == FILE


def test_a_gguf_file_tells_its_architecture_types_and_licence(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    writer = Writer().string("general.architecture", "llama").string("general.license", "mit")
    writer.string("tokenizer.chat_template", "{{ messages }}")
    writer.string("general.base_model.0.repo_url", "https://huggingface.co/owner/Base-1")
    for key, number in (("general.base_model.count", 1), ("llama.context_length", 2048)):
        writer.entry(key, 4, writer.pack("I", number))
    (tmp_path / "m" / "tiny.gguf").write_bytes(writer.tensor("w", [32], type=8).bytes(34))
    bill = of(tmp_path / "m").bill
    found = part(bill, "m")
    assert linked(bill, DERIVED_FROM) == {("m", "owner/Base-1")}
    assert found.licenses == ("MIT",)
    assert found.model is not None
    assert found.model.family == "llama"
    facts = dict(found.model.facts)
    assert facts["probatum:tensor types"] == "Q8_0 32"
    assert facts["probatum:context length"] == "2048"
    assert any(name.startswith("probatum:chat template") for name in facts)


def test_a_data_set_is_known_by_its_card(tmp_path: Path) -> None:
    folder = tmp_path / "questions"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: odbl\ntask_categories:\n- qa\n---\n")
    (folder / "train.csv").write_text("a,b\n")
    data = part(of(folder).bill, "questions")
    assert (data.type, data.licenses) == (DATA, ("ODbL-1.0",))


def test_the_readme_of_code_makes_no_model(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "README.md").write_text("---\ntitle: A page\n---\n")
    (folder / "config.json").write_text('{"a": 1}')
    assert not any(one.type == MODEL for one in of(folder).bill.parts)


def test_a_model_in_an_archive_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    model_in(tmp_path / "src" / "chat")
    folder.mkdir()
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.add(tmp_path / "src" / "chat", "chat")
    (folder / "release.tar.gz").write_bytes(gzip.compress(held.getvalue(), mtime=0))
    bill = of(folder).bill
    model = part(bill, "chat")
    assert model.model is not None
    assert model.model.architecture == "LlamaForCausalLM"
    assert part(bill, "model.safetensors").digests


def test_a_broken_file_costs_nothing_but_what_it_would_have_told(tmp_path: Path) -> None:
    folder = model_in(tmp_path / "chat")
    (folder / "config.json").write_text('{"model_type": "llama"')
    (folder / "model.safetensors").write_bytes(b"\xff" * 7 + b"\0{}")
    found = of(folder)
    assert part(found.bill, "config.json").digests
    assert any(line.startswith("the configuration of config.json") for line in found.lacks)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    folder = model_in(tmp_path / "chat")
    (folder / "model.safetensors").chmod(0)
    assert any("model.safetensors" in line for line in of(folder).lacks)


# --- differences ---------------------------------------------------------------------------


def _bill(*parts: Part) -> Bill:
    return Bill(parts=parts)


def _package(version: str, ref: str = "", **fields: object) -> Part:
    purl = f"pkg:pypi/torch@{version}"
    plain = Part(ref=ref or purl, type="library", name="torch", version=version, purl=purl)
    return replace(plain, **fields)


def test_a_package_of_another_version_has_changed() -> None:
    found = difference(_bill(_package("1.0")), _bill(_package("2.0")))
    (change,) = found.changed
    assert change.fields == (("version", "1.0", "2.0"),)
    assert not found.added
    assert not found.removed


def test_of_two_versions_the_one_that_stays_is_no_change() -> None:
    before = _bill(_package("1.0"), _package("2.0"))
    after = _bill(_package("2.0"), _package("3.0"), _package("4.0"))
    found = difference(before, after)
    assert [one.fields[0][1:] for one in found.changed] == [("1.0", "3.0")]
    assert [one.version for one in found.added] == ["4.0"]
    assert found.same == 1


def test_a_digest_that_only_one_gives_is_no_difference() -> None:
    sha, md5 = "sha256:" + "a" * 64, "md5:" + "b" * 32
    before = _bill(_package("1", digests=(sha,)))
    assert not difference(before, _bill(_package("1", digests=(sha, md5)))).differs
    found = difference(before, _bill(_package("1", digests=("sha256:" + "c" * 64,))))
    assert [one[0] for one in found.changed[0].fields] == ["sha256"]


def test_a_changed_licence_is_told() -> None:
    found = difference(
        _bill(_package("1", licenses=("MIT",))), _bill(_package("1", licenses=("Apache-2.0",)))
    )
    assert found.changed[0].fields == (("licence", "MIT", "Apache-2.0"),)


def test_a_bill_does_not_differ_from_itself(tmp_path: Path) -> None:
    bill = of(project_in(tmp_path / "shop")).bill
    assert not difference(bill, bill).differs


def test_a_changed_file_of_a_model_is_told_by_its_digest(tmp_path: Path) -> None:
    before = of(model_in(tmp_path / "chat")).bill
    (tmp_path / "chat" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    found = difference(before, of(tmp_path / "chat").bill)
    assert [(one.after.name, one.fields[0][0]) for one in found.changed] == [
        ("config.json", "sha256")
    ]


def test_files_of_one_name_are_told_apart_by_what_holds_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        model_in(tmp_path / "both" / name)
    before = of(tmp_path / "both").bill
    (tmp_path / "both" / "b" / "config.json").write_text("{}")
    found = difference(before, of(tmp_path / "both").bill)
    assert [one.after.name for one in found.changed] == ["b/config.json"]


def test_the_subject_is_the_same_whatever_it_is_called(tmp_path: Path) -> None:
    before = of(model_in(tmp_path / "chat-1")).bill
    after = of(model_in(tmp_path / "chat-2")).bill
    assert not difference(before, after).differs


UV_LOCK = """\
version = 1
[[package]]
name = "requests"
version = "2.32.3"
source = { registry = "https://pypi.org/simple" }
"""


def test_what_a_lock_file_fixes_is_fixed_for_the_manifest_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "sub").mkdir(parents=True)
    manifest = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["requests>=2"]\n'
    (folder / "pyproject.toml").write_text(manifest)
    (folder / "uv.lock").write_text(UV_LOCK)
    found = of(folder)
    package = part(found.bill, "requests")
    assert package.version == "2.32.3"
    assert {one.location for one in package.places} == {"pyproject.toml", "uv.lock"}
    assert not any("not fixed" in line for line in found.lacks)
    (folder / "sub" / "requirements.txt").write_text("requests>=2\n")
    assert any("not fixed in sub/requirements.txt" in line for line in of(folder).lacks)


@pytest.mark.parametrize(
    ("headers", "license"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other", "MIT OR Apache-2.0"),
        ("License: apache-2.0", "Apache-2.0"),
        ("Classifier: License :: OSI Approved :: MIT License", "MIT"),
        ("Classifier: License :: OSI Approved :: BSD License", "BSD License"),
        ("License: UNKNOWN", ""),
        ("\nLicense: in the description", ""),
    ],
)
def test_an_installed_package_has_the_licence_that_it_declares(
    headers: str, license: str, tmp_path: Path
) -> None:
    folder = tmp_path / "env" / "tool-1.0.dist-info"
    folder.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.4\nName: tool\nVersion: 1.0\n{headers}\n\nText\n"
    (folder / "METADATA").write_text(metadata)
    (folder / "RECORD").write_text("")
    found = of(tmp_path / "env")
    package = part(found.bill, "tool")
    assert package.licenses == ((license,) if license else ())
    assert ("the licence of tool is not known" in found.lacks) is not bool(license)

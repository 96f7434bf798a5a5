"""A local Ollama store as a target: addresses, the store, one manifest, and what is wrong in it."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probatum.adapters import ollama
from probatum.adapters.anywhere import roots as anywhere
from probatum.audit.opened import Root
from probatum.errors import FormatError, TargetError
from probatum.formats.manifest import Manifest, manifest
from probatum.vocabulary import Reason

_IMAGE = "application/vnd.ollama.image."


class Store:
    """A store in a folder, filled by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs").mkdir(parents=True)
        (folder / "manifests").mkdir()

    def blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        """Store a blob; its descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs" / f"sha256-{digest}").write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def model(self, path: str, fields: Any) -> Path:
        """Store a manifest at `path` below `manifests`; bytes are written as they are."""
        file = self.folder / "manifests" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(fields if isinstance(fields, bytes) else json.dumps(fields).encode())
        return file

    def usual(self, path: str = "registry.ollama.ai/library/tiny/latest") -> Path:
        parts = (("model", b"GGUF..."), ("template", b"{{ .Prompt }}"), ("params", b"{}"))
        return self.model(
            path,
            {
                "schemaVersion": 2,
                "config": self.blob(b"{}", "application/vnd.docker.container.image.v1+json"),
                "layers": [
                    *(self.blob(data, _IMAGE + kind) for kind, data in parts),
                    self.blob(b"MIT", _IMAGE + "license"),
                    self.blob(b"more", _IMAGE + "license"),
                ],
            },
        )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "models"))
    return Store(tmp_path / "models")


def opened(target: str | Path) -> dict[str, Root]:
    found = list(anywhere(str(target)))
    assert len({root.name for root in found}) == len(found)
    return {root.name: root for root in found}


_PARTS = ["", "!/config", "!/model", "!/template", "!/params", "!/license", "!/license#2"]


@pytest.mark.parametrize(
    "target", ["ollama://tiny", "ollama://tiny:latest", "ollama://library/tiny"]
)
def test_each_layer_of_a_model_is_a_root(store: Store, target: str) -> None:
    store.usual()
    (store.folder / "blobs/stray").write_bytes(b"not of this model")
    found = opened(target)
    assert list(found) == ["tiny:latest" + part for part in _PARTS]
    template = found["tiny:latest!/template"]
    assert template.path is not None
    assert Path(template.path).read_bytes() == b"{{ .Prompt }}"
    assert template.expected is not None and template.expected.by == "tiny:latest"
    assert template.expected.digest == f"sha256:{hashlib.sha256(b'{{ .Prompt }}').hexdigest()}"


def test_one_manifest_file_is_its_model(store: Store) -> None:
    store.usual("registry.ollama.ai/other/small/7b")
    path = store.usual("hf.co/owner/name-GGUF/Q4_K_M")
    assert list(opened(path)) == [f"hf.co/owner/name-GGUF:Q4_K_M{part}" for part in _PARTS]


def test_a_whole_store_leaves_no_file_out(store: Store) -> None:
    store.usual()
    store.usual("registry.ollama.ai/other/small/7b")
    (store.folder / "blobs/sha256-partial").write_bytes(b"half")
    stray = store.blob(b"nobody names me", "")["digest"].replace(":", "-")
    (store.folder / "manifests/.DS_Store").write_bytes(b"x")
    for target in (store.folder, "ollama://"):
        found = opened(target)
        assert {f"tiny:latest{part}" for part in _PARTS} < found.keys()
        assert {f"other/small:7b{part}" for part in _PARTS} < found.keys()
        assert {"blobs/sha256-partial", f"blobs/{stray}", "manifests/.DS_Store"} < found.keys()
        assert found[f"blobs/{stray}"].expected is not None
        files = {file for file in store.folder.rglob("*") if file.is_file()}
        assert {Path(root.path) for root in found.values() if root.path} == files


def test_blobs_named_with_a_colon_are_found(store: Store) -> None:
    store.usual()
    for blob in (store.folder / "blobs").iterdir():
        blob.rename(blob.with_name(blob.name.replace("-", ":")))
    assert all(root.trouble is None for root in opened("ollama://tiny").values())


@pytest.mark.parametrize(
    "target",
    [
        "ollama://none",
        "ollama://tiny:none",
        "ollama://../../etc/passwd",
        "ollama://a/b/c/d/e",
        "ollama://a:b:c",
        "ollama://\0",
    ],
)
def test_what_is_not_in_the_store_is_an_error(store: Store, target: str) -> None:
    store.usual()
    with pytest.raises(TargetError):
        list(anywhere(target))


def test_no_store_at_all_is_an_error_that_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "none"))
    with pytest.raises(TargetError, match="OLLAMA_MODELS"):
        list(anywhere("ollama://tiny"))


def test_a_missing_blob_is_trouble_and_nothing_else_is(store: Store) -> None:
    path = store.usual()
    model = json.loads(path.read_bytes())["layers"][0]["digest"]
    (store.folder / "blobs" / model.replace(":", "-")).unlink()
    found = opened("ollama://tiny")
    troubled = [name for name, root in found.items() if root.trouble]
    assert troubled == ["tiny:latest!/model"]
    assert len(found) == len(_PARTS)


def test_a_link_out_of_the_store_is_not_followed(store: Store, tmp_path: Path) -> None:
    path = store.usual()
    model = json.loads(path.read_bytes())["layers"][0]["digest"].replace(":", "-")
    outside = tmp_path / "outside"
    outside.write_bytes(b"GGUF...")
    (store.folder / "blobs" / model).unlink()
    (store.folder / "blobs" / model).symlink_to(outside)
    found = opened("ollama://tiny")
    assert found["tiny:latest!/model"].trouble is not None
    whole = opened(store.folder)
    trouble = whole[f"blobs/{model}"].trouble
    assert trouble is not None and trouble.reason is Reason.OUTSIDE_TARGET


def _with_layer(**fields: Any) -> dict[str, Any]:
    good = {"mediaType": _IMAGE + "model", "digest": "sha256:" + "0" * 64, "size": 1}
    return {"layers": [good | fields]}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (b"", Reason.MALFORMED),
        (b"\xff\xfe", Reason.MALFORMED),
        (b"[]", Reason.MALFORMED),
        (b"[" * 100_000, Reason.OVER_LIMIT),
        (b" " * (5 << 20), Reason.OVER_LIMIT),
        (b'{"layers": [], "layers": []}', Reason.PARSER_DIFFERENTIAL),
        ({"Layers": []}, Reason.PARSER_DIFFERENTIAL),
        ({"layer\u017f": []}, Reason.PARSER_DIFFERENTIAL),
        ({"layers": 5}, Reason.MALFORMED),
        ({"layers": [{}] * 20_000}, Reason.OVER_LIMIT),
        ({"layers": [7]}, Reason.MALFORMED),
        (_with_layer(digest="sha256:../../../../etc/passwd"), Reason.MALFORMED),
        (_with_layer(digest="sha256:" + "0" * 63 + "/"), Reason.MALFORMED),
        (_with_layer(digest="md5:" + "0" * 32), Reason.MALFORMED),
        (_with_layer(digest=["sha256"]), Reason.MALFORMED),
        (_with_layer(size=-1), Reason.MALFORMED),
        (_with_layer(size=1e300), Reason.MALFORMED),
        (_with_layer(size=True), Reason.MALFORMED),
        (_with_layer(Digest="sha256:" + "1" * 64), Reason.PARSER_DIFFERENTIAL),
        (_with_layer(), Reason.UNREADABLE),
    ],
)
def test_a_manifest_that_is_wrong_is_trouble_under_its_own_name(
    store: Store, written: Any, reason: Reason
) -> None:
    store.model("registry.ollama.ai/library/bad/latest", written)
    store.usual()
    found = opened(store.folder)
    troubles = {name: root.trouble.reason for name, root in found.items() if root.trouble}
    assert set(troubles.values()) == {reason}
    assert all(name.startswith("bad:latest!/") for name in troubles)
    assert "tiny:latest!/model" in found


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["config", "layers", "manifests", "digest", "size", "mediaType", "annotations",
                 "platform", "urls", "os", "Layers"]
            ),
            inner | st.just("sha256:" + "ab" * 32),
            max_size=6,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@given(st.binary(max_size=60) | _JSON.map(lambda one: json.dumps(one).encode()))
def test_any_manifest_is_read_or_refused(data: bytes) -> None:
    try:
        assert isinstance(manifest(data), Manifest)
    except FormatError as trouble:
        assert trouble.detail


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60) | _JSON.map(lambda one: json.dumps(one).encode()))
def test_any_manifest_in_a_store_gives_roots(store: Store, data: bytes) -> None:
    store.model("registry.ollama.ai/library/any/latest", data)
    assert "any:latest" in opened(store.folder)


def test_a_folder_with_blobs_but_no_manifests_is_a_plain_folder(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs/x.bin").write_bytes(b"x")
    assert not ollama.recognises(str(tmp_path))
    assert list(opened(tmp_path)) == ["blobs/x.bin"]


def audited(target: str, folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The findings of the command line itself, by artifact and claim."""
    done = subprocess.run(
        [sys.executable, "-m", "probatum", "audit", target, "--format", "json"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    findings = json.loads(done.stdout)["findings"]
    return {(one["artifact"]["name"], one["claim"]): one for one in findings}


def test_a_blob_that_was_exchanged_is_refuted_with_both_digests(store: Store) -> None:
    path = store.usual()
    blob = json.loads(path.read_bytes())["layers"][1]["digest"]
    (store.folder / "blobs" / blob.replace(":", "-")).write_bytes(b"{{ .Prompd }}")
    found = audited("ollama://tiny", store.folder)
    exchanged = found["tiny:latest!/template", "digest-matches"]
    assert exchanged["verdict"] == "refuted" and blob in json.dumps(exchanged)
    assert found["tiny:latest!/model", "digest-matches"]["verdict"] == "proven"


def test_the_proofs_of_a_store_hold_when_checked_again(store: Store, tmp_path: Path) -> None:
    store.usual()
    for command in (["audit", "models", "--format", "json", "-o", "report.json"],
                    ["check", "report.json", "models"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "probatum", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert "0 rejected, 0 not found" in done.stdout, done.stdout + done.stderr

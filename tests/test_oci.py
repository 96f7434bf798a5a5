"""OCI image layouts and saved Docker images as targets, as folders and as tar archives."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probatum.adapters import oci
from probatum.adapters.anywhere import roots as anywhere
from probatum.audit.open import opened as opened_root
from probatum.audit.opened import Caps, Root
from probatum.errors import TargetError
from probatum.material import BytesMaterial
from probatum.vocabulary import Reason

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_REF, _TITLE = "org.opencontainers.image.ref.name", "org.opencontainers.image.title"


class Image:
    """A layout, built in memory and written as a folder or an archive."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(self, data: Any, media_type: str = _LAYER, **more: Any) -> dict[str, Any]:
        """Store a blob (JSON unless it is bytes); its descriptor."""
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        digest = hashlib.sha256(data).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = data
        return {
            "mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more
        }  # fmt: skip

    def manifest(self, *layers: dict[str, Any], **more: Any) -> dict[str, Any]:
        fields = {"config": self.blob({"os": "linux"}, "json"), "layers": list(layers)}
        return self.blob(fields, _MANIFEST, **more)

    def index(self, *manifests: Any) -> None:
        self.files["index.json"] = json.dumps({"manifests": list(manifests)}).encode()

    def folder(self, path: Path) -> Path:
        for name, data in self.files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
        return path

    def archive(self, path: Path) -> Path:
        path.write_bytes(tar_of(self.files))
        return path


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def usual() -> Image:
    image = Image()
    first = image.blob(gzip.compress(tar_of({"models/config.json": b"{}"}), mtime=0))
    second = image.blob(tar_of({"models/.wh.config.json": b""}))
    image.index(image.manifest(first, second, annotations={_REF: "v1"}))
    return image


def opened(target: Path) -> dict[str, Root]:
    found = list(anywhere(str(target)))
    assert len({root.name for root in found}) == len(found)
    return {root.name: root for root in found}


def bytes_of(root: Root) -> bytes:
    if root.fetch is not None:
        return root.fetch(0, root.size)
    assert root.path is not None
    return Path(root.path).read_bytes()


def troubles(found: dict[str, Root]) -> dict[str, Reason]:
    return {name: root.trouble.reason for name, root in found.items() if root.trouble}


_LAYERS = ["", "!/config", "!/layer-1", "!/layer-2"]


def test_the_layers_of_an_image_in_a_folder_are_roots(tmp_path: Path) -> None:
    found = opened(usual().folder(tmp_path / "image"))
    assert list(found) == [*(f"image:v1{part}" for part in _LAYERS), "index.json", "oci-layout"]
    assert not troubles(found)
    for part in _LAYERS:
        root = found[f"image:v1{part}"]
        assert root.expected is not None and root.expected.size == root.size
        assert root.expected.digest == f"sha256:{hashlib.sha256(bytes_of(root)).hexdigest()}"
    assert found["image:v1"].expected.by == "index.json"  # type: ignore[union-attr]
    assert found["image:v1!/layer-1"].expected.by == "image:v1"  # type: ignore[union-attr]


def test_an_archive_of_a_layout_has_the_same_roots(tmp_path: Path) -> None:
    found = opened(usual().archive(tmp_path / "image.tar"))
    rest = ["image.tar!/oci-layout", "image.tar!/index.json"]
    assert list(found) == [*(f"image:v1{part}" for part in _LAYERS), *rest]
    folder = opened(usual().folder(tmp_path / "image"))
    for part in _LAYERS:
        assert bytes_of(found[f"image:v1{part}"]) == bytes_of(folder[f"image:v1{part}"])


def test_a_file_in_a_layer_is_named_by_image_layer_and_path(tmp_path: Path) -> None:
    found = opened(usual().folder(tmp_path / "image"))
    names = []
    for root in found.values():
        material = BytesMaterial(bytes_of(root))
        names += [one.artifact.name for one in opened_root(root.name, material, Caps())]
    assert any(
        name.startswith("image:v1!/layer-1!/") and name.endswith("!/models/config.json")
        for name in names
    )
    assert "image:v1!/layer-2!/models/.wh.config.json" in names


def test_every_platform_of_an_index_is_opened(tmp_path: Path) -> None:
    image = Image()
    platforms = [{"os": "linux", "architecture": "arm64", "variant": "v8"}, None]
    inner = image.blob(
        {
            "manifests": [
                image.manifest(image.blob(b"%d" % number), platform=platform)
                for number, platform in enumerate(platforms)
            ]
        },
        _INDEX,
        annotations={_REF: "registry.example/team/llm:2"},
    )
    image.index(inner)
    found = opened(image.folder(tmp_path))
    assert "registry.example/team/llm:2!/linux-arm64-v8!/layer-1" in found
    assert "registry.example/team/llm:2!/image-2!/layer-1" in found
    assert not troubles(found)


def test_a_layer_with_a_title_is_called_by_it(tmp_path: Path) -> None:
    image = Image()
    titles = ["model.gguf", "sub/config.json", "../../etc/passwd", "a\nb", "x!/y"]
    layers = [image.blob(title.encode(), annotations={_TITLE: title}) for title in titles]
    image.index(image.manifest(*layers, annotations={_REF: "v1"}))
    found = opened(image.folder(tmp_path / "image"))
    parts = ["model.gguf", "sub/config.json", "layer-3", "layer-4", "layer-5"]
    assert [name for name in found if "!/" in name][1:] == [f"image:v1!/{part}" for part in parts]
    assert found["image:v1!/model.gguf"].beside == {"model.gguf", "sub/"}


def test_what_no_manifest_names_is_opened_all_the_same(tmp_path: Path) -> None:
    image = usual()
    image.blob(b"nobody names me")
    image.files["evil.pkl"] = b"N."
    stray = f"blobs/sha256/{hashlib.sha256(b'nobody names me').hexdigest()}"
    found = opened(image.folder(tmp_path / "image"))
    assert {"evil.pkl", stray} < found.keys()
    assert found[stray].expected is not None
    assert len({root.path for root in found.values()}) == len(image.files)


def test_an_archive_with_something_else_in_it_is_a_plain_archive(tmp_path: Path) -> None:
    image = usual()
    image.files["pickle"] = b"N."
    assert list(opened(image.archive(tmp_path / "image.tar"))) == ["image.tar"]


def test_a_member_that_stands_twice_is_opened_twice_and_doubted(tmp_path: Path) -> None:
    path = usual().archive(tmp_path / "image.tar")
    with tarfile.open(path, "a") as archive:
        member = tarfile.TarInfo("index.json")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"{}"))
    found = opened(path)
    assert {"image.tar!/index.json", "image.tar!/index.json#2"} <= found.keys()
    assert "image.tar!/blobs/sha256/" in " ".join(found)


def test_bytes_behind_the_archives_end_are_said(tmp_path: Path) -> None:
    path = usual().archive(tmp_path / "image.tar")
    with path.open("ab") as file:
        file.write(b"more")
    assert troubles(opened(path)) == {"image.tar": Reason.PARSER_DIFFERENTIAL}


def test_an_archive_cut_short_is_no_layout_and_says_so_as_an_archive(tmp_path: Path) -> None:
    path = usual().archive(tmp_path / "image.tar")
    path.write_bytes(path.read_bytes()[:3000])
    assert list(opened(path)) == ["image.tar"]


def _links(image: Image, data: Any) -> Image:
    image.index(image.blob(data, _MANIFEST, annotations={_REF: "v1"}))
    return image


_NOWHERE = {"mediaType": _LAYER, "digest": "sha256:" + "0" * 64, "size": 5}


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (b"", {"image:v1!/layers": Reason.MALFORMED}),
        (b"\x1f\x8b", {"image:v1!/layers": Reason.MALFORMED}),
        ({"Layers": []}, {"image:v1!/layers": Reason.PARSER_DIFFERENTIAL}),
        ({"layers": [_NOWHERE], "manifests": [_NOWHERE]},
         {"image:v1!/layers": Reason.PARSER_DIFFERENTIAL}),
        ({"layers": [_NOWHERE, 7]},
         {"image:v1!/layer-1": Reason.UNREADABLE, "image:v1!/layer-2": Reason.MALFORMED}),
        ({"layers": [_NOWHERE | {"urls": ["http://127.0.0.1/x"]}]},
         {"image:v1!/layer-1": Reason.OUTSIDE_TARGET}),
        ({"layers": [_NOWHERE | {"digest": "sha256:../../../etc/passwd"}]},
         {"image:v1!/layer-1": Reason.MALFORMED}),
        ({"config": _NOWHERE}, {"image:v1!/config": Reason.UNREADABLE}),
        ({"manifests": [_NOWHERE]}, {"image:v1!/image-1": Reason.UNREADABLE}),
    ],
)  # fmt: skip
def test_a_manifest_that_is_wrong_is_trouble(
    tmp_path: Path, written: Any, wanted: dict[str, Reason]
) -> None:
    assert troubles(opened(_links(Image(), written).folder(tmp_path / "image"))) == wanted


def test_an_index_that_names_itself_ends(tmp_path: Path) -> None:
    # No sha256 circle can be built: the blob lies under a digest that is not its own.
    image = Image()
    name = "ab" * 32
    itself = {"mediaType": _INDEX, "digest": f"sha256:{name}", "size": 1}
    image.files[f"blobs/sha256/{name}"] = json.dumps({"manifests": [itself, itself]}).encode()
    image.index(itself)
    found = opened(image.folder(tmp_path))
    assert set(troubles(found).values()) == {Reason.OVER_LIMIT}
    assert len(found) < 20


def test_indexes_are_followed_only_so_deep(tmp_path: Path) -> None:
    image = Image()
    inner = image.manifest()
    for _ in range(30):
        inner = image.blob({"manifests": [inner]}, _INDEX)
    image.index(inner)
    assert list(troubles(opened(image.folder(tmp_path))).values()) == [Reason.OVER_LIMIT]


def test_an_index_that_branches_without_end_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probatum.adapters.layout.MOST_ROOTS", 2_000)
    image = Image()
    inner = [image.manifest()] * 10
    for level in range(7):
        inner = [image.blob({"manifests": inner, "level": level}, _INDEX)] * 10
    image.index(inner[0])
    found = list(anywhere(str(image.folder(tmp_path))))
    assert len(found) < 5_000
    assert found[-1].name == "oci-layout" or any(root.trouble for root in found)


def test_the_empty_config_need_not_be_stored(tmp_path: Path) -> None:
    image = Image()
    config = image.blob({}, "application/vnd.oci.empty.v1+json")
    del image.files["blobs/sha256/" + config["digest"].removeprefix("sha256:")]
    found = opened(_links(image, {"config": config}).folder(tmp_path / "image"))
    assert bytes_of(found["image:v1!/config"]) == b"{}"


def saved(**changes: Any) -> dict[str, bytes]:
    """What docker save wrote before version 25."""
    layer = tar_of({"a": b"1"})
    config = {"rootfs": {"diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    listed = {"Config": name, "RepoTags": ["team/llm:1"], "Layers": [f"{'c' * 64}/layer.tar"]}
    return {
        name: text,
        f"{'c' * 64}/layer.tar": layer,
        "manifest.json": json.dumps([listed | changes]).encode(),
    }


def test_an_image_that_docker_saved_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "saved.tar"
    path.write_bytes(tar_of(saved()))
    found = opened(path)
    assert list(found) == ["team/llm:1!/config", "team/llm:1!/layer-1", "saved.tar!/manifest.json"]
    for name in ("team/llm:1!/config", "team/llm:1!/layer-1"):
        expected = found[name].expected
        assert expected is not None
        assert expected.digest == f"sha256:{hashlib.sha256(bytes_of(found[name])).hexdigest()}"


@pytest.mark.parametrize(
    "changes",
    [{"Layers": ["../../etc/passwd"]}, {"Layers": 5}, {"Config": 7}, {"Config": "none"},
     {"RepoTags": ["\n"]}, {"RepoTags": None}],
)  # fmt: skip
def test_a_saved_image_with_a_wrong_list_still_gives_every_file(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = tmp_path / "saved.tar"
    path.write_bytes(tar_of(saved(**changes)))
    sizes = sorted(root.size for root in opened(path).values() if root.trouble is None)
    assert sizes == sorted(len(data) for data in saved(**changes).values())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["config", "layers", "manifests", "digest", "size", "mediaType", "annotations",
                 "platform", "urls", _REF, _TITLE, "Config", "Layers", "RepoTags"]
            ),
            inner | st.just(_NOWHERE["digest"]) | st.just(_NOWHERE),
            max_size=6,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(index=_JSON, inner=_JSON, archive=st.sampled_from(["index.json", "manifest.json", None]))
def test_any_json_in_a_layout_gives_roots(
    tmp_path: Path, index: Any, inner: Any, archive: str | None
) -> None:
    image = Image()
    blob = image.blob(inner, annotations={_REF: "v1"})
    image.index(blob, index)
    if archive is None:
        found = opened(image.folder(tmp_path / "image"))
    else:
        image.files[archive] = json.dumps(index).encode()
        found = opened(image.archive(tmp_path / "image.tar"))
    assert len(found) >= 3


def test_a_target_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert not oci.recognises(str(tmp_path / "none"))
    with pytest.raises(TargetError):
        list(anywhere(str(tmp_path / "none")))

"""What an image names as installed: its layers together, a later one before the earlier."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisory_mirror import advisory, lines
from probatum.audit.layers import covered
from probatum.cli.main import main
from probatum.vocabulary import Artifact
from test_oci import Image, tar_of

_CLAIM = "no-known-vulnerability"
_SITE = "usr/lib/python3.12/site-packages"


def _layer(name: str, *paths: str) -> list[Artifact]:
    """A compressed layer with these files."""
    archive = f"{name}!/{name}"
    return [
        Artifact(name=name, kind="gzip", size=1),
        Artifact(name=archive, kind="tar", size=1, parent=name),
        *(Artifact(name=f"{archive}!/{one}", kind="x", size=1, parent=archive) for one in paths),
    ]


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ("a/b/c", True),
        ("./a/b/c", True),
        ("a/b/.wh.c", True),
        ("a/.wh.b", True),
        (".wh.a", True),
        ("a/b/.wh..wh..opq", True),
        (".wh..wh..opq", True),
        ("a/b/d", False),
        ("a/b/c/d", False),
        ("a/b/.wh.d", False),
        ("b/.wh..wh..opq", False),
        (".wh.b", False),
    ],
)
def test_a_later_layer_replaces_or_removes(above: str, expected: bool) -> None:
    found = covered([_layer("1", "a/b/c"), _layer("2", above)])
    assert found == ({"1!/1!/a/b/c": "2"} if expected else {})
    assert covered([_layer("2", above), _layer("1", "a/b/c")]).get("1!/1!/a/b/c") is None


def test_the_layer_right_above_is_told_and_what_lies_in_a_file_goes_with_it() -> None:
    first = _layer("1", "a.zip")
    first.append(Artifact(name="1!/1!/a.zip!/b", kind="x", size=1, parent="1!/1!/a.zip"))
    found = covered([first, _layer("2", "other"), _layer("3", "a.zip"), _layer("4", "a.zip")])
    assert found["1!/1!/a.zip!/b"] == found["1!/1!/a.zip"] == "4"
    assert found["3!/3!/a.zip"] == "4"
    assert "4!/4!/a.zip" not in found


@given(
    st.lists(st.lists(st.sampled_from(["a", "a/b", ".wh.a", "a/.wh..wh..opq", "/", "a//b", ".."])))
)
def test_the_last_layer_is_never_covered(layers: list[list[str]]) -> None:
    made = [_layer(str(number), *paths) for number, paths in enumerate(layers)]
    found = covered(made)
    assert not any(one.name in found for one in (made[-1] if made else []))


def _metadata(version: str) -> dict[str, bytes]:
    text = f"Metadata-Version: 2.1\nName: demo\nVersion: {version}\n"
    return {f"{_SITE}/demo-{version}.dist-info/METADATA": text.encode()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image whose last layer upgrades what its first one has."""
    monkeypatch.setenv("PROBATUM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "feed.jsonl").write_bytes(lines(advisory("X-1", "demo", fixed="2.0")))
    assert main(["advisories", "update", "--from", "feed.jsonl"]) == 0
    image = Image()
    first = image.blob(gzip.compress(tar_of(_metadata("1.0")), mtime=0))
    removed = {f"{_SITE}/.wh.demo-1.0.dist-info": b""}
    image.index(image.manifest(first, image.blob(tar_of(removed | _metadata("2.0")))))
    (tmp_path / "image").mkdir()
    image.folder(tmp_path / "image")
    return tmp_path


def _findings(*targets: str) -> list[dict[str, Any]]:
    main(["audit", *targets, "--format", "json", "-o", "report.json", "-q"])
    findings = json.loads(Path("report.json").read_text())["findings"]
    return [one for one in findings if one["claim"] == _CLAIM]


def test_a_package_that_a_later_layer_upgrades_is_not_told_as_installed(here: Path) -> None:
    old, new = _findings("image")
    assert old["verdict"] == "undecided"
    assert "layer-2, a later layer of the image, replaces this" in old["detail"]
    assert "demo-2.0" in new["artifact"]["name"]
    assert new["verdict"] != "refuted"


def test_layers_of_two_images_have_nothing_to_do_with_each_other(here: Path) -> None:
    other = Image()
    other.index(other.manifest(other.blob(tar_of(_metadata("1.0")))))
    (here / "other").mkdir()
    other.folder(here / "other")
    verdicts = [one["verdict"] for one in _findings("other", "image")]
    assert verdicts[0] == "refuted"
    assert "refuted" not in verdicts[1:]


def test_a_bill_lists_what_an_image_has_in_the_end(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bom", "image", "-q"]) == 0
    bill = json.loads(capsys.readouterr().out)
    packages = [one["purl"] for one in bill["components"] if "purl" in one]
    assert packages == ["pkg:pypi/demo@2.0"]

"""What is installed in an environment, told without running it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.audit.opened import Root
from probatum.audit.targets import roots
from probatum.components import Inventory
from probatum.errors import FormatError
from probatum.formats.kinds import kind_of
from probatum.formats.python_environment import KIND
from probatum.formats.python_project import LeftOut, joined, packed
from probatum.inventory.reading import inventory_of
from probatum.material import BytesMaterial
from probatum.ports import Material

TORCH = "Metadata-Version: 2.1\nName: torch\nVersion: 2.6.0+cu124\nSummary: x\n\nName: other\n"


def environment(files: dict[str, str], left_out: tuple[LeftOut, ...] = ()) -> Inventory:
    material = joined(((name, text.encode()) for name, text in files.items()), left_out, KIND)
    return inventory_of(KIND, "x!/environment", material)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_text(text, "utf-8")


def environments(folder: Path) -> list[Root]:
    found = (root for root in roots(str(folder)) if root.project is not None)
    return [root for root in found if root.project is not None and root.project.kind == KIND]


def read(root: Root) -> Inventory:
    assert root.project is not None
    material: Material = packed(root.project)
    assert material.size == root.size
    return inventory_of(KIND, root.name, material)


def test_each_folder_of_distributions_is_one_artifact(tmp_path: Path) -> None:
    site = "lib/python3.12/site-packages"
    write(tmp_path, {
        f"{site}/torch-2.6.0+cu124.dist-info/METADATA": TORCH,
        f"{site}/torch-2.6.0+cu124.dist-info/RECORD": "torch/__init__.py,,\n",
        f"{site}/torch/__init__.py": "",
        f"{site}/old.egg-info/PKG-INFO": "Name: Old\nVersion: 1\n",
        f"{site}/flat-2.0-py3.12.egg-info": "Name: flat\nVersion: 2.0\n",
        f"{site}/gone-1.0.dist-info/RECORD": "",
        f"{site}/setuptools/_vendor/packaging-24.2.dist-info/METADATA":
            "Name: packaging\nVersion: 24.2\n",
    })  # fmt: skip
    found = {root.name: read(root) for root in environments(tmp_path)}
    assert list(found) == [f"{site}!/environment", f"{site}/setuptools/_vendor!/environment"]
    first = found[f"{site}!/environment"]
    assert [(one.name, one.version) for one in first.components] == [
        ("flat", "2.0"),
        ("old", "1"),
        ("torch", "2.6.0+cu124"),
    ]
    assert str(first.components[2].place) == f"{site}/torch-2.6.0+cu124.dist-info/METADATA:2:7"
    assert [str(one.place) for one in first.unread] == [f"{site}/gone-1.0.dist-info"]
    assert first.resolved


def test_the_files_that_an_environment_covers_are_marked(tmp_path: Path) -> None:
    write(tmp_path, {"a-1.dist-info/METADATA": "Name: a\nVersion: 1\n", "note.txt": "x"})
    found = {root.name: root for root in roots(str(tmp_path))}
    assert found["a-1.dist-info/METADATA"].in_project
    assert not found["note.txt"].in_project
    assert [root.name for root in environments(tmp_path)] == [".!/environment"]


def test_metadata_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"b-1.dist-info/METADATA": "Name: b\nVersion: 1\n"})
    tmp_path.joinpath("a-1.dist-info").mkdir()
    tmp_path.joinpath("a-1.dist-info/METADATA").symlink_to("/etc/hostname")
    [root] = environments(tmp_path)
    [unread] = read(root).unread
    assert unread.place.part == "a-1.dist-info/METADATA"
    assert "leads outside" in unread.why


@pytest.mark.parametrize(
    ("direct", "source"),
    [
        ({"url": "https://e.org/a.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
         "https://e.org/a.git@c0ffee"),
        ({"url": "file:///src/a", "dir_info": {"editable": True}}, "file:///src/a"),
        ({"url": 1}, "an address that is not told"),
        ([], "an address that is not told"),
    ],
)  # fmt: skip
def test_a_distribution_that_is_from_no_index_has_a_source(direct: object, source: str) -> None:
    inventory = environment(
        {
            "s/a-1.dist-info/METADATA": "Name: a\nVersion: 1\n",
            "s/a-1.dist-info/direct_url.json": json.dumps(direct),
        }
    )
    assert [one.source for one in inventory.components] == [source]
    assert bool(inventory.unread) == (source == "an address that is not told")


@pytest.mark.parametrize(
    "text",
    [
        "Name: b\nVersion: 1\n",
        "Name: a\nVersion: 2\n",
        "Name: a\nName: b\nVersion: 1\n",
        "Name: a\nVersion: 1\nversion: 2\n",
        "Version: 1\n",
        "\nName: a\nVersion: 1\n",
        "Name: not a name\nVersion: 1\n",
    ],
)
def test_metadata_that_two_readers_take_differently_is_told(text: str) -> None:
    assert environment({"a-1.dist-info/METADATA": text}).unread


@pytest.mark.parametrize(
    ("folder", "name", "version"),
    [
        ("ruamel_yaml-0.18.6", "ruamel.yaml", "0.18.6"),
        ("a_b-1.0+local.1", "A-B", "1.0+local.1"),
    ],
)
def test_a_folder_that_escapes_the_name_agrees(folder: str, name: str, version: str) -> None:
    text = f"Metadata-Version: 2.1\r\nName: {name}\r\nVersion: {version}\r\n\r\n"
    inventory = environment({f"{folder}.dist-info/METADATA": text})
    assert inventory.unread == ()
    assert inventory.components[0].version == version


def test_a_pointer_to_a_folder_is_a_component_from_there() -> None:
    [one] = environment({"s/my-tool.egg-link": "/src/my-tool\n.\n"}).components
    assert (one.name, one.version, one.source) == ("my-tool", "", "/src/my-tool")


def test_what_an_environment_left_out_is_unread() -> None:
    [one] = environment({}, (LeftOut("a-1.dist-info", "no file of it says what it is"),)).unread
    assert (one.place.part, one.why) == ("a-1.dist-info", "no file of it says what it is")


def test_the_metadata_in_a_wheel_is_a_component_by_itself() -> None:
    name = "torch-2.6.0+cu124-py3-none-any.whl!/torch-2.6.0+cu124.dist-info/METADATA"
    material = BytesMaterial(TORCH.encode())
    assert kind_of(name, material, "zip") == "distribution-metadata"
    [one] = inventory_of("distribution-metadata", name, material).components
    assert (one.name, one.version, one.place.offset) == ("torch", "2.6.0+cu124", 28)
    wrong = name.replace("torch-2.6.0+cu124.dist", "torch-2.7.0.dist")
    assert inventory_of("distribution-metadata", wrong, material).unread


@pytest.mark.parametrize("name", ["a-1/PKG-INFO", "a.egg-info/PKG-INFO", "a-1-py3.11.egg-info"])
def test_metadata_is_known_by_what_it_says(name: str) -> None:
    assert kind_of(name, BytesMaterial(TORCH.encode())) == "distribution-metadata"


@given(st.binary(max_size=80), st.sampled_from(["METADATA", "direct_url.json"]))
def test_nothing_but_format_errors_is_raised(data: bytes, base: str) -> None:
    for material in (
        BytesMaterial(data),
        joined([(f"a-1.dist-info/{base}", data)], (), KIND),
        joined([("a.egg-link", data)], (), KIND),
    ):
        try:
            inventory_of(KIND, "x", material)
        except FormatError:
            continue

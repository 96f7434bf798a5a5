"""What a pickle imports, and that imports in turn, is looked for beside it first."""

import io
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import probatum.rules
from hostile.folders import written
from hostile.imports import HARMLESS, LIVE, MONEY, POSSIBLE, fires_for_a_script
from probatum.audit.certified import rejection
from probatum.audit.judge import judged
from probatum.audit.open import opened
from probatum.audit.opened import Caps, Opened
from probatum.audit.plan import plan
from probatum.audit.targets import roots
from probatum.check.imported import rival
from probatum.formats.importable import Tree, in_the_way
from probatum.material import BytesMaterial, FileMaterial
from probatum.vocabulary import Certificate, Proven, Undecided, Verdict

_CLAIM = "load-inert"


def _laid(folder: Path, files: dict[str, str], data: bytes, name: str = "model.pkl") -> Opened:
    """The pickle, found in a walk of the folder with these files."""
    written(folder, {**files, name: data})
    root = next(one for one in roots(str(folder)) if one.name == name)
    assert root.path is not None
    return next(opened(root.name, FileMaterial(root.path, root.beside), Caps()))


def _verdict(found: Opened) -> Verdict:
    analyzer = next(one for one in plan(found.artifact) if one.claim.id == _CLAIM)
    return judged(analyzer, found.artifact, found.material)


def _checked(found: Opened, tmp_path: Path, data: bytes) -> str:
    """Why the proof that the pickle has alone is rejected here."""
    alone = _verdict(_laid(tmp_path / "alone", {}, data))
    assert isinstance(alone, Proven)
    certificate = Certificate(alone.certificate.checker, alone.certificate.facts)
    return rejection(found.artifact, _CLAIM, certificate, found.material)


@pytest.mark.parametrize("name", LIVE)
def test_what_fires_for_a_script_in_the_folder_is_not_proven(name: str, tmp_path: Path) -> None:
    data, files = LIVE[name]
    found = _laid(tmp_path / "hostile", files, data)
    assert fires_for_a_script(tmp_path / "hostile", data)
    verdict = _verdict(found)
    assert isinstance(verdict, Undecided)
    assert "could be imported in the place of" in verdict.detail
    assert "could be imported in place of" in _checked(found, tmp_path, data)


@pytest.mark.parametrize("name", POSSIBLE)
def test_what_another_installation_would_import_is_not_proven(name: str, tmp_path: Path) -> None:
    data, files = POSSIBLE[name]
    found = _laid(tmp_path / "hostile", files, data)
    assert isinstance(_verdict(found), Undecided)
    assert _checked(found, tmp_path, data)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_no_import_comes_to_does_not_prevent_a_proof(name: str, tmp_path: Path) -> None:
    data, files = HARMLESS[name]
    found = _laid(tmp_path / "honest", files, data)
    assert isinstance(_verdict(found), Proven)
    assert _checked(found, tmp_path, data) == ""
    assert not fires_for_a_script(tmp_path / "honest", data)


def test_each_folder_above_the_pickle_is_looked_into(tmp_path: Path) -> None:
    for folder in ("", "a/", "a/b/", "a/b/c/"):
        top = tmp_path / f"with {len(folder)}"
        found = _laid(top, {f"{folder}numbers.py": ""}, MONEY, "a/b/c/model.pkl")
        assert isinstance(_verdict(found), Undecided)
        assert _checked(found, tmp_path, MONEY)


def test_a_folder_aside_of_the_pickle_is_not_looked_into(tmp_path: Path) -> None:
    found = _laid(tmp_path / "top", {"a/numbers.py": "", "b/c.py": ""}, MONEY, "b/model.pkl")
    assert isinstance(_verdict(found), Proven)


def _zipped(files: dict[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return kept.getvalue()


def _tarred(files: dict[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w:gz") as archive:
        for name, data in files.items():
            one = tarfile.TarInfo(name)
            one.size = len(data)
            archive.addfile(one, io.BytesIO(data))
    return kept.getvalue()


@pytest.mark.parametrize("pack", [_zipped, _tarred])
@pytest.mark.parametrize(
    ("beside", "proven"),
    [
        ("numbers.py", False),
        ("repository/numbers.py", False),
        ("repository/model/numbers.py", False),
        ("./repository//numbers.py", False),
        ("repository\\numbers.py", False),
        ("repository/numbers/__init__.py", False),
        ("repository/numbers/x.py", True),
        ("other/numbers.py", True),
        ("repository/modeling.py", True),
    ],
)
def test_members_of_an_archive_lie_beside_each_other(pack, beside: str, proven: bool) -> None:  # type: ignore[no-untyped-def]
    data = pack({"repository/model/model.pkl": MONEY, beside: b""})
    found = list(opened("x", BytesMaterial(data), Caps()))
    member = next(one for one in found if one.artifact.name.endswith("model.pkl"))
    assert isinstance(_verdict(member), Proven) == proven


def test_a_link_in_an_archive_may_be_anything() -> None:
    tree = Tree(["a/model.pkl"], ["a/numbers"])
    assert tree.of("a/model.pkl") == {"numbers", "a/numbers"}
    assert in_the_way({"decimal"}, tree.of("a/model.pkl"))


def test_the_prover_and_the_checker_know_the_same_names() -> None:
    for key, tops in _rules().items():
        for top in tops:
            for name in (f"{top}.py", top, f"{top}/", f"{top}/x.py", f"{top}.txt", f"{top}.x.so"):
                beside = frozenset({name})
                for package in ("decimal", "numpy"):
                    said = bool(in_the_way({package}, beside))
                    assert said == bool(rival({package}, beside)), (key, name, package)
                    is_named = name in (f"{top}.py", top, f"{top}.x.so")
                    if is_named and (package == "numpy" or key != "libraries"):
                        assert said


@pytest.mark.parametrize("name", ["egg", "egg/", "x.egg", ".egg", "a/x.egg", "X.EGG-INFO"])
def test_the_prover_and_the_checker_know_the_same_metadata(name: str) -> None:
    beside = frozenset({name})
    assert bool(in_the_way({"numpy"}, beside)) == bool(rival({"numpy"}, beside))
    assert not in_the_way({"decimal"}, beside)


def test_metadata_in_another_folder_of_an_archive_is_none_beside() -> None:
    paths = [f"r/{name}/entry_points.txt" for name in ("src/x.egg-info", "y.dist-info")]
    tree = Tree(["r/model.pkl", "r/z.dist-info/METADATA", *paths])
    assert tree.of("r/model.pkl") == {"r/src", "src/", "y.dist-info"}
    assert tree.folder("r/z.dist-info") == "z.dist-info/"


def test_what_torchscript_keeps_of_sources_is_read_where_it_lies() -> None:
    paths = ["m/code/__torch__/torch/nn.py", "m/code/__torch__/x.py.debug_pkl", "m/data.pkl"]
    tree = Tree(paths, apart=".debug_pkl")
    assert tree.of(paths[1]) == set()
    assert not in_the_way({"torch"}, tree.of(paths[2]))
    assert in_the_way({"torch"}, Tree(paths).of(paths[1]))


def _rules() -> dict[str, list[str]]:
    text = (Path(probatum.rules.__file__).parent / "imports.toml").read_text()
    found = tomllib.loads(text)
    return {key: found[key] for key in ("standard", "sometimes", "libraries")}

"""Classes that the folder of a pickle defines: what fires is never Proven, by prover or checker."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certificate_laws import beside
from hostile.folders import (
    EVIL,
    HONEST,
    INERT,
    LAYERS,
    PAYLOAD,
    PROGRAMS,
    attacks,
    fires,
    mutants,
    program,
    written,
)
from probatum.analyzers.model.pickle_load import pickle_load
from probatum.audit.certified import rejection
from probatum.check import pickle as checker
from probatum.errors import Rejected
from probatum.material import Beside, BytesMaterial, Folder
from probatum.vocabulary import Artifact, Certificate, Proven, Undecided, Verdict

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="hostile code is loaded in a fork")

# One of so many mutants is tried in each run; `FOLDERS_EVERY=1` tries them all.
EVERY = int(os.environ.get("FOLDERS_EVERY", "101"))
_HONEST: dict[str, str | bytes] = {"modeling.py": HONEST, "layers.py": LAYERS, **EVIL}


def _verdict(folder: Path, data: bytes) -> Verdict:
    artifact = Artifact(name="model.pkl", kind="pickle", size=len(data))
    return pickle_load.judge(artifact, BytesMaterial(data, beside(folder)))


def _why_rejected(folder: Path, data: bytes, facts: dict[str, Any]) -> str:
    artifact = Artifact(name="model.pkl", kind="pickle", size=len(data))
    material = BytesMaterial(data, beside(folder))
    return rejection(artifact, "load-inert", Certificate("pickle", facts), material)


def _facts(folder: Path, data: bytes) -> dict[str, Any]:
    verdict = _verdict(folder, data)
    assert isinstance(verdict, Proven), verdict
    assert _why_rejected(folder, data, verdict.certificate.facts) == ""
    return verdict.certificate.facts


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("honest"), _HONEST)


@pytest.mark.parametrize("name", INERT)
def test_a_class_of_the_folder_whose_source_is_inert_is_proven(honest: Path, name: str) -> None:
    verdict = _verdict(honest, program(name))
    assert isinstance(verdict, Proven), verdict
    assert _why_rejected(honest, program(name), verdict.certificate.facts) == ""
    assert any("layers.py" in one for one in verdict.assumptions)


@pytest.mark.parametrize("name", ["gmpy2.py", "flint.so", "_sysconfigdata_x.py"])
def test_what_a_library_of_its_code_would_import_prevents_the_proof(
    tmp_path: Path, name: str
) -> None:
    folder = written(tmp_path, _HONEST)
    facts = _facts(folder, program("built"))
    written(folder, {name: b""})
    assert isinstance(_verdict(folder, program("built")), Undecided)
    assert "could be imported in place of" in _why_rejected(folder, program("built"), facts)


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - set(INERT)))
def test_a_step_that_the_class_has_no_summary_for_is_not_proven(honest: Path, name: str) -> None:
    assert isinstance(_verdict(honest, program(name)), Undecided)


@forks
@pytest.mark.parametrize("name", list(attacks()))
def test_no_hostile_folder_is_proven(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, attacks()[name])
    fired = 0
    for each in PROGRAMS:
        fired += fires(folder, program(each))
        if isinstance(_verdict(folder, program(each)), Proven):
            assert not fires(folder, program(each)), each
    assert fired, "an attack that never fires shows nothing"


def _mutants() -> Iterator[tuple[str, str]]:
    for file, source in (("modeling.py", HONEST), ("layers.py", LAYERS)):
        yield from ((file, one) for one in mutants(source))


@forks
def test_no_mutant_of_an_honest_folder_that_fires_is_proven(tmp_path: Path) -> None:
    """Neither the prover nor, for a report that lists the new digests, the checker takes one."""
    folder = written(tmp_path, _HONEST)
    facts = {name: _facts(folder, program(name)) for name in INERT}
    proven = fired = 0
    for at, (file, source) in enumerate(_mutants()):
        if at % EVERY:
            continue
        written(folder, _HONEST | {file: source})
        for name in (*INERT[at % 5 :: 5], *list(PROGRAMS)[at % 6 :: 6]):
            verdict = _verdict(folder, program(name))
            told = verdict.certificate.facts if isinstance(verdict, Proven) else facts.get(name)
            accepted = told is not None and not _accepted(folder, name, told)
            if isinstance(verdict, Proven) or accepted:
                proven += 1
                assert not fires(folder, program(name)), f"{name} of {file}:\n{source}"
            if isinstance(verdict, Proven):
                assert accepted, f"the checker does not agree about {name} of {file}:\n{source}"
        fired += fires(folder, program("built"))
    assert proven
    assert fired


def _accepted(folder: Path, name: str, facts: dict[str, Any]) -> str:
    """Why the checker rejects the facts of another source, with the digests of this one."""
    now = {file: _digest(folder / file) for file in facts["folder"]}
    return _why_rejected(folder, program(name), facts | {"folder": now})


def _digest(path: Path) -> str:
    from hashlib import sha256

    return sha256(path.read_bytes()).hexdigest()


def test_no_mutant_of_a_certificate_is_accepted(honest: Path) -> None:
    """No list of files but the right one, with the right digests."""
    data = program("built")
    facts = _facts(honest, data)
    files = facts["folder"]
    for folder in (
        {},
        [],
        None,
        {"modeling.py": files["modeling.py"]},
        files | {"evil.py": _digest(honest / "evil.py")},
        files | {"layers.py": "0" * 64},
        files | {"layers.py": None},
        files | {"../layers.py": files["layers.py"]},
    ):
        assert _why_rejected(honest, data, facts | {"folder": folder}), folder
    without = {key: value for key, value in facts.items() if key != "folder"}
    assert _why_rejected(honest, data, without)


def test_a_certificate_holds_for_the_files_that_are_there_now(tmp_path: Path) -> None:
    folder = written(tmp_path, _HONEST)
    facts = _facts(folder, program("built"))
    written(folder, {"layers.py": LAYERS + "\n# another word\n"})
    assert "digest" in _why_rejected(folder, program("built"), facts)


def test_without_the_folder_a_certificate_shows_nothing(honest: Path) -> None:
    data = program("built")
    facts = _facts(honest, data)
    with pytest.raises(Rejected):
        checker.holds(facts, BytesMaterial(data).read, len(data))


def test_a_member_of_an_archive_has_no_folder(honest: Path) -> None:
    data = program("built")
    facts = _facts(honest, data)
    inside = Artifact(name="x.zip!/m.pkl", kind="pickle", size=len(data), parent="x.zip")
    material = BytesMaterial(data, beside(honest))
    assert isinstance(pickle_load.judge(inside, material), Undecided)
    assert rejection(inside, "load-inert", Certificate("pickle", facts), material)


@pytest.mark.parametrize(
    ("whole", "inside", "proven"),
    [
        ("model.joblib", "model.joblib", True),
        ("sub/model.pkl.gz", "model.pkl", True),
        ("model.pkl.gz", "other.pkl", False),
        ("model.zip", "model", False),
        ("all.zip!/model.pkl.gz", "model.pkl", False),
    ],
)
def test_what_is_compressed_as_a_whole_is_loaded_where_it_lies(
    honest: Path, whole: str, inside: str, proven: bool
) -> None:
    data = program("built")
    name = f"{whole}!/{inside}"
    artifact = Artifact(name=name, kind="pickle", size=len(data), parent=whole)
    material = BytesMaterial(data, beside(honest))
    verdict = pickle_load.judge(artifact, material)
    assert isinstance(verdict, Proven) is proven, verdict
    certificate = Certificate("pickle", _facts(honest, data))
    assert (rejection(artifact, "load-inert", certificate, material) == "") is proven


def test_a_library_that_imports_many_others_is_not_admitted_beside_a_pickle(tmp_path: Path) -> None:
    source = "import transformers\n\n\nclass Net:\n    pass\n"
    folder = written(tmp_path, {"modeling.py": source, "decord.py": PAYLOAD})
    verdict = _verdict(folder, program("made"))
    assert isinstance(verdict, Undecided)
    assert "may import others from this folder (modeling.py:1)" in verdict.detail
    facts = _facts(written(tmp_path / "b", {"modeling.py": "class Net: pass\n"}), program("made"))
    now = {"modeling.py": _digest(folder / "modeling.py")}
    assert "import of transformers" in _why_rejected(
        folder, program("made"), facts | {"folder": now}
    )


def test_two_folders_with_the_same_module_are_undecided(tmp_path: Path, honest: Path) -> None:
    around = [written(tmp_path / name, _HONEST) for name in ("top", "top/own")]
    folders = tuple(Folder(str(one), str(tmp_path / "top")) for one in reversed(around))
    data = program("built")
    material = BytesMaterial(data, Beside.of(frozenset(_HONEST), folders))
    artifact = Artifact(name="own/model.pkl", kind="pickle", size=len(data))
    verdict = pickle_load.judge(artifact, material)
    assert isinstance(verdict, Undecided)
    assert "2 folders" in verdict.detail
    facts = _facts(honest, data)
    assert "not one folder" in rejection(
        artifact, "load-inert", Certificate("pickle", facts), material
    )


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import requests\n", "importing modeling imports requests"),
        ("x = 1\nopen('x')\n", "importing modeling runs open('x') (modeling.py:2)"),
        ("\n\nx = [f() for f in g]\n", "modeling.py:3"),
        ("class Net:\n    def __del__(self): pass\n", "Net defines __del__ (modeling.py:2)"),
        ("from typing import *\n", "any name may come from typing (modeling.py:1)"),
        ("def Net(", "no Python that can be read (modeling.py:1)"),
        ("import foo.bar\n", "imports foo.bar"),
        ("class Net(Unknown): pass\n", "no rule admits the base Unknown of Net (modeling.py:1)"),
        ("class Net: pass\nNet = Net()\n", "binds Net twice (modeling.py:2)"),
        ("from .x import y\n", "relative import leads out of its package (modeling.py:1)"),
        ("x = '" + "a" * (1 << 20) + "'", "more than 1,048,576 bytes"),
        ("x = " + "(" * 150 + ")" * 150, "modeling.py"),
        ("x = " + "-" * 5000 + "1", "modeling.py"),
        ("x = " + "1+" * 5000 + "1", "modeling.py"),
    ],
)
def test_the_line_that_prevents_the_proof_is_named(tmp_path: Path, source: str, says: str) -> None:
    verdict = _verdict(written(tmp_path, {"modeling.py": source}), program("built"))
    assert isinstance(verdict, Undecided)
    assert says in verdict.detail


_TORCH = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def _scaled(self, x):
        return x * 2

    @torch.no_grad()
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.layer(self._scaled(x)))
"""


@pytest.mark.parametrize(
    ("changed", "is_proven"),
    [
        ("", True),
        ("    def register_buffer(self, name, value):\n        pass\n", False),
        ("    @property\n    def _state_dict_hooks(self):\n        return {}\n", False),
        ("    def __setattr__(self, name, value):\n        pass\n", False),
        ("    def __setstate__(self, state):\n        pass\n", False),
    ],
)
def test_a_torch_module_is_proven_unless_torch_would_call_it(
    tmp_path: Path, changed: str, is_proven: bool
) -> None:
    folder = written(tmp_path, {"modeling.py": _TORCH + changed})
    data = program("built")
    assert isinstance(_verdict(folder, data), Proven) is is_proven
    if is_proven:
        _facts(folder, data)


@pytest.mark.parametrize("name", ["torch.py", "sympy/x.py", "a-1.0.dist-info/x", "types.py"])
def test_what_a_library_could_import_prevents_the_proof(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, _HONEST | {name: ""})
    assert isinstance(_verdict(folder, program("built")), Undecided)


def test_a_link_that_leads_outside_is_not_read(tmp_path: Path) -> None:
    folder = written(tmp_path / "in", {"layers.py": LAYERS})
    written(tmp_path, {"modeling.py": HONEST})
    (folder / "modeling.py").symlink_to(tmp_path / "modeling.py")
    verdict = _verdict(folder, program("built"))
    assert isinstance(verdict, Undecided)
    assert "leads outside" in verdict.detail

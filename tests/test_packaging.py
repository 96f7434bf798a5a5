"""What is shipped: the wheel, the lock file, the pre-commit hook and the action."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "probatum"
FIRST_AUDIT = ROOT / "examples" / "first-audit"


def _demand_setuptools() -> None:
    if int(metadata.version("setuptools").partition(".")[0]) < 77:
        pytest.skip("setuptools 77 is the first that reads this pyproject.toml")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy in which an earlier build has left a module that is gone by now."""
    _demand_setuptools()
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    gone = copy / "build" / "lib" / "probatum" / "gone.py"
    gone.parent.mkdir(parents=True)
    gone.write_text("raise SystemExit('this is of an earlier version')")
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", copy / "src", ignore=left_out)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run(
        [sys.executable, "-c", build], cwd=copy, capture_output=True, timeout=120, check=True
    )
    [made] = out.glob("*.whl")
    return made


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.startswith("probatum/")}
    there = {
        f"probatum/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == there
    for suffix in (".toml", ".json", ".css", ".js", "py.typed"):
        assert any(name.endswith(suffix) for name in shipped)


def test_the_source_distribution_holds_what_the_tests_need(tmp_path: Path) -> None:
    _demand_setuptools()
    copy = tmp_path / "source"
    left_out = shutil.ignore_patterns(
        "__pycache__", "*.egg-info", ".*_cache", ".git", ".hypothesis", "build", "dist", "site"
    )
    shutil.copytree(ROOT, copy, ignore=left_out)
    there = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    build = "from setuptools import build_meta; print(build_meta.build_sdist('out'))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=copy, capture_output=True, timeout=120, check=True
    )
    made = copy / "out" / done.stdout.decode().split()[-1]
    with tarfile.open(made) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert there - packed == set()


def test_what_the_wheel_installs_audits(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = (
        "import sys, probatum; print(probatum.__file__); "
        "from probatum.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "audit", "--format", "html", str(FIRST_AUDIT)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(str(tmp_path / "installed"))
    assert "<style>" in done.stdout


def test_the_lock_file_pins_every_dependency_with_hashes() -> None:
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
    locked = tomllib.loads(ROOT.joinpath("uv.lock").read_text())["package"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(one for extra in extras for one in extra)]
    names = {re.split(r"[\[<>=]", one)[0].lower().replace("_", "-") for one in wanted}
    assert names <= {one["name"] for one in locked}
    for one in locked:
        if one["name"] == "probatum":
            stated = {two["name"] for two in one["metadata"]["requires-dist"]}
            assert stated == names, "run uv lock"
            continue
        assert one["source"] == {"registry": "https://pypi.org/simple"}, one["name"]
        files = [*one.get("wheels", []), *([one["sdist"]] if "sdist" in one else [])]
        assert files
        assert all(file["hash"].startswith("sha256:") for file in files)


def test_the_hook_calls_probatum_for_the_files_that_models_come_in() -> None:
    yaml = pytest.importorskip("yaml")
    [hook] = yaml.safe_load(ROOT.joinpath(".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["entry"], hook["language"]) == ("probatum", "probatum audit", "python")
    assert hook["args"][-1] == "--"  # a file's name must not be an option
    files = re.compile(hook["files"])
    for path in FIRST_AUDIT.iterdir():
        expected = path.suffix not in (".json", ".md")
        assert bool(files.search(f"models/{path.name}")) is expected, path.name


@pytest.mark.parametrize(
    ("target", "form", "code"),
    [("vocabulary.pkl", "sarif", 0), ("vocabulary.pkl\nhostile.pkl\n", "json", 1), ("", "json", 3)],
)
def test_the_action_audits_its_targets(tmp_path: Path, target: str, form: str, code: int) -> None:
    yaml = pytest.importorskip("yaml")
    steps = yaml.safe_load(ROOT.joinpath("action.yml").read_text())["runs"]["steps"]
    programs = tmp_path / "probatum" / "bin"
    programs.mkdir(parents=True)
    program = programs / "probatum"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m probatum "$@"\n')
    program.chmod(0o755)
    given = {"TARGET": target, "CONFIG": "", "FORMAT": form, "OUTPUT": str(tmp_path / "report")}
    assert set(given) == set(steps[-1]["env"])
    runner = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "outputs")}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", steps[-1]["run"]],
        cwd=FIRST_AUDIT,
        env={**os.environ, **given, **runner},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert f"exit-code={code}" in tmp_path.joinpath("outputs").read_text().splitlines()
    assert tmp_path.joinpath("report").is_file() is (code != 3)


def test_no_input_of_the_action_is_pasted_into_a_script() -> None:
    yaml = pytest.importorskip("yaml")
    for step in yaml.safe_load(ROOT.joinpath("action.yml").read_text())["runs"]["steps"]:
        assert "${{" not in step["run"]

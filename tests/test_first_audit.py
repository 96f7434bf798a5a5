"""The example that a newcomer audits first."""

import json
import pickletools
import subprocess
import sys
from pathlib import Path

import pytest

from probatum.cli.main import main

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "first-audit"
FILES = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")


def test_the_maker_writes_the_same_files_byte_for_byte(tmp_path: Path) -> None:
    maker = ROOT / "examples" / "make_first_audit.py"
    subprocess.run([sys.executable, maker, tmp_path], timeout=60, check=True)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in FILES}
    for path in FILES:
        assert path.read_bytes() == tmp_path.joinpath(path.name).read_bytes(), path.name


def test_only_the_hostile_file_is_refuted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "-q", "--no-config", "--format", "json", str(FOLDER)]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    refuted = {one["artifact"]["name"] for one in findings if one["verdict"] == "refuted"}
    assert refuted == {"hostile.pkl"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_honest_file_passes_by_itself(path: Path) -> None:
    expected = 1 if path.name == "hostile.pkl" else 0
    assert main(["audit", "-q", "--no-config", "-o", "/dev/null", str(path)]) == expected


def test_the_hostile_file_can_be_read_and_only_prints() -> None:
    data = FOLDER.joinpath("hostile.pkl").read_bytes()
    assert data.isascii()
    assert data.decode().replace("\n", "").isprintable()
    called = [arg for opcode, arg, _ in pickletools.genops(data) if opcode.name == "GLOBAL"]
    assert called == ["builtins print"]
    assert sum(opcode.name == "REDUCE" for opcode, _, _ in pickletools.genops(data)) == 1


def test_the_page_beside_the_files_names_each_of_them() -> None:
    page = FOLDER.joinpath("README.md").read_text("utf-8")
    for path in FILES:
        assert f"| `{path.name}` |" in page

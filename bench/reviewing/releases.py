"""Releases of packages from the index, unpacked as they lie there: nothing of them is run or built.

A folder of releases holds `<package>-<version>/` with the Python files and notebooks of each.
"""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

SUFFIXES = (".py", ".pyi", ".ipynb")
_WHEELS = ("--only-binary", ":all:")
_ATTEMPTS = (
    (*_WHEELS, "--python-version", "3.11"),
    (*_WHEELS, "--python-version", "3.9"),
    (*_WHEELS, "--python-version", "3.8", "--platform", "manylinux2014_x86_64"),
    ("--no-binary", ":all:", "--no-build-isolation"),
)


def release(package: str, version: str, folders: tuple[Path, ...]) -> Path | None:
    """The unpacked release, out of the first folder that has it or else fetched into the last."""
    name = f"{package}-{version}"
    for folder in folders:
        if (folder / name).is_dir():
            return folder / name
    place = folders[-1] / name
    with tempfile.TemporaryDirectory() as downloads:
        archive = _download(f"{package}=={version}", Path(downloads))
        if archive is None:
            return None
        place.mkdir(parents=True)
        _unpack(archive, place)
    return place


def lines_of(folder: Path) -> int:
    """How many lines the Python files of a folder have."""
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.py"))


def _download(wanted: str, downloads: Path) -> Path | None:
    pip = [sys.executable, "-m", "pip", "-q", "download", "--no-deps", "-d", str(downloads)]
    for attempt in _ATTEMPTS:
        subprocess.run([*pip, *attempt, wanted], check=False, capture_output=True)
        found = sorted(downloads.iterdir())
        if found:
            return found[0]
    return None


def _unpack(archive: Path, folder: Path) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                if name.endswith(SUFFIXES):
                    opened.extract(name, folder)
    else:
        with tarfile.open(archive) as opened:
            for member in opened.getmembers():
                if member.isfile() and member.name.endswith(SUFFIXES):
                    opened.extract(member, folder, filter="data")

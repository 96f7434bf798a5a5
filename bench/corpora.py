"""The files that the tools are run on, made in the work folder and kept there."""

import json
import os
import pickle
import pickletools
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

MAKER = Path(__file__).resolve().parent
RECORDS = 909_000
"""Records in the big pickle: 11 opcodes each, 10 million in all."""


def hostile(folder: Path, python: str, mutants: int, every: int) -> list[dict[str, str]]:
    """The manifest of the hostile corpus, every sample of it shown live by the oracle."""
    options = ["--mutants", str(mutants), "--every", str(every)]
    return _made(folder, [python, str(MAKER / "hostile.py"), str(folder), *options])


def benign(folder: Path, python: str, recipes: tuple[str, ...]) -> list[dict[str, str]]:
    """The manifest of the benign corpus, written by the real libraries that `python` has."""
    return _made(folder, [python, str(MAKER / "benign" / "make.py"), str(folder), *recipes])


def shipped(folder: Path) -> Path:
    """The model files that nine packages ship."""
    if not folder.exists():
        made = [sys.executable, str(MAKER / "benign" / "shipped.py"), str(folder)]
        subprocess.run(made, check=True, env=_plain())
    return folder


def big_pickle(folder: Path, records: int = RECORDS) -> tuple[Path, int]:
    """A pickle of many records as `pickle.dump` writes them, and its opcodes by pickletools."""
    path, counted = folder / f"records-{records}.pkl", folder / f"records-{records}.count"
    if not counted.exists():
        chance = random.Random(0)
        rows = [
            {"id": n, "text": f"{n:08d}" + "x" * 195, "score": chance.random()}
            for n in range(1 << 16, (1 << 16) + records)
        ]
        with path.open("wb") as file:
            pickle.dump(rows, file, protocol=4)
        del rows
        counted.write_text(str(_opcodes(path)))
    return path, int(counted.read_text())


def small_pickles(folder: Path, number: int = 500) -> Path:
    """A tree of small pickles: twenty folders of parameters, as experiments leave them."""
    if not folder.exists():
        chance = random.Random(0)
        for one in range(number):
            path = folder / f"run-{one % 20:02d}" / f"parameters-{one}.pkl"
            path.parent.mkdir(parents=True, exist_ok=True)
            values = {f"layer.{n}": [chance.random() for _ in range(8)] for n in range(12)}
            path.write_bytes(pickle.dumps({"run": one, "name": f"run-{one}", "values": values}))
    return folder


def big_safetensors(folder: Path, size: int = 1 << 30) -> Path:
    """A sound safetensors file of 1 GiB whose tensors are a hole in the file system."""
    path = folder / f"zeros-{size}.safetensors"
    with path.open("wb") as file:
        _write_safetensors(file, size)
    return path


def each_nth(rows: list[dict[str, str]], wanted: int) -> list[dict[str, str]]:
    """About `wanted` of the rows, spread evenly over their order; all where there are fewer."""
    step = max(1, len(rows) // wanted)
    return rows[::step]


def linked(folder: Path, files: list[Path]) -> dict[str, Path]:
    """Put the files into one folder under names that tell their order; which name is which."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    names = {f"{number:05d}{path.suffix}": path for number, path in enumerate(files)}
    for name, path in names.items():
        os.link(path, folder / name)
    return names


def _made(folder: Path, command: list[str]) -> list[dict[str, str]]:
    manifest = folder / "manifest.json"
    if not manifest.exists():
        subprocess.run(command, check=True, env=_plain())
    rows: list[dict[str, str]] = json.loads(manifest.read_text())
    return rows


def _plain() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def _opcodes(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in pickletools.genops(file))


def _write_safetensors(file: BinaryIO, size: int) -> None:
    layers = list(_layers(size))
    header = json.dumps(dict(layers)).encode()
    header += b" " * (-len(header) % 8)
    file.write(struct.pack("<Q", len(header)) + header)
    file.truncate(8 + len(header) + layers[-1][1]["data_offsets"][1])


def _layers(size: int, number: int = 200) -> Iterator[tuple[str, dict[str, Any]]]:
    each = size // number // 2048 * 2048
    for one in range(number):
        offsets = [one * each, (one + 1) * each]
        shape = [each // 2048, 1024]
        yield f"layers.{one}.weight", {"dtype": "F16", "shape": shape, "data_offsets": offsets}

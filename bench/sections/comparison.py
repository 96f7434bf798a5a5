"""What comparing two models costs beside hashing their bytes."""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.measure import Cost, least
from bench.tables import table
from bench.tools import PROBATUM, Bench, Tool

_PIECE = 1 << 20
_HASHES = """\
import hashlib, sys
for path in sys.argv[1:]:
    state = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(1 << 20):
            state.update(piece)
"""


def alone(bench: Bench) -> tuple[Tool, ...]:
    """The tools of this section: Probatum alone."""
    return (PROBATUM,)


def measured(bench: Bench) -> dict[str, Any]:
    folder = bench.work / "comparison"
    names = {f"model.layers.{number}.weight": number for number in range(16)}
    size = (64 if bench.records > 10_000 else 1) * _PIECE
    few, rest = dict(list(names.items())[:6]), dict(list(names.items())[6:])
    base, copy = folder / "base", folder / "copy"
    shards, tuned = folder / "shards", folder / "tuned"
    for path in (base, copy):
        _safetensors(path / "model.safetensors", names, size)
    for number, part in enumerate((rest, few), 1):
        _safetensors(shards / f"model-0000{number}-of-00002.safetensors", part, size)
    _safetensors(tuned / "model.safetensors", names, size, changed=4)
    script = str(Path(bench.python(PROBATUM.name)).with_name("probatum"))
    files = [str(path / "model.safetensors") for path in (base, copy)]
    commands = {
        "hashing both files, in Python": [bench.python(PROBATUM.name), "-c", _HASHES, *files],
        "a copy": [script, "compare", "-q", str(base), str(copy)],
        "a copy, with --prove": [script, "compare", "-q", "--prove", str(base), str(copy)],
        "a copy in other shards": [script, "compare", "-q", str(base), str(shards)],
        "4 of 16 tensors changed": [script, "compare", "-q", str(base), str(tuned)],
    }
    environment = bench.environment(PROBATUM)
    runs = [(command, environment) for command in commands.values()]
    costs = least(runs, folder, rounds=bench.runs, limit_s=bench.heavy_s)
    return {
        "bytes": 2 * 16 * size,
        "runs": bench.runs,
        "costs": {name: asdict(one) for name, one in zip(commands, costs, strict=True)},
    }


def written(data: dict[str, Any]) -> str:
    costs = {name: Cost(**one) for name, one in data["costs"].items()}
    hashing = next(iter(costs.values())).cpu_s
    rows = [
        [name, f"{one.cpu_s:.2f}", f"{hashing / one.cpu_s:.0%}", f"{one.peak_mb:.0f}", one.code]
        for name, one in costs.items()
    ]
    head = ["what is compared", "CPU s", "of the speed of hashing", "largest process MB", "exit"]
    return f"""\
Two models of 16 tensors of BF16, {data["bytes"] / 2**30:.2f} GiB together, by `probatum compare`.
The least CPU of {data["runs"]} runs, children included; the files lie in the system's cache.

{table(head, rows)}
"""


def _safetensors(path: Path, names: dict[str, int], size: int, changed: int = 0) -> None:
    """Tensors of `size` bytes; one number picks a tensor's content, the first `changed` differ."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {
        name: {"dtype": "BF16", "shape": [size // 2], "data_offsets": [at * size, (at + 1) * size]}
        for at, name in enumerate(names)
    }
    said = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(said).to_bytes(8, "little") + said)
        for number in names.values():
            for piece in _content(number, size, changed=number < changed):
                file.write(piece)


def _content(number: int, size: int, *, changed: bool) -> Iterator[bytes]:
    piece = bytearray(random.Random(number).randbytes(_PIECE))
    piece[1::2] = bytes(0x3C | one & 0x83 for one in piece[1::2])  # small numbers, none infinite
    for at in range(size // _PIECE):
        piece[:4] = at.to_bytes(4, "little")
        if changed:
            piece[::512] = bytes(one ^ 1 for one in piece[::512])
        yield bytes(piece)

"""Makes the benign corpus: pickle-bearing files written by the real libraries.

    python bench/benign/make.py OUT_DIR [RECIPE...]

Each module in `recipes/` names the distribution it needs (`NEEDS`) and yields samples. A library
that is not installed is said as skipped; a sample that its library refuses to write is said as
failed and makes the exit code 1. `OUT_DIR/manifest.json` lists what was made: file, library,
version, what, sha256, size.
"""

import hashlib
import importlib
import json
import pkgutil
import random
import sys
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.benign import recipes
from bench.benign.sample import Sample


def main(arguments: list[str]) -> int:
    """Write every sample of the recipes whose library is installed."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 3
    out = Path(arguments[0])
    made: list[dict[str, Any]] = []
    failed: list[str] = []
    for recipe in _recipes(arguments[1:]):
        missing = _missing(recipe)
        if missing:
            print(f"skipped  {_name(recipe)}: {missing} is not installed", file=sys.stderr)
            continue
        before = len(made)
        for sample in _samples(recipe, failed):
            _write(recipe, sample, out / _name(recipe), made, failed)
        print(f"{_name(recipe):14} {len(made) - before:4} files", file=sys.stderr)
    (out / "manifest.json").write_text(json.dumps(made, indent=1) + "\n")
    for line in failed:
        print(f"failed   {line}", file=sys.stderr)
    size = sum(entry["size"] for entry in made)
    print(f"{len(made)} files, {size / 1e6:.1f} MB, {len(failed)} failed", file=sys.stderr)
    return 1 if failed else 0


def _recipes(wanted: list[str]) -> Iterator[ModuleType]:
    for found in sorted(pkgutil.iter_modules(recipes.__path__), key=lambda one: one.name):
        if not wanted or found.name in wanted:
            yield importlib.import_module(f"bench.benign.recipes.{found.name}")


def _name(recipe: ModuleType) -> str:
    return recipe.__name__.rpartition(".")[2]


def _missing(recipe: ModuleType) -> str:
    for distribution in recipe.NEEDS:
        try:
            metadata.version(distribution)
        except metadata.PackageNotFoundError:
            return distribution
    return ""


def _samples(recipe: ModuleType, failed: list[str]) -> Iterator[Sample]:
    """The recipe's samples; each of its groups may fail on its own."""
    for group in recipe.GROUPS:
        random.seed(0)
        try:
            yield from group()
        except Exception as exc:  # noqa: BLE001 (a library that changed must not cost the rest)
            failed.append(f"{_name(recipe)}.{group.__name__}: {type(exc).__name__}: {exc}")


def _write(
    recipe: ModuleType,
    sample: Sample,
    folder: Path,
    made: list[dict[str, Any]],
    failed: list[str],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / sample.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sample.write(path)
    except Exception as exc:  # noqa: BLE001 (as above)
        path.unlink(missing_ok=True)
        failed.append(f"{_name(recipe)}/{sample.name}: {type(exc).__name__}: {exc}")
        return
    content = path.read_bytes()
    library = recipe.NEEDS[0] if recipe.NEEDS else "python"
    made.append(
        {
            "file": f"{folder.name}/{sample.name}",
            "library": library,
            "version": metadata.version(library) if recipe.NEEDS else sys.version.split()[0],
            "what": sample.what,
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
        }
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

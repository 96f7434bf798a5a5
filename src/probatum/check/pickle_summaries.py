"""The rows of effect summaries, found by name: the standard library alone.

The rows and their slots are described in docs/reference/effect-summaries.md.
"""

import json
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent.parent / "rules" / "effects"


@cache
def _packages() -> frozenset[str]:
    return frozenset(path.stem for path in (*_FOLDER.glob("*.toml"), *_FOLDER.glob("derived/*")))


@cache
def _rows(package: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    reviewed = _toml(f"{package}.toml")
    for row in reviewed.get("row", ()):
        for name in row["names"]:
            found[name] = row
    derived = _FOLDER / "derived" / f"{package}.json"
    if derived.is_file():
        shapes = {**_toml("shapes.toml").get("shape", {}), **reviewed.get("shape", {})}
        for name, entry in json.loads(derived.read_bytes())["classes"].items():
            found.setdefault(name, {**shapes[entry["shape"]], "class": True, "names": [name]})
    return found


@cache
def _toml(name: str) -> dict[str, Any]:
    path = _FOLDER / name
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}


@lru_cache(1 << 12)
def summary(name: str) -> dict[str, Any] | None:
    """The row of `module:qualified_name`."""
    package = name.partition(":")[0].partition(".")[0]
    return _rows(package).get(name) if package in _packages() else None

"""Whether what loading imports could be taken from beside an artifact; no certificate of its own.

What `imports` of another checker names is looked for in the artifact's folder first, and so is all
that those packages import in turn. `rules/imports.toml` lists the names: `standard` are those that
each version of Python has, so that a folder without `__init__` never stands for them; `sometimes`
and `libraries` may be missing, and then such a folder does. `beginnings` are those of further names
of the standard library.

`beside` has names, and of a folder that is surely no package what an import could find in it:
`sub/x.py`, or `sub/`; and `x.dist-info/` of metadata that names no plugins.
"""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_RULES = Path(__file__).parent.parent / "rules" / "imports.toml"
_SUFFIXES = {"py", "pyw", "pyc", "pyo", "so", "pyd", "dll", "dylib"}
_METADATA = {"dist-info", "egg-info", "egg", "egg-link"}
_LOADED_BEFORE = {"builtins", "_codecs", "sys"}


def rival(packages: Iterable[str], beside: Iterable[str]) -> str:
    """What stands in the way of importing these packages, as a sentence; empty if nothing."""
    wanted = set(packages) - _LOADED_BEFORE
    if not wanted:
        return ""
    rules = _rules()
    plain = rules["standard"] | rules["sometimes"]
    if asks_plugins := not wanted <= plain:
        wanted |= rules["libraries"]
    wanted |= plain
    for name in sorted(beside):
        first = _imported_as(name)
        if first in wanted or any(map(first.startswith, rules["beginnings"])):
            return f"{name} beside the artifact could be imported in place of {first}"
        if asks_plugins and _is_metadata(name):
            return f"{name} beside the artifact could tell a library what to load"
    return ""


def _imported_as(name: str) -> str:
    """The top-level name under which an import could find it; empty if under none."""
    folder, is_folder, inside = name.partition("/")
    if is_folder:
        return folder if inside and folder not in _rules()["standard"] else ""
    first, dot, rest = name.partition(".")
    # A compiled module bears more between its name and its suffix: x.cpython-311-darwin.so.
    return first if not dot or rest.rpartition(".")[2].lower() in _SUFFIXES else ""


def _is_metadata(name: str) -> bool:
    stem, dot, suffix = name.rpartition(".")
    return bool(dot) and suffix.lower() in _METADATA and "/" not in stem


@cache
def _rules() -> dict[str, frozenset[str]]:
    found = tomllib.loads(_RULES.read_text("utf-8"))
    return {
        key: frozenset(found[key]) for key in ("standard", "sometimes", "libraries", "beginnings")
    }

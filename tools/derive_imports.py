"""Writes src/probatum/rules/imports.toml: the names that importing a summarised library looks for.

    python -m tools.derive_imports --standard LIB... --site SITE... [--release FOLDER...]

LIB is the standard library of one version of Python (`lib/python3.11`), SITE a folder of installed
packages, FOLDER an unpacked older release that is read in the place of the installed one. Nothing
is imported. From the packages that have effect summaries on, every `import` in every module that
can be reached is followed, wherever in the module it stands: more is found than an import runs,
and less is never right. What a reviewer struck out, and why, stands in NEVER below.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_RULES = _ROOT / "src" / "probatum" / "rules"
_MADE = "# Made by tools/derive_imports.py: change that, not this."

NEVER = {
    "__main__": "is there before anything is loaded",
    "__mp_main__": "is there before anything is loaded",
    "test": "multiprocessing.util and others import it in functions that CPython's own tests call",
    "version": "dill looks for it where its own __info__ is missing, which each release has",
    "diff": "dill looks for it where its own module diff is missing, which each release has",
    "foo": "torch._functorch.compilers names it in the text of an example",
    "all": "sympy's own tests import it",
    "py": "mpmath's own tests import it",
}

# Of Python 3.14, and those of 3.15 that are announced: no such Python was at hand.
LATER = (
    "_ast_unparse _hmac _interpchannels _interpqueues _interpreters _py_warnings _pyrepl "
    "_remote_debugging _types _zstd annotationlib compression profiling"
)

# Of releases that a summary may speak of, older than those that were at hand.
EARLIER = "attr caffe2 future six"

# sysconfig makes the rest of the name of what it was built with: `_sysconfigdata__linux_x86_64-…`.
BEGINNINGS = ["_sysconfigdata_"]

# Compiled modules import these by name, and `find_spec` or a list of names asks for some of them.
COMPILED = "_codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _multibytecodec"

_CALLS = re.compile(
    r"import_module|__import__|_?import_optional_dependency|_?LazyModule|lazy_import"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_PACKAGED = re.compile(r"(\w+)(?:\.[^/]*)?\.(?:py|so|pyd)")


@dataclass(frozen=True)
class Found:
    """A module: its source, if it is written in Python, and its folder, if it is a package."""

    source: Path | None = None
    folder: Path | None = None


@dataclass
class Modules:
    """What an import finds on a path."""

    path: tuple[Path, ...]
    known: dict[str, Found | None] = field(default_factory=dict)

    def find(self, name: str) -> Found | None:
        if name not in self.known:
            self.known[name] = self._found(name)
        return self.known[name]

    def _found(self, name: str) -> Found | None:
        head, _, last = name.rpartition(".")
        above = self.find(head) if head else None
        if head and (above is None or above.folder is None):
            return None
        folders = (above.folder,) if above is not None and above.folder else self.path
        bare = None
        for folder in folders:
            names, inner = _listed(folder).get(last, ()), folder / last
            if last in names and "__init__.py" in _listed(inner).get("__init__", ()):
                return Found(inner / "__init__.py", inner)
            if f"{last}.py" in names:
                return Found(folder / f"{last}.py")
            if any(name.endswith((".so", ".pyd")) for name in names):
                return Found()
            if last in names and inner.is_dir():
                bare = bare or Found(None, inner)
        return bare


@cache
def _listed(folder: Path) -> dict[str, list[str]]:
    """What a folder holds, by the part of each name before the first dot."""
    found: dict[str, list[str]] = {}
    for one in folder.iterdir() if folder.is_dir() else ():
        found.setdefault(one.name.partition(".")[0], []).append(one.name)
    return found


@dataclass
class Standard:
    """The standard library of one version of Python."""

    folder: Path

    @cached_property
    def names(self) -> frozenset[str]:
        inside = {*sys.builtin_module_names}
        for one in (*self.folder.iterdir(), *(self.folder / "lib-dynload").glob("*.so")):
            match = _PACKAGED.fullmatch(one.name)
            if match:
                inside.add(match[1])
            elif (one / "__init__.py").is_file():
                inside.add(one.name)
        return frozenset(inside) - {"site-packages"}

    @property
    def path(self) -> tuple[Path, ...]:
        return (self.folder, self.folder / "lib-dynload")

    def encodings(self) -> tuple[str, ...]:
        return tuple(f"encodings.{one.stem}" for one in (self.folder / "encodings").glob("*.py"))


def reached(roots: tuple[str, ...], modules: Modules) -> set[str]:
    """The top-level names that importing the roots, and running what they define, may look for."""
    todo, seen, names = list(roots), set(), set()
    while todo:
        parts = todo.pop().split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count])
            if name in seen:
                continue
            seen.add(name)
            names.add(parts[0])
            found = modules.find(name)
            if found is None:
                break
            if found.source is not None:
                todo += _imported(name, found)
    return names - set(NEVER)


@cache
def _imported(name: str, found: Found) -> tuple[str, ...]:
    """What a module imports; read once, though several releases may share it."""
    return tuple(_imports(name, found))


def _imports(name: str, found: Found) -> Iterator[str]:
    assert found.source is not None
    try:
        tree = ast.parse(found.source.read_bytes())
    except (SyntaxError, ValueError):
        print(f"cannot be parsed: {found.source}", file=sys.stderr)
        return
    package = name if found.folder is not None else name.rpartition(".")[0]
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names)
            case ast.ImportFrom():
                yield from _from(node, package)
            case ast.Call(func=func, args=[ast.Constant(value=str() as told), *_]):
                called = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                if _CALLS.fullmatch(called) and _DOTTED.fullmatch(told):
                    yield told


def _from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    above = package.split(".") if node.level else []
    kept = above[: len(above) - node.level + 1] if node.level else []
    module = ".".join([*kept, *([node.module] if node.module else [])])
    if module:
        yield module
        yield from (f"{module}.{one.name}" for one in node.names if one.name != "*")


def summarised() -> frozenset[str]:
    """The packages that have effect summaries."""
    folder = _RULES / "effects"
    found = (*folder.glob("*.toml"), *(folder / "derived").glob("*.json"))
    return frozenset(one.stem for one in found) - {"shapes"}


def written(standard: list[Standard], sites: list[Path], releases: list[Path]) -> str:
    """The text of `rules/imports.toml`."""
    any_version = frozenset().union(*(one.names for one in standard))
    every_version = frozenset.intersection(*(one.names for one in standard))
    ours = tuple(summarised() & any_version)
    alone: set[str] = {*LATER.split(), *COMPILED.split()}
    for one in standard:
        alone |= reached((*ours, *one.encodings(), "site", "pickle"), Modules(one.path))
    with_libraries: set[str] = {*EARLIER.split()}
    for release in (None, *releases):
        path = (*([release] if release else []), *sites, *standard[0].path)
        with_libraries |= reached(tuple(summarised()), Modules(path))
    everything = alone | with_libraries
    lists = {
        "standard": everything & every_version,
        "sometimes": (everything & any_version | alone) - every_version,
        "libraries": everything - any_version - alone,
    }
    says = {
        "standard": "Of the standard library of each version.",
        "sometimes": "Of some versions, and what the standard library tries to import.",
        "libraries": "What the libraries that have effect summaries import, or try to.",
    }
    told = [_MADE, f"source = {_toml(_sources(standard, sites, releases))}"]
    for key, names in lists.items():
        told += ["", f"# {says[key]}", f"{key} = {_toml(sorted(names))}"]
    told += ["", "# Of the standard library, with a rest that is made up when it runs."]
    told += [f"beginnings = {_toml(BEGINNINGS)}"]
    return "\n".join(told) + "\n"


def _sources(standard: list[Standard], sites: list[Path], releases: list[Path]) -> list[str]:
    installed = {
        one.name.removesuffix(".dist-info").replace("-", " ")
        for folder in (*sites, *releases)
        for one in folder.glob("*.dist-info")
    }
    return [*(f"CPython {one.folder.name[6:]}" for one in standard), *sorted(installed)]


def _toml(names: list[str]) -> str:
    lines, line = ["["], " "
    for name in names:
        if len(line) + len(name) > 96:
            lines.append(line)
            line = " "
        line += f' "{name}",'
    return "\n".join([*lines, line, "]"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--standard", nargs="+", type=Path, required=True)
    parser.add_argument("--site", nargs="+", type=Path, required=True)
    parser.add_argument("--release", nargs="*", type=Path, default=[])
    options = parser.parse_args()
    standard = [Standard(one) for one in options.standard]
    text = written(standard, options.site, options.release)
    (_RULES / "imports.toml").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What became of functions from one release of a package to another, by their sources alone."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_QUOTED = re.compile(r"'([^\W\d]\w{3,})'")
_ASIDE = re.compile(
    r"(^|/)(tests?|docs?|examples?|benchmarks?)/|(^|/)(test_[^/]*|conftest|setup)\.py$"
)


@dataclass(frozen=True)
class Span:
    """The releases that an advisory affects, oldest first, and those that it calls fixed."""

    affected: tuple[Version, ...]
    fixed: tuple[Version, ...]

    def of(self, versions: str) -> tuple[Version, Version, Version | None] | None:
        """The oldest and the last affected release, and the first after it, within a specifier."""
        inside = SpecifierSet(versions, prereleases=True)
        here = [one for one in self.affected if one in inside]
        here = [one for one in here if not one.is_prerelease] or here
        if not here:
            return None
        stable = (one for one in self.affected if not one.is_prerelease)
        later = [one for one in (*stable, *self.fixed) if one > here[-1]]
        return here[0], here[-1], min(later, default=None)


def spans(lines: Iterator[str], packages: set[str]) -> dict[tuple[str, str], Span]:
    """What OSV records say of those packages, by package and by each of a record's ids."""
    found: dict[tuple[str, str], tuple[set[Version], set[Version]]] = {}
    for line in lines:
        record = json.loads(line)
        if "withdrawn" in record:
            continue
        for entry in record.get("affected", ()):
            package = canonicalize_name(entry["package"]["name"])
            if entry["package"]["ecosystem"] != "PyPI" or package not in packages:
                continue
            for name in (record["id"], *record.get("aliases", ())):
                affected, fixed = found.setdefault((package, name), (set(), set()))
                affected |= set(_versions(entry.get("versions", ())))
                for line_of in entry.get("ranges", ()):
                    if line_of["type"] == "ECOSYSTEM":
                        ends = (event.get("fixed", "") for event in line_of["events"])
                        fixed |= set(_versions(ends))
    return {
        key: Span(tuple(sorted(affected)), tuple(sorted(fixed)))
        for key, (affected, fixed) in found.items()
    }


def _versions(texts: Any) -> Iterator[Version]:
    for text in texts:
        try:
            yield Version(text)
        except InvalidVersion:
            continue


def release(folder: Path, package: str, version: Version) -> Path | None:
    """The folder of an unpacked release, downloaded if need be; None if there is no wheel."""
    unpacked = folder / f"{package}-{version}"
    if unpacked.is_dir():
        return unpacked
    asked = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    place = folder / f".{package}-{version}"
    told = subprocess.run([*asked, "-d", str(place), f"{package}=={version}"], check=False)  # noqa: S603
    wheels = list(place.glob("*.whl")) if told.returncode == 0 else []
    if not wheels:
        return None
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extractall(unpacked, [name for name in wheel.namelist() if name.endswith(".py")])
    return unpacked


def functions(folder: Path | None, module: str) -> dict[str, str]:
    """The functions of a module as syntax trees, by name, and the whole module as `*`.

    Empty if there is no such module, or if it is written in a Python that this one cannot read.
    """
    path = (folder or Path()).joinpath(*module.split("."))
    for source in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if folder and source.is_file():
            try:
                tree = ast.parse(source.read_bytes())
            except (SyntaxError, ValueError):
                return {}
            return {"*": ast.dump(tree), **dict(_functions(tree, ""))}
    return {}


def _functions(node: ast.AST, above: str) -> Iterator[tuple[str, str]]:
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            inner.body = [one for one in inner.body if not _is_text(one)]
            yield above + inner.name, ast.dump(inner)
        elif isinstance(inner, ast.ClassDef):
            yield from _functions(inner, f"{above}{inner.name}.")
        elif isinstance(inner, ast.stmt | ast.ExceptHandler):
            yield from _functions(inner, above)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def around(named: dict[str, set[str]], before: Path, after: Path) -> Iterator[tuple[str, set[str]]]:
    """The functions elsewhere that gained words which the named ones gained, the most first.

    A fix that guards several functions gives them the same new names: these want to be looked at.
    """
    words: set[str] = set()
    for module, names in named.items():
        old, new = functions(before, module), functions(after, module)
        for name in set(old) | set(new) if "*" in names else names:
            words |= _words(new.get(name, "")) - _words(old.get(name, ""))
    found = [
        (f"{module}:{name}", shared)
        for module in _changed(before, after, words)
        for name, shared in _gained(module, words, before, after)
        if name not in named.get(module, ()) and "*" not in named.get(module, ())
    ]
    yield from sorted(found, key=lambda one: (-len(one[1]), one[0]))


def _gained(module: str, words: set[str], *sides: Path) -> Iterator[tuple[str, set[str]]]:
    old, new = (functions(side, module) for side in sides)
    for name in set(old) & set(new) - {"*"}:
        shared = (_words(new[name]) - _words(old[name])) & words
        if shared:
            yield name, shared


def _changed(before: Path, after: Path, words: set[str]) -> Iterator[str]:
    """The modules that are not as they were, and in which one of the words occurs."""
    for path in sorted(after.rglob("*.py")):
        name = path.relative_to(after).as_posix()
        older = before / name
        if _ASIDE.search(name) or not older.is_file():
            continue
        text = path.read_bytes()
        if text != older.read_bytes() and any(word.encode() in text for word in words):
            yield name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _words(tree: str) -> set[str]:
    return set(_QUOTED.findall(tree))

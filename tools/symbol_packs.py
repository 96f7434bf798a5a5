"""Holds the symbol packs, src/probatum/rules/symbols/, against the releases that they speak of.

    python -m tools.symbol_packs --check
    python -m tools.symbol_packs --records FILE --releases FOLDER [PACKAGE...]

FILE holds OSV records, JSON, one a line, as the `records.jsonl` of an installed snapshot does.
FOLDER holds unpacked releases, `<package>-<version>/`; one that is missing is downloaded as a wheel
by pip and unpacked. Nothing of it is run. For each function a line says what became of it from the
last affected release to the first that is not:

- `changed`, `removed`: the fix did that, or the release it came with;
- `same`: only the record says so, or the fix went elsewhere: the row has to tell `why`;
- `absent`: the last affected release, or the oldest that the row is for, does not have it.

Exit status 1 if a row is malformed, a function is absent, or one stayed the same without a `why`.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

PACKS = Path(__file__).resolve().parents[1] / "src" / "probatum" / "rules" / "symbols"

_NAME = r"[^\W\d]\w*"
_FORMS = {
    "advisory": re.compile(r"CVE-\d{4}-\d{4,}|GHSA(-[2-9cfghjmpqrvwx]{4}){3}|PYSEC-\d{4}-\d+"),
    "package": re.compile(r"[a-z0-9]+(-[a-z0-9]+)*"),
    "module": re.compile(rf"{_NAME}(\.{_NAME})*"),
    "evidence": re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/(commit/[0-9a-f]{7,40}|pull/\d+)"),
}
_FUNCTION = re.compile(rf"{_NAME}(\.{_NAME})*")
_KEYS = {*_FORMS, "functions"}
_MAY = {"versions", "why"}


@dataclass(frozen=True)
class Symbol:
    """One row of a pack."""

    advisory: str
    package: str
    module: str
    functions: tuple[str, ...]
    evidence: str
    versions: str = ""
    why: str = ""


def malformed(row: dict[str, Any], package: str) -> Iterator[str]:
    """What is wrong with the form of a row in the pack of that package."""
    if not _KEYS <= set(row) <= _KEYS | _MAY:
        yield f"has the keys {sorted(row)}"
        return
    for key, form in _FORMS.items():
        if not isinstance(row[key], str) or not form.fullmatch(row[key]):
            yield f"{key} is {row[key]!r}"
    if row["package"] != package:
        yield f"stands in the pack of {package}"
    names = row["functions"]
    if not isinstance(names, list) or not all(
        isinstance(name, str) and _FUNCTION.fullmatch(name) for name in names
    ):
        yield f"functions are {names!r}"
    elif len(set(names)) < len(names):
        yield "names a function twice"
    try:
        SpecifierSet(row.get("versions", ""))
    except InvalidSpecifier:
        yield f"versions is {row['versions']!r}"


def pack(path: Path) -> tuple[list[Symbol], list[str]]:
    """The rows of a pack, and what is wrong with its form."""
    symbols, wrong, seen = [], [], set()
    for row in tomllib.loads(path.read_text("utf-8")).get("symbol", []):
        named = f"{path.name}: {row.get('advisory')} {row.get('module')}"
        found = [f"{named}: {one}" for one in malformed(row, path.stem)]
        wrong += found
        if found:
            continue
        symbol = Symbol(**{**row, "functions": tuple(row["functions"])})
        key = (symbol.advisory, symbol.module, symbol.versions)
        if key in seen:
            wrong.append(f"{named}: stands there twice")
        seen.add(key)
        symbols.append(symbol)
    return symbols, wrong


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


def became(symbol: Symbol, span: Span, folder: Path) -> Iterator[tuple[str, str]]:
    """What became of each function of a row, with the releases that were compared."""
    releases = span.of(symbol.versions)
    if releases is None:
        yield "*", "absent: no affected release is within its versions"
        return
    oldest, last, first = releases
    start = functions(release(folder, symbol.package, oldest), symbol.module)
    before = functions(release(folder, symbol.package, last), symbol.module)
    after = functions(release(folder, symbol.package, first), symbol.module) if first else {}
    for name in symbol.functions or ("*",):
        if name not in before or name not in start:
            state = "absent"
        elif name not in after:
            state = "removed"
        else:
            state = "same" if before[name] == after[name] else "changed"
        yield name, f"{state} {oldest}..{last} -> {first}"


def main() -> int:
    """Writes the table, or the faults of form, and returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="look at the form of the packs only")
    parser.add_argument("--records", type=Path)
    parser.add_argument("--releases", type=Path)
    parser.add_argument("packages", nargs="*")
    said = parser.parse_args()
    read = [pack(path) for path in sorted(PACKS.glob("*.toml"))]
    faults = [one for _, wrong in read for one in wrong]
    symbols = [one for rows, _ in read for one in rows]
    if not said.check:
        if not said.records or not said.releases:
            parser.error("say --records and --releases, or --check")
        asked = [one for one in symbols if one.package in (said.packages or {one.package})]
        with said.records.open(encoding="utf-8") as lines:
            known = spans(lines, {one.package for one in asked})
        for symbol in asked:
            faults += _told(symbol, known, said.releases)
    print(*faults, sep="\n", file=sys.stderr)
    print(f"{len(symbols)} rows, {len({one.advisory for one in symbols})} advisories")
    return bool(faults)


def _told(symbol: Symbol, known: dict[tuple[str, str], Span], folder: Path) -> list[str]:
    span = known.get((symbol.package, symbol.advisory))
    if span is None:
        return [f"{symbol.advisory}: no record names it with {symbol.package}"]
    faults = []
    for name, state in became(symbol, span, folder):
        line = f"{symbol.advisory} {symbol.package} {symbol.module}:{name} {state}"
        print(line)
        if state.startswith("absent") or (state.startswith("same") and not symbol.why):
            faults.append(line)
    return faults


if __name__ == "__main__":
    sys.exit(main())

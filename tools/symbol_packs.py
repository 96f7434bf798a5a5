"""Holds the symbol packs, src/probatum/rules/symbols/, against the releases that they speak of.

    python -m tools.symbol_packs --check
    python -m tools.symbol_packs --records FILE --releases FOLDER [--around] [NAME...]

FILE holds OSV records, JSON, one a line, as the `records.jsonl` of an installed snapshot does.
NAMEs are packages or advisories. FOLDER holds unpacked releases, `<package>-<version>/`; one that
is missing is downloaded as a wheel by pip and unpacked. Nothing of it is run. For each function a
line says what became of it from the last affected release to the first that is not:

- `changed`, `removed`: the fix did that, or the release it came with;
- `same`: only the record says so, or the fix went elsewhere: the row has to tell `why`;
- `absent`: the last affected release, or the oldest that the row is for, does not have it.

With `--around`, a line for each function outside the rows of an advisory that gained the same words
as the functions in them: the fix may have been there, too.

Exit status 1 if a row is malformed, a function is absent, or one stayed the same without a `why`.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tools.symbol_releases import Span, around, functions, release, spans

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
    parser.add_argument("--around", action="store_true", help="tell what gained the same words")
    parser.add_argument("asked", nargs="*", metavar="NAME")
    said = parser.parse_args()
    read = [pack(path) for path in sorted(PACKS.glob("*.toml"))]
    faults = [one for _, wrong in read for one in wrong]
    symbols = [one for rows, _ in read for one in rows]
    if not said.check:
        if not said.records or not said.releases:
            parser.error("say --records and --releases, or --check")
        wanted = set(said.asked)
        asked = [one for one in symbols if not wanted or wanted & {one.package, one.advisory}]
        with said.records.open(encoding="utf-8") as lines:
            known = spans(lines, {one.package for one in asked})
        for symbol in asked:
            faults += _told(symbol, known, said.releases)
        for line in _beside(asked, known, said.releases) if said.around else ():
            print(line)
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


def _beside(asked: list[Symbol], known: dict[tuple[str, str], Span], folder: Path) -> Iterator[str]:
    rows: dict[tuple[str, str], list[Symbol]] = {}
    for symbol in asked:
        rows.setdefault((symbol.package, symbol.advisory), []).append(symbol)
    for (package, advisory), ours in rows.items():
        releases = known[package, advisory].of(ours[-1].versions)
        if releases is None or releases[2] is None:
            continue
        before, after = (release(folder, package, one) for one in releases[1:])
        named = {one.module: set(one.functions or ("*",)) for one in ours}
        if before and after:
            for name, words in around(named, before, after):
                yield f"{advisory} {package} beside: {name} gained {' '.join(sorted(words))}"


if __name__ == "__main__":
    sys.exit(main())

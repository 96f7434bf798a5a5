"""Matches every record of PyPI with every version listed of its package as other tools do.

    python peers.py ADVISORIES EVERY

Prints a JSON object: for each rule and spelling how many pairs only the rule calls affected, only
Probatum, and both; with classes of the differences, found by asking again for something simpler: a
pair that only Probatum calls affected is one because of its label if the rule has the version
without it.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from compare import SPELLINGS, entries_of, lines
from msgspec.structs import replace
from pip._vendor.packaging.version import InvalidVersion, Version
from rules import RULES, Rule, Said, order, said

from probatum.advisories import snapshot
from probatum.check import advisory_records as check

ECOSYSTEM = "PyPI"
Pair = tuple[list[Said], str]


def main() -> None:
    folder, every = Path(sys.argv[1]), int(sys.argv[2])
    check.order = lru_cache(1 << 17)(check.order)
    built = snapshot.build(lines(folder / "pypi_osv.jsonl.zst"), "")
    found = snapshot.loaded(built.files())
    counts: dict[str, dict[str, Counter[str]]] = {
        rule: {spelling: Counter() for spelling in SPELLINGS[ECOSYSTEM]} for rule in RULES
    }
    examples: dict[str, dict[str, str]] = {rule: {} for rule in RULES}
    for name in [*found.index.names(ECOSYSTEM)][::every]:
        _package(found, name, counts, examples)
    print(json.dumps({"every": every, "counts": counts, "examples": examples}))


def _package(
    found: snapshot.Snapshot, name: str, counts: dict[str, dict[str, Counter[str]]], examples: Any
) -> None:
    records = [check.record(data) for data in found.records(ECOSYSTEM, name)]
    records = [one for one in records if not one.get("withdrawn")]
    entries = {one["id"]: [*map(said, entries_of(one, ECOSYSTEM, name))] for one in records}
    texts = {text for each in entries.values() for one in each for text in one.listed}
    for text in sorted(texts):
        for spelling, spell in SPELLINGS[ECOSYSTEM].items():
            version = spell(text)
            if version is None:
                continue
            for record in records:
                ours = check.affects(record, ECOSYSTEM, name, version)
                for title, rule in RULES.items():
                    kind = _compared(rule, (entries[record["id"]], _asked(title, version)), ours)
                    counts[title][spelling][kind] += 1
                    if kind not in ("neither", "both"):
                        told = f"{name} {version}, {record['id']}"
                        examples[title].setdefault(kind, told)


def _asked(title: str, version: str) -> str:
    """pip-audit reads a version first, and asks for what `packaging` writes for it."""
    return _canonical(version) if "pip-audit" in title else version


@lru_cache(1 << 17)
def _canonical(version: str) -> str:
    try:
        return str(Version(version))
    except InvalidVersion:
        return version


def _compared(rule: Rule, pair: Pair, ours: bool | None) -> str:
    theirs = _holds(rule, pair)
    if theirs:
        return "both" if ours else f"only theirs: {_THEIRS[ours]}"
    if ours is None:
        return "undecided here, not affected there"
    return f"only ours: {_why(rule, pair)}" if ours else "neither"


def _holds(rule: Rule, pair: Pair) -> bool:
    entries, text = pair
    return any(rule(one, text) for one in entries)


def _why(rule: Rule, pair: Pair) -> str:
    """The first of the simpler questions, each with those before it, to which the rule says yes."""
    for why, simpler in _SIMPLER.items():
        pair = simpler(pair)
        if _holds(rule, pair):
            return why
    return "for another reason"


def _unlabelled(pair: Pair) -> Pair:
    return pair[0], pair[1].partition("+")[0]


def _plain(pair: Pair) -> Pair:
    """The version as it is listed, if it is, and else as `packaging` writes it."""
    entries, text = pair
    listed = (one for said in entries for one in said.listed if order(one) == order(text))
    return entries, next(listed, _canonical(text))


def _without_commits(pair: Pair) -> Pair:
    return [replace(one, before_commits=len(one.ranges)) for one in pair[0]], pair[1]


def _by_ranges(pair: Pair) -> Pair:
    """The version as if it were listed where a range has it."""
    here = _canonical(pair[1])
    has = RULES["osv.dev, as pip-audit -s osv asks it"]
    return [
        replace(one, listed=one.listed | {here}, versions=one.versions | {(1, Version(here))})
        if has(one, here) else one
        for one in pair[0]
    ], here  # fmt: skip


_THEIRS = {None: "undecided here", False: "not affected here"}
_SIMPLER: dict[str, Callable[[Pair], Pair]] = {
    "a label of a build": _unlabelled,
    "another spelling": _plain,
    "a range behind one of commits": _without_commits,
    "in a range, not listed": _by_ranges,
}


if __name__ == "__main__":
    main()

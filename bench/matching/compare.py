"""Matches every record with every version listed of its package, in several spellings, in two ways.

    python compare.py ADVISORIES EVERY

ADVISORIES is a folder of `*_osv.jsonl.zst`, one record in the OSV schema a line. Of each ecosystem
every EVERY-th package is taken. Prints a JSON list: how often the index and the checker's own
matcher agree, and how many affected versions are missed by two plain rules: the text is listed; or
it is listed or lies in a range by the order of `packaging`, as the schema's evaluation says.
"""

import io
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import zstandard
from pip._vendor.packaging.version import InvalidVersion, Version

from probatum.advisories import snapshot
from probatum.advisories.matching import Affects, affected
from probatum.check import advisory_records as check
from probatum.components import Component

TOLD = {Affects.YES: True, Affects.NO: False, Affects.UNKNOWN: None}
RULES = ("listed text", "packaging's order")


def main() -> None:
    folder, every = Path(sys.argv[1]), int(sys.argv[2])
    # Both ways would otherwise read a version again for each record.
    check.order = lru_cache(1 << 17)(check.order)
    print(json.dumps([_compared(path, every) for path in sorted(folder.glob("*_osv.jsonl.zst"))]))


def lines(path: Path) -> Iterator[bytes]:
    """The records in a file."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        yield from io.BufferedReader(stream)


def _compared(path: Path, every: int) -> dict[str, Any]:
    began = time.process_time()
    built = snapshot.build(lines(path), "")
    took = time.process_time() - began
    found = snapshot.loaded(built.files())
    (ecosystem,) = found.index.ecosystems
    names = [*found.index.names(ecosystem)]
    spelled = {spelling: Counter[str]() for spelling in SPELLINGS[ecosystem]}
    apart: list[str] = []
    for name in names[::every]:
        _package(found, ecosystem, name, spelled, apart)
    return {
        "ecosystem": ecosystem, "records": built.about.records, "packages": len(names),
        "taken": len(names[::every]), "index_bytes": len(built.index), "build_s": took,
        "spellings": spelled, "apart": apart[:20],
    }  # fmt: skip


def _package(
    found: snapshot.Snapshot,
    ecosystem: str,
    name: str,
    spelled: dict[str, Counter[str]],
    apart: list[str],
) -> None:
    records = [check.record(data) for data in found.records(ecosystem, name)]
    records = [one for one in records if not one.get("withdrawn")]
    entries = {one["id"]: entries_of(one, ecosystem, name) for one in records}
    for text in sorted({text for each in entries.values() for text in _versions(each, ecosystem)}):
        for spelling, spell in SPELLINGS[ecosystem].items():
            version = spell(text)
            if version is not None:
                _version(found, Component(ecosystem=ecosystem, name=name, version=version),
                         records, entries, spelled[spelling], apart)  # fmt: skip


def _version(
    found: snapshot.Snapshot,
    asked: Component,
    records: list[Any],
    entries: dict[str, list[Any]],
    counts: Counter[str],
    apart: list[str],
) -> None:
    """A cluster is affected if any record of it is, and unknown if none is and any is that."""
    ours = affected(found.index, asked)
    by_name = {name: match for match in ours for name in match.names}
    said: dict[str, list[bool | None]] = {}
    for record in records:
        own = check.affects(record, asked.ecosystem, asked.name, asked.version)
        said.setdefault(by_name[record["id"]].id, []).append(own)
        counts["pairs"] += 1
        if own:
            counts["affected"] += 1
            for rule, holds in zip(RULES, _plain(entries[record["id"]], asked), strict=True):
                counts[f"missed by {rule}"] += not holds
        counts["unknown"] += own is None
    for match in ours:
        told = said[match.id]
        expected = True if True in told else None if None in told else False
        if TOLD[match.verdict] is not expected:
            counts["apart"] += 1
            apart.append(f"{asked.name} {asked.version} {match.id}: {match.verdict}, {expected}")


def entries_of(record: Any, ecosystem: str, name: str) -> list[Any]:
    """What a record says of one package."""
    return [
        one
        for one in record["affected"]
        if one["package"]["ecosystem"] == ecosystem
        and check.normal(ecosystem, one["package"]["name"]) == name
    ]


def _versions(entries: list[Any], ecosystem: str) -> Iterator[str]:
    """What is listed; where nothing ever is (Go), the bounds of the ranges."""
    for entry in entries:
        yield from entry.get("versions") or ()
        if ecosystem != "PyPI":
            for line in entry.get("ranges") or ():
                yield from (text for event in line["events"] for text in event.values())


def _plain(entries: list[Any], asked: Component) -> tuple[bool, bool]:
    listed = any(asked.version in (entry.get("versions") or ()) for entry in entries)
    return listed, listed or any(
        _within(line["events"], asked.version)
        for entry in entries
        for line in entry.get("ranges") or ()
        if line["type"] != "GIT"
    )


def _within(events: list[dict[str, str]], text: str) -> bool:
    here, inside = _read(text), False
    if here is None:
        return False
    marks = [(_read(bound) if bound != "0" else Version("0.dev0"), kind)
             for event in events for kind, bound in event.items()]  # fmt: skip
    if any(bound is None for bound, _ in marks):
        return False
    for bound, kind in sorted(marks, key=lambda mark: mark[0]):
        if kind == "introduced" and here >= bound:
            inside = True
        elif (kind == "fixed" and here >= bound) or (kind == "last_affected" and here > bound):
            inside = False
    return inside


@lru_cache(1 << 17)
def _read(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _labelled(label: str, text: str) -> str | None:
    return None if "+" in text else f"{text}+{label}"


def _longer(text: str) -> str | None:
    return f"{text}.0" if text.replace(".", "").isdigit() else None


SPELLINGS = {
    "PyPI": {
        "as listed": lambda text: text,
        "+cu124": lambda text: _labelled("cu124", text),
        "+cpu": lambda text: _labelled("cpu", text),
        "another .0": _longer,
        "v1.0": lambda text: f"v{text}",
        "1.0RC1": lambda text: text.upper() if text.upper() != text else None,
    },
    "Go": {
        "as bound": lambda text: text,
        "v1.0.0": lambda text: f"v{text}",
        "+incompatible": lambda text: _labelled("incompatible", text),
        "pseudo-version": lambda text: (
            f"{text}-0.20200101000000-abcdefabcdef" if text.replace(".", "").isdigit() else None
        ),
    },
}


if __name__ == "__main__":
    main()

"""Known vulnerabilities: two matchers against each other, plain rules, and what a lookup costs."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import least
from bench.sections import matchers as others
from bench.tables import table
from bench.tools import FLAGGED, PASSED, PROBATUM, Bench, Tool

SCRIPTS = Path(__file__).resolve().parents[1] / "matching"
_START = """
from pathlib import Path
from probatum.advisories.snapshot import opened
from probatum.advisories.matching import affected
from probatum.components import Component
index = opened(Path({folder!r})).index
affected(index, Component(ecosystem="PyPI", name="torch", version="2.5.1+cu124"))
"""
_MISSED = ("listed text", "packaging's order")


_PIP_AUDIT = Tool("pip-audit", "", ("pip-audit",), ("-r", "{file}"), {0: PASSED, 1: FLAGGED})
_FILES = 20


def matchers(bench: Bench) -> tuple[Tool, ...]:
    """pip-audit has to ask a server what affects a version; `matching/clients.py` is one."""
    return (PROBATUM, _PIP_AUDIT) if bench.peers else (PROBATUM,)


def measured(bench: Bench) -> dict[str, Any]:
    if bench.advisories is None:
        return {}
    folder = bench.work / "advisories"
    source = str(bench.advisories)
    return {
        "ecosystems": _told(bench, "compare.py", source, str(bench.every)),
        "pace": _told(bench, "pace.py", source, str(folder), str(bench.runs)),
        "start": _started(bench, folder),
        "peers": _told(bench, "peers.py", source, str(bench.every)),
        "clients": _asked(bench, source) if bench.peers else None,
    }


def _asked(bench: Bench, source: str) -> Any:
    program = bench.line(_PIP_AUDIT, "")[0]
    return _told(bench, "clients.py", source, program, str(max(1, _FILES // bench.every)))


def _told(bench: Bench, script: str, *arguments: str) -> Any:
    command = [bench.python(PROBATUM.name), str(SCRIPTS / script), *arguments]
    environment = bench.environment(PROBATUM)
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _started(bench: Bench, folder: Path) -> list[float]:
    """CPU seconds of Python doing nothing, and of Python that opens the snapshot and asks once."""
    python, environment = bench.python(PROBATUM.name), bench.environment(PROBATUM)
    codes = ("pass", _START.format(folder=str(folder)))
    runs = [([python, "-c", code], environment) for code in codes]
    return [one.cpu_s for one in least(runs, bench.home, rounds=bench.runs + 2, limit_s=60)]


def written(data: dict[str, Any]) -> str:
    if not data:
        return "Skipped: no advisories were given (`--advisories`).\n"
    return f"""\
Every record that was not taken back is asked about every version listed of its package (of Go,
where nothing is listed, about every bound), in several spellings: by the index, and by the matcher
of the checker, which shares no code with it. Where one calls a version affected, not affected or
unknown and the other does not, they are apart. Missed are affected versions that a plain rule does
not find: that the text is listed, or that it is or lies in a range by the order of `packaging`.
Labels are added to all packages, whether they have builds or not.

{_agreement(data)}

{_costs(data)}

{others.written(data["peers"], data["clients"])}"""


def _agreement(data: dict[str, Any]) -> str:
    rows = [
        [one["ecosystem"], spelling, counts["pairs"], counts.get("apart", 0), counts["affected"],
         counts.get("unknown", 0), *(_missed(one, counts, rule) for rule in _MISSED)]
        for one in data["ecosystems"]
        for spelling, counts in one["spellings"].items()
    ]  # fmt: skip
    missed = (f"missed by {rule}" for rule in _MISSED)
    head = ["ecosystem", "version", "pairs", "apart", "affected", "unknown", *missed]
    apart = [line for one in data["ecosystems"] for line in one["apart"]]
    return table(head, rows) + "".join(f"\n\nApart: {line}" for line in apart)


def _missed(one: dict[str, Any], counts: dict[str, int], rule: str) -> object:
    return counts.get(f"missed by {rule}", 0) if one["ecosystem"] == "PyPI" else ""


def _costs(data: dict[str, Any]) -> str:
    pace, (nothing, asked) = data["pace"], data["start"]
    sizes = ", ".join(
        f"{one['ecosystem']} {one['index_bytes'] / 1e6:.2f} MB ({one['packages']:,} packages, "
        f"{one['records']:,} records, compiled in {one['build_s']:.1f} s)"
        for one in data["ecosystems"]
    )
    return table(
        ["cost", ""],
        [
            ["index", sizes],
            ["start: open the snapshot and ask once, Python's own start apart",
             f"{(asked - nothing) * 1000:.0f} ms"],
            [f"lookups a second, each of {pace['texts']:,} texts asked once",
             f"{pace['new']:,.0f}"],
            [f"lookups a second, each of {pace['versions']:,} versions asked once",
             f"{pace['first']:,.0f}"],
            ["lookups a second, asked again", f"{pace['again']:,.0f}"],
            ["200 packages that all have advisories", f"{pace['environment_ms']:.1f} ms"],
            ["their upgrades", f"{pace['upgrades_ms']:.1f} ms"],
        ],
    )  # fmt: skip


def goals(data: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """The goals, what was measured, and whether they are met."""
    if not data:
        return
    counts = [each for one in data["ecosystems"] for each in one["spellings"].values()]
    pairs, apart = (sum(each.get(word, 0) for each in counts) for word in ("pairs", "apart"))
    told = f"{apart} of {pairs:,} pairs"
    yield "advisories: index and reference never apart", told, not apart
    size = max(one["index_bytes"] for one in data["ecosystems"])
    yield "advisories: index <= 1 MB", f"{size / 1e6:.2f} MB", size <= 1e6
    yield from others.goals(data["peers"], data["clients"])
    pace, (nothing, asked) = data["pace"], data["start"]
    start_s = asked - nothing
    yield "advisories: ready in <= 50 ms CPU", f"{start_s * 1000:.0f} ms", start_s <= 0.05
    new = pace["new"]
    yield "advisories: >= 100,000 new lookups a CPU second", f"{new:,.0f}", new >= 100_000
    environment = pace["environment_ms"]
    yield "advisories: 200 packages in <= 20 ms", f"{environment:.1f} ms", environment <= 20

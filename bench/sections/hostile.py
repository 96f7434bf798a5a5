"""Of pickles that truly fire when loaded: how many each tool lets pass, by class."""

from collections import Counter
from pathlib import Path
from typing import Any

from bench import corpora
from bench.scanning import audited, scanned
from bench.tables import table
from bench.tools import OUTCOMES, PASSED, Bench

CLASSES = {
    "direct": "gadget called as a pickler would write it",
    "reach": "gadget reached by a detour",
    "call": "gadget called by a detour",
    "program": "technique of its own",
    "stream": "stacked or broken streams",
    "container": "inside an archive or a compressed file",
    "mutant": "generated variant of one of the above",
}


def measured(bench: Bench) -> dict[str, Any]:
    """Probatum on the whole corpus; every tool on the same sample of at least a thousand."""
    rows = corpora.hostile(bench.work / "hostile", bench.makers, bench.mutants, bench.every)
    some = corpora.each_nth(rows, bench.sample)
    files = [bench.work / "hostile" / row["file"] for row in some]
    tools = []
    for tool in bench.tools:
        outcomes, cpu_s = scanned(bench, tool, files)
        passed = Counter(
            row["family"] for row, said in zip(some, outcomes, strict=True) if said == PASSED
        )
        tools.append(
            {
                "tool": tool.title,
                "command": tool.command,
                "outcomes": Counter(outcomes),
                "passed": passed,
                "cpu_s": cpu_s,
            }
        )
    return {
        "whole": _whole(bench.work / "hostile", rows, bench),
        "sample": Counter(row["family"] for row in some),
        "tools": tools,
    }


def written(data: dict[str, Any]) -> str:
    sample, whole = data["sample"], data["whole"]
    classes = [name for name in CLASSES if name in sample]
    by_class = table(
        ["let pass, of", *(f"{name} {sample[name]}" for name in classes), "all"],
        [
            [one["tool"], *(one["passed"].get(name, 0) for name in classes), _passed(one)]
            for one in data["tools"]
        ],
    )
    outcomes = table(
        ["tool", *OUTCOMES, "CPU s"],
        [
            [one["tool"], *(one["outcomes"].get(o, 0) for o in OUTCOMES), round(one["cpu_s"], 1)]
            for one in data["tools"]
        ],
    )
    everything = table(
        ["class", "what it is", "live", "load-inert proven", "exit 0", "refuted", "undecided"],
        [
            [name, CLASSES[name], *(whole[name][word] for word in _COUNTED)]
            for name in CLASSES
            if name in whole
        ],
    )
    live = sum(one["live"] for one in whole.values())
    proven = sum(one["proven"] for one in whole.values())
    return f"""\
Each sample was loaded in a forked child under an audit hook that blocks the effect, and fired.
Over all **{live:,}** live samples Probatum called **{proven}** load-inert proven:

{everything}

All tools on the same {sum(sample.values()):,} of them. "Passed" is exit code 0: what a script that
gates on the exit code lets through. picklescan exits 0 on names that it calls suspicious; it
calls these "unaudited", not clean, and `--strict` makes them fail. An exception that nothing
caught is an error. modelaudit was run on folders of fifty files, and a file counts as flagged if
an issue of severity warning or critical names it; where none does, the file is run again on its own
and the exit code decides.

{by_class}

{outcomes}
"""


_COUNTED = ("live", "proven", "passed", "refuted", "undecided")


def _whole(folder: Path, rows: list[dict[str, str]], bench: Bench) -> dict[str, dict[str, int]]:
    told = audited(bench, folder)
    found: dict[str, Counter[str]] = {}
    for row in rows:
        one = told[row["file"]]
        counts = found.setdefault(row["family"], Counter(dict.fromkeys(_COUNTED, 0)))
        counts["live"] += 1
        counts["proven"] += one["proven"]
        counts[{0: "passed", 1: "refuted"}.get(one["exit"], "undecided")] += 1
    return {family: dict(counts) for family, counts in found.items()}


def _passed(one: dict[str, Any]) -> str:
    return f"**{one['outcomes'].get(PASSED, 0)}**"

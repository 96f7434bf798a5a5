"""What large and many files cost each tool, and what starting costs."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench import corpora
from bench.measure import TIMEOUT, Cost, cost, least
from bench.tables import table
from bench.tools import Bench


def measured(bench: Bench) -> dict[str, Any]:
    folder = bench.work / "speed"
    folder.mkdir(parents=True, exist_ok=True)
    big, opcodes = corpora.big_pickle(folder, bench.records)
    tasks = {
        f"pickle of {opcodes:,} opcodes, {big.stat().st_size / 1e6:.0f} MB": big,
        "500 small pickles in a tree": corpora.small_pickles(folder / "tree"),
        "1 GiB safetensors, 200 tensors": corpora.big_safetensors(folder),
    }
    return {
        "tasks": {name: _costs(bench, path) for name, path in tasks.items()},
        "start": _start(bench, folder / "tree" / "run-00" / "parameters-0.pkl"),
    }


def written(data: dict[str, Any]) -> str:
    parts = [
        f"**{name}**\n\n"
        + table(
            ["tool", "CPU s", "wall s", "largest process MB", "all processes MB", "exit"],
            [_row(tool, Cost(**one)) for tool, one in costs.items()],
        )
        for name, costs in data["tasks"].items()
    ]
    start = [
        [tool, *(f"{Cost(**one).cpu_s * 1000:.0f}" for one in costs)]
        for tool, costs in data["start"].items()
    ]
    parts.append(
        "**Starting**, CPU milliseconds\n\n"
        + table(["tool", "--help", "one pickle of 1.5 kB"], start)
    )
    return f"""\
By the installed scripts with bytecode cached, the least CPU of several runs (of one, where it is
more than 10 s), children included; the tools take turns, so that a slow minute falls on all. All
processes MB: their proportional shares, sampled ten times a second in a run of its own.

{_apart(parts)}
"""


def _apart(parts: list[str]) -> str:
    return "\n\n".join(parts)


def _costs(bench: Bench, path: Path) -> dict[str, dict[str, Any]]:
    # fickling takes one file
    tools = [tool for tool in bench.tools if not (path.is_dir() and tool.name == "fickling")]
    runs = {tool.title: (bench.line(tool, str(path)), bench.environment(tool)) for tool in tools}
    found = {
        title: cost(command, environment, bench.home, memory=True, limit_s=bench.heavy_s)
        for title, (command, environment) in runs.items()
    }
    # Once is enough where seconds of noise do not matter.
    again = [title for title, one in found.items() if one.code != TIMEOUT and one.cpu_s <= 10]
    some = [runs[title] for title in again]
    best = least(some, bench.home, rounds=bench.runs, limit_s=bench.heavy_s)
    for title, one in zip(again, best, strict=True):
        found[title] = replace(one, all_mb=found[title].all_mb)
    return {title: asdict(one) for title, one in found.items()}


def _start(bench: Bench, file: Path) -> dict[str, list[dict[str, Any]]]:
    both = [
        (command, bench.environment(tool))
        for tool in bench.tools
        for line in (bench.line(tool, str(file)),)
        for command in ([line[0], "--help"], line)
    ]
    costs = iter(least(both, bench.home, rounds=bench.runs + 2, limit_s=60))
    return {tool.title: [asdict(next(costs)), asdict(next(costs))] for tool in bench.tools}


def _row(tool: str, one: Cost) -> list[Any]:
    late = one.code == TIMEOUT
    sign = ">" if late else ""
    return [
        tool,
        f"{sign}{one.cpu_s:.2f}",
        f"{sign}{one.wall_s:.1f}",
        f"{one.peak_mb:.0f}",
        f"{one.all_mb:.0f}",
        "time limit" if late else one.code,
    ]

"""The tools that review code: how each is called, and what its output tells of which lines."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import Cost, cost
from bench.tools import PROBATUM, Bench, Tool

_DONE = {0: "done", 1: "done", 2: "done"}
_MORE = re.compile(r", and (\d+) more calls like it$")

OURS = Tool(
    PROBATUM.name,
    "",
    (),
    ("audit", "--no-config", "--jobs", "1", "--format", "json", "{file}"),
    _DONE,
)
_BANDIT = Tool("bandit", "", ("bandit",), ("-q", "-r", "-f", "json", "{file}"), _DONE)
_RUFF = Tool(
    "ruff",
    "S",
    ("ruff",),
    (
        *("check", "--isolated", "--no-cache", "--exit-zero", "--select", "S"),
        *("--output-format", "json", "{file}"),
    ),
    _DONE,
)


def semgrep(rules: Path) -> Tool:
    """semgrep with the rules of a folder: those of its registry need its servers."""
    quiet = ("--metrics", "off", "--disable-version-check", "--no-git-ignore", "--quiet")
    arguments = ("scan", *quiet, "--jobs", "1", "--json", "--config", str(rules), "{file}")
    return Tool("semgrep", "OSS", ("semgrep",), arguments, _DONE)


def reviewers(bench: Bench) -> tuple[Tool, ...]:
    """All that are run side by side."""
    if not bench.peers:
        return (OURS,)
    rules = (semgrep(bench.semgrep_rules),) if bench.semgrep_rules is not None else ()
    return (OURS, _BANDIT, _RUFF, *rules)


@dataclass(frozen=True)
class Told:
    """One finding: its rule, the places (file, line) that it names, and whether it is severe.

    `count` is more than one where a finding stands for several calls.
    """

    rule: str
    places: tuple[tuple[str, int], ...]
    severe: bool
    count: int = 1


@dataclass(frozen=True)
class Reviewed:
    """What a tool told of one or more targets, the rules it calls proven, and what it cost."""

    told: list[Told]
    proven: frozenset[str]
    cost: Cost


def reviewed(bench: Bench, tool: Tool, targets: list[Path], *extra: str) -> Reviewed:
    """Run a tool once on the targets."""
    output = bench.work / f"reviewed-{tool.name}.json"
    line = bench.line(tool, str(targets[0]))
    command = [*line[:2], *extra, *line[2:], *map(str, targets[1:])]
    took = cost(command, bench.environment(tool), bench.home, limit_s=bench.review_s, output=output)
    text = output.read_text() if output.exists() else ""
    output.unlink(missing_ok=True)
    data = json.loads(text) if text.strip() else {}
    told = _READERS[tool.name](data)
    proven = _proven(data) if tool.name == PROBATUM.name else frozenset()
    return Reviewed(told, proven, took)


def _probatum(data: dict[str, Any]) -> list[Told]:
    return [
        _witness(finding["claim"], witness)
        for finding in _of_projects(data)
        if finding["verdict"] == "refuted"
        for witness in finding["witnesses"]
    ]


def _witness(claim: str, witness: dict[str, Any]) -> Told:
    traces = [witness["steps"], *witness.get("also", ())]
    places = [witness["place"], *(step["place"] for steps in traces for step in steps)]
    named = tuple(
        (place["part"], place["line"]) for place in places if "part" in place and "line" in place
    )
    more = _MORE.search(witness["says"])
    return Told(claim, named, True, 1 + int(more[1]) if more else 1)


def _proven(data: dict[str, Any]) -> frozenset[str]:
    return frozenset(one["claim"] for one in _of_projects(data) if one["verdict"] == "proven")


def _of_projects(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in data.get("findings", ()) if one["artifact"]["kind"] == "python-project"]


def _bandit(data: dict[str, Any]) -> list[Told]:
    return [
        Told(
            one["test_id"],
            ((one["filename"], one["line_number"]),),
            one["issue_severity"] in ("MEDIUM", "HIGH"),
        )
        for one in data.get("results", ())
    ]


def _ruff(data: list[dict[str, Any]]) -> list[Told]:
    return [
        Told(one["code"] or "", ((one["filename"], one["location"]["row"]),), False) for one in data
    ]


def _semgrep(data: dict[str, Any]) -> list[Told]:
    return [
        Told(
            one["check_id"],
            ((one["path"], one["start"]["line"]),),
            one["extra"]["severity"] == "ERROR",
        )
        for one in data.get("results", ())
    ]


_READERS: dict[str, Any] = {
    "probatum": _probatum,
    "bandit": _bandit,
    "ruff": _ruff,
    "semgrep": _semgrep,
}

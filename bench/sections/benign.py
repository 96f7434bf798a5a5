"""Of files that real libraries wrote: how many are cleared, and what of shipped models is said."""

from collections import Counter
from pathlib import Path
from typing import Any

from bench import corpora
from bench.scanning import audited, scanned
from bench.tables import table
from bench.tools import OUTCOMES, PASSED, Bench

_SAMPLE = 150
"""At least so many for all tools: modelaudit takes seconds for some files."""


def measured(bench: Bench) -> dict[str, Any]:
    folder = bench.work / "benign"
    rows = corpora.benign(folder, bench.makers, bench.recipes)
    told = audited(bench, folder)
    libraries: dict[str, Counter[str]] = {}
    for row in rows:
        counts = libraries.setdefault(row["library"], Counter())
        counts["files"] += 1
        counts[_said(told[row["file"]]["findings"])] += 1
    files = [folder / row["file"] for row in corpora.each_nth(rows, _SAMPLE)]
    tools = []
    for tool in bench.tools:
        outcomes, cpu_s = scanned(bench, tool, files)
        counted = Counter(outcomes)
        tools.append(
            {"tool": tool.title, "command": tool.command, "outcomes": counted, "cpu_s": cpu_s}
        )
    return {
        "libraries": libraries,
        "tools": tools,
        "shipped": _shipped(bench) if bench.peers else {},
    }


def written(data: dict[str, Any]) -> str:
    libraries = data["libraries"]
    files = sum(one["files"] for one in libraries.values())
    proven = sum(one.get("proven", 0) for one in libraries.values())
    refuted = sum(one.get("refuted", 0) for one in libraries.values())
    words = ("files", "proven", "undecided", "refuted")
    ours = table(
        ["library", *words],
        [[name, *(one.get(word, 0) for word in words)] for name, one in libraries.items()],
    )
    shared = sum(data["tools"][0]["outcomes"].values())
    theirs = table(
        ["tool", *OUTCOMES, "CPU s"],
        [
            [one["tool"], *(one["outcomes"].get(o, 0) for o in OUTCOMES), round(one["cpu_s"], 1)]
            for one in data["tools"]
        ],
    )
    return f"""\
Files written by the real libraries (`bench/benign`): of **{files}**, load-inert is proven of
**{proven}** ({proven / files:.1%}) and refuted of **{refuted}**. A file with members counts as
proven if the claim is proven of every member that it is asked of.

{ours}

All tools on the same {shared} of them, by exit code (passed = cleared; picklescan's 0 includes
files in which it names something suspicious). Probatum's exit code asks for more than load-inert.

{theirs}
{_written_shipped(data["shipped"]) if data["shipped"] else ""}"""


def _said(findings: list[list[str]]) -> str:
    verdicts = {verdict for claim, verdict, _ in findings if claim == "load-inert"}
    if "refuted" in verdicts:
        return "refuted"
    return "proven" if verdicts == {"proven"} else "undecided"


def _shipped(bench: Bench) -> dict[str, Any]:
    """Every claim's verdicts over the packages' model files, and each refutation."""
    folder = corpora.shipped(bench.work / "shipped")
    packages: dict[str, dict[str, Any]] = {}
    for name, one in audited(bench, folder).items():
        if Path(name).suffix not in _MODELS:
            continue
        told = packages.setdefault(Path(name).parts[0], {"files": 0, "claims": {}, "refuted": []})
        told["files"] += 1
        for claim, verdict, _ in one["findings"]:
            counts = told["claims"].setdefault(claim, Counter())
            counts[verdict] += 1
            if verdict == "refuted":
                told["refuted"].append(f"{name}: {claim}")
    return packages


_MODELS = {
    ".bin", ".h5", ".index", ".joblib", ".jit", ".keras", ".lz4", ".mlmodel", ".npy", ".npz",
    ".onnx", ".pb", ".pkl", ".pt", ".pth", ".safetensors", ".tflite",
    ".data-00000-of-00001",
}  # fmt: skip


def _written_shipped(packages: dict[str, Any]) -> str:
    def claims(one: dict[str, Any]) -> str:
        return ", ".join(
            f"{claim} {counts.get('proven', 0)}/{sum(counts.values())}"
            for claim, counts in sorted(one["claims"].items())
        )

    rows = [
        [name, one["files"], claims(one), len(one["refuted"])] for name, one in packages.items()
    ]
    return f"""
Model files that well-known packages ship, all opened; proven of asked, by claim (members of
archives are asked of too), and refuted:

{table(["package", "files", "proven/asked", "refuted"], rows)}
"""


def cleared(data: dict[str, Any]) -> dict[str, int]:
    """How many files each tool lets pass."""
    return {one["tool"]: one["outcomes"].get(PASSED, 0) for one in data["tools"]}

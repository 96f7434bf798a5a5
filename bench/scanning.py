"""Runs one tool on many files and tells of each what the tool says of it."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.corpora import linked
from bench.measure import cost
from bench.tools import ERROR, FLAGGED, LATE, PASSED, PROBATUM, Bench, Tool

DRIVE = Path(__file__).with_name("drive.py")
SUMMARY = Path(__file__).with_name("summary.py")


def scanned(bench: Bench, tool: Tool, files: list[Path]) -> tuple[list[str], float]:
    """The tool's outcome for each file, and the CPU seconds that all of them took."""
    if tool.folder:
        return _by_folder(bench, tool, files)
    return _one_by_one(bench, tool, files)


def _one_by_one(bench: Bench, tool: Tool, files: list[Path]) -> tuple[list[str], float]:
    listing, out = bench.work / "files.json", bench.work / "outcomes.json"
    listing.write_text(json.dumps([str(path) for path in files]))
    script = [bench.python(tool.name), str(DRIVE), tool.name, str(bench.limit_s)]
    command = [*script, str(listing), str(out), *tool.arguments]
    subprocess.run(command, check=True, env=bench.environment(tool), cwd=bench.home)
    runs: list[tuple[int, float]] = json.loads(out.read_text())
    return [tool.outcome(code) for code, _ in runs], sum(cpu_s for _, cpu_s in runs)


def audited(bench: Bench, target: Path) -> dict[str, dict[str, Any]]:
    """What one audit of a folder says of each file in it: see `summary.py`."""
    report = bench.work / "report.json"
    script = bench.line(PROBATUM, str(target))
    command = [*script, "--format", "json", "-o", str(report), "--max-cpu-seconds", "600"]
    subprocess.run(
        command, env=bench.environment(PROBATUM), cwd=bench.home, stderr=subprocess.DEVNULL
    )
    summary = [bench.python(PROBATUM.name), str(SUMMARY), str(report)]
    done = subprocess.run(summary, check=True, capture_output=True)
    told: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return told


def _by_folder(bench: Bench, tool: Tool, files: list[Path]) -> tuple[list[str], float]:
    """Fifty files at a time: a run that is late costs the rest of its folder only.

    A file that no issue names is run again on its own, so that its exit code decides: an issue
    without a place, or an error, is not taken for a miss.
    """
    outcomes: list[str] = []
    cpu_s = 0.0
    for start in range(0, len(files), 50):
        some = files[start : start + 50]
        folder, out = bench.work / "linked", bench.work / "folder.json"
        out.unlink(missing_ok=True)
        names = linked(folder, some)
        words = (word.replace("{file}", str(folder)) for word in tool.folder)
        command = [bench.line(tool, "")[0], *(word.replace("{out}", str(out)) for word in words)]
        run = cost(command, bench.environment(tool), bench.home, limit_s=20 * bench.limit_s)
        cpu_s += run.cpu_s
        if out.exists():
            outcomes += _told(json.loads(out.read_text()), names)
        else:
            outcomes += [LATE if run.code == -1 else ERROR] * len(some)
    unnamed = [at for at, outcome in enumerate(outcomes) if outcome != FLAGGED]
    alone, _ = _one_by_one(bench, tool, [files[at] for at in unnamed])
    for at, outcome in zip(unnamed, alone, strict=True):
        outcomes[at] = outcome
    return outcomes, cpu_s


def _told(report: dict[str, Any], names: Iterable[str]) -> list[str]:
    """The outcome of each file: flagged by an issue that would make the exit code 1."""
    grave = [one for one in report["issues"] if one["severity"] in ("warning", "critical")]
    places = [str(one.get("location")) for one in grave]
    return [FLAGGED if any(name in place for place in places) else PASSED for name in names]

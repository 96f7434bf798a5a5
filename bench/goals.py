"""The goals that were set before measuring, what was measured, and where a peer is better."""

from collections.abc import Iterator
from typing import Any

from bench.measure import TIMEOUT
from bench.tables import table
from bench.tools import FLAGGED, PASSED, PROBATUM

Goal = tuple[str, str, bool]


def written(data: dict[str, Any]) -> str:
    """A table of the goals that the measured sections decide, and what peers do better."""
    rows = [
        [goal, measured, "yes" if met else "**no**"]
        for name, judge in _JUDGES.items()
        if name in data
        for goal, measured, met in judge(data[name])
    ]
    better = [line for name, tell in _BETTER.items() if name in data for line in tell(data[name])]
    lines = "\n".join(f"- {line}" for line in better) or "- nowhere in what was measured"
    return f"""\
## Goals

{table(["goal", "measured", "met"], rows)}

## Where a peer is better

{lines}
"""


def _hostile(data: dict[str, Any]) -> Iterator[Goal]:
    live = sum(one["live"] for one in data["whole"].values())
    proven = sum(one["proven"] for one in data["whole"].values())
    passed = sum(one["passed"] for one in data["whole"].values())
    yield (
        "no malicious file proven or passed, of >= 1,000 live ones",
        f"{proven} proven and {passed} passed of {live:,}",
        not proven and not passed and live >= 1000,
    )


def _benign(data: dict[str, Any]) -> Iterator[Goal]:
    libraries = data["libraries"].values()
    files = sum(one["files"] for one in libraries)
    proven = sum(one.get("proven", 0) for one in libraries)
    refuted = sum(one.get("refuted", 0) for one in libraries)
    yield (
        ">= 95% of >= 150 benign files proven load-inert",
        f"{proven} of {files} ({proven / files:.1%})",
        files >= 150 and proven >= 0.95 * files,
    )
    yield "no benign file's load-inert refuted", f"{refuted} of {files}", not refuted
    if data["shipped"]:
        models = sum(one["files"] for one in data["shipped"].values())
        wrong = sum(len(one["refuted"]) for one in data["shipped"].values())
        yield "no shipped model file refuted", f"{wrong} findings, {models} files", not wrong


def _speed(data: dict[str, Any]) -> Iterator[Goal]:
    ours = PROBATUM.title
    big, tree, tensors = data["tasks"].values()
    if "picklescan" in big:
        share = big[ours]["cpu_s"] / big["picklescan"]["cpu_s"]
        yield "big pickle: <= 1/10 of picklescan's CPU", f"1/{1 / share:.0f}", share <= 0.1
        much, little = tree[ours]["cpu_s"], tree["picklescan"]["cpu_s"]
        told = f"{much:.2f} s against {little:.2f} s"
        yield "500 pickles: <= picklescan's CPU", told, much <= little
    memory = big[ours]["all_mb"]
    yield "big pickle: <= 100 MB in all processes", f"{memory:.0f} MB", memory <= 100
    help_s, audit_s = (one["cpu_s"] for one in data["start"][ours])
    told = f"{tensors[ours]['cpu_s'] * 1000:.0f} ms; a pickle of 1.5 kB {audit_s * 1000:.0f} ms"
    yield "1 GiB safetensors: header-only time", told, tensors[ours]["cpu_s"] <= audit_s + 0.1
    yield "--help: <= 50 ms CPU", f"{help_s * 1000:.0f} ms", help_s <= 0.05
    yield "audit start: <= 150 ms CPU", f"{audit_s * 1000:.0f} ms", audit_s <= 0.15


def _checking(data: dict[str, Any]) -> Iterator[Goal]:
    for target in dict.fromkeys(name.partition(": ")[0] for name in data["times"]):
        some = [one for name, one in data["times"].items() if name.startswith(f"{target}: load-")]
        share = sum(one["check_s"] for one in some) / sum(one["prove_s"] for one in some)
        yield f"checking load-inert <= 20% of proving it, {target}", f"{share:.0%}", share <= 0.2
    fates = ("rejected", "accepted", "crashed")
    rejected, *wrong = (sum(one.get(f, 0) for one in data["mutants"].values()) for f in fates)
    told = f"{rejected:,} rejected, {wrong[0]} accepted, {wrong[1]} crashed the checker"
    yield "every mutant of a certificate rejected", told, not any(wrong)


def _hostile_better(data: dict[str, Any]) -> Iterator[str]:
    """Who says of more of them outright that they are bad."""
    ours, *peers = data["tools"]
    files = sum(data["sample"].values())
    flagged = ours["outcomes"].get(FLAGGED, 0)
    for one in peers:
        if one["outcomes"].get(FLAGGED, 0) > flagged:
            yield (
                f"{one['tool']} flags {one['outcomes'][FLAGGED]:,} of {files:,} hostile files "
                f"outright; Probatum refutes {flagged:,} and leaves the rest undecided"
            )
        if one["cpu_s"] < ours["cpu_s"]:
            times = ours["cpu_s"] / one["cpu_s"]
            yield f"{one['tool']} takes 1/{times:.1f} of Probatum's CPU for one small file, started"


def _benign_better(data: dict[str, Any]) -> Iterator[str]:
    ours, *peers = data["tools"]
    passed = ours["outcomes"].get(PASSED, 0)
    for one in peers:
        if one["outcomes"].get(PASSED, 0) > passed:
            yield (
                f"{one['tool']} lets {one['outcomes'][PASSED]} benign files pass, Probatum {passed}"
            )


def _speed_better(data: dict[str, Any]) -> Iterator[str]:
    ours = PROBATUM.title
    for task, costs in data["tasks"].items():
        for tool, one in costs.items():
            for what, unit in (("cpu_s", "s of CPU"), ("all_mb", "MB")):
                if 0 < one[what] < 0.95 * costs[ours][what] and one["code"] != TIMEOUT:
                    yield (
                        f"{task}: {tool} takes {one[what]:.2f} {unit} (exit {one['code']}), "
                        f"Probatum {costs[ours][what]:.2f}"
                    )
    for tool, (_, audit) in data["start"].items():
        mine = data["start"][ours][1]["cpu_s"]
        if audit["cpu_s"] < mine:
            yield (
                f"one small pickle: {tool} takes {audit['cpu_s'] * 1000:.0f} ms, "
                f"Probatum {mine * 1000:.0f} ms"
            )


_JUDGES = {"hostile": _hostile, "benign": _benign, "speed": _speed, "checking": _checking}
_BETTER = {"hostile": _hostile_better, "benign": _benign_better, "speed": _speed_better}

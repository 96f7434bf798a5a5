"""The goals that were set before measuring, what was measured, and where a peer is better."""

from collections.abc import Iterator
from typing import Any

from bench.measure import TIMEOUT
from bench.sections import advisories, configuration, signing
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


def _code(data: dict[str, Any]) -> Iterator[Goal]:
    if data["rows"]:
        yield from _code_rows(data["rows"])
    ours = [one["tools"][PROBATUM.title] for one in data["packages"]]
    thousands = sum(one["lines"] for one in data["packages"]) / 1000
    noise = sum(one["findings"] for one in ours) / thousands
    yield "code: <= 0.15 refuted a 1,000 lines", f"{noise:.2f}", noise <= 0.15
    speed = thousands / sum(one["cost"]["cpu_s"] for one in ours)
    yield "code: >= 30,000 lines a CPU second, cold", f"{speed * 1000:,.0f}", speed >= 30
    if "bandit" in data["packages"][0]["tools"]:
        costs = [one["tools"]["bandit"]["cost"]["cpu_s"] for one in data["packages"]]
        times = speed / (thousands / sum(costs))
        yield "code: >= 2 times bandit's speed", f"{times:.1f} times", times >= 2
    if data["largest"]:
        memory = data["largest"]["tools"][PROBATUM.title]["cost"]["peak_mb"]
        yield f"code: {data['largest']['name']} within 1 GB", f"{memory:.0f} MB", memory <= 1000
    if data.get("again"):
        times = sorted(one["cpu_s"] for one in data["again"]["changed"])
        share = times[len(times) // 2] / data["again"]["cold"]["cpu_s"]
        yield "code: one changed file in <= 5% of cold", f"{share:.1%}", share <= 0.05


def _code_rows(data: dict[str, Any]) -> Iterator[Goal]:
    ours, sizes = data["tools"][PROBATUM.title], data["groups"]
    for goal, group, word, least in (
        ("code: >= 80% of sinks that are calls flagged", "sink is a call", "flagged", 0.8),
        ("code: >= 65% of all rows discriminated", "all rows", "discriminated", 0.65),
        ("code: >= 50% of guards discriminated", "fix keeps the sink", "discriminated", 0.5),
        ("code: >= 60% of path traversals flagged", "path-traversal", "flagged", 0.6),
    ):
        if sizes.get(group):
            share = ours[group][word] / sizes[group]
            yield goal, f"{ours[group][word]} of {sizes[group]} ({share:.0%})", share >= least
    wrong = data["false_proven"]
    yield "code: no vulnerable row's claim proven", f"{wrong} of {data['had']}", not wrong


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


def _code_better(data: dict[str, Any]) -> Iterator[str]:
    ours = PROBATUM.title
    for tool, groups in data["rows"]["tools"].items() if data["rows"] else ():
        for group, one in groups.items():
            for word in ("flagged", "discriminated"):
                if one[word] > data["rows"]["tools"][ours][group][word]:
                    mine = data["rows"]["tools"][ours][group][word]
                    yield (
                        f"{group}, {data['rows']['groups'][group]} known vulnerabilities: {tool} "
                        f"has {one[word]} {word} by any rule, Probatum {mine} by the right claim"
                    )
    costs = {
        tool: sum(one["tools"][tool]["cost"]["cpu_s"] for one in data["packages"])
        for tool in data["packages"][0]["tools"]
    }
    for tool, cpu_s in costs.items():
        if cpu_s < costs[ours]:
            yield f"reviewing code: {tool} takes 1/{costs[ours] / cpu_s:.0f} of Probatum's CPU"


_JUDGES = {
    "hostile": _hostile,
    "benign": _benign,
    "speed": _speed,
    "checking": _checking,
    "code": _code,
    "signing": signing.goals,
    "advisories": advisories.goals,
}
_BETTER = {
    "hostile": _hostile_better,
    "benign": _benign_better,
    "speed": _speed_better,
    "code": _code_better,
    "configuration": configuration.better,
}

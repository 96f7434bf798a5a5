"""Code review: known vulnerabilities seen and told from their fixes, noise, speed, memory."""

import random
import shutil
import statistics
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.measure import TIMEOUT
from bench.reviewing.packages import LARGEST, PACKAGES
from bench.reviewing.releases import lines_of, release
from bench.reviewing.reviewers import OURS, Reviewed, reviewed, reviewers
from bench.reviewing.rows import Row, groups, rows, seen
from bench.tables import table
from bench.tools import PROBATUM, Bench

OUR_NAME = PROBATUM.name


def measured(bench: Bench) -> dict[str, Any]:
    folders = (*bench.releases, bench.work / "releases")
    whole = _packages(bench, folders)
    return {
        "semgrep": bench.semgrep_rules is not None,
        "rows": _rows(bench, folders) if bench.cves is not None else None,
        "packages": [_whole(bench, name, folder) for name, folder in whole],
        "largest": _largest(bench, folders),
        "again": _again(bench, folders),
    }


def written(data: dict[str, Any]) -> str:
    parts = [
        _without_semgrep(data),
        "### Known vulnerabilities\n",
        _rows_written(data["rows"]) if data["rows"] else "Skipped: no table of rows was given.\n",
        "### Whole packages\n",
        _packages_written(data["packages"]),
        _largest_written(data["largest"]) if data["largest"] else "",
        _again_written(data["again"]) if data["again"] else "",
    ]
    return "\n".join(part for part in parts if part)


# --- known vulnerabilities -------------------------------------------------------------------


def _rows(bench: Bench, folders: tuple[Path, ...]) -> dict[str, Any]:
    listed = rows(bench.cves) if bench.cves is not None else []
    sides = sorted({(row.package, version) for row in listed for version, _ in row.sides})
    unpacked = {side: release(*side, folders) for side in sides}
    had = [
        row
        for row in listed
        if all(unpacked[row.package, version] is not None for version, _ in row.sides)
    ]
    found = {side: folder for side, folder in unpacked.items() if folder is not None}
    tools = {tool.name: _scores(bench, tool, had, found) for tool in reviewers(bench)}
    return {
        "rows": len(listed),
        "had": len(had),
        "groups": {name: len(numbers) for name, numbers in groups(had)},
        "tools": {
            name: {group: _sums(scores, numbers) for group, numbers in groups(had)}
            for name, scores in tools.items()
        },
        "false_proven": sum(score["proven"] for score in tools[OUR_NAME]),
    }


def _scores(
    bench: Bench, tool: Any, had: list[Row], folders: dict[tuple[str, str], Path]
) -> list[dict[str, bool]]:
    """Of each row whether its sink is flagged, discriminated, and its claim called proven."""
    whole = tool is OURS  # the peers look at each file by itself: the sinks' files are enough
    wanted = {(row.package, version) for row in had for version, _ in row.sides}
    runs: dict[tuple[str, str], Reviewed] = {}
    if whole:
        runs = {side: reviewed(bench, tool, [folders[side]]) for side in sorted(wanted)}
    else:
        files = sorted(
            {
                path
                for row in had
                for version, _ in row.sides
                for path in _files(folders[row.package, version], row.file)
            }
        )
        once = reviewed(bench, tool, files)
        runs = {side: _within(once, folders[side]) for side in wanted}
    return [_score(row, runs, whole) for row in had]


def _score(row: Row, runs: dict[tuple[str, str], Reviewed], right: bool) -> dict[str, bool]:
    first, second = (
        seen(runs[row.package, version].told, row.file, lines, row.claims if right else ())
        and not (right and not row.claims)
        for version, lines in row.sides
    )
    proven = runs[row.package, row.vulnerable].proven
    return {
        "flagged": first,
        "discriminated": first and not second,
        "proven": bool(proven & {*row.claims[:1]}),
    }


def _files(folder: Path, file: str) -> list[Path]:
    return [path for path in folder.rglob(Path(file).name) if str(path).endswith(file)]


def _within(once: Reviewed, folder: Path) -> Reviewed:
    inside = f"{folder}/"
    told = [one for one in once.told if one.places[0][0].startswith(inside)]
    return Reviewed(told, once.proven, once.cost)


def _sums(scores: list[dict[str, bool]], numbers: list[int]) -> dict[str, int]:
    return {
        word: sum(scores[number][word] for number in numbers)
        for word in ("flagged", "discriminated")
    }


def _rows_written(data: dict[str, Any]) -> str:
    names = list(data["tools"])
    body = [
        [group, size, *(_share(data["tools"][name][group], size) for name in names)]
        for group, size in data["groups"].items()
    ]
    return f"""\
Verified rows of a table of CVEs in Python AI packages, both releases downloaded from the package
index: {data["had"]} of {data["rows"]} could be had. Flagged / discriminated, in percent of the
group. Of Probatum only a refutation of the right claim counts, at the sink or at a step of its path
in that file; of the peers any finding of any rule within two lines of the sink. Of
{data["had"]} vulnerable rows Probatum called the claim proven of **{data["false_proven"]}**.

{table(["rows", "n", *names], body)}
"""


def _share(one: dict[str, int], size: int) -> str:
    if not size:
        return "-"
    flagged, told = one["flagged"], one["discriminated"]
    return f"{flagged} ({flagged / size:.0%}) / {told} ({told / size:.0%})"


# --- whole packages --------------------------------------------------------------------------


def _packages(bench: Bench, folders: tuple[Path, ...]) -> list[tuple[str, Path]]:
    """Each with its name; what cannot be had is left out, and the count says so."""
    if not bench.peers:  # the quick run: what is here already
        return [("probatum", bench.source / "src" / "probatum" / "taint")]
    had = [(f"{name} {version}", release(name, version, folders)) for name, version in PACKAGES]
    return [(name, folder) for name, folder in had if folder is not None]


def _whole(bench: Bench, name: str, folder: Path) -> dict[str, Any]:
    runs = {tool.name: reviewed(bench, tool, [folder]) for tool in reviewers(bench)}
    return {
        "name": name,
        "lines": lines_of(folder),
        "tools": {tool: _tally(one) for tool, one in runs.items()},
    }


def _tally(one: Reviewed) -> dict[str, Any]:
    return {
        "findings": len(one.told),
        "places": sum(told.count for told in one.told),
        "severe": sum(told.severe for told in one.told),
        "rules": dict(Counter(told.rule for told in one.told).most_common()),
        "cost": asdict(one.cost),
    }


def _packages_written(packages: list[dict[str, Any]]) -> str:
    names = list(packages[0]["tools"])
    noise = [
        [one["name"], one["lines"], *(_told(one["tools"][name], one["lines"]) for name in names)]
        for one in packages
    ]
    lines = sum(one["lines"] for one in packages)
    sums = {name: _together([one["tools"][name] for one in packages]) for name in names}
    noise.append(["**all**", lines, *(_told(sums[name], lines) for name in names)])
    speed = [
        [name, f"{one['cpu_s']:.1f}", f"{lines / 1000 / one['cpu_s']:.1f}", f"{one['peak_mb']:.0f}"]
        for name, one in sums.items()
    ]
    ours = sums[OUR_NAME]
    claims = Counter[str]()
    for package in packages:
        claims.update(package["tools"][OUR_NAME]["rules"])
    by_claim = table(["claim", "witnesses"], claims.most_common())
    return f"""\
{len(packages)} whole packages that no rule was written by, chosen by size before any tool was run
on them. Findings a thousand lines; of bandit those of severity MEDIUM and HIGH behind the slash.
Probatum tells {ours["findings"]} paths, one for each function and source where values enter; they
reach {ours["places"]} calls.

{table(["package", "lines", *names], noise)}

Of Probatum's, by claim:

{by_claim}

What the same runs cost, from a cold start:

{table(["tool", "CPU s", "1,000 lines a CPU second", "largest process MB"], speed)}
"""


def _told(one: dict[str, Any], lines: int) -> str:
    thousands = lines / 1000
    said = f"{one['findings'] / thousands:.2f}"
    if one["severe"] not in (0, one["findings"]):
        said += f" / {one['severe'] / thousands:.2f}"
    return said


def _together(tallies: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        **{word: sum(one[word] for one in tallies) for word in ("findings", "places", "severe")},
        "cpu_s": sum(one["cost"]["cpu_s"] for one in tallies),
        "peak_mb": max(one["cost"]["peak_mb"] for one in tallies),
    }


# --- the largest -----------------------------------------------------------------------------


def _largest(bench: Bench, folders: tuple[Path, ...]) -> dict[str, Any] | None:
    folder = release(*LARGEST, folders) if bench.peers else None
    if folder is None:
        return None
    within = ("--max-memory", "1GiB")
    runs = {
        tool.name: reviewed(bench, tool, [folder], *(within if tool is OURS else ()))
        for tool in reviewers(bench)
        if tool.name != "semgrep"  # half an hour
    }
    return {
        "name": " ".join(LARGEST),
        "lines": lines_of(folder),
        "tools": {name: _tally(one) for name, one in runs.items()},
    }


def _largest_written(data: dict[str, Any]) -> str:
    body = [
        [
            name,
            f"{one['cost']['cpu_s']:.1f}",
            f"{data['lines'] / 1000 / one['cost']['cpu_s']:.1f}",
            f"{one['cost']['peak_mb']:.0f}",
            "time limit" if one["cost"]["code"] == TIMEOUT else one["findings"],
        ]
        for name, one in data["tools"].items()
    ]
    head = ["tool", "CPU s", "1,000 lines a CPU second", "largest process MB", "findings"]
    return f"""\
**{data["name"]}**, {data["lines"]:,} lines, Probatum with `--max-memory 1GiB`:

{table(head, body)}
"""


# --- after a change --------------------------------------------------------------------------


def _again(bench: Bench, folders: tuple[Path, ...]) -> dict[str, Any] | None:
    """What a review costs after a change of one file: of ten, each changed in its turn."""
    folder = release(*LARGEST, folders) if bench.peers else None
    if folder is None:
        return None
    with tempfile.TemporaryDirectory(dir=bench.work) as made:
        tree, cache = Path(made) / "tree", f"{made}/cache"
        shutil.copytree(folder, tree)
        cold = reviewed(bench, OURS, [tree]).cost
        first = reviewed(bench, OURS, [tree], "--cache", cache).cost
        costs = []
        for path in random.Random(1).sample(sorted(tree.rglob("*.py")), 10):
            before = path.read_bytes()
            path.write_bytes(before + _ADDED)
            costs.append(asdict(reviewed(bench, OURS, [tree], "--cache", cache).cost))
            path.write_bytes(before)
    return {"cold": asdict(cold), "first": asdict(first), "changed": costs}


_ADDED = (
    b"\n\ndef added_by_the_bench(path):\n    with open(path) as file:\n        return file.read()\n"
)


def _again_written(data: dict[str, Any]) -> str:
    times = sorted(one["cpu_s"] for one in data["changed"])
    cold = data["cold"]["cpu_s"]
    body = [
        ["without a cache", f"{cold:.2f}", f"{data['cold']['peak_mb']:.0f}", ""],
        [
            "the first with one",
            f"{data['first']['cpu_s']:.2f}",
            f"{data['first']['peak_mb']:.0f}",
            "",
        ],
        *(
            [name, f"{one:.2f}", "", f"{one / cold:.1%}"]
            for name, one in (("median", statistics.median(times)), ("worst", times[-1]))
        ),
    ]
    return f"""\
The same after a change of one file, with `--cache`: a function was added to each of ten files in
its turn. The whole command, with starting, listing and telling the kinds of all files:

{table(["audit", "CPU s", "largest process MB", "of cold"], body)}
"""


def _without_semgrep(data: dict[str, Any]) -> str:
    if data["semgrep"]:
        return ""
    return (
        "semgrep was not run: its rules lie on its registry's servers, which could not be reached "
        "here. `--semgrep-rules FOLDER` takes a checkout of them.\n"
    )

"""Configurations: what each tool tells of samples that are open, and of their harmless twins."""

import json
import shutil
from pathlib import Path
from typing import Any

from bench.configuring.judges import judged, judges
from bench.tables import table
from bench.tools import PROBATUM, Bench

SAMPLES = Path(__file__).resolve().parents[1] / "configuring" / "samples.json"
_LETTERS = "Zq7Kw2Xv9Lm4Rt6Yb3Nc8Hd5Jf7Pg2Sk9Qa4We6Uz3"
_GROUPS = {
    "serving": "software that serves models",
    "agents": "agents: tools, rules, workflows",
    "general": "any container, image or workflow",
}


def measured(bench: Bench) -> dict[str, Any]:
    samples = json.loads(SAMPLES.read_text("utf-8"))
    folder = bench.work / "configurations"
    shutil.rmtree(folder, ignore_errors=True)
    for number, one in enumerate(samples):
        for side in ("bad", "good"):
            _write(folder / f"{number:03d}-{side}", one[side])
    tools = {}
    for tool in judges(bench):
        rules, took = judged(bench, tool, folder)
        told = [_told(rules, number) for number in range(len(samples))]
        tools[tool.name] = {
            "groups": {
                group: _counted([one for one, of in zip(told, samples, strict=True)
                                 if of["group"] == group])
                for group in _GROUPS
            },
            "all": _counted(told),
            "cpu_s": took.cpu_s,
            "apart": [of["id"] for one, of in zip(told, samples, strict=True) if one["apart"]],
        }  # fmt: skip
    return {"samples": len(samples), "tools": tools}


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for length in (16, 20, 34, 36, 40):  # so that no secret stands in the samples
            letters = _LETTERS.upper() if length == 16 else _LETTERS
            text = text.replace(f"{{secret{length}}}", letters[:length])
        path.write_text(text, "utf-8")


def _told(rules: dict[str, frozenset[str]], number: int) -> dict[str, bool]:
    bad = rules.get(f"{number:03d}-bad", frozenset())
    good = rules.get(f"{number:03d}-good", frozenset())
    return {"flagged": bool(bad), "apart": bool(bad - good), "twin": bool(good)}


def _counted(told: list[dict[str, bool]]) -> dict[str, int]:
    counts = {key: sum(one[key] for one in told) for key in ("flagged", "apart", "twin")}
    return {"of": len(told), **counts}


def written(data: dict[str, Any]) -> str:
    tools = data["tools"]
    rows = [
        [words, tools[PROBATUM.name]["groups"][group]["of"],
         *(_cell(one["groups"][group]) for one in tools.values())]
        for group, words in _GROUPS.items()
    ]  # fmt: skip
    rows.append(["all", data["samples"], *(_cell(one["all"]) for one in tools.values())])
    rows.append(["CPU s, all in one run", "", *(f"{one['cpu_s']:.1f}" for one in tools.values())])
    return f"""\
{data["samples"]} configurations that are open (`configuring/samples.json`), each with a twin that
differs in what makes it so. **They were written by the people who wrote Probatum**, its rules at
hand; some of the last group were written by the rules that checkov and zizmor document. Told apart:
a rule speaks of the sample that does not speak of its twin. Behind the slash: twins that any rule
speaks of, though they may be fine: an image without a digest counts too.

{table(["told apart / twins with a finding", "samples", *tools], rows)}

hadolint reads Dockerfiles and zizmor workflows alone: of the rest they say nothing.

{_only(data)}"""


def _cell(counts: dict[str, int]) -> str:
    return f"{counts['apart']} / {counts['twin']}"


def _only(data: dict[str, Any]) -> str:
    """What a peer tells apart and Probatum does not."""
    ours = set(data["tools"][PROBATUM.name]["apart"])
    lines = []
    for name, one in data["tools"].items():
        more = [each for each in one["apart"] if each not in ours]
        if more:
            lines.append(f"{name} alone tells apart: {', '.join(more)}.")
    return "\n".join(lines) + ("\n" if lines else "")


def better(data: dict[str, Any]) -> list[str]:
    """Where a peer tells more apart than Probatum."""
    tools = data["tools"]
    ours = tools[PROBATUM.name]
    return [
        f"configurations, {_GROUPS[group]}: {name} tells {one['groups'][group]['apart']} apart, "
        f"Probatum {ours['groups'][group]['apart']}"
        for name, one in tools.items()
        for group in _GROUPS
        if one["groups"][group]["apart"] > ours["groups"][group]["apart"]
    ]

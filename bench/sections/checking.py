"""What checking certificates costs against proving, and whether mutants of them are rejected."""

import json
import subprocess
from pathlib import Path
from typing import Any

from bench import corpora
from bench.tables import table
from bench.tools import PROBATUM, Bench

JUDGING = Path(__file__).resolve().parents[1] / "judging.py"


def measured(bench: Bench) -> dict[str, Any]:
    folder = bench.work / "speed"
    folder.mkdir(parents=True, exist_ok=True)
    corpora.benign(bench.work / "benign", bench.makers, bench.recipes)
    big, _ = corpora.big_pickle(folder, bench.records)
    script = [bench.python(PROBATUM.name), str(JUDGING), str(bench.runs)]
    done = subprocess.run(
        [*script, str(bench.work / "benign"), str(big)],
        check=True,
        stdout=subprocess.PIPE,
        env=bench.environment(PROBATUM),
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def written(data: dict[str, Any]) -> str:
    rows = [
        [name, one["certificates"], f"{one['prove_s']:.3f}", f"{one['check_s']:.3f}", _share(one)]
        for name, one in data["times"].items()
    ]
    mutants = [
        [name, *(one.get(word, 0) for word in _FATES)] for name, one in data["mutants"].items()
    ]
    return f"""\
In one process, CPU seconds, for each certificate the median of {data["runs"]} runs after a first
one that is not counted; the sums are over the files of which the claim is proven. Proving starts
from nothing each time, but where all claims are judged together they share a pass, as in an audit.
Left out: `fully-opened` and `kind-is-understood`, which every file has.

{table(["files", "certificates", "proving", "checking", "checking/proving"], rows)}

Mutants of the benign corpus's certificates: one fact changed at any depth (at most 60 a
certificate, drawn with a fixed seed), and one byte changed, added or cut under an unchanged
certificate. Crashed: the checker failed in another way than by rejecting. Unbound: a byte that the
proof does not rest on (a number in a tensor), so that the changed file has the very same proof.

{table(["mutant of", *_FATES], mutants)}
"""


_FATES = ("rejected", "accepted", "crashed", "unbound")


def _share(one: dict[str, float]) -> str:
    return f"{one['check_s'] / one['prove_s']:.0%}" if one["prove_s"] else "-"

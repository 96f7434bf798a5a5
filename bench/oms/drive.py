"""Runs the conformance cases by an adapter and prints those that come out otherwise.

    python -m bench.oms.drive FOLDER EVERY ADAPTER…

EVERY: one case in so many. What is printed is JSON: how many were run, and what is wrong with those
that did not come out as published. A case that ends in an error of the tool, where it should be
rejected, counts as rejected, as it does in the suite.
"""

import json
import subprocess
import sys
from pathlib import Path

from bench.oms.assets import make_keys
from bench.oms.cases import CASES, run

LIMIT_S = 120


def main(folder: Path, every: int, adapter: list[str]) -> None:
    keys = folder / "keys"
    make_keys(keys)

    def call(line: list[str]) -> int:
        done = subprocess.run([*adapter, *line], capture_output=True, timeout=LIMIT_S, check=False)
        return done.returncode

    cases = CASES[::every]
    wrong = {}
    for case in cases:
        says = run(case, folder / "case", keys, call)
        if says:
            wrong[f"{'roundtrip' if case.signs else 'verify'}/{case.name}"] = says
    print(json.dumps({"cases": len(cases), "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])

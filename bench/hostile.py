"""Writes the hostile corpus to a folder, for benches that run several scanners side by side.

    python bench/hostile.py OUT [--mutants N] [--seed S] [--every N]

Only what the oracle shows to be live here is written, with `manifest.json`: for each file its
name, family, kind, the effect's audit event, the gadget and the offset of the fatal opcode. OUT
must not lie in a git working tree: no hostile binary is ever committed.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from hostile import corpus
from hostile.mutations import mutants
from hostile.oracle import Outcome, oracle
from hostile.samples import Sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--mutants", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="try each N-th candidate only")
    options = parser.parse_args()
    _refuse_a_working_tree(options.out.resolve())
    options.out.mkdir(parents=True, exist_ok=True)
    with oracle() as judge:
        live = list(judge.live(corpus.samples()[:: options.every]))
        parents = [sample for sample, _ in live]
        live += judge.live(mutants(parents, options.seed, options.mutants))
    rows = [_written(options.out, sample, outcome) for sample, outcome in live]
    (options.out / "manifest.json").write_text(json.dumps(rows, indent=1))
    print(f"{len(rows)} live samples in {options.out}")


def _refuse_a_working_tree(out: Path) -> None:
    if any((folder / ".git").exists() for folder in (out, *out.parents)):
        sys.exit(f"{out} lies in a git working tree; name a folder outside of it")


def _written(out: Path, sample: Sample, outcome: Outcome) -> dict[str, object]:
    digest = hashlib.sha256(sample.data).hexdigest()
    path = out / sample.family / f"{digest[:16]}{_EXTENSIONS.get(sample.loaders[0], '.pkl')}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(sample.data)
    return {
        "file": str(path.relative_to(out)),
        "sha256": digest,
        "name": sample.name,
        "family": sample.family,
        "kind": sample.kind,
        "gadget": sample.gadget.callable if sample.gadget else None,
        "offset": sample.offset,
        "loader": outcome.loader,
        "event": outcome.event,
        "phase": outcome.phase,
    }


_EXTENSIONS = {
    "zip": ".zip",
    "tar": ".tar",
    "gzip": ".gz",
    "bz2": ".bz2",
    "xz": ".xz",
    "zlib": ".z",
    "npy": ".npy",
    "joblib": ".joblib",
}


if __name__ == "__main__":
    main()

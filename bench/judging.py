"""Times proving against checking, and tries mutants of certificates: run by Probatum's Python.

    python judging.py RUNS FILE_OR_FOLDER...

Prints a JSON object. Mutants are tried for the first target only.
"""

import importlib
import json
import random
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from certificate_laws import mutants
from probatum.audit.judge import judged
from probatum.audit.open import opened
from probatum.audit.opened import Caps, Opened
from probatum.audit.plan import plan
from probatum.errors import Rejected
from probatum.material import FileMaterial
from probatum.ports import Material
from probatum.vocabulary import Certificate, Proven

FACTS, BYTES = 60, 20


def main() -> None:
    runs, *targets = sys.argv[1:]
    times: dict[str, dict[str, dict[str, float]]] = {}
    tried: dict[str, Counter[str]] = defaultdict(Counter)
    for target in map(Path, targets):
        for claim, one, certificate, prove_s in _proofs(target, int(runs)):
            check_s = _median(lambda: _check(certificate, one.material), int(runs))  # noqa: B023
            sums = times.setdefault(f"{target.stem}: {claim}", Counter())
            sums["certificates"] += 1
            sums["prove_s"] += prove_s
            sums["check_s"] += check_s
            if str(target) == targets[0]:
                tried[f"{certificate.checker}: facts"].update(_facts_tried(certificate, one))
                tried[f"{certificate.checker}: bytes"].update(_bytes_tried(certificate, one))
    print(json.dumps({"runs": int(runs), "times": times, "mutants": tried}))


def _proofs(target: Path, runs: int) -> Iterator[tuple[str, Opened, Certificate, float]]:
    paths = sorted(target.rglob("*")) if target.is_dir() else [target]
    for path in paths:
        if not path.is_file() or path.name == "manifest.json":
            continue
        with FileMaterial(str(path)) as material:
            for one in opened(path.name, material, Caps(digest_size=0)):
                for analyzer in plan(one.artifact):
                    if analyzer.id in ("fully-opened", "kind-is-understood"):
                        continue  # every file has them; they would water the sums down
                    verdict = judged(analyzer, one.artifact, one.material)
                    if isinstance(verdict, Proven):
                        prove_s = _median(
                            lambda: judged(analyzer, one.artifact, one.material),  # noqa: B023
                            runs,
                        )
                        yield analyzer.claim.id, one, verdict.certificate, prove_s


def _median(step: Callable[[], object], runs: int) -> float:
    step()
    spent = []
    for _ in range(runs):
        before = time.process_time()
        step()
        spent.append(time.process_time() - before)
    return statistics.median(spent)


def _check(certificate: Certificate, material: Material) -> None:
    checker = importlib.import_module(f"probatum.check.{certificate.checker}")
    checker.holds(certificate.facts, material.read, material.size)


def _facts_tried(certificate: Certificate, one: Opened) -> Counter[str]:
    facts = certificate.facts
    different = [
        changed for changed in mutants(facts) if isinstance(changed, dict) and changed != facts
    ]
    chosen = random.Random(0).sample(different, min(FACTS, len(different)))
    return _tried((Certificate(certificate.checker, changed), one.material) for changed in chosen)


def _bytes_tried(certificate: Certificate, one: Opened) -> Counter[str]:
    """Changes of the artifact's bytes, small artifacts only; a hash in the facts binds them."""
    size = one.material.size
    if size > 1 << 20:
        return Counter()
    data = one.material.read(0, size)
    chance = random.Random(size)
    places = [chance.randrange(size) for _ in range(BYTES)]
    changed = [data + b"\0", data[:-1], *(_flipped(data, at) for at in places)]
    return _tried((certificate, _Bytes(each)) for each in changed)


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]


class _Bytes:
    beside: frozenset[str] = frozenset()

    def __init__(self, data: bytes) -> None:
        self._data, self.size = data, len(data)

    def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


def _tried(pairs: Iterator[tuple[Certificate, Any]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for certificate, material in pairs:
        counts["mutants"] += 1
        try:
            _check(certificate, material)
        except Rejected:
            counts["rejected"] += 1
    return counts


if __name__ == "__main__":
    main()

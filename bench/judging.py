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

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from certificate_laws import mutants
from probatum.audit.judge import judged
from probatum.audit.open import opened
from probatum.audit.opened import Caps, Opened
from probatum.audit.plan import plan
from probatum.errors import Rejected
from probatum.material import BytesMaterial, FileMaterial, SliceMaterial
from probatum.ports import Analyzer, Material
from probatum.vocabulary import Certificate, Proven

FACTS, BYTES = 60, 20
_OF_EVERY_FILE = ("fully-opened", "kind-is-understood")


def main() -> None:
    runs, *targets = sys.argv[1:]
    times: dict[str, dict[str, float]] = {}
    tried: dict[str, Counter[str]] = defaultdict(Counter)
    for target in map(Path, targets):
        for one in _artifacts(target):
            proofs = _proofs(one)
            asked = {
                f"{claim} by {proof[1].checker}": {claim: proof} for claim, proof in proofs.items()
            }
            if len(proofs) > 1:
                asked["all claims of an artifact together"] = proofs
            for name, some in asked.items():
                sums = times.setdefault(f"{target.stem}: {name}", Counter())
                _timed(sums, one, tuple(some.values()), int(runs))
            if str(target) == targets[0]:
                for proof in proofs.values():
                    checker = proof[1].checker
                    tried[f"{checker}: facts"].update(_facts_tried(proof, one))
                    tried[f"{checker}: bytes"].update(_bytes_tried(proof, one))
    print(json.dumps({"runs": int(runs), "times": times, "mutants": tried}))


Proof = tuple[Analyzer, Certificate]


def _artifacts(target: Path) -> Iterator[Opened]:
    for path in sorted(target.rglob("*")) if target.is_dir() else [target]:
        if path.is_file() and path.name != "manifest.json":
            with FileMaterial(str(path)) as material:
                yield from opened(path.name, material, Caps(digest_size=0))


def _proofs(one: Opened) -> dict[str, Proof]:
    """What is proven of the artifact, by claim; not what every file has, which waters sums down."""
    found = {}
    for analyzer in plan(one.artifact):
        verdict = judged(analyzer, one.artifact, one.material)
        if isinstance(verdict, Proven) and analyzer.id not in _OF_EVERY_FILE:
            found[analyzer.claim.id] = (analyzer, verdict.certificate)
    return found


def _timed(sums: dict[str, float], one: Opened, proofs: tuple[Proof, ...], runs: int) -> None:
    def prove() -> None:
        # A material of its own: analysers remember the last pass, for an audit's next claim.
        fresh = SliceMaterial(one.material, 0, one.material.size)
        for analyzer, _ in proofs:
            judged(analyzer, one.artifact, fresh)

    def check() -> None:
        for _, certificate in proofs:
            _check(certificate, one.material)

    sums["certificates"] += len(proofs)
    sums["prove_s"] += _median(prove, runs)
    sums["check_s"] += _median(check, runs, before=_forget)


def _forget() -> None:
    """Checkers remember the last pass for the next claim of the same bytes, as an audit's check
    has use for; a run of the bench must not be answered from the run before it."""
    for name, module in sys.modules.items():
        if name.startswith("probatum.check."):
            getattr(module, "_last", []).clear()


def _median(
    step: Callable[[], object], runs: int, before: Callable[[], object] = lambda: None
) -> float:
    step()
    spent = []
    for _ in range(runs):
        before()
        started = time.process_time()
        step()
        spent.append(time.process_time() - started)
    return statistics.median(spent)


def _check(certificate: Certificate, material: Material) -> None:
    checker = importlib.import_module(f"probatum.check.{certificate.checker}")
    checker.holds(certificate.facts, material.read, material.size)


def _facts_tried(proof: Proof, one: Opened) -> Counter[str]:
    facts = proof[1].facts
    different = [
        changed
        for changed in mutants(facts)
        if isinstance(changed, dict) and repr(changed) != repr(facts)
    ]
    chosen = random.Random(0).sample(different, min(FACTS, len(different)))
    checker = proof[1].checker
    return Counter(
        _fate(Certificate(checker, changed), one.material) or "accepted" for changed in chosen
    )


def _bytes_tried(proof: Proof, one: Opened) -> Counter[str]:
    """Changes of the artifact's bytes, of small artifacts only.

    The numbers in a tensor are bound by no proof that does not rest on them: a change that is
    accepted and of which the analyser gives the very same certificate is one of those.
    """
    analyzer, certificate = proof
    size = one.material.size
    if size > 1 << 20:
        return Counter()
    data = one.material.read(0, size)
    chance = random.Random(size)
    places = [chance.randrange(size) for _ in range(BYTES)]
    counts: Counter[str] = Counter()
    for changed in (data + b"\0", data[:-1], *(_flipped(data, at) for at in places)):
        material = BytesMaterial(changed, one.material.beside)
        fate = _fate(certificate, material)
        if fate is None:
            again = judged(analyzer, one.artifact, material)
            same = isinstance(again, Proven) and again.certificate == certificate
            fate = "unbound" if same else "accepted"
        counts[fate] += 1
    return counts


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]


def _fate(certificate: Certificate, material: Material) -> str | None:
    """What became of a certificate; None where the checker accepts it."""
    try:
        _check(certificate, material)
    except Rejected:
        return "rejected"
    except Exception as exc:  # noqa: BLE001 (a checker's fault, which must not cost the rest)
        print(f"{certificate.checker} crashed: {exc!r}", file=sys.stderr)
        return "crashed"
    return None


if __name__ == "__main__":
    main()

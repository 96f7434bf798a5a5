"""Evidence that the two pickle analysers give alike: certificates, reasons, assumptions."""

import hashlib

from probatum.formats.pickle_machine import Run
from probatum.formats.pickle_streams import Streams
from probatum.ports import Material
from probatum.vocabulary import Certificate, Place, Undecided


def undecided(run: Run) -> Undecided | None:
    if run.problems:
        first, more = run.problems[0], len({problem.detail for problem in run.problems}) - 1
        others = f" (and {more} more)" if more else ""
        return Undecided(first.reason, first.detail + others, Place(offset=first.offset))
    if run.broken is not None:
        return Undecided(run.broken.reason, run.broken.detail, run.broken.place)
    return None


def certificate(found: Streams, material: Material, claim: str) -> Certificate:
    """What `check/pickle.py` re-derives: the streams' digests and every effectful step."""
    return Certificate(
        "pickle",
        {
            "claim": claim,
            "loader": _needed_loader(found),
            "size": material.size,
            "streams": [_stream(run, material) for run in found.runs],
        },
    )


def _needed_loader(found: Streams) -> str:
    """The loader, if the proof needs its ways; a stream without them is a pickle like any other."""
    needs = {"torch": "storage", "joblib": "array"}.get(found.loader)
    used = {one.how for run in found.runs for one in run.effects}
    return "pickle" if needs is not None and needs not in used else found.loader


def _stream(run: Run, material: Material) -> dict[str, object]:
    return {
        "start": run.start,
        "end": run.end,
        "sha256": _digest(material, run.start, run.end),
        "effects": [[one.offset, one.opcode, one.how, one.name] for one in run.effects],
    }


def _digest(material: Material, start: int, end: int) -> str:
    digest = hashlib.sha256()
    while start < end:
        piece = material.read(start, min(1 << 20, end - start))
        if not piece:
            break
        digest.update(piece)
        start += len(piece)
    return digest.hexdigest()


def assumptions(runs: tuple[Run, ...]) -> tuple[str, ...]:
    """The libraries whose summaries the proof rests on."""
    used = {basis for run in runs for basis in run.basis if basis}
    return tuple(f"{basis} does what its effect summaries say" for basis in sorted(used))

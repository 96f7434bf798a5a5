"""Judges one claim about one artifact: whatever an analyser does, it ends in one verdict."""

from collections.abc import Callable
from typing import TypeVar

from probatum.audit.concealing import concealed
from probatum.errors import FormatError
from probatum.ports import Advisories, Analyzer, Material
from probatum.vocabulary import Artifact, Proven, Reason, Refuted, Undecided, Verdict

_VERDICTS = (Proven, Refuted, Undecided)
_HOME = __file__.removesuffix("audit/judge.py")
_MESSENGERS = {__file__, f"{_HOME}audit/sandbox.py"}
T = TypeVar("T")


def judged(
    analyzer: Analyzer,
    artifact: Artifact,
    material: Material,
    advisories: Advisories | None = None,
) -> Verdict:
    """The one verdict of `analyzer` on `artifact`. Never raises an Exception."""

    def judge() -> Verdict:
        if analyzer.informed is not None and advisories is not None:
            return analyzer.informed(artifact, material, advisories)
        return analyzer.judge(artifact, material)

    verdict = attempted(judge, analyzer.id)
    if not isinstance(verdict, _VERDICTS):
        kind = type(verdict).__name__
        return Undecided(Reason.CRASHED, f"{analyzer.id} gave no verdict but {kind}")
    return attempted(lambda: concealed(verdict), analyzer.id)


def attempted(step: Callable[[], T], name: str) -> T | Undecided:
    """What `step` returns, or why it could not be taken: the one place that catches everything.

    FormatError becomes Undecided with the reader's reason, detail and place; MemoryError becomes
    Undecided(OUT_OF_MEMORY); anything else is a crash of ours and becomes Undecided(CRASHED),
    which names the exception and the line of our code. The exception's own text is left out:
    it often quotes the audited bytes.
    """
    try:
        return step()
    except FormatError as exc:
        return undecided(exc)
    except MemoryError:
        return Undecided(Reason.OUT_OF_MEMORY, f"{name} needs more memory than is allowed")
    except Exception as exc:  # noqa: BLE001
        return Undecided(Reason.CRASHED, f"{name} failed: {crash(exc)}")


def undecided(trouble: FormatError) -> Undecided:
    """The verdict that a reader's FormatError stands for."""
    return Undecided(trouble.reason, trouble.detail, trouble.place)


def crash(exc: Exception) -> str:
    """The exception's type and the innermost line of code it left, without hostile text."""
    from traceback import walk_tb

    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(exc.__traceback__)]
    outside = [frame for frame in frames if frame[0] not in _MESSENGERS]
    ours = [frame for frame in outside if frame[0].startswith(_HOME)] or outside
    if not ours:
        return type(exc).__name__
    path, line = ours[-1]
    return f"{type(exc).__name__} at {'/'.join(path.split('/')[-2:])}:{line}"

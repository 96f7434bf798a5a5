"""Re-derives the certificates of a report from the bytes of its targets, without the provers.

The report is hostile: whoever wrote it may have named another checker, shown a certificate of a
weaker claim, described the artifact as something it is not, or left findings out. So a proven
finding holds only if

1. the target, opened again, holds an artifact of that name, kind and size (and digest, where
   both sides have one), of which a manifest says the same;
2. the certificate's checker is a module of `probatum.check` that has `holds`;
3. that checker decides the finding's claim: the facts name it and `holds` demands it, or, where
   whatever `holds` accepts shows it, the module's `CLAIM` (or each of its `CLAIMS`) does;
4. `holds` accepts the facts for the artifact's bytes, and where the checker has `imports`, no
   file beside the artifact could be imported in place of a package that it names.

Of what the report does not prove nothing is checked; it is counted, so that nobody takes it for
checked. An artifact of the target of which the report says nothing is named.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial

from msgspec import Struct
from msgspec.structs import replace

import probatum.check
from probatum.audit.judge import attempted
from probatum.audit.open import opened
from probatum.audit.opened import Caps, Opened, Root
from probatum.audit.worker import FetchedMaterial
from probatum.errors import FormatError, Rejected
from probatum.material import BytesMaterial, FileMaterial
from probatum.ports import Material
from probatum.vocabulary import (
    Artifact,
    Expected,
    Finding,
    Planned,
    Proven,
    Refuted,
    Report,
    Undecided,
)
from probatum.wire import unanswered

HOLDS, REJECTED, MISSING = "holds", "rejected", "not-found"

# Imported before any file could stand in their place.
_ALWAYS_LOADED = frozenset({"builtins", "_codecs", "sys"})
_IMPORTABLE = (".py", ".pyc", ".so", ".pyd", ".zip")

RootsOf = Callable[[str], Iterator[Root]]


class Checked(Struct, frozen=True):
    """What became of one proven finding; `why` is empty where it holds."""

    finding: Finding
    outcome: str
    why: str = ""


class Recheck(Struct, frozen=True, kw_only=True):
    """What became of every proven finding of a report, and what the report does not speak of.

    `unanswered`: planned and without a finding. `unreported`: names of artifacts in the targets of
    which the report says nothing. `unopened`: what kept (part of) a target from being opened.
    """

    checked: tuple[Checked, ...]
    refuted: int
    undecided: int
    interrupted: bool
    unanswered: tuple[Planned, ...]
    unreported: tuple[str, ...]
    unopened: tuple[str, ...]

    def number(self, outcome: str) -> int:
        return sum(one.outcome == outcome for one in self.checked)

    @property
    def is_whole(self) -> bool:
        """Whether the report speaks of all that it planned and all that the targets hold."""
        return not (self.interrupted or self.unanswered or self.unreported or self.unopened)


def rechecked(report: Report, targets: Iterable[str], roots_of: RootsOf) -> Recheck:
    """Check every certificate of `report` against `targets`, in the report's order.

    Raises: TargetError if a target cannot be opened at all.
    """
    claimed: dict[str, list[Finding]] = {}
    for finding in report.findings:
        claimed.setdefault(finding.artifact.name, []).append(finding)
    outcomes: dict[tuple[str, str], Checked] = {}
    unreported: list[str] = []
    unopened: list[str] = []
    for one in _artifacts(targets, roots_of, unopened):
        findings = claimed.get(one.artifact.name)
        if findings is None:
            unreported.append(one.artifact.name)
        for finding in findings or ():
            if isinstance(finding.verdict, Proven):
                why = rejection(finding, finding.verdict, one)
                outcome = Checked(finding, REJECTED if why else HOLDS, why)
                outcomes[one.artifact.name, finding.claim] = outcome
    return Recheck(
        checked=tuple(_outcome(finding, outcomes) for finding in _proven(report)),
        refuted=sum(isinstance(one.verdict, Refuted) for one in report.findings),
        undecided=sum(isinstance(one.verdict, Undecided) for one in report.findings),
        interrupted=report.interrupted,
        unanswered=unanswered(report),
        unreported=tuple(unreported),
        unopened=tuple(unopened),
    )


def rejection(finding: Finding, verdict: Proven, found: Opened) -> str:
    """Why a proven finding does not hold for what was found under its name; empty if it holds."""
    said = attempted(lambda: _rejection(finding, verdict, found), "the check")
    return said.detail if isinstance(said, Undecided) else said


def _rejection(finding: Finding, verdict: Proven, found: Opened) -> str:
    if differs := _difference(finding.artifact, found.artifact):
        return differs
    checker, facts = verdict.certificate.checker, verdict.certificate.facts
    if checker not in checkers():
        return f"there is no checker {checker!a}"
    module = importlib.import_module(f"probatum.check.{checker}")
    decided = getattr(module, "CLAIMS", (getattr(module, "CLAIM", None) or facts.get("claim"),))
    if finding.claim not in decided:
        return f"the certificate is not one of {finding.claim}"
    expected = found.artifact.expected
    if finding.claim == "digest-matches" and (
        expected is None or facts.get("digest") != expected.digest
    ):
        return "the certificate is of another digest than the one that the manifest names"
    try:
        module.holds(facts, found.material.read, found.material.size)
    except Rejected as exc:
        return str(exc) or "the checker rejects it"
    imported = module.imports(facts) if hasattr(module, "imports") else ()
    for package in sorted(imported):
        if beside := _in_place_of(package, found.material.beside):
            return f"{beside} beside the artifact could be imported in place of {package}"
    return ""


def _in_place_of(package: str, beside: Iterable[str]) -> str:
    """A file or folder that an import of `package` could find first; empty if there is none."""
    if package in _ALWAYS_LOADED:
        return ""
    return next((name for name in sorted(beside) if _is_imported_as(package, name)), "")


def _is_imported_as(package: str, name: str) -> bool:
    # A compiled module bears more between its name and its suffix: x.cpython-311-darwin.so.
    return name == package or (name.startswith(f"{package}.") and name.endswith(_IMPORTABLE))


@cache
def checkers() -> frozenset[str]:
    """The names of the modules of `probatum.check`, none of them imported."""
    return frozenset(module.name for module in pkgutil.iter_modules(probatum.check.__path__))


def _difference(said: Artifact, found: Artifact) -> str:
    if found.size != said.size:
        return f"the artifact has {found.size} bytes and the report says {said.size}"
    if found.kind != said.kind:
        return f"the artifact is of kind {found.kind} and the report says {said.kind}"
    if said.digest and found.digest and said.digest != found.digest:
        return "the artifact's digest differs from the report's"
    if _promise(said) != _promise(found):
        return "a manifest beside the artifact says something else of it than the report"
    return ""


def _promise(artifact: Artifact) -> Expected | None:
    """What a manifest says of the bytes; not where they lay, which a download changes."""
    return replace(artifact.expected, costly=False) if artifact.expected is not None else None


def _proven(report: Report) -> Iterator[Finding]:
    return (one for one in report.findings if isinstance(one.verdict, Proven))


def _outcome(finding: Finding, outcomes: dict[tuple[str, str], Checked]) -> Checked:
    missing = Checked(finding, MISSING, "the target holds no artifact of this name")
    return outcomes.get((finding.artifact.name, finding.claim), missing)


def _artifacts(targets: Iterable[str], roots_of: RootsOf, unopened: list[str]) -> Iterator[Opened]:
    """Everything in the targets, under the names that an audit of them gives."""
    taken: set[str] = set()
    for target in targets:
        for root in roots_of(target):
            steps = _opened(root)
            while (one := attempted(partial(next, steps, None), "opening")) is not None:
                if isinstance(one, Undecided):
                    unopened.append(f"{root.name}: {one.detail}")
                    break
                yield _named(one, taken)


def _opened(root: Root) -> Iterator[Opened]:
    trouble = root.trouble
    if trouble is None:
        try:
            material = _material(root)
        except FormatError as exc:
            trouble = exc
        else:
            yield from _handed_on(root, material)
            return
    nothing = Artifact(name=root.name, kind="unknown", size=root.size)
    yield Opened(nothing, BytesMaterial(b""), trouble)


def _material(root: Root) -> Material:
    if root.fetch is not None:
        return FetchedMaterial(root.size, root.beside, root.fetch)
    return FileMaterial(root.path or "", root.beside)


def _handed_on(root: Root, material: Material) -> Iterator[Opened]:
    caps = Caps() if root.fetch is None else Caps(digest_size=0)
    for one in opened(root.name, material, caps):
        if one.artifact.parent is None and root.expected is not None:
            yield replace(one, artifact=replace(one.artifact, expected=root.expected))
        else:
            yield one


def _named(one: Opened, taken: set[str]) -> Opened:
    name, again = one.artifact.name, 1
    while name in taken:
        again += 1
        name = f"{one.artifact.name}#{again}"
    taken.add(name)
    if name == one.artifact.name:
        return one
    return replace(one, artifact=replace(one.artifact, name=name))

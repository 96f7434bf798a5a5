"""Judges a claim by the evidence that a report shows for it, and by nothing else.

In a check, workers judge by these analysers in the place of the provers: confined in the same way,
one line of the report at a time. Every artifact is asked all the claims of its kind, whatever the
report says, and those that the report proves besides.

A certificate proves its claim only if

1. its checker is a module of `probatum.check` that has `holds`;
2. that checker decides the claim: the facts name it and `holds` demands it, or, where whatever
   `holds` accepts shows it, the module's `CLAIM` (or each of its `CLAIMS`) does;
3. it is one that can prove this claim of an artifact of this kind (`audit.proofs`);
4. `holds` accepts the facts for the artifact's bytes, and where the checker has `concerns`, they
   speak of an artifact of this name;
5. where the checker reads source code around the artifact (`FOLDERS`), that is in the folders that
   are there now;
6. where it rests on advisories (`ADVISORIES`) or lists (`LISTS`), those are the ones of this check,
   whole, and not too old;
7. where the checker has `imports`, nothing beside the artifact could be imported in place of a
   package that it names, or of what that imports in turn (`check.imported`).

A refutation by paths through source code is held to them: the claim is refuted only if each path
can be walked again (`check.code_witness`).
"""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

import msgspec
from msgspec import Struct
from msgspec.structs import replace

import probatum.check
from probatum.audit.proofs import asked, misfit, provable
from probatum.audit.report import Names
from probatum.audit.snapshots import Installed
from probatum.errors import Rejected
from probatum.material import Folder, folders_of
from probatum.ports import Analyzer, Material
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Entries,
    Entry,
    Expected,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.check.code_files import Project


NOTHING: Mapping[str, Installed] = MappingProxyType({})
"""Neither advisories nor lists: none are installed."""


class Shown(Struct, frozen=True, array_like=True):
    """What a report says of one claim: without a certificate or `paths` it is worth nothing here.

    `paths` are the witnesses of a refutation that are to be walked again, `ways` a certificate for
    some of the entry points of an artifact of which the claim itself is not proven.
    """

    artifact: Artifact
    claim: str
    certificate: Certificate | None = None
    paths: tuple[Witness, ...] = ()
    ways: Certificate | None = None


class Certificates:
    """Plans by what a report shows, in the order of the report's own audit.

    One of these goes through the targets from the first to the last, because the name of an
    artifact depends on those before it.
    """

    def __init__(self, known: Mapping[str, Installed] = NOTHING, asks_lists: bool = False) -> None:
        self._known = known
        self._asks_lists = asks_lists
        self._names = Names()
        self._renamed: dict[str, str] = {}
        self._shown: dict[str, dict[str, Shown]] = {}

    def after(self, taken: Iterable[str]) -> None:
        """Begin behind the roots whose artifacts have these names."""
        if taken:
            self._names = Names(taken)

    def of(self, shown: bytes) -> None:
        """Take up the next root: a tuple of `Shown`, as JSON."""
        self._renamed, self._shown = {}, {}
        for one in msgspec.json.decode(shown, type=tuple[Shown, ...]):
            self._shown.setdefault(one.artifact.name, {})[one.claim] = one

    def plan(self, artifact: Artifact) -> tuple[Analyzer, ...]:
        """What judges the next artifact of the root."""
        found = self._names.own(artifact, self._renamed)
        shown = self._shown.get(found.name, {})
        proven = (claim for claim, one in shown.items() if one.certificate is not None)
        claims = dict.fromkeys((*asked(found, lists=self._asks_lists), *proven))
        return tuple(_judge_of(found, claim, shown.get(claim), self._known) for claim in claims)


def _judge_of(
    found: Artifact, claim: str, shown: Shown | None, known: Mapping[str, Installed]
) -> Analyzer:
    certificate = shown.certificate if shown is not None else None

    def judge(artifact: Artifact, material: Material) -> Verdict:
        ways = shown.ways if shown is not None else None
        if shown is not None and ways is not None:
            why = difference(shown.artifact, found) or _rejection_of_ways(
                claim, ways, material, known
            )
            if why or not shown.paths:
                entries = None if why else _checked(ways)
                detail = why or "the report does not prove it of more than these entry points"
                return Undecided(Reason.UNRESOLVED, detail, entries=entries)
        if shown is not None and shown.paths:
            return _walked(shown, found, material)
        if shown is None or certificate is None:
            reason = Reason.UNRESOLVED if provable(found, claim) else Reason.NOT_ANALYSED
            return Undecided(reason, "the report does not prove it")
        why = difference(shown.artifact, found)
        if why := why or rejection(artifact, claim, certificate, material, known):
            return Undecided(Reason.UNRESOLVED, why)
        # What was accepted need not be told again: it may be large.
        return Proven(Certificate(certificate.checker, {}))

    id = certificate.checker if certificate is not None else "none"
    return Analyzer(id, Claim(claim, ""), frozenset(), judge, __name__)


def _checked(ways: Certificate) -> Entries:
    """All entry points by what the checker has accepted: proven, or not."""
    told = (
        Entry(name, "", Place(), "proven" if name in ways.facts["entries"] else "undecided")
        for name in ways.facts["all"]
    )
    return Entries(tuple(told), Certificate(ways.checker, {}))


def _rejection_of_ways(
    claim: str, ways: Certificate, material: Material, known: Mapping[str, Installed]
) -> str:
    """Why the certificate does not prove the claim of the entries; empty if it does."""
    from probatum.check import entry_points, vulnerable_code

    try:
        if ways.checker == "vulnerable_code" and claim == vulnerable_code.CLAIM:
            installed = _reliable("advisories", known)
            vulnerable_code.shows(ways.facts, material.read, material.size, installed)
            return ""
        if ways.checker != "entry_points" or ways.facts.get("claim") != claim:
            return f"the certificate is not one of entry points for {claim}"
        entry_points.holds(ways.facts, material.read, material.size)
    except Rejected as exc:
        return str(exc) or "the checker rejects it"
    return ""


def _walked(shown: Shown, found: Artifact, material: Material) -> Verdict:
    from probatum.check.code_witness import shows

    if why := difference(shown.artifact, found):
        return Undecided(Reason.UNRESOLVED, why)
    try:
        project = _project(material)
        for path in shown.paths:
            shows(path, shown.claim, project)
    except Rejected as exc:
        return Undecided(Reason.UNRESOLVED, str(exc) or "the path cannot be walked")
    return Refuted(tuple(replace(path, steps=(), also=()) for path in shown.paths[:1]))


def is_walked(artifact: Artifact, claim: str) -> bool:
    """Whether a refutation of the claim is a path that a check walks again."""
    from probatum.check.code_witness import KIND, claims

    return artifact.kind == KIND and claim in claims()


def _project(material: Material) -> "Project":
    """The files of a project, kept while its claims are asked one after another."""
    from probatum.check.code_files import Project

    if not (_last and _last[0][0] is material):
        _last[:] = [(material, Project(material.read, material.size))]
    return _last[0][1]


_last: "list[tuple[Material, Project]]" = []


def difference(said: Artifact, found: Artifact) -> str:
    """Why a report does not speak of this artifact; empty if it does."""
    if found.size != said.size:
        return f"the artifact has {found.size} bytes and the report says {said.size}"
    if found.kind != said.kind:
        return f"the artifact is of kind {found.kind} and the report says {said.kind}"
    if said.digest and found.digest and said.digest != found.digest:
        return "the artifact's digest differs from the report's"
    if _promise(said) != _promise(found):
        return "a manifest beside the artifact says something else of it than the report"
    if said.parent != found.parent:
        return "the artifact lies in another container than the report says"
    return ""


def _promise(artifact: Artifact) -> Expected | None:
    """What a manifest says of the bytes; not where they lay, which a download changes."""
    return replace(artifact.expected, costly=False) if artifact.expected is not None else None


def rejection(
    artifact: Artifact,
    claim: str,
    certificate: Certificate,
    material: Material,
    known: Mapping[str, Installed] = NOTHING,
) -> str:
    """Why the certificate does not prove the claim of these bytes; empty if it does."""
    checker, facts = certificate.checker, certificate.facts
    if checker not in checkers():
        return f"there is no checker {checker!a}"
    module = importlib.import_module(f"probatum.check.{checker}")
    if not hasattr(module, "holds"):
        return f"{checker} checks no certificates"
    decided = getattr(module, "CLAIMS", (getattr(module, "CLAIM", None) or facts.get("claim"),))
    if claim not in decided:
        return f"the certificate is not one of {claim}"
    if why := misfit(artifact, claim, certificate) or _other_digest(artifact, certificate):
        return why
    try:
        if hasattr(module, "ADVISORIES") or hasattr(module, "LISTS"):
            installed = _reliable("lists" if hasattr(module, "LISTS") else "advisories", known)
            module.holds(facts, material.read, material.size, artifact.kind, installed)
        elif hasattr(module, "FOLDERS"):
            module.holds(facts, material.read, material.size, _folders(artifact, material))
        else:
            module.holds(facts, material.read, material.size)
    except Rejected as exc:
        return str(exc) or "the checker rejects it"
    if hasattr(module, "concerns") and (elsewhere := module.concerns(facts, artifact)):
        return str(elsewhere)
    imported = module.imports(facts) if hasattr(module, "imports") else ()
    if imported:
        from probatum.check.imported import rival

        return rival(imported, material.beside)
    return ""


def _reliable(name: str, known: Mapping[str, Installed]) -> Installed:
    """The advisories or lists of this check. Raises: Rejected where nothing may rest on them."""
    found = known.get(name)
    if found is None:
        raise Rejected(f"it rests on {name}, and none are installed")
    if found.stale:
        raise Rejected(found.stale)
    if not found.intact():
        raise Rejected(f"the installed {name} are not {found.digest[:12]} any more")
    return found


def _folders(artifact: Artifact, material: Material) -> tuple[Folder, ...]:
    """Where an import would look first while the artifact is loaded.

    Nowhere that is known for a member of an archive; but torch's own archives, and what is
    compressed as a whole and has no other name inside, are loaded where they lie.
    """
    outer, _, inner = artifact.name.partition("!/")
    if artifact.parent is not None and artifact.kind != "torch-pickle":
        ends = r"(\.(gz|bz2|xz|lzma|zst|lz4|z))?"
        whole = re.fullmatch(re.escape(inner) + ends, outer.rpartition("/")[2], re.I)
        if artifact.kind not in ("pickle", "joblib") or whole is None:
            return ()
    return folders_of(material.beside) if artifact.parent in (None, outer) else ()


@cache
def checkers() -> frozenset[str]:
    """The names of the modules of `probatum.check`, none of them imported."""
    return frozenset(module.name for module in pkgutil.iter_modules(probatum.check.__path__))


def _other_digest(artifact: Artifact, certificate: Certificate) -> str:
    expected = artifact.expected
    if certificate.checker == "digest_matches" and (
        expected is None or certificate.facts.get("digest") != expected.digest
    ):
        return "the certificate is of another digest than the one that the manifest names"
    return ""

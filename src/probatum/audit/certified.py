"""Judges a claim by the certificate that a report shows for it, and by nothing else.

In a check, workers ask of each artifact what the report claims of it, and judge it by these
analysers in the place of the provers: confined in the same way, one line of the report at a time.
A certificate proves its claim only if

1. its checker is a module of `probatum.check` that has `holds`;
2. that checker decides the claim: the facts name it and `holds` demands it, or, where whatever
   `holds` accepts shows it, the module's `CLAIM` (or each of its `CLAIMS`) does;
3. it is one that can prove this claim of an artifact of this kind (`audit.proofs`);
4. `holds` accepts the facts for the artifact's bytes;
5. where the checker has `imports`, no file beside the artifact could be imported in place of a
   package that it names.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache

from msgspec import Struct

import probatum.check
from probatum.audit.proofs import misfit
from probatum.errors import Rejected
from probatum.ports import Analyzer, Material
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Proven,
    Reason,
    Undecided,
    Verdict,
)

# Imported before any file could stand in their place.
_ALWAYS_LOADED = frozenset({"builtins", "_codecs", "sys"})
_IMPORTABLE = (".py", ".pyc", ".so", ".pyd", ".zip")


class Certified(Struct, frozen=True, array_like=True):
    """One claim about an artifact with the certificate that a report shows for it, if any.

    `why`: what already keeps the claim from being proven; then the certificate is not looked at.
    `reason` is that of the verdict then.
    """

    claim: str
    certificate: Certificate | None = None
    why: str = ""
    reason: Reason = Reason.UNRESOLVED


def judge_of(one: Certified) -> Analyzer:
    """What judges the claim by its certificate."""

    def judge(artifact: Artifact, material: Material) -> Verdict:
        why = one.why
        if one.certificate is not None and not why:
            why = rejection(artifact, one.claim, one.certificate, material)
        if one.certificate is None or why:
            return Undecided(one.reason, why)
        # What was accepted need not be told again: it may be large.
        return Proven(Certificate(one.certificate.checker, {}))

    checker = one.certificate.checker if one.certificate is not None else "none"
    return Analyzer(checker, Claim(one.claim, ""), frozenset(), judge, __name__)


def rejection(artifact: Artifact, claim: str, certificate: Certificate, material: Material) -> str:
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
        module.holds(facts, material.read, material.size)
    except Rejected as exc:
        return str(exc) or "the checker rejects it"
    imported = module.imports(facts) if hasattr(module, "imports") else ()
    for package in sorted(imported):
        if beside := _in_place_of(package, material.beside):
            return f"{beside} beside the artifact could be imported in place of {package}"
    return ""


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


def _in_place_of(package: str, beside: Iterable[str]) -> str:
    """A file or folder that an import of `package` could find first; empty if there is none."""
    if package in _ALWAYS_LOADED:
        return ""
    return next((name for name in sorted(beside) if _is_imported_as(package, name)), "")


def _is_imported_as(package: str, name: str) -> bool:
    # A compiled module bears more between its name and its suffix: x.cpython-311-darwin.so.
    return name == package or (name.startswith(f"{package}.") and name.endswith(_IMPORTABLE))

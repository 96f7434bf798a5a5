"""Everything with an id that the command line can list and explain."""

import importlib
import inspect
import pkgutil

from msgspec import Struct

import probatum.check
from probatum import catalog
from probatum.audit.opening import OPENING
from probatum.audit.plan import LISTED, PROMISED
from probatum.audit.unjudged import UNJUDGED
from probatum.catalog import analyzers
from probatum.ports import Analyzer
from probatum.reasons import MEANINGS
from probatum.vocabulary import Claim

SECTIONS = ("claims", "analyzers", "kinds", "reasons", "checkers")


class Line(Struct, frozen=True):
    """One thing: its id, and one sentence about it."""

    id: str
    says: str


def lines(section: str) -> tuple[Line, ...]:
    """The things of one of `SECTIONS`, by id."""
    match section:
        case "claims":
            return tuple(Line(claim.id, claim.says) for claim in claims().values())
        case "analyzers":
            return tuple(Line(one.id, first_line(page(one.module))) for one in judges())
        case "kinds":
            return tuple(Line(kind, _judged_by(kind)) for kind in kinds())
        case "reasons":
            return tuple(Line(reason.value, says) for reason, says in sorted(MEANINGS.items()))
        case "checkers":
            return tuple(
                Line(name, first_line(page(f"probatum.check.{name}"))) for name in checkers()
            )
    raise ValueError(section)


def judges() -> tuple[Analyzer, ...]:
    """Every built-in analyser, with those that stand in where none can judge."""
    return tuple(sorted((*analyzers(), UNJUDGED, OPENING), key=lambda one: one.id))


def claims() -> dict[str, Claim]:
    """Every claim there is, by id."""
    return catalog.claims()


def kinds() -> tuple[str, ...]:
    """Every kind that some analyser accepts."""
    return tuple(sorted({kind for one in analyzers() for kind in one.accepts} - {LISTED, PROMISED}))


def accepted_by(one: Analyzer) -> str:
    """Which artifacts an analyser judges, in words."""
    if not one.accepts:
        return "what no other analyser can judge"
    if LISTED in one.accepts:
        return "every file, where a list is installed or the policy asks for it"
    if PROMISED in one.accepts:
        return "any artifact that a manifest names a digest for"
    return ", ".join(sorted(one.accepts))


def checkers() -> tuple[str, ...]:
    """The modules of `probatum.check` that re-derive certificates."""
    found = pkgutil.iter_modules(probatum.check.__path__)
    return tuple(
        name
        for name in sorted(module.name for module in found)
        if hasattr(importlib.import_module(f"probatum.check.{name}"), "holds")
    )


def page(module: str) -> str:
    """A module's docstring: its page in the documentation."""
    return inspect.getdoc(importlib.import_module(module)) or ""


def first_line(text: str) -> str:
    """The first sentence-line of a docstring."""
    return text.partition("\n")[0]


def _judged_by(kind: str) -> str:
    return ", ".join(sorted({one.claim.id for one in analyzers() if kind in one.accepts}))

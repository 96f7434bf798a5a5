"""Judges every sample on the pages in `tests/cases`; `tests/cases/README.md` is the format."""

from importlib import import_module

import pytest
from tools.case_pages import Case, Expected, cases, cases_of

from bytes_of_text import built
from known_advisories import known
from known_lists import known_lists, resting
from made_credentials import filled
from probatum.audit.judge import judged
from probatum.catalog import analyzers
from probatum.material import BytesMaterial
from probatum.ports import Analyzer, Material
from probatum.vocabulary import Artifact, Proven, Refuted, Undecided, Verdict


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.page}: {case.heading}")
def test_a_case_page_tells_the_truth(case: Case) -> None:
    assert not case.wrong, case.wrong
    artifact, material = _sample(case)
    for expected in case.expected:
        chosen = _chosen(expected.id or case.page, artifact.kind)
        verdict = judged(chosen, artifact, material, resting(chosen))
        told = f"{chosen.id} on {artifact.name} ({artifact.kind}) says {verdict}"
        assert _word(verdict) == (expected.verdict, expected.reason), told
        for word in expected.words:
            assert word in str(verdict), f"{word!r} is not said: {told}"
        if isinstance(verdict, Proven):
            _recheck(verdict, artifact, material)


def _sample(case: Case) -> tuple[Artifact, Material]:
    """The artifact to judge: as its `kind=` says, or as opening the sample finds it."""
    data = built(case.builder, filled(case.text))
    beside = frozenset(filter(None, case.options.get("beside", "").split(",")))
    whole = BytesMaterial(data, beside)
    name = case.options.get("name", "sample")
    if "kind" in case.options:
        return Artifact(name=name, kind=case.options["kind"], size=len(data)), whole
    from probatum.audit.open import opened
    from probatum.audit.opened import Caps

    wanted = f"{name}!/{case.options['at']}" if "at" in case.options else name
    found = {one.artifact.name: one for one in opened(name, whole, Caps())}
    if wanted not in found:
        raise AssertionError(f"opening the sample yields no {wanted!r}, but {sorted(found)}")
    return found[wanted].artifact, found[wanted].material


def _chosen(id: str, kind: str) -> Analyzer:
    """The analyser of that id, or the one that decides the claim of that id for that kind."""
    for one in analyzers():
        if one.id == id or (one.claim.id == id and kind in one.accepts):
            return one
    raise AssertionError(f"no analyser is called {id!r} or decides that claim for kind {kind!r}")


def _word(verdict: Verdict) -> tuple[str, str | None]:
    match verdict:
        case Proven():
            return "proven", None
        case Refuted():
            return "refuted", None
        case Undecided(reason=reason):
            return "undecided", reason.value


def _recheck(verdict: Proven, artifact: Artifact, material: Material) -> None:
    checker = import_module(f"probatum.check.{verdict.certificate.checker}")
    more = (artifact.kind, known()) if hasattr(checker, "ADVISORIES") else ()
    more = (artifact.kind, known_lists()) if hasattr(checker, "LISTS") else more
    checker.holds(verdict.certificate.facts, material.read, material.size, *more)


def test_a_sample_that_promises_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="promises no verdict"):
        list(cases_of("page", "## A thing\n```hex\n00\n```\n"))


def test_a_verdict_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        list(cases_of("page", "## A thing\n```hex\n00\n```\n-> proven\n-> perhaps\n"))


def test_a_case_carries_heading_sample_options_and_promises() -> None:
    page = '## A thing\n```hex kind=pickle name=m.pkl\n2e\n```\n-> refuted for load-inert "os"\n'
    [case] = cases_of("page", page)
    assert (case.heading, case.options["kind"], case.text) == ("A thing", "pickle", "2e\n")
    assert case.expected == (Expected("refuted", None, "load-inert", ("os",)),)

"""The hostile corpus against the prover: what truly fires is never Proven, and mostly Refuted."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from hostile import corpus
from hostile.assembler import CODES, assemble, disassembled, encode
from hostile.mutations import mutants
from hostile.oracle import Oracle, Outcome, oracle
from hostile.samples import Sample
from hostile.summarised import programs
from probatum import catalog
from probatum.audit.judge import judged
from probatum.audit.open import opened
from probatum.audit.opened import Caps
from probatum.audit.plan import plan
from probatum.errors import FormatError
from probatum.material import BytesMaterial
from probatum.ports import Analyzer
from probatum.vocabulary import Artifact, Proven, Refuted, Verdict

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="the oracle forks and waits the way Linux does"
)

# A third of the corpus is loaded in each run of the tests; `HOSTILE_EVERY=1` loads all of it.
EVERY = int(os.environ.get("HOSTILE_EVERY", "3"))
SEED = int(os.environ.get("HOSTILE_SEED", "20261123"))
MUTANTS = int(os.environ.get("HOSTILE_MUTANTS", "200"))


@dataclass(frozen=True)
class Tried:
    """What the oracle says of samples and their mutants."""

    live: tuple[tuple[Sample, Outcome], ...]
    mutants: tuple[tuple[Sample, Outcome], ...]


@pytest.fixture(scope="module")
def judge() -> Iterator[Oracle]:
    with oracle() as warm:
        yield warm


@pytest.fixture(scope="module")
def tried(judge: Oracle) -> Tried:
    live = tuple(judge.live(corpus.samples()[::EVERY]))
    parents = [sample for sample, _ in live]
    return Tried(live, tuple(judge.live(mutants(parents, SEED, MUTANTS))))


def test_the_text_of_every_opcode_assembles_and_comes_apart_again() -> None:
    assert len(CODES) == 68
    for sample in corpus.samples()[::10]:
        if sample.family == "direct":
            assert encode(disassembled(sample.data)).data == sample.data


def test_a_label_names_the_offset_of_its_opcode() -> None:
    program = assemble("PROTO 2\nGLOBAL 'posix' 'system'\nBINUNICODE 'true'\nTUPLE1\nREDUCE @fire")
    assert program.data[program.labels["fire"] :] == b"R"


def test_the_corpus_is_the_same_each_time_and_has_no_sample_twice() -> None:
    first = corpus.samples()
    corpus.samples.cache_clear()
    assert [one.data for one in first] == [one.data for one in corpus.samples()]
    assert len({one.data for one in first}) == len(first)


def test_the_oracle_finds_nothing_in_honest_pickles(judge: Oracle) -> None:
    for number, data in enumerate(corpus.honest()):
        loader = ("c", "py", "streams", "persistent")[number % 4]
        assert judge.outcome(data, loader).event is None


def test_a_thousand_samples_are_live(tried: Tried) -> None:
    assert len(tried.live) >= 3000 // EVERY


def test_most_mutants_of_live_samples_are_live(tried: Tried) -> None:
    assert len(tried.mutants) >= MUTANTS * 0.9


def test_no_live_sample_is_proven_to_load_inert(tried: Tried) -> None:
    proven = [
        (sample.name, outcome.event, sample.data)
        for sample, outcome in (*tried.live, *tried.mutants)
        if isinstance(verdict(sample, "load-inert"), Proven)
    ]
    assert proven == []


def test_no_container_of_a_live_sample_is_proven_throughout(tried: Tried) -> None:
    containers = [sample for sample, _ in tried.live if sample.family == "container"]
    assert containers
    cleared = [one.name for one in containers if all(map(_proven, _everything_said(one)))]
    assert cleared == []


def _everything_said(sample: Sample) -> Iterator[Verdict]:
    for found in opened("sample", BytesMaterial(sample.data), Caps()):
        for analyzer in plan(found.artifact):
            yield judged(analyzer, found.artifact, found.material)


def _proven(found: Verdict) -> bool:
    return isinstance(found, Proven)


def test_no_live_sample_is_proven_to_be_data(tried: Tried) -> None:
    proven = [
        (sample.name, outcome.event, sample.data)
        for sample, outcome in (*tried.live, *tried.mutants)
        if isinstance(verdict(sample, "data-shaped"), Proven)
    ]
    assert proven == []


def test_no_program_over_summarised_names_is_proven_and_live(judge: Oracle) -> None:
    tried = programs(SEED, 10 * MUTANTS)
    proven = [one for one in tried if isinstance(verdict(one, "load-inert"), Proven)]
    assert len(proven) >= MUTANTS // 2
    assert [(one.name, one.data) for one, _ in judge.live(proven[:MUTANTS])] == []


def test_a_pickle_that_returns_a_function_is_not_proven_to_be_data(judge: Oracle) -> None:
    returned = tuple(corpus.returning_code())
    assert sum(judge.outcome(one.data).code for one in returned[:: 30 * EVERY]) >= 5
    proven = [one for one in returned if isinstance(verdict(one, "data-shaped"), Proven)]
    # A class whose instances are data may come back; a function or a module may not.
    assert [one.name for one in proven if judge.outcome(one.data).code] == []


def test_direct_calls_of_what_scanners_know_are_refuted_at_the_call(tried: Tried) -> None:
    known = [
        sample
        for sample, outcome in tried.live
        if sample.family == "direct" and sample.gadget and sample.gadget.known
        if sample.gadget.direct and outcome.phase == "load"
    ]
    missed = [sample.name for sample in known if not refuted_at_the_call(sample)]
    assert len(missed) <= 0.05 * len(known), missed


def refuted_at_the_call(sample: Sample) -> bool:
    """Whether the verdict is a refutation that stands at the sample's fatal opcode."""
    found = verdict(sample, "load-inert")
    return isinstance(found, Refuted) and sample.offset in {
        place.offset
        for witness in found.witnesses
        for place in (witness.place, *(step.place for step in witness.steps))
    }


def verdict(sample: Sample, claim: str) -> Verdict | None:
    """What the analyser of the sample's kind says; None for a container, which is opened first."""
    analyzer = _analyzer(claim, sample.kind)
    if analyzer is None:
        return None
    artifact = Artifact(name="sample", kind=sample.kind, size=len(sample.data))
    try:
        return analyzer.judge(artifact, BytesMaterial(sample.data, frozenset(sample.beside)))
    except FormatError:
        return None


@cache
def _analyzer(claim: str, kind: str) -> Analyzer | None:
    fit = (a for a in catalog.analyzers() if a.claim.id == claim and kind in a.accepts)
    return next(fit, None)

"""Plans an audit: which analysers judge an artifact, so that every artifact has its claims."""

from collections.abc import Callable, Iterable
from functools import cache

from probatum.catalog import analyzers
from probatum.claims import FULLY_OPENED, KIND_IS_UNDERSTOOD
from probatum.errors import ConfigurationError
from probatum.ports import Analyzer, Material
from probatum.vocabulary import Artifact, Reason, Undecided, Verdict

Planner = Callable[[Artifact], tuple[Analyzer, ...]]


def plan(artifact: Artifact) -> tuple[Analyzer, ...]:
    """The built-in analysers that judge `artifact`, at least one, in the order of their ids."""
    return _built_in()(artifact)


def planner(available: Iterable[Analyzer]) -> Planner:
    """A `plan` over the analysers `available`.

    An artifact of a kind that none of them accepts gets the one claim that can still be made
    of it, and that stays undecided: silence is impossible. Whatever its kind, an artifact of
    which a manifest says something is judged by those that accept `expected` as well.
    Raises: ConfigurationError if two analysers decide the same claim for the same kind.
    """
    by_kind: dict[str, dict[str, Analyzer]] = {}
    for one in sorted(available, key=lambda one: one.id):
        for kind in one.accepts:
            rival = by_kind.setdefault(kind, {}).setdefault(one.claim.id, one)
            if rival is not one:
                raise ConfigurationError(
                    f"the analysers {rival.id!r} and {one.id!r} both decide {one.claim.id!r} "
                    f"for files of kind {kind!r}: name only one of them"
                )
    promised = by_kind.pop("expected", {})
    for claim, one in promised.items():
        for kind, claims in by_kind.items():
            if claim in claims:
                raise ConfigurationError(
                    f"the analysers {one.id!r} and {claims[claim].id!r} both decide {claim!r} "
                    f"for files of kind {kind!r}: name only one of them"
                )
    plans = {kind: tuple(claims.values()) for kind, claims in by_kind.items()}
    extra = tuple(promised.values())

    def planned(artifact: Artifact) -> tuple[Analyzer, ...]:
        known = plans.get(artifact.kind, (UNJUDGED,))
        return known if artifact.expected is None else (*known, *extra)

    return planned


@cache
def _built_in() -> Planner:
    return planner(analyzers())


def _unjudged(artifact: Artifact, material: Material) -> Verdict:
    if artifact.kind == "unknown":
        return Undecided(Reason.UNKNOWN_KIND, "the content is of no kind that Probatum knows")
    return Undecided(Reason.NOT_ANALYSED, f"no analyser judges files of kind {artifact.kind}")


def _unopened(artifact: Artifact, material: Material) -> Verdict:
    return Undecided(Reason.UNREADABLE, "it could not be opened")


UNJUDGED = Analyzer("unjudged", KIND_IS_UNDERSTOOD, frozenset(), _unjudged, __name__)
"""Stands in where no analyser accepts an artifact's kind."""

OPENING = Analyzer("opening", FULLY_OPENED, frozenset(), _unopened, __name__)
"""Says what kept an artifact, or a member of it, from being opened."""

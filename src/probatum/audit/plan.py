"""Plans an audit: which analysers judge an artifact, so that every artifact has its claims."""

from collections.abc import Callable, Iterable
from functools import cache

from probatum.audit.unjudged import UNJUDGED
from probatum.catalog import accepting
from probatum.errors import ConfigurationError
from probatum.formats import python_environment, python_project, signed_files
from probatum.ports import Analyzer
from probatum.vocabulary import Artifact

Planner = Callable[[Artifact], tuple[Analyzer, ...]]

NO_FILES = frozenset({python_project.KIND, python_environment.KIND, signed_files.KIND})
"""Kinds of artifacts that are put together from several files."""

PROMISED = "expected"
"""Stands for a kind in what an analyser accepts: any artifact that a manifest says something of."""

LISTED = "listed"
"""Stands for a kind, too: any file, where it is asked whether a list of known-bad ones names it."""


def plan(artifact: Artifact) -> tuple[Analyzer, ...]:
    """The built-in analysers that judge `artifact`, at least one, in the order of their ids."""
    return _built_in()(artifact)


def planner(
    available: Iterable[Analyzer], *, built_in: bool = False, asks_lists: bool = False
) -> Planner:
    """A `plan` over the analysers `available`, and over the built-in ones as well if asked.

    An artifact of a kind that none of them accepts gets the one claim that can still be made
    of it, and that stays undecided: silence is impossible. Whatever its kind, an artifact of
    which a manifest says something is judged by those that accept `expected` as well, and with
    `asks_lists` every file by those that accept `listed`.
    Raises: ConfigurationError if two analysers decide the same claim for the same kind.
    """
    given = tuple(sorted(available, key=lambda one: one.id))

    @cache
    def of_kind(kind: str) -> tuple[Analyzer, ...]:
        own = accepting(kind) if built_in else ()
        found = _agreed(kind, (*own, *(one for one in given if kind in one.accepts)))
        if asks_lists and kind not in (*NO_FILES, PROMISED, LISTED):
            return _agreed(kind, (*(found or (UNJUDGED,)), *of_kind(LISTED)))
        return found

    @cache
    def of_kind_and_promise(kind: str) -> tuple[Analyzer, ...]:
        return _agreed(kind, (*(of_kind(kind) or (UNJUDGED,)), *of_kind(PROMISED)))

    for kind in {kind for one in given for kind in one.accepts}:
        of_kind_and_promise(kind)

    def planned(artifact: Artifact) -> tuple[Analyzer, ...]:
        if artifact.expected is not None:
            return of_kind_and_promise(artifact.kind)
        return of_kind(artifact.kind) or (UNJUDGED,)

    return planned


def _agreed(kind: str, judges: tuple[Analyzer, ...]) -> tuple[Analyzer, ...]:
    """The same analysers, if each decides another claim."""
    by_claim: dict[str, Analyzer] = {}
    for one in judges:
        rival = by_claim.setdefault(one.claim.id, one)
        if rival is not one:
            raise ConfigurationError(
                f"the analysers {rival.id!r} and {one.id!r} both decide {one.claim.id!r} "
                f"for files of kind {kind!r}: name only one of them"
            )
    return tuple(by_claim.values())


@cache
def _built_in() -> Planner:
    return planner((), built_in=True)

"""All properties of one program, found after its paths were searched."""

from collections.abc import Iterator
from functools import partial

from probatum.taint.properties.authentication import Authentication
from probatum.taint.properties.comparisons import Comparisons
from probatum.taint.properties.keys import Keys
from probatum.taint.properties.loops import Loops
from probatum.taint.properties.matching import Matching
from probatum.taint.properties.randomness import Randomness
from probatum.taint.properties.switches import Switches
from probatum.taint.search import Search
from probatum.taint.states import Path


def paths(search: Search, told: list[Path]) -> Iterator[Path]:
    """What every claim about a call, a comparison, a loop or a route is refuted by.

    `told` are the paths that the search has found. Each module is looked at by itself, but for
    those that only the project itself runs; a route is compared with all others.
    """
    matching = Matching(search.program, search.steps.values)
    for name in search.program.modules:
        work = partial(_of_module, search, matching, name)
        yield from search.program.remembered(("properties", name), work)
    yield from Authentication(matching, told).paths()


def _of_module(search: Search, matching: Matching, name: str) -> list[Path]:
    here = search.program.part(name)
    if not here.module.shipped:
        return []
    return [
        *Switches(matching, search.steps.guards).paths(here),
        *Comparisons(matching, search.steps).paths(here),
        *Randomness(matching).paths(here),
        *Keys(matching).paths(here),
        *Loops(matching).paths(here),
    ]

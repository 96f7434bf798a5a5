"""All properties of one program, found after its paths were searched."""

from collections.abc import Iterator

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
    """What refutes the claims about a call, a comparison, a loop or a route; `told` were found."""
    matching = Matching(search.program, search.steps.values)
    yield from Switches(matching, search.steps.guards).paths()
    yield from Comparisons(matching, search.steps).paths()
    yield from Randomness(matching).paths()
    yield from Keys(matching).paths()
    yield from Authentication(matching, told).paths()
    yield from Loops(matching).paths()

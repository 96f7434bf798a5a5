"""What the search walks: states, and the paths that it tells of them."""

from typing import Any

from msgspec import Struct

from probatum.taint.program import Place

# How a value stands to a path or address that it is put into.
ALONE = 0  # not put behind anything yet
BEHIND_GIVEN = 1  # behind a base that the caller gives as well
BEHIND_OWN = 2  # behind a base of the code's own: what is outside of it was not meant

KEYS = "*keys"  # wanted of a dictionary: not what stands under its keys, but these
_DEEPEST_WANT = 3


class Hop(Struct, frozen=True):
    """One step of a path: the function, the place (see flow.COLUMN_BITS), what happens there.

    `kind` and `name` are the node's operation and the name it bears, by which it is found again
    in the syntax tree.
    """

    module: str
    function: int
    place: int
    says: str
    kind: int = -1
    name: str = ""


class Path(Struct, frozen=True):
    """A path from a source to a sink: refuted if nothing on it guards (`level` is guards.NONE).

    `instead` is what to write in the place of the sink, as its row says it.
    """

    claim: str
    sink: Hop
    hops: tuple[Hop, ...]
    level: int
    guard: str
    source: str
    instead: str = ""


class State(Struct):
    """A value on the way back from a sink, and how the search came to it.

    `context` are the calls entered through what they return, to be left by the same call; `before`
    is the state nearer to the sink, and `says` what happens from this one to it. `links` are the
    control links passed here; a state that is the `start` of a segment is the first one in its
    function. `level` and `guard` are of the segments behind. A value is `far` if it is not what
    reaches the sink, only what that is computed of, a part of a file's name, or the name of a file
    that the code itself writes: what a caller chooses so is no source, what an attacker sends is.
    `crossed` counts the calls between here and the sink. Of a `whole` value only a field goes on:
    what the object was made of otherwise does not.
    `wanted` are the keys and fields by which
    the value was taken out of this one, outermost first: `x` of which `x["a"].b` is meant wants
    `a`, then `b`. None stands for a key that is not known, `KEYS` for the keys themselves.
    """

    place: Place
    node: int
    context: tuple[tuple[Place, int], ...]
    joined: int
    inner: bool  # taken out of an object: a field, an item
    level: int
    guard: str
    before: "State | None"
    says: str
    links: tuple[int, ...]
    site: int = -1  # the call by which the value goes on
    part: int = -1  # the element that is meant, of a tuple
    start: bool = False
    far: bool = False
    crossed: int = 0
    whole: bool = False
    wanted: tuple[str | None, ...] = ()

    def within(
        self,
        node: int,
        says: str = "",
        *,
        joined: int = ALONE,
        links: tuple[int, ...] = (),
        part: int = -1,
        inner: bool = False,
        far: bool = False,
        wanted: tuple[str | None, ...] = (),
    ) -> "State":
        """The state of a value of the same function that this one is made of."""
        return State(
            self.place, node, self.context, max(self.joined, joined), self.inner or inner,
            self.level, self.guard, self, says, links, -1, part, False, self.far or far,
            self.crossed, self.whole, wanted[:_DEEPEST_WANT],
        )  # fmt: skip

    def across(
        self,
        place: Place,
        node: int,
        says: str,
        link: int = -1,
        *,
        context: tuple[tuple[Place, int], ...] = (),
        site: int = -1,
        part: int = -1,
        wanted: tuple[str | None, ...] = (),
    ) -> "State":
        """The state of a value of another function, where a new segment begins."""
        return State(
            place, node, context, self.joined, self.inner, self.level, self.guard, self, says,
            (link,), site, part, True, self.far, self.crossed + 1, self.whole,
            wanted[:_DEEPEST_WANT],
        )  # fmt: skip

    def guarded(self, level: int, guard: str) -> "State":
        """The same state behind a guard."""
        return State(
            self.place, self.node, self.context, self.joined, self.inner, level, guard,
            self.before, self.says, self.links, self.site, self.part, self.start, self.far,
            self.crossed, self.whole, self.wanted,
        )  # fmt: skip

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two states the same for the search."""
        return (
            self.place, self.node, self.context, self.joined, self.inner, self.part, self.far,
            self.whole, self.wanted,
        )  # fmt: skip

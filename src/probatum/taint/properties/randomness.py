"""Secrets made of what anybody can guess: `random`, the time, uuid1."""

from collections.abc import Iterator

from probatum.taint.flow import (
    BOTH,
    CALL,
    CONST,
    EACH,
    EITHER,
    ITEM,
    JOIN,
    MATH,
    OTHER,
    PACK,
    PART,
    STAR,
    TEXT,
    operands,
)
from probatum.taint.names import Part
from probatum.taint.program import Place, Program
from probatum.taint.properties.matching import Matching
from probatum.taint.properties.naming import is_random_secret
from probatum.taint.properties.rows import Called, called, words
from probatum.taint.rules import words as engine_words
from probatum.taint.states import Hop, Path

_CLAIM = "no-weak-randomness"
_CARRYING = frozenset((JOIN, TEXT, PACK, EACH, ITEM, PART, OTHER, MATH, STAR, BOTH, EITHER))
_DEEPEST = 2
_LETTERS = frozenset(["ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "hexdigits"])
_BITS = frozenset(["getrandbits", "randbytes", "bytes", "uuid1"])
_CHOOSING = frozenset(["choice", "choices", "sample"])
_FEW = 10  # letters: a constant of fewer is a list of words, or of dice


class Randomness:
    """Finds them in one program, each from the call that answers with what can be guessed."""

    def __init__(self, matching: Matching) -> None:
        self.matching = matching
        self.program: Program = matching.program

    def paths(self, here: Part) -> Iterator[Path]:
        for short, rows in called(_CLAIM).items():
            for module, index, node in here.calls.get(short, ()):
                place = (module, index)
                call = self.program[place].nodes[node]
                for row in rows:
                    if self.matching.means(row, place, call):
                        yield from self._from(row, place, node)
                        break

    def _from(self, row: Called, place: Place, node: int) -> Iterator[Path]:
        letters = self._letters(place, node)
        short = self.program.short(place, self.program[place].nodes[node][1])
        if short in _CHOOSING and not letters:
            return  # one of what is there already
        hops = (self.matching.hop(place, node, self.matching.values.words(place, node)),)
        timed = row.says == "the time"
        for target in self._targets(place, node, letters, timed, 0, hops):
            where, at, name, way = target
            yield self.matching.path(_CLAIM, where, at, row.says, name, way)
            return

    def _letters(self, place: Place, node: int) -> bool:
        """It chooses letters, or gives bits: what a token is made of."""
        program = self.program
        call = program[place].nodes[node]
        if program.short(place, call[1]) in _BITS:
            return True
        for one in call[2][:1]:
            if self.matching.mentioned(place, one) & _LETTERS:
                return True
            for known in self.matching.constants.of(place, one):
                if known is not None and isinstance(known.value, str) and len(known.value) >= _FEW:
                    return True
        return False

    def _targets(
        self,
        place: Place,
        start: int,
        letters: bool,
        timed: bool,
        depth: int,
        hops: tuple[Hop, ...],
    ) -> Iterator[tuple[Place, int, str, tuple[Hop, ...]]]:
        """Where the value becomes a secret: the function, the node, the secret's name, the way."""
        reached, hashed = self._reached(place, start)
        if timed:
            reached = hashed
        for at, name in self._named(place, reached):
            if is_random_secret(name, letters):
                yield place, at, name, hops
                return
        function = self.program[place]
        given = [value for value, _ in function.exits if value in reached]
        if not given or depth >= _DEEPEST or function.kind != "function":
            return
        short = function.name.rpartition(".")[2]
        if is_random_secret(short, letters):
            yield place, given[0], short, hops
            return
        for caller, call in self.matching.constants.callers(place):
            step = self.matching.hop(caller, call, f"returned by {function.name}")
            more = (*hops, step)
            yield from self._targets(caller, call, letters, False, depth + 1, more)

    def _reached(self, place: Place, start: int) -> tuple[set[int], set[int]]:
        """The nodes that a value goes into, in its function; and those behind a hash of it."""
        nodes = self.program[place].nodes
        carrying = engine_words("keeps text") | words("carries randomness")
        reached, hashed = {start}, set()
        for at in range(start + 1, len(nodes)):
            node = nodes[at]
            if node[0] == CALL:
                short = self.program.short(place, node[1])
                if short not in carrying:
                    continue
                parts: tuple[int, ...] = operands(nodes[node[1]])
                if short != "encode":
                    parts = (*parts, *node[2], *(one for _, one in node[3]))
            elif node[0] in _CARRYING:
                short, parts = "", operands(node)
            else:
                continue
            if any(one in reached for one in parts):
                reached.add(at)
                if short in words("hash") or any(one in hashed for one in parts):
                    hashed.add(at)
        return reached, hashed

    def _named(self, place: Place, reached: set[int]) -> Iterator[tuple[int, str]]:
        """What the values are called: variables, attributes, keys, keywords."""
        function = self.program[place]
        nodes = function.nodes
        for name, values in function.names.items():
            yield from ((one, name) for one in values if one in reached)
        for _, attribute, value, _ in function.stores:
            if value in reached:
                yield value, attribute
        for _, key, value in function.fills:
            if value in reached and nodes[key][0] == CONST:
                yield value, str(nodes[key][1])
        for at, node in enumerate(nodes):
            if node[0] == CALL:
                yield from ((at, name) for name, value in node[3] if name and value in reached)
            elif node[0] == PACK and len(node) % 2:
                half = len(node) // 2
                for key, value in zip(node[1 : half + 1], node[half + 1 :], strict=True):
                    if value in reached and nodes[key][0] == CONST:
                        yield value, str(nodes[key][1])

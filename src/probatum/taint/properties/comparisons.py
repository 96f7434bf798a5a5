"""Comparisons of a secret with what a request brings that end at the first difference."""

from collections.abc import Iterator

from probatum.taint.comparisons import NONE
from probatum.taint.flow import ATTR, CALL, CONST, NAME, PARAM, TEXT
from probatum.taint.names import Part
from probatum.taint.program import Place, Program
from probatum.taint.properties.matching import Matching
from probatum.taint.properties.naming import is_secret
from probatum.taint.properties.rows import words
from probatum.taint.rules import Sink, Source
from probatum.taint.states import BEHIND_OWN, Hop, Path, State
from probatum.taint.steps import Steps

_CLAIM = "constant-time-comparison"
_ROW = Sink(_CLAIM, "https://cwe.mitre.org/data/definitions/208.html")
_MOST_STATES = 150
_MOST_CROSSED = 3  # functions: who is asked for a secret is asked near the request
_A_REQUEST = "what a request shows to be let in"
_HMAC = frozenset(["hmac.new", "hmac.HMAC", "hmac.digest"])


class Comparisons:
    """Finds them in one program."""

    def __init__(self, matching: Matching, steps: Steps) -> None:
        self.matching = matching
        self.program: Program = matching.program
        self.steps = steps

    def paths(self, here: Part) -> Iterator[Path]:
        for place, function in here.functions():
            for node in function.compares:
                yield from self._at(place, node)

    def _at(self, place: Place, node: int) -> Iterator[Path]:
        _, operator, left, right = self.program[place].nodes[node]
        sides = [(left, right)] if operator in ("in", "not in") else [(left, right), (right, left)]
        for asked, kept in sides:
            if not self._secret(place, kept) or self._hashed(place, asked):
                continue
            found = self._from_request(place, asked)
            if found is None or self._from_request(place, kept) is not None:
                continue
            says = self.matching.values.words(place, node)
            source = f"{found[0]}, compared up to the first difference,"
            yield self.matching.path(_CLAIM, place, node, source, says, found[1])
            return

    def _secret(self, place: Place, node: int) -> bool:
        """A value named as a secret is, or made with one."""
        given = self.program[place].nodes[node]
        if given[0] == ATTR and self._is_class(place, given[1]):
            return False
        if is_secret(self.matching.constants.spoken(place, node)):
            return True
        return self._digest(place, node) or self._put_together(place, node)

    def _hashed(self, place: Place, node: int) -> bool:
        """A digest of what was asked: how far it agrees says nothing of the secret."""
        return "hash" in self.matching.constants.spoken(place, node).lower()

    def _is_class(self, place: Place, node: int) -> bool:
        """`Kind.api_key`: a name among others, not a secret."""
        short = self.program.short(place, node)
        return short[:1].isupper() and not short.isupper()

    def _digest(self, place: Place, node: int) -> bool:
        """`hmac.new(…).hexdigest()`, directly or through a variable."""
        program = self.program
        nodes = program[place].nodes
        given = nodes[node]
        if given[0] != CALL:
            return False
        if program.dotted(place, given[1]) in _HMAC:
            return True
        callee = nodes[given[1]]
        return (
            callee[0] == ATTR
            and callee[2] in ("hexdigest", "digest")
            and self._digest(place, callee[1])
        )

    def _put_together(self, place: Place, node: int) -> bool:
        """A text that a secret is put into: `f"Bearer {token}"`."""
        given = self.program[place].nodes[node]
        if given[0] != TEXT:
            return False
        parts = [one for one in given[1:] if self.program[place].nodes[one][0] != CONST]
        return bool(parts) and all(
            is_secret(self.matching.constants.spoken(place, one)) for one in parts
        )

    # Requests

    def _from_request(self, place: Place, node: int) -> tuple[str, tuple[Hop, ...]] | None:
        """What of a request a value is, and the steps from there."""
        first = State(place, node, (), BEHIND_OWN, False, NONE, "", None, "", (-1,), start=True)
        waiting = [(first, 0)]
        seen: set[object] = set()
        while waiting and len(seen) < _MOST_STATES:
            state, crossed = waiting.pop(0)
            if state.key in seen:
                continue
            seen.add(state.key)
            said = self._shown(state)
            if said:
                return said, self._hops(state)
            for after in self.steps.before(_ROW, state):
                if isinstance(after, State):
                    beyond = crossed + (after.place != state.place)
                    if not after.far and beyond <= _MOST_CROSSED:
                        waiting.append((after, beyond))
                elif isinstance(after, Source) and after.remote:
                    return after.says, self._hops(state)
        return None

    def _shown(self, state: State) -> str:
        """A header, a cookie or an object by which a request shows who sent it."""
        place, node = state.place, state.node
        given = self.program[place].nodes[node]
        spoken = self.matching.constants.spoken(place, node)
        if given[0] != NAME and spoken.lower() in words("credential header"):
            return _A_REQUEST
        if given[0] == ATTR:
            said = self.program.type_of(place, given[1]).rpartition(".")[2]
            if said in words("credential type"):
                return _A_REQUEST
        if given[0] == PARAM and not state.context:
            function = self.program[place]
            parts = {one.rpartition(".")[2] for one in function.injected}
            default = function.defaults.get(spoken, 0) is ...
            annotated = function.annotations.get(spoken, "").startswith("Annotated")
            if parts & words("request part") and (default or annotated):
                return _A_REQUEST
        return ""

    def _hops(self, state: State) -> tuple[Hop, ...]:
        hops = []
        one: State | None = state
        while one is not None:
            says = one.says or self.matching.values.words(one.place, one.node)
            hops.append(self.matching.hop(one.place, one.node, says))
            if one.site >= 0:
                hops.append(self.matching.hop(one.place, one.site, says))
            one = one.before
        return tuple(hops)

"""What a value is a part of: a text, an address, a path, a statement."""

from collections.abc import Iterator

from probatum.taint.flow import ATTR, CALL, CONST, JOIN, PARAM, TEXT, Node
from probatum.taint.program import Place, Program
from probatum.taint.rules import Sink
from probatum.taint.states import ALONE, BEHIND_GIVEN, BEHIND_OWN, State
from probatum.taint.values import Values

_DEEPEST_TEXT = 8  # texts in texts, of which the first says how the whole begins
_OF_FILES = ("no-unsafe-deserialization", "no-path-traversal")  # their sinks take names of files
_CUT = "\0"  # where a format has its first value


class Texts:
    """Texts of one program: what stands in front of a value in them, and what that decides."""

    def __init__(self, program: Program, values: Values) -> None:
        self.program = program
        self.values = values

    def states(self, row: Sink, state: State, node: Node) -> Iterator[State]:
        """The parts of a text that can do harm where they stand in it."""
        if row.claim == "no-unsafe-reflection" and self._fixed(state.place, node[1]):
            return
        text = row.text and self.begins(row, state.place, node[1])
        for position, one in enumerate(node[1:]):
            joined = BEHIND_OWN if text else ALONE
            inside = position > 0 and self.ends_inside_a_name(state.place, node[position])
            if inside and row.claim in _OF_FILES:
                continue
            if row.joined and position > 0:
                joined = self.base(state.place, node[1])
            far = False
            if row.claim == "no-request-forgery":
                host, slash, _ = self.host(state.place, node[1 : 1 + position])
                if slash:
                    continue
                far = host != ""
            yield state.within(one, "put into a text", joined=joined, far=far)

    def begins(self, row: Sink, place: Place, node: int, depth: int = 0) -> bool:
        """A text whose first part is this one begins as the row's verbs say."""
        given = self.program[place].nodes[node]
        if not row.verbs:
            return True
        if given[0] in (TEXT, JOIN) and depth < _DEEPEST_TEXT:
            parts = given[1:] if given[0] == JOIN else given[1:2]
            return any(self.begins(row, place, one, depth + 1) for one in parts if one != node)
        first = str(given[1]).split(maxsplit=1)[:1] if given[0] == CONST else []
        return bool(first) and first[0].upper() in row.verbs

    def host(self, place: Place, parts: Node) -> tuple[str, str, str]:
        """What stands in front of a value in an address: the host, the slash that ends it, and
        the rest. Behind the slash no other host can be named."""
        nodes = self.program[place].nodes
        front = ""
        for one in parts:
            text = nodes[one][1] if nodes[one][0] == CONST else "value"
            front += _before_values(str(text))
            if front.endswith(_CUT):
                break
        return front.removesuffix(_CUT).rpartition("://")[2].partition("/")

    def ends_inside_a_name(self, place: Place, node: int) -> bool:
        """A constant behind which `../` leads nowhere: no folder is named as it ends."""
        given = self.program[place].nodes[node]
        if given[0] != CONST or not isinstance(given[1], str):
            return False
        return _before_values(given[1]).removesuffix(_CUT)[-1:] not in ("", "/", "\\")

    def _fixed(self, place: Place, node: int) -> bool:
        """A name that begins so is found in one package: also behind a dot, in the one named."""
        value = self.program[place].nodes[node]
        return value[0] == CONST and isinstance(value[1], str) and value[1] != ""

    def base(self, place: Place, node: int) -> int:
        """Whose a base is: made of parameters other than `self`, or not."""
        nodes = self.program[place].nodes
        leaves = self.values.leaves(place, node)
        method = self.program.owner(place) is not None
        own = not leaves
        for one in leaves:
            given = nodes[one if isinstance(one, int) else one[0]]
            if given[0] == PARAM:
                if given[1] or not method:
                    return BEHIND_GIVEN
                own = True
        return BEHIND_OWN if own else BEHIND_GIVEN

    def has_no_slash(self, row: Sink, state: State, item: Node) -> bool:
        """The first or last element of what `split("/")` answers: one name, for a path."""
        if row.claim != "no-path-traversal":
            return False
        nodes = self.program[state.place].nodes
        call, key = nodes[item[1]], nodes[item[2]]
        if call[0] != CALL or nodes[call[1]][0] != ATTR or not call[2] or key[0] != CONST:
            return False
        splits = nodes[call[1]][2] in ("split", "rsplit") and key[1] in (0, -1)
        return splits and nodes[call[2][0]] == (CONST, "/")

    def formats_inside_a_name(self, row: Sink, place: Place, call: Node) -> bool:
        """A call of `format` whose text begins with a constant behind which `../` leads nowhere."""
        callee = self.program[place].nodes[call[1]]
        named = callee[0] == ATTR and self.ends_inside_a_name(place, callee[1])
        return named and row.claim in _OF_FILES


def _before_values(text: str) -> str:
    """Of a format what stands in front of its first value, and `_CUT` where it has one."""
    at = min((at for at in map(text.find, "%{") if at >= 0), default=-1)
    return text if at < 0 else text[:at] + _CUT

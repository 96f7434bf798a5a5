"""What a Python file does with its values: functions as nodes in static single assignment.

A function is a list of nodes, each a tuple that begins with its operation and names its operands
by index. Control is a chain of conditions: where a call stands under chain `c`, every condition
from `c` up to the root holds when it is reached. That is the three-address form the taint search
walks; nothing here knows what is dangerous.
"""

from typing import Any

from msgspec import Struct

# Operations. Operands are node indices unless another type is named.
PARAM = 0  # position: int
CONST = 1  # value: a constant, or None where it is too long to matter
NAME = 2  # name: str, looked up in the enclosing functions, the module, then the built-ins
ATTR = 3  # base, name: str
ITEM = 4  # base, key
CALL = 5  # callee, arguments: tuple, keywords: tuple of (str | None, node)
JOIN = 6  # alternatives...: after a branch, `or`, a conditional expression, a container's content
TEXT = 7  # parts...: an f-string, a concatenation, a `%` format
PACK = 8  # elements...: a list, tuple, set or dict display
EACH = 9  # container: one of its elements
COMPARE = 10  # operator: str, left, right
BOTH = 11  # operands...: `and`
EITHER = 12  # operands...: `or`
NOT = 13  # operand
FUNCTION = 14  # index of a function of the same file: int
OTHER = 15  # operands...: anything else
STAR = 16  # iterable: `*arguments`
MATH = 17  # operator: str, left, right
CAUGHT = 18  # name: str of the exception's class
PART = 19  # tuple, position: int: what unpacking gives a target
HANDED = -2  # in place of the position: what a call has a function called with, that it is given

OPERATIONS = [
    "param",
    "const",
    "name",
    "attr",
    "item",
    "call",
    "join",
    "text",
    "pack",
    "each",
    "compare",
    "both",
    "either",
    "not",
    "function",
    "other",
    "star",
    "math",
    "caught",
    "part",
]

HOLDS, FAILS, RETURNS = 1, 0, 2  # what a link of a control chain says of its condition
WAY = 3  # the mask of those three
PARTLY = 4  # added to one of these: on some of the ways here, not on all

COLUMN_BITS = 12  # a place is line << COLUMN_BITS | column, as `ast` counts them
LAST_COLUMN = (1 << COLUMN_BITS) - 1


def at_line(said: str, place: int) -> str:
    """Words on a condition or call, as a finding shows them: with the line of their place."""
    return f"{said} (line {place >> COLUMN_BITS})"


Node = tuple[Any, ...]


class Loop(Struct, gc=False):
    """A `while`: its nodes, exits and raises are those from the first number to before the last.

    `test` is the condition's node, `endless` says that it is a true constant, `link` the control
    link around the loop, `breaks` are the links of each `break`.
    """

    test: int
    endless: bool
    link: int
    nodes: tuple[int, int]
    exits: tuple[int, int]
    raises: tuple[int, int]
    breaks: tuple[int, ...]


class Function(Struct, gc=False):
    """One function, or the body of a class or module (`kind`), as nodes.

    `places[i]` is line << COLUMN_BITS | column of node i. `controls` are the
    links (condition node, HOLDS | FAILS | RETURNS, parent link or -1); `under` maps a call's node
    to the link it stands under. `exits` are (value node or -1, link) of each `return` and `yield`,
    `raises` the links of each `raise`, `stores` are (base node, attribute, value node, link).
    `names` gives, for each local name, every node it is ever bound to. `fills` are (base node, key
    node, value node) of each `base[key] = value`, `compares` the nodes of comparisons by `==`,
    `!=`, `in` and `not in` of which neither side is a constant, `loops` every `while` (see Loop).
    `injected` are the names of the calls in the parameters' defaults and annotations, and of what
    those are given: `Depends`, `current_user`. `provided` says of a parameter which function a
    framework calls for its value: that in `Depends(current_user)`.
    """

    name: str
    kind: str
    line: int
    parent: int
    parameters: tuple[str, ...] = ()
    first_keyword: int = 0
    variadic: str = ""
    keywords: str = ""
    annotations: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    returns: str = ""
    decorators: tuple[int, ...] = ()
    bases: tuple[int, ...] = ()
    nodes: list[Any] = []
    places: list[int] = []
    controls: list[Any] = []
    under: dict[int, Any] = {}
    exits: list[Any] = []
    raises: list[int] = []
    stores: list[Any] = []
    names: dict[str, list[int]] = {}
    fills: list[tuple[int, int, int]] = []
    compares: list[int] = []
    loops: list[Loop] = []
    injected: tuple[str, ...] = ()
    provided: dict[str, str] = {}


class Module(Struct, gc=False):
    """One file: its functions (the first is the module's own body) and what its names mean.

    `shipped` is false for what only the project itself runs: its tests, examples, documentation.
    """

    name: str
    path: str
    functions: list[Function]
    imports: dict[str, str]
    shipped: bool = True


def operands(node: Node) -> tuple[int, ...]:
    """The nodes that a node is made of."""
    kind = node[0]
    if kind == CALL:
        return (node[1], *node[2], *(pair[1] for pair in node[3]))
    if kind in _LEAVES:
        return ()
    if kind in (ATTR, PART):
        return (node[1],)
    if kind in (COMPARE, MATH):
        return (node[2], node[3])
    return tuple(node[1:])


_LEAVES = frozenset((PARAM, CONST, NAME, FUNCTION, CAUGHT))

"""What a function writes to a file before it loads it: an upload is kept, and then unpickled.

What is in a file is somebody else's where they sent it, whoever chose its name.
"""

from collections.abc import Iterator

from probatum.taint.flow import ATTR, CALL, CONST, JOIN, Function
from probatum.taint.program import Place, Program

CLAIMS = frozenset({"no-unsafe-deserialization"})

_WHOLE = ("write_bytes", "write_text")
_OPENING = ("open", "NamedTemporaryFile", "TemporaryFile")


def written(program: Program, place: Place, file: int, before: int) -> Iterator[int]:
    """The values that are written to a file, by calls above the node `before`.

    `file` is the value of its name, or of the opened file.
    """
    function = program[place]
    nodes = function.nodes
    given = nodes[file]
    if given[0] == CALL and given[2] and program.short(place, given[1]) in _OPENING:
        file = given[2][0]
    names = set(_same(function, file, before))
    for at, call in enumerate(nodes[:before]):
        if call[0] != CALL or not call[2]:
            continue
        short = program.short(place, call[1])
        callee = nodes[call[1]]
        receiver = callee[1] if callee[0] == ATTR else -1
        if short in _WHOLE and receiver in names:
            yield call[2][0]
        elif short == "write" and _opened(program, place, receiver) in names:
            yield call[2][0]
        elif short == "copyfileobj" and _opened(program, place, *call[2][1:2]) in names:
            yield call[2][0]
        elif short == "save" and receiver >= 0 and call[2][0] in names:
            yield receiver
        elif short == "urlretrieve" and not names.isdisjoint(call[2][1:2]):
            yield at


def _same(function: Function, node: int, before: int) -> Iterator[int]:
    """The node, and those of the same text."""
    yield node
    given = function.nodes[node]
    if given[0] == CONST and isinstance(given[1], str):
        yield from (at for at, one in enumerate(function.nodes[:before]) if one == given)


def _opened(program: Program, place: Place, file: int = -1) -> int:
    """The name of the file that an object was opened by; -1 where that is not known."""
    nodes = program[place].nodes
    while file >= 0 and nodes[file][0] == JOIN and nodes[file][1] < file:  # after each writing
        file = nodes[file][1]
    given = nodes[file] if file >= 0 else (CONST, None)
    opening = given[0] == CALL and given[2] and program.short(place, given[1]) in _OPENING
    return given[2][0] if opening else -1

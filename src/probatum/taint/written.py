"""What a function writes to a file before it loads it: an upload is kept, and then unpickled.

What is in a file is somebody else's where they sent it, whoever chose its name.
"""

from collections.abc import Iterator

from probatum.taint.flow import ATTR, CALL, CONST, Function
from probatum.taint.program import Place
from probatum.taint.values import Values

CLAIMS = frozenset({"no-unsafe-deserialization"})

_WHOLE = ("write_bytes", "write_text")
_OPENING = ("open", "NamedTemporaryFile", "TemporaryFile")


def written(values: Values, place: Place, file: int, before: int) -> Iterator[int]:
    """The values that are written to a file, by calls above the node `before`.

    `file` is the value of its name, or of the opened file.
    """
    function = values.program[place]
    opened = _opened(values, place, file)
    names = set(_same(function, opened if opened >= 0 else file, before))
    for at, call in enumerate(function.nodes[:before]):
        if call[0] == CALL and call[2]:
            value, name = _writing(values, place, at)
            if name in names:
                yield value


def _same(function: Function, node: int, before: int) -> Iterator[int]:
    """The node, and those of the same text."""
    yield node
    given = function.nodes[node]
    if given[0] == CONST and isinstance(given[1], str):
        yield from (at for at, one in enumerate(function.nodes[:before]) if one == given)


def _writing(values: Values, place: Place, at: int) -> tuple[int, int]:
    """The value that a call writes, and the name of the file; both -1 if it writes nothing."""
    nodes = values.program[place].nodes
    _, callee, given, _ = nodes[at]
    first, second = (*given, -1)[:2]
    short = values.program.short(place, callee)
    receiver = nodes[callee][1] if nodes[callee][0] == ATTR else -1
    if short in _WHOLE:
        return first, receiver
    if short == "save" and receiver >= 0:
        return receiver, first
    if short == "urlretrieve":
        return at, second
    if short in ("write", "copyfileobj"):
        return first, _opened(values, place, receiver if short == "write" else second)
    return -1, -1


def _opened(values: Values, place: Place, file: int) -> int:
    """The name of the file that an object was opened by; -1 where that is not known."""
    made = values.before_writing(place, file) if file >= 0 else (CONST,)
    if made[0] != CALL or not made[2]:
        return -1
    _, callee, given, _ = made
    return int(given[0]) if values.program.short(place, callee) in _OPENING else -1

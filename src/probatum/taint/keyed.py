"""Keys and fields: which part of an object a value was taken out of, and what was put there.

A dictionary or record that passes several functions would else give each of its values for any
other: what stands under one key came from outside, and what is read is under another.
"""

from collections.abc import Iterator

from probatum.taint.flow import ATTR, CONST, ITEM, NAME, Function, Node
from probatum.taint.program import Meaning, Place, Program
from probatum.taint.rules import Sink, sinks
from probatum.taint.states import KEYS

Wanted = tuple[str | None, ...]

_TAKING = ("get", "pop")
_KEEPING = ("deepcopy", "copy", "dict")
_TABLES = ("dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "OrderedDict")

NOT_KEPT, LOOKED_UP = 1, 2  # a key: what comes out is not made of it; or is what others keep there


def taken(function: Function, node: Node, wanted: Wanted) -> Wanted:
    """What is wanted of the object that an item or attribute is taken of."""
    if node[0] == ATTR:
        return node[2], *wanted
    key = function.nodes[node[2] if node[0] == ITEM else node[2][0]]
    return (key[1] if key[0] == CONST and isinstance(key[1], str) else None), *wanted


def of_receiver(function: Function, call: Node, short: str, part: int, wanted: Wanted) -> Wanted:
    """What is wanted of the object whose method is called."""
    if short in _TAKING and call[2]:
        return taken(function, call, wanted)
    if short == "copy" and not call[2]:
        return wanted
    if short == "keys" or (short == "items" and part == 0):
        return (KEYS,)
    return (None,) if short == "values" or (short == "items" and part == 1) else ()


def of_arguments(call: Node, short: str, wanted: Wanted) -> list[tuple[int, Wanted]] | None:
    """The arguments that what is wanted of a call's answer is made of; None where all may be."""
    if short not in _KEEPING:
        return None
    named = [value for keyword, value in call[3] if wanted and keyword == wanted[0]]
    if named:
        return [(value, wanted[1:]) for value in named]
    merged = [value for keyword, value in call[3] if keyword is None]
    return [(value, wanted) for value in (*call[2], *merged)]


def asked(program: Program, place: Place, call: Node, short: str, named: bool) -> int:
    """What the first argument is to a call that takes something out of an object by it.

    `named`: what comes out matters as a name or address, which no key decides; 0 for no key.
    """
    nodes = program[place].nodes
    callee = nodes[call[1]]
    if callee[0] != ATTR or short not in _TAKING or not call[2]:
        return 0
    if nodes[callee[1]][0] == NAME and not any(program.values(place, nodes[callee[1]][1])):
        return 0  # a function of a module
    said = program.type_of(place, callee[1]).partition("[")[0].rpartition(".")[2]
    return NOT_KEPT if named or said in _TABLES else LOOKED_UP


def of_sink(row: Sink, call: Node, short: str, meanings: list[Meaning]) -> list[tuple[int, Wanted]]:
    """The arguments that matter of a call that is a sink itself: `urlopen(Request(address))`.

    Its row says which they are; empty where none says it.
    """
    outside = {one.outside for one in meanings}
    for one in sinks().get(short, ()):
        if one.claim == row.claim == "no-request-forgery" and outside & {*one.calls}:
            found = [value for name, value in call[3] if name in one.arguments]
            for at in one.arguments:
                found += call[2][at : at + 1] if isinstance(at, int) else ()
            return [(value, ()) for value in found]
    return []


def of_display(function: Function, node: Node, wanted: Wanted) -> list[tuple[int, Wanted]] | None:
    """The values of a dictionary's display that are wanted; None where all may be.

    What keys are asked of is a dictionary. Of one with `**` the display does not say which keys.
    """
    half, odd = divmod(len(node) - 1, 2)
    keys, values = node[1 : 1 + half], node[1 + half :]
    if odd or not half or not wanted or wanted[0] is None:
        return None
    if not all(function.nodes[key][0] == CONST for key in keys):
        return [(key, ()) for key in keys] if wanted[0] == KEYS and half == 1 else None
    if wanted[0] == KEYS:
        return []
    pairs = zip(keys, values, strict=True)
    return [(value, wanted[1:]) for key, value in pairs if function.nodes[key][1] == wanted[0]]


def of_fill(function: Function, value: int, wanted: Wanted, old: int = -1) -> Wanted | None:
    """What is wanted of a value that was put into a container; None where it is under another key.

    `old` is what the container was before, where that is known.
    """
    for base, key, filled in function.fills if wanted else ():
        if filled != value or old not in (-1, base):
            continue
        given = function.nodes[key]
        if given[0] == CONST and isinstance(given[1], str) and wanted[0] is not None:
            return wanted[1:] if given[1] == wanted[0] else None
        return wanted[1:]
    return ()


def is_filled(function: Function, value: int) -> bool:
    """The value was put into a container under a key."""
    return any(filled == value for _, _, filled in function.fills)


def of_keywords(
    keywords: tuple[tuple[str | None, int], ...], named: tuple[str, ...], wanted: Wanted
) -> Iterator[tuple[int, Wanted]]:
    """What a call gives to `**keywords`, as far as it is wanted."""
    for keyword, value in keywords:
        if keyword is None:
            yield value, wanted
        elif keyword not in named and (not wanted or wanted[0] in (None, keyword)):
            yield value, wanted[1:]


def of_record(
    program: Program, place: Place, call: Node, wanted: Wanted
) -> Iterator[tuple[int, Wanted]]:
    """The keyword of a record's constructor that a wanted field is filled by."""
    for meaning in program.meanings(place, call[1]) if wanted else ():
        cls = meaning.function
        if cls is None or program[cls].kind != "class" or "__init__" in program.members[cls]:
            continue
        for keyword, value in call[3]:
            if keyword == wanted[0]:
                yield value, wanted[1:]

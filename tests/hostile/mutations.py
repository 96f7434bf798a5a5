"""Seeded mutants of live samples: other bytes for the same effect.

Each mutation rewrites the instructions of a stream so that a correct unpickler still comes to the
same call. The oracle has the last word: a mutant that is not live is thrown away.
"""

import datetime
import pickle
import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hostile.assembler import Instruction, disassembled, encode
from hostile.samples import Sample

Code = list[Instruction]

STRINGS = ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
INTEGERS = {
    "INT": range(-(2**31), 2**31),
    "LONG": range(-(2**31), 2**31),
    "BININT": range(-(2**31), 2**31),
    "BININT1": range(256),
    "BININT2": range(65536),
    "LONG1": range(-(2**31), 2**31),
    "LONG4": range(-(2**31), 2**31),
}
PUSHES = frozenset({*STRINGS, *INTEGERS, "NONE", "NEWTRUE", "NEWFALSE", "GLOBAL", "STACK_GLOBAL"})


def mutants(samples: Iterable[Sample], seed: int, count: int) -> Iterator[Sample]:
    """`count` mutants of the samples, the same for the same seed."""
    rng = random.Random(seed)
    parents = [one for one in samples if one.kind == "pickle" and _well_formed(one.data)]
    for number in range(count):
        yield mutant(rng.choice(parents), rng, number)


def mutant(parent: Sample, rng: random.Random, number: int) -> Sample:
    """The parent after one to six mutations."""
    code = disassembled(parent.data, parent.offset)
    names = []
    for mutate in rng.choices(MUTATIONS, k=rng.randint(1, 6)):
        code = mutate(code, rng)
        names.append(mutate.__name__.strip("_"))
    program = encode(code)
    return replace(
        parent,
        name=f"mutant-{number}/{'+'.join(names)}/{parent.name}",
        data=program.data,
        family="mutant",
        offset=program.labels.get("fire"),
    )


def _well_formed(data: bytes) -> bool:
    try:
        code = disassembled(data)
    except Exception:
        return False
    # Raw arguments that only C reads are lost in the text; such samples are their own variants.
    return encode(code).data == data


def _reencoded(code: Code, rng: random.Random) -> Code:
    """Strings and integers by other opcodes of the same meaning."""
    return [_other(one, rng) if rng.random() < 0.5 else one for one in code]


def _other(one: Instruction, rng: random.Random) -> Instruction:
    if one.name in STRINGS:
        short = len(one.args[0].encode("utf-8", "surrogatepass")) < 256
        return replace(one, name=rng.choice([n for n in STRINGS if short or n[:5] != "SHORT"]))
    if one.name in INTEGERS and type(one.args[0]) is int:
        fits = [name for name, span in INTEGERS.items() if one.args[0] in span]
        return replace(one, name=rng.choice(fits)) if fits else one
    return one


def _padded(code: Code, rng: random.Random) -> Code:
    """Instructions that leave the stack as it was, at random places."""
    return _between(code, rng, lambda: rng.choice(_PADDING))


_PADDING = (
    [Instruction("NONE"), Instruction("POP")],
    [Instruction("MARK"), Instruction("POP")],
    [Instruction("MARK"), Instruction("NONE"), Instruction("NEWTRUE"), Instruction("POP_MARK")],
    [Instruction("EMPTY_LIST"), Instruction("DUP"), Instruction("POP"), Instruction("POP")],
    [Instruction("EMPTY_DICT"), Instruction("POP")],
    [Instruction("MARK"), Instruction("MARK"), Instruction("POP_MARK"), Instruction("POP_MARK")],
    [Instruction("MARK"), Instruction("TUPLE"), Instruction("POP")],
    [Instruction("BINFLOAT", (1.5,)), Instruction("POP")],
    [Instruction("GLOBAL", ("collections", "OrderedDict")), Instruction("POP")],
)


def _through_memo(code: Code, rng: random.Random) -> Code:
    """Values put away and fetched again, by any of the opcodes."""
    if any(one.name == "MEMOIZE" for one in code):
        return code
    found: Code = []
    for one in code:
        found.append(one)
        if one.name in PUSHES and rng.random() < 0.4:
            slot = rng.randrange(10_000, 60_000)
            put, get = rng.choice([("PUT", "GET"), ("LONG_BINPUT", "LONG_BINGET")])
            found += [Instruction(put, (slot,)), Instruction("POP"), Instruction(get, (slot,))]
    return found


def _duplicated(code: Code, rng: random.Random) -> Code:
    """Values doubled and dropped again."""
    found: Code = []
    for one in code:
        found.append(one)
        if one.name in PUSHES and rng.random() < 0.3:
            found += [Instruction("DUP"), Instruction("POP")]
    return found


def _globals_from_strings(code: Code, rng: random.Random) -> Code:
    """GLOBAL written as two strings and STACK_GLOBAL."""
    found: Code = []
    for one in code:
        if one.name == "GLOBAL" and "." not in one.args[1]:
            found += [Instruction(rng.choice(STRINGS), (text,)) for text in one.args]
            found.append(Instruction("STACK_GLOBAL", label=one.label))
        else:
            found.append(one)
    return found


def _framed(code: Code, rng: random.Random) -> Code:
    """Frames around random stretches."""
    if any(one.name in {"FRAME", "END"} for one in code):
        return code
    cuts = sorted(rng.sample(range(len(code)), min(4, len(code))))
    found: Code = []
    for index, one in enumerate(code):
        if index in cuts[::2]:
            found.append(Instruction("FRAME"))
        if index in cuts[1::2]:
            found.append(Instruction("END"))
        found.append(one)
    return found


def _in_a_container(code: Code, rng: random.Random) -> Code:
    """The value as an element of a list, a dict or a tuple."""
    before, after = rng.choice(_CONTAINERS)
    at = _start(code)
    return [*code[:at], *before, *code[at:-1], *after, code[-1]]


_CONTAINERS: tuple[tuple[Code, Code], ...] = (
    ([Instruction("EMPTY_LIST")], [Instruction("APPEND")]),
    ([Instruction("EMPTY_LIST"), Instruction("MARK")], [Instruction("APPENDS")]),
    ([Instruction("MARK")], [Instruction("LIST")]),
    ([Instruction("MARK")], [Instruction("TUPLE")]),
    ([Instruction("EMPTY_DICT"), Instruction("NONE")], [Instruction("SETITEM")]),
    ([Instruction("MARK"), Instruction("NONE")], [Instruction("DICT")]),
    ([], [Instruction("POP"), Instruction("NONE")]),
)


def _in_honest_data(code: Code, rng: random.Random) -> Code:
    """The whole program inside an honest pickle, its value thrown away."""
    host = disassembled(pickle.dumps(rng.choice(_HONEST), 2))
    places = [index for index, one in enumerate(host) if index and one.name != "PROTO"]
    at = rng.choice(places)
    if any(one.name == "MEMOIZE" for one in code) or code[0].args in ((4,), (5,)):
        return code
    own = [_moved(one) for one in code[_start(code) : -1]]
    return [*code[: _start(code)], *host[1:at], *own, Instruction("POP"), *host[at:]]


_HONEST: tuple[Any, ...] = (
    {"weights": [0.5, 1.5], "name": "model", "shape": (2, 1), "bias": None},
    OrderedDict(layer=[1, 2, 3], other={"a": b"bytes"}),
    [datetime.datetime(2020, 1, 1), Decimal("1.5"), {1, 2, 3}],
    Counter("probatum"),
    [[i, str(i), float(i)] for i in range(40)],
)


def _moved(one: Instruction) -> Instruction:
    """Memo slots moved out of the way of the host's."""
    if one.name in {"GET", "PUT", "BINGET", "BINPUT", "LONG_BINGET", "LONG_BINPUT"}:
        long = {"BINGET": "LONG_BINGET", "BINPUT": "LONG_BINPUT"}.get(one.name, one.name)
        return replace(one, name=long, args=(one.args[0] + 100_000,))
    return one


def _between(code: Code, rng: random.Random, made: Callable[[], Code]) -> Code:
    found: Code = []
    for index, one in enumerate(code):
        if index >= _start(code) and rng.random() < 0.3:
            found += made()
        found.append(one)
    return found


def _start(code: Code) -> int:
    return 1 if code[0].name == "PROTO" else 0


MUTATIONS: tuple[Callable[[Code, random.Random], Code], ...] = (
    _reencoded,
    _padded,
    _through_memo,
    _duplicated,
    _globals_from_strings,
    _framed,
    _in_a_container,
    _in_honest_data,
)

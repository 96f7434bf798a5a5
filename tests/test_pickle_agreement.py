"""What the prover says a stream imports is what CPython's own unpicklers import.

Only streams that were proven are loaded here, so what they can do is known; a recorded name that
the certificate does not list, or another order, would show that the machine reads other opcodes
than an unpickler does.
"""

import _pickle
import collections
import datetime
import decimal
import io
import pickle
import pickletools
import random
import warnings
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from typing import Any

import pytest

from certificate_laws import check, verdict_on
from probatum.analyzers.model.pickle_load import pickle_load
from probatum.formats import effects
from probatum.vocabulary import Proven

_INSERTED = (
    *(bytes([op]) for op in b"(tldeusa012)]}N\x85\x86\x87Rb\x81\x93o\x94\x8f\x90\x91\x88\x92"),
    *(b"K\x01", b"h\x00", b"h\x01", b"h\x02", b"q\x01", b"\x80\x02", b"\x80\x04", b"\x8c\x01a"),
    *(b"ccollections\nOrderedDict\n", b"cbuiltins\nlist\n", b"icollections\nOrderedDict\n"),
    *(b"I01\n", b"I5\n", b"S'ab'\n", b"Vab\n", b"p3\n", b"g3\n", b"F1.5\n", b"L5L\n"),
    *(b"c__builtin__\nset\n", b"ccopy_reg\n_reconstructor\n"),
    b"\x8c\x0bcollections\x8c\x0bOrderedDict\x93",
)
_LEAVES = (
    *(None, True, 0, 255, 65535, -1, 2**31, 2**80, 1.5, 1j, "", "a", "append", "__setstate__"),
    *("é", "x" * 300, "os", b"", b"abc", b"z" * 300, bytearray(b"q"), range(3)),
    *(datetime.date(2026, 1, 1), decimal.Decimal("1.5"), collections.OrderedDict, list, set),
)


class _FromC(_pickle.Unpickler):
    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.seen: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        self.seen.append(_canonical(module, name))
        return super().find_class(module, name)


class _FromPython(pickle._Unpickler):  # type: ignore[misc,name-defined]
    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.seen: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        self.seen.append(_canonical(module, name))
        return super().find_class(module, name)


def _canonical(module: str, name: str) -> str:
    mapped = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    for full in (f"{module}:{name}", ":".join(mapped)):
        row = effects.row(full)
        if row is not None:
            return row.name
    return f"unlisted {module}:{name}"


_READERS: tuple[tuple[Any, Callable[[bytes], Any]], ...] = (
    (_FromC, io.BytesIO),
    (_FromC, lambda data: io.BufferedReader(io.BytesIO(data))),  # type: ignore[arg-type]
    (_FromPython, io.BytesIO),
)


@pytest.mark.parametrize("seed", range(4))
def test_unpicklers_import_what_the_certificate_lists(seed: int) -> None:
    chance = random.Random(seed)
    proven = 0
    for _ in range(700):
        data = pickle.dumps(_value(chance, 3), chance.randrange(6))
        if chance.random() < 0.9:
            data = _mutated(chance, data)
        verdict = verdict_on(pickle_load, data, "pickle")
        if not isinstance(verdict, Proven):
            continue
        proven += 1
        check(verdict.certificate, data)
        streams = verdict.certificate.facts["streams"]
        if len(streams) == 1:
            listed = [effect[3] for effect in streams[0]["effects"] if effect[2] == "import"]
            _assert_imports(data, listed)
    assert proven > 100


def _assert_imports(data: bytes, listed: list[str]) -> None:
    for unpickler, opened in _READERS:
        one = unpickler(opened(data))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                one.load()
        except Exception:
            assert one.seen == listed[: len(one.seen)], data
        else:
            assert one.seen == listed, data


def _value(chance: random.Random, depth: int) -> Any:
    if not depth or chance.random() < 0.3:
        return chance.choice(_LEAVES)
    items = [_value(chance, depth - 1) for _ in range(chance.randrange(5))]
    return chance.choice(
        (
            items,
            tuple(items),
            {str(index): item for index, item in enumerate(items)},
            collections.OrderedDict((index, item) for index, item in enumerate(items)),
            collections.defaultdict(list, enumerate(items)),
            collections.deque(items),
            set(range(len(items))),
        )
    )


def _mutated(chance: random.Random, data: bytes) -> bytes:
    starts = [at for _, _, at in pickletools.genops(data)]  # type: ignore[misc]
    ends = [*starts[1:], len(data)]
    tokens = [data[start:end] for start, end in zip(starts, ends, strict=True)]
    for _ in range(chance.randrange(1, 5)):
        at, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.randrange(6):
            case 0:
                tokens.insert(at, chance.choice(_INSERTED))
            case 1 if len(tokens) > 2:
                del tokens[at]
            case 2:
                tokens[at] = chance.choice(_INSERTED)
            case 3:
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 4:
                tokens.insert(at, tokens[other])
            case _:
                tokens.insert(at, b"\x95" + chance.randrange(40).to_bytes(8, "little"))
    return b"".join(tokens)

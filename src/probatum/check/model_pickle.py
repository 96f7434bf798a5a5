"""Finds the tensors of a torch archive with the machine that checks pickles.

1. The archive is one that `torch_zip` takes: records, labels, a pickle of summarised steps. 2. What
the pickle makes is walked from its top: the keys, numbers and attributes on the way are the name.
3. Each tensor is made by a call that is known to add nothing. 4. None is made that is not met.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from probatum.check import torch_zip
from probatum.check.pickle_run import Run
from probatum.check.pickle_values import DictOf, Made, Named
from probatum.check.zip_members import zip_records
from probatum.errors import Rejected

Read = Callable[[int, int], bytes]
Found = tuple[str, str, tuple[int, ...], tuple[int, ...] | None, int, int, int]
"""Name, data type, sizes, steps between elements if they are not in order, the first byte, bytes of
an element, and of a part of it that is to be turned."""

_CALLS = {"torch._utils:_rebuild_tensor_v2": 6, "torch._utils:_rebuild_tensor_v3": 7}
_ADDS = {"torch._utils:_rebuild_parameter", "torch._utils:_rebuild_parameter_with_state"}
_NAMES = {
    "DoubleStorage": "F64 8", "FloatStorage": "F32 4", "HalfStorage": "F16 2",
    "LongStorage": "I64 8", "BFloat16Storage": "BF16 2", "IntStorage": "I32 4",
    "ShortStorage": "I16 2",
    "CharStorage": "I8 1", "ByteStorage": "U8 1", "BoolStorage": "BOOL 1",
    "ComplexDoubleStorage": "C128 16", "ComplexFloatStorage": "C64 8", "QUInt8Storage": "QU8 1",
    "QInt8Storage": "QI8 1", "QInt32Storage": "QI32 4",
    "torch:float8_e4m3fn": "F8_E4M3 1", "torch:float8_e5m2": "F8_E5M2 1",
    "torch:float8_e4m3fnuz": "F8_E4M3FNUZ 1", "torch:float8_e5m2fnuz": "F8_E5M2FNUZ 1",
    "torch:float8_e8m0fnu": "F8_E8M0 1", "torch:uint16": "U16 2", "torch:uint32": "U32 4",
    "torch:uint64": "U64 8", "torch:complex32": "C32 4",
}  # fmt: skip
_THROUGH = {"_parameters", "_buffers", "_modules"}
_MOST_STEPS = 4_000_000


def tensors(read: Read, size: int) -> Iterator[Found]:
    """The tensors by the way to them. Raises: Rejected."""
    exact = torch_zip.exact(read)
    members, _ = zip_records(exact, size, hashlib.sha256())
    _, records = torch_zip.below_root(members, exact, size)
    big = "big" in torch_zip.labels(records, exact)[1:]
    data = torch_zip.stored(records, "data.pkl", exact)
    run = Run(lambda at, length: data[at : at + length], 0, len(data), "torch")
    top = run.to_stop()
    storages = {id(made): (key, cls, count) for made, key, cls, count in run.storages}
    called = {at: name for at, _, how, name in run.effects if how == "call"}
    if any(
        "_rebuild_" in name and name not in _CALLS and name not in _ADDS for name in called.values()
    ):
        raise Rejected("3: a tensor that is made in another way")
    met = set()
    for way, made in _walked(top, storages):
        met.add(made.at)
        key, cls, count = storages[id(made.arguments[0])]
        plain = _CALLS.get(called.get(made.at, ""), 0)
        rest = made.arguments[1:]
        if not plain or any(rest[plain - 1 :]) or len(rest) < 3:
            raise Rejected("3: a tensor that is made in another way")
        yield _one(way, rest, cls, count, records.get(f"data/{key}"), big)
    if len(met) != len(run.views):
        raise Rejected("4: a tensor that is nowhere in what the pickle makes")


def _walked(top: Any, storages: dict[int, Any]) -> Iterator[tuple[str, Made]]:
    waiting: list[tuple[Any, tuple[str, ...], tuple[int, ...]]] = [(top, (), ())]
    for _ in range(_MOST_STEPS):
        if not waiting:
            return
        value, way, inside = waiting.pop()
        if isinstance(value, Made) and value.arguments and id(value.arguments[0]) in storages:
            yield ".".join(way) or "tensor", value
        elif id(value) not in inside and len(way) < 200 and isinstance(value, list | tuple):
            around = (*inside, id(value)) if isinstance(value, DictOf | Made) else inside
            steps = [(inner, (*way, *step), around) for step, inner in _steps(value)]
            waiting.extend(reversed(steps))
    raise Rejected("2: too many values")


def _steps(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, DictOf):
        for key, inner in zip(value[::2], value[1::2], strict=True):
            yield (_named(key),), inner
            yield ("@",), key
    elif isinstance(value, Made) and value.row.get("items") == "dict":
        rest = iter(value)
        for key in rest:
            if isinstance(key, list | tuple):  # what BUILD gave it
                yield ("@",), key
            else:
                yield (_named(key),), next(rest, None)
    elif isinstance(value, Made):
        for inner in value:
            if isinstance(inner, DictOf):
                for step, deeper in _steps(inner):
                    yield () if step[0] in _THROUGH else step, deeper
            else:
                yield (), inner
    else:
        for number, inner in enumerate(value):
            yield (str(number),), inner


def _named(key: Any) -> str:
    return str(key) if isinstance(key, str | int) else "?"


def _one(way: str, rest: Any, cls: str, count: int, record: Any, big: bool) -> Found:
    offset, shape, steps = rest[:3]
    said = [one.name for one in rest[3:] if isinstance(one, Named)]
    known = _NAMES.get(said[0] if said else cls.rpartition(":")[2])
    if known is None or len(said) > 1 or record is None or record[0]["method"] != 0:
        raise Rejected("3: a tensor of a type or place that is not read twice")
    dtype, _, wide = known.partition(" ")
    width = int(wide)
    whole = all(type(n) is int and n >= 0 for n in (offset, *shape, *steps))
    reach = offset + 1 + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    if not whole or (0 not in shape and reach * width > record[0]["size"]):
        raise Rejected("3: a tensor outside of its storage")
    turn = (width // 2 if dtype[0] == "C" else width) if big else 0
    in_order = _in_order(shape, steps)
    return way, dtype, shape, None if in_order else steps, record[1] + offset * width, width, turn


def _in_order(shape: tuple[int, ...], steps: tuple[int, ...]) -> bool:
    if 0 in shape:
        return True
    expected = 1
    for size, step in list(zip(shape, steps, strict=True))[::-1]:
        if size > 1 and step != expected:
            return False
        expected *= size
    return True

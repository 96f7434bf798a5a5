"""Compares what a torch pickle says of its storages with the bytes that are there for them.

A reader that trusts the pickle makes a storage of `count` elements over a record, and a tensor of
the offset, sizes and strides it names: what lies beyond a short record is somebody else's memory.
Source: torch/csrc/jit/python/init.cpp (get_storage_from_record), torch/csrc/jit/serialization/
unpickler.cpp (BINPERSID, rebuildTensor), torch/_utils.py.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from msgspec import Struct

import probatum.rules
from probatum.formats.pickle_findings import Run, Stored, View
from probatum.formats.pickle_values import Name, Value
from probatum.vocabulary import Reason

Room = Callable[[str], int | None]
"""The bytes there are for the storage of a key; None where there is no place for them."""


class Fault(Struct, frozen=True):
    """What is wrong at an offset of the pickle; `refutes` if it lies outside for certain."""

    offset: int
    says: str
    refutes: bool
    reason: Reason = Reason.UNRESOLVED


def faults(run: Run, room: Room) -> Iterator[Fault]:
    """What contradicts the bytes that are there, in the order of storages, then of tensors."""
    first: dict[str, Stored] = {}
    for one in run.storages:
        yield from _storage_faults(one, room)
        if (one.cls, one.count) != (first.setdefault(one.key, one).cls, first[one.key].count):
            says = f"storage {one.key!r} is named as two types or lengths: loaders take either"
            yield Fault(one.offset, says, False, Reason.PARSER_DIFFERENTIAL)
    for view in run.views:
        yield from _view_faults(view, run.storages[view.stored])


def _storage_faults(one: Stored, room: Room) -> Iterator[Fault]:
    width, there = widths()["storages"].get(one.cls), room(one.key)
    shown = one.cls.rpartition(":")[2]
    if there is None:
        yield Fault(one.offset, f"no uncompressed record holds storage {one.key!r}", False)
    elif width is None:
        yield Fault(one.offset, f"no element size is known for {shown}", False)
    elif one.count * width > there:
        says = (
            f"storage {one.key!r} is {one.count} elements of {shown}, {one.count * width} bytes, "
            f"over a record of {there}: reading it goes on into other memory"
        )
        yield Fault(one.offset, says, True)


def _view_faults(view: View, of: Stored) -> Iterator[Fault]:
    if view.arguments is None or len(view.arguments) < 3:
        yield Fault(view.offset, f"a call over storage {of.key!r} that is no plain tensor", False)
        return
    offset, sizes, strides = view.arguments[:3]
    whole = _integers(sizes) and _integers(strides) and len(sizes) == len(strides)
    if type(offset) is not int or not whole:
        yield Fault(view.offset, "a tensor whose sizes are no whole numbers", False)
        return
    width = _width(view.arguments, of)
    size = of.count * widths()["storages"].get(of.cls, 0)
    if width is None:
        yield Fault(view.offset, "a tensor of a type whose element size is not known", False)
    elif min((offset, *sizes, *strides)) < 0 or _end(offset, sizes, strides) * width > size:
        says = (
            f"a tensor of {list(sizes)} with strides {list(strides)} at element {offset} "
            f"reaches outside storage {of.key!r} of {size} bytes"
        )
        yield Fault(view.offset, says, True)


def _end(offset: int, sizes: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """The element after the last that a tensor touches."""
    if 0 in sizes:
        return 0
    return offset + 1 + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))


def _width(arguments: tuple[Value, ...], of: Stored) -> int | None:
    """Bytes of an element: `_rebuild_tensor_v3` alone is told a dtype, after the hooks."""
    named = [one for one in arguments[3:] if isinstance(one, Name)]
    if not named:
        return widths()["storages"].get(of.cls)
    module, _, name = named[0].name.partition(":")
    return widths()["dtypes"].get(name) if module == "torch" and len(named) == 1 else None


def _integers(value: Value) -> bool:
    return type(value) is tuple and all(type(n) is int for n in value)


@cache
def widths() -> dict[str, dict[str, int]]:
    """Bytes of an element, by storage class and by dtype (`rules/torch_storages.toml`)."""
    import tomllib  # only a torch archive needs it

    path = Path(probatum.rules.__file__).parent / "torch_storages.toml"
    return tomllib.loads(path.read_text("utf-8"))

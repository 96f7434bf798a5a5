"""The tensors of a torch archive, by following its pickle without loading it.

A tensor's name is the way to it: the keys of dictionaries, the numbers in lists, the attributes of
objects, joined by dots, as in the names of a state dict. Nothing is told of an archive whose
pickle takes a step that is not understood: there might be more, or others, behind it.

Sources: torch/_utils.py (_rebuild_tensor_v2, _rebuild_tensor_v3), torch/nn/modules/module.py,
torch/serialization.py (byteorder), torch 1.13 to 2.13.
"""

from collections.abc import Iterator
from math import prod

from probatum.comparison.tensors import Tensor, contiguous
from probatum.errors import FormatError
from probatum.formats import pickle_machine, torch_archive, torch_storages
from probatum.formats.pickle_findings import Run, Stored, View
from probatum.formats.pickle_values import Box, Instance, Name, Value, parts
from probatum.formats.torch_archive import Archive
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_LARGEST = 256 << 20
_MOST_VALUES = 4_000_000
_DEEPEST = 200
_REBUILT = {"torch._utils:_rebuild_tensor_v2": 6, "torch._utils:_rebuild_tensor_v3": 7}
"""What makes a tensor of a storage, and how many arguments it takes before the metadata."""
_PLAIN = frozenset({
    *_REBUILT, "torch._utils:_rebuild_parameter", "torch._utils:_rebuild_parameter_with_state",
})  # fmt: skip
# What a module keeps its parts in; their names are no part of a parameter's.
_KEPT_IN = frozenset({"_parameters", "_buffers", "_modules"})
_STORAGES = {
    "Double": "F64", "Float": "F32", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32",
    "Short": "I16", "Char": "I8", "Byte": "U8", "Bool": "BOOL", "ComplexDouble": "C128",
    "ComplexFloat": "C64", "QUInt8": "QU8", "QInt8": "QI8", "QInt32": "QI32",
}  # fmt: skip
_DTYPES = {
    "float64": "F64", "double": "F64", "float32": "F32", "float": "F32", "float16": "F16",
    "half": "F16", "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0", "complex128": "C128", "cdouble": "C128", "complex64": "C64",
    "cfloat": "C64", "complex32": "C32", "chalf": "C32", "int64": "I64", "long": "I64",
    "int32": "I32", "int": "I32", "int16": "I16", "short": "I16", "int8": "I8", "uint8": "U8",
    "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
}  # fmt: skip


def tensors(material: Material) -> Iterator[Tensor]:
    """The tensors, in the order of the pickle. Raises: FormatError where they cannot be told."""
    found = torch_archive.archive(material)
    swapped = "big" in torch_archive.labels(material, found.records)[1:]
    data = torch_archive.pickled(material, found.records, "data.pkl")
    if data.size > _LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"data.pkl is larger than {_LARGEST} bytes")
    run = pickle_machine.run(data.read, 0, data.size, "torch", material.beside)
    _demand_understood(run, data.size)
    for fault in torch_storages.faults(run, lambda key: _room(found, key)):
        raise FormatError(fault.reason, fault.says, Place(offset=fault.offset, part="data.pkl"))
    reader = _Reader(material, found, run, swapped)
    named = list(reader.walk(run.result))
    if missed := len(reader.views.keys() - reader.met):
        says = f"{missed} tensors of the pickle are nowhere in what it makes"
        raise FormatError(Reason.UNRESOLVED, says, Place(part="data.pkl"))
    yield from named


def _demand_understood(run: Run, size: int) -> None:
    if run.broken is not None:
        raise run.broken
    if run.refuted:
        one = run.refuted[0]
        says = f"loading it runs {one.name.replace(':', '.')}, so that anything may come of it"
        raise FormatError(Reason.UNRESOLVED, says, Place(offset=one.offset, part="data.pkl"))
    for problem in run.problems:
        place = Place(offset=problem.offset, part="data.pkl")
        raise FormatError(problem.reason, problem.detail, place)
    for step in run.effects:
        if step.how == "call" and "_rebuild_" in step.name and step.name not in _PLAIN:
            says = f"{step.name} makes a tensor of several others, or of none"
            raise FormatError(Reason.UNSUPPORTED, says, Place(offset=step.offset, part="data.pkl"))
    if run.end != size:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, "bytes follow the end of data.pkl")


def _room(found: Archive, key: str) -> int | None:
    one = found.records.get(f"data/{key}")
    return None if one is None or one.entry.method or one.entry.encrypted else one.entry.size


class _Reader:
    def __init__(self, material: Material, found: Archive, run: Run, swapped: bool) -> None:
        self._material = material
        self._found = found
        self._swapped = swapped
        self._storages = run.storages
        self._called = {one.offset: one.name for one in run.effects if one.how == "call"}
        self.views = {view.offset: view for view in run.views}
        self.met: set[int] = set()

    def walk(self, root: Value) -> Iterator[Tensor]:
        """Every tensor that is reached from `root`, under each of its names."""
        waiting: list[tuple[Value, tuple[str, ...], frozenset[int]]] = [(root, (), frozenset())]
        taken = 0
        while waiting:
            value, way, inside = waiting.pop()
            taken += 1  # not only tensors: lists that hold each other have ways without end
            if isinstance(value, Instance) and value.made in self.views:
                self.met.add(value.made)
                yield self._tensor(self.views[value.made], ".".join(way) or "tensor")
            elif id(value) not in inside and len(way) < _DEEPEST:
                around = inside | {id(value)} if isinstance(value, Box | Instance) else inside
                steps = [(one, (*way, *step), around) for step, one in _steps(value)]
                waiting += reversed(steps)
            if taken + len(waiting) > _MOST_VALUES:
                raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST_VALUES} values in it")

    def _tensor(self, view: View, name: str) -> Tensor:
        called, arguments = self._called.get(view.offset, ""), view.arguments or ()
        plain = _REBUILT.get(called, 0)
        if not plain or len(arguments) < 3 or any(arguments[plain - 1 :]):
            says = f"tensor {name!r} is made by {called or 'a call'} in a way that is not followed"
            raise FormatError(Reason.UNSUPPORTED, says, Place(offset=view.offset, part="data.pkl"))
        stored = self._storages[view.stored]
        dtype, width = _type(arguments, stored, name)
        offset, shape, strides = arguments[:3]
        return Tensor(
            name=name,
            dtype=dtype,
            shape=shape,
            material=self._material,
            start=self._found.records[f"data/{stored.key}"].data + offset * width,
            size=prod(shape) * width,
            width=width,
            strides=() if contiguous(shape, strides) else strides,
            swapped=(width // 2 if dtype.startswith("C") else width) if self._swapped else 0,
        )


def _type(arguments: tuple[Value, ...], stored: Stored, name: str) -> tuple[str, int]:
    """The name of the data type, and the bytes of an element."""
    widths = torch_storages.widths()
    said = [one.name for one in arguments[3:] if isinstance(one, Name)]
    if said:
        key = said[0].removeprefix("torch:")
        dtype, width = _DTYPES.get(key), widths["dtypes"].get(key)
    else:
        cls = stored.cls.rpartition(":")[2].removesuffix("Storage")
        dtype, width = _STORAGES.get(cls), widths["storages"].get(stored.cls)
    if dtype is None or width is None or len(said) > 1:
        says = f"the data type of tensor {name!r} is not known"
        raise FormatError(Reason.UNSUPPORTED, says, Place(offset=stored.offset, part="data.pkl"))
    return dtype, width


def _steps(value: Value) -> Iterator[tuple[tuple[str, ...], Value]]:
    """The values directly inside a value, each with the step that leads to it."""
    if isinstance(value, Box) and value.type == "dict" and not value.mixed:
        for key, one in zip(value.items[::2], value.items[1::2], strict=False):
            yield (_step(key),), one
            yield ("@",), key
    elif isinstance(value, Instance) and value.row.items == "dict":
        yield from _pairs(value.parts)
    elif isinstance(value, Instance):
        for one in value.parts:  # its arguments, which wrap, and its attributes
            if isinstance(one, Box) and one.type == "dict":
                yield from _attributes(one)
            else:
                yield (), one
    else:
        for number, one in enumerate(parts(value)):
            yield (str(number),), one


def _pairs(items: list[Value]) -> Iterator[tuple[tuple[str, ...], Value]]:
    """Keys and values in turn; what stands between is a state, whose parts are attributes."""
    waiting = iter(items)
    for key in waiting:
        if isinstance(key, Box | Instance | tuple):
            yield ("@",), key
        else:
            yield (_step(key),), next(waiting, None)


def _attributes(state: Box) -> Iterator[tuple[tuple[str, ...], Value]]:
    for step, one in _steps(state):
        yield () if step[0] in _KEPT_IN else step, one


def _step(key: Value) -> str:
    return str(key) if isinstance(key, str | int | float | bool) else "?"

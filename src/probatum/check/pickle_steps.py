"""What the steps of a pickle that touch named things do, where a summary admits them."""

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from typing import Any

from probatum.check.pickle_dtypes import dimensions, dtype_of
from probatum.check.pickle_loaders import torch_container, torch_storage
from probatum.check.pickle_slots import built_from, fits_any
from probatum.check.pickle_summaries import summary
from probatum.check.pickle_values import (
    ATOMS,
    BYTEARRAY,
    DictOf,
    FrozenOf,
    Made,
    Mixed,
    Named,
    Opaque,
    SetOf,
    hashable,
    mark_given,
)
from probatum.errors import Rejected

Own = Callable[[str], dict[str, Any]]
"""The row of a name whose module lies in the artifact's folder. Raises: Rejected."""


class Steps:
    """The stack, the memo, and what an admitted step does to them."""

    def __init__(self, loader: str, own: Own | None) -> None:
        self.loader = loader
        self.own = own
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.protocol = 0
        self.effects: list[list[Any]] = []
        self.last_use = -1
        self.storages: list[Any] = []  # (the instance, key, class, count) of each persistent id
        self.views: list[Any] = []  # (the storage's place, what follows it or None) of each call
        self.placed: dict[int, int] = {}

    def torch_bytes(self, op: int, row: dict[str, Any], content: Any, at: int) -> Any:
        """What a call of torch.load with bytes in the stream yields, for a run that reads them."""
        raise Rejected(f"4: no bytes that torch.load is followed into, at {at}")

    def to_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def step(self, at: int, op: int, how: str, row: dict[str, Any]) -> None:
        self.effects.append([at, _NAMES[op], how, row["names"][0]])
        passive = row.get("returns") in ATOMS or row["names"][0] == "numpy:dtype"
        if how in ("call", "new", "build") and not passive:
            self.last_use = at

    def find(self, module: str, name: str, op: int, at: int) -> Named:
        written = module, name
        if self.protocol < 3:
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[module, name]
            elif module in IMPORT_MAPPING:
                module = IMPORT_MAPPING[module]
        row = summary(f"{module}:{name}")
        if self.loader == "torchscript" and module.partition(".")[0] == "__torch__":
            row = {"names": [f"{module}:{name}"], "class": True, "new": [[]], "build": ["any"]}
        if row is None and self.own is not None and written == (module, name):
            row = self.own(f"{module}:{name}") if "." not in name else None
        if row is None or (self.protocol < 4 and "." in name):
            raise Rejected(f"4: no summary for the name at {at}")
        self.step(at, op, "import", row)
        return Named(f"{module}:{name}", row)

    def _stack_global(self, at: int) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise Rejected(f"4: the name at {at} is no constant")
        self.stack.append(self.find(module, name, 0x93, at))

    def _reduce(self, at: int) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        self.stack.append(self._call(0x52, called, arguments, at))

    def _call(self, op: int, called: Any, arguments: Any, at: int) -> Any:
        if not isinstance(called, Named) or type(arguments) is not tuple:
            raise Rejected(f"4: the call at {at} is not of a named thing with a tuple")
        row = called.row
        if called.name == "copyreg:__newobj__" and arguments:
            return self._new(op, arguments[0], arguments[1:], at)
        if called.name == _FROM_BYTES and len(arguments) == 1:
            return self.torch_bytes(op, row, arguments[0], at)
        if not fits_any(row.get("call"), arguments):
            raise Rejected(f"4: no summary admits the call at {at}")
        returns = row.get("returns", "")
        if returns == "new:0":
            cls = arguments[0]
            if not isinstance(cls, Named) or not cls.row.get("class"):
                raise Rejected(f"4: no class is instantiated at {at}")
            if [] not in cls.row.get("new", []):
                raise Rejected(f"4: no summary admits a bare instance at {at}")
        self.step(at, op, "call", row)
        mark_given(arguments)
        self._view(arguments)
        if returns == "new:0":
            return Made(arguments[0].row, (), at)
        return _returned(row, returns, arguments, at)

    def _new_object(self, at: int) -> None:
        arguments, cls = self.stack.pop(), self.stack.pop()
        self.stack.append(self._new(0x81, cls, arguments, at))

    def _new_object_keywords(self, at: int) -> None:
        keywords, arguments, cls = self.stack.pop(), self.stack.pop(), self.stack.pop()
        if type(keywords) is not DictOf or keywords:
            raise Rejected(f"4: keyword arguments at {at}")
        self.stack.append(self._new(0x92, cls, arguments, at))

    def _new(self, op: int, cls: Any, arguments: Any, at: int) -> Made:
        if not isinstance(cls, Named) or not cls.row.get("class") or type(arguments) is not tuple:
            raise Rejected(f"4: no class is instantiated at {at}")
        if not fits_any(cls.row.get("new"), arguments):
            raise Rejected(f"4: no summary admits the new instance at {at}")
        self.step(at, op, "new", cls.row)
        mark_given(arguments)
        return Made(cls.row, arguments, at)

    def instance(self, op: int, cls: Any, arguments: tuple[Any, ...], at: int) -> Any:
        if not arguments and isinstance(cls, Named) and cls.row.get("class"):
            return self._new(op, cls, (), at)
        return self._call(op, cls, arguments, at)

    def _object(self, at: int) -> None:
        items = self.to_mark()
        self.stack.append(self.instance(0x6F, items[0], tuple(items[1:]), at))

    def _build(self, at: int) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, Made) or target.built:
            raise Rejected(f"4: the state at {at} is not the first of an instance")
        admitted = target.row.get("build", ())
        if target.row["names"][0] == "numpy:dtype":
            if self.last_use <= target.at and "dtype-state" in admitted:
                target.dtype = dtype_of(target, state)
            if target.dtype is None:
                raise Rejected(f"4: not a state that numpy writes, at {at}")
        elif not built_from(target, state):
            raise Rejected(f"4: no summary admits the state at {at}")
        mark_given(state)
        target.append(state)
        target.built = True
        self.step(at, 0x62, "build", target.row)

    def _append(self, at: int) -> None:
        item = self.stack.pop()
        self._extend(0x61, [item], at)

    def _appends(self, at: int) -> None:
        items = self.to_mark()
        self._extend(0x65, items, at)

    def _extend(self, op: int, items: list[Any], at: int) -> None:
        target = self.stack[-1]
        if type(target) is list or (type(target) is Mixed and target.type == "list"):
            target += items
        elif target is not BYTEARRAY:
            self._fill(op, "list", target, items, at)

    def _set_item(self, at: int) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._assign(0x73, [key, value], at)

    def _set_items(self, at: int) -> None:
        items = self.to_mark()
        self._assign(0x75, items, at)

    def _assign(self, op: int, items: list[Any], at: int) -> None:
        target = self.stack[-1]
        if len(items) % 2:
            raise IndexError
        _must_hash(items[::2], at)
        if type(target) is DictOf and target.relied_on:
            raise Rejected(f"4: a dict that a built object relies on changes at {at}")
        if type(target) is DictOf or (type(target) is Mixed and target.type == "dict"):
            target += items
        else:
            self._fill(op, "dict", target, items, at)

    def _add_items(self, at: int) -> None:
        items = self.to_mark()
        target = self.stack[-1]
        _must_hash(items, at)
        if type(target) is SetOf or (type(target) is Mixed and target.type == "set"):
            target += items
        else:
            self._fill(0x90, "set", target, items, at)

    def _fill(self, op: int, kind: str, target: Any, items: list[Any], at: int) -> None:
        if not isinstance(target, Made) or target.row.get("items") != kind:
            raise Rejected(f"4: no summary admits the items at {at}")
        target += items
        self.step(at, op, "items", target.row)

    def _list(self, at: int) -> None:
        items = self.to_mark()
        self.stack.append(items)

    def _tuple(self, at: int) -> None:
        items = self.to_mark()
        self.stack.append(tuple(items))

    def _dict(self, at: int) -> None:
        items = self.to_mark()
        self.stack.append(DictOf())
        self._assign(0x64, items, at)

    def _frozenset(self, at: int) -> None:
        items = self.to_mark()
        _must_hash(items, at)
        self.stack.append(FrozenOf(items))

    def _persistent(self, at: int) -> None:
        key = self.stack.pop()
        layer = torch_container(key, self.loader)
        if layer is not None:
            self.step(at, 0x51, "source", layer.row)
            self.stack.append(layer)
            return
        row = torch_storage(key, self.loader)
        if row is None:
            raise Rejected(f"4: no storage that torch writes, at {at}")
        self.step(at, 0x51, "storage", row)
        self.stack.append(Made(row, (), at))
        self.placed[id(self.stack[-1])] = len(self.storages)
        self.storages.append((self.stack[-1], key[2], key[1].name, key[4]))

    def _view(self, arguments: tuple[Any, ...]) -> None:
        for index, value in enumerate(arguments):
            for part in value if type(value) is tuple else (value,):
                if id(part) in self.placed:
                    first = index == 0 and part is value
                    self.views.append((self.placed[id(part)], arguments[1:] if first else None))


_FROM_BYTES = "torch.storage:_load_from_bytes"


def _returned(row: dict[str, Any], returns: str, arguments: tuple[Any, ...], at: int) -> Any:
    """What an admitted call yields."""
    if returns == "arg:0":
        return arguments[0]
    if returns == "tuple":
        return arguments
    if returns == "opaque":
        return Opaque(arguments)
    if returns in ("list", "dict", "set", "frozenset"):
        parts = [part for whole in arguments if isinstance(whole, list | tuple) for part in whole]
        return Mixed(returns, parts)
    if returns in ATOMS:
        return ATOMS[returns]
    made = Made((summary(returns) or row) if returns else row, arguments, at)
    if returns == "numpy:ndarray":  # made with its dtype, it is whole, and never built again
        states = [part for part in arguments if type(part) is tuple and len(part) == 5]
        shape = states[0][1] if states else [*arguments, None, None, None][2]
        for argument in (*arguments, *(state[2] for state in states)):
            if isinstance(argument, Made) and argument.row is summary("numpy:dtype"):
                made.built, made.dtype = True, argument.dtype
                made.dimensions = dimensions(shape)
    return made


def _must_hash(keys: list[Any], at: int) -> None:
    for key in keys:
        if type(key) is not str and not hashable(key):
            raise Rejected(f"4: no summary for the hash of a key at {at}")


STEPS: dict[int, Callable[[Steps, int], None]] = {
    0x93: Steps._stack_global, 0x52: Steps._reduce, 0x81: Steps._new_object,
    0x92: Steps._new_object_keywords, 0x6F: Steps._object, 0x62: Steps._build,
    0x61: Steps._append, 0x65: Steps._appends, 0x73: Steps._set_item, 0x75: Steps._set_items,
    0x90: Steps._add_items, 0x6C: Steps._list, 0x74: Steps._tuple, 0x64: Steps._dict,
    0x91: Steps._frozenset, 0x51: Steps._persistent,
}  # fmt: skip
_NAMES = {
    0x63: "GLOBAL", 0x93: "STACK_GLOBAL", 0x69: "INST", 0x6F: "OBJ", 0x52: "REDUCE",
    0x81: "NEWOBJ", 0x92: "NEWOBJ_EX", 0x62: "BUILD", 0x61: "APPEND", 0x65: "APPENDS",
    0x73: "SETITEM", 0x75: "SETITEMS", 0x90: "ADDITEMS", 0x51: "BINPERSID", 0x64: "DICT",
}  # fmt: skip

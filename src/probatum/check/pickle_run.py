"""Step 4 of the pickle check: one pass of a stack machine that admits only summarised steps."""

import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from probatum.check.pickle_data import LENGTHS
from probatum.check.pickle_summaries import (
    ATOMS,
    BYTEARRAY,
    FLOAT,
    LONG_TEXT,
    NUMBER,
    VAGUE_TEXT,
    DictOf,
    FrozenOf,
    LongBytes,
    Made,
    Mixed,
    Named,
    Opaque,
    SetOf,
    built_from,
    dimensions,
    dtype_of,
    fits_any,
    hashable,
    joblib_array,
    mark_given,
    summary,
    torch_container,
    torch_storage,
)
from probatum.errors import Rejected

Read = Callable[[int, int], bytes]
Own = Callable[[str], dict[str, Any]]
"""The row of a name whose module lies in the artifact's folder. Raises: Rejected."""

_NO_FRAME = 1 << 63
_CONSTANTS = {0x4E: None, 0x88: True, 0x89: False, 0x29: ()}
_MAKERS: dict[int, Callable[[], Any]] = {0x5D: list, 0x7D: DictOf, 0x8F: SetOf}
_DECIMAL = re.compile(rb"-?(?:0|[1-9][0-9]{0,4000})L?\Z").match
_REAL = re.compile(rb"(?:-?[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|-?inf|nan)\Z").match


class Run:
    """One pass over the stream in [start, end) of the file."""

    def __init__(
        self, read: Read, start: int, end: int, loader: str, own: Own | None = None
    ) -> None:
        self.read = read
        self.data = read(start, end - start)
        self.start = start
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
        self.frame = _NO_FRAME
        self.after = 0
        self.unfolded = 0

    def to_stop(self) -> Any:
        """The result, after the whole stream. Raises: Rejected."""
        try:
            result, after = self.follow(0)
        except (IndexError, KeyError):
            raise Rejected("4: the stream breaks off or finds too little on its stack") from None
        if after != len(self.data):
            raise Rejected("4: the stream stops early")
        return result

    def to_any_end(self) -> None:
        """Follow the stream as far as `pickle.load` would get in a file of joblib's."""
        with suppress(IndexError, KeyError):
            self.follow(0)

    def follow(self, at: int) -> tuple[Any, int]:
        """Run from `at` in the data to STOP; the result and the place after it."""
        data, memo = self.data, self.memo
        rare = self._rare
        while True:
            if self.frame <= at:
                self._leave_frame(at)
            op = data[at]
            stack = self.stack
            if op == 0x94:
                memo[len(memo)] = stack[-1]
                at += 1
            elif op == 0x68:
                stack.append(memo[data[at + 1]])
                at += 2
            elif op == 0x8C:
                length = data[at + 1]
                at += 2 + length
                stack.append(_text(data[at - length : at]))
            elif op == 0x4B:
                stack.append(data[at + 1])
                at += 2
            elif op == 0x71:
                memo[data[at + 1]] = stack[-1]
                at += 2
            elif op in _CONSTANTS:
                stack.append(_CONSTANTS[op])
                at += 1
            elif op == 0x28:
                self.marks.append(stack)
                self.stack = []
                at += 1
            elif op in _MAKERS:
                stack.append(_MAKERS[op]())
                at += 1
            elif op == 0x47:
                stack.append(FLOAT)
                at += 9
            elif op == 0x2E:
                if self.frame != _NO_FRAME:
                    self._leave_frame(at + 1)
                return stack.pop(), at + 1
            else:
                at = rare(op, at)
            if at > len(data):
                raise IndexError

    def _rare(self, op: int, at: int) -> int:
        """Every other opcode; gives the place of the next."""
        stack, data = self.stack, self.data
        if 0x85 <= op <= 0x87:
            count = op - 0x84
            stack.append(tuple([stack.pop() for _ in range(count)][::-1]))
        elif op in _FIXED:
            width, act = _FIXED[op]
            self.after = at + 1 + width
            act(self, int.from_bytes(data[at + 1 : at + 1 + width], "little"))
            return at + 1 + width
        elif op in LENGTHS:
            return self._counted(op, at)
        elif op == 0x4A:
            stack.append(int.from_bytes(data[at + 1 : at + 5], "little", signed=True))
            return at + 5
        elif op == 0x30:
            if stack:
                stack.pop()
            else:
                self._to_mark()
        elif op == 0x31:
            self._to_mark()
        elif op == 0x32:
            stack.append(stack[-1])
        elif op in b"ILFSVpgci":
            return self._line(op, at)
        elif op in _STEPS:
            _STEPS[op](self, self.start + at)
            return self._raw_array(at + 1) if op == 0x62 else at + 1
        elif op in b"PQ\x82\x83\x84\x97\x98":
            raise Rejected(f"4: opcode {op:#04x} at {self.start + at} cannot be proven")
        else:
            raise IndexError
        return at + 1

    def _counted(self, op: int, at: int) -> int:
        width = LENGTHS[op]
        start = at + 1 + width
        length = int.from_bytes(self.data[at + 1 : start], "little", signed=op in b"T\x8b")
        if length < 0 or start + length > len(self.data):
            raise IndexError
        held = self.data[start : start + min(length, 257)]
        if op in b"X\x8c\x8d":
            value = _text(held)
        elif op in b"UT":
            value = LONG_TEXT if length > 256 else _ascii(held)
        elif op in b"\x8a\x8b":
            value = int.from_bytes(held, "little", signed=True) if length <= 8 else NUMBER
        else:
            value = BYTEARRAY if op == 0x96 else LongBytes(start, start + length)
        self.stack.append(value)
        return start + length

    def _line(self, op: int, at: int) -> int:
        end = self.data.find(b"\n", at)
        if end < 0:
            raise IndexError
        line = self.data[at + 1 : end]
        if op in b"ci":
            name_end = self.data.find(b"\n", end + 1)
            if name_end < 0 or name_end - at > 1 << 16:
                raise IndexError
            module, name = line.decode("utf-8", "replace"), self.data[end + 1 : name_end]
            found = self._find(module, name.decode("utf-8", "replace"), op, self.start + at)
            if op == 0x69:
                arguments = tuple(self._to_mark())
                found = self._instance(op, found, arguments, self.start + at)
            self.stack.append(found)
            return name_end + 1
        if op in b"pg":
            if not re.fullmatch(rb"0|[1-9][0-9]{0,8}", line):
                raise Rejected(f"4: unpicklers differ about the memo index at {self.start + at}")
            _FIXED[0x72 if op == 0x70 else 0x6A][1](self, int(line))
        else:
            self.stack.append(_literal(op, line))
        return end + 1

    def _get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def _put(self, index: int) -> None:
        if index > 1 << 20 and index > 64 * len(self.memo):
            raise Rejected("4: a memo index that only the C unpickler allocates a table for")
        self.memo[index] = self.stack[-1]

    def _set_protocol(self, version: int) -> None:
        if version > 5:
            raise IndexError
        self.protocol = version

    def _enter_frame(self, length: int) -> None:
        if self.frame != _NO_FRAME:
            raise Rejected("4: a frame inside a frame")
        self.frame = self.after + length

    def _leave_frame(self, at: int) -> None:
        # The C unpickler drops what is left of a frame that ends inside an opcode.
        if at != self.frame:
            raise Rejected(f"4: a frame does not end between opcodes, near {self.start + at}")
        self.frame = _NO_FRAME

    def _to_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    # The steps that touch named things

    def _step(self, at: int, op: int, how: str, row: dict[str, Any]) -> None:
        self.effects.append([at, _NAMES[op], how, row["names"][0]])
        passive = row.get("returns") in ATOMS or row["names"][0] == "numpy:dtype"
        if how in ("call", "new", "build") and not passive:
            self.last_use = at

    def _find(self, module: str, name: str, op: int, at: int) -> Named:
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
        self._step(at, op, "import", row)
        return Named(f"{module}:{name}", row)

    def _stack_global(self, at: int) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise Rejected(f"4: the name at {at} is no constant")
        self.stack.append(self._find(module, name, 0x93, at))

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
            return self._torch_bytes(op, row, arguments[0], at)
        if not fits_any(row.get("call"), arguments):
            raise Rejected(f"4: no summary admits the call at {at}")
        returns = row.get("returns", "")
        if returns == "new:0":
            cls = arguments[0]
            if not isinstance(cls, Named) or not cls.row.get("class"):
                raise Rejected(f"4: no class is instantiated at {at}")
            if [] not in cls.row.get("new", []):
                raise Rejected(f"4: no summary admits a bare instance at {at}")
        self._step(at, op, "call", row)
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
        self._step(at, op, "new", cls.row)
        mark_given(arguments)
        return Made(cls.row, arguments, at)

    def _instance(self, op: int, cls: Any, arguments: tuple[Any, ...], at: int) -> Any:
        if not arguments and isinstance(cls, Named) and cls.row.get("class"):
            return self._new(op, cls, (), at)
        return self._call(op, cls, arguments, at)

    def _object(self, at: int) -> None:
        items = self._to_mark()
        self.stack.append(self._instance(0x6F, items[0], tuple(items[1:]), at))

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
        self._step(at, 0x62, "build", target.row)

    def _append(self, at: int) -> None:
        item = self.stack.pop()
        self._extend(0x61, [item], at)

    def _appends(self, at: int) -> None:
        items = self._to_mark()
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
        items = self._to_mark()
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
        items = self._to_mark()
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
        self._step(at, op, "items", target.row)

    def _list(self, at: int) -> None:
        items = self._to_mark()
        self.stack.append(items)

    def _tuple(self, at: int) -> None:
        items = self._to_mark()
        self.stack.append(tuple(items))

    def _dict(self, at: int) -> None:
        items = self._to_mark()
        self.stack.append(DictOf())
        self._assign(0x64, items, at)

    def _frozenset(self, at: int) -> None:
        items = self._to_mark()
        _must_hash(items, at)
        self.stack.append(FrozenOf(items))

    # What torch's and joblib's loaders add

    def _persistent(self, at: int) -> None:
        key = self.stack.pop()
        layer = torch_container(key, self.loader)
        if layer is not None:
            self._step(at, 0x51, "source", layer.row)
            self.stack.append(layer)
            return
        row = torch_storage(key, self.loader)
        if row is None:
            raise Rejected(f"4: no storage that torch writes, at {at}")
        self._step(at, 0x51, "storage", row)
        self.stack.append(Made(row, (), at))
        self.placed[id(self.stack[-1])] = len(self.storages)
        self.storages.append((self.stack[-1], key[2], key[1].name, key[4]))

    def _view(self, arguments: tuple[Any, ...]) -> None:
        for index, value in enumerate(arguments):
            for part in value if type(value) is tuple else (value,):
                if id(part) in self.placed:
                    first = index == 0 and part is value
                    self.views.append((self.placed[id(part)], arguments[1:] if first else None))

    def _torch_bytes(self, op: int, row: dict[str, Any], content: Any, at: int) -> Any:
        """torch.load of bytes in the stream: its five raw streams, all but the fourth plain data.

        All bytes followed so are no more than have passed: one string may be called many times.
        """
        if self.loader not in ("pickle", "joblib", "straight") or type(content) is not LongBytes:
            raise Rejected(f"4: no bytes that torch.load is followed into, at {at}")
        self.unfolded += content.end - content.start
        if (
            self.unfolded > at - self.start
            or self.data[content.start + 2 : content.start + 15] != TORCH_MAGIC
        ):
            raise Rejected(f"4: not torch's raw format in the bytes loaded at {at}")
        self._step(at, op, "call", row)
        bounds = self.start + content.start, self.start + content.end
        inside = Run(self.read, *bounds, "torch-raw", self.own)
        after, results = 0, []
        for index in range(5):
            before = len(inside.effects)
            inside.memo, inside.stack, inside.marks, inside.protocol = {}, [], [], 0
            result, after = inside.follow(after)
            results.append(result)
            if index != 3 and len(inside.effects) > before:
                raise Rejected(f"4: torch compares what is no plain data, loaded at {at}")
        self.effects += inside.effects
        return results[3]

    def _raw_array(self, at: int) -> int:
        """joblib's NumpyArrayWrapper.read: the array's own bytes, or a pickle of its objects."""
        if self.stack[-1].row is not summary(_WRAPPER) or self.loader == "straight":
            return at
        found = joblib_array(self.stack[-1])
        if found is None or self.loader != "joblib":
            raise Rejected(f"4: joblib reads an array of unknown length at {at}")
        if self.frame != _NO_FRAME:
            self._leave_frame(at)
        row, (length, lengths), references, padded = found
        offset = self.start + at
        self.effects.append([offset - 1, "BUILD", "array", row["names"][0]])
        if references:
            inner = Run(self.read, self.start, self.start + len(self.data), "pickle", self.own)
            result, after = inner.follow(at)
            self.effects += inner.effects
            self.stack[-1] = result
            return after
        array = Made(row, (), offset)
        array.built, array.dtype, array.dimensions = True, (0, False, False), lengths
        self.stack[-1] = array
        return at + length + (1 + self.data[at] if padded else 0)


_FROM_BYTES = "torch.storage:_load_from_bytes"
TORCH_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_WRAPPER = "joblib.numpy_pickle:NumpyArrayWrapper"


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


def _text(held: bytes) -> Any:
    if len(held) > 256:
        return LONG_TEXT
    try:
        return held.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return VAGUE_TEXT


def _ascii(held: bytes) -> Any:
    return held.decode() if held.isascii() else VAGUE_TEXT


def _literal(op: int, line: bytes) -> Any:
    """INT, LONG, FLOAT, STRING and UNICODE as every unpickler reads them, or Rejected."""
    if op == 0x49 and line in (b"00", b"01"):
        return line == b"01"
    if op in b"IL":
        if not _DECIMAL(line) or (op == 0x49 and line.endswith(b"L")) or line.startswith(b"-0"):
            raise Rejected("4: unpicklers differ about an integer")
        return int(line.rstrip(b"L")) if len(line) < 20 else NUMBER
    if op == 0x46:
        if not _REAL(line):
            raise Rejected("4: unpicklers differ about a number")
        return FLOAT
    if op == 0x56:
        try:
            text = line.decode("raw-unicode-escape")
        except UnicodeDecodeError:
            return VAGUE_TEXT
        return text if len(text) <= 256 else LONG_TEXT
    if len(line) < 2 or line[0] != line[-1] or line[0] not in b"'\"":
        raise IndexError
    if b"\\" in line:
        return VAGUE_TEXT
    return _ascii(line[1:-1]) if len(line) <= 256 else LONG_TEXT


_FIXED: dict[int, tuple[int, Callable[[Run, int], None]]] = {
    0x6A: (4, Run._get),
    0x72: (4, Run._put),
    0x80: (1, Run._set_protocol),
    0x95: (8, Run._enter_frame),
    0x4D: (2, lambda run, number: run.stack.append(number)),
}
_STEPS: dict[int, Callable[[Run, int], None]] = {
    0x93: Run._stack_global, 0x52: Run._reduce, 0x81: Run._new_object,
    0x92: Run._new_object_keywords, 0x6F: Run._object, 0x62: Run._build,
    0x61: Run._append, 0x65: Run._appends, 0x73: Run._set_item, 0x75: Run._set_items,
    0x90: Run._add_items, 0x6C: Run._list, 0x74: Run._tuple, 0x64: Run._dict,
    0x91: Run._frozenset, 0x51: Run._persistent,
}  # fmt: skip
_NAMES = {
    0x63: "GLOBAL", 0x93: "STACK_GLOBAL", 0x69: "INST", 0x6F: "OBJ", 0x52: "REDUCE",
    0x81: "NEWOBJ", 0x92: "NEWOBJ_EX", 0x62: "BUILD", 0x61: "APPEND", 0x65: "APPENDS",
    0x73: "SETITEM", 0x75: "SETITEMS", 0x90: "ADDITEMS", 0x51: "BINPERSID", 0x64: "DICT",
}  # fmt: skip

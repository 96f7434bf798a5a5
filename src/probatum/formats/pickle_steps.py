"""What each effectful opcode of the pickle machine does to the abstract heap.

Every import, call, instance, state and item assignment is either admitted by a summary (and
recorded as an Effect), known to be an effect (a Danger), or a Problem that names what is missing.
"""

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from msgspec import Struct

from probatum.formats import effects
from probatum.formats.effects import Row
from probatum.formats.pickle_loaders import FROM_BYTES, container, scripted, storage
from probatum.formats.pickle_opcodes import NAMES
from probatum.formats.pickle_values import (
    BIG,
    BLOB,
    BYTEARRAY,
    COMPLEX,
    FLOAT,
    VAGUE,
    Box,
    Instance,
    Name,
    Partial,
    Scalar,
    Unknown,
    Value,
    admits,
    complete_dtype,
    described,
    dtype_after,
    give,
    has_attributes,
    hash_inert,
    holds,
    is_scalar,
    relied_on,
)
from probatum.vocabulary import Reason


class Underflow(Exception):
    """An opcode found too little on the stack."""


class Effect(Struct, frozen=True):
    """One admitted step: `how` is import, call, new, build, items, array, storage or source."""

    offset: int
    opcode: str
    how: str
    name: str


class Stored(Struct, frozen=True):
    """A storage that a persistent id names: `count` elements of `cls`, in the record `key`."""

    offset: int
    key: str
    cls: str
    count: int


class View(Struct, frozen=True):
    """An admitted call over the storage `stored` (its place in the run's storages).

    `arguments` follow the storage; they are None where it stands elsewhere among them.
    """

    offset: int
    stored: int
    arguments: tuple[Value, ...] | None


class Danger(Struct, frozen=True):
    """A step that runs something the file's author chose."""

    offset: int
    opcode: str
    name: str
    named_at: int
    effect: str
    arguments: str


class Problem(Struct, frozen=True):
    """A step that stayed undecided, with the one fact that is missing."""

    offset: int
    reason: Reason
    detail: str


_ALWAYS_LOADED: Final = frozenset({"builtins", "_codecs", "sys"})
_SUFFIXES: Final = (".py", ".pyc", ".so", ".pyd", ".zip")
_BUILT: Final[dict[str, Value]] = {
    "bytes": BLOB,
    "str": VAGUE,
    "int": BIG,
    "float": FLOAT,
    "complex": COMPLEX,
    "bytearray": BYTEARRAY,
    "bool": True,
    "none": None,
    "data": Scalar("data"),
}
_MOST_PROBLEMS: Final = 64


class Steps:
    """The stack, the memo and the steps that touch named things."""

    def __init__(self, loader: str, beside: frozenset[str]) -> None:
        self.loader = loader
        self.beside = beside
        self.stack: list[Value] = []
        self.marks: list[list[Value]] = []
        self.memo: dict[int, Value] = {}
        self.protocol = 0
        self.at = 0
        self.effects: list[Effect] = []
        self.dangers: list[Danger] = []
        self.problems: list[Problem] = []
        self.basis: set[str] = set()
        self.last_use = -1
        self.storages: list[Stored] = []
        self.views: list[View] = []
        self._stored: dict[int, tuple[int, Instance]] = {}

    # Bookkeeping

    def problem(self, reason: Reason, detail: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(self.at, reason, detail))

    def unknown(self, *parts: Value) -> Unknown:
        return Unknown(self.at, parts)

    def pop_mark(self) -> list[Value]:
        if not self.marks:
            raise Underflow
        items, self.stack = self.stack, self.marks.pop()
        return items

    def admit(self, opcode: int, how: str, row: Row) -> None:
        self.effects.append(Effect(self.at, NAMES[opcode], how, row.name))
        self.basis.add(row.basis)
        passive = row.returns in _BUILT or row.name == "numpy:dtype"
        if how in ("call", "new", "build") and not passive:
            self.last_use = self.at

    # Names

    def named(self, opcode: int, module: bytes, name: bytes) -> None:
        """GLOBAL, or INST with its arguments above the mark."""
        found = self.find(
            module.decode("utf-8", "replace"), name.decode("utf-8", "replace"), opcode
        )
        if opcode == 0x63:
            self.stack.append(found)
            return
        arguments = tuple(self.pop_mark())
        self.stack.append(self.instantiated(opcode, found, arguments))

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(module) is str and type(name) is str:
            self.stack.append(self.find(module, name, 0x93))
        else:
            self.problem(Reason.UNRESOLVED, "a global whose name is no constant")
            self.stack.append(self.unknown())

    def find(self, module: str, name: str, opcode: int) -> Value:
        written = module
        if self.protocol < 3:
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[module, name]
            else:
                module = IMPORT_MAPPING.get(module, module)
        full = f"{module}:{name}"
        if self._shadowed(module) or self._shadowed(written):
            self.problem(
                Reason.UNRESOLVED,
                f"{_shown(full)}: a file beside this one could be imported in its place",
            )
            return Name(full, None, self.at)
        row = scripted(full) if self.loader == "torchscript" else None
        row = row or effects.row(full)
        if row is None or ("." in name and self.protocol < 4):
            self._unsummarised(full, module, opcode)
            return Name(full, None, self.at)
        self.admit(opcode, "import", row)
        return Name(full, row, self.at)

    def _unsummarised(self, full: str, module: str, opcode: int) -> None:
        imported = effects.dangerous_imports().get(module)
        if imported:
            self.dangers.append(Danger(self.at, NAMES[opcode], full, self.at, imported, ""))
        self.problem(Reason.MISSING_SUMMARY, f"no effect summary for {_shown(full)}")

    def _shadowed(self, module: str) -> bool:
        package = module.partition(".")[0]
        if not self.beside or package in _ALWAYS_LOADED:
            return False
        return package in _importable(self.beside)

    # Calls

    def reduce(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if type(arguments) is not tuple:
            self.problem(
                Reason.PARSER_DIFFERENTIAL,
                "REDUCE without a tuple: pickle.py calls, the C unpickler refuses",
            )
            self.stack.append(self.unknown(called, arguments))
            return
        self.stack.append(self.called(0x52, called, arguments))

    def called(self, opcode: int, called: Value, arguments: tuple[Value, ...]) -> Value:
        """The result of `called(*arguments)`."""
        if isinstance(called, Partial):
            self.problem(Reason.UNRESOLVED, f"calls a partial of {described(called.function)}")
            return self._unsummarised_call(opcode, called.function, (*called.arguments, *arguments))
        if not isinstance(called, Name):
            self.problem(Reason.UNRESOLVED, f"calls {described(called)}")
            return self.unknown(called, *arguments)
        row = called.row
        if row is None:
            return self._unsummarised_call(opcode, called, arguments)
        if called.name == "copyreg:__newobj__" and arguments:
            return self.new(opcode, arguments[0], arguments[1:])
        if row.name == FROM_BYTES and len(arguments) == 1:
            loaded = self.loaded_inside(opcode, row, arguments[0])
            if loaded is not None:
                return loaded
        if not any(admits(signature, arguments) for signature in row.call):
            found = len(self.dangers)
            result = self._unsummarised_call(opcode, called, arguments)
            if len(self.dangers) == found:
                self._no_signature("calling", called.name, arguments)
            return result
        if row.returns == "new:0" and not _bare(arguments[0]):
            self._no_signature("a bare instance of", described(arguments[0]), ())
            return self.unknown(*arguments)
        self.admit(opcode, "call", row)
        give(arguments)
        self._view(arguments)
        return self.returned(row, arguments)

    def returned(self, row: Row, arguments: tuple[Value, ...]) -> Value:
        match row.returns:
            case "":
                return Instance(row, arguments, self.at)
            case "new:0":
                return Instance(arguments[0].row, (), self.at)
            case "arg:0":
                return arguments[0]
            case "tuple":
                return arguments
            case "list" | "set" | "frozenset" | "dict" as kind:
                return _container(kind, arguments)
            case "opaque":
                return self.unknown(*arguments)
            case "bytes" if row.name == "_codecs:encode":
                return _latin1(arguments[0])
            case name if name in _BUILT:
                return _BUILT[name]
            case name:
                made = Instance(effects.row(name) or row, arguments, self.at)
                if name == "numpy:ndarray":
                    _complete_array(made)
                return made

    def _unsummarised_call(self, opcode: int, called: Name, arguments: tuple[Value, ...]) -> Value:
        """A call that no summary admits: a danger, or a callable passed on, is still followed."""
        first = arguments[0] if arguments else None
        if isinstance(first, Name):
            match called.name:
                case "builtins:getattr" if len(arguments) > 1 and type(arguments[1]) is str:
                    return Name(f"{first.name}.{arguments[1]}", None, first.offset)
                case "functools:partial" | "_functools:partial":
                    return Partial(self.at, first, arguments[1:])
                case "operator:call" | "_operator:call":
                    self._dangerous(opcode, first, arguments[1:])
                    return self.unknown(*arguments)
        self._dangerous(opcode, called, arguments)
        return self.unknown(*arguments)

    def _dangerous(self, opcode: int, called: Name, arguments: tuple[Value, ...]) -> None:
        shown = ", ".join(map(described, arguments[:4]))
        danger = effects.dangers().get(called.name)
        if danger is not None and len(arguments) >= danger.arguments:
            effect = danger.effect
        elif arguments and called.name in effects.unpicklers():
            effect = self.effect_of_loading(arguments[0])
        else:
            effect = ""
        if effect:
            self.dangers.append(
                Danger(self.at, NAMES[opcode], called.name, called.offset, effect, shown)
            )

    def effect_of_loading(self, content: Value) -> str:
        """What unpickling `content` runs, or nothing where that is not known."""
        return ""

    def loaded_inside(self, opcode: int, row: Row, content: Value) -> Value | None:
        """What torch's raw format in `content` holds, or None where that is not known."""
        return None

    def _no_signature(self, what: str, name: str, arguments: tuple[Value, ...]) -> None:
        shown = ", ".join(map(described, arguments[:6]))
        self.problem(
            Reason.MISSING_SUMMARY, f"no effect summary for {what} {_shown(name)} with ({shown})"
        )

    def new_object(self) -> None:
        arguments, cls = self.stack.pop(), self.stack.pop()
        if type(arguments) is not tuple:
            raise Underflow
        self.stack.append(self.new(0x81, cls, arguments))

    def new_object_keywords(self) -> None:
        keywords, arguments, cls = self.stack.pop(), self.stack.pop(), self.stack.pop()
        empty = isinstance(keywords, Box) and keywords.type == "dict" and not keywords.items
        if empty and not keywords.mixed and type(arguments) is tuple:
            self.stack.append(self.new(0x92, cls, arguments))
            return
        self.problem(Reason.MISSING_SUMMARY, f"a new {described(cls)} with keyword arguments")
        self.stack.append(self.unknown(cls, arguments, keywords))

    def new(self, opcode: int, cls: Value, arguments: tuple[Value, ...]) -> Value:
        """The result of `cls.__new__(cls, *arguments)`."""
        row = cls.row if isinstance(cls, Name) else None
        if row is None or not row.is_class:
            self.problem(Reason.MISSING_SUMMARY, f"a new instance of {described(cls)}")
            return self.unknown(cls, *arguments)
        if not any(admits(signature, arguments) for signature in row.new):
            self._no_signature("a new", row.name, arguments)
            return self.unknown(*arguments)
        self.admit(opcode, "new", row)
        give(arguments)
        return Instance(row, arguments, self.at)

    def instantiated(self, opcode: int, cls: Value, arguments: tuple[Value, ...]) -> Value:
        """INST and OBJ: a bare instance without arguments, a call with them."""
        if not arguments and isinstance(cls, Name) and cls.row is not None and cls.row.is_class:
            return self.new(opcode, cls, ())
        return self.called(opcode, cls, arguments)

    def object_of(self) -> None:
        items = self.pop_mark()
        if not items:
            raise Underflow
        self.stack.append(self.instantiated(0x6F, items[0], tuple(items[1:])))

    # State and items

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, Instance):
            what = "changes the class or function itself" if isinstance(target, Name) else "unknown"
            self.problem(Reason.UNRESOLVED, f"BUILD on {described(target)}: {what}")
            return
        row = target.row
        admitted = False
        if row.name == "numpy:dtype":
            # The type must be complete before anything that allocates by it has seen it.
            target.dtype = None if self.last_use > target.made else dtype_after(target, state)
            admitted = "dtype-state" in row.build and target.dtype is not None
        else:
            admitted = any(holds(slot, state) for slot in row.build) and has_attributes(row, state)
            if type(state) is tuple and len(state) in (5, 7):
                target.dtype = complete_dtype(state[2])
        target.parts.append(state)
        if not admitted or target.built:
            self._no_state(target, state)
            return
        target.built = True
        give(state)
        for box in relied_on(row, state):
            box.frozen = True
        self.admit(0x62, "build", row)

    def _no_state(self, target: Instance, state: Value) -> None:
        again = "a second time " if target.built else ""
        self.problem(
            Reason.MISSING_SUMMARY,
            f"no effect summary for building {_shown(target.row.name)} {again}"
            f"from {described(state)}",
        )

    def append(self) -> None:
        value = self.stack.pop()
        self.appended(0x61, self.stack[-1], [value])

    def appends(self) -> None:
        items = self.pop_mark()
        self.appended(0x65, self.stack[-1], items)

    def appended(self, opcode: int, target: Value, items: list[Value]) -> None:
        if isinstance(target, Box) and target.type == "list":
            target.extend(items)
        elif isinstance(target, Instance) and target.row.items == "list":
            target.parts += items
            self.admit(opcode, "items", target.row)
        elif target is not BYTEARRAY:
            self._no_items(target, "append to")

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.assigned(0x73, self.stack[-1], [key, value])

    def set_items(self) -> None:
        items = self.pop_mark()
        self.assigned(0x75, self.stack[-1], items)

    def assigned(self, opcode: int, target: Value, items: list[Value]) -> None:
        if len(items) % 2:
            raise Underflow
        self.hashed(items[::2])
        if isinstance(target, Box) and target.frozen:
            self.problem(Reason.UNRESOLVED, "changes a dict that a built object relies on")
        if isinstance(target, Box) and target.type == "dict":
            target.extend(items)
        elif isinstance(target, Instance) and target.row.items == "dict":
            target.parts += items
            self.admit(opcode, "items", target.row)
        else:
            self._no_items(target, "assign items of")

    def add_items(self) -> None:
        items = self.pop_mark()
        target = self.stack[-1]
        self.hashed(items)
        if isinstance(target, Box) and target.type == "set":
            target.extend(items)
        elif isinstance(target, Instance) and target.row.items == "set":
            target.parts += items
            self.admit(0x90, "items", target.row)
        else:
            self._no_items(target, "add to")

    def _no_items(self, target: Value, what: str) -> None:
        if isinstance(target, Instance):
            self.problem(
                Reason.MISSING_SUMMARY, f"no effect summary to {what} a {_shown(target.row.name)}"
            )
        else:
            self.problem(Reason.UNRESOLVED, f"{what} {described(target)}")

    def hashed(self, keys: list[Value]) -> None:
        for key in keys:
            if not is_scalar(key) and not hash_inert(key):
                self.problem(Reason.MISSING_SUMMARY, f"no summary for the hash of {described(key)}")

    def list_of(self) -> None:
        items = self.pop_mark()
        box = Box("list", [])
        box.extend(items)
        self.stack.append(box)

    def tuple_of(self) -> None:
        items = self.pop_mark()
        self.stack.append(tuple(items))

    def dict_of(self) -> None:
        items = self.pop_mark()
        box = Box("dict", [])
        self.assigned(0x64, box, items)
        self.stack.append(box)

    def frozenset_of(self) -> None:
        items = self.pop_mark()
        self.hashed(items)
        self.stack.append(Box("frozenset", items))

    # What a loader adds

    def persistent(self) -> None:
        """BINPERSID: torch's loaders read a storage; any other loader does what it likes."""
        key = self.stack.pop()
        layer = container(key, self.loader)
        if layer is not None and layer.row is not None:
            self.admit(0x51, "source", layer.row)
            self.stack.append(layer)
            return
        found = storage(key, self.loader)
        if found is None:
            self.problem(Reason.UNRESOLVED, f"the persistent id {described(key)}")
            self.stack.append(self.unknown(key))
            return
        self.admit(0x51, "storage", found)
        made = Instance(found, (), self.at)
        self._stored[id(made)] = len(self.storages), made
        self.storages.append(Stored(self.at, key[2], key[1].name, key[4]))
        self.stack.append(made)

    def _view(self, arguments: tuple[Value, ...]) -> None:
        if not self._stored:
            return
        for at, value in enumerate(arguments):
            for part in value if type(value) is tuple else (value,):
                if id(part) in self._stored:
                    whole = arguments[1:] if part is value and at == 0 else None
                    self.views.append(View(self.at, self._stored[id(part)][0], whole))

    def buffer(self) -> None:
        self.problem(Reason.UNRESOLVED, "an out-of-band buffer, which the loading process chooses")
        self.stack.append(self.unknown())

    def readonly_buffer(self) -> None:
        self.problem(Reason.UNRESOLVED, "an out-of-band buffer, which the loading process chooses")


STEPS: Final[dict[int, Callable[[Steps], None]]] = {
    0x93: Steps.stack_global,
    0x52: Steps.reduce,
    0x81: Steps.new_object,
    0x92: Steps.new_object_keywords,
    0x6F: Steps.object_of,
    0x62: Steps.build,
    0x61: Steps.append,
    0x65: Steps.appends,
    0x73: Steps.set_item,
    0x75: Steps.set_items,
    0x90: Steps.add_items,
    0x6C: Steps.list_of,
    0x74: Steps.tuple_of,
    0x64: Steps.dict_of,
    0x91: Steps.frozenset_of,
    0x51: Steps.persistent,
    0x97: Steps.buffer,
    0x98: Steps.readonly_buffer,
}


def _bare(value: Value) -> bool:
    """Whether `object.__new__(cls)` is inert for the class."""
    row = value.row if isinstance(value, Name) else None
    return row is not None and row.is_class and () in row.new


def _complete_array(array: Instance) -> None:
    """An array made with its dtype is whole: BUILD would free its memory.

    `_frombuffer` takes the dtype itself, dill's `_create_array` an array's state.
    """
    states = [one for one in array.arguments if type(one) is tuple and len(one) == 5]
    for argument in (*array.arguments, *(state[2] for state in states)):
        dtype = complete_dtype(argument)
        if dtype is not None:
            array.built, array.dtype = True, dtype


def _latin1(text: Value) -> Value:
    try:
        return text.encode("latin-1") if type(text) is str else BLOB
    except UnicodeEncodeError:
        return BLOB


def _container(kind: str, arguments: tuple[Value, ...]) -> Value:
    items: list[Value] = []
    for argument in arguments:
        if type(argument) is tuple:
            items += argument
        elif isinstance(argument, Box | Instance):
            items += argument.items if isinstance(argument, Box) else argument.parts
    box = Box(kind, items)
    box.dropped = box.mixed = True
    return box


@lru_cache(maxsize=8)
def _importable(beside: frozenset[str]) -> frozenset[str]:
    """The packages that a folder with these names in it could be imported for.

    A compiled module bears more between its name and its suffix: `x.cpython-311-darwin.so`.
    """
    return frozenset(
        name.partition(".")[0] for name in beside if "." not in name or name.endswith(_SUFFIXES)
    )


def _shown(name: str) -> str:
    shown = ascii(name)[1:-1]
    return shown if len(shown) <= 160 else shown[:150] + "…"

"""Calls of the pickle machine: REDUCE, NEWOBJ, OBJ and INST, and what they return.

A call is admitted by a signature of a summary, known to be an effect (a Danger), or a Problem.
"""

from probatum.formats import effects
from probatum.formats.effects import Row
from probatum.formats.pickle_findings import Danger, View
from probatum.formats.pickle_loaders import FROM_BYTES
from probatum.formats.pickle_names import BUILT, Names, Underflow, shown
from probatum.formats.pickle_opcodes import NAMES
from probatum.formats.pickle_slots import admits
from probatum.formats.pickle_values import (
    BLOB,
    Box,
    Instance,
    Name,
    Partial,
    Value,
    complete_dtype,
    described,
    dimensions,
    give,
)
from probatum.vocabulary import Reason


class Calls(Names):
    """The steps that call functions and classes, or make instances."""

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
            case name if name in BUILT:
                return BUILT[name]
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
        said = ", ".join(map(described, arguments[:4]))
        danger = effects.dangers().get(called.name)
        if danger is not None and len(arguments) >= danger.arguments:
            effect = danger.effect
        elif arguments and called.name in effects.unpicklers():
            effect = self.effect_of_loading(arguments[0])
        else:
            effect = ""
        if effect:
            self.dangers.append(
                Danger(self.at, NAMES[opcode], called.name, called.offset, effect, said)
            )

    def effect_of_loading(self, content: Value) -> str:
        """What unpickling `content` runs, or nothing where that is not known."""
        return ""

    def loaded_inside(self, opcode: int, row: Row, content: Value) -> Value | None:
        """What torch's raw format in `content` holds, or None where that is not known."""
        return None

    def _no_signature(self, what: str, name: str, arguments: tuple[Value, ...]) -> None:
        said = ", ".join(map(described, arguments[:6]))
        self.problem(
            Reason.MISSING_SUMMARY, f"no effect summary for {what} {shown(name)} with ({said})"
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

    def object_of(self) -> None:
        items = self.pop_mark()
        if not items:
            raise Underflow
        self.stack.append(self.instantiated(0x6F, items[0], tuple(items[1:])))

    def _view(self, arguments: tuple[Value, ...]) -> None:
        if not self._stored:
            return
        for at, value in enumerate(arguments):
            for part in value if type(value) is tuple else (value,):
                if id(part) in self._stored:
                    whole = arguments[1:] if part is value and at == 0 else None
                    self.views.append(View(self.at, self._stored[id(part)][0], whole))


def _bare(value: Value) -> bool:
    """Whether `object.__new__(cls)` is inert for the class."""
    row = value.row if isinstance(value, Name) else None
    return row is not None and row.is_class and () in row.new


def _complete_array(array: Instance) -> None:
    """An array made with its dtype is whole: BUILD would free its memory.

    `_frombuffer` takes the dtype itself, dill's `_create_array` an array's state.
    """
    states = [one for one in array.arguments if type(one) is tuple and len(one) == 5]
    shapes = [state[1] for state in states] or list(array.arguments[2:3])
    for argument in (*array.arguments, *(state[2] for state in states)):
        dtype = complete_dtype(argument)
        if dtype is not None:
            array.built, array.dtype = True, dtype
            array.dimensions = dimensions(shapes[0]) if shapes else None


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

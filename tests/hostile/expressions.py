"""Calls written as text, and the pickle instructions that make them.

`subprocess:Popen(['true'])` is a call of the global `Popen` of the module `subprocess`. Inside
the brackets stand literals, globals, calls, `NEW(cls, ...)` (the NEWOBJ opcode),
`BUILD(obj, state)` (the BUILD opcode), `NEWTYPE(attribute, value)` (a class made with that one
attribute) and names that the caller binds.
"""

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ref:
    """A global; `name` may be dotted."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


@dataclass(frozen=True)
class Call:
    """A call through REDUCE."""

    function: Any
    args: tuple[Any, ...]


@dataclass(frozen=True)
class New:
    """An instance made by NEWOBJ."""

    cls: Any
    args: tuple[Any, ...]


@dataclass(frozen=True)
class Built:
    """An object that went through BUILD."""

    obj: Any
    state: Any


@dataclass(frozen=True)
class Pairs:
    """A dictionary; its keys may be calls."""

    pairs: tuple[tuple[Any, Any], ...]


def parsed(text: str, names: Mapping[str, Any] | None = None) -> Any:
    """The expression a text stands for, with `names` bound."""
    pieces = _QUOTED.split(text)
    marked = "".join(
        piece if index % 2 else _GLOBAL.sub(_marker, piece) for index, piece in enumerate(pieces)
    )
    return _node(ast.parse(marked.strip(), mode="eval").body, names or {})


_QUOTED = re.compile(r"""([b]?'(?:[^'\\]|\\.)*'|[b]?"(?:[^"\\]|\\.)*")""")
_GLOBAL = re.compile(r"\b([A-Za-z_][\w.]*):([A-Za-z_<][\w.<>]*)")


def _marker(match: re.Match[str]) -> str:
    return f"_REF({match[1]!r}, {match[2]!r})"


def _node(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return names[name]
        case ast.Call(func=ast.Name(id="_REF"), args=[ast.Constant(module), ast.Constant(name)]):
            return Ref(str(module), str(name))
        case ast.Call(func=ast.Name(id="NEW"), args=[cls, *rest]):
            return New(_node(cls, names), _nodes(rest, names))
        case ast.Call(func=ast.Name(id="BUILD"), args=[obj, state]):
            return Built(_node(obj, names), _node(state, names))
        case ast.Call(func=ast.Name(id="NEWTYPE"), args=[attribute, value]):
            space = Pairs(((_node(attribute, names), _node(value, names)),))
            return Call(Ref("builtins", "type"), ("T", (), space))
        case ast.Call(func=function, args=args):
            return Call(_node(function, names), _nodes(args, names))
        case ast.Tuple(elts=elements):
            return _nodes(elements, names)
        case ast.List(elts=elements):
            return list(_nodes(elements, names))
        case ast.Set(elts=elements):
            return Call(Ref("builtins", "set"), (list(_nodes(elements, names)),))
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            made = ((_node(k, names), _node(v, names)) for k, v in pairs if k is not None)
            return Pairs(tuple(made))
        case _:
            return ast.literal_eval(node)


def _nodes(nodes: list[ast.expr], names: Mapping[str, Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            found.extend(_node(node.value, names))
        else:
            found.append(_node(node, names))
    return tuple(found)


@dataclass(frozen=True)
class Style:
    """How expressions become instructions: the protocol, and how globals are reached."""

    protocol: int
    reach: Callable[["Style", Ref], list[str]] | None = None
    text: str | None = None

    def lines(self, value: Any) -> list[str]:
        """Instructions that leave `value` on the stack."""
        match value:
            case Ref():
                return (self.reach or plain_reach)(self, value)
            case Call(function, args):
                return [*self.lines(function), *self._tuple(args), "REDUCE"]
            case New(cls, args):
                return [*self.lines(cls), *self._tuple(args), "NEWOBJ"]
            case Built(obj, state):
                return [*self.lines(obj), *self.lines(state), "BUILD"]
            case tuple():
                return self._tuple(value)
            case list():
                return self._list(value)
            case Pairs(pairs):
                return self._dict(pairs)
            case _:
                return self._scalar(value)

    def string(self, value: str) -> str:
        """One instruction that pushes a string."""
        default = ("UNICODE", "BINUNICODE", "BINUNICODE", "BINUNICODE")[min(self.protocol, 3)]
        if self.protocol >= 4 and len(value.encode("utf-8", "surrogatepass")) < 256:
            default = "SHORT_BINUNICODE"
        return f"{self.text or default} {value!r}"

    def _tuple(self, values: tuple[Any, ...]) -> list[str]:
        inner = [line for one in values for line in self.lines(one)]
        if self.protocol >= 2 and 1 <= len(values) <= 3:
            return [*inner, f"TUPLE{len(values)}"]
        if self.protocol >= 1 and not values:
            return ["EMPTY_TUPLE"]
        return ["MARK", *inner, "TUPLE"]

    def _list(self, values: list[Any]) -> list[str]:
        inner = [line for one in values for line in self.lines(one)]
        if self.protocol == 0:
            return ["MARK", *inner, "LIST"]
        return ["EMPTY_LIST", "MARK", *inner, "APPENDS"] if values else ["EMPTY_LIST"]

    def _dict(self, values: tuple[tuple[Any, Any], ...]) -> list[str]:
        inner = [line for pair in values for one in pair for line in self.lines(one)]
        if self.protocol == 0:
            return ["MARK", *inner, "DICT"]
        return ["EMPTY_DICT", "MARK", *inner, "SETITEMS"] if values else ["EMPTY_DICT"]

    def _scalar(self, value: Any) -> list[str]:
        match value:
            case None:
                return ["NONE"]
            case bool():
                return [f"NEW{value}".upper() if self.protocol >= 2 else f"INT {value}"]
            case int():
                return [self._int(value)]
            case float():
                return [f"{'BINFLOAT' if self.protocol else 'FLOAT'} {value!r}"]
            case str():
                return [self.string(value)]
            case bytes() if self.protocol >= 3:
                return [f"{'SHORT_BINBYTES' if len(value) < 256 else 'BINBYTES'} {value!r}"]
            case bytes():
                call = Call(Ref("_codecs", "encode"), (value.decode("latin1"), "latin1"))
                return self.lines(call)
        raise TypeError(f"no instruction for {value!r}")

    def _int(self, value: int) -> str:
        if self.protocol == 0:
            return f"INT {value}"
        if 0 <= value < 256:
            return f"BININT1 {value}"
        if -(2**31) <= value < 2**31:
            return f"BININT {value}"
        return f"LONG1 {value}" if self.protocol >= 2 else f"LONG {value}"


def plain_reach(style: Style, ref: Ref) -> list[str]:
    """A global as Python's own pickler names it; a dotted one by `getattr` before protocol 4."""
    if style.protocol >= 4:
        return [style.string(ref.module), style.string(ref.name), "STACK_GLOBAL"]
    owner, dot, attribute = ref.name.rpartition(".")
    if not dot:
        return [f"GLOBAL {ref.module!r} {ref.name!r}"]
    return style.lines(Call(Ref("builtins", "getattr"), (Ref(ref.module, owner), attribute)))

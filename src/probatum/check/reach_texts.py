"""Says what a text that is put together in source code may be, as far as its pieces are constant.

A text is a list of alternatives, each a tuple of pieces: a constant, or None for anything.
Constants that are reversed, decoded or joined are worked out, so that no name is hidden by that.
"""

import ast
import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

Pieces = tuple[str | None, ...]
ANYTHING: list[Pieces] = [(None,)]
_MOST = 64
_LONGEST = 1 << 16
_STEPS = 500
_DEEPEST = 40
_DECODERS = {
    "b64decode": base64.b64decode, "urlsafe_b64decode": base64.urlsafe_b64decode,
    "b32decode": base64.b32decode, "b16decode": base64.b16decode,
    "b85decode": base64.b85decode, "unhexlify": binascii.unhexlify, "fromhex": bytes.fromhex,
}  # fmt: skip
_PLAIN = {"lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "swapcase",
          "replace", "removeprefix", "removesuffix"}  # fmt: skip
_FIELD = re.compile(r"%(?:\(\w*\))?[-+ #0-9.*]*[a-zA-Z]|\{[^{}]*\}")


class Bound:
    """What the names of a file are bound to: the values, and None where that cannot be told.

    Of these names `outer` are the module's own, which other modules can bind too; `rests` gathers
    those of them that a text was worked out from. A star import may bind any name.
    """

    def __init__(self, module: str, package: str) -> None:
        self.values: dict[str, list[ast.AST | None]] = {}
        self.module, self.package = module, package
        self.left = 0
        self.outer: set[str] = set()
        self.rests: set[str] = set()
        self.has_star = False

    def add(self, name: str, value: ast.AST | None) -> None:
        self.values.setdefault(name, []).append(value)


def texts(node: Any, bound: Bound) -> list[Pieces]:
    """What the text may be: alternatives of pieces."""
    bound.left = _STEPS
    return _texts(node, bound, 0)


def _texts(node: Any, bound: Bound, depth: int) -> list[Pieces]:
    bound.left -= 1
    if depth > _DEEPEST or bound.left < 0:
        return ANYTHING
    worked_out = constant(node)
    if isinstance(worked_out, bytes):
        worked_out = worked_out.decode("latin-1")
    if isinstance(worked_out, str):
        whole: Pieces = (worked_out,)
        return [whole]
    match node:
        case ast.JoinedStr(values=values):
            return _product([_texts(one, bound, depth + 1) for one in values])
        case ast.FormattedValue(value=value, format_spec=None):
            return _texts(value, bound, depth + 1)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _product([_texts(one, bound, depth + 1) for one in (left, right)])
        case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str(form))):
            return [_around(form)]
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(form)), attr="format")):
            return [_around(form)]
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(between)), attr="join"),
            args=[ast.List(elts=parts) | ast.Tuple(elts=parts)],
        ):
            each = [_texts(one, bound, depth + 1) for one in parts]
            glue: list[Pieces] = [(between,)]
            return _product([one for part in each for one in (part, glue)][:-1])
        case ast.IfExp(body=body, orelse=orelse):
            return _some([*_texts(body, bound, depth + 1), *_texts(orelse, bound, depth + 1)])
        case ast.BoolOp(values=values):
            return _some([one for each in values for one in _texts(each, bound, depth + 1)])
        case ast.Name(id="__name__"):
            return [(bound.module,)]
        case ast.Name(id="__package__"):
            return [(bound.package,)]
        case ast.Name(id=name) if name in bound.outer and bound.has_star:
            return ANYTHING
        case ast.Name(id=name):
            if name in bound.outer and not getattr(node, "is_fresh", False):
                bound.rests.add(name)
            return _some(
                [one for value in bound.values.get(name, [None])
                 for one in (ANYTHING if value is None else _texts(value, bound, depth + 1))]
            )  # fmt: skip
    return ANYTHING


def constant(node: Any, depth: int = 0) -> Any:
    """The value of an expression of constants alone; None for any other."""
    if depth > _DEEPEST:
        return None
    try:
        found = _constant(node, depth + 1)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, binascii.Error):
        return None
    return found if not isinstance(found, (str, bytes)) or len(found) <= _LONGEST else None


def _constant(node: Any, depth: int) -> Any:
    match node:
        case ast.Constant(value=str() | bytes() | int() as value):
            return value
        case ast.List(elts=elts) | ast.Tuple(elts=elts):
            found = [constant(one, depth) for one in elts]
            return None if None in found else found
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            one, other = constant(left, depth), constant(right, depth)
            return None if one is None or other is None else one + other
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            found = constant(operand, depth)
            return -found if isinstance(found, int) else None
        case ast.Subscript(value=value, slice=ast.Slice(lower=low, upper=high, step=step)):
            of = constant(value, depth)
            span = [None if one is None else constant(one, depth) for one in (low, high, step)]
            return of[slice(*span)] if isinstance(of, (str, bytes)) else None
        case ast.Call(func=ast.Name(id="chr"), args=[of]):
            found = constant(of, depth)
            return chr(found) if isinstance(found, int) else None
        case ast.Call(func=ast.Name(id="bytes"), args=[of]):
            found = constant(of, depth)
            return bytes(found) if isinstance(found, list) else None
        case ast.Call(func=ast.Name(id="reversed" | "str" | "list"), args=[of]):
            found = constant(of, depth)
            backwards = getattr(node.func, "id", "") == "reversed"
            return found[::-1] if backwards and isinstance(found, str) else found
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[of]) if (
            name in _DECODERS
        ):
            return _DECODERS[name](constant(of, depth))
        case ast.Call(func=ast.Attribute(value=of, attr="join"), args=[parts]):
            between, found = constant(of, depth), constant(parts, depth)
            if not isinstance(between, str) or len(between) * len(found) > _LONGEST:
                return None
            return between.join(found)
        case ast.Call(func=ast.Attribute(value=of, attr="decode" | "encode" as name)):
            found = constant(of, depth)
            if isinstance(found, bytes) and name == "decode":
                return found.decode("latin-1")
            return found.encode() if isinstance(found, str) and name == "encode" else None
        case ast.Call(func=ast.Attribute(value=of, attr=name), args=args) if name in _PLAIN:
            found, given = constant(of, depth), [constant(one, depth) for one in args]
            longest = max((len(one) for one in given), default=0)
            if not isinstance(found, str) or len(found) * longest > _LONGEST:
                return None
            return getattr(found, name)(*given)
    return None


def pattern(pieces: Pieces) -> str:
    """A regular expression of what the text may be, whole."""
    return "".join(".*" if one is None else re.escape(one) for one in pieces)


def is_bare(pieces: Pieces) -> bool:
    """Whether nothing of the text is known that would tell a name from others."""
    return not any(one and re.search(r"\w\w", one) for one in pieces)


def items(node: Any) -> Iterator[Any] | None:
    """The items over which a loop goes, if they stand there."""
    match node:
        case ast.List(elts=elts) | ast.Tuple(elts=elts) | ast.Set(elts=elts):
            return iter(elts)
        case ast.Dict(keys=keys):
            return iter(keys)
    return None


def _around(form: str) -> Pieces:
    """A text in which some fields are filled in."""
    found: list[str | None] = []
    at = 0
    for field in _FIELD.finditer(form):
        found += [form[at : field.start()], None]
        at = field.end()
    return tuple(one for one in (*found, form[at:]) if one != "")


def _product(each: list[list[Pieces]]) -> list[Pieces]:
    found: list[Pieces] = [()]
    for alternatives in each:
        found = [(*one, *other) for one in found for other in alternatives]
        if len(found) > _MOST:
            return ANYTHING
    return [_merged(one) for one in found]


def _merged(pieces: Pieces) -> Pieces:
    found: list[str | None] = []
    for one in pieces:
        if found and one is not None and found[-1] is not None:
            found[-1] += one
        elif not (found and one is None and found[-1] is None):
            found.append(one)
    return tuple(found)


def _some(found: list[Pieces]) -> list[Pieces]:
    return found if 0 < len(found) <= _MOST else ANYTHING

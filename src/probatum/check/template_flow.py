"""Follows what the tags of a Jinja template assign, for the checker of chat templates.

A variable is one `set` of a name (`v_x@3`), an attribute of namespaces (`.v_x`), a parameter
(`v_m(v_x)`), a block (`block@3`), what a loop runs over (`loop@3`), what a macro gives back
(`out:v_m`), how often it runs (`#v_m`), or a condition (`?3`). A name means what was set last
before it; in a macro, where it may be one of outside, anything that is set there at any time.
"""

import ast
from dataclasses import dataclass, field

from probatum.check.template_tags import Tokens, demand, python, tags, top

Names = dict[str, tuple[str, ...]]
# A value that was handed in, or none.
GIVEN = ""


@dataclass(frozen=True)
class Emit:
    """A value that goes into `target`, as often as `controls` say."""

    target: str
    value: ast.expr | None
    controls: tuple[str, ...]
    piles: bool = False
    counts: bool = False


@dataclass(frozen=True)
class Branch:
    """The branch of an `if`, and the text with which its condition compares something."""

    block: int
    number: int
    compared: ast.expr | None
    text: str


@dataclass(frozen=True)
class Called:
    """A call of a macro, from the macro `caller` or from outside."""

    caller: str
    name: str
    node: ast.Call
    controls: tuple[str, ...]
    trail: tuple[Branch, ...]


@dataclass
class _Block:
    kind: str
    number: int
    names: Names
    out: str
    controls: tuple[str, ...]
    trail: tuple[Branch, ...]
    unit: str
    rest: Tokens = field(default_factory=list)
    ends: list[Names] = field(default_factory=list)
    branch: int = 0
    has_else: bool = False


class Flow:
    """Every expression, assignment and call of a template."""

    def __init__(self, text: str) -> None:
        self.expressions: list[ast.expr] = []
        self.emits: list[Emit] = []
        self.calls: list[Called] = []
        self.macros: dict[str, list[tuple[str, ast.expr | None]]] = {}
        self.assigned: list[tuple[str, ast.expr | None]] = []
        self.rounds: dict[str, str] = {}
        self._means: dict[int, tuple[str, ...]] = {}
        self._late: list[ast.Name] = []
        self._every: dict[str, list[str]] = {}
        self._names: Names = {}
        self._unit, self._out = "", "out:"
        self._controls: tuple[str, ...] = ()
        self._trail: tuple[Branch, ...] = ()
        self._blocks: list[_Block] = []
        self._count = 0
        self._pending: list[tuple[str, ast.Call, tuple[str, ...], tuple[Branch, ...]]] = []
        for mark, tokens in tags(text):
            if mark == "{{":
                self._say(self._out, python(tokens), piles=True)
            else:
                self._tag(tokens)
        demand(not self._blocks, "a block is not closed")
        for one in self._late:
            self._means[id(one)] += tuple(self._every.get(one.id, ()))
        self._hand_over()

    def meaning(self, name: ast.Name) -> tuple[str, ...]:
        """The variables that the name may stand for."""
        return self._means.get(id(name), (GIVEN,))

    def argument(self, call: Called, parameter: str) -> ast.expr | None:
        """What the call hands to the parameter."""
        for keyword in call.node.keywords:
            if keyword.arg == parameter:
                return keyword.value
        at = [name for name, _ in self.macros[call.name]].index(parameter)
        return call.node.args[at] if at < len(call.node.args) else None

    def _hand_over(self) -> None:
        for unit, node, controls, trail in self._pending:
            assert isinstance(node.func, ast.Name)
            if node.func.id not in self.macros:
                continue
            call = Called(unit, node.func.id, node, controls, trail)
            self.calls.append(call)
            for parameter, _ in self.macros[call.name]:
                value = self.argument(call, parameter)
                if value is not None:
                    self.emits.append(Emit(f"{call.name}({parameter})", value, controls))
                    self.assigned.append((parameter, value))

    def _tag(self, tokens: Tokens) -> None:
        word, rest = tokens[0][1], tokens[1:]
        match word:
            case "set" if (at := top(rest, ("sign", "="))) is not None:
                value = self._read(python(rest[at + 1 :]))
                self._bind(python(rest[:at]), value)
            case "set" | "filter":
                demand(rest, "an empty tag")
                self._open(word, rest)
                self._out = f"block@{self._count}"
            case "for":
                self._for(rest)
            case "if":
                self._open(word)
                self._condition(rest)
            case "elif":
                demand(self._blocks and self._blocks[-1].kind == "if", "an elif")
                self._next_branch()
                self._condition(rest)
            case "else":
                self._else(rest)
            case "macro":
                self._macro(rest)
            case "generation":
                self._open(word)
            case "break" | "continue":
                demand(not rest, "words behind a plain tag")
            case "endset" | "endfilter" | "endfor" | "endif" | "endmacro" | "endgeneration":
                demand(self._blocks and self._blocks[-1].kind == word[3:], "blocks that cross")
                self._close(self._blocks.pop())
            case _:
                demand(False, f"1: the tag {word}")

    def _open(self, kind: str, rest: Tokens | None = None) -> None:
        demand(len(self._blocks) <= 60, "blocks in blocks")
        self._count += 1
        where = (dict(self._names), self._out, self._controls, self._trail, self._unit)
        self._blocks.append(_Block(kind, self._count, *where, rest or []))

    def _close(self, block: _Block) -> None:
        inside = self._names
        self._out, self._controls, self._trail = block.out, block.controls, block.trail
        if block.kind == "macro":
            self._names, self._unit = block.names, block.unit
            return
        ends = [*block.ends, inside]
        if not (block.kind == "if" and block.has_else):
            ends.append(block.names)
        self._names = ends[0]
        for one in ends[1:]:
            self._names = _either(self._names, one)
        if block.kind in ("set", "filter"):
            self._end_of_text(block)

    def _end_of_text(self, block: _Block) -> None:
        """What stood in the block goes through filters to a name, or to where the block stands."""
        plain: Tokens = [("name", "block")]
        at = top(block.rest, ("sign", "|"))
        filters = block.rest[at:] if at is not None else []
        if block.kind == "filter":
            at, filters = 0, [("sign", "|"), *block.rest]
        value = self._read(python([*plain, *filters]))
        inner = value
        while not isinstance(inner, ast.Name):
            demand(isinstance(inner, ast.Call), "a block's filter")
            function = inner.func  # type: ignore[attr-defined]
            demand(isinstance(function, ast.Attribute), "a block's filter")
            demand(function.attr.startswith("filter_"), "a block's filter")
            inner = function.value
        self._means[id(inner)] = (f"block@{block.number}",)
        if block.kind == "filter":
            self.emits.append(Emit(self._out, value, self._controls, piles=True))
        else:
            self._bind(python(block.rest[:at]), value)
            self.assigned.append(("", None))
            self.assigned += [(name, None) for name in _targets(python(block.rest[:at]))]

    def _condition(self, tokens: Tokens) -> None:
        condition = python(tokens)
        self._say(f"?{len(self.emits)}", condition)
        block, compared, text = self._blocks[-1], None, ""
        if isinstance(condition, ast.Compare) and len(condition.ops) == 1:
            right = condition.comparators[0]
            if isinstance(condition.ops[0], ast.Eq) and isinstance(right, ast.Constant):
                text = right.value if isinstance(right.value, str) else ""
                compared = condition.left if isinstance(right.value, str) else None
        self._trail = (*block.trail, Branch(block.number, block.branch, compared, text))

    def _next_branch(self) -> None:
        block = self._blocks[-1]
        demand(not block.has_else, "an else behind an else")
        block.ends.append(self._names)
        block.branch += 1
        self._names = dict(block.names)

    def _else(self, rest: Tokens) -> None:
        demand(not rest and self._blocks, "words behind a plain tag")
        block = self._blocks[-1]
        demand(block.kind in ("if", "for"), "an else")
        self._next_branch()
        block.has_else = True
        if block.kind == "for":
            self._controls = block.controls
            self._names = _either(self._names, block.ends[-1])
        else:
            self._trail = (*block.trail, Branch(block.number, block.branch, None, ""))

    def _for(self, rest: Tokens) -> None:
        at = top(rest, ("name", "in"))
        demand(at is not None and ("name", "recursive") not in rest, "1: a loop")
        target, after = python(rest[:at]), rest[at + 1 :]  # type: ignore[operator]
        condition = top(after, ("name", "if"))
        value = self._read(python(after[:condition]))
        self._open("for")
        loop = f"loop@{self._count}"
        self.emits.append(Emit(loop, value, self._controls))
        self._controls = (*self._controls, loop)
        demand(len(self._controls) <= 10, "5: loops in loops")
        self._names["v_loop"] = (loop,)
        before = len(self.emits)
        self._bind(target, value)
        self.rounds |= {one.target: loop for one in self.emits[before:]}
        if condition is not None:
            self._say(f"?{len(self.emits)}", python(after[condition + 1 :]))

    def _macro(self, rest: Tokens) -> None:
        demand(len(rest) > 2 and rest[0][0] == "name" and rest[1][1] == "(", "a macro")
        demand(rest[-1][1] == ")" and not self._unit, "4: a macro in a macro")
        name = "v_" + rest[0][1]
        demand(name not in self.macros, "4: a macro twice")
        head = python(rest)
        self._open("macro")
        self._names, self._unit, self._out = {}, name, f"out:{name}"
        self._controls, self._trail = (f"#{name}",), ()
        assert isinstance(head, ast.Call)
        plain: list[tuple[str, ast.expr | None]] = [
            (one.id, None) for one in head.args if isinstance(one, ast.Name)
        ]
        demand(len(plain) == len(head.args), "a macro")
        given = [(str(one.arg), one.value) for one in head.keywords]
        self.macros[name] = [*plain, *given]
        for parameter, default in self.macros[name]:
            if default is not None:
                self._say(f"{name}({parameter})", default)
                self.assigned.append((parameter, default))
            self._names[parameter] = (f"{name}({parameter})",)

    def _say(self, target: str, value: ast.expr, *, piles: bool = False) -> None:
        self.emits.append(Emit(target, self._read(value), self._controls, piles))

    def _read(self, value: ast.expr) -> ast.expr:
        self.expressions.append(value)
        for one in ast.walk(value):
            if isinstance(one, ast.Name):
                self._means[id(one)] = self._names.get(one.id, (GIVEN,))
                if self._unit and GIVEN in self._means[id(one)]:
                    self._late.append(one)
            elif isinstance(one, ast.Call) and isinstance(one.func, ast.Name):
                self._pending.append((self._unit, one, self._controls, self._trail))
                if one.func.id == "v_namespace":
                    demand(not one.args, "1: a namespace of something")
                    for each in one.keywords:
                        self.emits.append(Emit(f".{each.arg}", each.value, self._controls))
                        self.assigned.append((f".{each.arg}", each.value))
        return value

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for one in target.elts:
                self._bind(one, value)
        elif isinstance(target, ast.Attribute):
            self._read(target.value)
            self.emits.append(Emit(f".{target.attr}", value, self._controls))
            self.assigned.append((f".{target.attr}", value))
        else:
            demand(isinstance(target, ast.Name), "what is assigned to")
            name = target.id  # type: ignore[attr-defined]
            variable = f"{name}@{len(self.emits)}"
            self._names[name] = (variable,)
            if not self._unit:
                self._every.setdefault(name, []).append(variable)
            self.emits.append(Emit(variable, value, self._controls))
            self.assigned.append((name, value))


def _targets(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Attribute):
        return [f".{target.attr}"]
    return [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]


def _either(left: Names, right: Names) -> Names:
    found: Names = {}
    for name in {**left, **right}:
        both = (*left.get(name, (GIVEN,)), *right.get(name, (GIVEN,)))
        found[name] = tuple(dict.fromkeys(both))
    return found

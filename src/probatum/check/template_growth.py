"""Re-derives that what a Jinja template makes is bounded by a polynomial of what it is given.

1. Every variable has a level. What goes into it comes from lower levels, but for one copy, to which
   is only added, of something of its own level; the loops around run over lower levels.
2. Level by level every variable has a bound c * n ** d, where n counts the input and the template
   together, 100 at least: no more statements than n, and no filter makes more than n of one.
3. The c and the d stay small.

For the checker of chat templates.
"""

import ast
from collections.abc import Iterable

from probatum.check.template_descent import Descent
from probatum.check.template_flow import GIVEN, Called, Emit, Flow
from probatum.check.template_spaces import Spaces
from probatum.check.template_tags import demand

_STEADY = {f"filter_{one}" for one in ("trim", "default", "d", "first", "last", "length", "count")}
_STEADY |= {f"v_{one}" for one in ("get", "strip", "lstrip", "rstrip", "find", "rfind", "index")}
_STEADY |= {"v_removeprefix", "v_removesuffix"}
_CHOICE = {"filter_default", "filter_d", "v_get"}
_AS_MANY = {f"filter_{o}" for o in ("items", "dictsort", "list", "sort", "unique", "reverse")}
_AS_MANY |= {"v_items", "v_keys", "v_values"}
_COUNTERS = {f"v_{one}" for one in ("index", "index0", "revindex", "revindex0", "length")}
_STATEMENTS, _ROUNDS = 4000, 500
_LEVELS, _FACTOR, _DEGREE = 80, 10**8, 400
Copies = dict[str, int]
Bound = tuple[int, int]
_ONE, _INPUT = (1, 0), (1, 1)


def bound(flow: Flow, descents: list[Descent], spaces: Spaces) -> None:
    """Raises Rejected unless all that the template makes is bounded."""
    _Growth(flow, descents, spaces).derive()


class _Growth:
    def __init__(self, flow: Flow, descents: list[Descent], spaces: Spaces) -> None:
        self._flow, self._spaces = flow, spaces
        self._inner = {id(c.node): f"call@{at}" for each in descents for at, c in each.calls}
        self._circles = {name: each.macros for each in descents for name in each.macros}
        self._descents = descents
        self._emits = list(self._all())
        demand(len(self._emits) <= _STATEMENTS, "5: too many statements")
        names = {_method(one) for value in flow.expressions for one in ast.walk(value)}
        self._marks = bool(names & {"filter_safe", "filter_e", "filter_escape"})
        self._copied = [self._of(one) for one in self._emits]
        self._level = dict.fromkeys((one.target for one in self._emits), 0)
        self._bound: dict[str, Bound] = {}
        self._written = {
            one.target: one.value
            for one in self._emits
            if "@" in one.target and one.target not in flow.rounds
            if isinstance(one.value, ast.List | ast.Tuple | ast.Dict)
        }

    def _all(self) -> Iterable[Emit]:
        dropped = {(id(value), to) for each in self._descents for value, to in each.handed}
        yield from (one for one in self._flow.emits if (id(one.value), one.target) not in dropped)
        for call in self._flow.calls:
            if id(call.node) in self._inner:
                continue
            descent = next((one for one in self._descents if call.name in one.macros), None)
            if descent is None:
                yield Emit(f"#{call.name}", None, call.controls, counts=True)
                continue
            value = descent.entry(call)
            for name in descent.macros:
                yield Emit(f"#{name}", value, call.controls, counts=True)
            given = [] if value is None else [value]
            for parameter in {to for _, to in descent.handed}:
                whole = ast.List(elts=[*descent.wraps, *given])
                yield Emit(parameter, whole, call.controls)

    def derive(self) -> None:
        """The three steps."""
        for descent in self._descents:
            for _, call in descent.calls:
                uses = self._uses(call, self._inner[id(call.node)], {})
                demand(uses < 2, "5: what a macro hands back doubles")
        self._are_numbers()
        for value in self._flow.expressions:
            self._repeats(value)
        self._derive_levels()
        self._derive_bounds()

    def _repeats(self, value: ast.expr) -> None:
        """What is repeated is repeated as often as something is counted here."""
        for one in ast.walk(value):
            if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Mult):
                known = self._counted(one.left) or self._counted(one.right)
                demand(known, "5: a product")
            if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Mod):
                demand(self._counted(one.left), "5: % of what may be a text")
            if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "v_range":
                demand(all(self._counted(n) for n in one.args), "5: a range")
                demand(not one.keywords, "5: a range")

    def _are_numbers(self) -> None:
        """The variables that are only ever given numbers that are counted here."""
        self._numbers = {one.target for one in self._emits}
        while fewer := {one.target for one in self._emits if not self._counts(one)} & self._numbers:
            self._numbers -= fewer

    def _counts(self, emit: Emit) -> bool:
        if emit.value is None or emit.piles or emit.target.startswith("loop@"):
            return False
        if emit.target in self._flow.rounds:
            called = emit.value.func if isinstance(emit.value, ast.Call) else None
            return isinstance(called, ast.Name) and called.id == "v_range"
        return self._counted(emit.value)

    def _counted(self, value: ast.expr) -> bool:
        match value:
            case ast.Constant(value=number):
                return isinstance(number, int)
            case ast.Call():
                return _method(value) in ("filter_length", "filter_count")
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return self._counted(operand)
            case ast.BinOp(op=ast.MatMult() | ast.Div()):
                return False
            case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
                return self._counted(left) and self._counted(right)
            case ast.BoolOp(values=values):
                return all(map(self._counted, values))
            case ast.Name():
                return {*self._flow.meaning(value)} <= self._numbers
            case ast.Attribute(value=ast.Name() as of, attr=name) if name in _COUNTERS:
                if all(one.startswith("loop@") for one in self._flow.meaning(of)):
                    return True
        if not isinstance(value, ast.Attribute | ast.Subscript):
            return False
        fields = self._spaces.read(value)
        return bool(fields) and fields <= self._numbers

    def _uses(self, call: Called, variable: str, known: dict[str, int]) -> int:
        """How often what a call gives back goes into what its caller gives back."""
        if variable in known:
            return known[variable]
        known[variable], total = 2, 0
        for emit, copied in zip(self._emits, self._copied, strict=True):
            target = emit.target
            if variable not in copied or target == variable or target.startswith("?"):
                continue
            demand(copied[variable] == 1, "5: what a macro hands back is changed")
            demand(set(emit.controls) <= {*call.controls}, "5: what a macro hands back is repeated")
            if target == f"out:{call.caller}":
                total += 1
                continue
            local = "@" in target and not target.startswith((".", "loop@"))
            demand(local, "5: what a macro hands back is kept")
            total += self._uses(call, target, known)
        known[variable] = min(total, 2)
        return known[variable]

    def _derive_levels(self) -> None:
        changed, rounds = True, 0
        while changed:
            changed, rounds = False, rounds + 1
            demand(rounds <= _ROUNDS, "5: too many rounds")
            for emit, copied in zip(self._emits, self._copied, strict=True):
                level = self._level[emit.target]
                for one in emit.controls:
                    level = max(level, self._level.get(one, 0) + 1)
                for one, times in copied.items():
                    level = max(level, self._level.get(one, -1) + (times > 1))
                same = (n for one, n in copied.items() if self._level.get(one, -1) == level)
                level += sum(same) > 1
                demand(level <= _LEVELS, "5: a loop doubles something")
                changed |= level > self._level[emit.target]
                self._level[emit.target] = level

    def _derive_bounds(self) -> None:
        group = self._groups()
        pending: dict[str, Bound] = {}
        order = sorted(self._emits, key=lambda one: (self._level[one.target], one.target in group))
        reached = 0
        for emit in order:
            if self._level[emit.target] > reached:
                reached = self._level[emit.target]
                self._bound |= {one: pending[to] for one, to in group.items() if to in pending}
            total = size = self._made(emit)
            for one in emit.controls:
                total = _times(total, self._bound.get(one, _INPUT))
            demand(total[0] <= _FACTOR and total[1] <= _DEGREE, "5: a text grows")
            if emit.target in group:
                to = group[emit.target]
                pending[to] = _most(pending.get(to, _INPUT), _times(total, _INPUT))
            else:
                made = _times(total, _INPUT) if emit.counts else size
                self._bound[emit.target] = _most(self._bound.get(emit.target, (0, 0)), made)

    def _groups(self) -> dict[str, str]:
        """The variables that are added to; those that are copied to each other as one."""
        group: dict[str, str] = {}
        for emit, copied in zip(self._emits, self._copied, strict=True):
            for one in copied:
                if self._level.get(one, -1) == self._level[emit.target]:
                    keep, lose = group.get(one, one), group.get(emit.target, emit.target)
                    group[one], group[emit.target] = keep, keep
                    group |= {each: keep for each, to in group.items() if to == lose}
        return group

    def _of(self, emit: Emit) -> Copies:
        copied = {} if emit.value is None else self._copies(emit.value)
        if emit.counts:
            copied = dict.fromkeys(copied, 2)
        return _sum([copied, {emit.target: 1}]) if emit.piles else copied

    def _copies(self, value: ast.AST) -> Copies:
        """How many copies of what stands in the value, 2 for anything but one to be added to."""
        match value:
            case ast.Constant() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return {}
            case ast.Name():
                return dict.fromkeys((o for o in self._flow.meaning(value) if o != GIVEN), 1)
            case ast.Attribute() | ast.Subscript():
                return self._copies(value.value) | dict.fromkeys(self._spaces.read(value), 1)
            case ast.IfExp(body=body, orelse=other):
                return _union([self._copies(body), self._copies(other)])
            case ast.BoolOp(values=values):
                return _union(map(self._copies, values))
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.MatMult() as op, left=left, right=right):
                plain = isinstance(left, ast.Constant) or isinstance(right, ast.Constant)
                total = _sum([self._copies(left), self._copies(right)])
                escapes = self._marks and isinstance(op, ast.Add) and not plain
                return dict.fromkeys(total, 2) if escapes else total
            case ast.UnaryOp(operand=operand):
                return self._copies(operand)
            case ast.Call():
                return self._copies_of_call(value)
        parts = [self._copies(one) for one in ast.iter_child_nodes(value)]
        return dict.fromkeys(_sum(parts), 2)

    def _copies_of_call(self, call: ast.Call) -> Copies:
        function, given = call.func, [*call.args, *(one.value for one in call.keywords)]
        if id(call) in self._inner:
            return {self._inner[id(call)]: 1}
        if isinstance(function, ast.Name):
            if function.id in self._flow.macros:
                circle = self._circles.get(function.id, (function.id,))
                return {f"out:{one}": 1 for one in circle}
            if function.id in ("v_namespace", "v_raise_exception"):
                return {}
            return dict.fromkeys(_sum(map(self._copies, given)), 2)
        if _method(call).startswith("test_"):
            return {}
        of = [function.value] if isinstance(function, ast.Attribute) else [function]
        total = _sum(map(self._copies, [*of, *given]))
        return total if _method(call) in _STEADY else dict.fromkeys(total, 2)

    def _made(self, emit: Emit) -> Bound:
        if emit.value is None:
            return _ONE
        loops = emit.target.startswith("loop@")
        return self._rounds(emit.value) if loops else self._size(emit.value)

    def _rounds(self, value: ast.expr) -> Bound:
        match value:
            case ast.List(elts=many) | ast.Tuple(elts=many) | ast.Dict(keys=many):
                return max(1, len(many)), 0
            case ast.Call(func=ast.Attribute(attr=name, value=of)) if name in _AS_MANY:
                return self._rounds(of)
            case ast.Call(func=ast.Name(id="v_range"), args=args):
                return _plus(_ONE, *map(self._size, args))
            case ast.Name():
                found = [self._written.get(one) for one in self._flow.meaning(value)]
                if None not in found:
                    return _most(*(self._rounds(one) for one in found if one is not None))
        return self._size(value)

    def _size(self, value: ast.AST) -> Bound:
        match value:
            case ast.Constant(value=bool() | None):
                return _ONE
            case ast.Constant(value=str()):
                return _INPUT
            case ast.Constant(value=int() | float() as number):
                return int(min(max(1, abs(number)), _FACTOR + 1)), 0
            case ast.Name():
                means = self._flow.meaning(value)
                known = [self._bound.get(one, _INPUT) for one in means if one != GIVEN]
                return _most(_INPUT if GIVEN in means else _ONE, *known)
            case ast.Attribute() | ast.Subscript():
                fields = (self._bound.get(one, _INPUT) for one in self._spaces.read(value))
                inside = [value.slice] if isinstance(value, ast.Subscript) else []
                return _most(self._size(value.value), *fields, *map(self._size, inside))
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self._collected(parts)
            case ast.Dict(keys=keys, values=values):
                return self._collected([*(one for one in keys if one is not None), *values])
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.MatMult(), left=left, right=right):
                return _plus(self._size(left), self._size(right))
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return _times(self._size(left), self._size(right))
            case ast.Call():
                return self._size_of_call(value)
        return _most(_ONE, *map(self._size, ast.iter_child_nodes(value)))

    def _collected(self, parts: list[ast.expr]) -> Bound:
        constants = [self._size(one) for one in parts if isinstance(one, ast.Constant)]
        others = [self._size(one) for one in parts if not isinstance(one, ast.Constant)]
        return _most(_times(_INPUT, _plus((len(parts) + 1, 0), *others)), *constants)

    def _size_of_call(self, call: ast.Call) -> Bound:
        given = [*call.args, *(one.value for one in call.keywords)]
        sizes = [self._size(one) for one in given]
        if isinstance(call.func, ast.Name):
            if call.func.id in self._flow.macros:
                if id(call) in self._inner:
                    return _ONE
                circle = self._circles.get(call.func.id, (call.func.id,))
                return _plus(*(self._bound.get(f"out:{one}", _INPUT) for one in circle))
            return _times(_INPUT, _plus(_INPUT, *sizes))
        size, name = self._size(getattr(call.func, "value", call.func)), _method(call)
        if name in _CHOICE or name.startswith("test_"):
            return _most(size, *sizes)
        return size if name in _STEADY else _times(_INPUT, _times(size, _plus(_ONE, *sizes)))


def _method(one: ast.AST) -> str:
    function = one.func if isinstance(one, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else ""


def _sum(many: Iterable[Copies]) -> Copies:
    total: Copies = {}
    for each in many:
        for one, times in each.items():
            total[one] = min(2, total.get(one, 0) + times)
    return total


def _union(many: Iterable[Copies]) -> Copies:
    total: Copies = {}
    for each in many:
        for one, times in each.items():
            total[one] = max(times, total.get(one, 0))
    return total


def _plus(*many: Bound) -> Bound:
    return min(sum(one[0] for one in many), _FACTOR + 1), max(one[1] for one in many)


def _most(*many: Bound) -> Bound:
    return max(one[0] for one in many), max(one[1] for one in many)


def _times(left: Bound, right: Bound) -> Bound:
    return min(left[0] * right[0], _FACTOR + 1), min(left[1] + right[1], _DEGREE + 1)

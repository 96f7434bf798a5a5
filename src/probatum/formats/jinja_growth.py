"""Shows that rendering a Jinja template ends, after steps that are a polynomial of its input.

The size of a value is that of its text written out, and of a number also its value. Every variable
gets a level, such that what is assigned to it comes from lower levels, but for one copy at most of
something of its own level, to which is only added; and such that the loops around the assignment
run over lower levels. Then a level grows, with every assignment, by what lower levels hold, and the
number of assignments is a product of lower sizes: by induction all of it is bounded by a
polynomial. `bounds` gives its factor and its degree. Where something doubles from round to round,
no levels exist.

Source: Kristiansen and Jones 2005, "The flow of data and the complexity of algorithms".
"""

from collections.abc import Iterator

from probatum.formats.jinja import Node
from probatum.formats.jinja_bounds import (
    DEGREE,
    FACTOR,
    MANY,
    ONE,
    Bound,
    added,
    either,
    highest,
    many_times,
    plus,
    product,
    times,
)
from probatum.formats.jinja_flow import GIVEN, Call, Emit, Flow
from probatum.formats.jinja_namespaces import Namespaces
from probatum.formats.jinja_recursion import Descent
from probatum.formats.jinja_rules import Fault

_STATEMENTS = 4000
_LEVELS = 80
_ROUNDS = 500
_COMPARING = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not", "not in"})
# What they give back is a part of what they are given, or as large, and of the same kind.
_STEADY = frozenset({"trim", "default", "d", "first", "last", "length", "count", "get", "strip",
    "lstrip", "rstrip", "removeprefix", "removesuffix", "find", "rfind", "index"})  # fmt: skip
# The input is counted together with the template, and as 100 at least: a small factor is one degree
# more. What is written out has up to ten characters for one (`\U0001f600`), no filter makes
# more than 64 of one, and there are no more statements than characters.
_WRITTEN = (1, 1)
# What they give back has as many items as what they are given.
_ASMANY = frozenset({"items", "keys", "values", "dictsort", "list", "sort", "unique", "reverse"})
_COUNTERS = frozenset({"index", "index0", "revindex", "revindex0", "length"})


class Growth:
    """The levels and the bounds of the variables of one template."""

    def __init__(self, flow: Flow, descents: tuple[Descent, ...], spaces: Namespaces) -> None:
        self._flow, self._spaces = flow, spaces
        self._inner = {id(one): f"call@{one.at}" for each in descents for one in each.calls}
        self._circles = {name: each.macros for each in descents for name in each.macros}
        self._emits = [*_counted(flow, descents, self._inner)]
        self._escapes = any(
            node.kind == "filter" and node.value in ("safe", "e", "escape")
            for one in self._emits
            if one.value is not None
            for node in one.value.all()
        )
        self._bound: dict[str, Bound] = {}
        # What a name is set to, where that is a list or a dict written out.
        self._values = {
            one.target: one.value
            for one in self._emits
            if one.value is not None
            and one.value.kind in ("list", "dict")
            and "@" in one.target
            and one.target not in flow.loops
        }

    def faults(self) -> Iterator[Fault]:
        """What keeps the template from having levels, or from having them small enough."""
        if len(self._emits) > _STATEMENTS:
            yield Fault(self._emits[-1].at, f"more than {_STATEMENTS} statements")
            return
        self._copied = [self._copies_of(one) for one in self._emits]
        self._level = dict.fromkeys((one.target for one in self._emits), 0)
        yield from self._uncounted()
        fault = next(self._given_back(), None) or self._levels()
        if fault is None:
            fault = self._sizes()
        if fault is not None:
            yield fault

    def copies(self, value: Node) -> dict[str, int]:
        """How many times over the variables may stand in the value; 2 for anything else."""
        match value.kind:
            case "const" | "test":
                return {}
            case "name":
                return self._of_name(value)
            case "keyword" | "slice":
                return added(map(self.copies, value.parts))
            case "attr" | "item":
                return self._of_part(value)
            case "list" | "dict":
                return many_times(added(map(self.copies, value.parts)))
            case "op":
                return self._of_operator(value)
            case "filter":
                total = added(map(self.copies, value.parts))
                return total if value.value in _STEADY else many_times(total)
            case "call":
                return self._of_call(value)
        return many_times(added(map(self.copies, value.parts)))

    def _of_name(self, name: Node) -> dict[str, int]:
        return {one: 1 for one in self._flow.meaning(name) if one != GIVEN}

    def _of_part(self, value: Node) -> dict[str, int]:
        return {**self.copies(value.parts[0]), **dict.fromkeys(self._spaces.read(value), 1)}

    def _of_operator(self, value: Node) -> dict[str, int]:
        parts = [self.copies(one) for one in value.parts]
        if value.value in _COMPARING:
            return {}
        if value.value == "if":
            return either([parts[0], *parts[2:]])
        if value.value in ("and", "or"):
            return either(parts)
        if value.value in ("+", "-", "~"):
            # What `safe` has marked escapes whatever is added to it.
            plain = any(one.kind == "const" for one in value.parts)
            escapes = self._escapes and value.value == "+" and not plain
            return many_times(added(parts)) if escapes else added(parts)
        return many_times(added(parts))

    def _of_call(self, value: Node) -> dict[str, int]:
        function, arguments = value.parts[0], value.parts[1:]
        if id(value) in self._inner:
            return {self._inner[id(value)]: 1}
        if function.value in ("namespace", "raise_exception"):
            return {}
        if function.kind == "name" and function.value in self._flow.macros:
            return dict.fromkeys(self._outs(str(function.value)), 1)
        of = function.parts if function.kind == "attr" else (function,)
        total = added(map(self.copies, (*of, *arguments)))
        steady = function.kind == "attr" and function.value in _STEADY
        return total if steady else many_times(total)

    def _outs(self, macro: str) -> tuple[str, ...]:
        """The outputs that a call gives back: a circle of macros gives back all of theirs."""
        return tuple(f"out:{one}" for one in self._circles.get(macro, (macro,)))

    def _copies_of(self, emit: Emit) -> dict[str, int]:
        found = {} if emit.value is None else self.copies(emit.value)
        if emit.counts:
            found = many_times(found)
        if emit.piles:
            found = added([found, {emit.target: 1}])
        return found

    def _uncounted(self) -> Iterator[Fault]:
        """Where a number from outside says how often something is repeated."""
        self._numbers = {one.target for one in self._emits if "$block@" not in one.target}
        while fewer := {one.target for one in self._emits if not self._counts(one)} & self._numbers:
            self._numbers -= fewer
        for emit in self._emits:
            for one in () if emit.value is None else emit.value.all():
                is_product = one.kind == "op" and one.value == "*"
                if is_product and not any(map(self._is_counted, one.parts)):
                    yield Fault(one.at, "a product without a number that is counted here")
                is_rest = one.kind == "op" and one.value == "%"
                if is_rest and not self._is_counted(one.parts[0]):
                    yield Fault(one.at, "% of what may be a text with a width in it")
                if _is_range(one) and not all(map(self._is_counted, one.parts[1:])):
                    yield Fault(one.at, "a range whose end is not counted here")

    def _counts(self, emit: Emit) -> bool:
        if emit.value is None or emit.piles or emit.target.startswith("$loop@"):
            return False
        looped = emit.target in self._flow.loops
        return _is_range(emit.value) if looped else self._is_counted(emit.value)

    def _is_counted(self, value: Node) -> bool:
        """Whether the value is a number that constants, lengths and rounds make up."""
        match value.kind:
            case "const":
                return isinstance(value.value, int)
            case "filter":
                return value.value in ("length", "count")
            case "op":
                parts = value.parts[:1] + value.parts[2:] if value.value == "if" else value.parts
                known = value.value in ("+", "-", "*", "//", "%", "if", "and", "or")
                return known and all(map(self._is_counted, parts))
            case "name":
                return {*self._flow.meaning(value)} <= self._numbers
            case "attr" if value.value in _COUNTERS and value.parts[0].kind == "name":
                means = self._flow.meaning(value.parts[0])
                if all(one.startswith("$loop@") for one in means):
                    return True
        fields = self._spaces.read(value) if value.kind in ("attr", "item") else set()
        return bool(fields) and fields <= self._numbers

    def _given_back(self) -> Iterator[Fault]:
        """The calls of a circle whose text may go into their caller's more than once."""
        for call in self._flow.calls:
            if id(call.node) in self._inner:
                uses: dict[str, int] = {}
                if self._uses(call, self._inner[id(call.node)], uses) > 1:
                    yield Fault(call.node.at, f"the text of {call.name} may double with each call")

    def _uses(self, call: Call, variable: str, uses: dict[str, int]) -> int:
        """How many times over the variable goes into what the caller gives back, 2 for more."""
        if variable in uses:
            return uses[variable]
        # A circle has no end, so it is more than once.
        uses[variable], total = MANY, 0
        for emit, copied in zip(self._emits, self._copied, strict=True):
            target = emit.target
            if variable not in copied or target == variable or target[0] == "?":
                continue
            is_local = target.startswith("$block@") or ("@" in target and target[0] not in ".#")
            if not set(emit.controls) <= set(call.controls) or copied[variable] > 1:
                return MANY
            if target == f"out:{call.caller}":
                total += 1
            elif is_local and not target.startswith("$loop@"):
                total += self._uses(call, target, uses)
            else:
                return MANY
        uses[variable] = min(total, MANY)
        return uses[variable]

    def _levels(self) -> Fault | None:
        changed, rounds = True, 0
        while changed:
            changed, rounds = False, rounds + 1
            for emit, copied in zip(self._emits, self._copied, strict=True):
                wanted = self._wanted(emit, copied)
                if wanted > self._level[emit.target]:
                    self._level[emit.target], changed = wanted, True
                if wanted > _LEVELS or rounds > _ROUNDS:
                    what = (
                        emit.target.split("@")[0].removeprefix("out:").removeprefix("$")
                        or "the text"
                    )
                    return Fault(emit.at, f"{what} may double with every round of a loop")
        return None

    def _wanted(self, emit: Emit, copied: dict[str, int]) -> int:
        wanted = self._level[emit.target]
        for one in emit.controls:
            wanted = max(wanted, self._level.get(one, 0) + 1)
        for one, count in copied.items():
            wanted = max(wanted, self._level.get(one, -1) + (count > 1))
        beside = sum(n for one, n in copied.items() if self._level.get(one, -1) == wanted)
        # A value of many choices has one copy of each of them, and takes one.
        return wanted + (beside > 1)

    def _sizes(self) -> Fault | None:
        group = self._groups()
        pending: dict[str, Bound] = {}
        order = sorted(self._emits, key=lambda one: (self._level[one.target], one.target in group))
        reached = 0
        for emit in order:
            if self._level[emit.target] > reached:
                reached = self._level[emit.target]
                self._bound |= {one: pending[to] for one, to in group.items() if to in pending}
            runs = product(self._bound.get(one, (1, 1)) for one in emit.controls)
            size = self._assigned(emit)
            total = times(runs, size)
            if total[0] > FACTOR or total[1] > DEGREE:
                return Fault(emit.at, "a text that may grow beyond all bounds")
            before = self._bound.get(emit.target, (0, 0))
            if emit.target in group:
                to = group[emit.target]
                pending[to] = highest(pending.get(to, (1, 1)), times(total, _WRITTEN))
            elif emit.counts:
                self._bound[emit.target] = highest(before, times(total, _WRITTEN))
            else:
                self._bound[emit.target] = highest(before, size)
        return None

    def _groups(self) -> dict[str, str]:
        """Variables that are added to, each with one that stands for all those it is copied to."""
        group: dict[str, str] = {}
        for emit, copied in zip(self._emits, self._copied, strict=True):
            level = self._level[emit.target]
            for one in (one for one in copied if self._level.get(one, -1) == level):
                left, right = group.get(one, one), group.get(emit.target, emit.target)
                group |= {one: left, emit.target: right}
                group |= {each: left for each, to in group.items() if to == right}
        return group

    def _assigned(self, emit: Emit) -> Bound:
        if emit.value is None:
            return ONE
        if emit.target.startswith("$loop@"):
            return self.rounds(emit.value)
        return self.size(emit.value)

    def size(self, value: Node) -> Bound:
        """A factor c and a degree d: the value is no larger than c times the input's d-th power."""
        match value.kind:
            case "const":
                return _of_constant(value)
            case "name":
                return self._named(value)
            case "attr" | "item":
                fields = [self._bound.get(one, (1, 1)) for one in self._spaces.read(value)]
                return highest(self.size(value.parts[0]), *fields)
            case "list" | "dict":
                numbers = [_of_constant(one) for one in value.parts if one.kind == "const"]
                others = [self.size(one) for one in value.parts if one.kind != "const"]
                many = (len(value.parts) + 1, 0)
                return highest(times(_WRITTEN, plus(many, *others)), *numbers)
            case "op" if value.value in ("+", "-", "~"):
                return plus(*map(self.size, value.parts))
            case "op" if value.value == "*":
                return product(map(self.size, value.parts))
            case "filter":
                return self._changed(str(value.value), value.parts[0], value.parts[1:])
            case "call":
                return self._called(value)
        return highest((1, 0), *map(self.size, value.parts))

    def rounds(self, source: Node) -> Bound:
        """How often a loop over the value runs."""
        match source.kind:
            case "list" | "dict":
                return max(1, len(source.parts)), 0
            case "filter" if source.value in _ASMANY:
                return self.rounds(source.parts[0])
            case "call" if source.parts[0].kind == "attr" and source.parts[0].value in _ASMANY:
                return self.rounds(source.parts[0].parts[0])
            case "name":
                found = [self._values.get(one) for one in self._flow.meaning(source)]
                if None not in found:
                    return highest(*(self.rounds(one) for one in found if one is not None))
        if source.kind == "call" and source.parts[0].value == "range":
            return plus(*map(self.size, source.parts))
        return self.size(source)

    def _named(self, name: Node) -> Bound:
        means = self._flow.meaning(name)
        found = [self._bound.get(one, (1, 1)) for one in means if one != GIVEN]
        return highest(*found, (1, 1)) if GIVEN in means else highest((1, 0), *found)

    def _called(self, call: Node) -> Bound:
        function, arguments = call.parts[0], call.parts[1:]
        if function.kind == "attr":
            return self._changed(str(function.value), function.parts[0], arguments)
        if function.value in self._flow.macros:
            if id(call) in self._inner:
                return 1, 0
            return plus(*(self._bound.get(o, (1, 1)) for o in self._outs(str(function.value))))
        return times(_WRITTEN, plus(_WRITTEN, *map(self.size, arguments)))

    def _changed(self, name: str, value: Node, arguments: tuple[Node, ...]) -> Bound:
        size = self.size(value)
        if name in ("default", "d", "get"):
            return highest(size, *map(self.size, arguments))
        if name in _STEADY:
            return size
        return times(_WRITTEN, times(size, plus((1, 0), *map(self.size, arguments))))


def _counted(flow: Flow, descents: tuple[Descent, ...], inner: dict[int, str]) -> Iterator[Emit]:
    """The assignments, less those by which a macro hands a part of its value to itself."""
    dropped = {(id(one), p) for each in descents for one, p in each.handed}
    yield from (one for one in flow.emits if (id(one.value), one.target) not in dropped)
    within = {name: each for each in descents for name in each.macros}
    for call in flow.calls:
        descent = within.get(call.name)
        if id(call.node) in inner:
            continue
        if descent is None:
            yield Emit(f"#{call.name}", None, call.node.at, call.controls, counts=True)
            continue
        # Every macro of the circle runs at most once for each part of what the first is handed.
        value = descent.entry(call)
        for name in descent.macros:
            yield Emit(f"#{name}", value, call.node.at, call.controls, counts=True)
        for parameter in {parameter for _, parameter in descent.handed}:
            parts = (*descent.wraps, *([] if value is None else [value]))
            wrapped = Node("dict", call.node.at, None, parts)
            yield Emit(parameter, wrapped, call.node.at, call.controls)


def _is_range(value: Node) -> bool:
    return (
        value.kind == "call" and value.parts[0].kind == "name" and (value.parts[0].value == "range")
    )


def _of_constant(value: Node) -> Bound:
    said = value.value
    if isinstance(said, str):
        # The template's own text is part of the input.
        return 1, 1
    return (int(min(max(1, abs(said)), FACTOR + 1)), 0) if isinstance(said, int | float) else ONE

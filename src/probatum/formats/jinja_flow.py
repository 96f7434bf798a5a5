"""Follows what a Jinja template assigns: which value may come to stand in which variable.

A name is a new variable each time it is set (`x@12`), since a loop forgets what its last round
set. Namespaces do not forget: their attributes (`.count`) are one variable each, wherever they
stand. `out:m` is the text that a macro gives back, `#m` how often it runs, `$loop@12` what a loop
runs over. A macro sees the names outside as they are when it is called.

Source: jinja2 compiler.py and idtracking.py (3.1); tried against Jinja2 itself in the tests.
"""

from msgspec import Struct

from probatum.formats.jinja import Node

# What stands for a value handed in, or for no value at all.
GIVEN = ""


class Emit(Struct, frozen=True):
    """One place that gives `target` a value, run once for each round of its `controls`."""

    target: str
    value: Node | None
    at: int
    controls: tuple[str, ...]
    # Whether the value comes on top of what is there (the output of a block or of a macro).
    piles: bool = False
    # Whether the target is no text but a number of runs.
    counts: bool = False


class Call(Struct, frozen=True):
    """A macro called in the macro `caller` ("" outside), behind the branches of `trail`."""

    caller: str
    name: str
    node: Node
    controls: tuple[str, ...]
    trail: tuple["Branch", ...]

    def argument(self, parameter: str, position: int) -> Node | None:
        """What the call hands to the parameter, if anything."""
        given = self.node.parts[1:]
        for one in given:
            if one.kind == "keyword" and one.value == parameter:
                return one.parts[0]
        plain = [one for one in given if one.kind != "keyword"]
        return plain[position] if position < len(plain) else None


class Branch(Struct, frozen=True):
    """One of the branches of an `if`, and what its condition compares with which text."""

    at: int
    number: int
    compared: Node | None
    text: str = ""


class Flow:
    """Every assignment of a template, every call of a macro, and what each name may mean."""

    def __init__(self, tree: Node) -> None:
        self.macros = {str(one.value): one for one in tree.all() if one.kind == "macro"}
        self.emits: list[Emit] = []
        self.calls: list[Call] = []
        # The loop of each variable that stands for what one round is about.
        self.loops: dict[str, int] = {}
        self._means: dict[int, tuple[str, ...]] = {}
        self._late: list[tuple[int, str]] = []
        self._every: dict[str, list[str]] = {}
        self._known: dict[str, tuple[str, ...]] = {}
        self._unit, self._out = "", "out:"
        self._controls: tuple[str, ...] = ()
        self._trail: tuple[Branch, ...] = ()
        # The nodes are told apart by identity, so they have to live.
        self._tree = tree
        self._walk(tree)
        for key, name in self._late:
            self._means[key] += tuple(self._every.get(name, ()))
        for call in self.calls:
            for at, parameter in enumerate(self.macros[call.name].parts[0].parts):
                value = call.argument(str(parameter.value), at)
                if value is not None:
                    variable = parameter_of(call.name, str(parameter.value))
                    self.emits.append(Emit(variable, value, call.node.at, call.controls))

    def meaning(self, name: Node) -> tuple[str, ...]:
        """The variables that the name may stand for here."""
        return self._means.get(id(name), (GIVEN,))

    def _walk(self, node: Node) -> None:
        match node.kind:
            case "body":
                for one in node.parts:
                    self._walk(one)
            case "print":
                self._say(self._out, node.parts[0], node.at, piles=True)
            case "set":
                self._read(node.parts[1])
                self._bind(node.parts[0], node.parts[1])
            case "set-block" | "filter-block":
                self._block(node)
            case "if":
                self._if(node)
            case "for":
                self._for(node)
            case "macro":
                self._macro(node)

    def _say(self, target: str, value: Node, at: int, *, piles: bool = False) -> None:
        self._read(value)
        self.emits.append(Emit(target, value, at, self._controls, piles))

    def _read(self, value: Node) -> None:
        for one in value.all():
            if one.kind == "name":
                self._name(one)
            elif one.kind == "call" and one.parts[0].value in self.macros:
                name = str(one.parts[0].value)
                self.calls.append(Call(self._unit, name, one, self._controls, self._trail))
            elif one.kind == "call" and one.parts[0].value == "namespace":
                for each in one.parts[1:]:
                    emit = Emit(f".{each.value}", each.parts[0], each.at, self._controls)
                    self.emits += [emit] if each.kind == "keyword" else []

    def _name(self, node: Node) -> None:
        name = str(node.value)
        means = self._known.get(name, (GIVEN,))
        self._means[id(node)] = means
        if self._unit and GIVEN in means:
            self._late.append((id(node), name))

    def _bind(self, target: Node, value: Node) -> None:
        if target.kind == "attr":
            self.emits.append(Emit(f".{target.value}", value, target.at, self._controls))
            self._read(target.parts[0])
        elif target.kind == "name":
            self.emits.append(Emit(self._new(target), value, target.at, self._controls))
        else:
            for one in target.parts:
                self._bind(one, value)

    def _new(self, name: Node) -> str:
        variable = f"{name.value}@{name.at}"
        self._known[str(name.value)] = (variable,)
        if not self._unit:
            self._every.setdefault(str(name.value), []).append(variable)
        return variable

    def _block(self, node: Node) -> None:
        """A block whose output is set to a name, or filtered where it stands."""
        target, body = node.parts
        inside, out = f"$block@{node.at}", self._out
        self._out = inside
        before = dict(self._known)
        self._walk(body)
        self._out = out
        self._known = _either(before, self._known)
        chain, place = _chain(target)
        text = Node("name", node.at, "")
        value = text
        for one in reversed(chain):
            for argument in one.parts[1:]:
                self._read(argument)
            value = Node("filter", one.at, one.value, (value, *one.parts[1:]))
        self._means[id(text)] = (inside,)
        if node.kind == "filter-block":
            self.emits.append(Emit(out, value, node.at, self._controls, piles=True))
        else:
            self._bind(place, value)

    def _if(self, node: Node) -> None:
        before, trail = self._known, self._trail
        after: list[dict[str, tuple[str, ...]]] = []
        for at in range(0, len(node.parts), 2):
            self._known = dict(before)
            if at + 1 < len(node.parts):
                self._say(f"?{node.parts[at].at}", node.parts[at], node.parts[at].at)
                compared, text = _comparison(node.parts[at])
                self._trail = (*trail, Branch(node.at, at, compared, text))
                self._walk(node.parts[at + 1])
            else:
                self._trail = (*trail, Branch(node.at, at, None))
                self._walk(node.parts[at])
            after.append(self._known)
        if len(node.parts) % 2 == 0:
            after.append(before)
        self._known, self._trail = after[0], trail
        for one in after[1:]:
            self._known = _either(self._known, one)

    def _for(self, node: Node) -> None:
        target, source, body = node.parts[:3]
        loop, controls, before = f"$loop@{node.at}", self._controls, dict(self._known)
        self._say(loop, source.parts[0], node.at)
        self._controls = (*controls, loop)
        self._known["loop"] = (loop,)
        before_target = len(self.emits)
        self._bind(target, source.parts[0])
        for emit in self.emits[before_target:]:
            self.loops[emit.target] = node.at
        if len(source.parts) > 1:
            self._say(f"?{node.at}", source.parts[1], node.at)
        self._walk(body)
        self._controls = controls
        self._known = _either(before, self._known)
        for one in node.parts[3:]:
            self._walk(one)
        self._known = _either(before, self._known)

    def _macro(self, node: Node) -> None:
        saved = self._known, self._unit, self._out, self._controls, self._trail
        name = str(node.value)
        self._known, self._unit, self._out = {}, name, f"out:{name}"
        self._controls, self._trail = (f"#{name}",), ()
        for one in node.parts[0].parts:
            variable = parameter_of(name, str(one.value))
            for default in one.parts:
                self._say(variable, default, one.at)
            self._known[str(one.value)] = (variable,)
        self._walk(node.parts[1])
        self._known, self._unit, self._out, self._controls, self._trail = saved


def parameter_of(macro: str, name: str) -> str:
    """The variable of a macro's parameter."""
    return f"{macro}({name})"


def _either(
    left: dict[str, tuple[str, ...]], right: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    names = {**left, **right}
    return {
        name: tuple(dict.fromkeys((*left.get(name, (GIVEN,)), *right.get(name, (GIVEN,)))))
        for name in names
    }


def _chain(target: Node) -> tuple[list[Node], Node]:
    """The filters around what a block is set to, the last one first."""
    found = []
    while target.kind == "filter":
        found.append(target)
        target = target.parts[0]
    return found, target


def _comparison(condition: Node) -> tuple[Node | None, str]:
    """What a condition holds equal to a constant text, so that another text excludes it."""
    if condition.kind == "op" and condition.value == "==":
        left, right = condition.parts
        if right.kind == "const" and isinstance(right.value, str):
            return left, right.value
    return None, ""

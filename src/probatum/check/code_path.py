"""Walks the path of a refutation about code again: every step in the source, by its syntax tree.

A witness of such a claim tells steps, each at an expression (line, column, end). What is checked:

1. each step stands at an expression, a parameter or an augmented assignment of the project;
2. the first is a source: a row of `rules/code/sources.toml` names it, in the words that the step
   says, or it is a parameter or field that others choose;
3. the last is a call that a row of `rules/code/sinks.toml` for this claim names, and the step
   before reaches an argument that the row calls dangerous;
4. each step follows from the one before: as part of a larger expression, through a name (or
   `self.x`) that is bound and later read with nothing in between that binds it anew, as an
   argument received by the parameter of a function so named, as what a function so named returns,
   as what is kept in an attribute and read from one of that name, or, where the claim is about
   what is in files, as what is written to a file that is named the same way further down.

That is a path that data can take. It is not shown that no condition on the way stops an attacker,
nor that what a call to unknown code returns still holds what it was given.

The trusted base: this file, `code_names`, Python's parser, and the rows of `rules/code`.
"""

import ast
from collections.abc import Iterator
from typing import Any

from probatum.check import code_written
from probatum.check.code_calls import (
    MAKING,
    arguments,
    arguments_behind,
    callee_name,
    gives,
    handed_function,
    hands_over,
    method_of,
    parts,
    receives,
    returning,
    targets_of,
    unpacked,
)
from probatum.check.code_ends import Source, is_script, sinks
from probatum.check.code_files import Project
from probatum.check.code_names import File
from probatum.check.code_spots import Spot, spot_of
from probatum.check.code_trees import FILLING, FUNCTIONS, dotted, rows, words
from probatum.errors import Rejected
from probatum.vocabulary import Step, Witness

_MOST_STEPS, _MOST_NODES = 400, 20_000
_TEXTS = ("format", "join", "format_map")


def walks(witness: Witness, claim: str, project: Project) -> None:
    """Raises: Rejected with the step that does not hold."""
    try:
        Walk(claim, project).along(witness)
    except (RecursionError, MemoryError, KeyError) as exc:
        raise Rejected("the path is not one that can be followed") from exc


class Walk:
    """Follows the steps of one witness; how values go on and who calls whom is of use alone."""

    def __init__(self, claim: str, project: Project) -> None:
        self.claim = claim
        self.project = project
        self.clean = words("cleaner", claim)

    def along(self, witness: Witness) -> None:
        if not 1 < len(witness.steps) <= _MOST_STEPS:
            raise Rejected("a path has two steps at least")
        spots = [
            spot_of(self.project, number, step) for number, step in enumerate(witness.steps, 1)
        ]
        if witness.place != witness.steps[-1].place:
            raise Rejected("the witness is elsewhere than the path's end")
        whys = []
        for row, given in sinks(self.claim, *spots[-1]):
            try:
                return self.ends(witness, spots, row, given)
            except Rejected as exc:
                whys.append(exc)
        raise whys[0]

    def ends(
        self, witness: Witness, spots: list[Spot], row: dict[str, Any], given: list[Any]
    ) -> None:
        """The path leads from a source for the row to what the row calls dangerous."""
        source = witness.steps[0].says
        if source not in Source(self.claim, row, *spots[0]).says():
            raise Rejected("step 1: no source of these words")
        if len(spots) > 2 and self.makes(spots[-2], spots[-1]):
            try:
                self.reaches(given, witness.steps, [*spots[:-2], spots[-1]])
            except Rejected:
                self.reaches(given, witness.steps, spots)
        else:
            self.reaches(given, witness.steps, spots)
        remote = any(one["says"] == source and one["remote"] for one in rows("sources")["source"])
        if row.get("text") and not remote and not any(map(_is_text, spots)):
            raise Rejected("nothing on the path is put into a text")
        if row.get("shell") and not any(is_script(spot.node) for spot in spots):
            raise Rejected("nothing on the path is put into a shell's script")

    def reaches(self, given: list[Any], steps: tuple[Step, ...], spots: list[Spot]) -> None:
        """The path leads to one of the dangerous arguments that its last call is given."""
        file = spots[-1].file
        reached = self.chain(steps, spots[:-1])
        if not any(one.file is file and one.node in given for one in reached):
            raise Rejected("the last step: nothing dangerous of the call is reached")

    def chain(self, steps: tuple[Step, ...], spots: list[Spot]) -> list[Spot]:
        """All that the last of the spots reaches; each must follow from the one before."""
        entered: list[Spot] = []
        at = [spots[0]]
        for number, spot in enumerate(spots[1:], 2):
            reach = self.onwards(at)
            entered, at = self.follow(entered or reach, reach, spot)
            if not entered and not at:
                place = steps[number - 1].place
                raise Rejected(f"step {number} ({place}) does not follow from the one before")
        return self.onwards(at)

    def follow(
        self, entered: list[Spot], reach: list[Spot], spot: Spot
    ) -> tuple[list[Spot], list[Spot]]:
        """What of `reach` a call at the spot is given, and the spot itself where it is reached.

        `entered` are the arguments of the call before, which alone its parameters receive.
        """
        file, node = spot
        if isinstance(node, ast.arg):
            received = any(self.receives(one, spot) for one in entered)
            return [], [spot] if received else []
        inside = [one for one in reach if one.file is file]
        direct = any(one.node is node for one in inside)
        given: list[Spot] = []
        if isinstance(node, ast.Call):
            held = {id(one) for one in parts(node)}
            given = [one for one in inside if id(one.node) in held]
            direct = direct or any(self.returns(one, spot) for one in reach)
        elif isinstance(node, ast.Attribute):
            direct = direct or any(self.kept(one, spot) for one in reach)
        return given, [spot] if direct else []

    # Within a function

    def onwards(self, starts: list[Spot]) -> list[Spot]:
        """The spots and all that their values flow to, by expressions and names of one file."""
        found: dict[int, Spot] = {}
        waiting = list(starts)
        while waiting:
            spot = waiting.pop()
            if id(spot.node) not in found:
                found[id(spot.node)] = spot
                waiting += [Spot(spot.file, one) for one in self.after(*spot)]
                if len(found) > _MOST_NODES:
                    raise Rejected("the path leads through too much code")
        return list(found.values())

    def after(self, file: File, node: Any) -> Iterator[Any]:
        """What a value is part of next, or is bound to and read from."""
        if isinstance(node, ast.arg):
            yield from file.reached(node, node.arg)
            return
        parent = file.parents.get(node)
        match parent:
            case ast.Attribute() | ast.Subscript():
                if parent.value is node:
                    yield parent
            case ast.BinOp():
                if isinstance(parent.op, (ast.Add, ast.Mod, ast.Div)):
                    yield parent
            case ast.UnaryOp():
                if not isinstance(parent.op, ast.Not):
                    yield parent
            case ast.BoolOp():
                if isinstance(parent.op, ast.Or) or parent.values[-1] is node:
                    yield parent
            case ast.IfExp():
                if parent.test is not node:
                    yield parent
            case ast.NamedExpr():
                yield parent
                yield from self.bound(file, parent.target)
            case ast.comprehension():
                if parent.iter is node:
                    yield from self.bound(file, parent.target)
            case ast.Call():
                yield from self.called(file, parent, node)
            case ast.keyword():
                yield from self.called(file, file.parents[parent], node)
            case ast.Assign():
                for target in parent.targets:
                    yield from self.bound(file, target)
            case ast.AugAssign():
                yield parent
            case ast.AnnAssign():
                yield from self.bound(file, parent.target)
            case ast.withitem():
                yield from self.bound(file, parent.optional_vars)
            case ast.For() | ast.AsyncFor():
                if parent.iter is node:
                    yield from self.bound(file, parent.target)
            case ast.Match():
                for one in ast.walk(ast.Module(parent.cases, [])):  # type: ignore[arg-type]
                    if isinstance(one, (ast.MatchAs, ast.MatchStar)) and one.name:
                        yield from file.reached(one, one.name)
            case ast.Tuple() | ast.List() if targets := unpacked(file.parents, parent):
                yield from self.bound(file, targets[parent.elts.index(node)])
            case (
                ast.JoinedStr() | ast.FormattedValue() | ast.Await() | ast.Starred() | ast.List()
                | ast.Tuple() | ast.Set() | ast.Dict() | ast.ListComp() | ast.SetComp()
                | ast.GeneratorExp() | ast.DictComp()
            ):  # fmt: skip
                yield parent
        if isinstance(node, ast.AugAssign):
            yield from self.bound(file, node.target)
        if isinstance(node, ast.Call):
            yield from self.read_later(file, node, node)

    def called(self, file: File, call: ast.Call, node: Any) -> Iterator[Any]:
        """What a call gives back of what it is given, and the container that it fills."""
        name = callee_name(call)
        yield from self.read_later(file, call, node)
        if call.func is node:
            if isinstance(node, ast.Attribute) and name not in self.clean:
                yield call
            return
        if (targets := unpacked(file.parents, call)) and node in call.args:
            at = call.args.index(node) + (name == "enumerate")
            yield from self.bound(file, targets[at] if at < len(targets) else None)
            return
        if name in FILLING and isinstance(call.func, ast.Attribute):
            yield from self.bound(file, call.func.value, fills=call)
        if name not in self.clean and not self.is_own(file, call):
            yield call

    def read_later(self, file: File, call: ast.Call, node: Any) -> Iterator[Any]:
        """Who reads the file that the node is written to, if the claim is about what files hold."""
        if self.claim in code_written.CLAIMS:
            yield from code_written.read_later(file, call, node)

    def is_own(self, file: File, call: ast.Call) -> bool:
        """A function of the same file that returns something: a path must lead through it."""
        if not isinstance(call.func, ast.Name):
            return False
        scope = file.binding(call.func, call.func.id)
        defined = file.binds[scope].get(call.func.id, ()) if scope is not None else ()
        return any(isinstance(one, FUNCTIONS) and gives(one) for one in defined)

    def bound(self, file: File, target: Any, fills: Any = None) -> Iterator[Any]:
        """The reads of what a target binds, or of the container that it is put into."""
        if isinstance(target, (ast.Tuple, ast.List)):
            for one in target.elts:
                yield from self.bound(file, one)
        elif isinstance(target, (ast.Starred, ast.Subscript)):
            yield from self.bound(file, target.value)
        elif target is not None and (path := dotted(target)):
            yield from file.reached(target, path)

    # Across functions

    def receives(self, spot: Spot, parameter: Spot) -> bool:
        """The parameter receives what the spot is, in a call of a function so named, or in one
        that is given such a function and calls it."""
        file, node = spot
        if isinstance(node, ast.Call) and hands_over(node, parameter.file.function(parameter.node)):
            return True
        holder = file.parents.get(node)
        while isinstance(holder, (ast.keyword, ast.Starred, ast.Tuple, ast.List, ast.Attribute)):
            holder = file.parents.get(holder)
        if not isinstance(holder, ast.Call):
            return False
        function = parameter.file.function(parameter.node)
        if self.names(Spot(file, holder), Spot(parameter.file, function)):
            return receives(parameter.node, function, arguments(holder), holder.func, node)
        handed = handed_function(holder, function)
        return handed is not None and receives(
            parameter.node, function, arguments_behind(holder, handed), handed, node
        )

    def names(self, call: Spot, function: Spot) -> bool:
        """The call's name is the function's, or that of the class that it is a method of, and
        what is known of the callee says nothing else."""
        called = callee_name(call.node)
        if isinstance(function.node, ast.Lambda):
            holder = function.file.parents.get(function.node)
            targets = holder.targets if isinstance(holder, ast.Assign) else ()
            return any(dotted(one).rpartition(".")[2] == called for one in targets)
        meant = call.file.meant(call.node.func)
        owner = function.file.owner(function.node)
        if isinstance(call.node.func, ast.Name):
            called = call.file.imports.get(called, called).rpartition(".")[2]
        if called == function.node.name:
            return self.may_be(call, function, owner, meant)
        if owner is None or function.node.name not in MAKING:
            return False
        return called == owner.name or any(cls is owner for _, cls in call.file.classes(meant))

    def may_be(self, call: Spot, function: Spot, owner: Any, meant: set[str]) -> bool:
        """No other function of that name is meant: by the name itself, or the object's class."""
        places = [self.project.definition(name) for name in meant]
        named = {one[0].name for one in places if one and one[1].name == function.node.name}
        func = call.node.func
        if named or owner is None or not isinstance(func, ast.Attribute):
            return not named or function.file.name in named
        objects = call.file.meant(func.value)
        direct = [self.project.definition(name) for name in objects]
        known = [one[1] for one in direct if one and isinstance(one[1], ast.ClassDef)]
        below = function.file.classes({f"{function.file.module}.{owner.name}"})
        above = call.file.classes(objects)
        related = any(cls is owner for _, cls in above) or any(cls in known for _, cls in below)
        return related or not known

    def returns(self, spot: Spot, call: Spot) -> bool:
        """The spot is what a function returns or yields that the call names."""
        file, node = spot
        function = returning(file, node)
        if function is None:
            return False
        return (
            self.names(call, Spot(file, function))
            or handed_function(call.node, function) is not None
        )

    def kept(self, spot: Spot, read: Spot) -> bool:
        """The spot is stored to an attribute of that name, or is what a property returns."""
        file, node = spot
        function = returning(file, node)
        if isinstance(function, FUNCTIONS) and function.name == read.node.attr:
            return bool(function.decorator_list)
        for target in targets_of(file, node):
            if isinstance(target, ast.Attribute) and target.attr == read.node.attr:
                return self.related(Spot(file, target), read)
            if isinstance(target, ast.Name) and target.id == read.node.attr:
                return isinstance(file.scope(target), ast.ClassDef)
        call = file.parents.get(file.parents.get(node))
        if _is_named(file.parents.get(node), read.node.attr) and _makes_base(call):
            return self.akin(Spot(file, call), read)
        return False

    def related(self, store: Spot, read: Spot) -> bool:
        """Where both are attributes of `self`, their classes have one of the project in common."""
        if dotted(store.node.value) != "self" or dotted(read.node.value) != "self":
            return True
        return self.akin(store, read)

    def akin(self, one: Spot, other: Spot) -> bool:
        """The classes in whose methods they stand have one of the project in common."""
        sides = []
        for file, node in (one, other):
            cls = file.owner(method_of(file, node))
            name = {f"{file.module}.{cls.name}"} if cls is not None else set()
            sides.append({id(one) for _, one in file.classes(name)})
        return bool(sides[0] & sides[1])

    # The end

    def makes(self, made: Spot, sink: Spot) -> bool:
        """The step says where the object was made whose method the sink is, beside the path."""
        func = sink.node.func
        if not isinstance(made.node, ast.Call) or not isinstance(func, ast.Attribute):
            return False
        for target in targets_of(*made):
            for read in sink.file.loads.get(getattr(target, "attr", ""), ()):
                if any(one.node is func.value for one in self.onwards([Spot(sink.file, read)])):
                    return True
        return False


def _is_named(keyword: Any, name: str) -> bool:
    return isinstance(keyword, ast.keyword) and keyword.arg == name


def _makes_base(call: Any) -> bool:
    """`super().__init__(…)`: what is given by name, a record's constructor keeps by that name."""
    func = getattr(call, "func", None)
    if not isinstance(func, ast.Attribute) or func.attr != "__init__":
        return False
    return isinstance(func.value, ast.Call) and callee_name(func.value) == "super"


def _is_text(spot: Spot) -> bool:
    node = spot.node
    if isinstance(node, ast.Call):
        return callee_name(node) in _TEXTS
    return isinstance(node, (ast.JoinedStr, ast.BinOp, ast.AugAssign))

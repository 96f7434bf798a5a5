"""What constants a value may be, through names, fields, defaults, options and callers.

Each is told with where it stands and by which way it is meant, in the words that a witness says.
That a value may be something else besides is not looked at.
"""

import ast
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from probatum.check.code_calls import MAKING, arguments, callee_name, receives
from probatum.check.code_names import File
from probatum.check.code_path import Walk
from probatum.check.code_spots import Spot, calls, given, last_name
from probatum.check.code_trees import FUNCTIONS, dotted

_DEEPEST = 12
_ENVIRONMENT = frozenset(
    ["os.environ.get", "os.getenv", "os.environ.setdefault", "decouple.config"]
)
_ASKING = frozenset(["get_env", "getenv", "env", "get_bool_env"])
_OPTIONS = frozenset(["args", "opts", "options", "parsed_args", "cli_args", "arguments", "flags"])
_PASSING = frozenset(["Field", "field", "SecretStr", "str", "bool"])
_OTHERWISE = "where nothing else is given"


class Said(NamedTuple):
    """A constant, or the absolute name of something outside where it is `named` so."""

    value: Any
    spot: Spot
    how: str = ""
    named: bool = False

    def by(self, how: str) -> "Said":
        return self._replace(how=how)


class Constants:
    """Looks for callers, fields and variables in the `near` files, those that a witness names."""

    def __init__(self, near: Iterable[File]) -> None:
        self.near = list(dict.fromkeys(near))
        self._seen: set[tuple[int, int]] = set()

    def of(self, file: File, node: Any) -> list[Said]:
        """What a value may be."""
        self._seen = set()
        return list(self._of(file, node, 0))

    def _of(self, file: File, node: Any, depth: int) -> Iterator[Said]:
        if node is None or depth > _DEEPEST or (id(file), id(node)) in self._seen:
            return
        self._seen.add((id(file), id(node)))
        match node:
            case ast.Constant():
                yield Said(node.value, Spot(file, node))
            case ast.IfExp():
                yield from self._of(file, node.body, depth + 1)
                yield from self._of(file, node.orelse, depth + 1)
            case ast.BoolOp(op=ast.Or(), values=[first, *others]):
                yield from self._of(file, first, depth + 1)
                for one in others:
                    for said in self._of(file, one, depth + 1):
                        yield said.by(said.how or _OTHERWISE)
            case ast.Name():
                yield from self._name(file, node, depth)
            case ast.Attribute():
                yield from self._attribute(file, node, depth)
            case ast.Call():
                yield from self._call(file, node, depth)
            case ast.arg():
                yield from self._parameter(file, node, depth)

    def _name(self, file: File, node: ast.Name, depth: int) -> Iterator[Said]:
        scope = file.binding(node, node.id)
        for target in file.binds[scope][node.id] if scope is not None else ():
            yield from self._target(file, target, depth)
        if node.id in file.imports:
            yield from self._outside(file, node, file.imports[node.id], depth)

    def _outside(self, file: File, node: Any, name: str, depth: int) -> Iterator[Said]:
        """A variable of another module, or the name alone."""
        module, _, last = name.rpartition(".")
        for other in self.near:
            if module and f".{other.module}".endswith(f".{module}"):
                for target in other.binds[other.tree].get(last, ()):
                    yield from self._target(other, target, depth)
        if "." in name:
            yield Said(name, Spot(file, node), named=True)

    def _target(self, file: File, target: Any, depth: int) -> Iterator[Said]:
        """What is bound to a name or stored in an attribute."""
        if isinstance(target, ast.arg):
            yield from self._of(file, target, depth + 1)
            return
        parent = file.parents.get(target)
        plain = not isinstance(parent, ast.Assign) or target in parent.targets
        if plain and isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            yield from self._of(file, parent.value, depth + 1)

    def _attribute(self, file: File, node: ast.Attribute, depth: int) -> Iterator[Said]:
        path = dotted(node)
        walk = Walk("", file.project)
        for other in dict.fromkeys((file, *self.near)):
            other.open_all()
            for target in other.stores.get(node.attr, ()):
                if walk.related(Spot(other, target), Spot(file, node)):
                    yield from self._target(other, target, depth)
            for scope, bound in list(other.binds.items()):
                if isinstance(scope, ast.ClassDef):
                    for target in bound.get(node.attr, ()):
                        yield from self._target(other, target, depth)
        yield from self._option(file, node)
        first, _, rest = path.partition(".")
        if rest and first in file.imports:
            yield from self._outside(file, node, f"{file.imports[first]}.{rest}", depth)

    def _option(self, file: File, node: ast.Attribute) -> Iterator[Said]:
        """`args.name`: the default of an option of the command line that the file declares."""
        base = node.value
        made = isinstance(base, ast.Call) and callee_name(base) == "parse_args"
        if not made and last_name(base) not in _OPTIONS:
            return
        for call in calls(file):
            said = [one.value for one in call.args if isinstance(one, ast.Constant)]
            names = [one.lstrip("-").replace("-", "_") for one in said if isinstance(one, str)]
            if callee_name(call) != "add_argument" or node.attr not in names:
                continue
            default, action = given(call, "default"), given(call, "action")
            if isinstance(default, ast.Constant):
                yield Said(default.value, Spot(file, default), f"by default of {said[0]!s}")
            elif isinstance(action, ast.Constant) and action.value == "store_true":
                yield Said(False, Spot(file, call), f"by default of {said[0]!s}")

    def _call(self, file: File, call: ast.Call, depth: int) -> Iterator[Said]:
        """The default of what is asked of the environment; what a wrapper is given."""
        name = callee_name(call)
        default = given(call, "default")
        if name in _ASKING or file.meant(call.func) & _ENVIRONMENT:
            asked = _asked(call)
            for one in (*call.args[1:2], default):
                for said in self._of(file, one, depth + 1):
                    yield said.by(f"where {asked} is not set")
        elif name in _PASSING:
            yield from self._of(file, call.args[0] if call.args else default, depth + 1)
        elif name in ("encode", "strip") and isinstance(call.func, ast.Attribute):
            yield from self._of(file, call.func.value, depth + 1)

    # Parameters

    def _parameter(self, file: File, parameter: ast.arg, depth: int) -> Iterator[Said]:
        function = file.function(parameter)
        if not isinstance(function, FUNCTIONS):
            return
        default = default_of(function, parameter)
        if isinstance(default, ast.Constant):
            how = f"by default of the parameter {parameter.arg}"
            yield Said(default.value, Spot(file, parameter), how)
        for other, one in self._handed(file, function, parameter):
            for said in self._of(other, one, depth + 1):
                yield said
                yield said.by(said.how or f"given to {file.qualified(function)}")

    def _handed(self, file: File, function: Any, parameter: ast.arg) -> Iterator[tuple[File, Any]]:
        """What the calls in the files nearby give for a parameter."""
        walk, owner = Walk("", file.project), file.owner(function)
        names = {function.name}
        if owner is not None and function.name in MAKING:
            names.add(owner.name)
        for other in dict.fromkeys((file, *self.near)):
            for call in calls(other):
                called = callee_name(call)
                if not {called, other.imports.get(called, "").rpartition(".")[2]} & names:
                    continue
                if walk.names(Spot(other, call), Spot(file, function)):
                    listed = arguments(call)
                    for _, one in listed:
                        if receives(parameter, function, listed, call.func, one):
                            yield other, one


def default_of(function: Any, parameter: ast.arg) -> Any:
    """What a parameter is if a call gives nothing; None if it must be given."""
    said = function.args
    listed = [*said.posonlyargs, *said.args]
    pairs = list(zip(reversed(listed), reversed(said.defaults), strict=False))
    pairs += list(zip(said.kwonlyargs, said.kw_defaults, strict=True))
    return next((default for one, default in pairs if one is parameter), None)


def _asked(call: ast.Call) -> Any:
    """Which variable of the environment is asked for."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) else last_name(first)

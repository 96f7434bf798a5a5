"""Shows again that a route asks nobody who he is, where others do or everybody can reach it.

What is checked: the last step is a route's decorator, or the first parameter of a handler's method,
by a row of `rules/code/calls.toml`, nothing in front of its handler is called as what asks is, and
it is not one for those who are not known yet; two steps at least are routes that ask, by the name
that they say; a step between is a call that another claim is about. Or: the first step binds an
application to every address, and the rest is a path of another claim.
"""

import ast
from collections.abc import Iterator
from typing import Any, NamedTuple

from probatum.check import code_ends
from probatum.check.code_constants import Constants
from probatum.check.code_ends import is_shipped
from probatum.check.code_names import File
from probatum.check.code_path import walks
from probatum.check.code_spots import Spot, given, last_name, listed, means, property_words
from probatum.check.code_trees import FUNCTIONS, dotted, rows
from probatum.errors import Rejected
from probatum.vocabulary import Step, Witness

CLAIMS = frozenset({"no-missing-authentication"})

_SOURCE = "a request that nobody asks who sent it, as routes beside it do,"
_FROM_AFAR = "a request from another machine that nobody asks who sent it"
_RUNNING = ("no-code-injection", "no-command-injection", "no-unsafe-deserialization")
_EVERYBODY = ("0.0.0.0", "::")  # noqa: S104 (what is looked for)
_REFUSALS = (401, 403)
_LEAST_SIBLINGS, _DEEPEST = 2, 2


def shows(claim: str, source: str, steps: tuple[Step, ...], spots: list[Spot]) -> None:
    """Raises: Rejected with what is not so."""
    if not all(is_shipped(one.file.name) for one in spots):
        raise Rejected("the last step: only the project itself runs this")
    if source == _FROM_AFAR:
        _from_afar(claim, steps, spots)
        return
    route = _route(spots[-1])
    if source != _SOURCE or route is None or steps[-1].says != f"{route.said} ({route.name})":
        raise Rejected("the last step: no route of these words")
    if any(_asks(name) for name in route.named()) or route.is_open():
        raise Rejected("the last step: the route asks, or is for everybody")
    asking = 0
    for number, (step, spot) in enumerate(zip(steps[:-1], spots[:-1], strict=True), 1):
        other = _route(spot)
        if other is None:
            if number != len(steps) - 1 or not _is_sink(spot):
                raise Rejected(f"step {number} is no route, and no call of another claim")
            continue
        words, _, name = step.says.partition(" asks by ")
        held = any(one.lower() == name.lower() for one in other.named())
        asks = _asks(name) or other.turns_away_by(name)
        if words != other.said or not held or not asks:
            raise Rejected(f"step {number}: the route does not ask by that")
        asking += 1
    if asking < _LEAST_SIBLINGS:
        raise Rejected("too few routes ask")


class _Route(NamedTuple):
    """A handler, its decorator, and how it is reached."""

    file: File
    function: Any
    decorator: ast.Call | None
    said: str

    @property
    def name(self) -> str:
        return self.file.qualified(self.function)

    def named(self) -> Iterator[str]:
        """The names in front of the handler: of parameters, annotations, defaults, decorators."""
        path = self.decorator.args[0] if self.decorator and self.decorator.args else None
        for part in (self.function.args, *self.function.decorator_list):
            for one in ast.walk(part):
                if isinstance(one, ast.arg):
                    yield one.arg
                elif name := dotted(one):
                    yield from (name, name.rpartition(".")[2])
                elif isinstance(one, ast.Constant) and isinstance(one.value, str) and one != path:
                    yield one.value
                if isinstance(one, ast.keyword) and one.arg:
                    yield one.arg
        yield from (ast.unparse(one) for one in _annotations(self.function))

    def turns_away_by(self, name: str) -> bool:
        """A function of this name that is injected turns away those who are not known."""
        return any(
            _turns_away(self.file, one, 0)
            for one in ast.walk(self.function.args)
            if dotted(one).lower() == name.lower() != ""
        )

    def is_open(self) -> bool:
        """It is meant for those who are not known yet."""
        said = f"{self.said.partition(' ')[2]} {self.name}".lower()
        return any(word in said for word in property_words("open route"))


def _annotations(function: Any) -> Iterator[Any]:
    for one in ast.walk(function.args):
        if isinstance(one, ast.arg) and one.annotation is not None:
            yield one.annotation


def _asks(name: str) -> bool:
    lower = name.lower()
    return not lower.endswith("_id") and any(word in lower for word in property_words("asks"))


def _turns_away(file: File, node: Any, depth: int) -> bool:
    """A function of the project answers 401 or 403, raises an error that says so, or is injected
    one that does."""
    for name in file.meant(node):
        place = file.project.definition(name)
        if place is None or not isinstance(place[1], FUNCTIONS):
            continue
        home, function = place
        if any(_refuses(one) for one in ast.walk(function)):
            return True
        inner = [one for one in ast.walk(function.args) if dotted(one)]
        if depth < _DEEPEST and any(_turns_away(home, one, depth + 1) for one in inner):
            return True
    return False


def _refuses(node: Any) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int and node.value in _REFUSALS
    said = getattr(node, "id", getattr(node, "attr", ""))
    return any(word in str(said).lower() for word in property_words("turns away"))


def _route(spot: Spot) -> _Route | None:
    file, call = spot
    if isinstance(call, ast.arg):
        return _method(file, call)
    function = file.parents.get(call)
    if not isinstance(function, FUNCTIONS) or call not in function.decorator_list:
        return None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    method = call.func.attr
    for row in rows("calls")["framework"]:
        changing, neutral = row["changing"], row.get("neutral", ())
        if method in (*changing, *row["reading"], *neutral) and _is_app(row, file, call.func.value):
            verb = _verb(changing, call) if method in neutral else method
            first = call.args[0] if call.args else None
            path = first.value if isinstance(first, ast.Constant) else ""
            return _Route(file, function, call, f"{verb.upper()} {path!s}")
    return None


def _method(file: File, own: ast.arg) -> _Route | None:
    """The method of a handler's class that a first parameter is of."""
    function = file.function(own)
    cls = file.owner(function)
    if cls is None or not isinstance(function, FUNCTIONS) or function.args.args[:1] != [own]:
        return None
    above = file.classes({f"{file.module}.{cls.name}"})
    bases = {name for other, one in above for base in one.bases for name in other.meant(base)}
    lasts = {name.rpartition(".")[2] for name in bases}
    for row in rows("calls")["framework"]:
        known = function.name in (*row["changing"], *row["reading"])
        if known and lasts & set(row.get("handlers", ())):
            said = f"{function.name.upper()} {file.qualified(cls)}"
            return _Route(file, function, None, said)
    return None


def _verb(changing: list[str], call: ast.Call) -> str:
    """The first method of `methods=` that changes something, else the first."""
    given_methods = getattr(given(call, "methods"), "elts", ())
    verbs = [str(one.value) for one in given_methods if isinstance(one, ast.Constant)]
    return next((one for one in verbs if one.lower() in changing), (verbs or ["GET"])[0])


def _is_app(row: dict[str, Any], file: File, node: Any) -> bool:
    meant = file.meant(node)
    if meant & set(row.get("apps", ())):
        return True
    for name in meant:  # a variable of another module
        module, _, last = name.rpartition(".")
        for other in file.project.modules.get(module.rpartition(".")[2], ()):
            home = file.project.file(other)
            for target in home.binds[home.tree].get(last, ()) if home is not None else ():
                if home is not None and home.type_of_target(target) & set(row.get("apps", ())):
                    return True
    return False


def _is_sink(spot: Spot) -> bool:
    for claim in code_ends.claims():
        try:
            code_ends.sinks(claim, *spot)
        except Rejected:
            continue
        return True
    return False


def _from_afar(claim: str, steps: tuple[Step, ...], spots: list[Spot]) -> None:
    file, call = spots[0]
    if not any(means(row, file, call) for row in listed("called", claim)):
        raise Rejected("step 1: nothing is bound to an address")
    host = given(call, "host")
    found = Constants([file]).of(file, host)
    words = [f"bound to {one.value} {one.how}".strip() for one in found if one.value in _EVERYBODY]
    if steps[0].says not in words:
        raise Rejected("step 1: bound to another address")
    end = spots[-1].node
    called = [end.func, *end.args] if isinstance(end, ast.Call) else []
    if not any(name in steps[-1].says for one in called if (name := last_name(one))):
        raise Rejected("the last step: another call than it says")
    why = "no path of another claim"
    for other in _RUNNING:
        try:
            walks(Witness("", steps[-1].place, steps[1:]), other, file.project)
        except Rejected as exc:
            why = str(exc)
        else:
            return
    raise Rejected(why)

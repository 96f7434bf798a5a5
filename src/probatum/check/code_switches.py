"""Shows again that a call or a store turns a protection off, by a row of `rules/code/calls.toml`.

What is checked: the last step stands at a call that the row names, given one of the row's values by
one of its keywords, directly or from where the step before says that it was said; or at a value
stored in one of the row's attributes. Nothing beside it in the call protects: no keyword of
`unless` with a value of its own, no commit, and whatever the row demands `also` is there.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any

from probatum.check.code_constants import Constants, Said
from probatum.check.code_ends import is_shipped
from probatum.check.code_spots import Spot, given, is_one, last_name, listed, means
from probatum.errors import Rejected
from probatum.vocabulary import Step

CLAIMS = frozenset({"verified-tls", "pinned-remote-code", "no-open-server"})

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def shows(claim: str, source: str, steps: tuple[Step, ...], spots: list[Spot]) -> None:
    """Raises: Rejected with what is not so."""
    end = spots[-1]
    if not is_shipped(end.file.name):
        raise Rejected("the last step: only the project itself runs this")
    constants = Constants(one.file for one in spots)
    told = _Told(steps, spots, constants)
    for row in (one for one in listed("switch", claim) if one["says"] == source):
        if _switched(row, end, constants, told):
            return
    for row in (one for one in listed("called", claim) if one["says"] == source):
        if len(spots) == 1 and means(row, *end) and told.ends_in(last_name(end.node.func)):
            return
    for row in (one for one in listed("stored", claim) if one["says"] == source):
        if len(spots) == 1 and _stored(row, end, told):
            return
    raise Rejected("the last step: nothing that the claim is about is turned off")


class _Told:
    """What the steps tell of a value: where it was said, if that is elsewhere, and how."""

    def __init__(self, steps: tuple[Step, ...], spots: list[Spot], constants: Constants) -> None:
        self.steps = steps
        self.spots = spots
        self.constants = constants

    def ends_in(self, name: str) -> bool:
        """The last step says a name that ends so."""
        return self.steps[-1].says.rpartition(".")[2] == name

    def of(self, file: Any, value: Any, wanted: list[Any]) -> bool:
        """The value may be one of those wanted, by the way that the steps say."""
        for said in self.constants.of(file, value):
            if any(type(one) is type(said.value) and one == said.value for one in wanted):
                if len(self.spots) > 2 or (len(self.spots) == 2 and self.before(said)):
                    return len(self.spots) == 2
                if len(self.spots) == 1 and is_here(said, file, value):
                    return True
        return False

    def before(self, said: Said) -> bool:
        """The first step stands where it was said, and says how."""
        same = said.spot.node is self.spots[0].node
        return same and self.steps[0].says == f"{said.value!r} {said.how}".strip()


def is_here(said: Said, file: Any, value: Any) -> bool:
    """It was said in the function in which it is used, and is not a default."""
    same = said.spot.file is file and file.function(said.spot.node) is file.function(value)
    return same and not said.how


def _switched(row: dict[str, Any], end: Spot, constants: Constants, told: _Told) -> bool:
    file, call = end
    if not isinstance(call, ast.Call) or not told.ends_in(last_name(call.func)):
        return False
    if not row.get("anywhere") and not means(row, file, call):
        return False
    if set(ast.unparse(call.func).split(".")) & set(row.get("never", ())):
        return False
    return any(
        told.of(file, value, row["values"]) for value in _values(row, file, call)
    ) and not _protected(row, file, call, constants)


def _values(row: dict[str, Any], file: Any, call: ast.Call) -> Iterator[Any]:
    """What the switch is given, by itself or in a dictionary."""
    for keyword in row["keywords"]:
        if (value := given(call, keyword)) is not None:
            yield value
    for keyword in row.get("within", ()):
        for held in _dictionaries(file, given(call, keyword)):
            for key, value in zip(held.keys, held.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in row["keywords"]:
                    yield value


def _dictionaries(file: Any, node: Any) -> Iterator[ast.Dict]:
    if isinstance(node, ast.Dict):
        yield node
    elif isinstance(node, ast.Name) and (scope := file.binding(node, node.id)) is not None:
        for target in file.binds[scope][node.id]:
            value = getattr(file.parents.get(target), "value", None)
            if isinstance(value, ast.Dict):
                yield value


def _protected(row: dict[str, Any], file: Any, call: ast.Call, constants: Constants) -> bool:
    """Something else that the call is given takes the harm away."""
    for keyword, wanted in row.get("also", {}).items():
        found = constants.of(file, given(call, keyword))
        if not any(one.value is wanted for one in found):
            return True
    for made in (call, *_makers(file, call)) if row.get("unless") else ():
        for keyword in row["unless"]:
            value = given(made, keyword)
            found = constants.of(file, value)
            if value is not None and not any(one.value in (None, False, "") for one in found):
                return True
        if not all(_handed_on(file, one.value) for one in made.keywords if one.arg is None):
            return True
    for keyword in row.get("pinned", ()):
        value = given(call, keyword)
        found = constants.of(file, value)
        if value is not None and not any(not one.named and not _commit(one) for one in found):
            return True
    first = call.args[0] if call.args and not row.get("pinned") else None
    named = first.value if isinstance(first, ast.Constant) else ""
    return isinstance(named, str) and bool(_COMMIT.fullmatch(named.rpartition(":")[2]))


def _makers(file: Any, call: ast.Call) -> Iterator[ast.Call]:
    """The calls that made the object whose method is called."""
    base = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(base, ast.Call):
        yield base
    elif isinstance(base, ast.Name) and (scope := file.binding(base, base.id)) is not None:
        for target in file.binds[scope][base.id]:
            parent = file.parents.get(target)
            value = getattr(parent, "value", getattr(parent, "context_expr", None))
            if isinstance(value, ast.Call):
                yield value


def _handed_on(file: Any, node: Any) -> bool:
    """The function's own `**keywords`: nothing unless a caller gives something."""
    function = file.function(node)
    own = function.args.kwarg if function is not None else None
    return own is not None and isinstance(node, ast.Name) and node.id == own.arg


def _commit(said: Said) -> bool:
    return isinstance(said.value, str) and bool(_COMMIT.fullmatch(said.value))


def _stored(row: dict[str, Any], end: Spot, told: _Told) -> bool:
    file, value = end
    parent = file.parents.get(value)
    for target in parent.targets if isinstance(parent, ast.Assign) else ():
        if not isinstance(target, ast.Attribute) or target.attr not in row["attributes"]:
            continue
        if row.get("of") and not is_one(file, target.value, row["of"]):
            continue
        named = file.meant(value) & set(row.get("names", ()))
        constant = isinstance(value, ast.Constant) and value.value in row.get("values", ())
        if (named or constant) and told.ends_in(target.attr):
            return True
    return False

"""Shows again that a secret is a text that stands in the code, by a row of `rules/code/calls.toml`.

What is checked: the last step stands at a call that the row names, or at a value that is stored as
the row says (in an attribute, under a key, in a variable); and what is handed over there is a text,
directly or from where the step before says that it stands, of the length that it says. The text
itself is in no witness.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any

from probatum.check.code_constants import Constants, Said
from probatum.check.code_ends import is_shipped
from probatum.check.code_spots import Spot, is_one, last_name, listed, means
from probatum.check.code_switches import is_here
from probatum.errors import Rejected
from probatum.vocabulary import Step

CLAIMS = frozenset({"no-hardcoded-secret"})

_SOURCE = "a text that stands in the code and "
_FILLED_IN = re.compile(r"\$\{.*\}|\{\{.*|<.*>|%\(.*|-----BEGIN (?:RSA )?PUBLIC KEY.*", re.DOTALL)
_SHAPED = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[!-~]{16,}")


def shows(claim: str, source: str, steps: tuple[Step, ...], spots: list[Spot]) -> None:
    """Raises: Rejected with what is not so."""
    if len(spots) > 2 or not all(is_shipped(one.file.name) for one in spots):
        raise Rejected("the last step: only the project itself runs this")
    constants = Constants(one.file for one in spots)
    said = steps[-1].says
    for row in listed("key", claim):
        if source != _SOURCE + row["says"]:
            continue
        for value in _handed(row, spots[-1], said):
            for one in constants.of(spots[-1].file, value):
                if _is_text(row, one) and _told(one, steps, spots, value):
                    return
    raise Rejected("the last step: no text of the code is a secret there")


def _told(one: Said, steps: tuple[Step, ...], spots: list[Spot], value: Any) -> bool:
    if len(spots) == 1:
        return is_here(one, spots[-1].file, value)
    length = f"{len(one.value)} characters {one.how}".strip()
    return one.spot.node is spots[0].node and steps[0].says == length


def _is_text(row: dict[str, Any], one: Said) -> bool:
    value = one.value.decode("latin-1") if isinstance(one.value, bytes) else one.value
    if one.named or not isinstance(value, str) or not value or _FILLED_IN.fullmatch(value):
        return False
    return not row.get("shaped") or bool(_SHAPED.fullmatch(value))


def _handed(row: dict[str, Any], end: Spot, said: str) -> Iterator[Any]:
    """The values that are handed over at the last step, which says to what."""
    file, node = end
    called = last_name(node.func) if isinstance(node, ast.Call) else ""
    if called and said.rpartition(".")[2] == called and means(row, file, node):
        for wanted in row.get("arguments", ()):
            if isinstance(wanted, int):
                yield from node.args[wanted : wanted + 1]
            yield from (one.value for one in node.keywords if one.arg == wanted)
    parent = file.parents.get(node)
    for target in getattr(parent, "targets", [getattr(parent, "target", None)]):
        if _stored(row, file, target, said):
            yield node


def _stored(row: dict[str, Any], file: Any, target: Any, said: str) -> bool:
    match target:
        case ast.Attribute(attr=name):
            return name == said and name in row.get("attributes", ()) and _of(row, file, target)
        case ast.Subscript(slice=ast.Constant(value=name)):
            return name == said and name in row.get("settings", ()) and _of(row, file, target)
        case ast.Name(id=name):
            bound = file.binds[file.tree]
            outside = isinstance(file.scope(target), ast.Module)
            beside = any(one in bound for one in row.get("beside", ()))
            return name == said and name in row.get("variables", ()) and outside and beside
    return False


def _of(row: dict[str, Any], file: Any, target: Any) -> bool:
    return is_one(file, target.value, row["of"])

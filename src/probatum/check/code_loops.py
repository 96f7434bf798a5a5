"""Shows again that a loop goes on for as long as a model's answers say so.

What is checked: the first step is a call that a row of `rules/code/calls.toml` names, in the loop
whose condition the last step is; the loop names a tool, no number, time or switch limits it, nobody
else is waited for in it; and its condition, or what stands over each way out of it, is made of what
the call answers.
"""

import ast
from collections.abc import Iterator
from typing import Any

from probatum.check.code_ends import is_shipped
from probatum.check.code_path import Walk
from probatum.check.code_spots import Spot, last_name, listed, means, property_words, spoken
from probatum.check.code_trees import SCOPES
from probatum.errors import Rejected
from probatum.vocabulary import Step

CLAIMS = frozenset({"bounded-model-loops"})

_SOURCE = "what a model answers, and no limit,"
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_ASKING = ("input", "get_user", "read_user")


def shows(claim: str, source: str, steps: tuple[Step, ...], spots: list[Spot]) -> None:
    """Raises: Rejected with what is not so."""
    if source != _SOURCE or len(spots) != 2 or not is_shipped(spots[0].file.name):
        raise Rejected("the last step: no loop of a model's answers")
    (file, call), (_, test) = spots
    loop = file.parents.get(test)
    if not isinstance(loop, ast.While) or loop.test is not test:
        raise Rejected("the last step: no condition of a loop")
    inside = list(_inside(loop))
    if not any(one is call for one in inside):
        raise Rejected("step 1: not in the loop")
    if not any(means(row, file, call) for row in listed("called", claim)):
        raise Rejected("step 1: no call of a model")
    if not steps[-1].says.startswith("while "):
        raise Rejected("the last step says something else")
    if not any(_holds(name, "tool") for one in inside for name in _names(one)):
        raise Rejected("the last step: the loop calls no tool")
    if _is_bounded(loop, inside) or any(_waits(one) for one in inside):
        raise Rejected("the last step: something else may end the loop")
    made = {id(one.node) for one in Walk(claim, file.project).onwards([spots[0]])}
    decided = [one for one in _decided(file, loop, inside) if one is not None]
    if not isinstance(test, ast.Constant):
        decided.append(test)
    if not decided or not all(any(id(part) in made for part in ast.walk(one)) for one in decided):
        raise Rejected("the last step: the loop does not end by what the model answers")


def _inside(loop: ast.While) -> Iterator[Any]:
    """Every node of a loop but those of functions that are defined in it."""
    waiting: list[Any] = [loop.test, *loop.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, SCOPES):
            waiting += ast.iter_child_nodes(node)


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value.lower()
    elif isinstance(node, (ast.Name, ast.Attribute)):
        yield last_name(node).lower()


def _holds(name: str, of: str) -> bool:
    return any(word in name for word in property_words(of))


def _is_bounded(loop: ast.While, inside: list[Any]) -> bool:
    """A condition or a call in the loop may end it by a number, a time or a switch."""
    tests = [loop.test, *(one.test for one in inside if isinstance(one, (ast.If, ast.IfExp)))]
    parts = [part for test in tests for part in ast.walk(test)]
    compared = (one for one in parts if isinstance(one, ast.Compare))
    if any(isinstance(operator, _ORDERED) for one in compared for operator in one.ops):
        return True
    called = [one.func for one in inside if isinstance(one, ast.Call)]
    return any(_holds(name, "limit") for one in (*parts, *called) for name in _names(one))


def _waits(node: Any) -> bool:
    """Somebody else is waited for at each turn."""
    short = spoken(node.func) if isinstance(node, ast.Call) else ""
    return short in property_words("waits") or short.startswith(_ASKING)


def _decided(file: Any, loop: ast.While, inside: list[Any]) -> Iterator[Any]:
    """The innermost condition over each way out of a loop; None where there is none."""
    for one in inside:
        if not isinstance(one, (ast.Break, ast.Return)):
            continue
        node: Any = one
        test, own = None, True
        while node is not loop:
            node = file.parents[node]
            if isinstance(node, ast.If) and test is None:
                test = node.test
            inner = isinstance(node, (ast.For, ast.AsyncFor, ast.While)) and node is not loop
            own = own and not (inner and isinstance(one, ast.Break))
        if own:
            yield test

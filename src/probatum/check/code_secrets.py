"""Shows again that a secret is compared up to the first difference, or made of what can be guessed.

A comparison: the steps lead from what a request brings, by a row of `rules/code/sources.toml` or by
what is called as a request's proof is, to one side of `==`, `!=`, `in` or `not in`; the other side
is called as a secret is, or made with one. Randomness: the steps lead from a call that a row of
`rules/code/calls.toml` names, and which chooses letters if it chooses, to something that is called
as a random secret is; from the time, through a digest.
"""

import ast
from collections.abc import Iterator
from typing import Any

from probatum.check.code_constants import Constants
from probatum.check.code_ends import Source, is_shipped
from probatum.check.code_path import Walk
from probatum.check.code_spots import Spot, last_name, listed, means, property_words, spoken
from probatum.check.code_trees import FUNCTIONS
from probatum.errors import Rejected
from probatum.vocabulary import Step

COMPARED, RANDOM = "constant-time-comparison", "no-weak-randomness"
CLAIMS = frozenset({COMPARED, RANDOM})

_ENDING = ", compared up to the first difference,"
_SIGNS = {ast.Eq: " == ", ast.NotEq: " != ", ast.In: " in ", ast.NotIn: " not in "}
_SHOWN = "what a request shows to be let in"
_LETTERS = frozenset(["ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "hexdigits"])
_FEW = 10  # letters: a constant of fewer is a list of words, or of dice
_HMAC = {"hmac.new", "hmac.HMAC", "hmac.digest"}


def shows(claim: str, source: str, steps: tuple[Step, ...], spots: list[Spot]) -> None:
    """Raises: Rejected with what is not so."""
    if not all(is_shipped(one.file.name) for one in spots[-1:]):
        raise Rejected("the last step: only the project itself runs this")
    if claim == COMPARED:
        _compared(source, steps, spots)
    else:
        _guessed(source, steps, spots)


# Comparisons


def _compared(source: str, steps: tuple[Step, ...], spots: list[Spot]) -> None:
    file, node = spots[-1]
    if len(spots) < 2 or not isinstance(node, ast.Compare):
        raise Rejected("the last step: nothing is compared")
    if not _brings(source, spots[0]):
        raise Rejected("step 1: no source of these words")
    walk = Walk(COMPARED, file.project)
    reached = {id(one.node) for one in walk.chain(steps, spots[:-1]) if one.file is file}
    sides = [node.left, *node.comparators]
    for left, right, operator in zip(sides, sides[1:], node.ops, strict=False):
        if isinstance(operator, (ast.Eq, ast.NotEq)):
            pairs = [(left, right), (right, left)]
        else:
            pairs = [(left, right)] if isinstance(operator, (ast.In, ast.NotIn)) else []
        for asked, kept in pairs:
            said = _SIGNS[type(operator)] in steps[-1].says
            apart = id(asked) in reached and id(kept) not in reached
            if said and apart and _is_kept(file, kept):
                return
    raise Rejected("the last step: no secret is compared with what a request brings")


def _brings(source: str, spot: Spot) -> bool:
    says = source.removesuffix(_ENDING)
    if says == source:
        return False
    row = {"claim": COMPARED}
    return says in Source(COMPARED, row, *spot).says() or (says == _SHOWN and _is_shown(spot))


def _is_shown(spot: Spot) -> bool:
    """A header, a cookie or an object by which a request shows who sent it."""
    file, node = spot
    read = isinstance(node, (ast.Call, ast.Subscript, ast.Attribute))
    if read and spoken(node).lower() in property_words("credential header"):
        return True
    if isinstance(node, ast.Attribute):
        lasts = {name.rpartition(".")[2] for name in file.meant(node.value)}
        return bool(lasts & property_words("credential type"))
    if isinstance(node, ast.arg):
        function = file.function(node)
        said = function.args
        parts = [*said.defaults, *(one for one in said.kw_defaults if one), node.annotation]
        named = {spoken(one) for part in parts if part for one in ast.walk(part)}
        return bool(named & property_words("request part"))
    return False


def _is_kept(file: Any, node: Any, depth: int = 0) -> bool:
    """A value named as a secret is, or made with one."""
    if is_secret(spoken(node)):
        return True
    if isinstance(node, ast.Call):
        if file.meant(node.func) & _HMAC:
            return True
        base = node.func.value if isinstance(node.func, ast.Attribute) else None
        return spoken(node.func) in ("hexdigest", "digest") and _is_kept(file, base, depth)
    parts = _parts(node)
    if parts:
        return all(_is_kept(file, one) for one in parts)
    scope = file.binding(node, node.id) if isinstance(node, ast.Name) and depth < 3 else None
    targets = file.binds[scope][node.id] if scope is not None else ()
    values = [getattr(file.parents.get(one), "value", None) for one in targets]
    return any(_is_kept(file, one, depth + 1) for one in values if one is not None)


def _parts(node: Any) -> list[Any]:
    """What a text is put together from, besides constants."""
    match node:
        case ast.BinOp(op=ast.Add() | ast.Mod()):
            found = [node.left, node.right]
        case ast.JoinedStr():
            found = [getattr(one, "value", one) for one in node.values]
        case _:
            return []
    return [one for one in found if not isinstance(one, (ast.Constant, str))]


def is_secret(name: str) -> bool:
    """What is called so lets somebody in."""
    lower = name.lower()
    if _is_about(lower, property_words("no secret")):
        return False
    whole = lower in property_words("secret whole")
    return whole or any(word in lower for word in property_words("secret"))


def _is_random_secret(name: str) -> bool:
    lower = name.lower().strip("_")
    if _is_about(lower, property_words("no secret") - {"_id"}):
        return False
    whole = lower in property_words("random secret whole")
    return whole or any(word in lower for word in property_words("random secret"))


def _is_about(name: str, denied: frozenset[str]) -> bool:
    """`x_` stands for what begins so, `_x` for what ends so, anything else for what holds it."""
    for word in denied:
        begins, ends = word.endswith("_"), word.startswith("_")
        if begins and not ends:
            found = name.startswith(word)
        else:
            found = name.endswith(word) if ends and not begins else word in name
        if found:
            return True
    return False


# Randomness


class _Carried(Walk):
    """Where a value goes that nothing makes harder to guess: through numbers and digests too."""

    def __init__(self, spot: Spot) -> None:
        super().__init__(RANDOM, spot.file.project)
        self.clean = frozenset()

    def after(self, file: Any, node: Any) -> Iterator[Any]:
        yield from super().after(file, node)
        parent = file.parents.get(node)
        if isinstance(parent, (ast.BinOp, ast.UnaryOp)):
            yield parent


def _guessed(source: str, steps: tuple[Step, ...], spots: list[Spot]) -> None:
    file, node = spots[0]
    rows = [row for row in listed("called", RANDOM) if row["says"] == source]
    if len(spots) < 2 or not any(means(row, file, node) for row in rows):
        raise Rejected("step 1: no call whose answer can be guessed")
    name = steps[-1].says
    if not _is_random_secret(name):
        raise Rejected("the last step: no secret by its name")
    walk = _Carried(spots[0])
    at = [spots[0]]
    for number, spot in enumerate(spots[1:-1], 2):
        reach = walk.onwards(at)
        called = isinstance(spot.node, ast.Call)
        if not called or not any(walk.returns(one, spot) for one in reach):
            raise Rejected(f"step {number} does not follow from the one before")
        at = [spot]
    last = spots[-1]
    if not _chooses_letters(spots[0]):
        raise Rejected("step 1: it chooses among what is no letters")
    reach = walk.onwards(at)
    if source == "the time":
        hashed = [one for one in reach if spoken(one.node) in property_words("hash")]
        reach = [one for start in hashed for one in walk.onwards([start])]
    for one in reach:
        at_end = one.file is last.file and _is_at(one, last)
        if at_end and any(name in _called(target) for target in walk.onwards([one])):
            return
    raise Rejected("the last step: nothing of this name is reached")


def _chooses_letters(spot: Spot) -> bool:
    """What is chosen from is letters, or nothing is chosen."""
    file, call = spot
    if spoken(call) not in ("choice", "choices", "sample") or not call.args:
        return True
    named = {last_name(one) for one in ast.walk(call.args[0])}
    said = Constants([file]).of(file, call.args[0])
    texts = [one.value for one in said if isinstance(one.value, str) and not one.named]
    return bool(named & _LETTERS) or any(len(one) >= _FEW for one in texts) or _spelt(spot)


def _spelt(spot: Spot) -> bool:
    """It is chosen from a variable that is made of letters."""
    file, call = spot
    first = call.args[0]
    scope = file.binding(first, first.id) if isinstance(first, ast.Name) else None
    targets = file.binds[scope][first.id] if scope is not None else ()
    values = [getattr(file.parents.get(one), "value", None) for one in targets]
    return any(last_name(one) in _LETTERS for value in values if value for one in ast.walk(value))


def _is_at(one: Spot, last: Spot) -> bool:
    """The last step is where the value is, or a part or the whole of it."""
    nodes = (one.node, last.node)
    return any(part is nodes[1] for part in ast.walk(nodes[0])) or any(
        part is nodes[0] for part in ast.walk(nodes[1])
    )


def _called(spot: Spot) -> set[str]:
    """What a value is called: its variable, attribute, key or keyword; the function it is of."""
    file, node = spot
    parent = file.parents.get(node)
    found: set[str] = set()
    match parent:
        case ast.Assign(targets=targets):
            found = {spoken(one) for one in targets}
        case ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
            found = {spoken(target)}
        case ast.keyword(arg=str(name)):
            found = {name}
        case ast.Dict(keys=keys, values=values):
            texts = [one.value if isinstance(one, ast.Constant) else "" for one in keys]
            found = {str(key) for key, one in zip(texts, values, strict=True) if one is node}
        case ast.Return() | ast.Yield():
            function = file.function(parent)
            found = {function.name} if isinstance(function, FUNCTIONS) else set()
    return found

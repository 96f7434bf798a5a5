"""The rule rows of `rules/code/calls.toml`: one struct for each kind of row."""

import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, convert

_FILE = Path(__file__).parents[2] / "rules" / "code" / "calls.toml"


class Switch(Struct, frozen=True, forbid_unknown_fields=True):
    """A call that does harm where one of its `keywords` is one of `values`.

    `calls` are absolute names, `methods` names of methods on objects whose class or name is one of
    `receivers`, or on whatever is none of the project's own if it names none; `anywhere`: a call
    of whatever name.
    `within`: keywords of a dictionary that may hold it. `unless`: keywords of which one, given as
    something other than a false constant, makes it harmless, at this call or where its object was
    made. `pinned`: keywords that do so by a commit's name. `also`: what must be given as well.
    `never`: what is called so only passes the switch by.
    """

    claim: str
    says: str
    source: str
    calls: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    anywhere: bool = False
    keywords: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    within: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    also: dict[str, Any] = {}
    never: tuple[str, ...] = ()


class Stored(Struct, frozen=True, forbid_unknown_fields=True):
    """An attribute that does harm where one of `values`, or what `names` name, is stored in it.

    `of`: the classes, or the names in code, of the objects that are meant; all if it names none.
    """

    claim: str
    says: str
    source: str
    attributes: tuple[str, ...]
    values: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    of: tuple[str, ...] = ()


class Called(Struct, frozen=True, forbid_unknown_fields=True):
    """A call that does harm, or (for claims about values) answers with one, however it is made."""

    claim: str
    says: str
    source: str
    calls: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()


class Key(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is handed over: `arguments` of calls, attributes or settings stored.

    Attributes and `settings`, the keys of a dictionary, are of objects called one of `of`;
    `variables` are names of a module that holds one of `beside` as well. `shaped`: only a text
    that looks like a key. `says` is what the secret does.
    """

    claim: str
    says: str
    source: str
    calls: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    arguments: tuple[int | str, ...] = ()
    attributes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    shaped: bool = False


class Framework(Struct, frozen=True, forbid_unknown_fields=True):
    """A web framework: its `apps` and `routers` by class, and what its route decorators are named.

    `handlers`: the bases of classes whose methods are the routes, named so.

    `changing` are the decorators of routes that change something, `neutral` those that take
    `methods=`; `middleware` the calls and decorators that put something in front of every route.
    """

    name: str
    source: str
    apps: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """A list of words: what it is `of`, and why they mean that."""

    of: str
    words: tuple[str, ...]
    why: str
    source: str


class Absent(Struct, frozen=True, forbid_unknown_fields=True):
    """The further names without all of which a project holds nothing that a claim is about."""

    claim: str
    names: tuple[str, ...]
    source: str


@cache
def switches() -> dict[str, list[Switch]]:
    """Rows by the last part of the names they are called by; those of any call under ""."""
    found: dict[str, list[Switch]] = defaultdict(list)
    for row in _of("switch", Switch):
        for name in _shorts(row) or ("",):
            found[name].append(row)
    return dict(found)


@cache
def stored() -> dict[str, list[Stored]]:
    """Rows by attribute."""
    found: dict[str, list[Stored]] = defaultdict(list)
    for row in _of("stored", Stored):
        for name in row.attributes:
            found[name].append(row)
    return dict(found)


@cache
def called(claim: str) -> dict[str, list[Called]]:
    """The rows of a claim by the last part of the names they are called by."""
    found: dict[str, list[Called]] = defaultdict(list)
    for row in _of("called", Called):
        for name in _shorts(row) if row.claim == claim else ():
            found[name].append(row)
    return dict(found)


@cache
def keys() -> tuple[Key, ...]:
    return tuple(_of("key", Key))


@cache
def frameworks() -> tuple[Framework, ...]:
    return tuple(_of("framework", Framework))


@cache
def words(of: str) -> frozenset[str]:
    """The words of every list that is `of` this."""
    return frozenset(word for row in _of("words", Words) if row.of == of for word in row.words)


@cache
def instead(claim: str) -> str:
    """What to write instead of what a claim is refuted by."""
    says: str = next(row["says"] for row in _tables()["instead"] if row["claim"] == claim)
    return says


@cache
def names() -> dict[str, frozenset[str]]:
    """For each claim the names without all of which a project holds nothing that it is about."""
    found: dict[str, set[str]] = defaultdict(set)
    for table in ("switch", "stored", "called", "key", "absent"):
        for row in _tables().get(table, ()):
            parts = [*row.get("calls", ()), *row.get("names", ())]
            for field in ("methods", "keywords", "attributes", "settings", "variables", "within"):
                parts += row.get(field, ())
            found[row["claim"]].update(part.rpartition(".")[2] for part in parts)
    return {claim: frozenset(said) for claim, said in found.items()}


def _shorts(row: Switch | Called) -> set[str]:
    return {*(call.rpartition(".")[2] for call in row.calls), *row.methods}


def _of(table: str, kind: type[Any]) -> list[Any]:
    rows: list[Any] = convert(_tables().get(table, []), list[kind])  # type: ignore[valid-type]
    return rows


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text("utf-8"))

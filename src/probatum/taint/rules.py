"""The rule rows of `rules/code`: sinks, sources, and lists of words, indexed by how they are found.

Every row names its `source` (a specification, CWE, CVE, library documentation), every list of
words says `why` these words mean what the engine takes them for.
"""

from collections import defaultdict
from functools import cache
from typing import Any

from msgspec import Struct, convert

from probatum.check import code_trees


class Sink(Struct, frozen=True, forbid_unknown_fields=True):
    """A call whose `arguments` must not come from outside.

    `calls` are absolute names; `methods` are names of methods, of `receivers` of these types only
    if it names any, on an object that is `called` so if it says how, and never of those of
    `harmless` types; of the project itself only those that are its `own` way to a database.
    `arguments` are positions, keywords, `"self"` for the receiver, or `"answer"` where the call
    itself takes what comes. `unless` and `unless_type` name the keyword whose value makes the
    call harmless, `unless_said` positions where a constant does, `unless_made` a keyword whose
    object makes it so if it is made with such a keyword, `only` the keyword without which it is.
    `text`: dangerous only where the value was put into a text, and one that begins with one of
    `verbs` if there are any; `joined`: only behind a base path; `shell`: only in a list behind
    `-c`; `program`: of a list only the first; `most`: only with so many positional arguments or
    fewer, if it is not 0; `relative`: no absolute path is taken. `public`: the parameters of a
    public function count as sources. `instead` is what to write in its place.
    """

    claim: str
    source: str
    calls: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    own: bool = False
    arguments: tuple[int | str, ...] = (0,)
    unless: dict[str, Any] = {}
    unless_said: tuple[int, ...] = ()
    unless_type: dict[str, tuple[str, ...]] = {}
    unless_made: dict[str, dict[str, Any]] = {}
    only: dict[str, Any] = {}
    text: bool = False
    verbs: tuple[str, ...] = ()
    joined: bool = False
    shell: bool = False
    most: int = 0
    program: bool = False
    relative: bool = False
    public: bool = False
    instead: str = ""


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """Where values come from outside; `remote` if from another machine's user, or from a model.

    `names`: variables; `types`: of parameters and objects; `decorators`: of functions whose
    parameters are meant, on an object called as one of `of`; `classes`: endings of the names of
    base classes, of which the parameters of `methods` are meant, or of all that are `offered`, not
    private; `methods` (of `receivers` called so, or with a name that ends like one of them that
    begins with `_`, and `never` called so where they are given nothing) and `calls`: what they
    answer, and `objects` what such objects answer when they are called; `attributes`: of what a
    call answered, or `of_any` object. `handed`: of functions that a call of this name is given
    there. `fields`: of the object itself, in those classes; `*` is each that the class declares.
    `only`: for these claims.
    """

    says: str
    remote: bool
    source: str
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    of_any: bool = False
    only: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    offered: bool = False
    handed: dict[str, tuple[int | str, ...]] = {}

    def is_for(self, claim: str) -> bool:
        """Whether what comes from here is somebody else's as this claim means it."""
        return not self.only or claim in self.only


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """A list of words: what it is `of`, for which claim (every one if empty), and why."""

    of: str
    words: tuple[str, ...]
    why: str
    source: str
    claim: str = ""


class Returned(Struct, frozen=True, forbid_unknown_fields=True):
    """The type of what a library's function returns, where its name does not say it."""

    call: str
    type: str
    source: str


@cache
def sinks() -> dict[str, list[Sink]]:
    """Rows by the last part of the names they are called by."""
    found: dict[str, list[Sink]] = defaultdict(list)
    for row in convert(code_trees.rows("sinks")["sink"], list[Sink]):
        for name in {*(call.rpartition(".")[2] for call in row.calls), *row.methods}:
            found[name].append(row)
    return dict(found)


@cache
def sources() -> tuple[Source, ...]:
    """Every row, in the order of the file: the first that fits names the source."""
    return convert(code_trees.rows("sources")["source"], tuple[Source, ...])


def answering(outside: str, short: str) -> list[Source]:
    """The rows, in order, that may be about what a call of this name answers."""
    calls, methods = _answering()
    return [sources()[at] for at in sorted({*calls.get(outside, ()), *methods.get(short, ())})]


@cache
def answering_objects() -> dict[str, Source]:
    """The rows by what an object is made by that answers when it is called."""
    return {name: row for row in sources() for name in row.objects}


@cache
def _answering() -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    calls: dict[str, list[int]] = defaultdict(list)
    methods: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(sources()):
        for name in row.calls:
            calls[name].append(at)
        for name in row.methods:
            methods[name].append(at)
    return dict(calls), dict(methods)


@cache
def handed() -> dict[str, tuple[int | str, ...]]:
    """By the name of a call the arguments that are functions for others to call."""
    return {name: given for row in sources() for name, given in row.handed.items()}


@cache
def words(of: str, claim: str = "") -> frozenset[str]:
    """The words of every list that is `of` this, for the claim or for every claim."""
    fitting = [row for row in _words() if row.of == of and row.claim in ("", claim)]
    return frozenset(word for row in fitting for word in row.words)


@cache
def _words() -> list[Words]:
    return convert(code_trees.rows("words")["words"], list[Words])


@cache
def returned_types() -> dict[str, str]:
    """The type of what a function of a library returns, by its absolute name."""
    return {
        row.call: row.type for row in convert(code_trees.rows("words")["returned"], list[Returned])
    }

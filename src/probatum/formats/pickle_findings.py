"""What one pass of the pickle prover finds: admitted steps, dangers, problems, storages."""

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.pickle_values import Value
from probatum.vocabulary import Reason


class Effect(Struct, frozen=True):
    """One admitted step: `how` is import, call, new, build, items, array, storage or source."""

    offset: int
    opcode: str
    how: str
    name: str


class Stored(Struct, frozen=True):
    """A storage that a persistent id names: `count` elements of `cls`, in the record `key`."""

    offset: int
    key: str
    cls: str
    count: int


class View(Struct, frozen=True):
    """An admitted call over the storage `stored` (its place in the run's storages).

    `arguments` follow the storage; they are None where it stands elsewhere among them.
    """

    offset: int
    stored: int
    arguments: tuple[Value, ...] | None


class Danger(Struct, frozen=True):
    """A step that runs something the file's author chose."""

    offset: int
    opcode: str
    name: str
    named_at: int
    effect: str
    arguments: str


class Problem(Struct, frozen=True):
    """A step that stayed undecided, with the one fact that is missing."""

    offset: int
    reason: Reason
    detail: str


class Run(Struct, frozen=True):
    """What one pass over one stream found, in the order of the stream.

    `result` is the abstract value that loading returns (None where the stream broke off:
    `broken`). `end` is the offset after STOP. `refuted` are effects that every load that
    succeeds runs through; `problems` the steps that stayed undecided.
    """

    start: int
    end: int
    effects: tuple[Effect, ...]
    refuted: tuple[Danger, ...]
    problems: tuple[Problem, ...]
    basis: frozenset[str]
    result: Value = None
    broken: FormatError | None = None
    nested: tuple["Run", ...] = ()
    storages: tuple[Stored, ...] = ()
    views: tuple[View, ...] = ()

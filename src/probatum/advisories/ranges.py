"""Which versions of a package one record affects: a step function over the versions' keys.

What the schema leaves open is decided here, and never to the side of "not affected":

- Events count in the order of their versions, those of one version in the order of the record.
  Where a range that has begun begins again at the version at which it ends (`0`, `1.0`, fixed in
  `1.0`), two ranges may be meant: from there on it is unknown.
- An end without a beginning before it (the second of two `last_affected` in a row) leaves the
  versions since the end before it unknown.
- A range with a bound that is no version is unknown as a whole. If the bound begins with a version
  (`2.6.0-NA`), the range is read once more with that: a supposition, told beside the unknown.
- `fixed` in a build (`1.0+fix`) says nothing of the other builds of that version: unknown.
- Listed versions are affected, whatever the ranges say, and so are other spellings of them.
- A record that names the package and no versions, or commits only, leaves all versions unknown.

Source: ossf.github.io/osv-schema, "Evaluation".
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from enum import IntEnum
from operator import itemgetter

from msgspec import Struct

from probatum.advisories.osv import Affected, Range
from probatum.advisories.versions import key_of, label_of
from probatum.errors import FormatError

_KINDS = ("ECOSYSTEM", "SEMVER")
BEGIN = b""
"""Before every version."""


class State(IntEnum):
    """What is said of a version. Of two sayings the greater one counts."""

    NOT = 0
    UNKNOWN = 1
    LISTED = 2
    WITHIN = 3


_GREATEST_FIRST = tuple(sorted(State, reverse=True))

Segment = tuple[bytes, bytes | None, State]
"""From a key (within) to a key (without), or to the end."""
Steps = tuple[tuple[bytes, State], ...]
"""From each key on, the state. Before the first one NOT."""


class Effect(Struct, frozen=True):
    """What a record says of a package's versions.

    `bounds` are the versions at the keys of `steps`, `odd` listed texts that are no versions. `why`
    says what is unknown, `supposed` what the steps would be if it were as it seems.
    """

    steps: Steps
    bounds: tuple[tuple[bytes, str], ...] = ()
    odd: tuple[str, ...] = ()
    why: str = ""
    supposed: Steps | None = None


def effect(entry: Affected) -> Effect:
    """What one entry of a record affects."""
    if entry.unread:
        return Effect(_everything(State.UNKNOWN), why=entry.unread)
    lines = [one for one in entry.ranges if one.kind != "GIT"]
    if lines and not entry.versions and all(_is_all(one) for one in lines):
        return Effect(_everything(State.WITHIN))
    read = _Reading(entry.ecosystem)
    for line in lines:
        read.range(line)
    read.listed(entry.versions)
    if not lines and not entry.versions:
        read.unknown("it names commits only" if entry.ranges else "it names no versions")
    return read.effect()


def _is_all(line: Range) -> bool:
    """Whether every version is affected, as by most of what is published of npm."""
    return line.kind in _KINDS and line.events == (("introduced", "0"),)


def joined(steps: Iterable[Steps]) -> Steps:
    """What all of them say together."""
    return _steps(segment for one in steps for segment in segments(one))


def segments(steps: Steps) -> Iterable[Segment]:
    """The parts in which something is said."""
    for at, (begin, state) in enumerate(steps, 1):
        end = steps[at][0] if at < len(steps) else None
        if state is not State.NOT:
            yield begin, end, state


class _Reading:
    """What was read of an entry so far, once as it stands and once as it seems to be meant."""

    def __init__(self, ecosystem: str) -> None:
        self._ecosystem = ecosystem
        self._said: list[Segment] = []
        self._seems: list[Segment] = []
        self._texts: dict[bytes, str] = {}
        self._odd: list[str] = []
        self._why: list[str] = []

    def effect(self) -> Effect:
        steps = _steps(self._said)
        seems = steps if self._seems == self._said else _steps(self._seems)
        bounds = {key: self._texts[key] for cut, _ in (*steps, *seems) if (key := self._at(cut))}
        return Effect(
            steps,
            tuple(bounds.items()),
            tuple(dict.fromkeys(self._odd)),
            "; ".join(dict.fromkeys(self._why))[:500],
            seems if seems != steps else None,
        )

    def unknown(self, why: str) -> None:
        self._why.append(why)
        self._both([(BEGIN, None, State.UNKNOWN)])

    def listed(self, versions: tuple[str, ...]) -> None:
        """After the ranges: what lies within one needs no saying again."""
        within = _steps(self._said) if versions else ()
        cuts = [cut for cut, _ in within]
        for version in versions:
            try:
                key = key_of(self._ecosystem, version)
            except FormatError:
                if version.isascii():
                    self._odd.append(version)
                continue
            place = bisect_right(cuts, key)
            if not place or within[place - 1][1] is not State.WITHIN:
                self._key(version)
                self._both([(key, key + b"\0", State.LISTED)])

    def range(self, line: Range) -> None:
        if line.kind not in _KINDS:
            self.unknown(f"a range of the type {line.kind[:20]!a}")
            return
        try:
            self._both(self._read(line.events))
        except FormatError as exc:
            self._why.append(f"a range has a bound that is none: {exc.detail}")
            self._said.append((BEGIN, None, State.UNKNOWN))
            self._seems += self._repaired(line.events)

    def _repaired(self, events: tuple[tuple[str, str], ...]) -> list[Segment]:
        meant = [(kind, repaired(text)) for kind, text in events]
        try:
            found = self._read(meant)
        except FormatError:
            return [(BEGIN, None, State.UNKNOWN)]
        changed = (new for (_, new), (_, old) in zip(meant, events, strict=True) if new != old)
        self._why.append(f"perhaps {', '.join(changed)} is meant")
        return found

    def _read(self, events: Iterable[tuple[str, str]]) -> list[Segment]:
        """Raises: FormatError if a bound is no version."""
        cuts: list[tuple[bytes, bool]] = []
        limits: list[bytes | None] = []
        found: list[Segment] = []
        for kind, text in events:
            if kind == "limit":
                limits.append(None if text == "*" else self._key(text))
                continue
            if (kind, text) == ("introduced", "0"):
                cuts.append((BEGIN, True))
                continue
            key = self._key(text)
            if kind == "fixed" and label_of(self._ecosystem, text):
                self._why.append(f"{text[:60]} is one build of several")
                found.append((key, key + b"\0", State.UNKNOWN))
            cuts.append((key + b"\0" if kind == "last_affected" else key, kind == "introduced"))
        found += self._walked(cuts)
        last = None if None in limits else max(filter(None, limits), default=None)
        return found if last is None else list(_until(last, found))

    def _walked(self, cuts: list[tuple[bytes, bool]]) -> Iterable[Segment]:
        begin: bytes | None = None
        again: bytes | None = None
        end = BEGIN
        for cut, opens in sorted(cuts, key=lambda one: one[0]):
            if opens:
                if begin is None and again == end:
                    yield end, cut, State.UNKNOWN
                again = cut if begin is not None and begin < cut else None
                begin = cut if begin is None else begin
                continue
            if begin is None and end < cut:
                self._why.append("a range ends where none has begun")
            state = State.UNKNOWN if begin is None else State.WITHIN
            yield end if begin is None else begin, cut, state
            begin, end = None, cut
        if begin is not None:
            yield begin, None, State.WITHIN
        elif again == end:
            self._why.append("a range begins where it ends")
            yield end, None, State.UNKNOWN

    def _key(self, text: str) -> bytes:
        key = key_of(self._ecosystem, text)
        self._texts.setdefault(key, text.strip())
        return key

    def _at(self, cut: bytes) -> bytes:
        """The version that a step lies at, or right behind; nothing for the beginning."""
        return cut if cut in self._texts else cut[:-1]

    def _both(self, found: Iterable[Segment]) -> None:
        told = list(found)
        self._said += told
        self._seems += told


def repaired(text: str) -> str:
    """The version that a bound seems to mean: what stands before `-NA` or `-cu124`, say.

    A text that goes on with a number behind its hyphen is left alone: it may be a date.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)+)(?:-[A-Za-z][A-Za-z0-9]*|\.[A-Za-z]\w*)", text)
    return found[1] if found else text


def _everything(state: State) -> Steps:
    return ((BEGIN, state),)


def _until(limit: bytes, found: Iterable[Segment]) -> Iterable[Segment]:
    for begin, end, state in found:
        yield begin, limit if end is None else min(end, limit), state


def _steps(found: Iterable[Segment]) -> Steps:
    """The greatest state everywhere: what is open at each key is counted by its state."""
    said = [one for one in found if one[1] is None or one[0] < one[1]]
    if len(said) <= 1:
        return tuple(cut for one in said for cut in _alone(*one))
    changes = [(begin, state, 1) for begin, _, state in said]
    changes += [(end, state, -1) for _, end, state in said if end is not None]
    changes.sort(key=itemgetter(0))
    open_now = [0] * len(State)
    steps: list[tuple[bytes, State]] = []
    last = State.NOT
    for number, (cut, state, change) in enumerate(changes, 1):
        open_now[state] += change
        if number < len(changes) and changes[number][0] == cut:
            continue
        most = next((one for one in _GREATEST_FIRST if open_now[one]), State.NOT)
        if most is not last:
            steps.append((cut, most))
            last = most
    return tuple(steps)


def _alone(begin: bytes, end: bytes | None, state: State) -> Steps:
    return ((begin, state),) if end is None else ((begin, state), (end, State.NOT))

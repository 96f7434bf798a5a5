"""Calls and attributes by which a protection is turned off: a switch given a harmful constant."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from probatum.taint.comparisons import NONE, PROVEN, UNKNOWN
from probatum.taint.flow import ATTR, CALL, CONST, HOLDS, JOIN, NAME, PACK, PARAM, Node
from probatum.taint.guards import Guards
from probatum.taint.names import Part
from probatum.taint.program import Place, Program
from probatum.taint.properties.constants import Known
from probatum.taint.properties.matching import Matching
from probatum.taint.properties.rows import Called, Stored, Switch, called, stored, switches, words
from probatum.taint.states import Path

Judged = tuple[int, str]  # how far something guards (guards.NONE …), and its words

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LOCAL = re.compile(r"[./~]|[A-Za-z]:\\|https?://(?:localhost|127\.0\.0\.1|\[::1\])")
_WORDS = {
    "verified-tls": "tls switch",
    "pinned-remote-code": "code switch",
    "no-open-server": "server switch",
}
_SERVER_SIDE = frozenset(["client_auth", "protocol_tls_server", "do_handshake_on_connect"])


class Switches:
    """Finds them in one program; what only the project itself runs is left out."""

    def __init__(self, matching: Matching, guards: Guards) -> None:
        self.matching = matching
        self.program: Program = matching.program
        self.guards = guards

    def paths(self, here: Part) -> Iterator[Path]:
        """Those of one module."""
        if not here.module.shipped:
            return
        table = switches()
        anywhere = {key: row for row in table.get("", ()) for key in (*row.keywords, *row.within)}
        for short, calls in here.calls.items():
            rows = table.get(short, ())
            for module, index, node in calls:
                place = (module, index)
                call = self.program[place].nodes[node]
                if call[3]:
                    meant = [anywhere[key] for key, _ in call[3] if key in anywhere][:1]
                    meant += [row for row in rows if self.matching.means(row, place, call)]
                    for row in meant:
                        yield from self._switched(row, place, node, call)
        yield from self._made(here)
        yield from self._stored(here)

    # Switches of calls

    def _switched(self, row: Switch, place: Place, node: int, call: Node) -> Iterator[Path]:
        value = self._value(row, place, call)
        if value < 0 or self._local(place, call) or (row.anywhere and self._enters(place, call)):
            return
        if set(self.program.dotted(place, call[1]).split(".")) & set(row.never):
            return
        known, harmful = self._harmful(place, value, row.values)
        if known is None:
            return
        level, guard = _strongest(
            harmful,
            self._also(row, place, call),
            self._unless(row, place, call),
            self._pinned(row, place, call),
            self.switched_on(row.claim, place, self.matching.conditions(place, node)),
        )
        if level < PROVEN:
            says = self.matching.values.words(place, call[1])
            hops = self.matching.because(known, place, _said(known.value))
            yield self.matching.path(row.claim, place, node, row.says, says, hops, guard)

    def _value(self, row: Switch, place: Place, call: Node) -> int:
        """The node that the switch is given; -1 if none."""
        for keyword in row.keywords:
            value = self.matching.given(call, keyword)
            if value >= 0:
                return value
        for keyword in row.within:
            held = self._pairs(place, self.matching.given(call, keyword))
            for name in row.keywords:
                if name in held:
                    return held[name]
        return -1

    def _pairs(self, place: Place, node: int) -> dict[str, int]:
        """The constant keys of a dictionary display, and the nodes of their values."""
        nodes = self.program[place].nodes
        given: Node = nodes[node] if node >= 0 else (CONST, None)
        half = (len(given) - 1) // 2
        if given[0] != PACK or len(given) != 2 * half + 1:
            return {}
        keys = [nodes[one] for one in given[1 : half + 1]]
        if not all(key[0] == CONST and isinstance(key[1], str) for key in keys):
            return {}
        return dict(zip([key[1] for key in keys], given[half + 1 :], strict=True))

    def _enters(self, place: Place, call: Node) -> bool:
        """A function of the project is called: what becomes of the switch is judged in it."""
        meanings = self.program.meanings(place, call[1])
        return any(one.function is not None for one in meanings)

    def _harmful(
        self, place: Place, value: int, wanted: Iterable[Any]
    ) -> tuple[Known | None, Judged]:
        """The harmful value that a switch may have, and what it depends on."""
        found = self.matching.constants.of(place, value)
        harmful = [one for one in found if one is not None and _among(one.value, wanted)]
        for one in harmful:
            if one.how and self.program.modules[one.place[0]].shipped:
                return one, (NONE, "")
        if not harmful:
            return None, (NONE, "")
        if len(harmful) == len(found):
            return harmful[0], (NONE, "")
        spoken = self.matching.constants.spoken(place, value) or "it"
        return harmful[0], (UNKNOWN, f"{spoken} is {harmful[0].value!r}")

    def _local(self, place: Place, call: Node) -> bool:
        """What is named is of this machine, or asked for by plain HTTP."""
        nodes = self.program[place].nodes
        texts = [one[1] for one in nodes if one[0] == CONST and isinstance(one[1], str)]
        if any(one.startswith("http://") for one in texts):
            return not any(one.startswith(("https://", "wss://")) for one in texts)
        first = nodes[call[2][0]] if call[2] else (CONST, None)
        return first[0] == CONST and isinstance(first[1], str) and bool(_LOCAL.match(first[1]))

    def _also(self, row: Switch, place: Place, call: Node) -> Judged:
        for keyword, wanted in row.also.items():
            value = self.matching.given(call, keyword)
            if value < 0:
                return PROVEN, keyword
            known, judged = self._harmful(place, value, (wanted,))
            if known is None or judged[0] != NONE:
                return (PROVEN if known is None else UNKNOWN), keyword
        return NONE, ""

    def _unless(self, row: Switch, place: Place, call: Node) -> Judged:
        """What another keyword does, of this call or of the one that made its object."""
        best: Judged = (NONE, "")
        for where, made in ((place, call), *self._maker(place, call)):
            for keyword in row.unless:
                value = self.matching.given(made, keyword)
                if value >= 0:
                    best = _strongest(best, self._protects(where, value, keyword))
            unpacked = [value for name, value in made[3] if name is None]
            if row.unless and not all(self._handed_on(where, one) for one in unpacked):
                best = _strongest(best, (UNKNOWN, "** keywords"))
        return best

    def _handed_on(self, place: Place, node: int) -> bool:
        """The function's own `**keywords`: nothing unless a caller gives something."""
        function = self.program[place]
        given = function.nodes[node]
        return bool(given[0] == PARAM and given[1] > len(function.parameters))

    def _maker(self, place: Place, call: Node) -> Iterator[tuple[Place, Node]]:
        """The calls that may have made the object whose method is called."""
        nodes = self.program[place].nodes
        callee = nodes[call[1]]
        if callee[0] != ATTR:
            return
        base = nodes[callee[1]]
        held = [(place, callee[1])]
        if base[0] == NAME:
            held = list(self.program.values(place, base[1]))
        elif base[0] == JOIN:
            held = [(place, one) for one in base[1:]]
        for where, value in held:
            given = self.program[where].nodes[value]
            if given[0] == CALL:
                yield where, given

    def _protects(self, place: Place, value: int, keyword: str) -> Judged:
        found = self.matching.constants.of(place, value)
        empty = [one for one in found if one is not None and one.value in (None, False, "")]
        if any(one.how for one in empty) or len(empty) == len(found):
            return NONE, ""
        if all(found) and not empty:
            return PROVEN, keyword
        words_of = self.matching.values.words(place, value)
        if not empty and self.program[place].nodes[value][0] in (PACK, CALL):
            return PROVEN, keyword
        return UNKNOWN, f"{keyword}={words_of}"

    def _pinned(self, row: Switch, place: Place, call: Node) -> Judged:
        """What the keywords do that name a commit, or the commit behind a repository's name."""
        nodes = self.program[place].nodes
        if not row.pinned:
            first = nodes[call[2][0]] if call[2] else (CONST, None)
            if row.claim != "pinned-remote-code" or first[0] != CONST:
                return NONE, ""
            return (PROVEN if _is_commit(str(first[1]).rpartition(":")[2]) else NONE), ""
        for keyword in row.pinned:
            value = self.matching.given(call, keyword)
            if value < 0:
                continue
            found = self.matching.constants.of(place, value)
            if all(one is not None and _is_commit(one.value) for one in found):
                return PROVEN, keyword
            if not any(one is not None and not _is_commit(one.value) for one in found):
                return UNKNOWN, f"{keyword}={self.matching.values.words(place, value)}"
        return NONE, ""

    # Contexts

    def _made(self, here: Part) -> Iterator[Path]:
        """Calls that make something unprotected by themselves."""
        for short, rows in called("verified-tls").items():
            for module, index, node in here.calls.get(short, ()):
                place = (module, index)
                for row in rows:
                    call = self.program[place].nodes[node]
                    if self.matching.means(row, place, call):
                        conditions = self.matching.conditions(place, node)
                        says = self.matching.values.words(place, call[1])
                        yield from self._told(row, place, node, says, conditions)

    def _stored(self, here: Part) -> Iterator[Path]:
        for attribute, rows in stored().items():
            for module, index, base, value, link in here.stores.get(attribute, ()):
                place = (module, index)
                for row in rows:
                    if row.of and not self.matching.is_one(place, base, row.of):
                        continue
                    if self._whole(row, place, base) or self._of_server(place, base):
                        continue
                    if self._harms(row, place, value):
                        conditions = self.program.conditions(place, link)
                        says = f"{self.matching.values.words(place, base)}.{attribute}"
                        yield from self._told(row, place, value, says, conditions)

    def _told(
        self,
        row: Called | Stored,
        place: Place,
        node: int,
        says: str,
        conditions: list[tuple[int, int]],
    ) -> Iterator[Path]:
        level, guard = self.switched_on(row.claim, place, conditions)
        if level < PROVEN:
            yield self.matching.path(row.claim, place, node, row.says, says, (), guard)

    def _harms(self, row: Stored, place: Place, value: int) -> bool:
        nodes = self.program[place].nodes
        if nodes[value][0] == CONST:
            return _among(nodes[value][1], row.values)
        return self.program.dotted(place, value) in row.names

    def _whole(self, row: Stored, place: Place, base: int) -> bool:
        """A host name beside a certificate that is not checked either is told with that."""
        if row.attributes != ("check_hostname",):
            return False
        modes = [
            (one, value)
            for one, name, value, _ in self.program[place].stores
            if name == "verify_mode"
        ]
        return any(one == base and self._is_none(place, value) for one, value in modes)

    def _is_none(self, place: Place, value: int) -> bool:
        return self.program.dotted(place, value).endswith("CERT_NONE")

    def _of_server(self, place: Place, base: int) -> bool:
        """The context of a server, which asks no client for a certificate."""
        return bool(self.matching.mentioned(place, base) & _SERVER_SIDE)

    def switched_on(self, claim: str, place: Place, conditions: list[tuple[int, int]]) -> Judged:
        """What conditions do: a switch that is off unless turned on, or one that may be that."""
        best: Judged = (NONE, "")
        for test, way in conditions:
            opted = self.guards.switches.opted(place, test, way)
            if opted or self._off_by_default(place, test, way):
                return PROVEN, ""
            named = self.matching.mentioned(place, test)
            if any(word in name for name in named for word in words(_WORDS[claim])):
                best = _strongest(best, (UNKNOWN, self.matching.values.words(place, test)))
        return best

    def _off_by_default(self, place: Place, test: int, way: int) -> bool:
        """The condition holds for no constant that its value has by default."""
        found = self.matching.constants.of(place, test)
        known = [one for one in found if one is not None and one.how]
        return bool(known) and not any(bool(one.value) == (way == HOLDS) for one in known)


def _among(value: Any, wanted: Iterable[Any]) -> bool:
    return any(type(one) is type(value) and one == value for one in wanted)


def _is_commit(value: Any) -> bool:
    return isinstance(value, str) and bool(_COMMIT.fullmatch(value))


def _said(value: Any) -> str:
    return repr(value)


def _strongest(*judged: Judged) -> Judged:
    return max(judged, key=lambda one: one[0])

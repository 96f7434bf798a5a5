"""Secrets that stand in the code: a literal text handed to what signs, encrypts or opens."""

import re
from collections.abc import Iterator

from probatum.formats.secret_text import secret
from probatum.taint.flow import CONST, Module, Node
from probatum.taint.names import Part
from probatum.taint.program import Place, Program
from probatum.taint.properties.constants import Known
from probatum.taint.properties.matching import Matching
from probatum.taint.properties.rows import Key, keys
from probatum.taint.states import Hop, Path

_CLAIM = "no-hardcoded-secret"
_FILLED_IN = re.compile(r"\$\{.*\}|\{\{.*|<.*>|%\(.*|-----BEGIN (?:RSA )?PUBLIC KEY.*", re.DOTALL)
_SOURCE = "a text that stands in the code"


class Keys:
    """Finds them in one program; the text itself is never told."""

    def __init__(self, matching: Matching) -> None:
        self.matching = matching
        self.program: Program = matching.program

    def paths(self, here: Part) -> Iterator[Path]:
        for row in keys():
            yield from self._given(row, here)
            yield from self._attributes(row, here)
            yield from self._variables(row, here.module)
        yield from self._settings(here)

    def _given(self, row: Key, here: Part) -> Iterator[Path]:
        for short in {*(one.rpartition(".")[2] for one in row.calls), *row.methods}:
            for module, index, node in here.calls.get(short, ()):
                place = (module, index)
                call = self.program[place].nodes[node]
                if self.matching.means(row, place, call):
                    says = self.matching.values.words(place, call[1])
                    for value in self._arguments(row, call):
                        yield from self._told(row, place, value, node, says)

    def _arguments(self, row: Key, call: Node) -> Iterator[int]:
        for wanted in row.arguments:
            if isinstance(wanted, int):
                yield from call[2][wanted : wanted + 1]
            else:
                yield from (value for name, value in call[3] if name == wanted)

    def _attributes(self, row: Key, here: Part) -> Iterator[Path]:
        for attribute in row.attributes:
            for module, index, base, value, _ in here.stores.get(attribute, ()):
                place = (module, index)
                if self._of(row, place, base):
                    yield from self._told(row, place, value, value, attribute)

    def _settings(self, here: Part) -> Iterator[Path]:
        rows = [(key, row) for row in keys() for key in row.settings]
        for place, function in here.functions():
            for base, key, value in function.fills:
                said = function.nodes[key]
                for name, row in rows if said[0] == CONST else ():
                    if said[1] == name and self._of(row, place, base):
                        yield from self._told(row, place, value, value, name)

    def _of(self, row: Key, place: Place, base: int) -> bool:
        return self.matching.is_one(place, base, row.of)

    def _variables(self, row: Key, module: Module) -> Iterator[Path]:
        names = module.functions[0].names if row.variables else {}
        if any(one in names for one in row.beside):
            for variable in row.variables:
                for value in names.get(variable, ()):
                    yield from self._told(row, (module.name, 0), value, value, variable)

    def _told(self, row: Key, place: Place, value: int, node: int, says: str) -> Iterator[Path]:
        found = self.matching.constants.of(place, value)
        texts = [one for one in found if one is not None and self._is_text(row, one)]
        by_default = [one for one in texts if one.how]
        if not texts:
            return
        known = (by_default or texts)[0]
        sure = bool(by_default) or len(texts) == len(found)
        hops: tuple[Hop, ...] = ()
        if known.how or known.place != place:
            length = f"{len(known.value)} characters {known.how}".strip()
            hops = (self.matching.hop(known.place, known.node, length),)
        guard = (
            "" if sure else f"{self.matching.constants.spoken(place, value) or 'it'} is that text"
        )
        source = f"{_SOURCE} and {row.says}"
        yield self.matching.path(_CLAIM, place, node, source, says, hops, guard)

    def _is_text(self, row: Key, known: Known) -> bool:
        value = known.value.decode("latin-1") if isinstance(known.value, bytes) else known.value
        if known.named or not isinstance(value, str) or not value:
            return False
        if _FILLED_IN.fullmatch(value) or not self.program.modules[known.place[0]].shipped:
            return False
        if row.shaped:
            shape = secret("", value)
            return shape is not None and shape.surely
        return True

"""Finds what the calls of a project pass on, and what its texts name."""

import ast
import re
from collections.abc import Iterator

from probatum.check.entry_handed import Handed
from probatum.check.entry_index import Index, Unit, Value, is_dotted
from probatum.check.entry_names import is_defined

_TYPE = re.compile(r"""[\w.'"]+(?:[\[|][\w.,|'"\[\] ]*)?|[\w.]+ \|[\w.,|'"\[\] ]*""")
_WORD = re.compile(r"[^\W\d]\w*")


class Passed(Handed):
    """Of one project what parameters may be, by the names of what is called."""

    def __init__(self, index: Index) -> None:
        super().__init__(index)
        self._relayed: list[Value] | None = None
        self._classes: dict[str, list[Value]] = {}
        for unit in index.units.values():
            if unit.is_class:
                self._classes.setdefault(unit.name, []).append(Value(unit, unit))

    def _is_field(self, name: str) -> bool:
        given = self.index.named.get(name, ())
        return any(one.unit.is_class and not isinstance(one.of, Unit) for one in given)

    def _given_to(self, function: str, name: str) -> Iterator[Value]:
        """What calls of the function, by any of its names, give for a parameter so named."""
        names = (function, *self.index.aliases.get(function, ()))
        for unit, call in (one for each in names for one in self.index.calls.get(each, ())):
            for given in call.args:
                yield Value(unit, given)
            for keyword in call.keywords:
                if keyword.arg in (None, name):
                    yield Value(unit, keyword.value)

    def _relays(self) -> list[Value]:
        """What calls give of which nobody says whom they call: a variable, an entry, an answer."""
        if self._relayed is None:
            calls = list(self.index.indirect)
            for name, sites in self.index.calls.items():
                calls += [site for site in sites if self._is_variable(name, *site)]
            self._relayed = [
                Value(unit, given)
                for unit, call in calls
                for given in (*call.args, *(one.value for one in call.keywords))
            ]
        return self._relayed

    def _is_variable(self, name: str, unit: Unit, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Attribute):
            kept = self.index.named.get(name, ())
            return any(not isinstance(one.of, (Unit, str)) for one in kept)
        owner = unit.scope(name)
        return owner is not None and not is_defined(owner, name)

    def named_by(self, text: str, unit: Unit) -> list[Value]:
        """What a text names, as libraries look it up: `package.module.function`, `module:name`,
        a class by its name."""
        if is_dotted(text):
            return self._imported(text.replace(":", "."), unit)
        if len(text) < 200 and _TYPE.fullmatch(text):
            words = set(_WORD.findall(text))
            return [one for word in words for one in self._classes.get(word, ())]
        return []

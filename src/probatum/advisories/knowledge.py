"""A snapshot as an analyser asks it: what affects a component, what that is, and how urgent."""

from typing import Any

import msgspec

from probatum.advisories.index import Index
from probatum.advisories.matching import Match
from probatum.advisories.osv import package_name
from probatum.advisories.priority import Priorities, Priority
from probatum.advisories.snapshot import ABOUT, INDEX, About
from probatum.components import Component
from probatum.errors import FormatError
from probatum.ports import Advisories
from probatum.vocabulary import Reason

_PRIORITIES = "priorities"
_LONGEST = 120


class Knowledge:
    """What one snapshot says. Raises: FormatError if its files do not agree."""

    def __init__(self, advisories: Advisories) -> None:
        self.digest = advisories.digest
        self.index = Index(advisories.file(INDEX))
        if self.index.digest != advisories.digest:
            raise FormatError(Reason.MALFORMED, "the index is not one of these advisories")
        self._advisories = advisories
        self._priorities: Priorities | None = None

    @property
    def about(self) -> About:
        return msgspec.json.decode(self._advisories.file(ABOUT), type=About)

    def priority(self, match: Match) -> Priority:
        """How urgent a vulnerability is, as far as that is installed."""
        if self._priorities is None:
            try:
                self._priorities = Priorities(self._advisories.file(_PRIORITIES))
            except FormatError:  # a snapshot needs none
                self._priorities = Priorities(b"{}\n")
        return self._priorities.of(match.names)

    def summaries(self, component: Component) -> dict[str, str]:
        """What the records of a package say of themselves in one line, by their ids."""
        name = package_name(component.ecosystem, component.name)
        at = self.index.range(component.ecosystem, name)
        lines = self._advisories.records(at.offset, at.length) if at is not None else b""
        told = map(_told, lines.splitlines())
        return {id: summary for id, summary in told if summary}


def _told(line: bytes) -> tuple[str, str]:
    try:
        *_, id, record = msgspec.json.decode(line)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError):
        return "", ""
    said: Any = record.get("summary") or record.get("details") if isinstance(record, dict) else ""
    text = " ".join(said.split()) if isinstance(said, str) else ""
    return str(id), text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()}…"

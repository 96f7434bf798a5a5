"""Regular expressions that are compiled when they are first asked.

To compile one takes as long as judging a small file, and most files ask few of them.
"""

import re
from functools import cached_property
from typing import AnyStr, Generic


class Later(Generic[AnyStr]):
    """What `re.compile` returns, but made at the first question."""

    def __init__(self, pattern: AnyStr, flags: int = 0) -> None:
        self._pattern: AnyStr = pattern
        self._flags = flags

    @cached_property
    def _compiled(self) -> "re.Pattern[AnyStr]":
        return re.compile(self._pattern, self._flags)

    def match(self, text: AnyStr, start: int = 0) -> "re.Match[AnyStr] | None":
        return self._compiled.match(text, start)

    def fullmatch(self, text: AnyStr) -> "re.Match[AnyStr] | None":
        return self._compiled.fullmatch(text)

    def search(
        self, text: AnyStr, start: int = 0, end: int | None = None
    ) -> "re.Match[AnyStr] | None":
        return self._compiled.search(text, start, len(text) if end is None else end)

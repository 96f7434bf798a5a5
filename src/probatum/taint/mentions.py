"""Whether a project's text holds any name by which a class of calls could be made."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from msgspec import Struct

from probatum.taint.rules import sinks

_HIDING = [
    "eval",
    "exec",
    "compile",
    "__import__",
    "import_module",
    "globals",
    "locals",
    "vars",
    "__dict__",
    "__getattribute__",
    "attrgetter",
    "methodcaller",
    "resolve_name",
    "locate",
    "run_path",
    "run_module",
    "__builtins__",
    "builtins",
    "FunctionType",
    "CodeType",
    "getattr",
]
"""By these a call is made, or an attribute fetched, whose name stands nowhere."""


class Mention(Struct, frozen=True):
    """A word that could be such a call, and where it first stands; `line` counts from 1."""

    file: str
    line: int
    word: str


def mention(claim: str, files: Iterable[tuple[str, bytes]]) -> Mention | None:
    """The first word, in code, text or comment, that could make a call that `claim` is about."""
    for name, content in files:
        text = unicodedata.normalize("NFKC", content.decode("utf-8", "replace"))
        found = _words(claim).search(text)
        if found:
            return Mention(name, text.count("\n", 0, found.start()) + 1, found[0])
    return None


@cache
def _words(claim: str) -> re.Pattern[str]:
    names = {short for short, rows in sinks().items() if any(row.claim == claim for row in rows)}
    parts = "|".join(sorted(map(re.escape, (*names, *_HIDING))))
    return re.compile(rf"(?<!\w)(?:{parts})(?!\w)|\\[xuNU0-7]")

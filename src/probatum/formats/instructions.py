"""Tells whether words are an instruction that an agent would act on, by the rows of rule data.

Sources: `rules/agent/instructions.toml`, where each row names its own.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

_MOST = 1 << 16


class Row(Struct, frozen=True):
    """One way to instruct: `comment` where it counts in words that are only left unshown."""

    says: str
    pattern: re.Pattern[str]
    comment: bool


def instruction(words: str, *, encoded: bool) -> str | None:
    """What the words do to an agent that reads them; None where no row takes them for an order."""
    for row in _rows():
        if (encoded or row.comment) and row.pattern.search(words[:_MOST]):
            return row.says
    return None


def is_directive(comment: str) -> bool:
    """Whether a comment is one that only an editor's tools read."""
    return _directives().fullmatch(comment.strip()) is not None


@cache
def _rows() -> tuple[Row, ...]:
    return tuple(
        Row(row["says"], re.compile(row["pattern"], re.IGNORECASE), row["comment"])
        for row in _rules()["instruction"]
    )


@cache
def _directives() -> re.Pattern[str]:
    rows = "|".join(f"(?:{row['pattern']})" for row in _rules()["directive"])
    return re.compile(rows, re.IGNORECASE)


@cache
def _rules() -> dict[str, Any]:
    text = files("probatum.rules").joinpath("agent/instructions.toml").read_text("utf-8")
    rules: dict[str, Any] = tomllib.loads(text)
    return rules

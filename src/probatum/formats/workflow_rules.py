"""The rows of `rules/agent/workflows.toml`, compiled.

Sources: each row names its own.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct


class Agent(Struct, frozen=True):
    """A step that is an agent: what a prompt can make it do, and what keeps outsiders away."""

    says: str
    tools: str
    uses: str = ""
    command: re.Pattern[str] | None = None
    checks: bool = False
    opens: tuple[str, ...] = ()


def texts() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Expressions whose value outsiders write, each with what it says."""
    return _patterns("text")


def fetches(*, code: bool) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Commands that fetch outsiders' code, or their texts."""
    return tuple(
        (row["says"], re.compile(row["pattern"])) for row in rules()["fetch"] if row["code"] is code
    )


@cache
def agents() -> tuple[Agent, ...]:
    """Every step that is an agent."""
    return tuple(
        Agent(
            says=row["says"],
            tools=row["tools"],
            uses=row.get("uses", ""),
            command=re.compile(row["command"]) if "command" in row else None,
            checks=row.get("checks", False),
            opens=tuple(row.get("opens", ())),
        )
        for row in rules()["agent"]
    )


@cache
def joined(table: str) -> re.Pattern[str]:
    """One pattern for all rows of a table."""
    return re.compile("|".join(f"(?:{row['pattern']})" for row in rules()[table]))


@cache
def events(table: str = "event") -> frozenset[str]:
    """The names of events that outsiders raise: with power (`event`) or not (`weak_event`)."""
    return frozenset(name for row in rules()[table] for name in row["names"])


@cache
def _patterns(table: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["says"], re.compile(row["pattern"])) for row in rules()[table])


@cache
def rules() -> dict[str, Any]:
    """The rows as they are written."""
    text = files("probatum.rules").joinpath("agent/workflows.toml").read_text("utf-8")
    found: dict[str, Any] = tomllib.loads(text)
    return found

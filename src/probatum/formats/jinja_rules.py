"""The names that a chat template may use and stay inert, as `rules/jinja.toml` lists them."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct


class Fault(Struct, frozen=True):
    """One construct that is not known to be inert, and the offset of its character."""

    at: int
    says: str


def words(table: str, key: str) -> frozenset[str]:
    """One list of names."""
    return _words(table, key)


def growing(name: str) -> int:
    """By how much a filter makes a text longer at most."""
    return int(_rules()["filters"]["growing"].get(name, 1))


def speaks_of_python(text: str) -> bool:
    """Whether a name that reaches Python's own things can be cut out of the text."""
    lower = text.lower()
    return "__" in lower or any(name in lower for name in words("reaching", "names"))


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads(files("probatum.rules").joinpath("jinja.toml").read_text())


@cache
def _words(table: str, key: str) -> frozenset[str]:
    return frozenset(_rules()[table][key].split())

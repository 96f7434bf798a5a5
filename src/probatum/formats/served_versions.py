"""Tells which serving software an answer of its endpoint, kept in a file, is of.

Source: `rules/served_versions.toml`, where each row names its own.
"""

import json
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

LARGEST = 1 << 20
_LIKELY = re.compile(r'"(?:version|build_info|\w+_version)"')


class Answer(Struct, frozen=True):
    """One thing that an answer names: the keys that lead to its version, and that version."""

    ecosystem: str
    name: str
    at: tuple[str, ...]
    version: str


def is_likely(head: str) -> bool:
    """Whether a JSON document of such a beginning is worth to be read for it."""
    return _LIKELY.search(head) is not None


def answers(path: str, text: str) -> tuple[Answer, ...]:
    """What the answer names, `path` being the file's; nothing where it is no answer."""
    try:
        said = json.loads(text, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return ()
    called = "/".join(path.lower().split("/")[-2:])
    found = (_answer(row, said) for row in _rows() if row.get("called", "") in called)
    return tuple(one for one in found if one is not None)


def _answer(row: dict[str, Any], said: Any) -> Answer | None:
    if not isinstance(said, dict) or not set(row["has"]) <= set(said):
        return None
    if "called" in row and len(said) > len(row["has"]):
        return None
    if any(_at(said, path) != value for path, value in row.get("is", {}).items()):
        return None
    version = _at(said, row["at"])
    kept = re.fullmatch(row.get("as", r"(\S+)"), version) if isinstance(version, str) else None
    if kept is None or len(kept[1]) > 100:
        return None
    prefix = "v" if row["ecosystem"] == "Go" and not kept[1].startswith("v") else ""
    return Answer(row["ecosystem"], row["name"], tuple(row["at"].split(".")), prefix + kept[1])


def _at(said: Any, path: str) -> Any:
    for key in path.split("."):
        said = said.get(key) if isinstance(said, dict) else None
    return said


@cache
def _rows() -> list[dict[str, Any]]:
    text = (files("probatum.rules") / "served_versions.toml").read_text("utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["answer"]
    return rows

"""What the checkers of code share: kinds of syntax tree nodes, and the rows of `rules/code`."""

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FILLING = frozenset(
    ["append", "add", "extend", "insert", "update", "setdefault", "appendleft", "put", "write"]
)
"""Methods that put what they are given into the object they are called on."""


def dotted(node: Any) -> str:
    """`a.b.c` of names alone; empty for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


@cache
def rows(name: str) -> dict[str, Any]:
    """The rule rows of `rules/code`."""
    folder = Path(__file__).parent.parent / "rules" / "code"
    return tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))


@cache
def words(of: str, claim: str = "") -> frozenset[str]:
    """The words of every list that is `of` this, for the claim or for every claim."""
    fitting = [row for row in rows("words")["words"] if row["of"] == of]
    return frozenset(
        word for row in fitting if row.get("claim", "") in ("", claim) for word in row["words"]
    )


@cache
def returned_types() -> dict[str, str]:
    """The type of what a function of a library returns, by its absolute name."""
    return {row["call"]: row["type"] for row in rows("words")["returned"]}

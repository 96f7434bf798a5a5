"""Hostile text inside HTML: escaped, isolated, and with what was written out marked as such."""

from html import escape
from itertools import groupby

from probatum.render.visible import pieces


def shown(text: str, limit: int = 2000) -> str:
    """`text` as HTML in which nothing of it is markup; each `\\u202e` in it is marked as ours."""
    parts = groupby(pieces(text, limit), lambda piece: piece[1])
    return "".join(_part("".join(one for one, _ in run), ours) for ours, run in parts)


def code(text: str, limit: int = 2000) -> str:
    """`text` as code that keeps its own direction: Hebrew in a name turns nothing beside it."""
    return f"<code>{shown(text, limit)}</code>"


def _part(text: str, ours: bool) -> str:
    return f"<i>{escape(text)}</i>" if ours else escape(text)

"""Decides which statements on vulnerabilities count: those of whom the user trusts, for what.

A document says itself who its author is. So a name is worth as much as the place that the document
came from; a rule may name the document by its digest, and then it is worth what the digest is.

Of several statements that count on the same component and vulnerability, the latest does; where
the latest of one date say different things, none does. What does not count is kept, with the
reason.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated
from urllib.parse import unquote

from msgspec import Meta, Struct

from probatum.formats.vex import STATUSES, Statement, Status

EVERYTHING = ("*",)
NEVER = datetime.min.replace(tzinfo=UTC)
_BEHIND = re.compile(r"[?#].*", re.DOTALL)


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose statements count: with these statuses, on components whose package URL fits a pattern.

    `documents` are digests (`sha256:<hex>`); with any, only what stands in one of these counts.
    """

    author: Annotated[str, Meta(min_length=1)]
    statuses: tuple[Status, ...] = STATUSES
    components: tuple[str, ...] = EVERYTHING
    documents: tuple[str, ...] = ()


class Rules(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of rules."""

    trust: tuple[Rule, ...]


class Heard(Struct, frozen=True):
    """A statement, and the digest of the document that it stands in."""

    statement: Statement
    document: str


class Weighed(Struct, frozen=True):
    """A statement with why it does not count; empty where it does."""

    heard: Heard
    why_not: str = ""


def weighed(heard: Sequence[Heard], rules: Sequence[Rule]) -> tuple[Weighed, ...]:
    """Every statement in its order, and which of them count."""
    found = [Weighed(one, _untrusted(one, rules)) for one in heard]
    latest: dict[tuple[str, str, str], list[Heard]] = {}
    for one in found:
        if one.why_not:
            continue
        for key in _keys(one.heard.statement):
            held = latest.setdefault(key, [])
            date = when(held[0].statement) if held else NEVER
            if when(one.heard.statement) > date:
                held.clear()
            if when(one.heard.statement) >= date:
                held.append(one.heard)
    return tuple(one if one.why_not else _held(one, latest) for one in found)


def _held(one: Weighed, latest: dict[tuple[str, str, str], list[Heard]]) -> Weighed:
    for key in _keys(one.heard.statement):
        last = latest[key]
        if one.heard not in last:
            return Weighed(one.heard, "a later statement says something on it")
        if len({each.statement.status for each in last}) > 1:
            return Weighed(one.heard, "statements of the same date contradict one another")
    return one


def _keys(statement: Statement) -> Iterable[tuple[str, str, str]]:
    return [(statement.component, statement.within, one) for one in statement.vulnerabilities]


def _untrusted(one: Heard, rules: Sequence[Rule]) -> str:
    statement = one.statement
    own = [rule for rule in rules if rule.author == statement.author]
    if not own:
        return "its author is not trusted"
    own = [rule for rule in own if not rule.documents or one.document in rule.documents]
    if not own:
        return "its document is none of those that are trusted"
    own = [rule for rule in own if statement.status in rule.statuses]
    if not own:
        return f"its author is not trusted to say {statement.status}"
    if not any(fnmatchcase(statement.component, pat) for rule in own for pat in rule.components):
        return "its author is not trusted to speak of this component"
    return ""


def when(statement: Statement) -> datetime:
    """The date of a statement; before every other where it has none that can be read."""
    try:
        found = datetime.fromisoformat(statement.made)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return NEVER


def speaks_of(statement: Statement, purl: str, product: str = "") -> bool:
    """Whether a statement is on the component of this package URL, within this product.

    Without a version it is on all of them. Qualifiers and subpaths that it names have to be the
    same: what is not affected in one distribution may be in another.
    """
    if statement.within and not _covers(statement.within, product):
        return False
    return _covers(statement.component, purl)


def _covers(said: str, asked: str) -> bool:
    name, version, more = _split(said)
    its_name, its_version, its_more = _split(asked)
    return name == its_name and version in ("", its_version) and more in ("", its_more)


def _split(purl: str) -> tuple[str, str, str]:
    """Type and name, version, and what stands behind them."""
    found = _BEHIND.search(purl)
    front, more = (purl[: found.start()], found[0]) if found else (purl, "")
    before, slash, last = front.rpartition("/")
    name, _, version = last.partition("@")
    return unquote(f"{before}{slash}{name}"), unquote(version), more

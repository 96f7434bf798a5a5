"""Judges the conditions of a workflow: can an outsider make them true?

A condition is taken apart at `&&`, `||`, `!` and parentheses; what is left are comparisons and
calls, each of which a row of rule data knows or does not. For one event at a time, since the same
words guard one event and let another through: who opened an issue does not say who comments on it.

Source: docs.github.com/en/actions/reference/workflows-and-actions/expressions.
"""

import re
from enum import IntEnum

from probatum.formats.workflow_rules import joined

OBJECTS = {
    "issues": ("issue",),
    "issue_comment": ("comment", "issue"),
    "pull_request_target": ("pull_request",),
    "discussion": ("discussion",),
    "discussion_comment": ("comment", "discussion"),
    "workflow_run": ("workflow_run",),
    "gollum": ("pages",),
    "fork": ("forkee",),
    "watch": (),
}
"""What an event brings along; the first is what its own author wrote."""

_OBJECT = re.compile(r"github\.event\.(\w+)\.(?:author_association|user\.login)")
_EVENT = re.compile(r"github\.event_name(==|!=)'(\w+)'|'(\w+)'==github\.event_name")
_TOKEN = re.compile(r"'(?:[^']|'')*'|&&|\|\||!(?!=)|[()]|[^'()&|!]+|[&|!]")
_DEEPEST = 40


class Reach(IntEnum):
    """Whether an outsider gets past; a larger value is safer, but that UNKNOWN is not known."""

    OPEN = 0
    UNKNOWN = 1
    GUARDED = 2
    NEVER = 3


def reach(condition: str, event: str) -> Reach:
    """How far an outsider gets who raises `event`, under `condition`."""
    text = condition.strip()
    if text.startswith("${{") and text.endswith("}}") and text.count("${{") == 1:
        text = text[3:-2]
    if "${{" in text:
        return Reach.UNKNOWN
    parser = _Parser(_plain(text), event)
    found = parser.either(0)
    return found if parser.ended() else Reach.UNKNOWN


def both(*parts: Reach) -> Reach:
    """Conditions that must all be true."""
    if Reach.NEVER in parts:
        return Reach.NEVER
    if Reach.GUARDED in parts:
        return Reach.GUARDED
    return Reach.UNKNOWN if Reach.UNKNOWN in parts else Reach.OPEN


def _plain(text: str) -> list[str]:
    """The tokens without white space, in lower case: expressions are read so."""
    tokens = []
    for found in _TOKEN.finditer(text):
        said = found[0] if found[0].startswith("'") else re.sub(r"\s+", "", found[0])
        if said:
            tokens.append(said.lower())
    return tokens


class _Parser:
    def __init__(self, tokens: list[str], event: str) -> None:
        self._tokens = tokens
        self._at = 0
        self._event = event

    def ended(self) -> bool:
        return self._at >= len(self._tokens)

    def either(self, depth: int) -> Reach:
        parts = [self._all(depth)]
        while self._take("||"):
            parts.append(self._all(depth))
        open = [one for one in parts if one != Reach.NEVER]
        return min(open, default=Reach.NEVER)

    def _all(self, depth: int) -> Reach:
        parts = [self._one(depth)]
        while self._take("&&"):
            parts.append(self._one(depth))
        return both(*parts)

    def _one(self, depth: int) -> Reach:
        if depth > _DEEPEST:
            self._at = len(self._tokens)
            return Reach.UNKNOWN
        if self._peek() == "(":
            self._at += 1
            found = self.either(depth + 1)
            if not self._take(")"):
                return Reach.UNKNOWN
            return found if self._peek() in ("", "&&", "||", ")") else self._rest()
        if self._peek() == "!" and self._next() == "(":
            self._at += 1
            self._one(depth + 1)
            return Reach.UNKNOWN
        return self._leaf()

    def _leaf(self) -> Reach:
        """One comparison or call, up to the next operator outside its parentheses."""
        said, depth = "", 0
        while not self.ended():
            token = self._peek()
            if depth == 0 and token in ("&&", "||", ")"):
                break
            depth += (token == "(") - (token == ")")  # noqa: S105
            said += token
            self._at += 1
        return self._judged(said)

    def _judged(self, said: str) -> Reach:
        compared = _EVENT.fullmatch(said)
        if compared is not None:
            same = (compared[2] or compared[3]) == self._event
            return Reach.OPEN if same is (compared[1] != "!=") else Reach.NEVER
        if joined("guard").fullmatch(said):
            whose = _OBJECT.search(said)
            if whose is None:
                return Reach.GUARDED
            known = OBJECTS.get(self._event, ())
            if whose[1] not in known:
                return Reach.NEVER
            return Reach.GUARDED if whose[1] == known[0] else Reach.OPEN
        return Reach.OPEN if joined("open").fullmatch(said) else Reach.UNKNOWN

    def _rest(self) -> Reach:
        self._leaf()
        return Reach.UNKNOWN

    def _peek(self) -> str:
        return "" if self.ended() else self._tokens[self._at]

    def _next(self) -> str:
        return self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else ""

    def _take(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._at += 1
        return True

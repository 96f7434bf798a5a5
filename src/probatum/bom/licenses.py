"""What a licence is called: the hub's identifiers, and SPDX's, in SPDX's spelling."""

import re
from functools import cache
from importlib.resources import files

from msgspec import Struct, toml

_WORD = re.compile(r"\s*([()]|[A-Za-z0-9.+-]+|\S)")
_MOST_WORDS = 200


def spelled(said: str) -> str:
    """A declared licence as SPDX spells it; one that is not known stays as it is said."""
    said = said.strip()
    return _known().get(said.lower()) or _expression(said) or said


def is_known(said: str) -> bool:
    """Whether it is the identifier of one licence of SPDX's list that the rules name."""
    return said in _rules().identifiers


def is_expression(said: str) -> bool:
    """Whether it is several identifiers of SPDX's list, with operators between."""
    return " " in said and _expression(said) == said


def _expression(said: str) -> str:
    """The expression as SPDX spells it; empty if it is none. Source: SPDX 3.0.1, annex B."""
    words = [one[1] for one in _WORD.finditer(said)]
    if not 1 < len(words) <= _MOST_WORDS:
        return ""
    made: list[str] = []
    depth, wanted = 0, "term"
    for word in words:
        upper = word.upper()
        if wanted == "term" and word == "(":
            depth += 1
        elif wanted == "term" and (name := _identifier(word)):
            word, wanted = name, "operator"
        elif wanted == "exception" and word.lower() in _exceptions():
            word, wanted = _exceptions()[word.lower()], "and"
        elif wanted in ("operator", "and") and word == ")" and depth:
            depth, wanted = depth - 1, "and"
        elif wanted in ("operator", "and") and upper in ("AND", "OR"):
            word, wanted = upper, "term"
        elif wanted == "operator" and upper == "WITH":
            word, wanted = upper, "exception"
        else:
            return ""
        made.append(word)
    if depth or wanted in ("term", "exception"):
        return ""
    return " ".join(made).replace("( ", "(").replace(" )", ")")


def _identifier(word: str) -> str:
    """An identifier, or one with a plus behind it: that version or a later one."""
    known = _spellings()
    plus = f"{known[word[:-1].lower()]}+" if word[:-1].lower() in known else ""
    return known.get(word.lower(), plus if word.endswith("+") else "")


class _Rules(Struct, frozen=True):
    identifiers: frozenset[str]
    exceptions: frozenset[str]
    hub: dict[str, str]


@cache
def _rules() -> _Rules:
    text = files("probatum.rules").joinpath("licenses.toml").read_bytes()
    return toml.decode(text, type=_Rules)


@cache
def _known() -> dict[str, str]:
    return {one.lower(): one for one in _rules().identifiers} | _rules().hub


@cache
def _spellings() -> dict[str, str]:
    return {one.lower(): one for one in _rules().identifiers}


@cache
def _exceptions() -> dict[str, str]:
    return {one.lower(): one for one in _rules().exceptions}

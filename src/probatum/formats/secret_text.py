"""Tells whether a value is a secret, by its shape, or by its name and how random it looks.

Nothing here repeats a secret: what is told is its kind and its length.

Sources: `rules/secrets.toml`, where each row names its own; Shannon entropy.
"""

import math
import re
import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

_LEAST_BITS = 3.0
"""Of entropy in a character: words stay below it, random letters and digits above."""
_SHORTEST = 16
_MASK = "[…]"
_PAIR = re.compile(r"""([\w.-]+)(["']?\s*[:=,]?\s*["']?\s*)(?<=[\s:=,"'])([^\s"',;]{4,})""")
_QUERY = re.compile(r"[?&]([\w.-]{1,60})=([^&#\s\"'?]{8,})")
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|key)\s+", re.IGNORECASE)


class Secret(Struct, frozen=True):
    """`says` what it is, without saying it; `surely` where nothing else looks like that.

    `named`: its name says that it is the secret itself, and not something about one.
    """

    says: str
    surely: bool
    named: bool = False


def secret(name: str, value: str) -> Secret | None:
    """What secret stands in `value`, which is called `name` (or nothing)."""
    for says, pattern in _tokens():
        for found in pattern.finditer(value):
            if not _placeholder().fullmatch(found[0]):
                return Secret(f"{says} of {len(found[0])} characters", True)
    for query in _QUERY.finditer(value):
        found_there = secret(query[1], query[2])
        if found_there is not None and found_there.surely:
            return Secret(f"{found_there.says}, in an address", True)
    called = _names().search(name)
    if called is None:
        return None
    value = _SCHEME.sub("", value.strip(), count=1)
    if _placeholder().fullmatch(value) or re.match(r"[./~]|[a-z]+://|[A-Za-z]:\\", value):
        return None
    random = len(value) >= _SHORTEST and " " not in value and _bits(value) >= _LEAST_BITS
    what = "a random-looking value" if random else "a value"
    says = f"{what} of {len(value)} characters under the name of a secret"
    return Secret(says, random, called.end() == len(name))


def masked(text: str) -> str:
    """The text without the secrets in it: those with a shape, and those that a name stands before.

    What is shown of a file that may hold secrets goes through here, whatever it is shown for.
    """
    for _, pattern in _tokens():
        text = pattern.sub(_MASK, text)
    return _PAIR.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    name, between, value = found.groups()
    return found[0] if secret(name, value) is None else f"{name}{between}{_MASK}"


def is_secret_itself(name: str) -> bool:
    """Whether what is called so is a secret, and not something about one (`TOKEN_FILE`)."""
    called = _names().search(name)
    return called is not None and called.end() == len(name)


def is_secret_name(name: str) -> bool:
    """Whether what is called so is a secret."""
    return _names().search(name) is not None


def _bits(value: str) -> float:
    shares = [count / len(value) for count in Counter(value).values()]
    mixed = bool(re.search(r"\d", value)) and bool(re.search("[A-Za-z]", value))
    return -sum(share * math.log2(share) for share in shares) if mixed else 0.0


@cache
def _tokens() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["says"], re.compile(row["pattern"])) for row in _rules()["token"])


@cache
def _names() -> re.Pattern[str]:
    return re.compile("|".join(row["pattern"] for row in _rules()["name"]))


@cache
def _placeholder() -> re.Pattern[str]:
    rows = "|".join(row["pattern"] for row in _rules()["placeholder"])
    return re.compile(rows, re.IGNORECASE | re.DOTALL)


@cache
def _rules() -> dict[str, Any]:
    text = files("probatum.rules").joinpath("secrets.toml").read_text("utf-8")
    rules: dict[str, Any] = tomllib.loads(text)
    return rules

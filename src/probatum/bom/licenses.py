"""What a licence is called: the hub's identifiers, and SPDX's, in SPDX's spelling."""

import re
from functools import cache
from importlib.resources import files

from msgspec import Struct, toml

_OPERATOR = re.compile(r"\s(?:AND|OR|WITH)\s")
_WORD = re.compile(r"[A-Za-z0-9.+-]+")


def spelled(said: str) -> str:
    """A declared licence as SPDX spells it; one that is not known stays as it is said."""
    return _known().get(said.strip().lower(), said.strip())


def is_known(said: str) -> bool:
    """Whether it is the identifier of one licence of SPDX's list that the rules name."""
    return said in _rules().identifiers


def is_expression(said: str) -> bool:
    """Whether it is several identifiers of SPDX's list, with operators between."""
    if not _OPERATOR.search(said):
        return False
    words = _WORD.findall(said)
    plain = [one for one in words if one not in ("AND", "OR", "WITH")]
    left = _WORD.sub("", said).replace("(", "").replace(")", "").strip()
    return not left and all(is_known(one) or one in _rules().exceptions for one in plain)


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

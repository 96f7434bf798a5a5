"""Puts what looks like a credential out of all that a verdict says.

A report is read by more people than the file it is about. Analysers of secrets never quote one, but
any other may quote a name, a line of code or an address, and the audited file chooses those.
"""

import re
from functools import lru_cache
from operator import is_not
from typing import Any, TypeVar, cast

from msgspec import Struct
from msgspec.structs import fields, replace

from probatum.vocabulary import Certificate, Proven

# A long word that is more than small letters, a login in an address, a key.
_WORTH_A_LOOK = re.compile(
    r"(?=[a-z_/-]*[A-Z0-9])[A-Za-z0-9_+/=-]{20,}|://[^\s/]*:[^\s/]*@|PRIVATE KEY"
)
# Such a word at an edge of an excerpt.
_CUT = re.compile(
    rb"\A(?=[a-z_/-]*[A-Z0-9])[A-Za-z0-9_+/=-]{12,}|(?=[a-z_/-]*[A-Z0-9])[A-Za-z0-9_+/=-]{12,}\Z"
)
_INSTEAD = "[…]"
_T = TypeVar("_T")


def concealed(said: _T) -> _T:
    """The same value, with no credential of a known form in any text or bytes of it.

    Certificates are left as they are: what is derived again from the file must be the same.
    """
    if isinstance(said, str):
        return cast("_T", _text(said))
    if isinstance(said, bytes):
        return cast("_T", _excerpt(said))
    if isinstance(said, tuple):
        each = tuple(concealed(one) for one in said)
        return cast("_T", each) if any(map(is_not, each, said)) else said
    if isinstance(said, Proven):
        assumptions = concealed(said.assumptions)
        same = assumptions is said.assumptions
        return said if same else replace(said, assumptions=assumptions)
    if isinstance(said, Struct) and not isinstance(said, Certificate):
        changed: dict[str, Any] = {}
        for one in fields(said):
            before = getattr(said, one.name)
            if (after := concealed(before)) is not before:
                changed[one.name] = after
        return replace(said, **changed) if changed else said
    return said


@lru_cache(1024)  # proofs of a kind rest on the same sentences
def _text(said: str) -> str:
    if not _WORTH_A_LOOK.search(said):
        return said
    data = said.encode("utf-8", "surrogatepass")
    spans = _spans(data)
    for start, end in reversed(spans):
        data = data[:start] + _INSTEAD.encode() + data[end:]
    return data.decode("utf-8", "surrogatepass") if spans else said


def _excerpt(data: bytes) -> bytes:
    """Every byte stays in its place. At the edges a credential may be cut off, and so unknown."""
    for start, end in [*_spans(data), *(one.span() for one in _CUT.finditer(data))]:
        data = data[:start] + b"*" * (end - start) + data[end:]
    return data


def _spans(data: bytes) -> list[tuple[int, int]]:
    """Where credentials stand, none overlapping another: one may be found under an encoding too."""
    # Most audits quote nothing that is worth a look, and never import this.
    from probatum.credentials.search import credentials

    spans: list[tuple[int, int]] = []
    for one in credentials(data):
        if spans and one.start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], one.end))
        else:
            spans.append((one.start, one.end))
    return spans

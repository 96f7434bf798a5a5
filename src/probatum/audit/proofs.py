"""Tells which claims are asked of an artifact, and which certificates could prove them, by a table.

`rules/proofs.json` is derived from the analysers (`tools/derive_proofs.py`), so that a report can
be checked without importing one: kind -> claim -> checker -> what is bound. A bound fact must have
one of the values listed (which loader reads this kind is no fact that a report may choose);
`@name` binds the last part of the artifact's name.
"""

import pkgutil
from functools import cache

import msgspec

import probatum.rules
from probatum.audit.plan import NO_FILES
from probatum.claims import KIND_IS_UNDERSTOOD
from probatum.vocabulary import Artifact, Certificate

_Checkers = dict[str, dict[str, tuple[str, ...]]]
_EXPECTED, _LISTED = "expected", "listed"


def asked(artifact: Artifact, *, lists: bool = False) -> tuple[str, ...]:
    """The claims that an audit makes of this artifact, by id; with `lists` also of a file's own."""
    own = tuple(sorted(_proofs(artifact))) or (KIND_IS_UNDERSTOOD.id,)
    return tuple(sorted({*own, *_table()[_LISTED]})) if lists and _is_file(artifact) else own


def claims() -> frozenset[str]:
    """Every claim that an audit can make, by id."""
    return frozenset(claim for proofs in _table().values() for claim in proofs)


def provable(artifact: Artifact, claim: str) -> bool:
    """Whether there are certificates that prove `claim` of such an artifact at all."""
    return bool((_table()[_LISTED] | _proofs(artifact)).get(claim))


def misfit(artifact: Artifact, claim: str, certificate: Certificate) -> str:
    """Why the certificate cannot prove the claim of this artifact; empty if it may."""
    every = _proofs(artifact)
    checkers = (every | _table()[_LISTED] if _is_file(artifact) else every).get(claim, {})
    if certificate.checker not in checkers:
        return f"no certificate of {certificate.checker} proves {claim} of the kind {artifact.kind}"
    for fact, values in checkers[certificate.checker].items():
        if fact == "@name":
            if artifact.name.rpartition("/")[2] not in values:
                return f"nothing proves {claim} of an artifact of this name"
        elif certificate.facts.get(fact) not in values:
            return f"the certificate's {fact} is not that of the kind {artifact.kind}"
    return ""


def _proofs(artifact: Artifact) -> dict[str, _Checkers]:
    table = _table()
    own = table.get(artifact.kind, {})
    if artifact.expected is None:
        return own
    return (own or {KIND_IS_UNDERSTOOD.id: {}}) | table[_EXPECTED]


def _is_file(artifact: Artifact) -> bool:
    """Whether it is not put together from several."""
    return artifact.kind not in NO_FILES


@cache
def _table() -> dict[str, dict[str, _Checkers]]:
    text = pkgutil.get_data(probatum.rules.__name__, "proofs.json") or b""
    return msgspec.json.decode(text, type=dict[str, dict[str, _Checkers]])

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
from probatum.claims import KIND_IS_UNDERSTOOD
from probatum.vocabulary import Artifact, Certificate

_Checkers = dict[str, dict[str, tuple[str, ...]]]
_EXPECTED = "expected"


def asked(artifact: Artifact) -> tuple[str, ...]:
    """The claims that an audit makes of this artifact, by id."""
    return tuple(sorted(_proofs(artifact))) or (KIND_IS_UNDERSTOOD.id,)


def claims() -> frozenset[str]:
    """Every claim that an audit can make, by id."""
    return frozenset(claim for proofs in _table().values() for claim in proofs)


def provable(artifact: Artifact, claim: str) -> bool:
    """Whether there are certificates that prove `claim` of such an artifact at all."""
    return bool(_proofs(artifact).get(claim))


def misfit(artifact: Artifact, claim: str, certificate: Certificate) -> str:
    """Why the certificate cannot prove the claim of this artifact; empty if it may."""
    checkers = _proofs(artifact).get(claim, {})
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


@cache
def _table() -> dict[str, dict[str, _Checkers]]:
    text = pkgutil.get_data(probatum.rules.__name__, "proofs.json") or b""
    return msgspec.json.decode(text, type=dict[str, dict[str, _Checkers]])

"""Whether a signature is by someone whom the user named, for the checker `model_signature`.

What the user names is read from the artifact's own list: `{"keys": [PEM, …]}`, or
`{"roots": [PEM, …], "time": seconds since 1970}`, or `{"sigstore": trusted root, "identity": …,
"issuer": …}`.
"""

from typing import Any

from probatum.check import certificates
from probatum.check.public_keys import Key, is_by, of_pem
from probatum.check.signed_statement import base64_of, only
from probatum.check.transparency import identified
from probatum.errors import Rejected

_WAYS = ("publicKey", "x509CertificateChain", "certificate")
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_MOST = 16


def demand_trusted(
    trust: dict[str, Any], material: dict[str, Any], signature: bytes, payload: bytes
) -> None:
    """Raises Rejected unless the signature over the payload is by someone trusted."""
    ways = [name for name in _WAYS if name in material]
    signable = current, _ = _signable(payload)
    if len(ways) != 1 or len(set(trust) & {"keys", "roots", "sigstore"}) != 1:
        raise Rejected("nobody is trusted, or the signature is verified in several ways")
    if "keys" in trust and ways == ["publicKey"]:
        keys = [of_pem(one) for one in _texts(trust["keys"])]
    elif "roots" in trust and ways == ["x509CertificateChain"]:
        keys = [_of_chain(trust, material["x509CertificateChain"])]
    elif "sigstore" in trust and ways == ["certificate"]:
        keys = [identified(trust, material, signature, payload)]
        signable = current, current
    else:
        raise Rejected("the signature is made in another way than those who are trusted sign")
    if not any(_signs(key, signature, signable) for key in keys):
        raise Rejected("the signature is not by anyone who is trusted")


def _signable(payload: bytes) -> tuple[bytes, bytes]:
    """What may be signed of the payload: DSSE's form, and that of model-signing before 1.0."""
    kind, size = _PAYLOAD_TYPE, len(payload)
    older = f"DSSEV1 {len(kind)} {kind} {size} {payload!r}"
    return f"DSSEv1 {len(kind)} {kind} {size} ".encode() + payload, older.encode()


def _signs(key: Key, signature: bytes, signable: tuple[bytes, bytes]) -> bool:
    if key.rsa != (0, 0):
        raise Rejected("a model is not signed with a key of this kind")
    current, older = signable
    # Before its version 1.0, model-signing used SHA-256 with every curve.
    return (
        is_by(key, signature, current)
        or is_by(key, signature, older)
        or (key.curve is not None and is_by(key, signature, older, "sha256"))
    )


def _of_chain(trust: dict[str, Any], chain: Any) -> Key:
    held = only(chain, "certificates")["certificates"]
    if type(held) is not list or not 1 <= len(held) <= _MOST or type(trust.get("time")) is not int:
        raise Rejected("no chain of certificates, or no time to look at it")
    leaf, *between = (
        certificates.read(base64_of(only(one, "rawBytes")["rawBytes"])) for one in held
    )
    roots = [found for one in _texts(trust["roots"]) for found in certificates.of_pem(one)]
    return certificates.followed(leaf, between, roots, trust["time"])


def _texts(value: Any) -> list[str]:
    if type(value) is not list or not value or not all(type(one) is str for one in value):
        raise Rejected("what is trusted is no list of texts")
    return value

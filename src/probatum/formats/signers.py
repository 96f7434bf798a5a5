"""Whether a bundle is signed by someone whom the user trusts; cryptography by `cryptography`.

Whom the user trusts is one of:

- `{"keys": [PEM, …]}`: public keys; the signature must be by one of them;
- `{"roots": [PEM, …], "time": seconds}`: certificates; from one a chain must lead to the
  signer's, each valid at that time (since 1970, UTC);
- `{"sigstore": …, "identity": …, "issuer": …}`: a trusted root of Sigstore, and who must have
  signed by way of it (`formats.sigstore_identity`).

Nothing in the bundle chooses whom to trust, nor the algorithm: that is the key's own.

Sources: OpenSSF Model Signing specification 1.0, sections 4 and 8.2; RFC 5280, section 6.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from probatum.errors import FormatError
from probatum.formats.sigstore_bundle import (
    Bundle,
    pre_authentication,
    pre_authentication_before_1,
)
from probatum.vocabulary import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    Key = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_CURVES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}


class NotTrusted(Exception):
    """The bundle is not signed by anyone whom the user trusts; the text says why."""


def signer(bundle: Bundle, trust: Mapping[str, Any]) -> str:
    """Who signed, in words. Raises: NotTrusted; FormatError where it cannot be told."""
    demand_cryptography()
    if "keys" in trust:
        return _by_key(bundle, [_key(one) for one in _texts(trust["keys"])])
    if "roots" in trust:
        from probatum.formats.certificate_chain import leaf_key

        if not bundle.chain:
            raise NotTrusted("it is signed without a certificate, and roots are trusted")
        key, who = leaf_key(bundle.chain, _texts(trust["roots"]), trust.get("time"))
        if not _verifies(bundle, supported(key)):
            raise NotTrusted("the signature is not by the key of its own certificate")
        return who
    if "sigstore" in trust:
        from probatum.formats.sigstore_identity import identified

        return identified(bundle, trust)
    from probatum.formats.claimed_signer import claimed

    says = f"it is signed, as it says, by {claimed(bundle)}"
    raise FormatError(Reason.UNRESOLVED, f"{says}; nobody is named whose signature is trusted")


def fingerprint(key: "Key") -> str:
    """`sha256:<hex>` of a public key (its SubjectPublicKeyInfo in DER)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(spki).hexdigest()}"


def hint(key: "Key") -> str:
    """What a bundle calls the key: the SHA-256, in hex, of its PEM form."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()


def supported(key: object) -> "Key":
    """A key that models are signed with. Raises: FormatError UNSUPPORTED."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise FormatError(Reason.UNSUPPORTED, "a key that is none of P-256, P-384, P-521 and Ed25519")


def is_by(key: "Key", signature: bytes, data: bytes, digest: str = "") -> bool:
    """Whether the signature is by this key over `data`; `digest` where it is not the curve's."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            made = getattr(hashes, digest or _CURVES[key.curve.name])()
            key.verify(signature, data, ec.ECDSA(made))
        else:
            key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def sign(key: Any, data: bytes) -> bytes:
    """The signature over `data` by a private key of those that are `supported`."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    if isinstance(key, ec.EllipticCurvePrivateKey):
        made = getattr(hashes, _CURVES[key.curve.name])()
        return key.sign(data, ec.ECDSA(made))
    signature: bytes = key.sign(data)
    return signature


def demand_cryptography() -> None:
    """Raises: FormatError MISSING_EXTRA."""
    try:
        import cryptography.hazmat.primitives.asymmetric.ec  # noqa: F401
    except ImportError as exc:
        raise FormatError(Reason.MISSING_EXTRA, "pip install 'probatum[signing]'") from exc


def _by_key(bundle: Bundle, keys: list["Key"]) -> str:
    if bundle.hint is None:
        raise NotTrusted("it is signed with a certificate, and keys are trusted")
    for key in keys:
        if _verifies(bundle, key):
            return f"the key {fingerprint(key)}"
    if bundle.hint and bundle.hint not in map(hint, keys):
        raise NotTrusted(f"it is signed with another key, which it calls {bundle.hint[:64]!a}")
    raise NotTrusted("the signature is not by a trusted key over this statement")


def _verifies(bundle: Bundle, key: "Key") -> bool:
    older = pre_authentication_before_1(bundle.payload)
    return (
        is_by(key, bundle.signature, pre_authentication(bundle.payload))
        or is_by(key, bundle.signature, older)
        or (_is_elliptic(key) and is_by(key, bundle.signature, older, "SHA256"))
    )


def _is_elliptic(key: "Key") -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec

    return isinstance(key, ec.EllipticCurvePublicKey)


def _key(pem: str) -> "Key":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if pem.count("-----BEGIN PUBLIC KEY-----") != 1:
        raise FormatError(Reason.MALFORMED, "a trusted key is not one public key in PEM")
    try:
        return supported(load_pem_public_key(pem.encode()))
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise FormatError(Reason.MALFORMED, "a trusted key is no public key in PEM") from exc


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise FormatError(Reason.MALFORMED, "what is trusted is no list of PEM texts")
    return value

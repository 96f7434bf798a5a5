"""Public keys as certificates and PEM files spell them, and whether a signature is by one.

Sources: RFC 5280, section 4.1 (SubjectPublicKeyInfo); RFC 5480 (elliptic curves); RFC 8410
(Ed25519); RFC 8017, section 8.2.2 (RSA, PKCS #1 v1.5).
"""

import base64
import hashlib
import re
from typing import NamedTuple

from probatum.check import der, edwards
from probatum.check.curves import P256, P384, P521, Curve, Point, is_signed, point
from probatum.errors import Rejected

_CURVES = {"1.2.840.10045.3.1.7": P256, "1.3.132.0.34": P384, "1.3.132.0.35": P521}
_ELLIPTIC, _RSA, _ED25519 = "1.2.840.10045.2.1", "1.2.840.113549.1.1.1", "1.3.101.112"
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")
# What PKCS #1 v1.5 puts before a digest (RFC 8017, section 9.2, note 1).
_PREFIXES = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


class Key(NamedTuple):
    """One of an elliptic `curve` with its point, Ed25519's 32 bytes, or RSA's two numbers."""

    curve: Curve | None = None
    at: Point = (0, 0)
    edwards: bytes = b""
    rsa: tuple[int, int] = (0, 0)


def of_pem(text: str) -> Key:
    """Raises: Rejected."""
    found = _PEM.findall(text)
    if len(found) != 1:
        raise Rejected("a trusted key is not one public key in PEM")
    try:
        return of_info(base64.b64decode("".join(found[0].split()), validate=True))
    except ValueError as exc:
        raise Rejected("a trusted key is no base64") from exc


def of_info(data: bytes) -> Key:
    """A key by its SubjectPublicKeyInfo. Raises: Rejected."""
    info = der.items(data)
    if len(info) != 2:
        raise Rejected("a public key is not its kind and its bits")
    kind, *parameters = der.items(info[0].whole, least=1)
    held, name = der.bits(info[1]), der.dotted(kind)
    if name == _ELLIPTIC and len(parameters) == 1:
        curve = _CURVES.get(der.dotted(parameters[0]))
        if curve is not None:
            return Key(curve=curve, at=point(curve, held))
    if name == _ED25519 and not parameters and len(held) == 32:
        return Key(edwards=held)
    if name == _RSA:
        modulus, exponent = der.pair(held)
        if modulus.bit_length() >= 2048 and modulus % 2 and exponent > 2 and exponent % 2:
            return Key(rsa=(modulus, exponent))
    raise Rejected("a public key of another kind")


def is_by(key: Key, signature: bytes, data: bytes, digest: str = "") -> bool:
    """Whether the signature is by the key over `data`.

    `digest` names what a signature algorithm uses; by itself a curve has one of its own.
    """
    if key.edwards:
        return edwards.is_signed(key.edwards, signature, data)
    if key.curve is not None:
        digest = digest or key.curve.digest
        try:
            r, s = der.pair(signature)
        except Rejected:
            return False
        return is_signed(key.curve, key.at, hashlib.new(digest, data).digest(), r, s)
    return _is_by_rsa(*key.rsa, signature, hashlib.new(digest, data).digest(), digest)


def _is_by_rsa(modulus: int, exponent: int, signature: bytes, hashed: bytes, digest: str) -> bool:
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature)
    if len(signature) != size or number >= modulus or exponent.bit_length() > 64:
        return False
    tail = b"\0" + _PREFIXES[digest] + hashed
    wanted = b"\0\1" + b"\xff" * (size - 2 - len(tail)) + tail
    return pow(number, exponent, modulus).to_bytes(size) == wanted

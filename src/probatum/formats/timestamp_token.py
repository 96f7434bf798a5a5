"""When an authority that the user trusts saw a signature: an RFC 3161 timestamp in a bundle.

The token is a CMS message, signed by the authority's certificate, about the digest of the
signature. It counts where that certificate is one of the trusted root's authorities, is for
timestamps and nothing else, and was valid then. A token that does not count says nothing; whether a
time is needed at all is decided elsewhere.

Sources: RFC 3161, section 2.4; RFC 5652, sections 5.3 to 5.6; RFC 5816 (ESSCertIDv2).
"""

import datetime
import hashlib
import re
from typing import NamedTuple

from msgspec import Struct

from probatum.formats.certificate_chain import followed, unreadable
from probatum.formats.signers import NotTrusted
from probatum.formats.trusted_root import Authority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_SIGNED_DATA = "06092a864886f70d010702"
_TIME_INFO = "060b2a864886f70d0109100104"
_CONTENT_TYPE, _MESSAGE_DIGEST = "06092a864886f70d010903", "06092a864886f70d010904"
_SIGNING_CERTIFICATE = "060b2a864886f70d010910022f"
_DIGESTS = {
    "0609608648016503040201": "sha256",
    "0609608648016503040202": "sha384",
    "0609608648016503040203": "sha512",
}
_SIGNATURES = {
    "06082a8648ce3d040302": "SHA256", "06082a8648ce3d040303": "SHA384",
    "06082a8648ce3d040304": "SHA512",
    "06092a864886f70d01010b": "SHA256", "06092a864886f70d01010c": "SHA384",
    "06092a864886f70d01010d": "SHA512",
}  # fmt: skip
_SEQUENCE, _SET, _INTEGER, _OCTETS, _TIME, _FIRST = 0x30, 0x31, 0x02, 0x04, 0x18, 0xA0
_WHEN = re.compile(rb"(\d{14})(?:\.\d{1,9})?Z")


class _Value(NamedTuple):
    tag: int
    content: bytes
    whole: bytes


class _Token(Struct, frozen=True):
    """What a token says: when, and of which digest; and how it is signed."""

    time: int
    digest: str
    of: bytes
    signed: bytes
    signature: bytes
    algorithm: str
    certificate: str
    named: bytes


def stamped(token: bytes, signature: bytes, authorities: tuple[Authority, ...]) -> int:
    """When `signature` was seen, in seconds since 1970. Raises: NotTrusted."""
    try:
        said = _token(token)
    except (ValueError, LookupError) as exc:
        raise NotTrusted("a timestamp cannot be read") from exc
    if hashlib.new(said.digest, signature).digest() != said.of:
        raise NotTrusted("a timestamp is of another signature")
    why = NotTrusted("no authority for timestamps is trusted at that time")
    for authority in authorities:
        if authority.period.holds(said.time):
            try:
                _demand_signed(said, authority)
            except NotTrusted as exc:
                why = exc
            else:
                return said.time
    raise why


def _demand_signed(said: _Token, authority: Authority) -> None:
    from cryptography.x509 import load_der_x509_certificate

    own = authority.chain[0]
    if hashlib.new(said.certificate, own).digest() != said.named:
        raise NotTrusted("a timestamp names another certificate than the authority's")
    try:
        leaf, *more = map(load_der_x509_certificate, authority.chain)
        *between, root = more or [leaf]
        at = datetime.datetime.fromtimestamp(said.time, datetime.UTC)
        followed(leaf, between, [root], at, purpose="timestamps")
        verified = _is_signed(leaf, said)
    except unreadable() as exc:
        raise NotTrusted("an authority's certificate cannot be read") from exc
    if not verified:
        raise NotTrusted("a timestamp is not signed by its authority")


def _is_signed(leaf: "Certificate", said: _Token) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    key, digest = leaf.public_key(), getattr(hashes, _SIGNATURES[said.algorithm])()
    elliptic = said.algorithm.startswith("06082a8648ce3d")
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and elliptic:
            key.verify(said.signature, said.signed, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey) and not elliptic and key.key_size >= 2048:
            key.verify(said.signature, said.signed, padding.PKCS1v15(), digest)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _token(data: bytes) -> _Token:
    """Raises: ValueError, LookupError if this is no token of one signer."""
    status, token = _items(_one(data, _SEQUENCE))
    granted = _items(_of(status, _SEQUENCE))[0].whole
    if granted not in (b"\2\1\0", b"\2\1\1"):  # with changes, or without
        raise ValueError("no timestamp was granted")
    kind, inner = _items(_of(token, _SEQUENCE))
    if kind.whole.hex() != _SIGNED_DATA:
        raise ValueError("not signed data")
    parts = _items(_one(_of(inner, _FIRST), _SEQUENCE))
    content_kind, content = _items(_of(parts[2], _SEQUENCE))
    info = _one(_of(content, _FIRST), _OCTETS)
    (signer,) = _items(_of(parts[-1], _SET))
    if content_kind.whole.hex() != _TIME_INFO:
        raise ValueError("not about a time")
    return _signed(info, _items(_of(signer, _SEQUENCE)))


def _signed(info: bytes, signer: list[_Value]) -> _Token:
    _, _, digest_kind, attributes, algorithm, signature = signer[:6]
    digest = _DIGESTS[_algorithm(digest_kind)]
    held = _attributes(_of(attributes, _FIRST))
    said = held[_MESSAGE_DIGEST], held[_CONTENT_TYPE].whole.hex()
    if (said[0].tag, said[0].content) != (_OCTETS, hashlib.new(digest, info).digest()):
        raise ValueError("signed is something else")
    if said[1] != _TIME_INFO or _algorithm(algorithm) not in _SIGNATURES:
        raise ValueError("signed is something else, or in another way")
    named = _items(_of(_items(held[_SIGNING_CERTIFICATE].content)[0], _SEQUENCE))
    first = _items(_of(named[0], _SEQUENCE))
    kind = _DIGESTS[_algorithm(first[0])] if first[0].tag == _SEQUENCE else "sha256"
    version, _, imprint, _, when = _items(_one(info, _SEQUENCE))[:5]
    what, of = _items(_of(imprint, _SEQUENCE))
    spelled = _WHEN.fullmatch(_of(when, _TIME))
    if version.content != b"\1" or spelled is None:
        raise ValueError("no time")
    time = datetime.datetime.strptime(spelled[1].decode(), "%Y%m%d%H%M%S")
    return _Token(
        time=int(time.replace(tzinfo=datetime.UTC).timestamp()),
        digest=_DIGESTS[_algorithm(what)],
        of=_of(of, _OCTETS),
        # What is signed is the set of attributes, under the tag of a set (RFC 5652, 5.4).
        signed=bytes([_SET]) + attributes.whole[1:],
        signature=_of(signature, _OCTETS),
        algorithm=_algorithm(algorithm),
        certificate=kind,
        named=_of(first[first[0].tag == _SEQUENCE], _OCTETS),
    )


def _attributes(data: bytes) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    for one in _items(data):
        name, values = _items(_of(one, _SEQUENCE))
        (value,) = _items(_of(values, _SET))
        if found.setdefault(name.whole.hex(), value) is not value:
            raise ValueError("an attribute stands twice")
    if not found.keys() >= {_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_CERTIFICATE}:
        raise ValueError("an attribute is missing")
    return found


def _algorithm(one: _Value) -> str:
    return _items(_of(one, _SEQUENCE))[0].whole.hex()


def _of(one: _Value, tag: int) -> bytes:
    if one.tag != tag:
        raise ValueError("a value of another kind")
    return one.content


def _one(data: bytes, tag: int) -> bytes:
    (found,) = _items(data)
    return _of(found, tag)


def _items(data: bytes) -> list[_Value]:
    """The DER values that stand one after another."""
    found, at = [], 0
    while at < len(data):
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4 or tag & 0x1F == 0x1F:
                raise ValueError("no DER")
            length, start = int.from_bytes(data[start : start + count]), start + count
            if length < 0x80 or length >> 8 * (count - 1) == 0:
                raise ValueError("a length in another form than its shortest")
        if start + length > len(data):
            raise ValueError("cut short")
        found.append(_Value(tag, data[start : start + length], data[at : start + length]))
        at = start + length
    return found

"""An authority for timestamps of our own (RFC 3161), of which every part can be changed."""

import datetime
import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from own_sigstore import time_of
from signed_folders import NOW, b64, certificate, der_of

ROOT_KEY = ec.derive_private_key(0xE01, ec.SECP384R1())
KEY = ec.derive_private_key(0xE02, ec.SECP384R1())
ROOT = certificate("stamps", ROOT_KEY, ca=True, first=NOW - 10**7, last=NOW + 10**7)
SHA256 = "0609608648016503040201"
SIGNED_DATA, TIME_INFO = "06092a864886f70d010702", "060b2a864886f70d0109100104"
CONTENT_TYPE, MESSAGE_DIGEST = "06092a864886f70d010903", "06092a864886f70d010904"
SIGNING_CERTIFICATE = "060b2a864886f70d010910022f"
ECDSA_SHA256 = "06082a8648ce3d040302"


def stamping(
    usage: Any = ExtendedKeyUsageOID.TIME_STAMPING, first: int = NOW - 10**6, more: Any = ()
) -> x509.Certificate:
    """The authority's own certificate."""
    moment = datetime.datetime.fromtimestamp
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stamp")]))
        .issuer_name(ROOT.subject)
        .public_key(KEY.public_key())
        .serial_number(3)
        .not_valid_before(moment(first, datetime.UTC))
        .not_valid_after(moment(first + 10**7, datetime.UTC))
        .add_extension(x509.ExtendedKeyUsage([usage, *more]), critical=True)
        .sign(ROOT_KEY, hashes.SHA384())
    )


OWN = stamping()


def authority(own: x509.Certificate = OWN, start: int = NOW - 10**7) -> dict[str, Any]:
    """As a trusted root names it."""
    held = [{"rawBytes": b64(der_of(one))} for one in (own, ROOT)]
    return {"certChain": {"certificates": held}, "validFor": {"start": time_of(start)}}


def token(
    signature: bytes,
    time: int = NOW + 5,
    own: x509.Certificate = OWN,
    key: Any = KEY,
    **changes: bytes,
) -> bytes:
    """A timestamp of a signature; `changes` stand for parts by their names."""
    when = datetime.datetime.fromtimestamp(time, datetime.UTC).strftime("%Y%m%d%H%M%SZ")
    kind = changes.get("digest_kind", sequence(bytes.fromhex(SHA256)))
    imprint = sequence(kind, octets(hashlib.sha256(signature).digest()))
    info = sequence(
        b"\2\1\1", bytes.fromhex("06012a"), imprint, b"\2\1\7", value(0x18, when.encode())
    )
    info = changes.get("info", info)
    digest = hashlib.sha256(own.public_bytes(Encoding.DER)).digest()
    attributes = changes.get("attributes") or b"".join((
        attribute(CONTENT_TYPE, bytes.fromhex(changes.get("type", b"").hex() or TIME_INFO)),
        attribute(MESSAGE_DIGEST, octets(hashlib.sha256(info).digest())),
        attribute(
            SIGNING_CERTIFICATE,
            sequence(sequence(sequence(octets(changes.get("named", digest))))),
        ),
    ))  # fmt: skip
    signed = key.sign(value(0x31, attributes), ec.ECDSA(hashes.SHA256()))
    signer = sequence(
        b"\2\1\1",
        sequence(sequence(), b"\2\1\3"),
        sequence(bytes.fromhex(SHA256)),
        value(0xA0, attributes),
        sequence(bytes.fromhex(ECDSA_SHA256)),
        octets(changes.get("signed", signed)),
    )
    data = sequence(
        b"\2\1\3",
        value(0x31, sequence(bytes.fromhex(SHA256))),
        sequence(bytes.fromhex(TIME_INFO), value(0xA0, octets(info))),
        value(0x31, changes.get("signers", signer)),
    )
    status = sequence(changes.get("status", b"\2\1\0"))
    return sequence(status, sequence(bytes.fromhex(SIGNED_DATA), value(0xA0, data)))


def attribute(name: str, inner: bytes) -> bytes:
    return sequence(bytes.fromhex(name), value(0x31, inner))


def sequence(*parts: bytes) -> bytes:
    return value(0x30, b"".join(parts))


def octets(data: bytes) -> bytes:
    return value(4, data)


def value(tag: int, content: bytes) -> bytes:
    """One value in DER."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content

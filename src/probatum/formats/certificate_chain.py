"""Follows a chain of certificates from a signer's own to one that the user trusts.

Every certificate on the way must be valid at the given time and signed with ECDSA, RSA (PKCS #1
v1.5) or Ed25519 and a digest of the SHA-2 family; each issuer must be an authority that
may sign certificates, for as many levels as lie below it; an extension that is critical and not
among those that are looked at ends the chain, and so does a limit on names or policies. An
authority that names purposes issues for no other. Revocation is not looked up: nothing is fetched.

Source: RFC 5280, sections 4.2 and 6.1.
"""

import datetime
from collections.abc import Iterable, Iterator
from typing import Any

from probatum.errors import FormatError
from probatum.formats.signers import NotTrusted
from probatum.vocabulary import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_ALGORITHMS = {
    "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4",  # ECDSA with SHA-2
    "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13",  # RSA, PKCS #1 v1.5
    "1.3.101.112",  # Ed25519
}  # fmt: skip
# Limits on names and policies: to pass one over, critical or not, is to trust more than was meant.
_LIMITS = {"2.5.29.30", "2.5.29.36", "2.5.29.54"}
_LEAST_RSA = 2048  # bits
_DEEPEST = 8
_MOST_TRIED = 256


def leaf_key(chain: Iterable[bytes], roots: Iterable[str], time: Any) -> tuple[object, str]:
    """The key of the signer's certificate, and who that is.

    `chain` is DER, the signer's first; `roots` are PEM. Raises: NotTrusted if no root leads to it,
    FormatError if something is no certificate.
    """
    from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates

    if type(time) is not int:
        raise FormatError(Reason.MALFORMED, "what is trusted names no time")
    try:
        at = datetime.datetime.fromtimestamp(time, datetime.UTC)
        leaf, *between = map(load_der_x509_certificate, chain)
        trusted = [one for pem in roots for one in load_pem_x509_certificates(pem.encode())]
        return followed(leaf, between, trusted, at), _who(leaf, trusted)
    except unreadable() as exc:
        raise FormatError(Reason.MALFORMED, "a certificate is none") from exc


def unreadable() -> tuple[type[Exception], ...]:
    """What `cryptography` raises where a certificate or its extensions cannot be read."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import DuplicateExtension, UnsupportedGeneralNameType

    other = UnsupportedAlgorithm, DuplicateExtension, UnsupportedGeneralNameType
    return ValueError, TypeError, OverflowError, *other


def followed(
    leaf: "Certificate",
    between: list["Certificate"],
    roots: list["Certificate"],
    at: datetime.datetime,
    purpose: str = "code",
) -> object:
    """The key of `leaf`, which is one to sign `code` or `timestamps` with, if a chain leads to it
    from one of `roots`. Raises: NotTrusted."""
    if why := unfit(leaf, at) or (_no_stamper(leaf) if purpose != "code" else _no_signer(leaf)):
        raise NotTrusted(f"the signer's certificate {why}")
    if leaf in roots:
        return leaf.public_key()
    between = [one for one in between if _is_for(one, purpose)]
    roots = [one for one in roots if _is_for(one, purpose)]
    if not _reaches(leaf, between, roots, at, 0, [0]):
        raise NotTrusted("no trusted certificate leads to the signer's")
    return leaf.public_key()


def unfit(one: "Certificate", at: datetime.datetime) -> str:
    """Why a certificate cannot be relied on at this time; empty if it can."""
    from cryptography import x509

    if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
        first, last = one.not_valid_before_utc.date(), one.not_valid_after_utc.date()
        return f"is valid from {first} to {last}, not on {at.date()}"
    if one.version is not x509.Version.v3:
        return "is of an older version than 3"
    if one.signature_algorithm_oid.dotted_string not in _ALGORITHMS:
        return "is signed by an algorithm of another kind"
    known = (
        x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName,
    )  # fmt: skip
    for extension in one.extensions:
        if extension.oid.dotted_string in _LIMITS:
            return "limits what may be issued below it, in a way that is not followed here"
        if extension.critical and not isinstance(extension.value, known):
            return f"has the critical extension {extension.oid.dotted_string}, which is not known"
    return ""


def _no_signer(leaf: "Certificate") -> str:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usage = _extension(leaf, x509.KeyUsage)
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    code_signing = ExtendedKeyUsageOID.CODE_SIGNING
    if usage is not None and not usage.digital_signature:
        return "is not one to sign with"
    if extended is not None and code_signing not in extended:
        return "is not one to sign code with"
    return "does not say that it may sign" if usage is None and extended is None else ""


def _no_stamper(leaf: "Certificate") -> str:
    """It may be for timestamps alone, and must say so (RFC 3161, section 2.3)."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usage = _extension(leaf, x509.KeyUsage)
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    if usage is not None and not usage.digital_signature:
        return "is not one to sign with"
    if extended is None or [*extended] != [ExtendedKeyUsageOID.TIME_STAMPING]:
        return "is not one for timestamps alone"
    return ""


def _is_for(issuer: "Certificate", purpose: str) -> bool:
    """Whether an authority may issue what is for this purpose; one that names none may."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    extended = _extension(issuer, x509.ExtendedKeyUsage)
    own = ExtendedKeyUsageOID.CODE_SIGNING
    if purpose != "code":
        own = ExtendedKeyUsageOID.TIME_STAMPING
    anything = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
    return extended is None or own in extended or anything in extended


def _reaches(
    one: "Certificate",
    between: list["Certificate"],
    roots: list["Certificate"],
    at: datetime.datetime,
    below: int,
    tried: list[int],
) -> bool:
    """Whether an authority among `roots` issued `one`, or one among `between` that they reach.

    `below` counts the authorities between `one` and the signer's certificate.
    """
    for issuer in _issuers(one, [*roots, *between], at, below, tried):
        if issuer in roots:
            return True
        left = [other for other in between if other is not issuer]
        if below < _DEEPEST and _reaches(issuer, left, roots, at, below + 1, tried):
            return True
    return False


def _issuers(
    one: "Certificate",
    among: list["Certificate"],
    at: datetime.datetime,
    below: int,
    tried: list[int],
) -> Iterator["Certificate"]:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    for issuer in among:
        tried[0] += 1
        if tried[0] > _MOST_TRIED:
            return
        if issuer.subject != one.issuer or unfit(issuer, at) or not _may_issue(issuer, below):
            continue
        try:
            one.verify_directly_issued_by(issuer)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            continue
        yield issuer


def _may_issue(issuer: "Certificate", below: int) -> bool:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = issuer.public_key()
    if isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA:
        return False
    basic = _extension(issuer, x509.BasicConstraints)
    usage = _extension(issuer, x509.KeyUsage)
    if basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign):
        return False
    return basic.path_length is None or basic.path_length >= below


def _extension(one: "Certificate", kind: Any) -> Any:
    from cryptography.x509 import ExtensionNotFound

    try:
        return one.extensions.get_extension_for_class(kind).value
    except ExtensionNotFound:
        return None


def _who(leaf: "Certificate", roots: list["Certificate"]) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256

    name = leaf.subject.rfc4514_string() or "no name"
    return f"{name} (certificate sha256:{leaf.fingerprint(SHA256()).hex()})"

"""Reads X.509 certificates and follows a chain of them, for the checkers.

Source: RFC 5280, sections 4.1, 4.2 and 6.1. An extension that is critical and not looked at here,
an algorithm of another kind or a second reading of anything ends the chain.
"""

import base64
import calendar
import datetime
import re
from typing import Any, NamedTuple

from probatum.check import der
from probatum.check.public_keys import Key, is_by, of_info
from probatum.errors import Rejected

DIGESTS = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.3.101.112": "sha512",
}
_BASIC, _USAGE, _EXTENDED, _NAMES = "2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17"
_LIMITS = {"2.5.29.30", "2.5.29.36", "2.5.29.54"}  # on names and policies; followed nowhere here
_ANYTHING = "2.5.29.37.0"
_CODE_SIGNING, _STAMPING = "1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.8"
_DIGITAL_SIGNATURE, _SIGN_CERTIFICATES = 0, 5  # bits of a key's usage
_DEEPEST = 8
_MOST_TRIED = 256
_TIME = re.compile(rb"(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")


class Certificate(NamedTuple):
    """What counts of a certificate; `extensions` are by their identifiers: critical, value."""

    whole: bytes
    signed: bytes
    algorithm: str
    signature: bytes
    issuer: bytes
    subject: bytes
    first: int
    last: int
    key: bytes
    extensions: dict[str, tuple[bool, bytes]]


def of_pem(text: str) -> list[Certificate]:
    """Every certificate in a text. Raises: Rejected."""
    found = _PEM.findall(text)
    if not found:
        raise Rejected("what is trusted is no list of certificates in PEM")
    try:
        return [read(base64.b64decode("".join(one.split()), validate=True)) for one in found]
    except ValueError as exc:
        raise Rejected("a trusted certificate is no base64") from exc


def read(data: bytes) -> Certificate:
    """Raises: Rejected."""
    parts = der.items(data)
    if len(parts) != 3:
        raise Rejected("a certificate does not have its three parts")
    fields = der.items(parts[0].whole)
    if len(fields) < 7 or fields[0].tag != 0xA0 or der.value(fields[0].content).content != b"\2":
        raise Rejected("a certificate that is not of version 3")
    _, _, algorithm, issuer, validity, subject, key, *rest = fields
    times = der.items(validity.whole)
    if algorithm.whole != parts[1].whole or len(times) != 2:
        raise Rejected("a certificate names two algorithms, or no time")
    return Certificate(
        data,
        parts[0].whole,
        der.dotted(der.items(algorithm.whole, least=1)[0]),
        der.bits(parts[2]),
        issuer.whole,
        subject.whole,
        _time(times[0]),
        _time(times[1]),
        key.whole,
        _extensions([one for one in rest if one.tag == 0xA3]),
    )


def followed(
    leaf: Certificate,
    between: list[Certificate],
    roots: list[Certificate],
    at: int,
    *,
    stamps: bool = False,
) -> Key:
    """The key of `leaf`, which is one to sign code with, or timestamps and nothing else, if a chain
    leads to it from one of `roots`. Raises: Rejected."""
    _demand_fit(leaf, at)
    if not (_may_stamp(leaf) if stamps else _may_sign_code(leaf)):
        raise Rejected("the signer's certificate is not one to sign with")
    purpose = _STAMPING if stamps else _CODE_SIGNING
    trusted = [one.whole for one in roots]
    between = [one for one in between if _is_for(one, purpose)]
    roots = [one for one in roots if _is_for(one, purpose)]
    if leaf.whole not in trusted and not _reaches(leaf, between, roots, at, 0, [0]):
        raise Rejected("no trusted certificate leads to the signer's")
    return of_info(leaf.key)


def is_in(period: Any, time: int) -> bool:
    """Whether the time lies in a period, of which the end may be open."""
    start = _seconds(period["start"] if type(period) is dict and "start" in period else None)
    return start <= time and (period.get("end") is None or time <= _seconds(period["end"]))


def is_issued_by(one: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's key signed the certificate. Raises: Rejected for another algorithm."""
    digest = DIGESTS.get(one.algorithm)
    if digest is None:
        raise Rejected("a certificate is signed by an algorithm of another kind")
    key = of_info(issuer.key)
    elliptic, rsa = one.algorithm.startswith("1.2.840.10045."), ".113549." in one.algorithm
    if elliptic != (key.curve is not None) or rsa != (key.rsa != (0, 0)):
        return False
    return is_by(key, one.signature, one.signed, digest)


def _reaches(
    one: Certificate,
    between: list[Certificate],
    roots: list[Certificate],
    at: int,
    below: int,
    tried: list[int],
) -> bool:
    for number, issuer in enumerate([*roots, *between]):
        tried[0] += 1
        if tried[0] > _MOST_TRIED:
            return False
        if issuer.subject != one.issuer or not _may_issue(issuer, at, below):
            continue
        if not is_issued_by(one, issuer):
            continue
        if number < len(roots):
            return True
        left = [other for other in between if other is not issuer]
        if below < _DEEPEST and _reaches(issuer, left, roots, at, below + 1, tried):
            return True
    return False


def _may_issue(issuer: Certificate, at: int, below: int) -> bool:
    try:
        _demand_fit(issuer, at)
    except Rejected:
        return False
    if _BASIC not in issuer.extensions:
        return False
    basic = der.items(issuer.extensions[_BASIC][1])
    if not basic or basic[0].whole != b"\x01\x01\xff":
        return False
    if _USAGE in issuer.extensions and not _usage(issuer, _SIGN_CERTIFICATES):
        return False
    return len(basic) == 1 or der.integer(basic[1]) >= below


def _may_sign_code(leaf: Certificate) -> bool:
    usage, extended = _USAGE in leaf.extensions, _EXTENDED in leaf.extensions
    if extended:
        allowed = map(der.dotted, der.items(leaf.extensions[_EXTENDED][1]))
        if _CODE_SIGNING not in allowed:
            return False
    return (extended or usage) and (not usage or _usage(leaf, _DIGITAL_SIGNATURE))


def _is_for(issuer: Certificate, purpose: str) -> bool:
    """Whether an authority may issue for this purpose: one that names none may."""
    if _EXTENDED not in issuer.extensions:
        return True
    try:
        named = {der.dotted(one) for one in der.items(issuer.extensions[_EXTENDED][1])}
    except Rejected:
        return False
    return not named.isdisjoint({purpose, _ANYTHING})


def _may_stamp(leaf: Certificate) -> bool:
    if _EXTENDED not in leaf.extensions:
        return False
    allowed = [der.dotted(one) for one in der.items(leaf.extensions[_EXTENDED][1])]
    usage = _USAGE not in leaf.extensions or _usage(leaf, _DIGITAL_SIGNATURE)
    return usage and allowed == [_STAMPING]


def _usage(one: Certificate, bit: int) -> bool:
    held = der.value(one.extensions[_USAGE][1], der.BIT_STRING).content[1:]
    return bit // 8 < len(held) and bool(held[bit // 8] >> (7 - bit % 8) & 1)


def _demand_fit(one: Certificate, at: int) -> None:
    if not one.first <= at <= one.last:
        raise Rejected("a certificate is not valid at that time")
    known = (_BASIC, _USAGE, _EXTENDED, _NAMES)
    if _LIMITS & one.extensions.keys():
        raise Rejected("a certificate limits what may be issued below it")
    if any(critical and name not in known for name, (critical, _) in one.extensions.items()):
        raise Rejected("a certificate has a critical extension that is not known")


def _extensions(held: list[der.Value]) -> dict[str, tuple[bool, bytes]]:
    found: dict[str, tuple[bool, bytes]] = {}
    for one in der.items(held[0].content) if held else []:
        name, *rest = der.items(one.whole, least=2)
        critical = len(rest) == 2 and rest[0].whole == b"\x01\x01\xff"
        if der.dotted(name) in found or len(rest) != 1 + critical:
            raise Rejected("an extension stands twice or has other parts")
        if rest[-1].tag != der.OCTET_STRING:
            raise Rejected("an extension has no value")
        found[der.dotted(name)] = critical, rest[-1].content
    return found


def _time(one: der.Value) -> int:
    """Seconds since 1970. A year of two digits is one from 1950 to 2049 (RFC 5280, 4.1.2.5.1)."""
    spelled = _TIME.fullmatch(one.content)
    if spelled is None or len(spelled[1]) != {0x17: 2, 0x18: 4}.get(one.tag):
        raise Rejected("a certificate's time is none")
    year, month, day, hour, minute, second = map(int, spelled.groups())
    if len(spelled[1]) == 2:
        year += 1900 if year >= 50 else 2000
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        raise Rejected("a certificate's time is none")
    try:
        return calendar.timegm((year, month, day, hour, minute, second))
    except ValueError as exc:
        raise Rejected("a certificate's time is none") from exc


def _seconds(value: Any) -> float:
    try:
        told = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError) as exc:
        raise Rejected("a period has no time") from exc
    if told.tzinfo is None:
        raise Rejected("a time of no zone")
    return told.timestamp()

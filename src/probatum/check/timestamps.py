"""When an authority that the user trusts saw a signature, by RFC 3161, for the checkers.

A token counts where one signer, whose certificate is the first of a trusted authority's chain,
signed the set of its attributes: that the content is a time, the content's digest, and the
certificate's digest. The content names the digest of the signature.

Sources: RFC 3161, section 2.4.2; RFC 5652, sections 5.1 to 5.4; RFC 5035, section 4 (ESSCertIDv2).
"""

import datetime
import hashlib
import re
from typing import Any

from probatum.check import certificates, der
from probatum.check.public_keys import is_by, of_info
from probatum.check.signed_statement import base64_of, only
from probatum.errors import Rejected

_SIGNED_DATA, _TIME_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_TYPE, _DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
_DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_TIME = re.compile(rb"(\d{14})(?:\.\d{1,9})?Z")
_SET, _GENERALIZED, _INNER = 0x31, 0x18, 0xA0


def stamped(token: bytes, signature: bytes, authorities: Any) -> int:
    """When the signature was seen, in seconds since 1970.

    `authorities` are those of a trusted root, as their JSON names them. Raises: Rejected if the
    token does not count.
    """
    # 1. The token is signed data about a time, with one signer.
    response = der.items(token, least=2)
    if der.items(response[0].whole, least=1)[0].whole not in (b"\2\1\0", b"\2\1\1"):
        raise Rejected("no timestamp was granted")
    name, held = _several(response[1], 2)
    data = der.items(held.content, least=4)
    kind, content = _several(data[2], 2)
    signers = list(der.values(data[-1].content))
    if (der.dotted(name), der.dotted(kind)) != (_SIGNED_DATA, _TIME_INFO) or len(signers) != 1:
        raise Rejected("a timestamp is of another kind")
    if (held.tag, content.tag, data[-1].tag) != (_INNER, _INNER, _SET):
        raise Rejected("a timestamp is of another kind")
    info = der.value(content.content, der.OCTET_STRING).content
    # 2. What is signed speaks of this content and of a certificate.
    parts = der.items(signers[0].whole, least=6)
    said = _attributes(parts[3])
    if der.dotted(said[_TYPE]) != _TIME_INFO:
        raise Rejected("signed is something else than a time")
    if _bytes(said[_DIGEST]) != hashlib.new(_digest(parts[2]), info).digest():
        raise Rejected("signed is the digest of another content")
    # 3. The content is of this signature.
    fields = der.items(info, least=5)
    algorithm, hashed = _several(fields[2], 2)
    if _bytes(hashed) != hashlib.new(_digest(algorithm), signature).digest():
        raise Rejected("a timestamp is of another signature")
    time = _seconds(fields[4])
    # 4. A trusted authority's certificate, valid then, signed it.
    signed = bytes([_SET]) + parts[3].whole[1:]
    for authority in authorities if type(authorities) is list else []:
        if _is_by(authority, time, parts, said[_CERTIFICATE], signed):
            return time
    raise Rejected("a timestamp is not by an authority that is trusted at its time")


def _is_by(
    authority: Any, time: int, parts: list[der.Value], named: der.Value, signed: bytes
) -> bool:
    held = only(authority, "certChain", "validFor")
    chain = only(held["certChain"], "certificates")["certificates"]
    if not certificates.is_in(held["validFor"], time) or type(chain) is not list or not chain:
        return False
    data = [base64_of(only(one, "rawBytes")["rawBytes"]) for one in chain]
    leaf, *between = map(certificates.read, data)
    first, *_ = der.items(der.items(named.whole, least=1)[0].whole, least=1)
    identity = der.items(first.whole, least=1)
    digest = _digest(identity[0]) if identity[0].tag == der.SEQUENCE else "sha256"
    digests = [one.content for one in identity if one.tag == der.OCTET_STRING]
    if digests[:1] != [hashlib.new(digest, data[0]).digest()]:
        return False
    algorithm = der.dotted(der.items(parts[4].whole, least=1)[0])
    used = certificates.DIGESTS.get(algorithm)
    key = of_info(leaf.key)
    elliptic = algorithm.startswith("1.2.840.10045.")
    if used is None or key.edwards or elliptic != (key.curve is not None):
        return False
    try:
        certificates.followed(leaf, between[:-1], [(between or [leaf])[-1]], time, stamps=True)
    except Rejected:
        return False
    return is_by(key, _bytes(parts[5]), signed, used)


def _attributes(held: der.Value) -> dict[str, der.Value]:
    found: dict[str, der.Value] = {}
    for one in der.values(held.content if held.tag == _INNER else b"\0"):
        name, values = _several(one, 2)
        inner = list(der.values(values.content))
        if values.tag != _SET or len(inner) != 1 or der.dotted(name) in found:
            raise Rejected("an attribute stands twice, or has several values")
        found[der.dotted(name)] = inner[0]
    if not found.keys() >= {_TYPE, _DIGEST, _CERTIFICATE}:
        raise Rejected("an attribute is missing")
    return found


def _several(one: der.Value, count: int) -> list[der.Value]:
    found = der.items(one.whole)
    if len(found) != count:
        raise Rejected("a part of a timestamp has another shape")
    return found


def _digest(algorithm: der.Value) -> str:
    name = _DIGESTS.get(der.dotted(der.items(algorithm.whole, least=1)[0]))
    if name is None:
        raise Rejected("a digest of another kind")
    return name


def _bytes(one: der.Value) -> bytes:
    if one.tag != der.OCTET_STRING:
        raise Rejected("no bytes where some are expected")
    return one.content


def _seconds(one: der.Value) -> int:
    spelled = _TIME.fullmatch(one.content)
    if one.tag != _GENERALIZED or spelled is None:
        raise Rejected("a timestamp without a time")
    try:
        told = datetime.datetime.strptime(spelled[1].decode() + "Z", "%Y%m%d%H%M%S%z")
    except ValueError as exc:
        raise Rejected("a timestamp without a time") from exc
    return int(told.timestamp())

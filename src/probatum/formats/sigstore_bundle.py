"""Reads a Sigstore bundle, or an attestation of the Python package index: a DSSE envelope with one
signature, and what it is verified with.

A bundle is protobuf written as JSON. Its other readers take a field's name in snake_case too, let
an unknown field pass, and take several spellings of base64 for the same bytes: here a field has
one name, stands once, and base64 is the standard alphabet in its one canonical form. What two
readers could take differently is refused.

Sources: sigstore protobuf-specs, `sigstore_bundle.proto` (bundle 0.3), `sigstore_rekor.proto`;
github.com/secure-systems-lab/dsse `protocol.md`, `envelope.md` (1.0); PEP 740, attestation objects.
"""

import base64
import json
import re
from typing import Any

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.strict_json import parsed
from probatum.vocabulary import Reason

MEDIA_TYPES = (
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
)
PAYLOAD_TYPE = "application/vnd.in-toto+json"

_BUNDLE = ("mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature")
_MATERIAL = (
    "publicKey", "x509CertificateChain", "certificate", "tlogEntries", "timestampVerificationData",
)  # fmt: skip
_ENVELOPE = ("payload", "payloadType", "signatures")
_MOST_CERTIFICATES = 16
_MOST_ENTRIES = 32


class Bundle(Struct, frozen=True):
    """A signed payload. Exactly one of `hint`, `chain` and `certificate` says how it is signed.

    `hint` names a key (empty where the bundle holds the key itself, `key`, or nothing of it),
    `chain` are certificates in DER, the signer's first, `certificate` is one that Fulcio issued.
    `entries` are those of a transparency log, `timestamps` RFC 3161 answers in DER.
    """

    payload: bytes
    signature: bytes
    hint: str | None = None
    key: bytes = b""
    chain: tuple[bytes, ...] = ()
    certificate: bytes = b""
    entries: tuple[dict[str, Any], ...] = ()
    timestamps: tuple[bytes, ...] = ()


def bundle(data: bytes) -> Bundle:
    """Raises: FormatError."""
    if not data:
        raise FormatError(Reason.UNRESOLVED, "no signature of it was found on this machine")
    said = parsed(data, "the signature")
    if isinstance(said, dict) and "verification_material" in said and "mediaType" not in said:
        return _attestation(said)
    top = fields(said, "the signature", _BUNDLE)
    if top.get("mediaType") not in MEDIA_TYPES:
        told = str(top.get("mediaType"))[:80]
        raise FormatError(Reason.UNSUPPORTED, f"a signature of the media type {told!a}")
    if "messageSignature" in top:
        raise FormatError(Reason.UNSUPPORTED, "a signature over a digest, not over a statement")
    payload, signature = _envelope(top.get("dsseEnvelope"))
    return _material(top.get("verificationMaterial"), payload, signature)


def attestations(data: bytes) -> list[bytes]:
    """Each attestation that a provenance file of the package index holds; else the signature.

    One is cut out as JSON of its own, to be read as if it lay alone (PEP 740, provenance objects).
    """
    try:
        said = parsed(data, "the signature")
    except FormatError:
        return [data]
    if not isinstance(said, dict) or "attestation_bundles" not in said:
        return [data]
    held = said["attestation_bundles"]
    bundles = held if isinstance(held, list) else []
    inner = [one.get("attestations") for one in bundles if isinstance(one, dict)]
    found = [one for several in inner if isinstance(several, list) for one in several]
    if said.get("version") != 1 or not 0 < len(found) <= _MOST_ENTRIES:
        return [data]  # and the reader says that it is no signature
    return [json.dumps(one).encode() for one in found]


def pre_authentication(payload: bytes) -> bytes:
    """What is signed of an in-toto payload (DSSE's PAE)."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def pre_authentication_before_1(payload: bytes) -> bytes:
    """What model-signing signed before its version 1.0, by a slip: the payload as Python writes it.

    Two payloads are never written alike, so a signature over this binds the payload as well.
    """
    kind = PAYLOAD_TYPE
    return f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode()


def base64_of(value: Any, what: str) -> bytes:
    """The bytes of canonical base64. Raises: FormatError MALFORMED."""
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        data = None
    if data is None or base64.b64encode(data) != value.encode():
        raise malformed(f"{what} is not base64 in its standard form")
    return data


def fields(value: Any, what: str, known: tuple[str, ...]) -> dict[str, Any]:
    """A JSON object in which each known field has its one name. Raises: FormatError."""
    if not isinstance(value, dict):
        raise malformed(f"{what} is no JSON object")
    plain = {_folded(name): name for name in known}
    for key in value:
        meant = plain.get(_folded(key))
        if meant is not None and meant != key:
            says = f"{what} spells {meant!r} as {key[:60]!a}, which some readers take for it"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, says)
    return value


def malformed(says: str) -> FormatError:
    return FormatError(Reason.MALFORMED, says)


def _folded(name: str) -> str:
    return re.sub(r"[_-]", "", name).casefold()


def _envelope(value: Any) -> tuple[bytes, bytes]:
    envelope = fields(value, "the envelope", _ENVELOPE)
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        told = str(envelope.get("payloadType"))[:80]
        raise FormatError(Reason.UNSUPPORTED, f"an envelope around {told!a}")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise malformed("the envelope does not hold exactly one signature")
    one = fields(signatures[0], "a signature in the envelope", ("sig", "keyid"))
    payload = base64_of(envelope.get("payload"), "the envelope's payload")
    return payload, base64_of(one.get("sig"), "the signature in the envelope")


def _attestation(said: dict[str, Any]) -> Bundle:
    top = fields(said, "the attestation", ("version", "verification_material", "envelope"))
    if top.get("version") != 1 or type(top.get("version")) is not int:
        raise FormatError(Reason.UNSUPPORTED, "an attestation of another version than 1")
    known = ("certificate", "transparency_entries")
    material = fields(top.get("verification_material"), "the verification material", known)
    envelope = fields(top.get("envelope"), "the envelope", ("statement", "signature"))
    return Bundle(
        payload=base64_of(envelope.get("statement"), "the statement"),
        signature=base64_of(envelope.get("signature"), "the signature"),
        certificate=base64_of(material.get("certificate"), "the certificate"),
        entries=_entries(material.get("transparency_entries")),
    )


def _entries(value: Any) -> tuple[dict[str, Any], ...]:
    entries = _list(value, "the log's entries", _MOST_ENTRIES)
    known = ("logId", "kindVersion", "canonicalizedBody")
    return tuple(fields(entry, "an entry of the log", known) for entry in entries)


def _material(value: Any, payload: bytes, signature: bytes) -> Bundle:
    material = fields(value, "the verification material", _MATERIAL)
    ways = [name for name in _MATERIAL[:3] if name in material]
    if len(ways) != 1:
        raise malformed(f"the verification material names {len(ways)} ways to verify it, not one")
    found: dict[str, Any] = {"payload": payload, "signature": signature}
    entries = _entries(material.get("tlogEntries"))
    found |= {"entries": entries, "timestamps": _timestamps(material)}
    if ways == ["publicKey"]:
        key = fields(material["publicKey"], "the public key", ("hint", "rawBytes", "keyDetails"))
        hint = key.get("hint") or ""
        if not isinstance(hint, str):
            raise malformed("the hint at the public key is no text")
        raw = base64_of(key.get("rawBytes") or "", "the public key")
        return Bundle(**found, hint=hint, key=raw)
    if ways == ["certificate"]:
        return Bundle(**found, certificate=_certificate(material["certificate"]))
    chain = fields(material["x509CertificateChain"], "the chain", ("certificates",))
    certificates = _list(chain.get("certificates"), "the chain", _MOST_CERTIFICATES)
    if not certificates:
        raise malformed("the chain of certificates is empty")
    return Bundle(**found, chain=tuple(map(_certificate, certificates)))


def _timestamps(material: dict[str, Any]) -> tuple[bytes, ...]:
    value = material.get("timestampVerificationData")
    if value is None:
        return ()
    held = fields(value, "the timestamps", ("rfc3161Timestamps",)).get("rfc3161Timestamps")
    return tuple(
        base64_of(fields(one, "a timestamp", ("signedTimestamp",)).get("signedTimestamp"), "it")
        for one in _list(held, "the timestamps", _MOST_ENTRIES)
    )


def _certificate(value: Any) -> bytes:
    one = fields(value, "a certificate", ("rawBytes",))
    return base64_of(one.get("rawBytes"), "a certificate")


def _list(value: Any, what: str, most: int) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise malformed(f"{what} is no list")
    if len(value) > most:
        raise FormatError(Reason.OVER_LIMIT, f"{what}: {len(value)}, more than {most}")
    return value

"""A Sigstore instance of our own: an authority that issues certificates, and a log with its trees.

Everything it says can be changed before it is signed, or after.
"""

import base64
import datetime
import hashlib
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from probatum.formats.signers import sign
from probatum.formats.sigstore_bundle import pre_authentication
from signed_folders import NOW, b64, bundle_of, certificate, der_of, pem_of, statement

ROOT_KEY = ec.derive_private_key(0xF01, ec.SECP384R1())
CA_KEY = ec.derive_private_key(0xF02, ec.SECP384R1())
LOG_KEY = ec.derive_private_key(0xF03, ec.SECP256R1())
SIGNER = ec.derive_private_key(0xF04, ec.SECP256R1())
ROOT = certificate("fulcio", ROOT_KEY, ca=True, first=NOW - 10**7, last=NOW + 10**7)
CA = certificate("issuing", CA_KEY, ROOT, ROOT_KEY, ca=True, path_length=0,
                 first=NOW - 10**7, last=NOW + 10**7)  # fmt: skip
IDENTITY, ISSUER = "release@example.org", "https://accounts.example.org"
OIDS = ("1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.57264.1.8")


def spki(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def log_id(key: Any = LOG_KEY) -> bytes:
    return hashlib.sha256(spki(key)).digest()


def time_of(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def trusted_root(log: Any = LOG_KEY, start: int = NOW - 10**7) -> dict[str, Any]:
    began = time_of(start)
    held = [{"rawBytes": b64(der_of(one))} for one in (CA, ROOT)]
    key = {"rawBytes": b64(spki(log)), "keyDetails": "", "validFor": {"start": began}}
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [{"publicKey": key, "logId": {"keyId": b64(log_id(log))}}],
        "certificateAuthorities": [
            {"certChain": {"certificates": held}, "validFor": {"start": began}}
        ],
    }


def trust(**changes: Any) -> dict[str, Any]:
    return {"sigstore": trusted_root(), "identity": IDENTITY, "issuer": ISSUER} | changes


def issued(
    identity: str = IDENTITY, issuer: str = ISSUER, older: str | None = None, first: int = NOW
) -> x509.Certificate:
    """A certificate of ten minutes, as Fulcio issues one."""
    uri = "://" in identity
    name: Any = x509.UniformResourceIdentifier(identity) if uri else x509.RFC822Name(identity)
    spelled = issuer.encode()
    held = (older or issuer).encode(), b"\x0c" + bytes([len(spelled)]) + spelled
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(CA.subject)
        .public_key(SIGNER.public_key())
        .serial_number(9)
        .not_valid_before(datetime.datetime.fromtimestamp(first, datetime.UTC))
        .not_valid_after(datetime.datetime.fromtimestamp(first + 600, datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    )
    for oid, value in zip(OIDS, held, strict=True):
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        made = made.add_extension(extension, critical=False)
    return made.sign(CA_KEY, hashes.SHA384())


def tree(leaves: list[bytes], index: int) -> tuple[bytes, list[bytes]]:
    """The root over the leaves and the path from one of them (RFC 9162, 2.1.1 and 2.1.3.1)."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest(), []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    left, on_left = tree(leaves[:half], index if index < half else 0)
    right, on_right = tree(leaves[half:], index - half if index >= half else 0)
    root = hashlib.sha256(b"\1" + left + right).digest()
    return root, [*on_left, right] if index < half else [*on_right, left]


def entry(
    payload: bytes,
    signature: bytes,
    leaf: x509.Certificate,
    *,
    time: int = NOW + 5,
    size: int = 7,
    index: int = 4,
    log: Any = LOG_KEY,
    **body_changes: Any,
) -> dict[str, Any]:
    """The log's entry of a signature, in a tree of so many leaves."""
    pem = pem_of(leaf).encode()
    spec = {
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [{"signature": b64(signature), "verifier": b64(pem)}],
    } | body_changes
    body = json.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}).encode()
    told = {"body": b64(body), "integratedTime": time, "logID": log_id(log).hex(), "logIndex": 1234}
    promise = sign(log, json.dumps(told, sort_keys=True, separators=(",", ":")).encode())
    return included(body, size, index, log) | {
        "logIndex": "1234",
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": str(time),
        "inclusionPromise": {"signedEntryTimestamp": b64(promise)},
    }


def entry_of_second(bundle: dict[str, Any], kind: str, **changes: str) -> dict[str, Any]:
    """The entry of a bundle in a log of Rekor's second version; `changes` go over its parts."""
    envelope = bundle["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    held = bundle["verificationMaterial"]["certificate"]["rawBytes"]
    over = payload if kind == "dsse" else pre_authentication(payload)
    hashed = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(over).digest())}
    verifier = {"keyDetails": "", "x509Certificate": {"rawBytes": changes.get("rawBytes", held)}}
    content = changes.get("content", envelope["signatures"][0]["sig"])
    hashed["digest"] = changes.get("digest", hashed["digest"])
    one = {"content": content, "verifier": verifier}
    spec: dict[str, Any] = {"hashedRekordV002": {"data": hashed, "signature": one}}
    if kind == "dsse":
        spec = {"dsseV002": {"payloadHash": hashed, "signatures": [one]}}
    body = json.dumps({"apiVersion": "0.0.2", "kind": kind, "spec": spec}).encode()
    return included(body) | {
        "logIndex": "4",
        "kindVersion": {"kind": kind, "version": "0.0.2"},
        "integratedTime": "0",
    }


def included(body: bytes, size: int = 7, index: int = 4, log: Any = LOG_KEY) -> dict[str, Any]:
    """A body in a tree of so many leaves, whose root the log has signed."""
    leaves = [b"other %d" % at for at in range(size)]
    leaves[index] = body
    root, path = tree(leaves, index)
    note = f"log.example.org\n{size}\n{b64(root)}\n"
    signed = b64(log_id(log)[:4] + sign(log, note.encode()))
    return {
        "logId": {"keyId": b64(log_id(log))},
        "inclusionProof": {
            "logIndex": str(index),
            "treeSize": str(size),
            "rootHash": b64(root),
            "hashes": [b64(one) for one in path],
            "checkpoint": {"envelope": f"{note}\n\u2014 log.example.org {signed}\n"},
        },
        "canonicalizedBody": b64(body),
    }


def signed(
    leaf: x509.Certificate | None = None,
    key: Any = SIGNER,
    said: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A bundle over the sample's statement, or another, signed by way of this instance."""
    leaf = leaf or issued()
    made = bundle_of(said or statement(), key, {"certificate": {"rawBytes": b64(der_of(leaf))}})
    envelope = made["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    entries = [entry(payload, signature, leaf, **changes)]
    made["verificationMaterial"]["tlogEntries"] = entries
    return made

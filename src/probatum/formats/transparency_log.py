"""Whether a log that the user trusts took in a signature, and when; nothing is fetched.

An entry shows three things, and all are asked for: that the log promised to take it in (the signed
entry timestamp, which is what says when), that it is in a tree with a certain root (the inclusion
proof), and that the log signed that root (the checkpoint). Its body names the payload, the
signature and the certificate. A log of Rekor's second version promises nothing and knows no time:
an authority's timestamp must say when (`formats.timestamp_token`).

Sources: sigstore.dev client specification, section 4; RFC 6962, section 2.1 (Merkle trees);
c2sp.org/signed-note and c2sp.org/tlog-checkpoint; Rekor's type `dsse` 0.0.1.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.second_rekor import demand_same
from probatum.formats.signers import NotTrusted, is_by
from probatum.formats.sigstore_bundle import Bundle, base64_of, malformed
from probatum.formats.strict_json import parsed
from probatum.formats.trusted_root import Instance, TrustedRoot
from probatum.vocabulary import Reason

_KINDS = (("dsse", "0.0.1"), ("dsse", "0.0.2"), ("hashedrekord", "0.0.2"))
_MOST_HASHES = 64


class _Proof(Struct, frozen=True):
    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    note: str


def logged(bundle: Bundle, root: TrustedRoot) -> tuple[int, ...]:
    """Every time that is known of the signature, in seconds since 1970; one at least.

    Raises: NotTrusted if no log took it in, or nothing says when; FormatError where an entry cannot
    be read.
    """
    if not bundle.entries:
        raise NotTrusted("no entry of a log says when it was signed")
    stamps, why = _stamps(bundle, root)
    times = [_time(bundle, entry, root, stamps, why) for entry in bundle.entries]
    return tuple(sorted({*stamps, *(time for time in times if time is not None)}))


def _stamps(bundle: Bundle, root: TrustedRoot) -> tuple[list[int], str]:
    """The times of those timestamps that count, and why another does not."""
    from probatum.formats.timestamp_token import stamped

    found, why = [], "it has no timestamp of an authority"
    for token in bundle.timestamps:
        try:
            found.append(stamped(token, bundle.signature, root.stampers))
        except NotTrusted as exc:
            why = str(exc)
    return found, why


def _time(
    bundle: Bundle, entry: Mapping[str, Any], root: TrustedRoot, stamps: list[int], why: str
) -> int | None:
    """When a log of the first version took it in; one of the second does not say."""
    kind = _object(entry.get("kindVersion"))
    named = kind.get("kind"), kind.get("version")
    if named not in _KINDS:
        says = f"an entry of the kind {str(named[0])[:20]!a} {str(named[1])[:9]!a}"
        raise FormatError(Reason.UNSUPPORTED, says)
    body = base64_of(entry.get("canonicalizedBody"), "the entry's body")
    identifier = base64_of(_object(entry.get("logId")).get("keyId"), "the log's name")
    log = next((one for one in root.logs if one.identifier == identifier), None)
    first = named[1] == "0.0.1"
    time = number(entry.get("integratedTime")) if first else None
    if time is None and not stamps:
        raise NotTrusted(f"nothing says when it was signed: {why}")
    if log is None or not all(
        log.period.holds(one) for one in (stamps if time is None else [time])
    ):
        raise NotTrusted("the entry is not of a log that is trusted at that time")
    if time is not None:
        _demand_promised(log, body, time, number(entry.get("logIndex")), entry)
    _demand_included(log, body, _proof(_object(entry.get("inclusionProof"))))
    if first:
        _demand_same(bundle, body)
    else:
        demand_same(bundle, body, str(named[0]))
    return time


def _demand_promised(
    log: Instance, body: bytes, time: int, index: int, entry: Mapping[str, Any]
) -> None:
    promise = _object(entry.get("inclusionPromise")).get("signedEntryTimestamp")
    told = {
        "body": base64.b64encode(body).decode(),
        "integratedTime": time,
        "logID": log.identifier.hex(),
        "logIndex": index,
    }
    data = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    if not is_by(log.key(), base64_of(promise, "the entry's timestamp"), data):
        raise NotTrusted("the log did not sign when the entry was made")


def _demand_included(log: Instance, body: bytes, proof: _Proof) -> None:
    if _root(proof, hashlib.sha256(b"\0" + body).digest()) != proof.root:
        raise NotTrusted("the entry is not in the log's tree")
    text, parted, signatures = proof.note.partition("\n\n")
    lines = text.split("\n")
    if not parted or len(lines) < 3 or "\n\n" in signatures:
        raise malformed("the log's checkpoint is none")
    if lines[1] != str(proof.size) or lines[2] != base64.b64encode(proof.root).decode():
        raise NotTrusted("the log's checkpoint is of another tree")
    for held in re.findall(r"^\u2014 [^ \n]+ ([A-Za-z0-9+/=]+)$", signatures, re.MULTILINE):
        signature = base64_of(held, "a signature of the checkpoint")
        if signature[:4] == log.identifier[:4] and is_by(
            log.key(), signature[4:], f"{text}\n".encode()
        ):
            return
    raise NotTrusted("the log did not sign its checkpoint")


def _root(proof: _Proof, leaf: bytes) -> bytes | None:
    """The root that the path from a leaf leads to. Source: RFC 9162, section 2.1.3.2."""
    if proof.index >= proof.size:
        return None
    node, last, found = proof.index, proof.size - 1, leaf
    for other in proof.hashes:
        if not last:
            return None
        if node & 1 or node == last:
            found = hashlib.sha256(b"\1" + other + found).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + other).digest()
        node, last = node >> 1, last >> 1
    return None if last else found


def _demand_same(bundle: Bundle, body: bytes) -> None:
    """The entry is of this payload, signature and certificate."""
    entry = _object(parsed(body, "the entry's body"))
    spec = _object(entry.get("spec"))
    hashed, signatures = _object(spec.get("payloadHash")), spec.get("signatures")
    if (entry.get("kind"), entry.get("apiVersion")) != ("dsse", "0.0.1"):
        raise malformed("the entry's body is of another kind than the entry")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise malformed("the entry does not name exactly one signature")
    one = _object(signatures[0])
    payload = hashlib.sha256(bundle.payload).hexdigest()
    pem = base64_of(one.get("verifier"), "the entry's certificate").decode("ascii", "replace")
    if (
        (hashed.get("algorithm"), hashed.get("value")) != ("sha256", payload)
        or base64_of(one.get("signature"), "the entry's signature") != bundle.signature
        or _der(pem) != bundle.certificate
    ):
        raise NotTrusted("the log's entry is of another signature")


def _der(pem: str) -> bytes:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    inner = pem.strip().removeprefix(begin).removesuffix(end)
    return base64_of("".join(inner.split()), "the entry's certificate")


def _proof(said: Mapping[str, Any]) -> _Proof:
    hashes = said.get("hashes")
    if not isinstance(hashes, list) or len(hashes) > _MOST_HASHES:
        raise malformed("an inclusion proof has no list of digests")
    note = _object(said.get("checkpoint")).get("envelope")
    if not isinstance(note, str):
        raise malformed("the log's checkpoint is no text")
    return _Proof(
        number(said.get("logIndex")),
        number(said.get("treeSize")),
        _digest(said.get("rootHash")),
        tuple(_digest(one) for one in hashes),
        note,
    )


def _digest(value: Any) -> bytes:
    data = base64_of(value, "a digest of the log")
    if len(data) != 32:
        raise malformed("a digest of the log has another size")
    return data


def number(value: Any) -> int:
    """A number as protobuf writes one of 64 bits. Raises: FormatError."""
    if not isinstance(value, str) or not re.fullmatch(r"0|[1-9][0-9]{0,18}", value):
        raise malformed(f"no number: {str(value)[:40]!a}")
    return int(value)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise malformed("an entry of the log lacks a part")
    return value

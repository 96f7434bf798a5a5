"""Whether a signature is by an identity that the user named, by way of Sigstore, for the checkers.

The parts of a trusted root and of a bundle are read as `sigstore_trustroot.proto`,
`sigstore_bundle.proto` and `sigstore_rekor.proto` (protobuf-specs) name them. Sources: sigstore.dev
client specification, section 4; RFC 9162, section 2.1.3.2 (inclusion); c2sp.org/signed-note;
Fulcio's `docs/oid-info.md`.
"""

import base64
import datetime
import hashlib
import json
import re
from typing import Any

from probatum.check import certificates, der
from probatum.check.certificates import Certificate
from probatum.check.public_keys import Key, is_by, of_info
from probatum.check.signed_statement import base64_of, json_of, only
from probatum.errors import Rejected

_NAMES = "2.5.29.17"
_ISSUER, _OLDER_ISSUER = "1.3.6.1.4.1.57264.1.8", "1.3.6.1.4.1.57264.1.1"
_EMAIL, _URI, _TEXT = 0x81, 0x86, 0x0C  # tags


def identified(
    trust: dict[str, Any], material: dict[str, Any], signature: bytes, payload: bytes
) -> Key:
    """The key that a trusted identity signed with. Raises: Rejected."""
    root = only(trust["sigstore"], "tlogs", "certificateAuthorities")
    data = base64_of(only(material["certificate"], "rawBytes")["rawBytes"])
    # 1. A trusted log took in this signature, and says when.
    entries = material.get("tlogEntries")
    if type(entries) is not list or not 1 <= len(entries) <= 32:
        raise Rejected("no entry of a log says when it was signed")
    times = [_logged(entry, root["tlogs"], signature, payload, data) for entry in entries]
    # 2. A trusted authority issued the certificate, which was valid then.
    leaf = certificates.read(data)
    key = _issued(leaf, root["certificateAuthorities"], min(times))
    # 3. It names the identity and its issuer, and no other issuer.
    identity, issuer = trust.get("identity"), trust.get("issuer")
    if type(identity) is not str or type(issuer) is not str:
        raise Rejected("no identity is named, or no issuer of it")
    if identity not in _identities(leaf) or _issuers(leaf) != {issuer}:
        raise Rejected("it is signed by another identity")
    return key


def _logged(entry: Any, logs: Any, signature: bytes, payload: bytes, certificate: bytes) -> int:
    """When the log took in the signature; the entry's three proofs and its body all hold."""
    entry = only(entry, "logId", "logIndex", "integratedTime", "canonicalizedBody",
                 "inclusionPromise", "inclusionProof", "kindVersion")  # fmt: skip
    time, index = _number(entry["integratedTime"]), _number(entry["logIndex"])
    identifier = base64_of(only(entry["logId"], "keyId")["keyId"])
    key = _key_of_log(identifier, logs, time)
    if entry["kindVersion"] != {"kind": "dsse", "version": "0.0.1"}:
        raise Rejected("an entry of another kind")
    body = base64_of(entry["canonicalizedBody"])
    # The log signed when it took the entry in.
    promise = only(entry["inclusionPromise"], "signedEntryTimestamp")["signedEntryTimestamp"]
    told = json.dumps(
        {"body": entry["canonicalizedBody"], "integratedTime": time, "logID": identifier.hex(),
         "logIndex": index},
        separators=(",", ":"),
    )  # fmt: skip
    if not is_by(key, base64_of(promise), told.encode()):
        raise Rejected("the log did not sign when the entry was made")
    # The entry is in a tree whose root the log signed.
    proof = only(
        entry["inclusionProof"], "logIndex", "treeSize", "rootHash", "hashes", "checkpoint"
    )
    size, root = _number(proof["treeSize"]), base64_of(proof["rootHash"])
    path = proof["hashes"]
    if type(path) is not list or len(path) > 64:
        raise Rejected("an inclusion proof has no path")
    leaf = hashlib.sha256(b"\0" + body).digest()
    if _root(leaf, _number(proof["logIndex"]), size, [base64_of(one) for one in path]) != root:
        raise Rejected("the entry is not in the log's tree")
    _demand_signed_tree(
        only(proof["checkpoint"], "envelope")["envelope"], size, root, key, identifier
    )
    # The entry is of this signature.
    if not _is_of(json_of(body), signature, payload, certificate):
        raise Rejected("the log's entry is of another signature")
    return time


def _key_of_log(identifier: bytes, logs: Any, time: int) -> Key:
    for log in logs if type(logs) is list else []:
        held = only(log, "logId", "publicKey")
        key = only(held["publicKey"], "rawBytes", "validFor")
        if base64_of(only(held["logId"], "keyId")["keyId"]) == identifier:
            if not _holds(key["validFor"], time):
                raise Rejected("the log is not trusted at that time")
            return of_info(base64_of(key["rawBytes"]))
    raise Rejected("the entry is of a log that is not trusted")


def _root(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root of a tree of so many leaves, by the path from the leaf of this index."""
    if not index < size or any(len(one) != 32 for one in path):
        raise Rejected("an inclusion proof is none")
    # Up to where the paths of this leaf and of the last part, a node has a sibling on either side;
    # above, one on the left for each bit of the index.
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + (index >> inner).bit_count():
        raise Rejected("an inclusion proof has another length than its tree asks for")
    found = leaf
    for level, other in enumerate(path):
        is_left = level < inner and not index >> level & 1
        pair = found + other if is_left else other + found
        found = hashlib.sha256(b"\1" + pair).digest()
    return found


def _demand_signed_tree(note: Any, size: int, root: bytes, key: Key, identifier: bytes) -> None:
    parts = note.split("\n\n") if type(note) is str else []
    if len(parts) != 2 or parts[0].split("\n")[1:3] != [str(size), base64.b64encode(root).decode()]:
        raise Rejected("the log's checkpoint is of another tree")
    for line in parts[1].split("\n"):
        words = line.split(" ")
        if len(words) == 3 and words[0] == "\u2014":
            held = base64_of(words[2])
            if held[:4] == identifier[:4] and is_by(key, held[4:], f"{parts[0]}\n".encode()):
                return
    raise Rejected("the log did not sign its checkpoint")


def _is_of(body: Any, signature: bytes, payload: bytes, certificate: bytes) -> bool:
    body = only(body, "kind", "apiVersion", "spec")
    spec = only(body["spec"], "payloadHash", "signatures")
    hashed = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
    if (body["kind"], body["apiVersion"]) != ("dsse", "0.0.1") or spec["payloadHash"] != hashed:
        return False
    if type(spec["signatures"]) is not list or len(spec["signatures"]) != 1:
        return False
    one = only(spec["signatures"][0], "signature", "verifier")
    try:
        named = certificates.of_pem(base64_of(one["verifier"]).decode("ascii"))
    except ValueError as exc:
        raise Rejected("the log's entry names no certificate") from exc
    return base64_of(one["signature"]) == signature and [it.whole for it in named] == [certificate]


def _issued(leaf: Certificate, authorities: Any, time: int) -> Key:
    for authority in authorities if type(authorities) is list else []:
        held = only(authority, "certChain", "validFor")
        chain = only(held["certChain"], "certificates")["certificates"]
        if not _holds(held["validFor"], time) or type(chain) is not list or not chain:
            continue
        *between, root = (
            certificates.read(base64_of(only(one, "rawBytes")["rawBytes"])) for one in chain
        )
        try:
            return certificates.followed(leaf, between, [root], time)
        except Rejected:
            continue
    raise Rejected("no trusted authority issued the certificate")


def _identities(leaf: Certificate) -> set[str]:
    if _NAMES not in leaf.extensions:
        return set()
    names = der.items(leaf.extensions[_NAMES][1])
    return {_ascii(one.content) for one in names if one.tag in (_EMAIL, _URI)}


def _issuers(leaf: Certificate) -> set[str]:
    found = set()
    if _OLDER_ISSUER in leaf.extensions:
        found.add(_ascii(leaf.extensions[_OLDER_ISSUER][1]))
    if _ISSUER in leaf.extensions:
        found.add(_ascii(der.value(leaf.extensions[_ISSUER][1], _TEXT).content))
    return found


def _ascii(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except ValueError as exc:
        raise Rejected("a name in a certificate is not ASCII") from exc


def _holds(period: Any, time: int) -> bool:
    """Whether the time lies in a period, of which the end may be open."""
    start = _seconds(only(period, "start")["start"])
    return start <= time and (period.get("end") is None or time <= _seconds(period["end"]))


def _seconds(value: Any) -> float:
    try:
        told = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError) as exc:
        raise Rejected("a period has no time") from exc
    if told.tzinfo is None:
        raise Rejected("a time of no zone")
    return told.timestamp()


def _number(value: Any) -> int:
    if (
        type(value) is not str
        or not re.fullmatch(r"[0-9]{1,19}", value)
        or str(int(value)) != value
    ):
        raise Rejected("no number where one is expected")
    return int(value)

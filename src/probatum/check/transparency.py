"""Whether a signature is by an identity that the user named, by way of Sigstore, for the checkers.

The parts of a trusted root and of a bundle are read as `sigstore_trustroot.proto`,
`sigstore_bundle.proto` and `sigstore_rekor.proto` (protobuf-specs) name them. Sources: sigstore.dev
client specification, section 4; RFC 9162, section 2.1.3.2 (inclusion); c2sp.org/signed-note;
Fulcio's `docs/oid-info.md`.
"""

import base64
import hashlib
import json
import re
from typing import Any

from probatum.check import certificates, der
from probatum.check.certificates import Certificate
from probatum.check.public_keys import Key, is_by, of_info
from probatum.check.signed_statement import base64_of, json_of, only
from probatum.check.timestamps import stamped
from probatum.errors import Rejected

_NAMES = "2.5.29.17"
_ISSUER, _OLDER_ISSUER = "1.3.6.1.4.1.57264.1.8", "1.3.6.1.4.1.57264.1.1"
_DIGESTS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
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
    stamps = _stamps(material.get("timestampVerificationData"), signature, root)
    logs = root["tlogs"]
    times = [_logged(entry, logs, stamps, signature, payload, data) for entry in entries]
    # 2. A trusted authority issued the certificate, which was valid at every time that is known.
    leaf = certificates.read(data)
    known = {*stamps, *(time for time in times if time is not None)}
    keys = [_issued(leaf, root["certificateAuthorities"], time) for time in sorted(known)]
    # 3. It names the identity and its issuer, and no other issuer.
    identity, issuer = trust.get("identity"), trust.get("issuer")
    if type(identity) is not str or type(issuer) is not str:
        raise Rejected("no identity is named, or no issuer of it")
    if identity not in _identities(leaf) or _issuers(leaf) != {issuer}:
        raise Rejected("it is signed by another identity")
    return keys[0]


def _stamps(held: Any, signature: bytes, root: dict[str, Any]) -> list[int]:
    """The times of those timestamps that count; of another, nothing follows."""
    tokens = held.get("rfc3161Timestamps") if type(held) is dict else None
    if tokens is not None and (type(tokens) is not list or len(tokens) > 32):
        raise Rejected("the timestamps are no list")
    found = []
    for one in tokens or []:
        token = base64_of(only(one, "signedTimestamp")["signedTimestamp"])
        try:
            found.append(stamped(token, signature, root.get("timestampAuthorities")))
        except Rejected:
            continue
    return found


def _logged(
    entry: Any, logs: Any, stamps: list[int], signature: bytes, payload: bytes, certificate: bytes
) -> int | None:
    """When the log took in the signature; the entry's proofs and its body all hold.

    A log of the second version promises nothing, and a timestamp must say when.
    """
    entry = only(entry, "logId", "canonicalizedBody", "inclusionProof", "kindVersion")
    identifier = base64_of(only(entry["logId"], "keyId")["keyId"])
    body = base64_of(entry["canonicalizedBody"])
    kind = entry["kindVersion"]
    time = None
    if kind == {"kind": "dsse", "version": "0.0.1"}:
        time = _number(entry.get("integratedTime"))
        key = _key_of_log(identifier, logs, [time])
        _demand_promised(entry, identifier, time, key)
        is_of = _is_of(json_of(body), signature, payload, certificate)
    elif kind in [{"kind": name, "version": "0.0.2"} for name in ("dsse", "hashedrekord")]:
        if not stamps:
            raise Rejected("nothing says when it was signed")
        key = _key_of_log(identifier, logs, stamps)
        is_of = _is_of_second(json_of(body), kind["kind"], signature, payload, certificate)
    else:
        raise Rejected("an entry of another kind")
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
    if not is_of:
        raise Rejected("the log's entry is of another signature")
    return time


def _demand_promised(entry: dict[str, Any], identifier: bytes, time: int, key: Key) -> None:
    """The log signed when it took the entry in."""
    held = only(entry, "logIndex", "inclusionPromise")
    promise = only(held["inclusionPromise"], "signedEntryTimestamp")["signedEntryTimestamp"]
    told = json.dumps(
        {"body": entry["canonicalizedBody"], "integratedTime": time, "logID": identifier.hex(),
         "logIndex": _number(held["logIndex"])},
        separators=(",", ":"),
    )  # fmt: skip
    if not is_by(key, base64_of(promise), told.encode()):
        raise Rejected("the log did not sign when the entry was made")


def _key_of_log(identifier: bytes, logs: Any, times: list[int]) -> Key:
    for log in logs if type(logs) is list else []:
        held = only(log, "logId", "publicKey")
        key = only(held["publicKey"], "rawBytes", "validFor")
        if base64_of(only(held["logId"], "keyId")["keyId"]) == identifier:
            if not all(certificates.is_in(key["validFor"], time) for time in times):
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


def _is_of_second(
    body: Any, kind: str, signature: bytes, payload: bytes, certificate: bytes
) -> bool:
    """The same of an entry of rekor-tiles: an envelope, or a digest of what DSSE has signed."""
    body = only(body, "kind", "apiVersion", "spec")
    if (body["kind"], body["apiVersion"]) != (kind, "0.0.2"):
        return False
    if kind == "dsse":
        spec = only(only(body["spec"], "dsseV002")["dsseV002"], "payloadHash", "signatures")
        if type(spec["signatures"]) is not list or len(spec["signatures"]) != 1:
            return False
        hashed, one, over = spec["payloadHash"], spec["signatures"][0], payload
    else:
        said = only(body["spec"], "hashedRekordV002")["hashedRekordV002"]
        spec = only(said, "data", "signature")
        hashed, one = spec["data"], spec["signature"]
        over = b"DSSEv1 28 application/vnd.in-toto+json %d " % len(payload) + payload
    hashed, one = only(hashed, "algorithm", "digest"), only(one, "content", "verifier")
    verifier = only(only(one["verifier"], "x509Certificate")["x509Certificate"], "rawBytes")
    digest = _DIGESTS.get(hashed["algorithm"]) if type(hashed["algorithm"]) is str else None
    return (
        digest is not None
        and base64_of(hashed["digest"]) == hashlib.new(digest, over).digest()
        and base64_of(one["content"]) == signature
        and base64_of(verifier["rawBytes"]) == certificate
    )


def _issued(leaf: Certificate, authorities: Any, time: int) -> Key:
    for authority in authorities if type(authorities) is list else []:
        held = only(authority, "certChain", "validFor")
        chain = only(held["certChain"], "certificates")["certificates"]
        if not certificates.is_in(held["validFor"], time) or type(chain) is not list or not chain:
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


def _number(value: Any) -> int:
    if (
        type(value) is not str
        or not re.fullmatch(r"[0-9]{1,19}", value)
        or str(int(value)) != value
    ):
        raise Rejected("no number where one is expected")
    return int(value)

"""Re-derives that a folder is what its signature lists, signed by someone whom the user named.

Facts: `size` of the artifact in bytes, and `head`, the SHA-256 (hex) of the signature behind the
JSON list of its `single`, `ignore`, `files` and `others`. What the files are is bound by the
digests that the signature lists, and whom the user trusts is read from the artifact. The signature
is verified in plain integers (`check.public_keys`, `check.certificates`, `check.transparency`),
with no other library.

Sources: OpenSSF Model Signing specification 1.0; DSSE 1.0, protocol; Sigstore bundle 0.3.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from probatum.check.blake3 import blake3
from probatum.check.signed_statement import Listed, base64_of, json_of, listed, only
from probatum.check.trusted import demand_trusted
from probatum.errors import Rejected

CLAIM = "signed-content"
_FIRST = b"signed-folder 1\n"
_LONGEST = 64 << 20
_PIECE = 1 << 22
_NEVER_SIGNED = (".git", ".gitattributes", ".github", ".gitignore")
_MEDIA_TYPES = (
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
)
_PAYLOAD_TYPE = "application/vnd.in-toto+json"

Bytes = Callable[[int, int], bytes]


class _File(NamedTuple):
    start: int
    size: int
    is_link: bool


class _Folder(NamedTuple):
    """What the artifact says of itself; `others` are names of what is no file."""

    trust: dict[str, Any]
    single: str
    ignore: list[str]
    files: dict[str, _File]
    others: list[str]
    signature: bytes
    head: bytes


def holds(facts: dict[str, Any], read: Bytes, size: int) -> None:
    """Raises Rejected at the first step that fails."""
    # 1. The facts are of these bytes.
    folder = _folder(read, size)
    said = {"size": size, "head": hashlib.sha256(folder.head).hexdigest()}
    if type(facts) is not dict or facts != said or type(facts["size"]) is not int:
        raise Rejected("the facts are of another folder, signature or trust")
    # 2. Someone whom the user named signed the statement.
    payload, signature, material = _bundle(folder.signature)
    demand_trusted(folder.trust, material, signature, payload)
    # 3. Everything in the folder is listed, or lies where the signature or the user ignores it.
    statement = listed(payload, folder.single)
    _demand_nothing_else(folder, statement)
    # 4. Every file that is listed is there, whole, with its digest.
    for name, spans in statement.spans.items():
        file = folder.files.get(name)
        if file is None or (file.is_link and not statement.allow_symlinks):
            raise Rejected(f"{name[:200]!a} is listed and no file")
        if spans[-1].end not in (None, file.size):
            raise Rejected(f"{name[:200]!a} has another size than is listed")
        for span in spans:
            end = file.size if span.end is None else span.end
            found = _digest(read, file.start + span.start, end - span.start, statement.algorithm)
            if found != span.digest:
                raise Rejected(f"{name[:200]!a} has another digest than is listed")


def _demand_nothing_else(folder: _Folder, statement: Listed) -> None:
    ignore = (*_NEVER_SIGNED, *statement.ignore, *folder.ignore)
    for name in (*folder.files, *folder.others):
        if name in statement.spans or any((name + "/").startswith(one + "/") for one in ignore):
            continue
        # A signature by shards lists no file that is empty.
        if statement.shard_size and name in folder.files and not folder.files[name].size:
            continue
        raise Rejected(f"{name[:200]!a} is not listed")


def _folder(read: Bytes, size: int) -> _Folder:
    start = b""
    while start.count(b"\n") < 2 and len(start) < min(size, _LONGEST):
        piece = read(len(start), _PIECE)
        if not piece:
            raise Rejected("the list of the folder ends before its size")
        start += piece
    line, ended, _ = start.removeprefix(_FIRST).partition(b"\n")
    if not start.startswith(_FIRST) or not ended:
        raise Rejected("this is no signed folder")
    said = json_of(line)
    try:
        at, length = len(_FIRST) + len(line) + 1, said["signature"]
        about = json.dumps([said[name] for name in ("single", "ignore", "files", "others")])
        names = [name for name, _, _ in said["files"]]
        files, end = {}, at + length
        for name, long, is_link in said["files"]:
            if type(name) is not str or type(long) is not int or long < 0:
                raise Rejected("a file has no name or size")
            files[name] = _File(end + 1, long, bool(is_link))
            end += 1 + long
        others = [str(name) for name, _, _ in said["others"]]
        trust, single, ignore = said["trust"], said["single"], said["ignore"]
    except (KeyError, TypeError, ValueError) as exc:
        raise Rejected("the list of the folder is not one") from exc
    if (
        not 0 <= length <= _LONGEST
        or end != size
        or len(set(names + others)) != len(names + others)
    ):
        raise Rejected("the list of the folder is not that of these bytes")
    if type(trust) is not dict or type(single) is not str or not _are_texts(ignore):
        raise Rejected("the list of the folder is not one")
    signature = read(at, length)
    head = about.encode() + b"\n" + signature
    return _Folder(trust, single, ignore, files, others, signature, head)


def _bundle(data: bytes) -> tuple[bytes, bytes, dict[str, Any]]:
    """The payload, the one signature over it, and what it is verified with."""
    said = json_of(data)
    if type(said) is dict and "verification_material" in said and "mediaType" not in said:
        return _attestation(said)
    bundle = only(said, "mediaType", "verificationMaterial", "dsseEnvelope")
    envelope = only(bundle["dsseEnvelope"], "payload", "payloadType", "signatures")
    signatures = envelope["signatures"]
    kinds = bundle["mediaType"] in _MEDIA_TYPES, envelope["payloadType"] == _PAYLOAD_TYPE
    if not all(kinds) or "messageSignature" in bundle:
        raise Rejected("the signature is of another kind")
    if type(signatures) is not list or len(signatures) != 1:
        raise Rejected("there is not exactly one signature")
    signature = only(signatures[0], "sig")
    material = only(bundle["verificationMaterial"])
    return base64_of(envelope["payload"]), base64_of(signature["sig"]), material


def _attestation(said: dict[str, Any]) -> tuple[bytes, bytes, dict[str, Any]]:
    """An attestation of the Python package index, as the bundle that it could be (PEP 740)."""
    said = only(said, "version", "verification_material", "envelope")
    if type(said["version"]) is not int or said["version"] != 1:
        raise Rejected("an attestation of another version")
    envelope = only(said["envelope"], "statement", "signature")
    held = only(said["verification_material"], "certificate", "transparency_entries")
    material = {
        "certificate": {"rawBytes": held["certificate"]},
        "tlogEntries": held["transparency_entries"],
    }
    return base64_of(envelope["statement"]), base64_of(envelope["signature"]), material


def _digest(read: Bytes, start: int, size: int, algorithm: str) -> str:
    if algorithm == "blake3":
        return blake3(read, start, size)
    if algorithm not in ("sha256", "blake2b"):
        raise Rejected(f"digests by {algorithm[:20]!a} are not computed here")
    running, at = hashlib.new(algorithm), 0
    while at < size:
        piece = read(start + at, min(_PIECE, size - at))
        if not piece:
            raise Rejected("a file ends before its size")
        running.update(piece)
        at += len(piece)
    return running.hexdigest()


def _are_texts(value: Any) -> bool:
    return type(value) is list and all(type(one) is str and one for one in value)

"""Signs a folder, or one file, with a private key: a bundle of OpenSSF Model Signing.

The private key is read, used and forgotten: it is in no message, log or file of ours.

Source: OpenSSF Model Signing specification 1.0, section 6.
"""

# A name in a folder may not be UTF-8: plain strings, not Path.
# ruff: noqa: PTH119
import base64
import hashlib
import json
import os
from typing import Any

from msgspec import Struct

from probatum.adapters.signed_folder import contents
from probatum.errors import FormatError, UsageError
from probatum.formats.model_manifest import NEVER_SIGNED, PREDICATE, STATEMENT, relative
from probatum.formats.signed_files import Folder, Other, Stored
from probatum.formats.signed_folder import Span, digests, ignored, packed, read
from probatum.formats.signers import demand_cryptography, hint, is_by, sign, supported
from probatum.formats.sigstore_bundle import (
    MEDIA_TYPES,
    PAYLOAD_TYPE,
    bundle,
    pre_authentication,
)

_MOST_KEY = 1 << 16
_ALGORITHM = "sha256"


class Signed(Struct, frozen=True):
    """A signature as text, and how many files it lists."""

    text: str
    files: int


def signed(
    target: str,
    output: str,
    key: Any,
    *,
    certificates: bytes = b"",
    ignore: tuple[str, ...] = (),
) -> Signed:
    """The signature of `target`, to be written to `output`.

    `key` is a private key of `private_key`; with `certificates` (PEM, the signer's own first) the
    bundle carries these instead of the key's name.
    Raises: UsageError, TargetError, FormatError.
    """
    left_out = (*NEVER_SIGNED, *_inside(target, output), *ignore)
    files = _files(target, output, left_out)
    statement = _statement(target, files, left_out)
    payload = json.dumps(statement, ensure_ascii=False).encode()
    signature = sign(key, pre_authentication(payload))
    material = _material(key, certificates)
    made = {
        "mediaType": MEDIA_TYPES[0],
        "verificationMaterial": {**material, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": _base64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": _base64(signature), "keyid": ""}],
        },
    }
    text = json.dumps(made)
    _demand_verifies(text, key)
    return Signed(text, len(files))


def private_key(name: str, password: bytes | None) -> Any:
    """The private key in the file `name`, in PEM. Raises: UsageError, FormatError."""
    demand_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        with open(name, "rb") as file:
            data = file.read(_MOST_KEY)
        key = load_pem_private_key(data, password)
    except OSError as exc:
        raise UsageError(f"the key {name!a} cannot be read: {exc.strerror}") from exc
    except (TypeError, ValueError, UnsupportedAlgorithm):
        # The library's own words may quote the file.
        says = "is no private key in PEM, or its password is missing or another"
        raise UsageError(f"{name!a} {says}") from None
    supported(key.public_key())
    return key


def is_open_to_others(name: str) -> bool:
    """Whether somebody else on this machine may read the file."""
    return os.name == "posix" and bool(os.stat(name).st_mode & 0o077)  # noqa: PTH116


def _inside(target: str, output: str) -> tuple[str, ...]:
    """The signature's own path in the folder, if it will lie there."""
    top, inner = os.path.realpath(target), os.path.realpath(output)
    return (os.path.relpath(inner, top),) if inner.startswith(f"{top}/") else ()


def _files(target: str, output: str, left_out: tuple[str, ...]) -> list[Stored]:
    found = []
    for one in contents(target, leave_out=output):
        if ignored(one.name, left_out):
            continue
        if isinstance(one, Other):
            raise UsageError(f"{one.name!a} cannot be signed: {one.what}; --ignore leaves it out")
        if one.is_link:
            raise UsageError(f"{one.name!a} cannot be signed: a link; --ignore leaves it out")
        try:
            relative(one.name)
        except FormatError as exc:
            raise UsageError(f"{one.name!a} cannot be signed: {exc.detail}") from exc
        found.append(one)
    if not found:
        raise UsageError(f"{target!a} holds no file to sign")
    return sorted(found, key=lambda one: one.name)


def _statement(target: str, files: list[Stored], left_out: tuple[str, ...]) -> dict[str, Any]:
    material = packed(Folder(b"", {}, tuple(files)))
    spans = [Span(number, 0, one.size) for number, one in enumerate(files)]
    found = digests(material, read(material), spans, _ALGORITHM)
    joined = b"".join(map(bytes.fromhex, found))
    name = os.path.basename(os.path.realpath(target)) or "model"
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": hashlib.sha256(joined).hexdigest()}}],
        "predicateType": PREDICATE,
        "predicate": {
            "resources": [
                {"name": one.name, "digest": digest, "algorithm": _ALGORITHM}
                for one, digest in zip(files, found, strict=True)
            ],
            "serialization": {
                "method": "files",
                "hash_type": _ALGORITHM,
                "allow_symlinks": False,
                "ignore_paths": sorted(set(left_out)),
            },
        },
    }


def _material(key: Any, certificates: bytes) -> dict[str, Any]:
    if not certificates:
        return {"publicKey": {"hint": hint(key.public_key())}}
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificates

    try:
        chain = load_pem_x509_certificates(certificates)
    except ValueError as exc:
        raise UsageError("the certificates are none in PEM") from exc
    if chain[0].public_key() != key.public_key():
        raise UsageError("the first certificate is not one of this key")
    held = [{"rawBytes": _base64(one.public_bytes(Encoding.DER))} for one in chain]
    return {"x509CertificateChain": {"certificates": held}}


def _demand_verifies(text: str, key: Any) -> None:
    """A signature that its own key does not verify must never be handed out."""
    made = bundle(text.encode())
    if not is_by(key.public_key(), made.signature, pre_authentication(made.payload)):
        raise UsageError("the signature made does not verify: the key is damaged")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

"""Signed folders made by hand: statements, bundles and certificates, with any part changed."""

import base64
import datetime
import hashlib
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probatum.formats.signed_files import Folder, Other
from probatum.formats.signed_folder import packed
from probatum.formats.signers import sign
from probatum.formats.sigstore_bundle import pre_authentication

KEY = ec.derive_private_key(0x5EED, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(0x07E12, ec.SECP256R1())
FILES = {"a.txt": b"one\n", "sub/w.bin": bytes(3000), "empty": b""}
NOW = 1_800_000_000
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def pem(key: Any) -> str:
    """The public key of a private key."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def trust(*keys: Any) -> dict[str, Any]:
    return {"keys": [pem(key) for key in keys or (KEY,)]}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def statement(
    files: dict[str, bytes] | None = None, *, shard_size: Any = None, **changes: Any
) -> dict[str, Any]:
    """What a signer says of the files; `changes` go over the serialization."""
    resources = []
    algorithm = changes.get("hash_type", "sha256")
    for name, data in sorted((FILES if files is None else files).items()):
        step = int(shard_size) if shard_size else 0
        for start in range(0, len(data), step) if step else [0]:
            end = min(start + step, len(data)) if step else len(data)
            digest = hashlib.new(algorithm, data[start:end]).hexdigest()
            called = f"{name}:{start}:{end}" if step else name
            resources.append({"name": called, "digest": digest, "algorithm": algorithm})
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model", "digest": {"sha256": root_of(resources)}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "resources": resources,
            "serialization": {
                "method": "shards" if shard_size else "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                **({"shard_size": shard_size} if shard_size else {}),
                **changes,
            },
        },
    }


def root_of(resources: list[dict[str, str]]) -> str:
    """The digest of the digests."""
    joined = b"".join(bytes.fromhex(one["digest"]) for one in resources)
    return hashlib.sha256(joined).hexdigest()


def listing(*resources: tuple[str, str], **serialization_changes: Any) -> dict[str, Any]:
    """A statement over resources as they are given, (name, digest)."""
    made = statement({}, **serialization_changes)
    found = [{"name": n, "digest": d, "algorithm": "sha256"} for n, d in resources]
    made["predicate"]["resources"] = found
    made["subject"][0]["digest"]["sha256"] = root_of(found)
    return made


def bundle_of(
    said: dict[str, Any] | bytes | None = None,
    key: Any = KEY,
    material: dict[str, Any] | None = None,
    signable: Any = pre_authentication,
) -> dict[str, Any]:
    """A bundle over a statement, signed by `key`."""
    said = statement() if said is None else said
    payload = said if isinstance(said, bytes) else json.dumps(said).encode()
    return {
        "mediaType": BUNDLE,
        "verificationMaterial": material or {"publicKey": {"hint": ""}},
        "dsseEnvelope": {
            "payload": b64(payload),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": b64(sign(key, signable(payload)))}],
        },
    }


def folder(
    bundle: dict[str, Any] | bytes,
    files: dict[str, bytes] | None = None,
    trusted: dict[str, Any] | None = None,
    others: tuple[Other, ...] = (),
    ignore: tuple[str, ...] = (),
    links: tuple[str, ...] = (),
    single: str = "",
) -> bytes:
    """The bytes of a signed folder that holds these files."""
    held = FILES if files is None else files
    signature = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    trusted = trust() if trusted is None else trusted
    empty = Folder(signature, trusted, (), others, ignore, single)
    head = packed(empty)
    line = json.loads(head.read(0, head.size).split(b"\n")[1])
    names = sorted(held)
    line["files"] = [[name, len(held[name]), name in links] for name in names]
    first = b"signed-folder 1\n" + json.dumps(line).encode() + b"\n"
    return first + signature + b"".join(b"\n" + held[name] for name in names)


def certificate(
    name: str,
    key: Any,
    issuer: Any = None,
    issuer_key: Any = None,
    *,
    ca: bool = False,
    path_length: int | None = None,
    first: int = NOW - 1000,
    last: int = NOW + 1000,
    usage: str = "",
    critical: Any = None,
    more: Any = None,
    code: bool = True,
    digest: Any = None,
) -> x509.Certificate:
    """A certificate; by itself where no issuer is given."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    when = [datetime.datetime.fromtimestamp(one, datetime.UTC) for one in (first, last)]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer is not None else subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(when[0])
        .not_valid_after(when[1])
        .add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
        .add_extension(_usage(usage or ("authority" if ca else "signer")), critical=True)
    )
    if code and not ca:
        extended = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        made = made.add_extension(extended, critical=False)
    if critical is not None:
        made = made.add_extension(critical, critical=True)
    if more is not None:
        made = made.add_extension(more, critical=False)
    signing = issuer_key or key
    plain = isinstance(signing, ed25519.Ed25519PrivateKey)
    return made.sign(signing, None if plain else digest or hashes.SHA256())


def _usage(kind: str) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=kind == "signer",
        key_cert_sign=kind == "authority",
        crl_sign=kind == "authority",
        content_commitment=False,
        key_encipherment=kind == "neither",
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def chain_of(*certificates: x509.Certificate) -> dict[str, Any]:
    """Verification material that holds these certificates."""
    held = [{"rawBytes": b64(der_of(one))} for one in certificates]
    return {"x509CertificateChain": {"certificates": held}}


def der_of(one: x509.Certificate) -> bytes:
    return one.public_bytes(serialization.Encoding.DER)


def pem_of(one: x509.Certificate) -> str:
    return one.public_bytes(serialization.Encoding.PEM).decode()

"""Keys, models and bundles for the conformance cases of OpenSSF Model Signing, made by themselves.

Nothing here is of Probatum: what is to be verified was signed by other code than verifies it. Needs
the package `cryptography`.

Sources: the specification, 1.0, sections 4 to 6 and 11 (what earlier versions wrote).
"""

import base64
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MODELS: dict[str, dict[str, bytes]] = {
    "plain": {"one.bin": b"one\n", "two.bin": b"two", "left-out": b""},
    "single": {"only.bin": b"\xef" * 256},
    "nested": {"config.json": b"{}", "weights.bin": bytes(1024), "parts/adapter.bin": b"\1" * 512},
    "binary": {"head.bin": b"\0\1\xff\xfe\0\0\x89PNG", "all.bin": bytes(range(256)) * 4},
    "only-git": {".gitignore": b".keep\n"},
    "dotfiles": {".config": b"a", ".env.example": b"b", "model.bin": b"c"},
    "empty-file": {"empty.bin": b"", "one.bin": b"one"},
    "git": {
        ".gitattributes": b"",
        ".gitignore": b"",
        ".git/HEAD": b"ref",
        ".github/ci.yml": b"on:",
        "model.bin": b"weights",
    },
    "hidden": {"model.bin": b"a", ".cache/weights.bin": b"b", ".local/share/data.bin": b"c"},
    "nested-gitignore": {"model.bin": b"a", "parts/.gitignore": b"b"},
    "nested-left-out": {"one.bin": b"a", "left-out": b"b", "parts/left-out": b"c"},
    "unicode": {"weights.bin": b"a", "\u6a21\u578b.bin": b"b"},
    "special": {"file (copy).bin": b"a", "with spaces/model.bin": b"b", "plain.bin": b"c"},
    "deep": {"a/way/down/the/tree/weights.bin": b"a"},
    "deep-git": {"a/way/down/the/tree/weights.bin": b"a", ".git/HEAD": b"ref"},
    "many-git": {"x.bin": b"a", ".git/HEAD": b"r", "sub/x": b"b", "sub/.git/HEAD": b"r"},
    "many-gitignore": {"model.bin": b"a", ".gitignore": b"", "sub/x": b"b", "sub/.gitignore": b"c"},
    "git-and-more": {"model.bin": b"a", ".git/HEAD": b"r", ".gitattributes": b"", "x.tmp": b"t"},
    "assets": {"weights.bin": b"a", "config.json": b"{}", "assets/vocabulary.txt": b"b"},
}

PAST, NOW, FUTURE = (-6, -5), (-1, 9), (1, 9)
"""From when to when a certificate is valid, in years from now."""
CHAINS: dict[str, tuple[tuple[int, int], ...]] = {
    "certificate": (NOW, NOW, NOW),
    "expired": (NOW, NOW, PAST),
    "not-yet-valid": (NOW, NOW, FUTURE),
    "expired-intermediate": (NOW, PAST, NOW),
    "expired-root": (PAST, NOW, NOW),
    "all-expired": (PAST, PAST, PAST),
    "no-code-signing": (NOW, NOW, NOW),
    "not-yet-valid-intermediate": (NOW, FUTURE, NOW),
    "expired-intermediate-and-leaf": (NOW, PAST, PAST),
    "wrong": (NOW, NOW, NOW),
}
"""Chains of certificates: when the root, the one between and the signer's are valid."""

_CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_GIT = (".git", ".gitattributes", ".github", ".gitignore")


def make_keys(folder: Path) -> None:
    """For each name a folder with `own.key`, `own.pub`, and for chains `own.pem`, `between.pem`,
    `root.pem`."""
    for name, curve in _CURVES.items():
        _write_keys(folder / name, ec.generate_private_key(curve()))
    for name, when in CHAINS.items():
        _write_chain(folder / name, when, code=name != "no-code-signing")
    key = ec.generate_private_key(ec.SECP256R1())
    own = _certificate("by itself", key, None, key, NOW)
    _write_keys(folder / "self-signed", key)
    for file in ("own.pem", "between.pem", "root.pem"):
        (folder / "self-signed" / file).write_bytes(_pem(own))


def make_model(folder: Path, name: str) -> Path:
    """The folder of a model, or its one file."""
    for path, data in MODELS[name].items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder / "only.bin" if name == "single" else folder


def bundle(
    keys: Path, model: str, way: str, left_out: tuple[str, ...] = (), version: str = "1.1.0"
) -> dict[str, Any]:
    """A signature as model-signing of this version wrote it.

    0.2.0 listed the files as subjects, spelled what it signed in another way and digested that with
    SHA-256; until 1.1 a bundle held the key itself, and did not say what it left out.
    """
    files = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in sorted(MODELS[model].items())
        if name.split("/")[0] not in _GIT and name not in left_out
    }
    old, oldest = version < "1.1", version < "0.3"
    if old and len(files) == 1:
        files = {".": next(iter(files.values()))}
    said = _oldest_statement(files) if oldest else _statement(files, left_out, old=old)
    payload = json.dumps(said, indent=2).encode()
    key: Any = serialization.load_pem_private_key((keys / "own.key").read_bytes(), None)
    signature = key.sign(_signed(payload, oldest=oldest), ec.ECDSA(_digest(key, oldest=oldest)))
    return {
        "mediaType": _BUNDLE,
        "verificationMaterial": _material(keys, way, old=old),
        "dsseEnvelope": {
            "payload": _base64(payload),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": _base64(signature), "keyid": None if old else ""}],
        },
    }


def _statement(files: dict[str, str], left_out: tuple[str, ...], *, old: bool) -> dict[str, Any]:
    how: dict[str, Any] = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
    if not old:
        how["ignore_paths"] = [*_GIT, *left_out]
    listed = [
        {"name": name, "digest": digest, "algorithm": "sha256"} for name, digest in files.items()
    ]
    whole = hashlib.sha256(b"".join(map(bytes.fromhex, files.values()))).hexdigest()
    return {
        "_type": _STATEMENT,
        "subject": [{"name": "model", "digest": {"sha256": whole}}],
        "predicateType": _PREDICATE,
        "predicate": {"serialization": how, "resources": listed},
    }


def _oldest_statement(files: dict[str, str]) -> dict[str, Any]:
    return {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": one}} for name, one in files.items()],
        "predicateType": "https://model_signing/Digests/v0.1",
        "predicate": {"unused": "Unused"},
    }


def _signed(payload: bytes, *, oldest: bool) -> bytes:
    kind = "application/vnd.in-toto+json"
    if oldest:
        return f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode()
    return f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload


def _digest(key: Any, *, oldest: bool) -> hashes.HashAlgorithm:
    if oldest or key.curve.name == "secp256r1":
        return hashes.SHA256()
    return hashes.SHA384() if key.curve.name == "secp384r1" else hashes.SHA512()


def _material(keys: Path, way: str, *, old: bool) -> dict[str, Any]:
    pem = (keys / "own.pub").read_bytes()
    if way == "key" and old:
        return {"publicKey": {"rawBytes": _base64(pem), "keyDetails": "PKIX_ECDSA_P384_SHA_384"}}
    if way == "key":
        return {"publicKey": {"hint": hashlib.sha256(pem).hexdigest()}, "tlogEntries": []}
    form = serialization.Encoding.DER
    chain = [
        {"rawBytes": _base64(one.public_bytes(form))}
        for file in ("own.pem", "between.pem")
        for one in x509.load_pem_x509_certificates((keys / file).read_bytes())
    ]
    return {"x509CertificateChain": {"certificates": chain}} | ({} if old else {"tlogEntries": []})


def _write_chain(folder: Path, when: tuple[tuple[int, int], ...], *, code: bool) -> None:
    root, between, own = (ec.generate_private_key(ec.SECP384R1()) for _ in range(3))
    first = _certificate("root", root, None, root, when[0], ca=True)
    second = _certificate("between", between, first, root, when[1], ca=True)
    third = _certificate("signer", own, second, between, when[2], code=code)
    _write_keys(folder, own)
    for file, one in (("root", first), ("between", second), ("own", third)):
        (folder / f"{file}.pem").write_bytes(_pem(one))


def _write_keys(folder: Path, key: ec.EllipticCurvePrivateKey) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    hidden = key.private_bytes(pem, private, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "own.key").write_bytes(hidden)
    (folder / "own.key").chmod(0o600)
    (folder / "own.pub").write_bytes(public)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    when: tuple[int, int],
    *,
    ca: bool = False,
    code: bool = True,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    first, last = (now + datetime.timedelta(days=365 * years) for years in when)
    usage = {
        "digital_signature": not ca,
        "key_cert_sign": ca,
        "crl_sign": ca,
        **dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"),
            False,
        ),
    }  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer is not None else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
    )
    if not ca:
        purpose = ExtendedKeyUsageOID.CODE_SIGNING if code else ExtendedKeyUsageOID.CLIENT_AUTH
        made = made.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return made.sign(issuer_key, hashes.SHA384())


def _pem(one: x509.Certificate) -> bytes:
    return one.public_bytes(serialization.Encoding.PEM)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

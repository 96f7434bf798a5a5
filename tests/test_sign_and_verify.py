"""`probatum sign` and `probatum verify`, as a user calls them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from probatum.adapters.signed_folder import listed
from probatum.check.model_signature import holds
from probatum.cli.main import main
from probatum.formats.signed_folder import packed
from probatum.vocabulary import Proven
from probatum.wire import from_json
from signed_folders import FILES, NOW, certificate, pem, pem_of

CURVES: dict[str, Any] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


def keys(folder: Path, key: Any, password: bytes | None = None) -> tuple[str, str]:
    """The files of the private and the public key."""
    hidden: Any = serialization.NoEncryption()
    if password:
        hidden = serialization.BestAvailableEncryption(password)
    form = serialization.PrivateFormat.PKCS8
    private, public = folder / "own.key", folder / "own.pub"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, hidden))
    private.chmod(0o600)
    public.write_text(pem(key))
    return str(private), str(public)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder like those on a hub."""
    made = tmp_path / "model"
    (made / "sub").mkdir(parents=True)
    (made / "config.json").write_text("{}")
    (made / "sub" / "weights.bin").write_bytes(bytes(range(256)) * 9000)
    (made / "empty").write_bytes(b"")
    (made / ".gitattributes").write_text("*.bin")
    return made


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    return keys(tmp_path, CURVES["P-256"]())


@pytest.mark.parametrize("kind", CURVES)
def test_what_is_signed_verifies(
    model: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = keys(tmp_path, CURVES[kind]())
    assert main(["sign", str(model), "--key", private]) == 0
    assert "signs 3 files" in capsys.readouterr().err
    assert main(["verify", str(model), "--key", public, "--check"]) == 0
    said = capsys.readouterr().out
    assert "Signed by the key sha256:" in said
    assert "ignores '.gitattributes', where one file lies of which nothing is signed" in said


@pytest.mark.parametrize("change", ["changed", "added", "removed", "linked"])
def test_whatever_changes_after_it_is_signed_is_refuted(
    model: Path, pair: tuple[str, str], change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["sign", str(model), "--key", pair[0]])
    file = model / "config.json"
    if change == "changed":
        file.write_text("{ }")
    if change == "added":
        (model / "handler.py").write_text("")
    if change in ("removed", "linked"):
        file.rename(model.parent / "elsewhere")
    if change == "linked":
        file.symlink_to(model.parent / "elsewhere")
    assert main(["verify", str(model), "--key", pair[1]]) == 1
    assert "refuted" in capsys.readouterr().out


def test_another_key_is_refuted(model: Path, pair: tuple[str, str], tmp_path: Path) -> None:
    main(["sign", str(model), "--key", pair[0]])
    other = tmp_path / "other.pub"
    other.write_text(pem(CURVES["P-256"]()))
    assert main(["verify", str(model), "--key", str(other)]) == 1
    assert main(["verify", str(model), "--key", str(other), "--key", pair[1]]) == 0


def test_nobody_trusted_is_undecided(
    model: Path, pair: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["sign", str(model), "--key", pair[0]])
    assert main(["verify", str(model)]) == 2
    assert "nobody is named" in capsys.readouterr().out


def test_one_file_is_signed_beside_it(tmp_path: Path, pair: tuple[str, str]) -> None:
    file = tmp_path / "m.safetensors"
    file.write_bytes(b"weights")
    assert main(["sign", str(file), "--key", pair[0]]) == 0
    assert (tmp_path / "m.safetensors.sig").is_file()
    assert main(["verify", str(file), "--key", pair[1], "--check"]) == 0
    file.write_bytes(b"Weights")
    assert main(["verify", str(file), "--key", pair[1]]) == 1


def test_a_signature_elsewhere_and_paths_left_out(
    model: Path, pair: tuple[str, str], tmp_path: Path
) -> None:
    (model / "cache").mkdir()
    (model / "cache" / "x").write_text("1")
    out = str(tmp_path / "release.sig")
    assert main(["sign", str(model), "--key", pair[0], "-o", out, "--ignore", "cache/"]) == 0
    (model / "cache" / "y").write_text("2")
    ask = ["verify", str(model), "--key", pair[1], "--signature", out]
    assert main(ask) == 0
    (model / "log").write_text("3")
    assert main(ask) == 1
    assert main([*ask, "--ignore", "log"]) == 0


def test_a_signature_in_the_folder_is_no_file_of_it_wherever_it_lies(
    model: Path, pair: tuple[str, str]
) -> None:
    out = str(model / "sub" / "release.sig")
    assert main(["sign", str(model), "--key", pair[0], "-o", out]) == 0
    assert main(["verify", str(model), "--key", pair[1], "--signature", out]) == 0
    moved = model / "model.sig"
    Path(out).rename(moved)
    assert main(["verify", str(model), "--key", pair[1]]) == 0


def test_links_are_not_signed_and_that_is_said(
    model: Path, pair: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (model / "away").symlink_to("/etc")
    assert main(["sign", str(model), "--key", pair[0]]) == 3
    assert "a link to /etc; --ignore leaves it out" in capsys.readouterr().err
    assert main(["sign", str(model), "--key", pair[0], "--ignore", "away"]) == 0
    (model / "inner").symlink_to("config.json")
    assert main(["sign", str(model), "--key", pair[0], "--ignore", "away"]) == 3


def test_the_links_of_the_hubs_cache_are_files(tmp_path: Path, pair: tuple[str, str]) -> None:
    repository = tmp_path / "models--o--m"
    (repository / "blobs").mkdir(parents=True)
    (repository / "blobs" / "abc").write_bytes(b"weights")
    snapshot = repository / "snapshots" / "1234"
    snapshot.mkdir(parents=True)
    (snapshot / "w.bin").symlink_to("../../blobs/abc")
    assert main(["sign", str(snapshot), "--key", pair[0]]) == 0
    # The signature may be one of the cache's links too.
    (snapshot / "model.sig").rename(repository / "blobs" / "def")
    (snapshot / "model.sig").symlink_to("../../blobs/def")
    assert main(["verify", str(snapshot), "--key", pair[1], "--check"]) == 0


def test_a_key_with_a_password_needs_it(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = keys(tmp_path, CURVES["P-384"](), b"s3cret")
    assert main(["sign", str(model), "--key", private]) == 3
    (tmp_path / "password").write_text("s3cret\n")
    word = str(tmp_path / "password")
    assert main(["sign", str(model), "--key", private, "--password-file", word]) == 0
    assert main(["verify", str(model), "--key", public]) == 0
    assert "s3cret" not in "".join(capsys.readouterr())


def test_a_key_that_others_can_read_is_warned_of(
    model: Path, pair: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(pair[0]).chmod(0o644)
    assert main(["sign", str(model), "--key", pair[0]]) == 0
    assert "can be read by others" in capsys.readouterr().err


def test_what_is_no_signing_key_is_wrong_usage_and_not_quoted(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "x.key"
    wrong.write_text("-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n")
    assert main(["sign", str(model), "--key", str(wrong)]) == 3
    private, _ = keys(tmp_path, rsa.generate_private_key(65537, 2048))
    assert main(["sign", str(model), "--key", private]) == 3
    assert main(["sign", str(model), "--key", str(tmp_path / "none")]) == 3
    assert main(["sign", str(tmp_path / "none"), "--key", private]) == 3
    said = capsys.readouterr().err
    assert "SECRET" not in said
    assert "Traceback" not in said


def test_a_chain_of_certificates_is_signed_and_verified(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = CURVES["P-256"]()
    private, _ = keys(tmp_path, key)
    authority = CURVES["P-384"]()
    root = certificate("root", authority, ca=True, first=NOW - 10**6, last=NOW + 10**6)
    leaf = certificate("release", key, root, authority, first=NOW - 10**6, last=NOW + 10**6)
    (tmp_path / "chain.pem").write_text(pem_of(leaf))
    (tmp_path / "root.pem").write_text(pem_of(root))
    chain, roots = str(tmp_path / "chain.pem"), str(tmp_path / "root.pem")
    assert main(["sign", str(model), "--key", private, "--certificates", chain]) == 0
    ask = ["verify", str(model), "--root", roots]
    assert main([*ask, "--at", "2027-01-15T08:00:00Z", "--check"]) == 0
    assert "Signed by CN=release" in capsys.readouterr().out
    assert main([*ask, "--at", "2017-01-15"]) == 1
    assert main([*ask, "--at", "soon"]) == 3
    assert main(["sign", str(model), "--key", private, "--certificates", roots]) == 3


def test_an_identity_of_sigstore_needs_its_issuer_and_a_trusted_root(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import own_sigstore

    model = tmp_path / "model"
    for name, data in FILES.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(data)
    (model / "model.sig").write_text(json.dumps(own_sigstore.signed()))
    root = tmp_path / "trusted_root.json"
    root.write_text(json.dumps(own_sigstore.trusted_root()))
    who = ["--identity", own_sigstore.IDENTITY, "--trusted-root", str(root)]
    ask = ["verify", str(model), *who, "--check", "--issuer"]
    assert main([*ask, own_sigstore.ISSUER]) == 0
    assert "release@example.org (for whom https://accounts.example.org vouches)" in (
        capsys.readouterr().out
    )
    assert main([*ask, "https://accounts.example.com"]) == 1
    assert main(["verify", str(model), *who]) == 3
    assert main(["verify", str(model), *who, "--issuer", "x", "--key", str(root)]) == 3
    root.write_text("{")
    assert main([*ask, own_sigstore.ISSUER]) == 3


def test_keys_and_roots_are_not_both_trusted(model: Path, pair: tuple[str, str]) -> None:
    assert main(["verify", str(model), "--key", pair[1], "--root", pair[1]]) == 3


def test_a_signature_that_is_not_there_is_wrong_usage(model: Path, pair: tuple[str, str]) -> None:
    assert main(["verify", str(model), "--key", pair[1]]) == 3
    assert main(["verify", str(model / "none"), "--key", pair[1]]) == 3


@pytest.mark.parametrize("path", ["", "/", "..", "./cache", "/etc", "a//b"])
def test_what_is_left_out_is_a_path_in_the_folder(
    model: Path, pair: tuple[str, str], path: str
) -> None:
    assert main(["sign", str(model), "--key", pair[0], "--ignore", path]) == 3
    assert main(["sign", str(model), "--key", pair[0]]) == 0
    assert main(["verify", str(model), "--key", pair[1], "--ignore", path]) == 3


def test_an_empty_folder_cannot_be_signed(tmp_path: Path, pair: tuple[str, str]) -> None:
    (tmp_path / "void").mkdir()
    assert main(["sign", str(tmp_path / "void"), "--key", pair[0]]) == 3


def test_the_report_carries_the_certificate(
    model: Path, pair: tuple[str, str], tmp_path: Path
) -> None:
    main(["sign", str(model), "--key", pair[0]])
    out = tmp_path / "r.json"
    ask = ["verify", str(model), "--key", pair[1], "--format", "json", "-o", str(out)]
    assert main(ask) == 0
    [finding] = from_json(out.read_bytes()).findings
    assert finding.claim == "signed-content"
    assert isinstance(finding.verdict, Proven)
    trusted = {"keys": [Path(pair[1]).read_text()]}
    material = packed(listed(str(model), str(model / "model.sig"), trusted))
    holds(finding.verdict.certificate.facts, material.read, material.size)


@pytest.mark.skipif(os.name != "posix", reason="names that are not UTF-8")
def test_a_name_that_is_not_utf_8_is_neither_signed_nor_passed_over(
    model: Path, pair: tuple[str, str]
) -> None:
    main(["sign", str(model), "--key", pair[0]])
    with open(os.fsencode(model) + b"/\xff.bin", "wb") as file:
        file.write(b"x")
    assert main(["verify", str(model), "--key", pair[1]]) == 2
    assert main(["sign", str(model), "--key", pair[0]]) == 3

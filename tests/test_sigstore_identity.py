"""Signatures by way of Sigstore: the identity, the certificate, the log's three proofs."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from own_sigstore import IDENTITY, ISSUER, NOW, issued, signed, trust, trusted_root
from probatum.vocabulary import Proven, Reason, Refuted, Undecided
from signed_folders import b64, bundle_of, der_of, folder, statement
from test_signed_content import assert_refuted, assert_undecided, judge

Change = Callable[[dict[str, Any]], object]


def data(bundle: dict[str, Any], **changes: Any) -> bytes:
    return folder(bundle, trusted=trust(**changes))


def test_the_identity_that_the_user_names_is_proven_with_its_time() -> None:
    verdict = judge(data(signed()))
    assert isinstance(verdict, Proven)
    said = f"Signed by {IDENTITY} (for whom {ISSUER} vouches), at 2027-01-15T08:00:05Z."
    assert verdict.assumptions == (said,)


def test_a_workflow_is_an_identity_too() -> None:
    uri = "https://github.com/o/r/.github/workflows/release.yml@refs/tags/v1"
    assert isinstance(judge(data(signed(issued(uri)), identity=uri)), Proven)


@pytest.mark.parametrize(
    ("identity", "issuer"),
    [
        ("release@example.com", ISSUER), ("Release@example.org", ISSUER), (IDENTITY + " ", ISSUER),
        (IDENTITY, "https://accounts.example.com"), (IDENTITY, ISSUER + "/"),
        ("*@example.org", ISSUER), (".*", ISSUER),
    ],
)  # fmt: skip
def test_another_identity_or_issuer_is_refuted(identity: str, issuer: str) -> None:
    assert_refuted(data(signed(), identity=identity, issuer=issuer), "another identity")


def test_two_issuers_in_one_certificate_are_none() -> None:
    leaf = issued(older="https://accounts.example.com")
    assert_refuted(data(signed(leaf)), "another identity")


@pytest.mark.parametrize("missing", ["identity", "issuer"])
@pytest.mark.parametrize("value", ["", None, 7, [], {}])
def test_an_identity_without_its_issuer_is_undecided(missing: str, value: Any) -> None:
    assert_undecided(data(signed(), **{missing: value}), Reason.UNRESOLVED)


def test_the_certificate_must_be_valid_when_the_log_took_it_in() -> None:
    assert_refuted(data(signed(time=NOW - 1)), "is valid from")
    assert_refuted(data(signed(time=NOW + 601)), "is valid from")
    assert isinstance(judge(data(signed(time=NOW + 600))), Proven)


def test_a_log_or_an_authority_that_is_not_trusted_at_that_time_is_refuted() -> None:
    late = trusted_root(start=NOW + 100)
    assert_refuted(data(signed(), sigstore=late), "not of a log that is trusted at that time")
    ended = trusted_root()
    ended["certificateAuthorities"][0]["validFor"]["end"] = "2020-01-01T00:00:00.5Z"
    assert_refuted(data(signed(), sigstore=ended), "no authority is trusted at that time")
    other = trusted_root(ec.derive_private_key(3, ec.SECP256R1()))
    assert_refuted(data(signed(), sigstore=other), "not of a log that is trusted")


def test_a_log_with_a_key_of_ed25519_is_known() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    assert isinstance(judge(data(signed(log=key), sigstore=trusted_root(key))), Proven)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 13])
def test_every_leaf_of_a_tree_has_its_path(size: int) -> None:
    for index in {0, size // 2, size - 1}:
        assert isinstance(judge(data(signed(size=size, index=index))), Proven)


def _entry(bundle: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bundle["verificationMaterial"]["tlogEntries"][0]
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(integratedTime=str(NOW + 6)),
        lambda e: e.update(logIndex="1235"),
        lambda e: e["inclusionPromise"].update(signedEntryTimestamp=b64(b"0")),
        lambda e: e["inclusionProof"].update(logIndex="3"),
        lambda e: e["inclusionProof"].update(logIndex="7"),
        lambda e: e["inclusionProof"].update(treeSize="8"),
        lambda e: e["inclusionProof"]["hashes"].pop(),
        lambda e: e["inclusionProof"]["hashes"].append(b64(bytes(32))),
        lambda e: e["inclusionProof"]["hashes"].reverse(),
        lambda e: e["inclusionProof"].update(rootHash=b64(bytes(32))),
        lambda e: e["inclusionProof"]["checkpoint"].update(
            envelope=e["inclusionProof"]["checkpoint"]["envelope"].replace("\n7\n", "\n8\n")
        ),
        lambda e: e["inclusionProof"]["checkpoint"].update(
            envelope=e["inclusionProof"]["checkpoint"]["envelope"].replace("log.", "log2.", 1)
        ),
        lambda e: e["inclusionProof"]["checkpoint"].update(
            envelope=e["inclusionProof"]["checkpoint"]["envelope"].partition("\u2014")[0]
        ),
    ],
)
def test_a_changed_entry_is_refuted(change: Change) -> None:
    bundle = signed()
    change(_entry(bundle))
    assert_refuted(data(bundle))


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.pop("inclusionProof"),
        lambda e: e.pop("inclusionPromise"),
        lambda e: e.update(integratedTime=NOW),
        lambda e: e.update(integratedTime="-1"),
        lambda e: e.update(logIndex="01"),
        lambda e: e["inclusionProof"].update(treeSize=None),
        lambda e: e["inclusionProof"].update(hashes=None),
        lambda e: e["inclusionProof"].update(hashes=[b64(b"short")]),
        lambda e: e["inclusionProof"].update(checkpoint={}),
        lambda e: e["inclusionProof"]["checkpoint"].update(envelope="7\n\nx"),
        lambda e: e.update(canonicalizedBody="{}"),
        lambda e: e.update(logId=[]),
    ],
)
def test_an_entry_that_lacks_a_part_is_undecided(change: Change) -> None:
    bundle = signed()
    change(_entry(bundle))
    assert_undecided(data(bundle), Reason.MALFORMED)


@pytest.mark.parametrize("kind", [("dsse", "0.0.3"), ("hashedrekord", "0.0.1"), (None, None)])
def test_an_entry_of_another_kind_is_undecided(kind: tuple[Any, Any]) -> None:
    bundle = signed()
    _entry(bundle)["kindVersion"] = {"kind": kind[0], "version": kind[1]}
    assert_undecided(data(bundle), Reason.UNSUPPORTED)


@pytest.mark.parametrize(
    "changes",
    [
        {"payloadHash": {"algorithm": "sha256", "value": "ab" * 32}},
        {"payloadHash": {"algorithm": "sha512", "value": "ab" * 32}},
        {"signatures": [{"signature": b64(b"other"), "verifier": b64(b"")}]},
        {"signatures": []},
    ],
)
def test_an_entry_of_another_signature_proves_nothing(changes: dict[str, Any]) -> None:
    assert isinstance(judge(data(signed(**changes))), Refuted | Undecided)


def test_an_entry_of_another_certificate_is_refuted() -> None:
    """The key is the same: whoever holds it could otherwise lend it another name."""
    bundle = signed(issued("other@example.org"))
    own = {"rawBytes": b64(der_of(issued()))}
    bundle["verificationMaterial"]["certificate"] = own
    assert_refuted(data(bundle), "another signature")


def test_no_entry_at_all_is_refuted() -> None:
    bundle = signed()
    bundle["verificationMaterial"]["tlogEntries"] = []
    assert_refuted(data(bundle), "no entry of a log")


def test_every_entry_must_hold() -> None:
    bundle, other = signed(), signed(time=NOW + 9)
    _entry(other)["integratedTime"] = str(NOW + 8)
    bundle["verificationMaterial"]["tlogEntries"].append(_entry(other))
    assert_refuted(data(bundle))


def test_a_signature_by_another_key_than_the_certificates_is_refuted() -> None:
    other = ec.derive_private_key(99, ec.SECP256R1())
    assert_refuted(data(signed(key=other)), "not by the key of its own certificate")


def test_keys_and_identities_are_never_taken_for_each_other() -> None:
    assert_refuted(folder(signed()), "signed with a certificate")
    assert_refuted(data(bundle_of()), "not signed by way of Sigstore")


def attestation(kind: str, *names: str, form: str = "v1", predicate: Any = None) -> dict[str, Any]:
    """An attestation of files that all hold `x`."""
    digest = {"sha256": hashlib.sha256(b"x").hexdigest()}
    said = {
        "_type": f"https://in-toto.io/Statement/{form}",
        "subject": [{"name": name, "digest": digest} for name in names],
        "predicateType": kind,
        "predicate": predicate,
    }
    made = signed(said=said)
    material, envelope = made["verificationMaterial"], made["dsseEnvelope"]
    return {
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {
            "statement": envelope["payload"],
            "signature": envelope["signatures"][0]["sig"],
        },
    }


PUBLISH = "https://docs.pypi.org/attestations/publish/v1"


@pytest.mark.parametrize(
    "kind", [PUBLISH, "https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"]
)
def test_an_attestation_of_a_distribution_is_proven_of_that_file_alone(kind: str) -> None:
    made = attestation(kind, "a.whl", "b.whl")
    verdict = judge(folder(made, {"a.whl": b"x"}, trust(), single="a.whl"))
    assert isinstance(verdict, Proven)
    assert f"Of the statement ({kind}) only the files' digests are read." in verdict.assumptions
    assert_refuted(folder(made, {"a.whl": b"y"}, trust(), single="a.whl"), "a.whl")
    assert_undecided(folder(made, {"c.whl": b"x"}, trust(), single="c.whl"), Reason.MALFORMED)
    assert_undecided(folder(made, {"a.whl": b"x"}, trust()), Reason.UNSUPPORTED)
    assert_refuted(folder(made, {"a.whl": b"x"}, trust(issuer="https://x"), single="a.whl"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("https://slsa.dev/provenance/v1", {"runDetails": {"builder": {"id": "https://b"}}}),
        ("https://slsa.dev/provenance/v0.2", {"builder": {"id": "https://b"}}),
    ],
)
def test_what_built_a_file_is_told_as_its_signer_says(kind: str, said: dict[str, Any]) -> None:
    for form in ("v1", "v0.1"):
        made = attestation(kind, "a.whl", form=form, predicate=said)
        verdict = judge(folder(made, {"a.whl": b"x"}, trust(), single="a.whl"))
        assert isinstance(verdict, Proven)
        assert "Whoever signed says that it was built by 'https://b'." in verdict.assumptions
    for odd in ({"builder": 3}, {"runDetails": 3}, [], 3):
        made = attestation(kind, "a.whl", predicate=odd)
        assert isinstance(judge(folder(made, {"a.whl": b"x"}, trust(), single="a.whl")), Proven)


def test_an_earlier_statement_is_one_of_attestations_alone() -> None:
    said = statement() | {"_type": "https://in-toto.io/Statement/v0.1"}
    assert_undecided(data(signed(said=said)), Reason.UNSUPPORTED)


def test_an_attestation_in_another_form_is_undecided() -> None:
    for change in ({"version": 2}, {"version": True}, {"version": 1.0}, {"version": "1"}):
        made = attestation(PUBLISH, "a.whl") | change
        sample = folder(made, {"a.whl": b"x"}, trust(), single="a.whl")
        assert_undecided(sample, Reason.UNSUPPORTED)
    for part in ("verification_material", "envelope"):
        made = attestation(PUBLISH, "a.whl") | {part: {}}
        sample = folder(made, {"a.whl": b"x"}, trust(), single="a.whl")
        assert_undecided(sample, Reason.MALFORMED)


@pytest.mark.parametrize("root", [None, {}, [], "x", {"mediaType": "x"}])
def test_a_trusted_root_that_is_none_is_undecided(root: Any) -> None:
    assert_undecided(data(signed(), sigstore=root), Reason.MALFORMED)

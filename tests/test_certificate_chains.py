"""Signatures by certificates: a chain must lead to them from one that the user trusts."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from probatum.vocabulary import Proven, Reason, Refuted, Undecided
from signed_folders import (
    KEY,
    NOW,
    OTHER_KEY,
    bundle_of,
    certificate,
    chain_of,
    folder,
    pem_of,
)
from test_signed_content import assert_refuted, assert_undecided, judge

ROOT_KEY = ec.derive_private_key(0xA0, ec.SECP384R1())
BETWEEN_KEY = ec.derive_private_key(0xB0, ec.SECP521R1())
ROOT = certificate("root", ROOT_KEY, ca=True)
BETWEEN = certificate("between", BETWEEN_KEY, ROOT, ROOT_KEY, ca=True, path_length=0)
LEAF = certificate("signer", KEY, BETWEEN, BETWEEN_KEY)


def data(*chain: x509.Certificate, roots: Any = (ROOT,), time: Any = NOW, key: Any = KEY) -> bytes:
    trusted = {"roots": [pem_of(one) for one in roots], "time": time}
    return folder(bundle_of(key=key, material=chain_of(*chain)), trusted=trusted)


def test_a_chain_from_a_trusted_root_is_proven_and_names_the_signer() -> None:
    verdict = judge(data(LEAF, BETWEEN))
    assert isinstance(verdict, Proven)
    assert "Signed by CN=signer (certificate sha256:" in verdict.assumptions[0]


def test_the_root_may_stand_in_the_chain_and_the_order_does_not_matter() -> None:
    for chain in ((LEAF, BETWEEN, ROOT), (LEAF, ROOT, BETWEEN), (LEAF, BETWEEN, BETWEEN)):
        assert isinstance(judge(data(*chain)), Proven)


def test_an_intermediate_or_the_signer_may_be_what_is_trusted() -> None:
    assert isinstance(judge(data(LEAF, roots=(BETWEEN,))), Proven)
    assert isinstance(judge(data(LEAF, roots=(LEAF,))), Proven)


def test_text_around_what_is_trusted_does_no_harm() -> None:
    trusted = {"roots": [f"# our root\n{pem_of(ROOT)}\nand so on\n"], "time": NOW}
    bundle = bundle_of(material=chain_of(LEAF, BETWEEN))
    assert isinstance(judge(folder(bundle, trusted=trusted)), Proven)


def test_a_chain_that_leads_to_no_trusted_root_is_refuted() -> None:
    false_root = certificate("root", OTHER_KEY, ca=True)
    assert_refuted(data(LEAF, BETWEEN, roots=(false_root,)), "no trusted certificate")
    assert_refuted(data(LEAF, ROOT), "no trusted certificate")
    forged = certificate("between", OTHER_KEY, ROOT, OTHER_KEY, ca=True)
    leaf = certificate("signer", KEY, forged, OTHER_KEY)
    assert_refuted(data(leaf, forged, false_root), "no trusted certificate")


def test_a_certificate_of_another_key_does_not_lend_its_name() -> None:
    assert_refuted(data(LEAF, BETWEEN, key=OTHER_KEY), "not by the key of its own certificate")


@pytest.mark.parametrize("time", [NOW - 1001, NOW + 1001])
def test_a_certificate_before_or_after_its_time_is_refuted(time: int) -> None:
    assert_refuted(data(LEAF, BETWEEN, time=time), "is valid from")


@pytest.mark.parametrize("time", [NOW - 1000, NOW + 1000])
def test_the_first_and_the_last_second_are_in_time(time: int) -> None:
    assert isinstance(judge(data(LEAF, BETWEEN, time=time)), Proven)


def test_an_authority_after_its_time_issues_nothing() -> None:
    old = certificate("between", BETWEEN_KEY, ROOT, ROOT_KEY, ca=True, last=NOW - 1)
    assert_refuted(data(LEAF, old), "no trusted certificate")


def test_who_is_no_authority_issues_nothing() -> None:
    nobody = certificate("between", BETWEEN_KEY, ROOT, ROOT_KEY)
    assert_refuted(data(LEAF, nobody), "no trusted certificate")
    usage = certificate("between", BETWEEN_KEY, ROOT, ROOT_KEY, ca=True, usage="signer")
    assert_refuted(data(LEAF, usage), "no trusted certificate")


def test_an_authority_over_none_stands_over_no_other_authority() -> None:
    below = certificate("below", OTHER_KEY, BETWEEN, BETWEEN_KEY, ca=True)
    leaf = certificate("signer", KEY, below, OTHER_KEY)
    assert_refuted(data(leaf, below, BETWEEN), "no trusted certificate")
    wider = certificate("between", BETWEEN_KEY, ROOT, ROOT_KEY, ca=True, path_length=1)
    assert isinstance(judge(data(leaf, below, wider)), Proven)


def test_a_certificate_that_is_not_for_signing_is_refuted() -> None:
    for leaf in (
        certificate("signer", KEY, BETWEEN, BETWEEN_KEY, usage="neither"),
        certificate("signer", KEY, BETWEEN, BETWEEN_KEY, usage="authority"),
    ):
        assert_refuted(data(leaf, BETWEEN), "not one to sign with")


def test_a_critical_extension_that_is_not_known_ends_the_chain() -> None:
    names = x509.NameConstraints(None, [x509.DNSName("example.org")])
    limited = certificate("between", BETWEEN_KEY, ROOT, ROOT_KEY, ca=True, critical=names)
    assert_refuted(data(LEAF, limited), "no trusted certificate")
    leaf = certificate("signer", KEY, BETWEEN, BETWEEN_KEY, critical=x509.OCSPNoCheck())
    assert_refuted(data(leaf, BETWEEN), "critical extension")


@pytest.mark.parametrize(
    "limit",
    [
        x509.NameConstraints([x509.DNSName("example.org")], None),
        x509.PolicyConstraints(0, None),
        x509.InhibitAnyPolicy(0),
    ],
)
def test_a_limit_on_what_is_issued_ends_the_chain_though_it_is_not_critical(limit: Any) -> None:
    limited = certificate("between", BETWEEN_KEY, ROOT, ROOT_KEY, ca=True, more=limit)
    assert_refuted(data(LEAF, limited), "no trusted certificate")


def test_an_authority_for_another_purpose_issues_no_signer() -> None:
    """One for servers would otherwise stand for code."""
    usage = x509.ExtendedKeyUsage
    for named, proven in (
        ([ExtendedKeyUsageOID.SERVER_AUTH], False),
        ([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING], True),
        ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], True),
    ):
        between = certificate("between", BETWEEN_KEY, ROOT, ROOT_KEY, ca=True, more=usage(named))
        root = certificate("root", ROOT_KEY, ca=True, more=usage(named))
        for chain, roots in (((LEAF, between), (ROOT,)), ((LEAF, BETWEEN), (root,))):
            verdict = judge(data(*chain, roots=roots))
            assert isinstance(verdict, Proven) == proven


@pytest.mark.parametrize("kind", ["RSA", "Ed25519"])
def test_roots_of_other_kinds_of_keys_are_followed(kind: str) -> None:
    key: Any = ed25519.Ed25519PrivateKey.generate()
    if kind == "RSA":
        key = rsa.generate_private_key(65537, 2048)
    root = certificate("root", key, ca=True)
    assert isinstance(judge(data(certificate("s", KEY, root, key), roots=(root,))), Proven)


def test_a_weak_digest_or_a_short_key_ends_the_chain() -> None:
    sha1 = certificate("s", KEY, ROOT, ROOT_KEY, digest=hashes.SHA224())
    assert_refuted(data(sha1), "another kind")
    key = rsa.generate_private_key(65537, 1024)
    root = certificate("root", key, ca=True)
    assert_refuted(data(certificate("s", KEY, root, key), roots=(root,)), "no trusted")


def test_a_signer_with_a_key_of_another_kind_is_undecided() -> None:
    key = rsa.generate_private_key(65537, 2048)
    leaf = certificate("s", key, ROOT, ROOT_KEY)
    assert_undecided(data(leaf), Reason.UNSUPPORTED)


def test_a_key_and_a_certificate_are_never_taken_for_each_other() -> None:
    chain = bundle_of(material=chain_of(LEAF, BETWEEN))
    assert_refuted(folder(chain), "signed with a certificate")
    trusted = {"roots": [pem_of(ROOT)], "time": NOW}
    assert_refuted(folder(bundle_of(), trusted=trusted), "without a certificate")


@pytest.mark.parametrize("time", [None, "now", 1.5, True, 1 << 80])
def test_a_time_that_is_none_is_undecided(time: Any) -> None:
    assert isinstance(judge(data(LEAF, BETWEEN, time=time)), Undecided | Refuted)


@pytest.mark.parametrize("roots", [[], [""], ["x"], [7], "x", {}])
def test_roots_that_are_none_prove_nothing(roots: Any) -> None:
    trusted = {"roots": roots, "time": NOW}
    bundle = bundle_of(material=chain_of(LEAF, BETWEEN))
    assert not isinstance(judge(folder(bundle, trusted=trusted)), Proven)


def test_a_thousand_certificates_of_one_name_end_soon() -> None:
    """Each could be the issuer of each: tried one after another, they are too many to try."""
    ring = [certificate("ring", OTHER_KEY, ca=True, first=NOW - one) for one in range(1, 16)]
    leaf = certificate("s", KEY, ring[0], OTHER_KEY)
    assert_refuted(data(leaf, *ring), "no trusted certificate")
    many = bundle_of(material=chain_of(leaf, *ring, *ring))
    trusted = {"roots": [pem_of(ROOT)], "time": NOW}
    assert_undecided(folder(many, trusted=trusted), Reason.OVER_LIMIT)

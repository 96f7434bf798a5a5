"""Signatures in a log of Rekor's second version, of which an authority's timestamp says when."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

import own_timestamps
from own_sigstore import entry_of_second, signed, trusted_root
from own_timestamps import authority, octets, sequence, stamping, token
from probatum.check.timestamps import stamped as checked
from probatum.errors import Rejected
from probatum.formats.signers import NotTrusted
from probatum.formats.timestamp_token import stamped
from probatum.formats.trusted_root import trusted_root as read_root
from probatum.vocabulary import Proven, Reason
from signed_folders import NOW, b64, bundle_of, folder
from test_signed_content import assert_refuted, assert_undecided, judge
from test_sigstore_identity import trust

KINDS = ("dsse", "hashedrekord")


def root(**changes: Any) -> dict[str, Any]:
    return trusted_root() | {"timestampAuthorities": [authority()]} | changes


def stamp(bundle: dict[str, Any], *tokens: bytes) -> dict[str, Any]:
    held = [{"signedTimestamp": b64(one)} for one in tokens]
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": held}
    return bundle


def signature_of(bundle: dict[str, Any]) -> bytes:
    return base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])


def second(kind: str = "hashedrekord", **changes: Any) -> dict[str, Any]:
    """A bundle whose entry stands in a log of the second version, with a timestamp."""
    made = signed()
    made["verificationMaterial"]["tlogEntries"] = [entry_of_second(made, kind, **changes)]
    return stamp(made, token(signature_of(made)))


def sample(bundle: dict[str, Any], **changes: Any) -> bytes:
    return folder(bundle, trusted=trust(sigstore=root(**changes)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_timestamp_says_when_where_the_log_does_not(kind: str) -> None:
    verdict = judge(sample(second(kind)))
    assert isinstance(verdict, Proven), verdict
    assert "vouches), at 2027-" in verdict.assumptions[0]


def test_without_a_timestamp_nothing_says_when() -> None:
    assert_refuted(sample(stamp(second())), "nothing says when it was signed")


def test_a_timestamp_by_nobody_trusted_says_nothing() -> None:
    assert_refuted(sample(second(), timestampAuthorities=[]), "no authority for timestamps")
    late = [authority(start=NOW + 10**6)]
    assert_refuted(sample(second(), timestampAuthorities=late), "no authority for timestamps")


@pytest.mark.parametrize(
    "made",
    [
        lambda said: token(said + b"x"),
        lambda said: token(said, key=ec.derive_private_key(5, ec.SECP384R1())),
        lambda said: token(said, signed=b"0\6\2\1\1\2\1\1"),
        lambda said: token(said, named=bytes(32)),
        lambda said: token(said, status=b"\2\1\2"),
        lambda said: token(said, info=octets(b"")),
        lambda said: token(said, type=bytes.fromhex(own_timestamps.SIGNED_DATA)),
        lambda said: token(said, digest_kind=sequence(bytes.fromhex("06052b0e03021a"))),
        lambda said: token(said, signers=sequence() + sequence()),
        lambda said: token(said)[:-1],
        lambda said: b"",
        lambda said: token(said, time=NOW + 10**9),
    ],
)
def test_a_timestamp_that_does_not_hold_says_nothing(made: Callable[[bytes], bytes]) -> None:
    bundle = second()
    assert_refuted(sample(stamp(bundle, made(signature_of(bundle)))), "nothing says when")


@pytest.mark.parametrize(
    "own",
    [
        stamping(ExtendedKeyUsageOID.CODE_SIGNING),
        stamping(more=[ExtendedKeyUsageOID.CODE_SIGNING]),
        stamping(first=NOW + 1000),
    ],
)
def test_only_a_certificate_for_timestamps_alone_may_stamp(own: Any) -> None:
    bundle = second()
    stamp(bundle, token(signature_of(bundle), own=own))
    assert_refuted(sample(bundle, timestampAuthorities=[authority(own)]), "nothing says when")


def test_the_certificate_must_hold_at_every_time_that_is_known() -> None:
    """Also where the log's own time would do: a late timestamp tells of a key used too late."""
    late = second()
    stamp(late, token(signature_of(late), time=NOW + 5000))
    assert_refuted(sample(late), "is valid from")
    first = signed()
    assert isinstance(judge(sample(stamp(first, token(signature_of(first))))), Proven)
    assert_refuted(sample(stamp(first, token(signature_of(first), time=NOW + 5000))))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["content", "digest", "rawBytes"])
def test_an_entry_of_another_signature_proves_nothing(kind: str, part: str) -> None:
    assert_refuted(sample(second(kind, **{part: b64(b"another")})), "another signature")


def test_an_entry_that_says_it_is_another_kind_proves_nothing() -> None:
    bundle = second("dsse")
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    entry["kindVersion"]["kind"] = "hashedrekord"
    assert_undecided(sample(bundle), Reason.MALFORMED)


def outcome(call: Callable[[], int]) -> int | None:
    try:
        return call()
    except (NotTrusted, Rejected):
        return None


def test_prover_and_checker_agree_on_every_changed_byte() -> None:
    said = b"a signature"
    whole = token(said)
    trusted = json.loads(json.dumps(root()))
    known = read_root(trusted).stampers
    apart = []
    for at in range(len(whole)):
        for bit in (1, 128):
            data = bytearray(whole)
            data[at] ^= bit
            ours = outcome(lambda data=data: stamped(bytes(data), said, known))  # type: ignore[misc]
            theirs = outcome(
                lambda data=data: checked(  # type: ignore[misc]
                    bytes(data), said, trusted["timestampAuthorities"]
                )
            )
            if ours != theirs:
                apart.append((at, bit, ours, theirs))
            assert ours in (None, NOW + 5)
    assert apart == []


def test_a_key_never_needs_a_timestamp() -> None:
    made = stamp(bundle_of(), b"no timestamp at all")
    assert isinstance(judge(folder(made)), Proven)

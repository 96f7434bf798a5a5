"""The claim digest-matches: bytes against the digest and size that a manifest names."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from probatum.analyzers.model.digest_matches import digest_matches
from probatum.audit.judge import judged
from probatum.audit.plan import plan, planner
from probatum.check.digest_matches import holds
from probatum.errors import ConfigurationError, Rejected
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Expected, Proven, Reason, Refuted, Undecided, Verdict


def verdict(data: bytes, expected: Expected | None) -> Verdict:
    artifact = Artifact(name="m:latest!/model", kind="gguf", size=len(data), expected=expected)
    return judged(digest_matches, artifact, BytesMaterial(data))


def named(data: bytes, algorithm: str = "sha256", **how: Any) -> Expected:
    digest = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    return Expected(digest, "m:latest", how.pop("size", len(data)), **how)


@given(st.binary(max_size=200), st.sampled_from(["sha256", "sha512"]))
def test_bytes_with_the_digest_that_is_named_are_proven_and_checked(
    data: bytes, algorithm: str
) -> None:
    found = verdict(data, named(data, algorithm))
    assert isinstance(found, Proven)
    material = BytesMaterial(data)
    holds(found.certificate.facts, material.read, material.size)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_other_bytes_are_refuted_and_rejected_under_the_old_certificate(
    data: bytes, draw: st.DataObject
) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    other = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    found = verdict(other, named(data))
    assert isinstance(found, Refuted)
    assert hashlib.sha256(data).hexdigest() in found.witnesses[0].says
    assert hashlib.sha256(other).hexdigest() in found.witnesses[0].says
    proof = verdict(data, named(data))
    assert isinstance(proof, Proven)
    for changed in (other, data + b"\0", data[:-1]):
        with pytest.raises(Rejected):
            holds(proof.certificate.facts, BytesMaterial(changed).read, len(changed))


def test_a_size_that_differs_is_refuted_with_both_sizes() -> None:
    found = verdict(b"abc", named(b"abc", size=4))
    assert isinstance(found, Refuted) and "4 bytes, stored are 3" in found.witnesses[0].says


def test_bytes_that_lie_far_away_are_not_fetched_to_compare() -> None:
    found = verdict(b"abc", named(b"abc", costly=True))
    assert isinstance(found, Undecided) and found.reason is Reason.NOT_ANALYSED


def test_a_digest_of_an_unknown_kind_is_undecided() -> None:
    found = verdict(b"abc", Expected("md5:900150983cd24fb0d6963f7d28e17f72", "m"))
    assert isinstance(found, Undecided) and found.reason is Reason.UNSUPPORTED


def test_without_a_manifest_nothing_is_said() -> None:
    assert isinstance(verdict(b"abc", None), Undecided)


def test_the_claim_is_planned_of_what_a_manifest_names_whatever_its_kind() -> None:
    for kind in ("gguf", "unknown", "no such kind"):
        named_ids = planned(Artifact(name="m", kind=kind, size=3, expected=named(b"abc")))
        other_ids = planned(Artifact(name="m", kind=kind, size=3))
        assert named_ids == [*other_ids, "digest-matches"]


def planned(artifact: Artifact) -> list[str]:
    return [one.claim.id for one in plan(artifact)]


def test_two_analysers_that_decide_the_claim_are_refused() -> None:
    rival = structs.replace(digest_matches, id="rival", accepts=frozenset({"gguf"}))
    with pytest.raises(ConfigurationError, match="rival"):
        planner([digest_matches, rival])


_FACTS = st.dictionaries(
    st.sampled_from(["digest", "size", "claim"]),
    st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()),
)


@given(_FACTS)
def test_malformed_facts_are_rejected(facts: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        holds(facts, BytesMaterial(b"abc").read, 3)


def test_bytes_that_end_early_are_rejected() -> None:
    facts = {"digest": named(b"").digest, "size": 3}
    with pytest.raises(Rejected):
        holds(facts, lambda offset, length: b"", 3)

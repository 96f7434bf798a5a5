"""The checker's own BLAKE3, against the published test vectors and the package of that name."""

import hashlib
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import verdict_on
from probatum.analyzers.supply.signed_content import signed_content
from probatum.check.blake3 import blake3
from probatum.errors import Rejected
from probatum.vocabulary import Proven, Reason, Refuted, Undecided
from signed_folders import FILES, bundle_of, folder, listing
from test_signed_content import judge

# What the specification's test vectors have for inputs that count up and begin again behind 250.
VECTORS = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    1023: "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
    2048: "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a",
    2049: "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030",
    31744: "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
}


def of(data: bytes, start: int = 0) -> str:
    return blake3(lambda at, size: data[at : at + size], start, len(data) - start)


@pytest.mark.parametrize("size", VECTORS)
def test_the_published_vectors_hold(size: int) -> None:
    assert of((bytes(range(251)) * (size // 251 + 1))[:size]) == VECTORS[size]


EDGES = (63, 64, 65, 3072, 3073, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (2 << 20) + 1025, 3 << 20)


@pytest.mark.parametrize("size", EDGES)
def test_it_is_what_the_package_computes(size: int) -> None:
    package = pytest.importorskip("blake3")
    data = hashlib.shake_128(b"%d" % size).digest(size)
    assert of(data) == package.blake3(data).hexdigest()
    assert of(b"before" + data, 6) == package.blake3(data).hexdigest()


@given(st.binary(max_size=5000))
def test_it_is_what_the_package_computes_of_anything(data: bytes) -> None:
    assert of(data) == pytest.importorskip("blake3").blake3(data).hexdigest()


def test_bytes_that_come_in_pieces_are_the_same_and_missing_ones_are_told() -> None:
    data = bytes(range(251)) * 100
    whole = of(data)
    assert blake3(lambda at, size: data[at : at + min(size, 7)], 0, len(data)) == whole
    with pytest.raises(Rejected):
        blake3(lambda at, size: data[at : at + size], 0, len(data) + 1)


def by_blake3(files: dict[str, bytes]) -> dict[str, Any]:
    found = [(name, of(data)) for name, data in sorted(files.items())]
    said = listing(*found, hash_type="blake3")
    for one in said["predicate"]["resources"]:
        one["algorithm"] = "blake3"
    return bundle_of(said)


def test_a_signature_of_digests_by_it_is_proven() -> None:
    pytest.importorskip("blake3")
    assert isinstance(judge(folder(by_blake3(FILES))), Proven)
    assert isinstance(judge(folder(by_blake3(FILES), FILES | {"a.txt": b"two\n"})), Refuted)


def test_without_the_package_it_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "blake3", None)
    verdict = verdict_on(signed_content, folder(by_blake3(FILES)), "signed-folder")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.MISSING_EXTRA

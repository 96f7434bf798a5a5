"""Verdicts that rest on advisories: which, and what a check asks of them."""

from hashlib import sha256
from pathlib import Path

import pytest

from probatum.audit.judge import judged
from probatum.audit.snapshots import Installed, Snapshot
from probatum.errors import FormatError
from probatum.material import BytesMaterial
from probatum.ports import Advisories, Material, informed_analyzer
from probatum.vocabulary import Artifact, Certificate, Claim, Proven, Reason, Undecided, Verdict

_RECORDS = b'{"id": "A-1"}\n{"id": "A-2"}\n'
_ARTIFACT = Artifact(name="a", kind="text", size=0)


@informed_analyzer(id="known", claim=Claim("known", "It is known."), accepts=["text"])
def _known(artifact: Artifact, material: Material, advisories: Advisories) -> Verdict:
    facts = {"snapshot": advisories.digest, "index": advisories.file("index").decode()}
    return Proven(Certificate("known", facts))


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    digest = sha256(_RECORDS).hexdigest()
    (tmp_path / digest).mkdir()
    (tmp_path / digest / "records.jsonl").write_bytes(_RECORDS)
    (tmp_path / digest / "index").write_bytes(b"compiled")
    return Snapshot(folder=str(tmp_path), digest=digest)


def test_an_informed_analyser_is_given_the_advisories(snapshot: Snapshot) -> None:
    verdict = judged(_known, _ARTIFACT, BytesMaterial(b""), Installed(snapshot))
    facts = {"snapshot": snapshot.digest, "index": "compiled"}
    assert verdict == Proven(Certificate("known", facts))


def test_without_advisories_it_is_undecided() -> None:
    verdict = judged(_known, _ARTIFACT, BytesMaterial(b""))
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.MISSING_ADVISORIES


def test_a_snapshot_that_is_gone_is_undecided(snapshot: Snapshot) -> None:
    gone = Snapshot(folder=snapshot.folder, digest="0" * 64)
    verdict = judged(_known, _ARTIFACT, BytesMaterial(b""), Installed(gone))
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.MISSING_ADVISORIES
    with pytest.raises(FormatError):
        Installed(gone).records(0, 1)


def test_records_are_read_by_position(snapshot: Snapshot) -> None:
    installed = Installed(snapshot)
    assert installed.records(0, 13) == _RECORDS[:13]
    assert installed.records(14, 1 << 20) == _RECORDS[14:]
    assert installed.records(1 << 20, 1) == b""


def test_a_changed_record_is_seen(snapshot: Snapshot) -> None:
    assert Installed(snapshot).intact()
    records = Path(snapshot.folder, snapshot.digest, "records.jsonl")
    records.write_bytes(_RECORDS.replace(b"A-2", b"A-3"))
    assert not Installed(snapshot).intact()

"""Records by which a reader that is too strict would call clean what they are about."""

from hashlib import sha256

import pytest

from advisory_records import entry, matches, record, verdicts
from known_advisories import Known
from probatum.advisories.matching import Affects
from probatum.advisories.snapshot import build
from probatum.check import advisory_records as check
from probatum.check import no_known_vulnerability as checker
from probatum.errors import Rejected
from probatum.material import BytesMaterial

_BEFORE_2 = (("introduced", "0"), ("fixed", "2.0"))


@pytest.mark.parametrize(
    ("ecosystem", "name"),
    [("pypi", "thing"), ("PyPI ", "Thing"), ("PYPI:any", "thing"), ("PyPI", " thing\n")],
)
def test_an_ecosystem_is_known_however_it_is_spelled(ecosystem: str, name: str) -> None:
    data = record("TEST-1", entry(*_BEFORE_2, ecosystem=ecosystem, name=name))
    assert verdicts([data], "1.0 2.0") == "an"
    assert check.affects(check.record(data), "PyPI", "thing", "1.0") is True
    assert check.affects(check.record(data), "PyPI", "thing", "2.0") is False


def test_a_record_that_names_no_release_holds_for_all() -> None:
    data = [
        record("TEST-1", entry(*_BEFORE_2, ecosystem="Debian")),
        record("TEST-2", entry(*_BEFORE_2, ecosystem="Debian:11")),
        record("TEST-3", entry(*_BEFORE_2, ecosystem="Debian:12", name="other")),
    ]
    (found,) = matches(data, "1.0", ecosystem="Debian:12")
    assert (found.id, found.verdict) == ("TEST-1", Affects.YES)
    built = build(data, "2026-11-20T00:00:00Z")
    known = Known(built, covers=frozenset({"Debian"}))
    status = b"Package: %s\nStatus: install ok installed\nVersion: %s\n"
    listed = b"\n".join([status % (b"base-files", b"12.4"), status % (b"thing", b"1.0")])
    facts = {"snapshot": known.digest, "size": len(listed), "sha256": sha256(listed).hexdigest()}
    with pytest.raises(Rejected, match="by TEST-1"):
        checker.holds(facts, BytesMaterial(listed).read, len(listed), "dpkg-status", known)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        # 1.0 and after it may be meant, or nothing from 1.0 on.
        ([("introduced", "1.0"), ("introduced", "0"), ("fixed", "1.0")], "auu"),
        ([("introduced", "0"), ("introduced", "1.0"), ("fixed", "1.0"), ("introduced", "2.0")],
         "aua"),
        ([("introduced", "0"), ("fixed", "1.0"), ("introduced", "1.0")], "aaa"),
        ([("introduced", "1.0"), ("fixed", "1.0")], "nnn"),
        ([("introduced", "0"), ("fixed", "0")], "nnn"),
    ],
)  # fmt: skip
def test_a_range_that_begins_again_where_it_ends_is_open(
    events: list[tuple[str, str]], told: str
) -> None:
    data = record("TEST-1", entry(*events))
    assert verdicts([data], "0.5 1.5 2.5") == told
    said = [
        check.affects(check.record(data), "PyPI", "thing", one) for one in ("0.5", "1.5", "2.5")
    ]
    assert said == [{"a": True, "u": None, "n": False}[one] for one in told]


def test_a_record_that_stands_under_another_package_proves_nothing() -> None:
    said = check.record(record("TEST-1", entry(*_BEFORE_2, name="other")))
    assert check.affects(said, "PyPI", "thing", "9.0") is None

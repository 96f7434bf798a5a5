"""Components against a snapshot: names, clusters, what has no version, and the upgrade."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace

from advisory_records import entry, index, matches, record, verdicts
from probatum.advisories.fixes import Upgrade, upgrade
from probatum.advisories.matching import Affects, affected
from probatum.advisories.snapshot import INDEX, RECORDS, Source, build, loaded, opened, written
from probatum.components import Component
from probatum.errors import FormatError
from probatum.vocabulary import Reason

ALL = ("introduced", "0")
BEFORE_2 = record("TEST-1", entry(ALL, ("fixed", "2.0")))


def component(version: str, name: str = "thing", ecosystem: str = "PyPI") -> Component:
    return Component(ecosystem=ecosystem, name=name, version=version)


def test_a_name_is_compared_as_its_ecosystem_compares_names() -> None:
    data = [record("TEST-1", entry(ALL, name="Some.Thing")),
            record("TEST-2", entry(ALL, name="Some.Thing", ecosystem="npm"))]  # fmt: skip
    for name in ("some-thing", "SOME__thing", "Some.Thing"):
        assert verdicts(data, "1", name=name) == "a"
    assert verdicts(data, "1.0.0", name="Some.Thing", ecosystem="npm") == "a"
    assert verdicts(data, "1.0.0", name="some.thing", ecosystem="npm") == "-"


def test_a_name_that_is_none_is_no_clean_component() -> None:
    for name in ("T\u212aing", "thing\n", "", "a" * 1000):
        with pytest.raises(FormatError) as refused:
            matches([BEFORE_2], "1", name=name)
        assert refused.value.reason is Reason.MALFORMED


def test_an_ecosystem_without_records_is_no_clean_component() -> None:
    with pytest.raises(FormatError) as refused:
        matches([BEFORE_2], "1", ecosystem="npm")
    assert refused.value.reason is Reason.UNRESOLVED


def test_a_component_without_a_place_among_the_versions_is_unknown() -> None:
    found = index(BEFORE_2, record("TEST-2", entry(ALL)), record("TEST-3", entry(versions=["1.x"])),
                  record("TEST-4", entry(versions=[])))  # fmt: skip
    no_version, odd = component(""), component("1.x")
    moved = replace(component("3.0"), source="git+https://example.org/thing")
    for asked, expected in ((no_version, "uauu"), (odd, "uaau"), (moved, "uauu")):
        told = affected(found, asked)
        assert "".join(match.verdict[0] for match in told) == expected
        assert all(match.why for match in told if match.verdict is Affects.UNKNOWN)
    assert affected(found, replace(no_version, name="other")) == ()


def test_records_that_share_an_alias_are_one_vulnerability() -> None:
    data = [record("PYSEC-1", entry(ALL, ("fixed", "1.5")), aliases=["CVE-2026-0001"]),
            record("GHSA-aaaa", entry(ALL, ("fixed", "1.7")), aliases=["CVE-2026-0001"]),
            record("GHSA-bbbb", entry(ALL), aliases=["GHSA-aaaa"], related=["PYSEC-2"]),
            record("PYSEC-2", entry(ALL, ("fixed", "9")))]  # fmt: skip
    first, second = matches(data, "1.6")
    assert first.id == "CVE-2026-0001" and first.records == ("GHSA-aaaa", "GHSA-bbbb")
    assert first.names == ("CVE-2026-0001", "GHSA-aaaa", "GHSA-bbbb", "PYSEC-1")
    assert second.id == "PYSEC-2" and second.fixed == ("9",)


def test_one_record_that_says_affected_outweighs_one_that_does_not() -> None:
    data = [record("A-1", entry(ALL, ("fixed", "1.5")), aliases=["B-1"]),
            record("B-1", entry(ALL, ("fixed", "1.7")))]  # fmt: skip
    assert verdicts(data, "1.4 1.6 1.7") == "aan"
    assert matches(data, "1.6")[0].records == ("B-1",)
    assert matches(data, "1.4")[0].fixed == ("1.7",)


def test_two_records_of_one_id_both_count() -> None:
    older, newer = record("T-1", entry(ALL)), record("T-1", entry(ALL, ("fixed", "1")))
    assert verdicts([older, newer], "2") == "a" == verdicts([newer, older], "2")
    assert build([newer, newer], "now").about.records == 1


@pytest.mark.parametrize(
    ("events", "version", "expected"),
    [
        ([[ALL, ("fixed", "1.5")], [ALL, ("fixed", "2.0")]], "1.0", Upgrade("2.0")),
        ([[ALL, ("fixed", "1.5")], [("introduced", "1.5"), ("fixed", "1.7")]], "1.0",
         Upgrade("1.7")),
        ([[ALL, ("fixed", "1.5")], [("introduced", "1.6"), ("fixed", "1.7")]], "1.0",
         Upgrade("1.5")),
        ([[ALL, ("last_affected", "1.5")]], "1.0", Upgrade(beyond="1.5")),
        ([[ALL, ("last_affected", "1.5")], [ALL, ("fixed", "1.4")]], "1.0",
         Upgrade(beyond="1.5")),
        ([[ALL, ("last_affected", "1.5")], [ALL, ("fixed", "1.6")]], "1.0", Upgrade("1.6")),
        ([[ALL]], "1.0", Upgrade()),
        ([[ALL, ("fixed", "1.5")], [ALL]], "1.0", Upgrade()),
        ([[ALL, ("fixed", "1.5")], [ALL, ("last_affected", "1.2-NA")]], "1.0",
         Upgrade("1.5", leaves=("TEST-1",))),
    ],
)  # fmt: skip
def test_the_upgrade_is_the_least_that_closes_all(
    events: list[list[tuple[str, str]]], version: str, expected: Upgrade
) -> None:
    found = index(*(record(f"TEST-{at}", entry(*one)) for at, one in enumerate(events)))
    told = upgrade(found, component(version))
    assert told == expected
    if told.version:
        left = affected(found, component(told.version))
        assert all(match.verdict is not Affects.YES for match in left)


def test_the_records_of_a_package_lie_side_by_side_as_they_were_written(tmp_path: Path) -> None:
    spread = record("TEST-2", entry(ALL, name="zebra"), entry(ALL), entry(ALL, name="ape"))
    pretty = json.dumps(json.loads(BEFORE_2), indent=2).encode()
    built = build([spread, pretty], "2026-01-03", [Source("https://example.org/all.zip")])
    for name, data in built.files().items():
        (tmp_path / name).write_bytes(data)
    found = opened(tmp_path)
    assert [json.loads(one)["id"] for one in found.records("PyPI", "thing")] == ["TEST-1", "TEST-2"]
    assert found.records("PyPI", "zebra") == (spread,) and found.records("PyPI", "none") == ()
    heads = [json.loads(line)[:3] for line in (tmp_path / RECORDS).read_bytes().splitlines()]
    assert heads == sorted(heads) and len(heads) == 4
    assert found.about.modified == "2026-01-02T00:00:00Z"
    assert found.about.ecosystems == {"PyPI": 3} and found.about.records == 2
    assert built == build([pretty, spread], "2026-01-03", [Source("https://example.org/all.zip")])


def test_a_record_for_too_many_packages_is_named_and_left_out() -> None:
    many = record("TEST-1", *(entry(ALL, name=f"n{at}") for at in range(4000)), note="x" * 40_000)
    built = build([many, BEFORE_2], "now")
    assert built.about.ecosystems == {"PyPI": 1} and "TEST-1 is too large" in built.about.unread[0]


def test_files_that_do_not_agree_are_no_snapshot(tmp_path: Path) -> None:
    one, other = build([BEFORE_2], "now").files(), build([], "now").files()
    for files in ({**one, INDEX: other[INDEX]}, {**one, INDEX: b"\xc1"}, {**one, INDEX: b"\x90"}):
        with pytest.raises(FormatError):
            loaded(files)
    with pytest.raises(FormatError):
        opened(tmp_path / "nowhere")


def test_a_damaged_index_is_refused_and_never_clean() -> None:
    files = build([BEFORE_2], "now").files()
    for at in range(len(files[INDEX])):
        damaged = files[INDEX][:at]
        with pytest.raises(FormatError):
            affected(loaded({**files, INDEX: damaged}).index, component("1"))


def test_every_package_of_many_is_found_by_its_name() -> None:
    names = sorted(f"p{at}" for at in range(0, 400, 2))
    built = index(*(record(f"TEST-{name}", entry(ALL, name=name)) for name in names))
    assert [*built.names("PyPI")] == names
    for at in range(400):
        asked = Component(ecosystem="PyPI", name=f"p{at}", version="1")
        assert [one.id for one in affected(built, asked)] == [f"TEST-p{at}"] * (at % 2 == 0)
    for name in ("a", "zebra"):
        assert built.package("PyPI", name) is None and built.range("PyPI", name) is None


def test_a_record_that_is_given_twice_counts_once() -> None:
    twice = build([BEFORE_2, BEFORE_2, BEFORE_2 + b"\n"], "2026-01-03")
    assert twice.index == build([BEFORE_2], "2026-01-03").index
    assert twice.about.records == 2  # the third is other bytes, though the same line


def test_what_a_snapshot_is_made_of_is_shown_as_it_is_gone_through() -> None:
    shown: list[tuple[int, int]] = []
    given = [record(f"TEST-{at}", entry(ALL, name=f"p{at}")) for at in range(3)]
    written(given, BytesIO(), "now", show=lambda done, of: shown.append((done, of)))
    assert shown == [(0, 6), (1, 6), (2, 6), (4, 6), (5, 6), (6, 6)]

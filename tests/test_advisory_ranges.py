"""Which versions a record affects: events, lists, and what neither of them says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisory_records import Event, entry, index, matches, record, verdicts
from probatum.advisories.matching import Affects
from probatum.advisories.osv import record as read
from probatum.advisories.ranges import repaired
from probatum.advisories.snapshot import build
from probatum.errors import FormatError

NONE, ALL = ("introduced", "0"), [("introduced", "0")]


@pytest.mark.parametrize(
    ("events", "versions", "expected"),
    [
        ([NONE, ("fixed", "1.2")], "0 1.1 1.2rc1 1.2 1.2.0+cu124 1.2.post1 2", "aaannnn"),
        ([NONE, ("last_affected", "1.2")], "1.2 1.2.0 1.2+cpu 1.2.post1 1.2.1", "aaann"),
        ([("introduced", "1"), ("fixed", "2"), ("introduced", "3"), ("fixed", "4")],
         "0.9 1 1.5 2 2.5 3 3.9 4", "naannaan"),
        ([("fixed", "4"), ("introduced", "3"), ("fixed", "2"), ("introduced", "1")],
         "0.9 1 1.5 2 2.5 3 3.9 4", "naannaan"),
        ([("introduced", "1"), ("last_affected", "1")], "0.9 1 1.0+x 1.1", "naan"),
        ([NONE, ("fixed", "2"), ("introduced", "2"), ("fixed", "3")], "1 2 3", "aan"),
        ([("introduced", "1!1")], "9 1!0.9 1!1", "nna"),
        (ALL, "0.dev0 1 99999999999999999999", "aaa"),
        ([NONE, ("fixed", "5"), ("limit", "3")], "2 3 4", "ann"),
        ([NONE, ("fixed", "5"), ("limit", "3"), ("limit", "*")], "2 3 4 5", "aaan"),
        ([NONE, ("fixed", "5"), ("limit", "3"), ("limit", "4")], "2 3 4 5", "aann"),
    ],
)  # fmt: skip
def test_events_count_in_the_order_of_their_versions(
    events: list[Event], versions: str, expected: str
) -> None:
    assert verdicts([record("TEST-1", entry(*events))], versions) == expected


@pytest.mark.parametrize(
    ("events", "versions", "expected"),
    [
        ([NONE, ("last_affected", "1"), ("last_affected", "3")], "1 1.5 3 3.1", "auun"),
        ([("fixed", "2")], "1 2", "un"),
        ([NONE, ("fixed", "1"), ("fixed", "2")], "0.9 1 1.9 2", "auun"),
        ([NONE, ("last_affected", "1"), ("introduced", "1"), ("fixed", "2")], "1 1.5 2", "aun"),
        ([NONE, ("fixed", "1.0+fix1")], "0.9 1.0 1.0+fix1 1.0.1", "auun"),
        ([NONE, ("fixed", "soon")], "1 2", "uu"),
        ([("introduced", "?"), ("fixed", "1")], "1 2", "uu"),
    ],
)  # fmt: skip
def test_what_a_range_leaves_open_is_unknown(
    events: list[Event], versions: str, expected: str
) -> None:
    assert verdicts([record("TEST-1", entry(*events))], versions) == expected
    (match, *_) = matches([record("TEST-1", entry(*events))], "1")
    assert match.verdict is not Affects.UNKNOWN or match.why


@pytest.mark.parametrize(
    ("said", "versions", "expected"),
    [
        (entry(versions=["1.0", "1.2"]), "1 1.0.0+cu 1.1 1.2", "aana"),
        (entry(NONE, ("fixed", "1"), versions=["0.9", "1.5"]), "0.8 0.9 1 1.5 1.6", "aanan"),
        (entry(NONE, ("last_affected", "1"), ("last_affected", "3"), versions=["2"]),
         "1.5 2 2.5", "uau"),
        (entry(NONE, ("fixed", "2.0-NA"), versions=["1.0"]), "1.0 1.1", "au"),
        (entry(versions=["1.0-odd"]), "1.0 1.0-odd 1.0-other", "nau"),
        (entry(), "1 2", "uu"),
        (entry(("introduced", "c0ffee"), kind="GIT"), "1", "u"),
        (entry(("introduced", "c0ffee"), kind="GIT", versions=["1"]), "1 2", "an"),
        (entry(NONE, kind="CALENDAR"), "1", "u"),
        ({**entry(), "ranges": 7}, "1", "u"),
        ({**entry(), "ranges": [{"type": "ECOSYSTEM", "events": [{"began": "1"}]}]}, "1", "u"),
        ({**entry(), "ranges": [{"type": "ECOSYSTEM", "events": [{}]}]}, "1", "u"),
        ({**entry(), "versions": "1"}, "1", "u"),
        ({**entry(NONE, ("fixed", "1")), "versions": ""}, "2", "u"),
        ({**entry(), "versions": [1]}, "1", "u"),
        ({**entry(), "ranges": [{"type": "SEMVER",
                                 "events": [{"introduced": "0", "fixed": "1"}]}]}, "0.5 1", "an"),
    ],
)  # fmt: skip
def test_listed_versions_and_entries_that_say_little(
    said: dict[str, Any], versions: str, expected: str
) -> None:
    assert verdicts([record("TEST-1", said)], versions) == expected


def test_entries_of_one_package_count_together() -> None:
    both = entry(NONE, ("fixed", "1")), entry(("introduced", "2"), ("fixed", "3"), name="Thing")
    assert verdicts([record("TEST-1", *both)], "0.5 1 2 3") == "anan"


def test_a_record_that_was_taken_back_affects_nothing() -> None:
    assert verdicts([record("T", entry(*ALL), withdrawn="2026-01-01T00:00:00Z")], "1") == "-"
    for nothing in (None, False, "", 0, "no"):
        assert verdicts([record("T", entry(*ALL), withdrawn=nothing)], "1") == "a"


def test_a_bound_that_is_no_version_is_told_with_what_it_seems_to_be() -> None:
    data = [record("TEST-1", entry(NONE, ("last_affected", "2.6.0-NA")))]
    (old,), (new,) = matches(data, "2.6+cu124"), matches(data, "2.7")
    assert (old.verdict, old.seems) == (Affects.UNKNOWN, Affects.YES)
    assert (new.verdict, new.seems) == (Affects.UNKNOWN, Affects.NO)
    assert "'2.6.0-NA' is no version" in new.why and "perhaps 2.6.0 is meant" in new.why
    (dated,) = matches([record("TEST-1", entry(NONE, ("last_affected", "2024-09-25")))], "1")
    assert dated.seems is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [("2.6.0-NA", "2.6.0"), ("2.6.0-cu124", "2.6.0"), ("4.6.0.stable11", "4.6.0"),
     ("2024-09-25", "2024-09-25"), ("7.2.0-12.1", "7.2.0-12.1"), ("soon", "soon")],
)  # fmt: skip
def test_a_bound_is_repaired_only_where_a_version_begins_it(text: str, meant: str) -> None:
    assert repaired(text) == meant


def test_the_evidence_is_the_stretch_that_the_record_bounds() -> None:
    events = [("introduced", "1.0"), ("fixed", "1.5"), ("introduced", "2.0"),
              ("last_affected", "2.5")]  # fmt: skip
    data = [record("TEST-1", entry(*events, versions=["1.7.0"]))]
    told = [matches(data, version)[0].evidence for version in ("1.2", "2.1", "1.7")]
    assert told[:2] == ["from 1.0 before 1.5", "from 2.0 up to 2.5"]
    assert told[2] == "1.7.0, which is listed, though outside of every range,"
    assert matches([record("TEST-1", entry(*ALL))], "1")[0].evidence == "all versions"


HOSTILE = [
    b"", b"[]", b"7", b"{}", b'{"id": 7}', b'{"id": "A", "id": "B"}', b"[" * 100_000,
    b'{"id": "A", "affected": ' + b"[" * 100_000, b'{"id": "A", "affected": {}, "affected": []}',
    b'{"id": "A b"}', b'{"id": "\xff"}', b'{"id": "A", "affected": 1}', b'{"id": "A"} {}',
    b'{"id": "A", "n": ' + b"9" * 10_000 + b"}", b'{"id": "\\ud800"}', b'{"id": "A\\n"}',
    b'{"id": "A", "affected": ""}', b'{"id": "A", "n": NaN}', '{"id": "A"}'.encode("utf-16"),
    b'{"id": "A", "affected": [{"package": "\\ud800"}]}', b'{"id": "A", "n": "\\uDFFF"}',
    b'\xef\xbb\xbf{"id": "A"}',
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE)
def test_a_record_that_cannot_be_read_is_named_and_the_others_stay(data: bytes) -> None:
    with pytest.raises(FormatError):
        read(data)
    built = build([data, record("TEST-2", entry(*ALL))], "now")
    assert len(built.about.unread) == 1 and built.about.records == 1


@pytest.mark.parametrize(
    "package",
    [None, 7, [], {}, {"ecosystem": "PyPI"}, {"ecosystem": "PyPI", "name": 7},
     {"ecosystem": "PyPI", "name": "T\u212aing"}, {"ecosystem": "PyPI", "name": "thi ng"},
     {"ecosystem": "PyPI", "name": "../thing"}, {"ecosystem": "Py\nPI", "name": "thing"},
     {"ecosystem": "npm", "name": "th\u0131ng"}],
)  # fmt: skip
def test_an_entry_without_a_package_is_named_and_the_others_stay(package: Any) -> None:
    odd = {"package": package, "ranges": []}
    built = build([record("TEST-1", odd, entry(*ALL))], "now")
    assert built.about.ecosystems == {"PyPI": 1}
    assert bool(built.about.unread) == (package is not None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6)
    | st.sampled_from(["0", "1.0", "PyPI", "thing", "ECOSYSTEM", "introduced", "fixed"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=4) | st.sampled_from(["package", "ranges", "events", "type",
                                                             "versions", "fixed"]), inner),
    max_leaves=10,
)  # fmt: skip


@given(st.binary(max_size=60) | json_values.map(lambda one: json.dumps(one).encode()))
def test_nothing_but_a_format_error_comes_of_any_bytes(data: bytes) -> None:
    try:
        read(data)
    except FormatError as exc:
        assert exc.detail


@given(json_values, st.sampled_from(["ranges", "versions", "package", "events", "aliases"]))
def test_a_record_with_one_wrong_part_is_told_or_affects_an_unknown_part(
    part: Any, where: str
) -> None:
    said = {**entry(*ALL), "versions": ["1.0"]}
    if where == "events":
        said["ranges"] = [{"type": "ECOSYSTEM", "events": part}]
    elif where != "aliases":
        said[where] = part
    told = record("TEST-1", said, **({"aliases": part} if where == "aliases" else {}))
    if where == "aliases":
        assert verdicts([told], "1.0") == "a"
    elif where != "package":
        assert verdicts([told], "1.0") in ("a", "u")
    index(told)

"""The check of advisories: another way to the same answers, from the records alone."""

import contextlib
import json
import random
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisory_records import entry, record
from probatum.advisories.matching import Affects, affected
from probatum.advisories.snapshot import Snapshot, build, loaded
from probatum.advisories.versions import key_of
from probatum.check import advisory_records as check
from probatum.check.advisory_versions import is_build, order
from probatum.components import Component
from probatum.errors import FormatError, Rejected
from test_advisory_versions import ALPINE, DEBIAN, ECOSYSTEMS, GO, SEMVER, python_versions

TOLD = {Affects.YES: True, Affects.NO: False, Affects.UNKNOWN: None}
ALL = ("introduced", "0")


def snapshot(*records: bytes) -> Snapshot:
    return loaded(build(records, "2026-01-03").files())


@pytest.mark.parametrize(
    ("ecosystem", "row"),
    [("npm", SEMVER), ("Go", GO), ("Debian:12", DEBIAN), ("Alpine:v3.20", ALPINE),
     ("PyPI", ["0.dev0", "0", "1.dev0", "1a0.dev1", "1a0", "1a0.post0", "1b0", "1rc0.dev1", "1rc0",
               "1", "1.post0.dev0", "1.post0", "1.0.1", "1!0"])],
)  # fmt: skip
def test_the_check_orders_versions_by_the_same_rules(ecosystem: str, row: list[str]) -> None:
    orders = [order(ecosystem, text) for text in row]
    for (at, one), (to, other) in product(enumerate(orders), repeat=2):
        assert (one < other, one == other) == (at < to, at == to)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(ECOSYSTEMS).flatmap(
        lambda ecosystem: st.tuples(
            st.just(ecosystem),
            *[st.text("0011239.:~+-_arcvdevpost", max_size=9) | python_versions()] * 2,
        )
    )
)
def test_both_ways_order_any_two_versions_alike(asked: tuple[str, str, str]) -> None:
    ecosystem, *texts = asked
    orders = [order(ecosystem, text) for text in texts]
    keys = []
    for text, one in zip(texts, orders, strict=True):
        try:
            keys.append(key_of(ecosystem, text))
        except FormatError:
            assert one is None
            return
        assert one is not None
    assert (keys[0] < keys[1], keys[0] == keys[1]) == (
        orders[0] < orders[1],
        orders[0] == orders[1],
    )


def test_builds_are_told_from_other_versions() -> None:
    told = [is_build("PyPI", "1+a"), is_build("npm", "1.0.0+a"), is_build("Go", "v1.0.0+a")]
    assert all(told)
    assert not is_build("Go", "v2.0.0+incompatible") and not is_build("Debian:12", "1+a")


texts = st.sampled_from(["0", "0.5", "1.0", "1", "1.0rc1", "1.1", "1.1.post1", "1.1+cu", "2.0-NA",
                         "2", "*", "odd", "2.0.dev1", "1.0+cpu"])  # fmt: skip
events = st.dictionaries(
    st.sampled_from(["introduced", "introduced", "fixed", "last_affected", "limit", "began"]),
    texts | st.just("0"), max_size=2,
)  # fmt: skip
ranges = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["ECOSYSTEM"] * 4 + ["SEMVER", "GIT", "OTHER"]),
        "events": st.lists(events, max_size=6),
    }
)
entries = st.fixed_dictionaries(
    {"package": st.just({"ecosystem": "PyPI", "name": "Thing"})},
    optional={
        "ranges": st.lists(ranges, max_size=3) | st.none() | st.just(7),
        "versions": st.lists(texts, max_size=3) | st.none() | st.just(["1", 2]),
    },
)


@settings(max_examples=500, deadline=None)
@given(st.lists(entries, max_size=3), texts, st.sampled_from([None, "2026-01-01T00:00:00Z"]))
def test_both_ways_tell_the_same_of_any_record(
    affects: list[dict[str, Any]], version: str, withdrawn: str | None
) -> None:
    data = record("TEST-1", *affects, withdrawn=withdrawn)
    said = check.affects(check.record(data), "PyPI", "thing", version)
    found = snapshot(data, record("TEST-2", entry(name="other")))
    told = affected(found.index, Component(ecosystem="PyPI", name="thing", version=version))
    expected = TOLD[told[0].verdict] if told else False
    if order("PyPI", version) is None:
        # Without a place among the versions only the plainest records are told.
        assert said is expected or None in (said, expected)
        assert expected is not False or said is not True
    else:
        assert said is expected


RECORDS = [
    record("TEST-1", entry(ALL, ("fixed", "1"), name="ape"), entry(ALL, ("fixed", "1"))),
    record("TEST-2", entry(ALL, ("fixed", "2"))),
    record("TEST-3", entry(ALL, name="zebra")),
    record("TEST-4", entry(ALL, name="zoo", ecosystem="Go")),
]


def facts(found: Snapshot, name: str, version: str, ecosystem: str = "PyPI") -> dict[str, Any]:
    place = found.index.place(ecosystem, name)
    said = {"offset": place.offset, "length": place.length, "before": place.before}
    return {"ecosystem": ecosystem, "name": name, "version": version, **said}


@pytest.mark.parametrize(
    ("ecosystem", "name", "version"),
    [("PyPI", "thing", "2.0"), ("PyPI", "ape", "1"), ("PyPI", "bear", "0.1"), ("PyPI", "aa", "1"),
     ("PyPI", "zz", "1"), ("PyPI", "bear", "no version"), ("Go", "aa", "v1.0.0"),
     ("Go", "zz", "v1.0.0")],
)  # fmt: skip
def test_what_no_record_affects_is_accepted(ecosystem: str, name: str, version: str) -> None:
    found = snapshot(*RECORDS)
    check.unaffected(facts(found, name, version, ecosystem), found.read)


@pytest.mark.parametrize(
    ("name", "version"),
    [("thing", "1.9"), ("thing", "0"), ("zebra", "1"), ("thing", ""), ("thing", "odd")],
)
def test_what_a_record_affects_or_may_affect_is_rejected(name: str, version: str) -> None:
    found = snapshot(*RECORDS)
    with pytest.raises(Rejected):
        check.unaffected(facts(found, name, version), found.read)


def test_no_other_place_than_the_package_s_own_is_accepted() -> None:
    found = snapshot(*RECORDS)
    size = len(found.read(0, 1 << 20))
    lines = [0, *(at + 1 for at in range(size) if found.read(at, 1) == b"\n")]
    said = facts(found, "thing", "1.5")
    places = list(product(lines, [to - at for at in lines for to in lines if to >= at], lines))
    for offset, length, before in {*places, *random.Random(0).sample(places, 20)}:
        with pytest.raises(Rejected):
            check.unaffected({**said, "offset": offset, "length": length, "before": before},
                             found.read)  # fmt: skip


def test_an_ecosystem_that_the_snapshot_does_not_have_is_rejected() -> None:
    found = snapshot(*RECORDS)
    size = len(found.read(0, 1 << 20))
    last = len(found.read(0, size).splitlines(keepends=True)[-1])
    for ecosystem, offset, before in (("npm", size, last), ("Aa", 0, 0)):
        said = {"ecosystem": ecosystem, "name": "thing", "version": "1.0.0", "offset": offset,
                "length": 0, "before": before}  # fmt: skip
        with pytest.raises(Rejected, match=r"no record beside|no earlier"):
            check.unaffected(said, found.read)


values = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})


@given(st.dictionaries(st.sampled_from(["offset", "length", "before", "name", "version"]), values))
def test_facts_that_are_none_are_rejected(changed: dict[str, Any]) -> None:
    found = snapshot(*RECORDS)
    said = facts(found, "thing", "1.5")
    assert said["before"]
    try:
        check.unaffected({**said, **changed}, found.read)
    except Rejected:
        return
    version = changed.get("version", "1.5")
    assert order("PyPI", version) >= order("PyPI", "2") or changed.get("name", "thing") != "thing"


@given(st.binary(max_size=40), st.integers(0, 400))
def test_nothing_but_a_rejection_comes_of_damaged_records(data: bytes, at: int) -> None:
    found = snapshot(*RECORDS)
    said = facts(found, "thing", "2.5")
    whole = found.read(0, 1 << 20)
    damaged = whole[:at] + data + whole[at + len(data) :]

    def read(offset: int, length: int) -> bytes:
        return damaged[offset : offset + length]

    with contextlib.suppress(Rejected):
        check.unaffected(said, read)


@given(
    st.recursive(
        values,
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["affected", "package", "ecosystem", "name", "ranges", "events"]),
                inner,
            )
        ),
    )
)
def test_any_record_is_answered(said: Any) -> None:
    assert check.affects(said, "PyPI", "thing", "1") in (True, False, None)


HOSTILE: list[Callable[[], bytes]] = [
    lambda: b"[" * 200_000, lambda: b'{"a": 1, "a": 2}', lambda: b"\xff", lambda: b"",
    lambda: b'{"n": ' + b"9" * 10_000 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE)
def test_a_record_that_cannot_be_read_is_none(data: Callable[[], bytes]) -> None:
    assert check.record(data()) is None
    assert check.affects(None, "PyPI", "thing", "1") is None
    assert check.record_of(b'["PyPI","thing","A",' + data() + b"]") is None


def test_a_line_is_the_record_with_where_it_belongs() -> None:
    assert check.record_of(b'["PyPI","thing","A",' + json.dumps({"id": "A"}).encode() + b"]") == {
        "id": "A"
    }

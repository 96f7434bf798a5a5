"""The check of advisories: another way to the same answers, from the records alone."""

import json
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
from probatum.errors import FormatError
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
    {
        "package": st.fixed_dictionaries(
            {
                "ecosystem": st.sampled_from(["PyPI", "pypi", "PyPI ", "PyPI:all"]),
                "name": st.sampled_from(["Thing", " thing"]),
            }
        )
    },
    optional={
        "ranges": st.lists(ranges, max_size=3) | st.none() | st.just(7),
        "versions": st.lists(texts, max_size=3) | st.none() | st.sampled_from([["1", 2], "", 0]),
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
    nothing = False if withdrawn else None  # it is asked about what it does not name
    expected = TOLD[told[0].verdict] if told else nothing
    if order("PyPI", version) is None:
        # Without a place among the versions only the plainest records are told.
        assert said is expected or None in (said, expected)
        assert expected is not False or said is not True
    else:
        assert said is expected


values = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})


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
    lambda: b'{"n": ' + b"9" * 10_000 + b"}", lambda: "{}".encode("utf-16"),
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

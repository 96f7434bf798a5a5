"""Keys of versions: their bytes compare as each ecosystem orders its versions."""

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from probatum.advisories.versions import is_ordered, key_of, label_of
from probatum.errors import FormatError
from probatum.vocabulary import Reason

ECOSYSTEMS = ("PyPI", "npm", "crates.io", "Go", "Debian:12", "Alpine:v3.20")

numbers = st.integers(0, 3) | st.integers(0, 1 << 80)
counts = st.just("") | numbers.map(str)
signs = st.sampled_from(["", ".", "-", "_"])


@st.composite
def python_versions(draw: st.DrawFn) -> str:
    """Versions as PEP 440 allows them, in all their spellings."""
    release = ".".join(map(str, draw(st.lists(numbers, min_size=1, max_size=5))))
    text = draw(st.sampled_from(["", "v", " "])) + draw(st.sampled_from(["", "0!", "1!"])) + release
    if draw(st.booleans()):
        word = draw(st.sampled_from(["a", "b", "c", "rc", "ALPHA", "beta", "pre", "preview"]))
        text += draw(signs) + word + draw(signs) + str(draw(numbers))
    if draw(st.booleans()):
        text += draw(st.sampled_from([".post", "-r", "rev", "-"])) + str(draw(numbers))
    if draw(st.booleans()):
        text += draw(signs) + "dev" + draw(counts)
    return text + draw(st.sampled_from(["", "", "+cu124", "+1.ab"]))


def is_before(key: bytes, other: bytes) -> int:
    return (key > other) - (key < other)


@settings(max_examples=1000, deadline=None)
@given(python_versions(), python_versions())
@example("1.0", "1.0.0")
@example("1.01", "1.1.0+cu124")
@example("2024.1", "2024.1.0")
@example("255.256", "256.255")
@example("1.0.dev1", "1.0a0")
@example("1.0.dev256", "1.0.dev255")
@example("1.0.post1.dev1", "1.0")
def test_python_versions_are_ordered_as_packaging_orders_them(one: str, other: str) -> None:
    left, right = Version(Version(one).public), Version(Version(other).public)
    expected = (left > right) - (left < right)
    assert is_before(key_of("PyPI", one), key_of("PyPI", other)) == expected


@settings(max_examples=1000, deadline=None)
@given(st.text("0123456789.!+-_abcrpostdev v\u0661\u017f\u212a", max_size=14))
@example("1.0+")
@example("1.0+\u0661")
@example("1..0")
def test_nothing_is_a_python_version_that_packaging_refuses(text: str) -> None:
    try:
        Version(text)
    except InvalidVersion:
        with pytest.raises(FormatError):
            key_of("PyPI", text)


SEMVER = ["1.0.0-0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
          "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1-0", "1.0.1", "1.2.0",
          "1.10.0", "2.0.0", "300.0.0", "70000.0.0"]  # fmt: skip
GO = ["v0.0.0-20170915032832-14c0d48ead0c", "v0.0.0-20180911220305-26e67e76b6c3", "v0.0.0",
      "v1.2.3-pre", "v1.2.3-pre.0.20191109021931-daa7c04131f5",
      "v1.2.3", "v1.2.4-0.20191109021931-daa7c04131f5", "v1.2.4", "go1.21beta1", "1.21rc2",
      "go1.21", "1.21.1", "v2.0.0+incompatible", "v2.0.1"]  # fmt: skip
# The rows were put in order by `dpkg --compare-versions` 1.21.22, pair by pair.
DEBIAN = ["0~~", "0~", "0", "1.0~~", "1.0~~a", "1.0~", "1.0~rc1-1", "1.0~rc1+b1-1", "1.0",
          "1.0-0+b1", "1.0-0.1", "1.0-1~bpo12+1", "1.0-1", "1.0-1+b1", "1.0-1+deb12u1",
          "1.0-1+deb12u10", "1.0-1.1", "1.0-10", "1.0a-1", "1.0a1-1", "1.0+dfsg-1", "1.0.1-1",
          "1.0.10-1", "1.1", "1.2-3-4", "2", "1:0.1", "2:0"]  # fmt: skip
# By the rules of apk-package(5): suffixes, then what a version goes on with.
ALPINE = ["0.1_alpha1", "0.1", "1.01", "1.1_alpha", "1.1_alpha2", "1.1_beta", "1.1_pre3", "1.1_rc1",
          "1.1_rc2", "1.1_rc2-r1", "1.1", "1.1-r0", "1.1-r2", "1.1-r10", "1.1~abc123",
          "1.1_cvs", "1.1_svn", "1.1_git20230101", "1.1_git20230102", "1.1_hg", "1.1_p1",
          "1.1_p1-r3", "1.1_p2", "1.1a", "1.1b", "1.1.0", "1.1.01", "1.1.1", "1.2",
          "1.10", "2.0"]  # fmt: skip


@pytest.mark.parametrize(
    ("ecosystem", "row"),
    [("npm", SEMVER), ("crates.io", SEMVER), ("Go", GO), ("Debian:12", DEBIAN),
     ("Alpine:v3.20", ALPINE)],
)  # fmt: skip
def test_a_row_that_is_in_order_stays_so(ecosystem: str, row: list[str]) -> None:
    keys = [key_of(ecosystem, text) for text in row]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize(
    ("ecosystem", "same"),
    [
        ("PyPI", ["1.0", "1", "v1.0.0", "01.0", "0!1.0", " 1.0 ", "1.0+cu124", "1.0+CPU"]),
        ("PyPI", ["1.0rc1", "1.0c1", "1.0-PRE-1", "1.0.preview1"]),
        ("PyPI", ["1.0.post4", "1.0-4", "1.0rev4"]),
        ("npm", ["1.0.0", "v1.0.0", "1", "1.0", "1.0.0+build.5"]),
        ("Go", ["v2.0.0", "2.0.0+incompatible", "v2"]),
        ("Go", ["go1.21rc2", "v1.21.0-rc.2", "1.21rc2"]),
        ("Debian:12", ["1.0", "0:1.0", "1.0-0", "1.00"]),
        ("Debian:12", ["1a", "1a0", "1a-0"]),
    ],
)
def test_spellings_of_one_version_have_one_key(ecosystem: str, same: list[str]) -> None:
    assert len({key_of(ecosystem, text) for text in same}) == 1


@pytest.mark.parametrize(
    ("ecosystem", "text"),
    [
        ("PyPI", "2.6.0-NA"), ("PyPI", "1.0-fixed"), ("PyPI", "\u0661.0"), ("PyPI", ""),
        ("PyPI", "1" * 257), ("PyPI", "1." * 128), ("PyPI", "9" * 250), ("PyPI", "1.0+"),
        ("npm", "1.02.0"), ("npm", "1.0.0-01"), ("npm", "1.0-rc"), ("npm", "^1.0.0"),
        ("npm", "1.0.0-a..b"), ("Go", "v1.2.3.4"), ("Go", "master"),
        ("Debian:12", "a1"), ("Debian:12", "1.0-"), ("Debian:12", "x:1"), ("Debian:12", "1 0"),
        ("Debian:12", "99999999999:1"), ("Debian:12", "1_0"), ("Debian:12", ":1"),
        ("Alpine:v3.20", "1.0_frob"), ("Alpine:v3.20", "1.0ab"), ("Alpine:v3.20", "1.0-1"),
        ("Alpine:v3.20", "1.0a.1"), ("Alpine:v3.20", "v1"),
    ],
)  # fmt: skip
def test_what_is_no_version_is_refused(ecosystem: str, text: str) -> None:
    with pytest.raises(FormatError) as refused:
        key_of(ecosystem, text)
    assert refused.value.reason is Reason.MALFORMED


def test_a_million_digits_are_refused_at_once() -> None:
    for ecosystem in ECOSYSTEMS:
        with pytest.raises(FormatError):
            key_of(ecosystem, "1" * 1_000_000)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(ECOSYSTEMS),
    st.text("0123456789.:~+-_arcdevpost", max_size=10),
    st.text("0123456789.:~+-_arcdevpost", max_size=10),
)
def test_no_key_begins_another(ecosystem: str, one: str, other: str) -> None:
    try:
        left, right = key_of(ecosystem, one), key_of(ecosystem, other)
    except FormatError:
        return
    assert left == right or not (left.startswith(right) or right.startswith(left))


@given(st.sampled_from(ECOSYSTEMS), st.text())
def test_a_version_has_a_key_or_is_refused(ecosystem: str, text: str) -> None:
    for asked in (key_of, label_of):
        call: Callable[[str, str], object] = asked
        try:
            call(ecosystem, text)
        except FormatError as exc:
            assert exc.reason is Reason.MALFORMED


def test_an_ecosystem_that_nothing_orders_is_said_to_be_one() -> None:
    assert not is_ordered("Maven") and is_ordered("Debian:12")
    with pytest.raises(FormatError) as refused:
        key_of("Maven", "1.0")
    assert refused.value.reason is Reason.UNSUPPORTED


def test_a_label_is_a_build_and_incompatible_is_none() -> None:
    assert label_of("PyPI", "1.0+cu124") == "cu124"
    assert label_of("npm", "1.0.0+7") == "7"
    assert label_of("Go", "v2.0.0+incompatible") == ""
    assert label_of("Debian:12", "1.0+deb12u1") == ""

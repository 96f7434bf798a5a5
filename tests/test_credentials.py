"""What is known of credentials by their form, and how they are found."""

import base64
import gzip
import hashlib
import zlib

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from made_credentials import made
from probatum.check import no_credential
from probatum.credentials.kinds import LONGEST, Kind, kinds, rules
from probatum.credentials.places import Engine, Hyperscan, Plain
from probatum.credentials.search import Found, credentials
from probatum.credentials.sums import SUMS
from probatum.errors import Rejected

_GITHUB = next(one for one in kinds() if one.id == "github-pat")
_IN_ONE_PASS = Plain(kinds())
_IN_ONE_PASS.look(b" " * (1 << 20))
_ENGINES: tuple[Engine, ...] = (Hyperscan(kinds()), Plain(kinds()), _IN_ONE_PASS)
_BY_ID = pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.id)


def _ids(found: list[Found]) -> list[str]:
    return [one.kind.id for one in found]


def _said_to_be_clean(data: bytes) -> bool:
    facts = {
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "rules": rules().digest,
        "kinds": len(kinds()),
    }
    try:
        no_credential.holds(facts, lambda at, length: data[at : at + length], len(data))
    except Rejected:
        return False
    return True


def test_every_kind_has_a_name_of_its_own() -> None:
    assert len({one.id for one in kinds()}) == len(kinds())


def test_every_checksum_is_used() -> None:
    assert {one.sum for one in kinds()} - {""} == set(SUMS)


@_BY_ID
def test_a_row_is_whole(kind: Kind) -> None:
    assert kind.basis in ("sum", "mark", "near")
    assert bool(kind.sum) == (kind.basis == "sum")
    assert kind.says[0].islower() and kind.source


@_BY_ID
@pytest.mark.parametrize("seed", range(3))
def test_one_that_is_made_up_is_found(kind: Kind, seed: int) -> None:
    data = f"# settings\nkey = {made(kind, seed)}\n".encode()
    for engine in _ENGINES:
        found = credentials(data, engine)
        assert kind.id in _ids(found)
        assert not any(one.broken for one in found)
    assert not _said_to_be_clean(data)


@_BY_ID
@given(data=st.data())
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
def test_a_match_has_a_mark_near_its_start(kind: Kind, data: st.DataObject) -> None:
    match = data.draw(st.from_regex(kind.compiled, fullmatch=True))
    marks = tuple(one.lower() for one in kind.begins) if kind.any_case else kind.begins
    start = (match.lower() if kind.any_case else match)[: kind.before + max(map(len, marks))]
    assert any(0 <= start.find(one) <= kind.before for one in marks)


_BREAKS_AT = {
    "pem": 29,
    "pypi": 12,
    "sentry": 10,
    "discord": 3,
    "cloudflare-tunnel": 3,
    "grafana-old": 3,
}
_CHECKED = [one for one in kinds() if one.sum not in ("", "jwt", "base64-pair")]


@pytest.mark.parametrize("kind", _CHECKED, ids=lambda kind: kind.id)
def test_a_changed_character_breaks_it(kind: Kind) -> None:
    whole = made(kind)
    at = _BREAKS_AT.get(kind.sum, len(whole) - 4)
    other = next(one for one in "2fZ" if one.isdigit() != whole[at].isdigit())
    data = (whole[:at] + other + whole[at + 1 :]).encode()
    for engine in _ENGINES:
        assert all(one.broken for one in credentials(data, engine) if one.kind == kind)


@pytest.mark.parametrize("checksum", ["000000", "00000A"])
def test_a_checksum_may_begin_with_zeros(checksum: str) -> None:
    """A token is as good whose CRC-32 is a small number, written with zeros before it."""
    base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = sum(base62.index(digit) * 62**at for at, digit in enumerate(reversed(checksum)))
    assert SUMS["crc32-base62"](b"ghp_" + _with_crc32(number) + checksum.encode())


def _with_crc32(wanted: int) -> bytes:
    """Thirty letters and digits of that CRC-32, found by choosing which of them to change."""
    # CRC-32 is linear: what each change does to it is known, and the changes are solved for.
    start = bytearray(b"a" * 30)
    places = [(at, pair) for at in range(30) for pair in ((97, 98), (97, 100), (97, 104))]
    basis: dict[int, tuple[int, frozenset[int]]] = {}
    base = zlib.crc32(bytes(start))
    for number, (at, pair) in enumerate(places):
        changed = bytearray(start)
        changed[at] = pair[1]
        value, members = zlib.crc32(bytes(changed)) ^ base, frozenset({number})
        for bit in range(31, -1, -1):
            if value >> bit & 1 and bit in basis:
                value, members = value ^ basis[bit][0], members ^ basis[bit][1]
            elif value >> bit & 1:
                basis[bit] = (value, members)
                break
    value, members = base ^ wanted, frozenset()
    for bit in range(31, -1, -1):
        if value >> bit & 1:
            value, members = value ^ basis[bit][0], members ^ basis[bit][1]
    for number in members:
        at, pair = places[number]
        start[at] ^= pair[0] ^ pair[1]
    assert zlib.crc32(bytes(start)) == wanted
    return bytes(start)


@pytest.mark.parametrize(
    ("hidden", "under"),
    [
        (lambda text: base64.b64encode(b"the token is " + text), ("base64",)),
        (lambda text: base64.urlsafe_b64encode(b"the token? " + text), ("base64",)),
        (lambda text: base64.b64encode(base64.b64encode(b"token " + text)), ("base64", "base64")),
        (lambda text: text.hex().encode(), ("hex",)),
        (lambda text: base64.b64encode(gzip.compress(9 * (text + b" "))), ("base64, gzip",)),
        (lambda text: text.replace(b"_", b"%5F"), ("escapes",)),
        (lambda text: text.replace(b"_", rb"\u005f"), ("escapes",)),
        (lambda text: text.replace(b"_", rb"\x5f"), ("escapes",)),
        (lambda text: text.replace(b"_", b"&#95;"), ("escapes",)),
    ],
)
def test_one_is_found_under_an_encoding(hidden: object, under: tuple[str, ...]) -> None:
    data = b'{"note": "' + hidden(made(_GITHUB).encode()) + b'"}'  # type: ignore[operator]
    for engine in _ENGINES:
        found = [one for one in credentials(data, engine) if one.kind == _GITHUB]
        assert found and {one.under for one in found} == {under}
        assert not any(one.broken for one in found)
    assert not _said_to_be_clean(data)


@pytest.mark.parametrize("around", [b"%s", b"\n%s\n", b'"%s"', rb"a\n%s\nb", b"=%s;", b"(%s)"])
def test_one_is_found_whatever_stands_around_it(around: bytes) -> None:
    data = around % made(_GITHUB).encode()
    assert all(_ids(credentials(data, one)) == ["github-pat"] for one in _ENGINES)


@pytest.mark.parametrize("around", [b"a%s", b"%sa", b"7%s", rb"\a%s"])
def test_a_part_of_a_longer_word_is_none(around: bytes) -> None:
    data = around % made(_GITHUB).encode()
    assert not any(credentials(data, one) for one in _ENGINES)
    assert _said_to_be_clean(data)


def test_published_examples_are_none() -> None:
    data = b"aws_access_key_id = AKIAIOSFODNN7EXAMPLE\npostgres://user:password@localhost/db"
    assert credentials(data) == []


_PIECES = [made(kind).encode() for kind in kinds()]
_GLUE = [b"", b" ", b"\n", b'"', b"\\n", b"\\", b"%5F", b"&amp;", b"=", b"/", b"A", b"eyJ", b"\xff"]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(_PIECES),
            st.sampled_from(_PIECES).map(base64.b64encode),
            st.sampled_from(_PIECES).flatmap(
                lambda piece: st.integers(0, len(piece)).map(lambda at: piece[:at])
            ),
            st.sampled_from(_GLUE),
            st.binary(max_size=40),
        ),
        max_size=8,
    ).map(b"".join)
)
@settings(max_examples=400)
@example(b"postgres://" * 900)
def test_all_engines_and_the_checker_agree(data: bytes) -> None:
    first, second, third = (credentials(data, engine) for engine in _ENGINES)
    assert first == second == third
    assert _said_to_be_clean(data) == (not first)


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_what_stands_far_away_changes_nothing(before: bytes, behind: bytes) -> None:
    data = before + b"\n" + made(_GITHUB).encode() + b"\n" + behind
    assert "github-pat" in _ids(credentials(data))


def test_the_same_letter_over_and_over_ends() -> None:
    for one in (b"a", b"%41", b"\\/", b"eyJ", b"-----BEGIN ", b"://a:b", b"AKIA", b"&lt;"):
        credentials(one * (2 * LONGEST))

"""What a source of advisories may hold, and what a hostile one is refused for."""

import gzip
import io
import json
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisory_mirror import advisory, epss, export, kev, lines, text, zipped
from probatum.adapters import advisories_feeds
from probatum.adapters.advisories_feeds import Content, Record, contents
from probatum.errors import FeedError
from probatum.formats.allowance import Allowance
from probatum.material import BytesMaterial

NOW = datetime(2026, 2, 1, tzinfo=UTC)
ONE, TWO = advisory("X-1", "demo", fixed="2"), advisory("X-2", "other", last="1")


def content(data: bytes, **limits: int) -> Content:
    return Content("feed", BytesMaterial(data), Allowance(len(data), **{"ratio": 200, **limits}))


def records(data: bytes, **limits: int) -> list[Record]:
    return list(content(data, **limits).records(NOW))


def zstd(data: bytes) -> bytes:
    zstandard = pytest.importorskip("zstandard")
    packed: bytes = zstandard.compress(data)
    return packed


def test_records_are_read_from_each_form_alike() -> None:
    plain = lines(ONE, TWO)
    forms = [plain, gzip.compress(plain), zstd(plain), export(ONE, TWO), plain + b"\n\n"]
    for form in forms:
        assert content(form).holds() == "records"
        assert [one.id for one in records(form)] == ["X-1", "X-2"]
    [spread] = records(json.dumps(ONE, indent=2).encode())
    assert json.loads(spread.line) == ONE
    assert b"\n" not in spread.line


def test_a_record_is_told_by_id_time_and_ecosystems() -> None:
    mixed = advisory("X-3", "demo", modified="2026-01-02T03:04:05.678901234+02:00")
    mixed["affected"] += advisory("", "d", ecosystem="Debian:12")["affected"]
    mixed["affected"] += [{"ranges": []}]
    [found] = records(lines(mixed))
    assert found.modified == "2026-01-02T01:04:05Z"
    assert found.ecosystems == {"PyPI", "Debian"}


def test_a_long_first_line_is_a_line_still() -> None:
    long = {**ONE, "details": "x" * (3 << 20)}
    for form in (lines(long, TWO), gzip.compress(lines(long, TWO))):
        assert [one.id for one in records(form)] == ["X-1", "X-2"]


def test_a_date_in_the_future_says_nothing() -> None:
    [found] = records(lines(advisory("X-1", "demo", modified="9999-01-01T00:00:00Z")))
    assert found.modified == ""


def test_the_year_one_is_a_date() -> None:
    [found] = records(lines(advisory("X-1", "demo", modified="0001-01-01T00:00:00Z")))
    assert found.modified == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON", b"[]", b"{}", b'{"id": "X-1"}', b'{"id": 1, "modified": "x"}', b"\xff\xfe",
        b'{"id": "X-1", "modified": "yesterday"}', b"null", b"[" * 100_000,
        b'{"id": "../X", "modified": "2026-01-02T03:04:05Z"}',
        b'{"id": "", "modified": "2026-01-02T03:04:05Z"}',
        b'{"id": "X-1", "modified": "2026-13-02T03:04:05Z"}',
        b'{"id": "X-1", "modified": "0001-01-01T00:00:00+14:00"}',
        b'{"id": "X-1", "modified": "2026-01-02T03:04:05Z", "affected": {}}',
        b'{"id": "X-1", "modified": "2026-01-02T03:04:05Z", "affected": [{"package": "demo"}]}',
    ],
)  # fmt: skip
def test_what_is_no_record_ends_the_reading_with_its_place(line: bytes) -> None:
    with pytest.raises(FeedError, match="feed, line 2"):
        records(lines(ONE) + line + b"\n")


def test_a_member_that_is_no_record_is_named() -> None:
    with pytest.raises(FeedError, match=r"feed!/X-9\.json: this is no OSV record"):
        records(zipped({"X-1.json": text(ONE), "X-9.json": b"<html>"}))


@pytest.mark.parametrize("name", ["../X-1.json", "/X-1.json", "a/../../X-1.json", "C:/X-1.json"])
def test_a_member_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(FeedError, match="leads out of the folder"):
        records(zipped({name: text(ONE)}))


def test_a_member_that_is_no_json_is_refused() -> None:
    with pytest.raises(FeedError, match="no file of JSON"):
        records(zipped({"X-1.json": text(ONE), "run.sh": b"#!/bin/sh"}))


def test_a_bomb_in_a_zip_is_refused_before_it_unfolds() -> None:
    with pytest.raises(FeedError, match=r"unfolds to more|larger than the limit"):
        records(zipped({f"{number}.json": bytes(7 << 20) for number in range(20)}))


def test_a_bomb_in_a_stream_is_refused() -> None:
    with pytest.raises(FeedError, match=r"unfolds to more|larger than the limit"):
        records(gzip.compress(lines(ONE) + (b" " * 1000 + b"\n") * 80_000))


def test_one_endless_line_is_refused() -> None:
    with pytest.raises(FeedError, match="larger than the limit"):
        records(b'{"id": "' + b"x" * (9 << 20), member_size=advisories_feeds.RECORD)


def test_a_member_that_lies_about_its_size_is_refused() -> None:
    data = bytearray(export(ONE))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (5).to_bytes(4, "little")
    with pytest.raises(FeedError):
        records(bytes(data))


def test_more_members_than_allowed_are_refused() -> None:
    with pytest.raises(FeedError, match="more members than the 3"):
        records(zipped({f"{number}.json": text(ONE) for number in range(5)}), members=3)
    with pytest.raises(FeedError, match="more members than"):
        records(lines(*[ONE] * 5), members=3)


def test_a_link_in_a_zip_is_refused() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("X-1.json")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(FeedError, match="no file of JSON"):
        records(made.getvalue())


def test_a_file_cut_short_is_refused() -> None:
    for form in (export(ONE, TWO), gzip.compress(lines(ONE, TWO)), zstd(lines(ONE, TWO))):
        with pytest.raises(FeedError):
            records(form[:-5])


def test_scores_and_the_catalogue_are_known_by_their_content() -> None:
    table = epss("2026-01-31", CVE_2026_1234=("0.5", "0.9"))
    assert content(gzip.compress(table)).holds() == "epss"
    assert content(table).scores().of == {"CVE-2026-1234": ("0.5", "0.9")}
    catalogue = kev("2026-01-30", CVE_2026_1234="2026-01-15")
    assert content(zstd(catalogue)).holds() == "kev"
    assert content(catalogue).exploited().since == {"CVE-2026-1234": "2026-01-15"}


def test_a_folder_is_read_file_by_file_in_order(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / "X-2.json").write_bytes(text(TWO))
    (tmp_path / "all.jsonl").write_bytes(lines(ONE))
    (tmp_path / "README.md").write_text("not read")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.json").write_text("not read")
    found = [(one.name, [each.id for each in one.records(NOW)]) for one in contents(tmp_path, "f")]
    assert found == [("f/2026/X-2.json", ["X-2"]), ("f/all.jsonl", ["X-1"])]


def test_a_folder_without_advisories_is_said(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="no file in this folder ends in"):
        list(contents(tmp_path, "f"))
    with pytest.raises(FeedError, match="cannot be read"):
        list(contents(tmp_path / "none", "f"))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_nothing_but_feed_errors_comes_of_any_bytes(data: bytes) -> None:
    for start in (
        b"",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"\x1f\x8b\x08\x00",
        b"\x28\xb5\x2f\xfd",
        b"{",
    ):
        try:
            one = content(start + data)
            match one.holds():
                case "epss":
                    one.scores()
                case "kev":
                    one.exploited()
                case "records":
                    list(one.records(NOW))
        except FeedError:
            pass


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_nothing_but_feed_errors_comes_of_a_changed_export(at: int, byte: int) -> None:
    data = bytearray(export(ONE, TWO))
    data[at % len(data)] = byte
    with suppress(FeedError):
        records(bytes(data))

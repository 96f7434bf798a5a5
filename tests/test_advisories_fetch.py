"""Fetching a feed: what is taken, what is tried again, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from advisory_mirror import Mirror
from probatum.adapters import advisories_fetch
from probatum.adapters.advisories_fetch import Fetched, fetched, told
from probatum.errors import FeedError, UsageError

DATA = bytes(range(256)) * 4096


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Mirror() as made:
        made.files["/all.zip"] = DATA
        yield made


def get(mirror: Mirror, folder: Path, known: Fetched | None = None) -> Fetched:
    return fetched(f"{mirror.url}/all.zip", folder, known=known, sleep=lambda seconds: None)


def test_a_file_is_fetched_whole_and_named_by_its_digest(mirror: Mirror, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    url = f"{mirror.url}/all.zip"
    found = fetched(url, tmp_path, show=lambda name, done, total: seen.append((name, done, total)))
    assert found.path.read_bytes() == DATA
    assert found.path.name == found.sha256
    assert found.size == len(DATA)
    assert [one.name for one in tmp_path.iterdir()] == [found.sha256]
    assert seen[0] == (url, 0, len(DATA))
    assert seen[-1] == (url, len(DATA), len(DATA))


def test_what_has_not_changed_is_not_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    first = get(mirror, tmp_path)
    assert get(mirror, tmp_path, first) is first
    assert mirror.requests[-1][1]["if-none-match"] == first.etag


def test_what_has_changed_is_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    first = get(mirror, tmp_path)
    mirror.files["/all.zip"] = b"another"
    assert get(mirror, tmp_path, first).path.read_bytes() == b"another"


def test_an_answer_that_breaks_off_goes_on_where_it_stopped(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults.cut = [1000, 5000]
    assert get(mirror, tmp_path).path.read_bytes() == DATA
    ranges = [sent.get("range") for _, sent in mirror.requests]
    assert ranges == [None, "bytes=1000-", "bytes=6000-"]


def test_a_later_call_goes_on_too(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults.cut = [1000] * advisories_fetch.ATTEMPTS
    with pytest.raises(FeedError, match="broke off after 5000 of 1048576 bytes"):
        get(mirror, tmp_path)
    assert get(mirror, tmp_path).path.read_bytes() == DATA
    assert mirror.requests[-1][1]["range"] == "bytes=5000-"


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.faults.cut = [1000] * advisories_fetch.ATTEMPTS
    with pytest.raises(FeedError):
        get(mirror, tmp_path)
    mirror.files["/all.zip"] = b"another"
    assert get(mirror, tmp_path).path.read_bytes() == b"another"


def test_a_part_of_another_file_is_not_joined_to_what_is_there(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.faults.cut = [1000] * advisories_fetch.ATTEMPTS
    with pytest.raises(FeedError):
        get(mirror, tmp_path)
    mirror.files["/all.zip"] = bytes(len(DATA))
    mirror.faults.ignore_if_range = True
    assert get(mirror, tmp_path).path.read_bytes() == bytes(len(DATA))


def test_another_part_than_was_asked_for_is_not_taken(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults.cut = [1000]
    mirror.faults.other_range = True
    assert get(mirror, tmp_path).path.read_bytes() == DATA  # anew, and whole


def test_a_busy_server_is_asked_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults.fail = [503, 429, 500]
    mirror.faults.retry_after = "7"
    pauses: list[float] = []
    fetched(f"{mirror.url}/all.zip", tmp_path, sleep=pauses.append)
    assert pauses == [7.0, 7.0, 7.0]


def test_a_server_that_asks_for_an_hour_is_not_waited_for(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults.fail, mirror.faults.retry_after = [503], "3600"
    with pytest.raises(FeedError, match="asks to wait 3600 s"):
        get(mirror, tmp_path)


def test_what_is_not_there_is_said_at_once(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="the server answers 404"):
        fetched(f"{mirror.url}/none", tmp_path)
    assert len(mirror.requests) == 1


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="cannot be reached"):
        fetched("http://127.0.0.1:1/all.zip", tmp_path, sleep=lambda seconds: None)


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("http://192.0.2.1/all.zip", "only https"),
        ("file:///etc/passwd", "not allowed"),
        ("ftp://127.0.0.1/all.zip", "only https"),
    ],
)
def test_a_redirect_to_anything_but_https_is_not_followed(
    to: str, says: str, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.faults.redirect_to = to
    with pytest.raises(FeedError, match=says):
        get(mirror, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_redirects_in_a_circle_end(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults.redirect_to = f"{mirror.url}/all.zip"
    with pytest.raises(FeedError):
        get(mirror, tmp_path)
    assert len(mirror.requests) < 20


@pytest.mark.parametrize(
    "url",
    [
        "http://mirror.example/all.zip", "ftp://mirror.example/x", "https://", "https://a b/",
        "https://user:secret@mirror.example/x", "https://mirror.example:port/x",
        "http://127.0.0.1.mirror.example/x", "https://mirror.example/\n",
    ],
)  # fmt: skip
def test_an_address_that_is_not_fetched_is_wrong_usage(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        fetched(url, tmp_path)
    assert "secret" not in str(caught.value)


def test_a_query_that_may_hold_a_token_is_not_told() -> None:
    assert told("https://user:pass@host/path/all.zip?token=1") == "https://host/path/all.zip"


def test_a_body_longer_than_announced_is_cut_where_it_was_to_end(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.faults.longer_by = 10  # HTTP itself keeps to what was announced
    assert get(mirror, tmp_path).size == len(DATA) - 10


def test_a_body_without_an_announced_end_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults.no_length = True
    with pytest.raises(FeedError, match="does not say where the file ends"):
        get(mirror, tmp_path)


def test_a_body_that_was_compressed_on_the_way_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults.compress = True
    with pytest.raises(FeedError, match="compressed"):
        get(mirror, tmp_path)


def test_a_file_over_the_limit_is_refused_before_it_is_fetched(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories_fetch, "LARGEST", 1000)
    with pytest.raises(FeedError, match="more than the limit of 1000"):
        get(mirror, tmp_path)


def test_a_server_slower_than_the_deadline_is_given_up(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories_fetch, "DEADLINE_S", -1.0)
    with pytest.raises(FeedError, match="not whole after"):
        get(mirror, tmp_path)


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")
    assert get(mirror, tmp_path).size == len(DATA)

"""OSV's API as it is served from a snapshot: its answers, its limits, and what is no question."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from advisory_mirror import advisory, lines
from probatum.adapters import advisories_answers, advisories_server
from probatum.adapters.advisories import Asked, update
from probatum.adapters.advisories_server import Server, place
from probatum.adapters.advisories_store import Store
from probatum.errors import FeedError, UsageError

NOW = datetime(2026, 2, 1, tzinfo=UTC)
RECORDS = [
    advisory("GHSA-1", "demo", fixed="2.0", aliases=["CVE-2026-0001"], summary="first"),
    advisory("PYSEC-1", "demo", last="1.5", aliases=["CVE-2026-0002"]),
    advisory("PYSEC-2", "demo", last="2.6.0-NA", aliases=["CVE-2026-0003"]),
    advisory("PYSEC-3", "demo", fixed="9.0", withdrawn="2026-01-03T00:00:00Z"),
    advisory("GO-1", "example.com/mod", fixed="1.2.0", ecosystem="Go"),
    *[advisory(f"MANY-{number}", "many", fixed="2.0") for number in range(7)],
]


def installed(folder: Path, *records: dict[str, Any]) -> Store:
    store, path = Store(folder / "advisories"), folder / "feed.jsonl"
    path.write_bytes(lines(*records))
    asked = Asked((str(path),), ("PyPI", "Go"), allow_older=True)
    update(store, asked, NOW)
    return store


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(installed(tmp_path, *RECORDS), "127.0.0.1", 0, page=3) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()


def asked(server: Server, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    line = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    try:
        line.request(method, path, body)
        answer = line.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        line.close()


def query(server: Server, **said: Any) -> tuple[int, Any]:
    return asked(server, "POST", "/v1/query", json.dumps(said).encode())


def named(name: str, ecosystem: str = "PyPI") -> dict[str, str]:
    return {"name": name, "ecosystem": ecosystem}


def test_a_query_gets_the_whole_records(server: Server) -> None:
    status, answer = query(server, package=named("demo"), version="1.0")
    assert status == 200
    assert [one["id"] for one in answer["vulns"]] == ["GHSA-1", "PYSEC-1", "PYSEC-2"]
    assert answer["vulns"][0] == RECORDS[0]


def test_what_no_record_affects_gets_none(server: Server) -> None:
    assert query(server, package=named("example.com/mod", "Go"), version="1.2.0") == (200, {})
    assert query(server, package=named("unheard-of"), version="1") == (200, {})


def test_names_and_local_versions_are_as_in_an_audit(server: Server) -> None:
    _, answer = query(server, package=named("DEMO"), version="1.6+cu124")
    assert [one["id"] for one in answer["vulns"]] == ["GHSA-1", "PYSEC-2"]


def test_what_is_unknown_is_answered_with_the_reason(server: Server) -> None:
    _, answer = query(server, package=named("demo"), version="3.0")
    [one] = answer["vulns"]
    why = one.pop("database_specific")["probatum"]["undecided"]
    assert "2.6.0-NA" in why
    assert one == RECORDS[2]


def test_a_package_without_a_version_gets_all(server: Server) -> None:
    _, answer = query(server, package=named("demo"))
    assert [one["id"] for one in answer["vulns"]] == ["GHSA-1", "PYSEC-1", "PYSEC-2"]


@pytest.mark.parametrize(
    "purl", ["pkg:pypi/demo@1.0", "pkg:pypi/demo@1.0?extra=1#sub", "pkg:pypi/de%6Do@1%2E0"]
)
def test_a_package_may_be_named_by_its_purl(purl: str, server: Server) -> None:
    _, answer = query(server, package={"purl": purl})
    assert len(answer["vulns"]) == 3


def test_a_batch_gets_ids_and_times_in_the_order_of_its_queries(server: Server) -> None:
    body = {
        "queries": [
            {"package": named("unheard-of"), "version": "1"},
            {"package": {"purl": "pkg:golang/example.com/mod"}, "version": "1.1.0"},
        ]
    }
    status, answer = asked(server, "POST", "/v1/querybatch", json.dumps(body).encode())
    assert status == 200
    found = {"id": "GO-1", "modified": "2026-01-02T03:04:05Z"}
    assert answer == {"results": [{}, {"vulns": [found]}]}


@pytest.mark.parametrize("path", ["/v1/query", "/v1/querybatch"])
def test_pages_together_hold_everything_once(
    path: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories_answers, "PAGE_BYTES", 3 * len(lines(RECORDS[-1])))
    found: list[str] = []
    sizes: list[int] = []
    token = ""
    while len(sizes) < 9:
        question: Any = {"package": named("many"), "version": "1", "page_token": token}
        body = question if path == "/v1/query" else {"queries": [question]}
        _, answer = asked(server, "POST", path, json.dumps(body).encode())
        page = answer if path == "/v1/query" else answer["results"][0]
        found += [one["id"] for one in page["vulns"]]
        sizes.append(len(page["vulns"]))
        token = page.get("next_page_token", "")
        if not token:
            break
    assert sizes == [3, 3, 1]
    assert found == [f"MANY-{number}" for number in range(7)]


def test_an_answer_to_a_query_is_not_cut_by_the_number_of_its_records(server: Server) -> None:
    _, answer = query(server, package=named("many"), version="1")
    assert len(answer["vulns"]) == 7


def test_a_record_is_had_by_its_id(server: Server) -> None:
    assert asked(server, "GET", "/v1/vulns/GHSA-1") == (200, RECORDS[0])
    assert asked(server, "GET", "/v1/vulns/PYSEC-3") == (200, RECORDS[3])  # withdrawn
    status, answer = asked(server, "GET", "/v1/vulns/CVE-2000-0001")
    assert (status, answer["code"]) == (404, 5)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"package": named("left", "npm"), "version": "1"}, "covers Go, PyPI, and not 'npm'"),
        ({"commit": "abc"}, "commits are not answered"),
        ({"version": "1"}, "no package is named"),
        ({"package": {"name": "demo"}, "version": "1"}, "no package is named"),
        ({"package": {"purl": "pkg:deb/debian/bash@1"}}, "no package URL of"),
        ({"package": {"purl": "pkg:pypi/demo@1"}, "version": "1"}, "and beside it"),
        ({"package": {"purl": "pkg:pypi/demo", "name": "demo"}}, "not both"),
        ({"package": named("demo\n"), "version": "1"}, "no name of a package"),
        ({"package": named("demo"), "page_token": "0" * 16 + ".3"}, "another snapshot"),
        ({"package": named("demo"), "page_token": "x"}, "another snapshot"),
        ({"package": "demo"}, "no question"),
        ([], "no question"),
    ],
)
def test_what_cannot_be_answered_is_an_error_and_never_empty(
    said: Any, why: str, server: Server
) -> None:
    for path, body in (("/v1/query", said), ("/v1/querybatch", {"queries": [said]})):
        status, answer = asked(server, "POST", path, json.dumps(body).encode())
        assert status == 400
        assert why in answer["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404), ("GET", "/v1/vulns/", 404), ("POST", "/v1/other", 404),
        ("GET", "/v1/query", 404), ("PUT", "/v1/query", 501), ("GET", "/v1/vulns/../../x", 404),
    ],
)  # fmt: skip
def test_there_are_no_other_questions(method: str, path: str, status: int, server: Server) -> None:
    line = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    line.request(method, path, b"{}" if method == "POST" else None)
    assert line.getresponse().status == status
    line.close()


def test_sizes_and_numbers_are_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    many = json.dumps({"queries": [{"package": named("demo")}] * 1001}).encode()
    assert asked(server, "POST", "/v1/querybatch", many)[0] == 400
    monkeypatch.setattr(advisories_server, "BODY", 100)
    assert asked(server, "POST", "/v1/querybatch", many[:200])[0] == 413
    assert asked(server, "POST", "/v1/query", b"[" * 90)[0] == 400


def test_a_question_without_its_length_is_refused(server: Server) -> None:
    with socket.create_connection(server.server_address[:2], timeout=10) as line:  # type: ignore[arg-type]
        line.sendall(b"POST /v1/query HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 411")


def test_connections_beyond_the_bound_wait_for_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories_server, "CONNECTIONS", 4)
    address = ("127.0.0.1", server.server_address[1])
    held = [socket.create_connection(address, 10) for _ in range(4)]
    answers: list[int] = []
    one = threading.Thread(
        target=lambda: answers.append(asked(server, "GET", "/v1/vulns/GHSA-1")[0])
    )
    one.start()
    one.join(0.3)
    assert answers == []
    for line in held:
        line.close()
    one.join(10)
    assert answers == [200]


def test_a_crowd_is_not_kept_waiting_by_lines_that_idle(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories_server, "CONNECTIONS", 2)
    lines = [http.client.HTTPConnection(*server.server_address[:2], timeout=10) for _ in range(6)]  # type: ignore[arg-type]
    for line in lines:  # none of them is closed by its client
        line.request("GET", "/v1/vulns/GHSA-1")
    assert [line.getresponse().status for line in lines] == [200] * 6
    for line in lines:
        line.close()


def test_a_connection_that_has_gone_quiet_is_closed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories_server._Handler, "timeout", 0.1)
    with socket.create_connection(("127.0.0.1", server.server_address[1]), 10) as line:
        assert line.recv(1) == b""


def test_an_update_is_served_from_the_next_question_on(server: Server, tmp_path: Path) -> None:
    assert query(server, package=named("late"), version="1") == (200, {})
    installed(tmp_path, *RECORDS, advisory("PYSEC-9", "late", fixed="2.0"))
    _, answer = query(server, package=named("late"), version="1")
    assert [one["id"] for one in answer["vulns"]] == ["PYSEC-9"]


def test_a_snapshot_that_is_gone_is_an_error(server: Server, tmp_path: Path) -> None:
    (tmp_path / "advisories" / "current").write_text("none")
    assert query(server, package=named("demo"), version="1")[0] == 503


def test_nothing_is_served_where_nothing_is_installed(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="no advisories are installed"):
        Server(Store(tmp_path / "none"), "127.0.0.1", 0)


def test_a_place_that_is_taken_is_said(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1"):
        Server(Store(tmp_path / "advisories"), "127.0.0.1", int(server.server_address[1]))


def test_only_this_machine_is_answered_unless_told() -> None:
    assert place("127.0.0.1:80", allow_remote=False) == ("127.0.0.1", 80)
    assert place("localhost:0", allow_remote=False) == ("127.0.0.1", 0)
    assert place("[::1]:80", allow_remote=False) == ("::1", 80)
    assert place("0.0.0.0:80", allow_remote=True) == ("0.0.0.0", 80)
    for listen in ("0.0.0.0:80", "192.0.2.1:80", "[::]:80"):
        with pytest.raises(UsageError, match="--allow-remote"):
            place(listen, allow_remote=False)
    for listen in ("8053", ":80", "host.example:80", "127.0.0.1:", "127.0.0.1:99999", "::1"):
        with pytest.raises(UsageError, match="--listen"):
            place(listen, allow_remote=True)

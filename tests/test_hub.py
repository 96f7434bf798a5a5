"""The hub as a target, against a loopback server that speaks its API and misbehaves on demand."""

import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_server import COMMIT, Hub, Sparse, Stored
from probatum.adapters import anywhere
from probatum.adapters import hub as adapter
from probatum.adapters.hub_address import SCHEME, address
from probatum.adapters.hub_ranges import Blocks, Listed, Ranges
from probatum.adapters.hub_transfer import Transfer
from probatum.audit.opened import Root
from probatum.audit.run import Settings, audit
from probatum.errors import FormatError, TargetError
from probatum.formats import python_project
from probatum.material import BytesMaterial
from probatum.vocabulary import Reason, Refuted

huggingface_hub = pytest.importorskip("huggingface_hub")
pytest.importorskip("huggingface_hub.constants")

GIB = 1 << 30


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty local cache and no token: nothing of the developer's own account."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return folder


def transfer(hub: Hub, token: str | None = None, **how: Any) -> Transfer:
    how.setdefault("sleep", lambda _: None)
    return Transfer(huggingface_hub.get_session(), hub.endpoint, token, timeout_s=5, **how)


def opened(hub: Hub, target: str = "hf://owner/name", token: str | None = None) -> list[Root]:
    return list(adapter.roots(target, transfer=transfer(hub, token)))


def bytes_of(root: Root, offset: int = 0, length: int = 1 << 20) -> bytes:
    assert root.fetch is not None
    return root.fetch(offset, length)


def only(roots: list[Root]) -> Root:
    (root,) = roots
    return root


def reason_of(root: Root) -> Reason:
    """Why the root, or reading it, fails."""
    if root.trouble is not None:
        return root.trouble.reason
    with pytest.raises(FormatError) as caught:
        bytes_of(root)
    return caught.value.reason


def big_safetensors() -> Stored:
    header = json.dumps(
        {"w": {"dtype": "U8", "shape": [GIB], "data_offsets": [0, GIB]}}, separators=(",", ":")
    ).encode()
    start = struct.pack("<Q", len(header)) + header
    return Stored(Sparse(len(start) + GIB, {0: start}))


def test_every_file_is_a_root_named_with_the_commit(hub: Hub) -> None:
    hub.add("owner/name", {"config.json": b"{}", "sub/model.safetensors": big_safetensors()})
    config, model = opened(hub)
    assert config.name == f"hf://owner/name@{COMMIT}/config.json"
    assert model.name == f"hf://owner/name@{COMMIT}/sub/model.safetensors"
    assert (config.size, bytes_of(config)) == (2, b"{}")
    assert config.beside == {"config.json", "sub/"}
    assert model.beside == {"config.json", "sub/", "model.safetensors"}


def test_the_listed_digest_of_a_stored_file_is_recorded_as_expected(hub: Hub) -> None:
    hub.add("owner/name", {"model.safetensors": big_safetensors(), "readme": b"x"})
    model, readme = opened(hub)
    assert model.expected is not None
    assert model.expected.digest == "sha256:" + "ab" * 32
    assert (model.expected.size, model.expected.costly) == (model.size, True)
    assert readme.expected is None


def test_a_gigabyte_of_tensors_costs_less_than_a_mebibyte(hub: Hub) -> None:
    hub.add("owner/name", {"model.safetensors": big_safetensors()})
    root = only(opened(hub))
    length = struct.unpack("<Q", bytes_of(root, 0, 8))[0]
    assert json.loads(bytes_of(root, 8, length))["w"]["shape"] == [GIB]
    assert bytes_of(root, root.size - 4096, 4096) == bytes(4096)
    assert hub.served < 1 << 18


def test_a_torch_zip_costs_its_directory_and_pickles(hub: Hub) -> None:
    head, tail, size = _torch_zip(300 << 20)
    hub.add("owner/name", {"m.bin": Stored(Sparse(size, {0: head, size - len(tail): tail}))})
    root = only(opened(hub))
    with zipfile.ZipFile(_Seekable(root)) as archive:  # type: ignore[arg-type]
        assert archive.read("archive/data.pkl") == b"\x80\x02N."
    assert hub.served < 1 << 18


def test_reading_on_reads_ahead_in_growing_steps(hub: Hub) -> None:
    content = Sparse(8 << 20, {5: b"x"})
    hub.add("owner/name", {"m.bin": Stored(content)})
    root = only(opened(hub))
    before = len(hub.requests)
    got = b"".join(bytes_of(root, at, 4096) for at in range(0, content.size, 4096))
    assert got == content.read(0, content.size)
    assert hub.served == content.size
    assert len(hub.requests) - before < 16


def test_reading_again_asks_for_nothing(hub: Hub) -> None:
    hub.add("owner/name", {"m.bin": Stored(Sparse(1 << 20, {}))})
    root = only(opened(hub))
    bytes_of(root, 0, 100_000)
    before = len(hub.requests)
    bytes_of(root, 50_000, 50_000)
    assert len(hub.requests) == before


def test_several_threads_read_one_file(hub: Hub) -> None:
    content = Sparse(2 << 20, {1 << 20: b"here"})
    hub.add("owner/name", {"m.bin": Stored(content)})
    root = only(opened(hub))
    got: dict[int, bytes] = {}
    threads = [
        threading.Thread(target=lambda at=at: got.update({at: bytes_of(root, at, 1 << 18)}))
        for at in range(0, content.size, 1 << 18)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert b"".join(got[at] for at in sorted(got)) == content.read(0, content.size)


@given(
    size=st.integers(0, 400_000),
    reads=st.lists(st.tuples(st.integers(-1, 450_000), st.integers(-1, 450_000)), max_size=6),
    cap=st.sampled_from([0, 100_000, 1 << 20]),
)
def test_ranges_read_as_a_file_does(size: int, reads: list[tuple[int, int]], cap: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    content = Sparse(size, {0: data[:size]})
    listed = Listed("http://hub/f", size, COMMIT)
    ranges = Ranges(_Direct(content), listed, Blocks(cap))  # type: ignore[arg-type]
    for offset, length in reads:
        want = data[offset : min(offset + length, size)] if offset >= 0 and length > 0 else b""
        assert ranges.read(offset, length) == want


# The token


def test_the_token_goes_to_the_endpoint_and_never_to_storage(hub: Hub) -> None:
    hub.add("owner/name", {"m.bin": Stored(Sparse(2 << 20, {}))}, token="secret")
    assert len(bytes_of(only(opened(hub, token="secret")))) == 1 << 20
    sent = {(one.host, one.authorization) for one in hub.requests}
    assert sent == {("hub", "Bearer secret"), ("storage", None)}


def test_the_token_stays_even_when_the_listing_continues_elsewhere(hub: Hub) -> None:
    hub.add("owner/name", {f"{n}.txt": b"x" for n in range(5)}, token="secret")
    hub.faults.page_size = 2
    ours = hub.endpoint
    hub.endpoint = hub.storage  # the next page's address lies on the other host
    roots = list(
        adapter.roots(
            "hf://owner/name",
            transfer=Transfer(huggingface_hub.get_session(), ours, "secret", sleep=lambda _: None),
        )
    )
    assert roots[-1].trouble is not None and "broke off after 2" in roots[-1].trouble.detail
    assert {one.authorization for one in hub.requests if one.host == "storage"} == {None}


def test_a_private_repository_without_token_says_what_to_set(hub: Hub) -> None:
    hub.add("owner/name", {"a": b"x"}, token="secret")
    with pytest.raises(TargetError, match="HF_TOKEN"):
        opened(hub)


def test_a_gated_repository_says_what_to_accept(hub: Hub) -> None:
    hub.add("owner/name", {"a": b"x"}, gated=True)
    root = only(opened(hub))
    with pytest.raises(FormatError, match="accept its terms"):
        bytes_of(root)


# Addresses


def test_a_listing_of_many_pages_is_read_to_its_end(hub: Hub) -> None:
    hub.add("owner/name", {f"f{n:03}.txt": b"x" for n in range(45)})
    hub.faults.page_size = 10
    assert len(opened(hub)) == 45


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("hf://owner/name/sub", ["sub/b", "sub/c"]),
        ("hf://owner/name/sub/", ["sub/b", "sub/c"]),
        ("hf://owner/name@main/sub/c", ["sub/c"]),
        (f"hf://owner/name@{COMMIT}/a", ["a"]),
        ("hf://models/owner/name/a", ["a"]),
    ],
)
def test_a_part_of_a_repository_is_a_target(hub: Hub, target: str, names: list[str]) -> None:
    hub.add("owner/name", {"a": b"1", "sub/b": b"2", "sub/c": b"3"})
    roots = opened(hub, target)
    assert [root.name for root in roots] == [f"hf://owner/name@{COMMIT}/{one}" for one in names]
    assert all(bytes_of(root) for root in roots)


def test_datasets_and_spaces_are_targets(hub: Hub) -> None:
    hub.add("datasets/owner/name", {"d.csv": b"1,2"})
    root = only(opened(hub, "hf://datasets/owner/name"))
    assert root.name == f"hf://datasets/owner/name@{COMMIT}/d.csv"
    assert bytes_of(root) == b"1,2"


def test_the_name_of_an_artifact_is_a_target_of_its_own(hub: Hub) -> None:
    files = ["a b", "100%", "x!/y", "é\u200bñ", "a@b"]
    hub.add("owner/name", dict.fromkeys(files, b"x"))
    for root in opened(hub):
        assert root.name.isprintable() and "!/" not in root.name
        assert only(opened(hub, root.name)).name == root.name


@pytest.mark.parametrize(
    "target",
    [
        "hf://",
        "hf:///x",
        "hf://owner/..",
        "hf://a/b/../c",
        "hf://a/b@../x",
        "hf://a/b/\n",
        "hf://datasets",
        "hf://a/b@x%00",
        "hf://a/b/x%5Cy",
        "hf://-/b",
        "hf://a/\udc80",
    ],
)
def test_what_is_no_address_is_an_error_that_shows_how_to_write_one(target: str) -> None:
    with pytest.raises(TargetError):
        address(target)


@given(st.text())
def test_any_text_is_an_address_or_an_error(text: str) -> None:
    with suppress(TargetError):
        address(SCHEME + text)


@pytest.mark.parametrize(
    "target", ["hf://owner/none", "hf://owner/name@none", "hf://owner/name/no"]
)
def test_what_is_not_there_is_an_error(hub: Hub, target: str) -> None:
    hub.add("owner/name", {"a": b"1"})
    with pytest.raises(TargetError):
        opened(hub, target)


# Servers that fail or lie


def test_a_hub_that_is_busy_is_asked_again_after_the_time_it_names(hub: Hub) -> None:
    hub.add("owner/name", {"a": b"1"})
    hub.faults.fail, hub.faults.retry_after = [429, 503, 500], "7"
    slept: list[float] = []
    roots = adapter.roots("hf://owner/name", transfer=transfer(hub, sleep=slept.append))
    assert bytes_of(only(list(roots))) == b"1"
    assert slept == [7, 7, 7]


def test_a_hub_that_asks_for_an_hour_is_not_waited_for(hub: Hub) -> None:
    hub.add("owner/name", {"a": b"1"})
    hub.faults.fail, hub.faults.retry_after = [429], "3600"
    root = only(opened(hub))
    assert root.trouble is not None and "3600 s" in root.trouble.detail


def test_a_hub_that_stays_broken_is_trouble(hub: Hub) -> None:
    hub.add("owner/name", {"a": b"1"})
    hub.faults.fail = [503] * 20
    root = only(opened(hub))
    assert (root.name, reason_of(root)) == ("hf://owner/name@main", Reason.UNREADABLE)


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        ("ignore_range", True),
        ("shift_range", 1),
        ("wrong_total", 5),
        ("cut_body", 10),
        ("linked_size", 17),
        ("linked_etag", "cd" * 32),
        ("compress", True),
        ("redirect_to", "ftp://127.0.0.1/x"),
        ("redirect_to", "file:///etc/passwd"),
        ("redirect_to", "http://[::1"),
        ("redirect_to", "//"),
    ],
)
def test_a_server_that_lies_about_ranges_is_unreadable(hub: Hub, fault: str, value: Any) -> None:
    hub.add("owner/name", {"m.bin": Stored(Sparse(1 << 20, {}))})
    setattr(hub.faults, fault, value)
    assert reason_of(only(opened(hub))) is Reason.UNREADABLE
    assert hub.served < 8 << 20


def test_a_small_file_from_a_server_without_ranges_is_read_whole_and_verified(hub: Hub) -> None:
    data = bytes(range(256)) * 2000
    hub.add("owner/name", {"tokenizer.json": data})
    hub.faults.ignore_range = True
    root = only(opened(hub))
    assert bytes_of(root, 300_000, 100) == data[300_000:300_100]
    assert bytes_of(root) == data
    assert hub.served <= 3 * len(data)
    hub.faults.corrupt = True
    with pytest.raises(FormatError, match="do not have the digest"):
        bytes_of(only(opened(hub)))


def test_a_large_file_from_a_server_without_ranges_is_not_downloaded(hub: Hub) -> None:
    hub.add("owner/name", {"m.bin": Stored(Sparse(GIB, {}))})
    hub.faults.ignore_range = True
    with pytest.raises(FormatError, match="ignores byte ranges"):
        bytes_of(only(opened(hub)), 5, 10)


def test_a_redirect_in_a_circle_ends(hub: Hub) -> None:
    hub.add("owner/name", {"m.bin": Stored(Sparse(9, {}))})
    hub.faults.redirect_to = f"/owner/name/resolve/{COMMIT}/m.bin"
    assert reason_of(only(opened(hub))) is Reason.UNREADABLE
    assert len(hub.requests) < 20


def test_a_file_that_changes_between_two_reads_has_vanished(hub: Hub) -> None:
    hub.add("owner/name", {"m.bin": Stored(Sparse(8 << 20, {}))})
    hub.faults.new_tag_each_time = True
    root = only(opened(hub))
    bytes_of(root, 0, 10)
    with pytest.raises(FormatError) as caught:
        bytes_of(root, 4 << 20, 10)
    assert caught.value.reason is Reason.VANISHED


def test_another_commit_than_asked_for_is_not_read(hub: Hub) -> None:
    hub.add("owner/name", {"m.bin": Stored(Sparse(9, {})), "a": b"x"})
    hub.faults.other_commit = True
    assert {reason_of(root) for root in opened(hub)} == {Reason.VANISHED}


def test_a_small_file_with_wrong_bytes_is_noticed(hub: Hub) -> None:
    hub.add("owner/name", {"a.json": b"{}"})
    hub.faults.corrupt = True
    with pytest.raises(FormatError, match="do not have the digest"):
        bytes_of(only(opened(hub)))


def test_an_expired_address_is_asked_for_again(hub: Hub) -> None:
    content = Sparse(8 << 20, {4 << 20: b"late"})
    hub.add("owner/name", {"m.bin": Stored(content)})
    root = only(opened(hub))
    bytes_of(root, 0, 10)
    hub.faults.expire_after = 0
    assert bytes_of(root, 4 << 20, 4) == b"late"


def test_no_more_is_fetched_than_the_cap_of_a_target(hub: Hub) -> None:
    hub.add("owner/name", {"m.bin": Stored(Sparse(8 << 20, {}))})
    roots = adapter.roots("hf://owner/name", transfer=transfer(hub, fetch_cap=1 << 20))
    with pytest.raises(FormatError) as caught:
        bytes_of(only(list(roots)), 0, 4 << 20)
    assert caught.value.reason is Reason.OVER_LIMIT


@pytest.mark.parametrize(
    "listing",
    [
        b"",
        b"null",
        b'{"error": "no"}',
        b"[" * 100_000,
        b"\xff",
        b'[{"path": "\\ud800", "type": "file"}]',
    ],
)
def test_a_listing_that_is_none_is_trouble(hub: Hub, listing: bytes) -> None:
    hub.add("owner/name", {})
    hub.faults.tree = listing
    root = only(opened(hub))
    assert root.trouble is not None and "broke off after 0" in root.trouble.detail


@pytest.mark.parametrize(
    "entry",
    [
        {"path": "../x", "type": "file", "size": 1},
        {"path": "/etc/passwd", "type": "file", "size": 1},
        {"path": "a//b", "type": "file", "size": 1},
        {"path": "a", "type": "file", "size": -1},
        {"path": "a", "type": "file", "size": 1 << 70},
        {"path": "a", "type": "link", "size": 1},
        {"path": "a", "type": "file", "size": 1, "lfs": {"oid": "ab" * 32, "size": 2}},
        {"path": "a", "type": "file", "size": 1, "lfs": {"oid": "../..", "size": 1}},
        {"path": 5, "type": "file"},
        {"type": "file"},
        7,
        None,
    ],
)
def test_an_entry_that_cannot_be_believed_is_trouble(hub: Hub, entry: Any) -> None:
    hub.add("owner/name", {})
    hub.faults.tree = json.dumps([entry, {"path": "ok", "type": "file", "size": 1}]).encode()
    wrong, right = opened(hub)
    assert wrong.trouble is not None and wrong.trouble.reason is Reason.UNREADABLE
    assert right.trouble is None


def test_a_path_listed_twice_is_trouble(hub: Hub) -> None:
    hub.add("owner/name", {})
    entry = {"path": "a", "type": "file", "size": 1}
    hub.faults.tree = json.dumps([entry, entry]).encode()
    first, second = opened(hub)
    assert first.trouble is None and second.trouble is not None and first.name != second.name


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["path", "type", "size", "oid", "lfs", "sha"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=40) | _JSON.map(lambda one: json.dumps(one).encode()))
def test_any_listing_gives_entries_or_trouble(body: bytes) -> None:
    with suppress(FormatError):
        for entry in adapter._entries(body):
            adapter._wrong(entry)


# The local cache, and no network


def _cached(cache: Path, path: str, data: bytes, commit: str = COMMIT) -> Path:
    folder = cache / "models--owner--name"
    blob = folder / "blobs" / f"blob-{path.replace('/', '-')}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(data)
    link = folder / "snapshots" / commit / path
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(blob, link.parent))
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / "main").write_text(commit)
    return blob


def test_a_file_in_the_cache_is_read_from_there(hub: Hub, cache: Path) -> None:
    hub.add("owner/name", {"m.bin": Stored(Sparse(5, {0: b"local"}))})
    blob = _cached(cache, "m.bin", b"local")
    root = only(opened(hub))
    assert root.path == str(blob)
    assert root.expected is not None and not root.expected.costly


def test_a_cached_file_of_another_size_or_commit_is_not_used(hub: Hub, cache: Path) -> None:
    hub.add("owner/name", {"a": b"12345", "b": b"12345"})
    _cached(cache, "a", b"1234")
    _cached(cache, "b", b"12345", commit="e" * 40)
    assert [root.path for root in opened(hub)] == [None, None]


def test_a_link_in_the_cache_that_leads_out_is_not_followed(hub: Hub, cache: Path) -> None:
    hub.add("owner/name", {"a": b"12345"})
    _cached(cache, "a", b"12345").unlink()
    (cache / "elsewhere").write_bytes(b"12345")
    (cache / "models--owner--name/blobs/blob-a").symlink_to(cache / "elsewhere")
    assert only(opened(hub)).path is None


def test_without_network_the_cache_is_read_and_the_rest_is_said_to_be_missing(
    cache: Path,
) -> None:
    _cached(cache, "sub/m.bin", b"local")
    nowhere = Transfer(
        huggingface_hub.get_session(), "http://127.0.0.1:9", None, sleep=lambda _: None
    )
    held, rest = adapter.roots("hf://owner/name", transfer=nowhere)
    assert held.name == f"hf://owner/name@{COMMIT}/sub/m.bin"
    assert held.path is not None and Path(held.path).read_bytes() == b"local"
    assert rest.trouble is not None and rest.trouble.reason is Reason.OFFLINE
    assert "1 files are in the local cache" in rest.trouble.detail


def test_offline_mode_asks_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("owner/name", {"a": b"1"})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    root = only(opened(hub))
    assert root.trouble is not None and "HF_HUB_OFFLINE" in root.trouble.detail
    assert (root.trouble.reason, hub.requests) == (Reason.OFFLINE, [])


def test_a_host_without_an_address_is_offline() -> None:
    nowhere = Transfer(
        huggingface_hub.get_session(), "http://hub.invalid", None, sleep=lambda _: None
    )
    root = only(list(adapter.roots("hf://owner/name", transfer=nowhere)))
    assert root.trouble is not None and root.trouble.reason is Reason.OFFLINE


def test_the_environment_of_huggingface_hub_is_honoured(hub: Hub, tmp_path: Path) -> None:
    hub.add("owner/name", {"a.json": b"{}"}, token="from-the-environment")
    program = (
        "from probatum.adapters.hub import roots\n"
        "for root in roots('hf://owner/name'): print(root.name, root.fetch(0, 9))\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "from-the-environment"}
    environment["HF_HOME"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"hf://owner/name@{COMMIT}/a.json b'{{}}'\n"


def run(hub: Hub, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line itself, with its own processes, against the loopback hub."""
    environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home")}
    environment |= {"HF_TOKEN": "secret", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "probatum", *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_an_audit_of_a_hub_reads_ranges_and_its_certificates_hold(hub: Hub, tmp_path: Path) -> None:
    head, tail, size = _torch_zip(300 << 20)
    torch = Stored(Sparse(size, {0: head, size - len(tail): tail}))
    hub.add("owner/name", {"model.safetensors": big_safetensors(), "m.bin": torch}, token="secret")
    audited = run(
        hub, tmp_path, "audit", "hf://owner/name", "--format", "json", "-o", "report.json"
    )
    assert "Traceback" not in audited.stderr
    assert hub.served < 1 << 20
    report = json.loads((tmp_path / "report.json").read_bytes())
    verdicts = {(one["artifact"]["name"], one["claim"]): one for one in report["findings"]}
    start = f"hf://owner/name@{COMMIT}/"
    proven = [(f"{start}model.safetensors", "header-sound")]
    proven += [(f"{start}m.bin!/archive/data.pkl", "load-inert")]
    assert {verdicts[one]["verdict"] for one in proven} == {"proven"}
    far = verdicts[f"{start}model.safetensors", "digest-matches"]
    assert far["verdict"] == "undecided"
    arguments = ("check", "--only-certificates", "report.json", "hf://owner/name")
    checked = run(hub, tmp_path, *arguments)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert hub.served < 2 << 20
    assert {one.authorization for one in hub.requests if one.host == "storage"} == {None}


def test_proofs_still_hold_after_the_repository_was_downloaded(hub: Hub, tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'
    data = struct.pack("<Q", len(header)) + header + b"1234"
    stored = Stored(Sparse(len(data), {0: data}), hashlib.sha256(data).hexdigest())
    hub.add("owner/name", {"m.safetensors": stored})
    far = run(hub, tmp_path, "audit", "hf://owner/name", "--format", "json", "-o", "report.json")
    assert '"not-analysed"' in (tmp_path / "report.json").read_text(), far.stderr
    _cached(tmp_path / "home" / "hub", "m.safetensors", data)
    checked = run(hub, tmp_path, "check", "report.json", "hf://owner/name")
    assert "0 rejected, 0 not found" in checked.stdout, checked.stdout + checked.stderr
    near = run(hub, tmp_path, "audit", "hf://owner/name", "--format", "json")
    verdicts = {one["claim"]: one["verdict"] for one in json.loads(near.stdout)["findings"]}
    assert verdicts["digest-matches"] == "proven"


@pytest.mark.parametrize(
    ("how", "target", "code"),
    [
        ({"gated": True}, "hf://owner/name", 2),
        ({"token": "another"}, "hf://owner/name", 3),
        ({}, "hf://owner/none", 3),
        ({}, "hf://owner/name@none", 3),
        ({}, "hf://..", 3),
    ],
)
def test_what_cannot_be_read_is_never_exit_0(
    hub: Hub, tmp_path: Path, how: dict[str, Any], target: str, code: int
) -> None:
    hub.add("owner/name", {"m.pkl": b"N."}, **how)
    done = run(hub, tmp_path, "audit", target)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_the_command_to_install_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    root = only(list(adapter.roots("hf://owner/name")))
    assert root.trouble is not None and root.trouble.reason is Reason.MISSING_EXTRA
    assert "pip install 'probatum[hub]'" in root.trouble.detail


def test_the_adapter_itself_imports_nothing_heavy() -> None:
    program = (
        "import sys, probatum.adapters.hub\n"
        "print([m for m in ('huggingface_hub', 'httpx', 'httpx2', 'ssl') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


class _Direct:
    """A Transfer that answers from memory."""

    def __init__(self, content: Sparse) -> None:
        self._content = content

    def get(self, url: str, *, headers: dict[str, str], limit: int, **_: Any) -> Any:
        from probatum.adapters.hub_transfer import Answer

        low, high = map(int, headers["range"].removeprefix("bytes=").split("-"))
        body = self._content.read(low, high - low + 1)
        assert len(body) <= limit
        said = {"content-range": f"bytes {low}-{high}/{self._content.size}"}
        return Answer(206, url, said, said, body)


class _Seekable(io.RawIOBase):
    """A root as a file object, for the standard library's zip reader."""

    def __init__(self, root: Root) -> None:
        self._root, self._at = root, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._root.size)[whence]
        return self._at

    def read(self, length: int = -1) -> bytes:
        data = bytes_of(self._root, self._at, self._root.size if length < 0 else length)
        self._at += len(data)
        return data


def _torch_zip(storage: int) -> tuple[bytes, bytes, int]:
    """The bytes of a stored zip before and after `storage` zero bytes that lie in its middle."""
    parts: list[tuple[int, bytes]] = []

    class Recorder(io.RawIOBase):
        at = end = 0

        def writable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def tell(self) -> int:
            return self.at

        def seek(self, offset: int, whence: int = 0) -> int:
            self.at = offset + (0, self.at, self.end)[whence]
            return self.at

        def write(self, data: Any) -> int:
            if any(data):
                parts.append((self.at, bytes(data)))
            self.at += len(data)
            self.end = max(self.end, self.at)
            return len(data)

        def flush(self) -> None:
            pass

    recorder = Recorder()
    with zipfile.ZipFile(recorder, "w") as archive:  # type: ignore[call-overload]
        archive.writestr("archive/data.pkl", b"\x80\x02N.")
        with archive.open("archive/data/0", "w") as member:
            for _ in range(storage >> 20):
                member.write(bytes(1 << 20))
    size = recorder.end
    head, tail = bytearray(4096), bytearray(4096)
    for at, data in parts:
        where, start = (head, 0) if at < 4096 else (tail, size - 4096)
        where[at - start : at - start + len(data)] = data
    return bytes(head), bytes(tail), size


MODELING = (
    b"from .tools import run\nfrom fastapi import Request\n\ndef go(r: Request):\n    run(r.url)\n"
)
TOOLS = b"import os\n\ndef run(line):\n    os.system(line)\n"


def test_the_custom_code_of_a_repository_is_a_project(hub: Hub) -> None:
    hub.add("owner/name", {"config.json": b"{}", "modeling.py": MODELING, "tools.py": TOOLS})
    *files, project = opened(hub)
    assert [one.in_project for one in files] == [False, True, True]
    assert project.name == f"hf://owner/name@{COMMIT}!/project"
    material = BytesMaterial(bytes_of(project, 0, project.size))
    assert project.size == material.size
    assert dict(python_project.files(material)) == {"modeling.py": MODELING, "tools.py": TOOLS}


def test_a_path_through_the_files_of_a_repository_is_found(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("owner/name", {"modeling.py": MODELING, "tools.py": TOOLS})
    near = transfer(hub)
    monkeypatch.setattr(adapter, "connected", lambda: near)
    report = audit(["hf://owner/name"], Settings(jobs=1), roots_of=anywhere.roots)
    [found] = [one for one in report.findings if one.claim == "no-command-injection"]
    assert isinstance(found.verdict, Refuted)
    assert str(found.verdict.witnesses[0].place) == "tools.py:4:5"


def test_a_repository_whose_files_cannot_be_read_leaves_its_project_undecided(hub: Hub) -> None:
    hub.add("owner/name", {"modeling.py": MODELING})
    project = opened(hub)[-1]
    hub.add("owner/name", {"modeling.py": b"# of another size\n"})
    with pytest.raises(FormatError):
        bytes_of(project)

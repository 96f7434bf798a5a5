"""Targets: every file becomes a root, links lead nowhere else, nothing is left out in silence."""

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from probatum.audit.opened import Caps, Root
from probatum.audit.targets import roots
from probatum.errors import TargetError
from probatum.vocabulary import Reason


def by_name(target: Path | str, **options: object) -> dict[str, Root]:
    found = list(roots(str(target), **options))  # type: ignore[arg-type]
    named = {root.name: root for root in found}
    assert len(named) == len(found)
    return named


def reason(root: Root) -> Reason:
    assert root.trouble is not None
    assert root.path is None
    return root.trouble.reason


def test_a_file_is_one_root_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"abc")
    (tmp_path / "torch.py").write_bytes(b"")
    root = by_name(tmp_path / "a.pkl")["a.pkl"]
    assert root.size == 3
    assert root.path == str(tmp_path / "a.pkl")
    assert root.beside == {"a.pkl", "torch.py"}


def test_a_folder_is_walked_in_order(tmp_path: Path) -> None:
    for name in ("b/z.pkl", "b/a.pkl", "a.pkl", "c.pkl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = by_name(tmp_path)
    assert list(found) == ["a.pkl", "b/a.pkl", "b/z.pkl", "c.pkl"]
    assert found["b/a.pkl"].beside == {"a.pkl", "z.pkl", "b/", "c.pkl"}


def test_a_target_that_is_not_there_is_an_error() -> None:
    for target in ("/no/such/file", "a\0b"):
        with pytest.raises(TargetError):
            roots(target)


def test_an_empty_folder_is_not_silent(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert reason(by_name(tmp_path)["."]) == Reason.NOT_ANALYSED


def test_a_link_to_a_file_inside_is_noted_and_judged_once(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"x")
    (tmp_path / "b.pkl").symlink_to("a.pkl")
    found = by_name(tmp_path)
    assert found["a.pkl"].trouble is None
    assert reason(found["b.pkl"]) == Reason.NOT_ANALYSED
    assert "a.pkl" in str(found["b.pkl"].trouble)


def test_a_link_that_leads_outside_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "target" / "a").symlink_to("../secret")
    (tmp_path / "target" / "b").symlink_to("/etc")
    (tmp_path / "target-twin").mkdir()
    (tmp_path / "target" / "c").symlink_to("../target-twin")
    found = by_name(tmp_path / "target")
    assert {reason(root) for root in found.values()} == {Reason.OUTSIDE_TARGET}
    assert len(found) == 3


def test_links_that_lead_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "nowhere").symlink_to("gone")
    found = by_name(tmp_path)
    assert reason(found["a/up"]) == Reason.NOT_ANALYSED
    assert reason(found["self"]) == Reason.UNREADABLE
    assert reason(found["nowhere"]) == Reason.UNREADABLE


def test_a_target_that_is_a_link_is_what_the_user_meant(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real")
    assert by_name(tmp_path / "link")["a"].trouble is None


def test_a_snapshot_of_the_hub_cache_reads_its_own_blobs(tmp_path: Path) -> None:
    repository = tmp_path / "models--owner--name"
    snapshot = repository / "snapshots" / "abc"
    (repository / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (repository / "blobs" / "123").write_bytes(b"weights")
    (tmp_path / "secret").write_bytes(b"x")
    (snapshot / "model.safetensors").symlink_to("../../blobs/123")
    (snapshot / "evil").symlink_to("../../../secret")
    found = by_name(snapshot)
    assert found["model.safetensors"].path == str(repository / "blobs" / "123")
    assert found["model.safetensors"].size == 7
    assert reason(found["evil"]) == Reason.OUTSIDE_TARGET


def test_what_is_no_file_is_said_and_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        before = Path.cwd()
        os.chdir(tmp_path)  # a socket's path must be short
        try:
            listening.bind("socket")
        finally:
            os.chdir(before)
        found = by_name(tmp_path)
    assert {reason(root) for root in found.values()} == {Reason.UNREADABLE}
    assert reason(by_name("/dev/null")["null"]) == Reason.UNREADABLE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_listed_is_said(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    assert reason(by_name(tmp_path)["locked"]) == Reason.UNREADABLE


def test_a_folder_that_vanishes_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a.pkl").write_bytes(b"x")
    (tmp_path / "b").mkdir()
    walk = roots(str(tmp_path))
    (tmp_path / "b").rmdir() if next(walk).name else None
    assert [reason(root) for root in walk] == [Reason.VANISHED]


def test_names_that_are_not_utf_8_stay_unique_and_printable(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for name in (b"a\xff", b"a\\xff", b"a\n", b"a\\n", b"a\\xff#2"):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(name)
    found = by_name(tmp_path)
    assert len(found) == 5
    for root in found.values():
        assert root.name.isprintable()
        root.name.encode()
        assert root.path is not None
        assert Path(root.path).read_bytes()


@pytest.fixture
def deep_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose innermost file has a path longer than the system takes; taken down again,
    since what clears temporary folders recurses."""
    before, levels = Path.cwd(), 1000
    os.chdir(tmp_path)
    try:
        for _ in range(levels):
            Path("ddddd").mkdir()
            os.chdir("ddddd")
        Path("a").write_bytes(b"x")
        yield tmp_path
        Path("a").unlink()
        for _ in range(levels):
            os.chdir("..")
            Path("ddddd").rmdir()
    finally:
        os.chdir(before)


def test_very_deep_folders_are_walked_or_said_to_be_too_deep(deep_folder: Path) -> None:
    (root,) = by_name(deep_folder).values()
    assert root.trouble is not None
    assert root.trouble.reason == Reason.UNREADABLE


def test_git_s_own_store_is_not_walked_and_said_so(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_bytes(b"x")
    found = by_name(tmp_path)
    assert list(found) == [".git"]
    assert reason(found[".git"]) == Reason.NOT_ANALYSED


def test_what_the_user_excludes_is_left_out(tmp_path: Path) -> None:
    for name in ("a.pkl", "b.txt", "c/d.txt", "e/f"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert list(by_name(tmp_path, exclude=("*.txt", "e"))) == ["a.pkl"]


def test_standard_input_is_kept_in_a_file() -> None:
    root = by_name("-", stdin=io.BytesIO(b"abc"))["stdin"]
    assert root.size == 3
    assert root.path is not None
    assert Path(root.path).read_bytes() == b"abc"


def test_standard_input_without_end_is_stopped() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return bytes(size)

    root = by_name("-", stdin=Endless(), caps=Caps(total_size=3 << 20))["stdin"]
    assert reason(root) == Reason.OVER_LIMIT


def test_schemes_and_layouts_are_tables_of_the_caller(tmp_path: Path) -> None:
    def hub(target: str) -> Iterator[Root]:
        return iter((Root(target, 1, fetch=lambda at, length: b"x"),))

    assert list(by_name("hf://a/b", schemes={"hf": hub})) == ["hf://a/b"]
    with pytest.raises(TargetError, match="known: hf://"):
        roots("ftp://a", schemes={"hf": hub})
    (tmp_path / "oci-layout").write_bytes(b"{}")
    (tmp_path / "x").write_bytes(b"{}")

    def image(folder: str) -> Iterator[Root] | None:
        return hub("image") if Path(folder, "oci-layout").exists() else None

    assert list(by_name(tmp_path, layouts=(image,))) == ["image"]
    assert list(by_name(tmp_path, layouts=(lambda folder: None,))) == ["oci-layout", "x"]

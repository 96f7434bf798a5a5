"""Keeps snapshots of advisories, or of lists, in a folder of the user's: one of them is current.

    $PROBATUM_DATA/advisories, or probatum/advisories in the XDG data home
    ├── current          the digest of the snapshot in use
    ├── snapshots/<digest>/
    ├── feeds/           what the current snapshot was made from, as it was fetched
    └── lock

A snapshot is made beside the others and moved to its place whole; `current` is replaced last. So
whatever breaks off, the one that was current still is. Only the user may read or write here: who
could change advisories could hide one.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from probatum.adapters.advisories_chosen import CURRENT, SNAPSHOTS
from probatum.errors import FeedError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_DRAFT = "draft-"


class Store:
    """The snapshots in one folder, which need not exist; `command` makes new ones."""

    def __init__(self, folder: Path, command: str = "probatum advisories update") -> None:
        self.folder = folder
        self._command = command
        self.feeds = folder / "feeds"
        self._snapshots = folder / SNAPSHOTS
        self._current = folder / CURRENT

    def current(self) -> Path | None:
        """The folder of the snapshot in use. Raises: FeedError if it is named and not there."""
        try:
            digest = self._current.read_text("ascii", "replace").strip()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise FeedError(f"{self._current}: cannot be read: {exc.strerror}") from exc
        path = self._snapshots / digest
        if not _DIGEST.fullmatch(digest) or not path.is_dir():
            raise FeedError(
                f"{self._current} names no snapshot that is there: run '{self._command}'"
            )
        return path

    def installed(self) -> tuple[Path, ...]:
        """The folder of every snapshot, the newest first."""
        try:
            found = [one for one in self._snapshots.iterdir() if _DIGEST.fullmatch(one.name)]
            return tuple(sorted(found, key=lambda one: one.stat().st_mtime, reverse=True))
        except FileNotFoundError:
            return ()
        except OSError as exc:
            raise FeedError(f"{self._snapshots}: cannot be read: {exc.strerror}") from exc

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps every other process from changing what is here. Makes the folder.

        Raises: FeedError if another process is changing it, or others than the user may.
        """
        try:
            for folder in (self.folder, self.feeds, self._snapshots):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _demand_private(self.folder)
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise FeedError(f"{self.folder}: cannot be written: {exc.strerror}") from exc
        try:
            _lock(descriptor, self.folder)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty folder to make a snapshot in; what is left of it in the end is removed."""
        for left in self._snapshots.glob(f"{_DRAFT}*"):  # of an update that was killed
            shutil.rmtree(left, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self._snapshots))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def install(self, draft: Path, digest: str) -> Path:
        """Moves the draft to its place and makes it current; the order is what keeps it whole."""
        # 1. Everything in the draft is on the disk.
        for one in draft.iterdir():
            one.chmod(0o600)
            _synced(one)
        _synced(draft)
        # 2. It gets its name. Where the same records are installed, they stay, and the files that
        #    may differ (when it was fetched, how urgent things are) are replaced one by one.
        path = self._snapshots / digest
        if path.is_dir():
            for one in draft.iterdir():
                one.replace(path / one.name)
            os.utime(path)
        else:
            draft.rename(path)
        _synced(path)
        _synced(self._snapshots)
        # 3. It becomes current.
        pointer = self.folder / "current.new"
        pointer.write_text(f"{digest}\n", "ascii")
        pointer.chmod(0o600)
        _synced(pointer)
        pointer.replace(self._current)
        _synced(self.folder)
        return path

    def keep_feeds(self, digests: frozenset[str]) -> None:
        """Removes what was fetched for snapshots that are no longer current."""
        for one in self.feeds.iterdir():
            if _DIGEST.fullmatch(one.name) and one.name not in digests:
                one.unlink(missing_ok=True)

    def prune(self, keep: int) -> tuple[Path, ...]:
        """Removes all but the newest `keep` snapshots and the current one; returns the removed."""
        current = self.current()
        gone = tuple(one for one in self.installed()[keep:] if one != current)
        for one in gone:
            with suppress(FileNotFoundError):
                shutil.rmtree(one)
        return gone


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise FeedError(f"{folder}: another update is running") from exc


def _demand_private(folder: Path) -> None:
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise FeedError(
            f"{folder}: others may write here, and could hide an advisory; "
            f"run 'chmod 700 {folder}', or name another folder in PROBATUM_DATA"
        )


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

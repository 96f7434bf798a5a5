"""Where advisories and lists are kept, and which snapshot of them an audit rests on.

Every audit asks, so nothing is imported here that it does not need anyhow.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec
from msgspec import Struct

from probatum.audit.snapshots import Snapshot
from probatum.errors import FeedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

MANIFEST, CURRENT, SNAPSHOTS = "feeds.json", "current", "snapshots"
_DIGITS = frozenset("0123456789abcdef")


class _Manifest(Struct, frozen=True):
    """What is needed here of `advisories_installed.Manifest`."""

    checked: str
    covers: dict[str, Any]


def data_folder() -> str:
    """The folder of all snapshots. Source: XDG Base Directory Specification 0.8."""
    return _folder("advisories")


def lists_folder() -> str:
    """The folder of the lists of known-bad models and files."""
    return _folder("lists")


def _folder(name: str) -> str:
    if own := os.environ.get("PROBATUM_DATA"):
        return f"{os.path.abspath(own)}/{name}"
    xdg = os.environ.get("XDG_DATA_HOME", "")
    home = xdg if os.path.isabs(xdg) else os.path.expanduser("~/.local/share")  # noqa: PTH111, PTH117
    return f"{home}/probatum/{name}"


def chosen(digest: str | None, oldest_days: int, now: datetime) -> Snapshot | None:
    """The installed snapshot of this digest, or its beginning; without one the current one.

    None where nothing is installed and none is asked for. One whose sources were asked more than
    `oldest_days` ago proves nothing, unless it was asked for. Raises: FeedError.
    """
    return _Kind("advisories", "probatum advisories update").chosen(digest, oldest_days, now)


def chosen_lists(digest: str | None, oldest_days: int, now: datetime) -> Snapshot | None:
    """The installed lists, as `chosen` says it of advisories. Raises: FeedError."""
    return _Kind("lists", "probatum advisories update --list").chosen(digest, oldest_days, now)


class _Kind(Struct, frozen=True):
    """What is installed, and the command that renews it."""

    name: str
    command: str

    def chosen(self, digest: str | None, oldest_days: int, now: datetime) -> Snapshot | None:
        folder = _folder(self.name)
        name = self._current(folder) if digest is None else self._named(folder, digest)
        if name is None:
            return None
        manifest = self._manifest(f"{folder}/{SNAPSHOTS}/{name}/{MANIFEST}")
        if not manifest.covers:  # the last list was dropped
            return None
        stale = "" if digest is not None else self._stale(manifest.checked, oldest_days, now)
        covers = frozenset(manifest.covers)
        return Snapshot(
            folder=f"{folder}/{SNAPSHOTS}", digest=name, covers=covers, stale=stale,
            called=self.name,
        )  # fmt: skip

    def _current(self, folder: str) -> str | None:
        try:
            with open(f"{folder}/{CURRENT}", encoding="ascii", errors="replace") as file:
                name = file.read(80).strip()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise FeedError(f"{folder}/{CURRENT}: cannot be read: {exc.strerror}") from exc
        if len(name) != 64 or set(name) - _DIGITS:
            raise FeedError(f"{folder}/{CURRENT} names no snapshot: run '{self.command}'")
        return name

    def _named(self, folder: str, beginning: str) -> str:
        try:
            there = os.listdir(f"{folder}/{SNAPSHOTS}")  # noqa: PTH208
        except OSError:
            there = []
        found = [one for one in there if len(one) == 64 and one.startswith(beginning.lower())]
        if len(found) != 1 or len(beginning) < 8:
            said = "several snapshots" if len(found) > 1 else "no snapshot"
            raise FeedError(
                f"{said} of {self.name} called {beginning!r}: give its digest, as 'probatum "
                "advisories info' tells it, or 8 digits of it at least"
            )
        return found[0]

    def _manifest(self, path: str) -> _Manifest:
        try:
            with open(path, "rb") as file:
                return msgspec.json.decode(file.read(), type=_Manifest)
        except OSError as exc:
            raise FeedError(
                f"{path}: cannot be read: {exc.strerror}; run '{self.command}'"
            ) from exc
        except msgspec.MsgspecError as exc:
            raise FeedError(f"{path}: {exc}; run '{self.command}'") from exc

    def _stale(self, checked: str, oldest_days: int, now: datetime) -> str:
        import datetime

        try:
            age = now - datetime.datetime.fromisoformat(checked)
        except (ValueError, TypeError):
            return f"it is not known how old the installed {self.name} are"
        if age < -datetime.timedelta(days=1):
            return f"the installed {self.name} are from the future: is the clock right?"
        if age > datetime.timedelta(days=oldest_days):
            return (
                f"the installed {self.name} are {age.days} days old, and {oldest_days} are "
                f"allowed: `{self.command}` fetches new ones"
            )
        return ""

"""Where advisories are kept, and which snapshot of them an audit rests on.

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
    if own := os.environ.get("PROBATUM_DATA"):
        return f"{os.path.abspath(own)}/advisories"
    xdg = os.environ.get("XDG_DATA_HOME", "")
    home = xdg if os.path.isabs(xdg) else os.path.expanduser("~/.local/share")  # noqa: PTH111, PTH117
    return f"{home}/probatum/advisories"


def chosen(digest: str | None, oldest_days: int, now: datetime) -> Snapshot | None:
    """The installed snapshot of this digest, or its beginning; without one the current one.

    None where nothing is installed and none is asked for. One whose sources were asked more than
    `oldest_days` ago proves nothing, unless it was asked for. Raises: FeedError.
    """
    folder = data_folder()
    name = _current(folder) if digest is None else _named(folder, digest)
    if name is None:
        return None
    manifest = _manifest(f"{folder}/{SNAPSHOTS}/{name}/{MANIFEST}")
    stale = "" if digest is not None else _stale(manifest.checked, oldest_days, now)
    return Snapshot(
        folder=f"{folder}/{SNAPSHOTS}", digest=name, covers=frozenset(manifest.covers), stale=stale
    )


def _current(folder: str) -> str | None:
    try:
        with open(f"{folder}/{CURRENT}", encoding="ascii", errors="replace") as file:
            name = file.read(80).strip()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise FeedError(f"{folder}/{CURRENT}: cannot be read: {exc.strerror}") from exc
    if len(name) != 64 or set(name) - _DIGITS:
        raise FeedError(f"{folder}/{CURRENT} names no snapshot: run 'probatum advisories update'")
    return name


def _named(folder: str, beginning: str) -> str:
    try:
        there = os.listdir(f"{folder}/{SNAPSHOTS}")  # noqa: PTH208
    except OSError:
        there = []
    found = [one for one in there if len(one) == 64 and one.startswith(beginning.lower())]
    if len(found) != 1 or len(beginning) < 8:
        said = "several snapshots" if len(found) > 1 else "no snapshot"
        raise FeedError(
            f"{said} of advisories called {beginning!r}: give its digest, as 'probatum advisories "
            "info' tells it, or 8 digits of it at least"
        )
    return found[0]


def _manifest(path: str) -> _Manifest:
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=_Manifest)
    except OSError as exc:
        raise FeedError(
            f"{path}: cannot be read: {exc.strerror}; run 'probatum advisories update'"
        ) from exc
    except msgspec.MsgspecError as exc:
        raise FeedError(f"{path}: {exc}; run 'probatum advisories update'") from exc


def _stale(checked: str, oldest_days: int, now: datetime) -> str:
    import datetime

    try:
        age = now - datetime.datetime.fromisoformat(checked)
    except (ValueError, TypeError):
        return "it is not known how old the installed advisories are"
    if age < -datetime.timedelta(days=1):
        return "the installed advisories are from the future: is the clock right?"
    if age > datetime.timedelta(days=oldest_days):
        return (
            f"the installed advisories are {age.days} days old, and {oldest_days} are allowed: "
            "`probatum advisories update` fetches new ones"
        )
    return ""

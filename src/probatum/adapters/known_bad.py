"""Installs lists of known-bad models and files, and says what is installed.

A list is known by its own name: a newer one takes its place, the others stay. What is refused is
what `advisories` refuses: a list that was published before the installed one, or lacks more than a
tenth of what that names.
"""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from probatum.adapters.advisories_chosen import MANIFEST, lists_folder
from probatum.adapters.advisories_feeds import utc
from probatum.adapters.advisories_fetch import Show
from probatum.adapters.advisories_gather import LOST
from probatum.adapters.advisories_sources import Source, Wanted, had
from probatum.adapters.advisories_store import Store
from probatum.advisories import lists
from probatum.advisories.lists import List
from probatum.advisories.snapshot import RECORDS
from probatum.errors import FeedError, FormatError, UsageError

COMMAND = "probatum advisories update --list"


class Listed(Struct, frozen=True):
    """One installed list: when it was published, how much it names, and where it is from.

    `checked` is when its server was asked; of a file, when the list was published.
    """

    published: str
    entries: int
    checked: str
    source: Source


class Manifest(Struct, frozen=True):
    """What is installed; `checked` is that of the list that was asked for longest ago."""

    checked: str
    covers: dict[str, Listed]


class Updated(Struct, frozen=True):
    """What an update installed; `gone` is how much each list no longer names."""

    digest: str
    manifest: Manifest
    gone: dict[str, int]


def store() -> Store:
    return Store(Path(lists_folder()), COMMAND)


def current(store: Store) -> tuple[str, Manifest] | None:
    """The digest of what is installed, and what it is. Raises: FeedError."""
    folder = store.current()
    if folder is None:
        return None
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except OSError as exc:
        raise FeedError(f"{folder}: cannot be read: {exc.strerror}; run '{COMMAND}'") from exc
    except msgspec.MsgspecError as exc:
        raise FeedError(f"{folder}: {exc}; run '{COMMAND}'") from exc
    return folder.name, found


def update(
    store: Store,
    sources: tuple[str, ...],
    now: datetime,
    *,
    dropped: tuple[str, ...] = (),
    allow_older: bool = False,
    show: Show = lambda name, done, total: None,
) -> Updated:
    """Install the lists of `sources`, beside those that are there; not those that are `dropped`.

    Raises: FeedError if one cannot be had or is refused; what is installed then stays.
    """
    with store.locked(), store.draft() as draft:
        held = current(store)
        manifest = held[1] if held else Manifest("", {})
        old = _lines(store)
        if unknown := set(dropped) - set(manifest.covers):
            raise UsageError(f"--drop-list {min(unknown)}: no such list is installed")
        known = tuple(one.source for one in manifest.covers.values())
        made: dict[str, tuple[Listed, bytes]] = {}
        for where in sources:
            source, path = had(Wanted(where), store, known, show)
            one = _read(path, source.address)
            if one.name in made:
                raise FeedError(f"two of these lists are called {one.name!r}")
            checked = utc(now) if source.key else f"{one.published}T00:00:00Z"
            made[one.name] = (_listed(one, source, checked), lists.lines([one]))
        gone = {name: _gone(old.get(name, b""), data) for name, (_, data) in made.items()}
        if not allow_older:
            for name, (listed, _) in made.items():
                _demand_newer(name, manifest.covers.get(name), listed, gone[name])
        for name in manifest.covers:
            if name not in dropped:
                made.setdefault(name, (manifest.covers[name], old.get(name, b"")))
        digest, whole = _installed(store, draft, made)
    return Updated(digest, whole, {name: count for name, count in gone.items() if count})


def _installed(
    store: Store, draft: Path, made: dict[str, tuple[Listed, bytes]]
) -> tuple[str, Manifest]:
    covers = {name: made[name][0] for name in sorted(made)}
    manifest = Manifest(min((one.checked for one in covers.values()), default=""), covers)
    each = sorted(line for _, data in made.values() for line in data.splitlines(keepends=True))
    data = b"".join(each)
    (draft / RECORDS).write_bytes(data)
    told = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (draft / MANIFEST).write_bytes(told + b"\n")
    folder = store.install(draft, sha256(data).hexdigest())
    store.keep_feeds(frozenset(one.source.sha256 for one in covers.values()))
    return folder.name, manifest


def _read(path: Path, address: str) -> List:
    try:
        with path.open("rb") as file:
            return lists.parsed(file.read(lists.LARGEST + 1))
    except OSError as exc:
        raise FeedError(f"{address}: cannot be read: {exc.strerror}") from exc
    except FormatError as exc:
        raise FeedError(f"{address}: no list of known-bad models and files: {exc.detail}") from exc


def _listed(one: List, source: Source, checked: str) -> Listed:
    return Listed(one.published, len(one.entries), checked, source)


def _lines(store: Store) -> dict[str, bytes]:
    """What is installed, by list. Raises: FeedError."""
    folder = store.current()
    if folder is None:
        return {}
    found: dict[str, list[bytes]] = {}
    try:
        for one, line in _told((folder / RECORDS).read_bytes()):
            found.setdefault(one, []).append(line)
    except OSError as exc:
        raise FeedError(f"{folder}: cannot be read: {exc.strerror}; run '{COMMAND}'") from exc
    except FormatError as exc:
        raise FeedError(f"{folder}: {exc.detail}") from exc
    return {name: b"".join(each) for name, each in found.items()}


def _told(data: bytes) -> Iterator[tuple[str, bytes]]:
    for one, line in zip(lists.named(data), data.splitlines(keepends=True), strict=True):
        yield one.list, line


def _gone(old: bytes, new: bytes) -> int:
    """How much is named no more, whatever is said of it."""
    before, after = ({(one.what, one.value) for one in lists.named(data)} for data in (old, new))
    return len(before - after)


def _demand_newer(name: str, was: Listed | None, now: Listed, gone: int) -> None:
    if was is None:
        return
    says = ""
    if now.published < was.published:
        says = f"the installed one was published on {was.published}, the new one {now.published}"
    elif gone > LOST * max(was.entries, 1):
        says = f"{gone} of what the installed one names is gone"
    if says:
        raise FeedError(f"list {name!r}: {says} (--allow-older takes it all the same)")

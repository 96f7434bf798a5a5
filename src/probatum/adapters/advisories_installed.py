"""What is installed: a snapshot, how urgent its advisories are, and what both were made from."""

import mmap
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from probatum.adapters.advisories_chosen import MANIFEST
from probatum.adapters.advisories_gather import Tally
from probatum.adapters.advisories_sources import Source
from probatum.adapters.advisories_store import Store
from probatum.advisories import snapshot
from probatum.advisories.priority import Exploited, Priorities, Priority, Scores
from probatum.advisories.snapshot import Snapshot
from probatum.errors import FeedError, FormatError

PRIORITIES = "priorities"
ADVICE = "run 'probatum advisories update'"


class Manifest(Struct, frozen=True):
    """What a snapshot was made from, up to when it is known to be whole, and what it covers.

    `checked` is when the servers were asked. A file tells nothing of what was published after it:
    for one, this is the newest change in it.

    A record on a package of PyPI may name one of npm too; `covers` are the ecosystems of which a
    source was to hold every advisory there is.
    """

    checked: str
    covers: dict[str, Tally]
    sources: tuple[Source, ...]
    epss: str = ""
    kev: str = ""


class Held(Struct, frozen=True):
    """A snapshot with what it was made from; its index may be of another version of Probatum."""

    folder: Path
    manifest: Manifest
    priorities: Priorities

    @property
    def digest(self) -> str:
        return self.folder.name

    def lines(self) -> Iterator[bytes]:
        """Every line of the records: a list of ecosystem, package, id and record."""
        with (self.folder / snapshot.RECORDS).open("rb") as file:
            yield from file

    def opened(self) -> Snapshot:
        """The snapshot, to look packages up in. Raises: FeedError if it is damaged."""
        try:
            return snapshot.opened(self.folder)
        except FormatError as exc:
            raise FeedError(f"{self.folder}: {exc}; {ADVICE}") from exc


def current(store: Store) -> Held | None:
    """What is current; None if nothing was ever installed. Raises: FeedError if it is damaged."""
    folder = store.current()
    return None if folder is None else held(folder)


def demanded(store: Store) -> Held:
    """What is current. Raises: FeedError if there is none."""
    found = current(store)
    if found is None:
        raise FeedError(f"no advisories are installed: {ADVICE}")
    return found


def held(folder: Path) -> Held:
    """What lies in a folder of the store. Raises: FeedError if it is damaged."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        return Held(folder, manifest, Priorities(_mapped(folder / PRIORITIES)))
    except OSError as exc:
        raise FeedError(f"{folder}: cannot be read: {exc.strerror}; {ADVICE}") from exc
    except (msgspec.MsgspecError, FormatError, ValueError) as exc:
        raise FeedError(f"{folder}: {exc}; {ADVICE}") from exc


def priority(held: Held, ids: tuple[str, ...]) -> Priority:
    """How urgent a vulnerability is; `ids` are all its names."""
    return held.priorities.of(ids)


def parts(found: Priorities) -> tuple[Scores | None, Exploited | None]:
    """What a text of priorities was written from."""
    of, since = {}, {}
    for cve, epss, percentile, day in found.lines():
        if epss != "-":
            of[cve] = (epss, percentile)
        if day != "-":
            since[cve] = day
    return (
        Scores(found.epss_day, of) if found.epss_day else None,
        Exploited(found.kev_day, since) if found.kev_day else None,
    )


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

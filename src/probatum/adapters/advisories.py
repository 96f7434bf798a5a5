"""Updates the installed advisories, from OSV's published exports or from wherever the user says.

The order of an update:

1. The store is locked: there is one update at a time.
2. Every source is fetched, or not if its server says that it has not changed.
3. What they hold is read and checked as a whole; of one id in several sources the record that was
   changed last counts.
4. It is held against what is installed: a source that is older, or has lost records, is refused.
5. A snapshot is built beside the others, moved to its place, and becomes current.

Whatever goes wrong before the last step leaves what is installed as it was.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from probatum.adapters.advisories_chosen import MANIFEST
from probatum.adapters.advisories_feeds import Record, contents, head, utc
from probatum.adapters.advisories_fetch import Show
from probatum.adapters.advisories_gather import (
    DATED,
    Gathered,
    Tally,
    demand_later,
    demand_newer,
)
from probatum.adapters.advisories_installed import (
    PRIORITIES,
    Held,
    Manifest,
    current,
    parts,
)
from probatum.adapters.advisories_sources import Source, Wanted, had, wanted
from probatum.adapters.advisories_store import Store
from probatum.advisories import priority, snapshot
from probatum.advisories.priority import Exploited, Scores
from probatum.errors import FeedError


class Asked(Struct, frozen=True):
    """What the user asks for: `--from`, `--ecosystem`, `--allow-older`."""

    sources: tuple[str, ...] = ()
    ecosystems: tuple[str, ...] = ()
    allow_older: bool = False


class Updated(Struct, frozen=True):
    """What an update installed; `gone` are ids that were installed before and no longer are.

    `unread` says which parts of records could not be read.
    """

    folder: Path
    manifest: Manifest
    is_new: bool
    gone: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def update(
    store: Store,
    asked: Asked,
    now: datetime,
    *,
    show: Show = lambda name, done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> Updated:
    """Installs what the sources hold.

    `show` is told of the bytes that were gone through, `say` of what is missing.

    Raises: FeedError if a source cannot be had or is refused; what is installed then stays.
    """
    with store.locked(), store.draft() as draft:
        one = _Update(store, draft, asked, now, say)
        try:
            one.read(show)
            return one.installed(show)
        finally:
            one.records.close()


class _Update:
    def __init__(
        self, store: Store, draft: Path, asked: Asked, now: datetime, say: Callable[[str], None]
    ) -> None:
        self._store = store
        self._draft = draft
        self._asked = asked
        self._now = now
        self._say = say
        self._checked = utc(now)
        self._old = _old(store, asked)
        self.records = Gathered(draft)
        self._sources: list[Source] = []
        self._covers: set[str] = set()
        self._scores: Scores | None = None
        self._exploited: Exploited | None = None

    def read(self, show: Show) -> None:
        """Steps 2 and 3."""
        known = self._old.manifest.sources if self._old else ()
        covered = tuple(self._old.manifest.covers) if self._old else ()
        for one in wanted(self._asked.sources, self._asked.ecosystems, covered):
            try:
                source, path = had(one, self._store, known, show)
                self._take(one, path, source, show)
            except FeedError as exc:
                if not one.optional:
                    raise
                self._say(f"{exc}; the update goes on without it")
                continue
            self._sources.append(source)

    def _take(self, one: Wanted, path: Path, source: Source, show: Show) -> None:
        common: frozenset[str] | None = None
        newest, read = "", 0
        for content in contents(path, source.address):
            match content.holds():
                case "epss":
                    self._take_scores(content.scores())
                case "kev":
                    self._take_exploited(content.exploited())
                case "records":
                    _demand_records(one, content.name)
                    for record in content.records(self._now):
                        _demand_asked(record, one.ecosystems, content.name)
                        self.records.take(record)
                        held = record.ecosystems
                        common = held if common is None else common & held
                        newest = max(newest, record.modified)
                        read += len(record.line)
                        show(f"{source.address}: reading", read, 0)
        if common is not None:
            self._covers |= _covered(one, common, source.address)
            if not source.key:  # a file tells nothing of what was published after it
                known_until = newest if newest > DATED else source.last_modified
                self._checked = min(self._checked, known_until)

    def _take_scores(self, new: Scores) -> None:
        if self._old is not None and not self._asked.allow_older:
            demand_later("EPSS", parts(self._old.priorities)[0], new)
        self._scores = new

    def _take_exploited(self, new: Exploited) -> None:
        if self._old is not None and not self._asked.allow_older:
            demand_later("CISA's catalogue", parts(self._old.priorities)[1], new)
        self._exploited = new

    def installed(self, show: Show) -> Updated:
        """Steps 4 and 5."""
        covers = self._tallies()
        gone = self._gone()
        old = parts(self._old.priorities) if self._old else (None, None)
        if self._old is not None and not self._asked.allow_older:
            demand_newer(self._old.manifest.covers, covers, gone)
        about = self._built(covers, show)
        scores, exploited = self._scores or old[0], self._exploited or old[1]
        with (self._draft / PRIORITIES).open("xb") as file:
            file.writelines(priority.written(scores, exploited))
        manifest = Manifest(
            self._checked,
            covers,
            tuple(self._sources),
            epss=scores.day if scores else "",
            kev=exploited.day if exploited else "",
        )
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        (self._draft / MANIFEST).write_bytes(text + b"\n")
        is_new = self._old is None or self._old.digest != about.digest
        folder = self._store.install(self._draft, about.digest)
        self._store.keep_feeds(frozenset(one.sha256 for one in self._sources))
        lost = tuple(sorted({id for ids in gone.values() for id in ids}))
        return Updated(folder, manifest, is_new, lost, about.unread)

    def _tallies(self) -> dict[str, Tally]:
        if not self._covers:
            raise FeedError("the sources hold no advisories")
        tallies = self.records.tallies()
        for name in sorted(self._covers - tallies.keys()):
            raise FeedError(f"the sources hold no advisory of {name}")
        return {name: tallies[name] for name in sorted(self._covers)}

    def _gone(self) -> dict[str, set[str]]:
        """By ecosystem that is covered, the installed ids that no source has any more."""
        gone: dict[str, set[str]] = {}
        for line in self._old.lines() if self._old else ():
            ecosystem, _, id = head(line)
            if id not in self.records:
                gone.setdefault(ecosystem.partition(":")[0], set()).add(id)
        return gone

    def _built(self, covers: dict[str, Tally], show: Show) -> snapshot.About:
        size = self.records.size
        sources = (
            snapshot.Source(one.address, one.sha256, one.last_modified) for one in self._sources
        )
        with (self._draft / snapshot.RECORDS).open("xb") as file:
            index, about = snapshot.written(
                self.records.lines(), file, utc(self._now), tuple(sources), frozenset(covers),
                lambda done, of: show("compiling", done * size // of, size),
            )  # fmt: skip
        if about.records < len(self.records):
            why = "; ".join(about.unread[:3])
            raise FeedError(f"a record cannot be read, so nothing was installed: {why}")
        (self._draft / snapshot.INDEX).write_bytes(index)
        (self._draft / snapshot.ABOUT).write_bytes(snapshot.told(about))
        return about


def _old(store: Store, asked: Asked) -> Held | None:
    """What the new records are held against. Damaged, it can be replaced on demand only."""
    try:
        return current(store)
    except FeedError as exc:
        if asked.allow_older:
            return None
        raise FeedError(f"{exc} --allow-older: it cannot be told what is newer than that") from exc


def _demand_records(one: Wanted, name: str) -> None:
    if one.optional:
        raise FeedError(f"{name}: these are neither scores of EPSS nor CISA's catalogue")


def _demand_asked(record: Record, ecosystems: tuple[str, ...], name: str) -> None:
    if ecosystems and record.ecosystems.isdisjoint(ecosystems):
        others = ", ".join(sorted(record.ecosystems)) or "none"
        raise FeedError(
            f"{name}: {record.id} is on packages of another ecosystem ({others}) than was asked "
            f"for ({', '.join(ecosystems)})"
        )


def _covered(one: Wanted, common: frozenset[str], name: str) -> frozenset[str]:
    """The ecosystems of which this source is to hold every advisory there is.

    A record on a package of PyPI may speak of npm too; that does not make it a source for npm.
    """
    if not one.ecosystems and not common:
        raise FeedError(
            f"{name}: its records are of several ecosystems; say with --ecosystem which it covers"
        )
    return frozenset(one.ecosystems) or common

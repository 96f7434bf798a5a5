"""Which sources an update reads: those that OSV, FIRST and CISA publish, or those named."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from probatum.adapters import advisories_fetch as fetch
from probatum.adapters.advisories_feeds import below, utc
from probatum.adapters.advisories_store import Store
from probatum.errors import FeedError, UsageError

OSV = "https://osv-vulnerabilities.storage.googleapis.com/"
EPSS = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"
KEV = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
DEFAULT = ("PyPI",)
_ECOSYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,60}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Source(Struct, frozen=True, omit_defaults=True):
    """One source as it was read. `key` stands for its whole address, which may hold a secret.

    It is empty for a file or a folder. `last_modified` is as the server said it, or the disk.
    """

    address: str
    sha256: str
    size: int
    key: str = ""
    etag: str = ""
    last_modified: str = ""


class Wanted(Struct, frozen=True):
    """A source to read: the ecosystems that it is to cover, and whether an update does without."""

    where: str
    ecosystems: tuple[str, ...] = ()
    optional: bool = False


def wanted(
    named: tuple[str, ...], ecosystems: tuple[str, ...], installed: tuple[str, ...]
) -> tuple[Wanted, ...]:
    """What to read for `--from` and `--ecosystem`, and what is covered already.

    An address that ends with / is a mirror of OSV's exports, a folder of each ecosystem below it.
    """
    for name in ecosystems:
        if not _ECOSYSTEM.fullmatch(name):
            raise UsageError(f"--ecosystem {name}: this is no ecosystem of OSV (PyPI, npm, Go, …)")
    asked = ecosystems or installed or DEFAULT
    if not named:
        every = dict.fromkeys((*installed, *asked))
        scores = (Wanted(EPSS, optional=True), Wanted(KEV, optional=True))
        return (*(_export(OSV, name) for name in every), *scores)
    found: list[Wanted] = []
    for where in named:
        if _URL.match(where):
            fetch.demand_address(where)
        if _URL.match(where) and where.endswith("/"):
            found += (_export(where, name) for name in asked)
        else:
            found.append(Wanted(where, ecosystems))
    return tuple(found)


def had(
    one: Wanted, store: Store, known: tuple[Source, ...], show: fetch.Show
) -> tuple[Source, Path]:
    """The source, and the file or folder that holds it now. Raises: FeedError."""
    if not _URL.match(one.where):
        return _local(one.where)
    key = fetch.key(one.where)
    last = next((source for source in known if source.key == key), None)
    got = fetch.fetched(one.where, store.feeds, known=_still_there(last, store), show=show)
    address = fetch.told(one.where)
    return Source(address, got.sha256, got.size, key, got.etag, got.last_modified), got.path


def _export(base: str, ecosystem: str) -> Wanted:
    return Wanted(f"{base}{quote(ecosystem)}/all.zip", (ecosystem,))


def _still_there(last: Source | None, store: Store) -> fetch.Fetched | None:
    """What was fetched for `last`, if it lies there yet and is what it was."""
    if last is None:
        return None
    path = store.feeds / last.sha256
    try:
        if _digest(path) != last.sha256:
            return None
    except OSError:
        return None
    return fetch.Fetched(path, last.sha256, last.size, last.etag, last.last_modified)


def _local(where: str) -> tuple[Source, Path]:
    path = Path(where)
    try:
        files = sorted(below(path)) if path.is_dir() else [path]
        digests = [_digest(one) for one in files]
        size = sum(one.stat().st_size for one in files)
        changed = max((one.stat().st_mtime for one in files), default=0.0)
    except OSError as exc:
        raise FeedError(f"{where}: cannot be read: {exc.strerror}") from exc
    names = (one.relative_to(path).as_posix() for one in files)
    listing = "".join(f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
    whole = hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()
    sha256 = whole if path.is_dir() else digests[0]
    return Source(
        where, sha256, size, last_modified=utc(datetime.fromtimestamp(changed, UTC))
    ), path


def _digest(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(2, "not a file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

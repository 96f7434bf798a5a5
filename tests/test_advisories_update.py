"""Updating the installed advisories: what is installed, what is refused, and what then stays."""

import gzip
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from advisory_mirror import Mirror, advisory, epss, export, kev, lines
from probatum.adapters import advisories_sources
from probatum.adapters.advisories import Asked, Updated, update
from probatum.adapters.advisories_chosen import data_folder
from probatum.adapters.advisories_installed import Held, current, demanded, priority
from probatum.adapters.advisories_store import Store
from probatum.advisories.matching import Affects, affected
from probatum.advisories.priority import Priority
from probatum.components import Component
from probatum.errors import FeedError, UsageError

NOW = datetime(2026, 2, 1, tzinfo=UTC)
EPSS, KEV = "/epss_scores-current.csv.gz", "/known_exploited_vulnerabilities.json"
MANY = [advisory(f"X-{number}", f"demo-{number}", fixed="2.0") for number in range(20)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data" / "advisories")


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror in the place of OSV, FIRST and CISA."""
    with Mirror() as made:
        monkeypatch.setattr(advisories_sources, "OSV", f"{made.url}/")
        monkeypatch.setattr(advisories_sources, "EPSS", made.url + EPSS)
        monkeypatch.setattr(advisories_sources, "KEV", made.url + KEV)
        made.files = {
            "/PyPI/all.zip": export(*MANY),
            EPSS: gzip.compress(epss("2026-01-31", CVE_2026_0001=("0.5", "0.9"))),
            KEV: kev("2026-01-30", CVE_2026_0001="2026-01-15"),
        }
        yield made


def updated(store: Store, *sources: str, now: datetime = NOW, **more: Any) -> Updated:
    return update(store, Asked(sources=sources, **more), now)


def feed(folder: Path, *records: dict[str, Any], name: str = "feed.jsonl") -> str:
    path = folder / name
    path.write_bytes(lines(*records))
    return str(path)


def verdict(held: Held, name: str, version: str, ecosystem: str = "PyPI") -> Affects:
    component = Component(ecosystem=ecosystem, name=name, version=version)
    [match] = affected(held.opened().index, component)
    return match.verdict


def test_without_sources_what_osv_first_and_cisa_publish_is_installed(
    mirror: Mirror, store: Store
) -> None:
    done = updated(store)
    held = demanded(store)
    assert done.is_new
    assert (held.folder, held.manifest) == (done.folder, done.manifest)
    assert held.manifest.covers["PyPI"].records == 20
    assert (held.manifest.epss, held.manifest.kev) == ("2026-01-31", "2026-01-30")
    assert verdict(held, "demo-1", "1.0+cu124") is Affects.YES
    assert verdict(held, "demo-1", "2.0") is Affects.NO
    assert priority(held, ("X-1", "CVE-2026-0001")) == Priority(
        "2026-01-15", 0.5, 0.9, "2026-01-31"
    )


def test_what_has_not_changed_is_not_fetched_and_stays(mirror: Mirror, store: Store) -> None:
    first = updated(store)
    mirror.requests.clear()
    second = updated(store, now=datetime(2026, 2, 2, tzinfo=UTC))
    assert all("if-none-match" in sent for _, sent in mirror.requests)
    assert (second.is_new, second.folder) == (False, first.folder)
    assert demanded(store).manifest.checked == "2026-02-02T00:00:00Z"
    assert len(store.installed()) == 1


def test_a_copy_that_was_changed_on_the_disk_is_fetched_again(mirror: Mirror, store: Store) -> None:
    updated(store)
    for one in store.feeds.iterdir():
        one.write_bytes(b"changed")
    updated(store)
    assert demanded(store).manifest.covers["PyPI"].records == 20


def test_the_ecosystems_that_are_installed_are_updated_too(mirror: Mirror, store: Store) -> None:
    mirror.files["/npm/all.zip"] = export(advisory("N-1", "left", ecosystem="npm", fixed="2.0"))
    updated(store)
    updated(store, ecosystems=("npm",))
    updated(store)
    assert list(demanded(store).manifest.covers) == ["PyPI", "npm"]


def test_a_mirror_of_exports_is_asked_for_each_ecosystem(mirror: Mirror, store: Store) -> None:
    mirror.files["/osv/crates.io/all.zip"] = export(
        advisory("R-1", "left", ecosystem="crates.io", fixed="2.0.0")
    )
    mirror.files["/osv/PyPI/all.zip"] = export(*MANY)
    updated(store, f"{mirror.url}/osv/", ecosystems=("PyPI", "crates.io"))
    assert list(demanded(store).manifest.covers) == ["PyPI", "crates.io"]


def test_an_outage_of_first_or_cisa_delays_no_advisory(mirror: Mirror, store: Store) -> None:
    updated(store)
    del mirror.files[EPSS], mirror.files[KEV]
    mirror.files["/PyPI/all.zip"] = export(*MANY, advisory("X-99", "late", fixed="2.0"))
    said: list[str] = []
    update(store, Asked(), NOW, say=said.append)
    assert [("goes on without" in one, "404" in one) for one in said] == [(True, True)] * 2
    held = demanded(store)
    assert verdict(held, "late", "1.0") is Affects.YES
    assert priority(held, ("CVE-2026-0001",)).epss == 0.5  # as it was known


def test_first_and_cisa_are_no_sources_of_advisories(mirror: Mirror, store: Store) -> None:
    mirror.files[KEV] = lines(advisory("X-1", "demo", fixed="0.1", modified="2026-01-30T00:00:00Z"))
    said: list[str] = []
    update(store, Asked(), NOW, say=said.append)
    assert len(said) == 1 and "neither scores of EPSS nor CISA's catalogue" in said[0]
    assert verdict(demanded(store), "demo-1", "1.0") is Affects.YES


def test_a_file_is_as_old_as_its_newest_record(
    mirror: Mirror, store: Store, tmp_path: Path
) -> None:
    assert updated(store).manifest.checked == "2026-02-01T00:00:00Z"
    source = feed(tmp_path, *MANY)
    assert updated(store, source).manifest.checked == "2026-01-02T03:04:05Z"
    undated = feed(tmp_path, *[{**one, "modified": "0001-01-01T00:00:00Z"} for one in MANY])
    os.utime(undated, (1_750_000_000, 1_750_000_000))
    done = updated(store, undated, allow_older=True)
    assert done.manifest.checked == "2025-06-15T15:06:40Z"


def test_a_named_source_that_fails_ends_the_update(mirror: Mirror, store: Store) -> None:
    with pytest.raises(FeedError, match="404"):
        updated(store, f"{mirror.url}/none.zip")
    assert current(store) is None


def test_an_ecosystem_that_a_record_only_mentions_is_not_covered(
    store: Store, tmp_path: Path
) -> None:
    both = advisory("X-1", "demo", fixed="2.0")
    both["affected"] += advisory("", "left", ecosystem="npm", fixed="2.0")["affected"]
    updated(store, feed(tmp_path, both, MANY[2]))
    held = demanded(store)
    assert list(held.manifest.covers) == ["PyPI"]
    assert held.opened().index.ecosystems == ("PyPI",)


def test_a_source_of_several_ecosystems_has_to_be_said_what_it_covers(
    store: Store, tmp_path: Path
) -> None:
    mixed = feed(tmp_path, MANY[0], advisory("N-1", "left", ecosystem="npm", fixed="2.0"))
    with pytest.raises(FeedError, match="say with --ecosystem which"):
        updated(store, mixed)
    updated(store, mixed, ecosystems=("PyPI", "npm"))
    assert verdict(demanded(store), "left", "1.0.0", "npm") is Affects.YES


def test_a_record_of_another_ecosystem_than_asked_for_is_refused(
    mirror: Mirror, store: Store
) -> None:
    other = advisory("N-1", "left", ecosystem="npm", fixed="2.0")
    mirror.files["/PyPI/all.zip"] = export(*MANY, other)
    with pytest.raises(FeedError, match=r"N-1 is on packages of another ecosystem \(npm\)"):
        updated(store)
    assert current(store) is None


def test_an_ecosystem_without_records_is_refused(store: Store, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    with pytest.raises(FeedError):
        updated(store, str(empty))
    with pytest.raises(FeedError, match="no advisory of npm"):
        updated(store, feed(tmp_path, *MANY), ecosystems=("PyPI", "npm"))
    assert current(store) is None


def test_of_two_records_of_one_id_the_last_changed_counts(store: Store, tmp_path: Path) -> None:
    old = advisory("X-1", "demo", fixed="1.0", modified="2026-01-01T00:00:00Z")
    new = advisory("X-1", "demo", fixed="3.0", modified="2026-01-02T00:00:00Z")
    false = advisory("X-1", "demo", fixed="0.1", modified="2999-01-01T00:00:00Z")
    sources = [feed(tmp_path, one, name=f"{number}.jsonl") for number, one in
               enumerate([new, old, false])]  # fmt: skip
    updated(store, *sources)
    assert verdict(demanded(store), "demo", "2.0") is Affects.YES


def test_older_records_are_refused(store: Store, tmp_path: Path) -> None:
    first = updated(store, feed(tmp_path, *MANY))
    old = [{**one, "modified": "2025-12-31T00:00:00Z"} for one in MANY]
    with pytest.raises(FeedError, match="go up to 2026-01-02T03:04:05Z, the new ones to 2025"):
        updated(store, feed(tmp_path, *old))
    assert demanded(store).folder == first.folder
    updated(store, feed(tmp_path, *old), allow_older=True)
    assert demanded(store).folder != first.folder


def test_records_that_are_gone_are_told_and_too_many_are_refused(
    store: Store, tmp_path: Path
) -> None:
    updated(store, feed(tmp_path, *MANY))
    done = updated(store, feed(tmp_path, *MANY[2:]))
    assert done.gone == ("X-0", "X-1")
    # Others in their place do not make up for those that are gone.
    others = [advisory(f"Y-{number}", "demo", fixed="2.0") for number in range(20)]
    with pytest.raises(FeedError, match="2 of the 18 installed records of PyPI are gone"):
        updated(store, feed(tmp_path, *MANY[4:], *others))
    assert demanded(store).manifest.covers["PyPI"].records == 18


def test_an_ecosystem_that_no_source_covers_any_more_is_refused(
    store: Store, tmp_path: Path
) -> None:
    updated(store, feed(tmp_path, *MANY))
    other = feed(tmp_path, advisory("N-1", "left", ecosystem="npm", fixed="2.0"), name="n.jsonl")
    with pytest.raises(FeedError, match="20 records of PyPI are installed"):
        updated(store, other)


def test_older_scores_and_catalogues_are_refused(mirror: Mirror, store: Store) -> None:
    updated(store)
    older = {EPSS: epss("2026-01-01", CVE_2026_0001=("0.1", "0.1")),
             KEV: kev("2026-01-01", CVE_2026_0001="2026-01-15")}  # fmt: skip
    for path, data in older.items():
        kept = mirror.files[path]
        mirror.files[path] = data
        with pytest.raises(FeedError, match="is installed, the new one is of 2026-01-01"):
            updated(store, f"{mirror.url}/PyPI/all.zip", f"{mirror.url}{path}")
        # Where nobody named it, it delays no advisory.
        said: list[str] = []
        update(store, Asked(), NOW, say=said.append)
        assert len(said) == 1 and "is installed, the new one is of" in said[0]
        mirror.files[path] = kept
    assert priority(demanded(store), ("CVE-2026-0001",)).epss == 0.5


@pytest.mark.parametrize(
    "text",
    [b"not JSON\n", b'{"id": "X-1", "id": "X-2", "modified": "2026-01-02T03:04:05Z"}\n'],
)
def test_one_record_that_cannot_be_read_refuses_all(
    text: bytes, store: Store, tmp_path: Path
) -> None:
    first = updated(store, feed(tmp_path, *MANY))
    path = tmp_path / "bad.jsonl"
    path.write_bytes(lines(*MANY) + text)
    with pytest.raises(FeedError):
        updated(store, str(path), allow_older=True)
    assert demanded(store).folder == first.folder
    assert len(store.installed()) == 1


@pytest.mark.parametrize("name", ["../etc", "PyPI/../npm", "", "a\nb", "https://x"])
def test_a_name_that_is_no_ecosystem_is_wrong_usage(name: str, store: Store) -> None:
    with pytest.raises(UsageError, match="no ecosystem"):
        updated(store, ecosystems=(name,))


def test_an_update_that_is_stopped_leaves_what_is_installed(
    mirror: Mirror, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = updated(store)
    mirror.files["/PyPI/all.zip"] = export(*MANY, advisory("X-99", "late", fixed="2.0"))

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    for name in ("chmod", "rename"):
        with monkeypatch.context() as patched:
            patched.setattr(Path, name, stopped)
            with pytest.raises(KeyboardInterrupt):
                updated(store)
        assert demanded(store).folder == first.folder
        assert [one.name for one in (store.folder / "snapshots").iterdir()] == [first.folder.name]
    assert updated(store).is_new


def test_an_update_that_is_stopped_while_it_compiles_leaves_what_is_installed(
    store: Store, tmp_path: Path
) -> None:
    first = updated(store, feed(tmp_path, *MANY))
    shown: list[str] = []

    def stop(name: str, done: int, total: int) -> None:
        shown.append(name)
        if name == "compiling" and done > total / 2:
            raise KeyboardInterrupt

    changed = feed(tmp_path, *MANY, advisory("X-99", "late", fixed="2.0"))
    with pytest.raises(KeyboardInterrupt):
        update(store, Asked(sources=(changed,)), NOW, show=stop)
    assert demanded(store).folder == first.folder
    assert [one.name for one in first.folder.parent.iterdir()] == [first.folder.name]
    assert list(dict.fromkeys(shown)) == [f"{changed}: reading", "compiling"]


def test_what_a_killed_update_left_is_removed(mirror: Mirror, store: Store) -> None:
    updated(store)
    left = store.folder / "snapshots" / "draft-left"
    left.mkdir()
    (left / "records.jsonl").write_bytes(b"half")
    updated(store)
    assert not left.exists()


def test_two_updates_at_once_are_refused(store: Store, tmp_path: Path) -> None:
    with store.locked(), pytest.raises(FeedError, match="another update is running"):
        updated(store, feed(tmp_path, *MANY))


def test_only_the_user_may_read_or_write_what_is_installed(mirror: Mirror, store: Store) -> None:
    updated(store)
    for folder, _, names in os.walk(store.folder):
        for one in (Path(folder), *(Path(folder, name) for name in names)):
            assert not stat.S_IMODE(one.stat().st_mode) & 0o077, one


def test_a_folder_in_which_others_may_write_is_refused(store: Store, tmp_path: Path) -> None:
    store.folder.mkdir(parents=True)
    store.folder.chmod(0o777)
    with pytest.raises(FeedError, match="others may write here"):
        updated(store, feed(tmp_path, *MANY))


def test_old_snapshots_are_pruned_and_never_the_current_one(store: Store, tmp_path: Path) -> None:
    for number in range(1, 6):
        made = updated(store, feed(tmp_path, *MANY[:number]), allow_older=True)
        os.utime(made.folder, (number, number))
    os.utime(made.folder, (0, 0))
    assert len(store.prune(2)) == 2
    assert demanded(store).folder == made.folder
    assert len(store.installed()) == 3


def test_a_damaged_snapshot_is_told_and_replaced_on_demand(store: Store, tmp_path: Path) -> None:
    source = feed(tmp_path, *MANY)
    done = updated(store, source)
    (done.folder / "feeds.json").write_text("{}")
    with pytest.raises(FeedError, match="--allow-older"):
        updated(store, source)
    updated(store, source, allow_older=True)
    assert demanded(store).manifest.covers["PyPI"].records == 20
    store.folder.joinpath("current").write_text("../../etc")
    with pytest.raises(FeedError, match="names no snapshot that is there"):
        current(store)


def test_an_index_of_another_version_is_no_reason_not_to_update(
    store: Store, tmp_path: Path
) -> None:
    done = updated(store, feed(tmp_path, *MANY))
    (done.folder / "index").write_bytes(b"of tomorrow")
    with pytest.raises(FeedError, match="run 'probatum advisories update'"):
        demanded(store).opened()
    updated(store, feed(tmp_path, *MANY))
    assert verdict(demanded(store), "demo-1", "1.0") is Affects.YES


def test_the_folder_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PROBATUM_DATA", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert Path(data_folder()) == tmp_path / ".local/share/probatum/advisories"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # to be ignored, says the specification
    assert Path(data_folder()) == tmp_path / ".local/share/probatum/advisories"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert Path(data_folder()) == tmp_path / "xdg/probatum/advisories"
    monkeypatch.setenv("PROBATUM_DATA", str(tmp_path / "own"))
    assert Path(data_folder()) == tmp_path / "own/advisories"


def test_the_default_sources_are_https() -> None:
    named = (advisories_sources.OSV, advisories_sources.EPSS, advisories_sources.KEV)
    assert all(one.startswith("https://") for one in named)

"""The symbol packs are well formed, and the tool that compares them with releases is right."""

import json
from pathlib import Path

import pytest
from packaging.version import Version
from tools.symbol_packs import PACKS, Symbol, became, malformed, pack
from tools.symbol_releases import Span, around, spans

ALL = sorted(PACKS.glob("*.toml"))
ROW = {
    "advisory": "CVE-2030-0001",
    "package": "acme",
    "module": "acme.loading",
    "functions": ["Reader.load"],
    "evidence": "https://github.com/acme/acme/commit/0123abc",
}


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_pack_is_well_formed(path: Path) -> None:
    symbols, wrong = pack(path)
    assert wrong == []
    assert symbols


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_pack_lists_its_advisories_in_order(path: Path) -> None:
    names = [one.advisory for one in pack(path)[0]]
    assert names == sorted(names)


def test_many_advisories_have_symbols() -> None:
    assert len({one.advisory for path in ALL for one in pack(path)[0]}) >= 300


def test_a_good_row_is_not_complained_of() -> None:
    assert not list(malformed(ROW, "acme"))
    assert not list(malformed({**ROW, "versions": ">=1,<2", "why": "as told"}, "acme"))


@pytest.mark.parametrize(
    "change",
    [
        {"advisory": "CVE-1"},
        {"package": "Acme"},
        {"package": "other"},
        {"module": "acme-loading"},
        {"module": ""},
        {"functions": "Reader.load"},
        {"functions": ["Reader.load()"]},
        {"functions": ["load", "load"]},
        {"evidence": "https://example.org/news"},
        {"evidence": "http://github.com/acme/acme/commit/0123abc"},
        {"versions": "before 2"},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_bad_row_is_complained_of(change: dict[str, object]) -> None:
    assert list(malformed({**ROW, **change}, "acme"))


def test_a_row_that_lacks_its_evidence_is_complained_of() -> None:
    assert list(malformed({key: ROW[key] for key in ROW if key != "evidence"}, "acme"))


def test_a_record_tells_what_it_affects_under_each_of_its_names() -> None:
    record = {
        "id": "PYSEC-2030-1",
        "aliases": ["CVE-2030-0001"],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Acme"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}],
                "versions": ["1.1", "1.0", "2.0rc1", "odd!"],
            }
        ],
    }
    found = spans(iter([json.dumps(record)]), {"acme"})
    assert found[("acme", "CVE-2030-0001")] == found[("acme", "PYSEC-2030-1")]
    told = found[("acme", "CVE-2030-0001")].of("")
    assert told == (Version("1.0"), Version("1.1"), Version("2"))


def _released(folder: Path, version: str, text: str) -> None:
    path = folder / f"acme-{version}" / "acme" / "loading.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("after", "state"),
    [
        ("class Reader:\n    def load(self): return 2\n", "changed"),
        ("class Reader:\n    pass\n", "removed"),
        ("class Reader:\n    # a comment\n    def load(self): return 1\n", "same"),
    ],
)
def test_what_became_of_a_function_is_told(tmp_path: Path, after: str, state: str) -> None:
    _released(tmp_path, "1.0", "class Reader:\n    def load(self): return 1\n")
    _released(tmp_path, "2.0", after)
    span = Span((Version("1.0"),), (Version("2.0"),))
    symbol = Symbol("CVE-2030-0001", "acme", "acme.loading", ("Reader.load",), "")
    assert list(became(symbol, span, tmp_path)) == [("Reader.load", f"{state} 1.0..1.0 -> 2.0")]


def test_a_function_that_the_oldest_release_lacks_is_absent(tmp_path: Path) -> None:
    _released(tmp_path, "1.0", "x = 1\n")
    _released(tmp_path, "1.5", "try:\n    pass\nfinally:\n    def load(): return 1\n")
    _released(tmp_path, "2.0", "def load(): return 2\n")
    span = Span((Version("1.0"), Version("1.5")), (Version("2.0"),))
    all_of_it = Symbol("CVE-2030-0001", "acme", "acme.loading", ("load",), "")
    newer = Symbol("CVE-2030-0001", "acme", "acme.loading", ("load",), "", versions=">=1.5")
    assert [state[:6] for _, state in became(all_of_it, span, tmp_path)] == ["absent"]
    assert [state[:7] for _, state in became(newer, span, tmp_path)] == ["changed"]


def test_a_row_that_is_for_no_affected_release_is_told(tmp_path: Path) -> None:
    symbol = Symbol("CVE-2030-0001", "acme", "acme.loading", (), "", versions=">=9")
    assert [state[:6] for _, state in became(symbol, Span((Version("1.0"),), ()), tmp_path)] == [
        "absent"
    ]


def test_a_whole_module_changes_with_its_tables(tmp_path: Path) -> None:
    _released(tmp_path, "1.0", "NAMES = {'os'}\n")
    _released(tmp_path, "2.0", "NAMES = {'os', 'pty'}\n")
    symbol = Symbol("CVE-2030-0001", "acme", "acme.loading", (), "")
    span = Span((Version("1.0"),), (Version("2.0"),))
    assert list(became(symbol, span, tmp_path)) == [("*", "changed 1.0..1.0 -> 2.0")]


def test_a_function_that_gained_the_same_guard_is_told(tmp_path: Path) -> None:
    _released(tmp_path, "1.0", "def load(path): return path\n")
    _released(tmp_path, "2.0", "def load(path): return checked(path)\n")
    for version, text in (("1.0", "path"), ("2.0", "checked(path)")):
        module = tmp_path / f"acme-{version}" / "acme" / "saving.py"
        module.write_text(f"def save(path): return {text}\ndef other(path): return path + 'new_'\n")
    sides = (tmp_path / "acme-1.0", tmp_path / "acme-2.0")
    assert list(around({"acme.loading": {"load"}}, *sides)) == [("acme.saving:save", {"checked"})]
    assert not list(around({"acme.loading": {"load"}, "acme.saving": {"*"}}, *sides))

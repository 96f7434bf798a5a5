"""What is proven of programs and of their vulnerable code, and what a checker does not take."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from certificate_laws import mutants
from known_advisories import record
from probatum.analyzers.supply.vulnerable_code_not_reached import judged
from probatum.audit.targets import roots
from probatum.check import reach_symbols
from probatum.check import vulnerable_code as checker
from probatum.cli.main import main
from probatum.errors import Rejected
from probatum.formats.python_program import home_of
from probatum.formats.python_project import packed
from probatum.formats.vex import AFFECTED, CODE_NOT_REACHED, NOT_AFFECTED
from probatum.formats.vex_documents import statements
from probatum.material import BytesMaterial
from probatum.ports import Material
from probatum.vocabulary import Proven, Reason, Undecided
from reaching import SITE, advisories, pack, program, verdict, write

_UNUSED = {"app.py": "import weak\n"}


def _material(folder: Path, files: dict[str, str | bytes]) -> Material:
    write(folder, files)
    found = program(os.fspath(folder))
    assert not isinstance(found, Undecided)
    return found


def _packs(folder: Path, flaw: str = "weak.core: flaw") -> Path:
    packs = folder / "packs"
    packs.mkdir()
    (packs / "weak.toml").write_text(pack(flaw))
    return packs


@pytest.mark.parametrize(
    ("files", "flaw"),
    [
        (_UNUSED, "weak.core: flaw"),
        (_UNUSED, "weak.core: "),
        ({"app.py": "from weak.core import Loader\nLoader()\n"}, "weak.core: flaw"),
        ({"app.py": "import other\n", "site/other.py": "import json\n"}, "weak.core: flaw"),
        ({"app.py": "for one in ('json', 'csv'):\n    __import__(one)\n"}, "weak.core: flaw"),
        (
            {
                "app.py": "import other\nother.used()\n",
                "site/other.py": "def used(): ...\ndef unused():\n    import weak.core\n",
            },
            "weak.core: ",
        ),
    ],
)
def test_code_that_nothing_reaches_is_proven(files: dict[str, str | bytes], flaw: str) -> None:
    said = verdict(files, flaw)
    assert isinstance(said, Proven), said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("from weak.core import flaw\nflaw()\n", "may be imported by app.py"),
        ("import importlib, sys\nimportlib.import_module(sys.argv[1])\n", "a computed name"),
        ("exec(input())\n", "app.py, line 1: exec is given a computed name"),
        ("import weak.core as c\ngetattr(c, input())()\n", "app.py, line 2 reads a computed name"),
        ("import pickle\npickle.load(open('x', 'rb'))\n", "app.py unpickles"),
        ("import mystery\n", "imports mystery, which is not there"),
        ("def broken(:\n", "app.py is not read by Python's parser"),
    ],
)
def test_what_may_reach_it_is_told(text: str, why: str) -> None:
    said = verdict({"app.py": text})
    assert isinstance(said, Undecided)
    assert why in said.detail


def test_the_way_to_it_is_told_line_by_line() -> None:
    said = verdict(
        {
            "app.py": "import json\nimport first\n",
            "site/first.py": "\n\nfrom second import used\n",
            "site/second.py": "def used():\n    from weak.core import flaw\n    flaw()\nused()\n",
        }
    )
    assert isinstance(said, Undecided)
    way = "may be imported by second.py, line 1, imported by first.py, line 1, imported by app.py"
    assert way in said.detail


def test_a_wish_is_not_enough_for_a_function_that_is_not_there() -> None:
    said = verdict(_UNUSED, "weak.core: another")
    assert isinstance(said, Undecided)
    assert "there is no another in" in said.detail
    said = verdict(_UNUSED, "weak.elsewhere: flaw")
    assert isinstance(said, Undecided)
    assert "weak.elsewhere is not installed" in said.detail


def test_modules_that_import_one_another_in_a_long_line_are_followed() -> None:
    line: dict[str, str | bytes] = {
        f"site/line{number}.py": f"import line{number + 1}\n" for number in range(2000)
    }
    line |= {"site/line2000.py": "import weak.core\n", "app.py": "import line0\n"}
    said = verdict(line, "weak.core: ")
    assert isinstance(said, Undecided)
    assert "may be imported by" in said.detail


def test_a_link_among_the_packages_keeps_anything_from_being_ruled_out(tmp_path: Path) -> None:
    write(tmp_path, _UNUSED)
    (tmp_path / SITE / "linked").symlink_to(tmp_path / SITE / "weak")
    found = program(os.fspath(tmp_path))
    assert not isinstance(found, Undecided)
    said = judged(found, advisories(), reach_symbols.PACKS)
    assert isinstance(said, Undecided)
    assert "linked" in said.detail


def test_packages_alone_are_no_program(tmp_path: Path) -> None:
    write(tmp_path, {})
    assert isinstance(program(os.fspath(tmp_path)), Undecided)
    assert [one.name for one in roots(os.fspath(tmp_path)) if one.project is not None]


def test_a_program_is_listed_with_its_files_and_their_sizes(tmp_path: Path) -> None:
    material = _material(tmp_path, _UNUSED)
    text = material.read(0, material.size)
    assert text.startswith(f"python-program 1\n@ {SITE}\n".encode())
    assert b"\n12 app.py\n" in text
    [root] = [one for one in roots(os.fspath(tmp_path)) if one.name.endswith("!/program")]
    assert root.project is not None
    assert root.size == packed(root.project).size == len(text)


def _proof(tmp_path: Path) -> tuple[dict[str, Any], bytes, Path]:
    packs = _packs(tmp_path)
    material = _material(tmp_path / "project", _UNUSED)
    said = judged(material, advisories(), packs)
    assert isinstance(said, Proven), said
    return said.certificate.facts, material.read(0, material.size), packs


def _check(facts: Any, data: bytes, packs: Path) -> None:
    read = BytesMaterial(data).read
    checker.holds(facts, read, len(data), "python-program", advisories(), packs)


def test_what_is_proven_is_checked_again(tmp_path: Path) -> None:
    facts, data, packs = _proof(tmp_path)
    assert facts["entries"] == facts["all"] == ["TEST-2026-1 weak 1.0"]
    _check(facts, data, packs)


def test_a_certificate_that_says_anything_else_is_rejected(tmp_path: Path) -> None:
    facts, data, packs = _proof(tmp_path)
    for mutant in (one for one in mutants(facts) if one != facts):
        with pytest.raises(Rejected):
            _check(mutant, data, packs)


def test_a_program_that_was_changed_is_rejected(tmp_path: Path) -> None:
    facts, data, packs = _proof(tmp_path)
    for old, new in ((b"import weak\n", b"import wear\n"), (b"Name: weak", b"Name: wear"),
                     (b"12 app.py", b"12 api.py"), (b"@ .venv", b"@ .vena")):  # fmt: skip
        assert old in data
        with pytest.raises(Rejected):
            _check(facts, data.replace(old, new), packs)


def test_a_flaw_left_out_of_a_certificate_is_rejected(tmp_path: Path) -> None:
    facts, data, packs = _proof(tmp_path)
    with pytest.raises(Rejected, match=r"6: weak 1\.0 may be affected by TEST-2026-1"):
        _check(facts | {"entries": [], "all": []}, data, packs)


def test_rows_of_a_pack_count_together_where_they_hold(tmp_path: Path) -> None:
    row = pack("weak.core: {}")
    older, newer, every = (
        row.replace("{}", name) + f'versions = "{versions}"\n'
        for name, versions in (("old", "<1.0"), ("new", ">=1.0,<2"), ("any", "!=3"))
    )
    (tmp_path / "weak.toml").write_text(older + newer + every)
    ids = frozenset({"TEST-2026-1"})
    assert reach_symbols.symbols(ids, "weak", "1.0", tmp_path) == [
        ("weak.core", "new"),
        ("weak.core", "any"),
    ]
    assert reach_symbols.symbols(ids, "weak", "no version", tmp_path) == []
    assert reach_symbols.symbols(frozenset({"X"}), "weak", "1.0", tmp_path) == []


def test_a_row_whose_versions_are_not_understood_makes_the_flaw_unknown(tmp_path: Path) -> None:
    row = pack("weak.core: flaw")
    (tmp_path / "weak.toml").write_text(row + row + 'versions = "~=1.0"\n')
    assert reach_symbols.symbols(frozenset({"TEST-2026-1"}), "weak", "1.0", tmp_path) == []


def test_advisories_that_are_too_old_prove_nothing(tmp_path: Path) -> None:
    packs = _packs(tmp_path)
    material = _material(tmp_path / "project", _UNUSED)
    old = advisories()
    old.stale = "they are 40 days old"
    try:
        said = judged(material, old, packs)
    finally:
        old.stale = ""
    assert said == Undecided(Reason.MISSING_ADVISORIES, "they are 40 days old")


# --- from an audit to its check, and to what is said to others ---------------------------------


def _known_code() -> tuple[str, str, str, str]:
    """An advisory, a package, a module and its one function, as a pack of ours says of 1.0.

    An audit's workers may be started anew, and read no other packs.
    """
    for package, each in sorted(reach_symbols.rows(reach_symbols.PACKS).items()):
        for row in each:
            told = reach_symbols.symbols(frozenset({row["advisory"]}), package, "1.0")
            if len(told) == 1 and told[0][1].isidentifier() and package.isidentifier():
                return row["advisory"], package, *told[0]
    raise AssertionError("no pack says such a thing")


_ID, _PACKAGE, _MODULE, _FUNCTION = _known_code()


@pytest.fixture
def audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a report on a project of which one flaw is shown and another is not known."""
    monkeypatch.setenv("PROBATUM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    feed = [record(one, _PACKAGE, {"introduced": "0"}) for one in (_ID, "TEST-2026-2")]
    (tmp_path / "feed.jsonl").write_text("".join(json.dumps(one) + "\n" for one in feed))
    assert main(["advisories", "update", "--from", "feed.jsonl", "--ecosystem", "PyPI"]) == 0
    code = f"site/{_MODULE.replace('.', '/')}.py"
    write(tmp_path / "shop", {**_UNUSED, code: f"def {_FUNCTION}(*given): ...\n"})
    assert main(["audit", "shop", "--format", "json", "-o", "report.json", *_newest()]) == 1
    return tmp_path


def _newest() -> tuple[str, str]:
    folder = Path("data/advisories/snapshots")
    return "--advisories", next(folder.iterdir()).name


def test_each_flaw_is_told_and_checked_by_itself(audited: Path) -> None:
    report = json.loads((audited / "report.json").read_text())
    [found] = [one for one in report["findings"] if one["claim"] == checker.CLAIM]
    told = {one["name"]: one["verdict"] for one in found["entries"]["of"]}
    here = f"{_PACKAGE} 1.0"
    assert told == {f"{_ID} {here}": "proven", f"TEST-2026-2 {here}": "undecided"}
    assert main(["check", "report.json", "shop", *_newest()]) in (0, 2)
    facts = found["entries"]["certificate"]["facts"]
    facts["entries"] = facts["all"]
    for one in found["entries"]["of"]:
        one["verdict"] = "proven"
    (audited / "forged.json").write_text(json.dumps(report))
    assert main(["check", "forged.json", "shop", *_newest()]) == 1


def test_what_is_not_reached_is_said_to_others_with_its_certificate(audited: Path) -> None:
    assert main(["vex", "write", "shop", "--author", "Us", "-o", "vex.json", *_newest()]) == 0
    said = {one.vulnerabilities[0]: one for one in statements(Path("vex.json").read_bytes())}
    assert said["TEST-2026-2"].status == AFFECTED
    one = said[_ID]
    assert (one.status, one.justification) == (NOT_AFFECTED, CODE_NOT_REACHED)
    assert one.evidence.startswith("sha256:")
    assert audited


@pytest.mark.parametrize(
    ("site", "home"),
    [
        (".venv/lib/python3.12/site-packages", ".venv"),
        ("env/Lib/site-packages", "env"),
        ("usr/lib/python3/dist-packages", "usr"),
        ("vendor", "vendor"),
    ],
)
def test_the_folders_around_the_packages_are_none_of_the_project(site: str, home: str) -> None:
    assert home_of(site) == home

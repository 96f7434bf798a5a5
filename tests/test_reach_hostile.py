"""Projects and certificates made to deceive the proof that vulnerable code is not reached."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probatum.check.vulnerable_code import holds
from probatum.errors import FormatError, Rejected
from probatum.material import BytesMaterial
from probatum.ports import Material
from probatum.vocabulary import Proven, Undecided, Verdict
from reaching import SITE, advisories, judged, pack, program, write

HARMLESS = {
    "app.py": "import alpha\nprint(alpha.work())\n",
    "site/alpha/__init__.py": "from .inner import work\n",
    "site/alpha/inner.py": "def work():\n    return 1\n",
}
CALL = "\nimport weak.core\nweak.core.flaw()\n"


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / "weak.toml").write_text(pack("weak.core: flaw"))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder, HARMLESS)
    return folder


def material_of(home: Path) -> Material:
    found = program(str(home))
    assert not isinstance(found, FormatError)
    return BytesMaterial(found.read(0, found.size))


def said(home: Path, packs: Path) -> Verdict | FormatError:
    found = program(str(home))
    if isinstance(found, (FormatError, Undecided)):
        return found
    return judged(found, advisories(), packs)


def checked(facts: Any, material: Material, packs: Path) -> None:
    holds(facts, material.read, material.size, "python-program", advisories(), packs)


def proven(home: Path, packs: Path) -> dict[str, Any]:
    verdict = said(home, packs)
    assert isinstance(verdict, Proven)
    return verdict.certificate.facts


def mutants(facts: dict[str, Any]) -> Iterator[Any]:
    """Facts in which one thing is another."""
    others = [None, True, 0, -1, 1 << 70, "", "x", [], {}, [[]], ["a"], ["a b c"], [["a"]], [1]]
    for key in facts:
        yield {name: value for name, value in facts.items() if name != key}
        yield from ({**facts, key: other} for other in others if other != facts[key])
    yield {**facts, "more": 1}
    for more in ("TEST-2026-2 weak 1.0", "TEST-2026-1 alpha 1.0", "TEST-2026-1 weak 1.1"):
        yield {**facts, "entries": [more]}
        yield {**facts, "all": [more]}
        yield {**facts, "entries": [more], "all": [more]}
        yield {**facts, "entries": [*facts["entries"], more], "all": [*facts["all"], more]}
    yield from (None, [], "facts", 1)


def test_what_is_proven_is_derived_again(home: Path, packs: Path) -> None:
    checked(proven(home, packs), material_of(home), packs)


def test_no_mutant_of_a_certificate_holds(home: Path, packs: Path) -> None:
    facts, material = proven(home, packs), material_of(home)
    for mutant in mutants(facts):
        with pytest.raises(Rejected):
            checked(mutant, material, packs)


@pytest.mark.parametrize(
    "name", ["app.py", "site/alpha/__init__.py", "site/alpha/inner.py", "site/weak/__init__.py"]
)
def test_a_file_exchanged_after_the_proof_is_noticed(home: Path, packs: Path, name: str) -> None:
    facts = proven(home, packs)
    path = home / name.replace("site/", f"{SITE}/", 1)
    path.write_text(path.read_text() + CALL)
    if name != "site/weak/__init__.py":
        with pytest.raises(Rejected):
            checked(facts, material_of(home), packs)
        assert not isinstance(said(home, packs), Proven)


def test_a_file_of_the_same_size_is_noticed(home: Path, packs: Path) -> None:
    facts = proven(home, packs)
    inner = home / SITE / "alpha/inner.py"
    inner.write_text(inner.read_text().replace("return 1", "return 2"))
    with pytest.raises(Rejected):
        checked(facts, material_of(home), packs)


def test_another_version_that_is_installed_is_noticed(home: Path, packs: Path) -> None:
    facts = proven(home, packs)
    metadata = home / SITE / "weak-1.0.dist-info/METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "1.1"))
    with pytest.raises(Rejected):
        checked(facts, material_of(home), packs)


def test_a_pack_that_has_no_symbol_proves_nothing(home: Path, packs: Path) -> None:
    facts, material = proven(home, packs), material_of(home)
    (packs / "weak.toml").write_text(pack("weak.core: flaw").replace("TEST-2026-1", "TEST-2026-9"))
    other = packs.rename(packs.with_name("others"))  # rows are kept by their folder
    with pytest.raises(Rejected):
        checked(facts, material, other)
    assert not isinstance(said(home, other), Proven)


@pytest.mark.parametrize(
    "flaw", ["weak.core: other", "weak.none: flaw", "none: flaw", "weak.core: Loader.other"]
)
def test_a_symbol_that_is_not_there_proves_nothing(home: Path, packs: Path, flaw: str) -> None:
    (packs / "weak.toml").write_text(pack(flaw))
    assert not isinstance(said(home, packs), Proven)


@pytest.mark.parametrize("versions", ["==1.*", "~=1.0", ">=1.0; x", "<2.0 || >3", "latest"])
def test_a_row_whose_releases_cannot_be_read_is_not_left_out(
    home: Path, packs: Path, versions: str
) -> None:
    """The other row alone would prove it."""
    (home / "app.py").write_text("import weak.core\n")
    second = pack("weak.core:") + f'versions = "{versions}"\n'
    (packs / "weak.toml").write_text(pack("weak.core: flaw") + second)
    assert not isinstance(said(home, packs), Proven)


@pytest.mark.parametrize(
    "content",
    [
        b"(" * 5000,
        b"x = " + b"-" * 100_000 + b"1",
        b"x = " + b"[" * 150 + b"]" * 150,
        b"a" + b".b" * 100_000,
        b"if 1:\n" + b"".join(b" " * n + b"if 1:\n" for n in range(1, 120)),
        b"def f(:\n",
        b"# coding: none-such\nx = 1\n",
        b"\xff\xfe\x00import weak",
        b"x = '\xe9'\n",
        b"x = 1\0\n",
        b"print flaw()\n",
        b"x = " + b"9" * 10_000 + b"\n",
        b"\n" * 100_000 + CALL.encode(),
        CALL.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + CALL.encode(),
        b"\x0c" + CALL.encode(),
        b"# coding: latin-1\n# \xe9" + CALL.encode(),
        b"x = 1 # \xe2\x80\xa8" + CALL.encode(),
        b"if 1: import weak.core; weak.core.flaw() #",
    ],
)
def test_content_that_is_hard_to_read_is_not_passed_over(
    home: Path, packs: Path, content: bytes
) -> None:
    """What cannot be parsed is told, and what can be is read as Python reads it."""
    (home / SITE / "alpha/inner.py").write_bytes(content)
    verdict = said(home, packs)
    assert not isinstance(verdict, Proven) or (b"flaw" not in content and _parses(content))


def _parses(content: bytes) -> bool:
    try:
        compile(content, "inner.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@pytest.mark.parametrize("where", ["alpha/unused.py", "beta/__init__.py"])
def test_what_nothing_imports_need_not_be_readable(home: Path, packs: Path, where: str) -> None:
    path = home / SITE / where
    path.parent.mkdir(exist_ok=True)
    path.write_text("print flaw(\n")
    assert isinstance(said(home, packs), Proven)


@pytest.mark.parametrize("ending", ["", CALL])
def test_a_long_chain_of_modules_is_followed_to_its_end(
    home: Path, packs: Path, ending: str
) -> None:
    site = home / SITE
    for number in range(1500):
        (site / f"link{number}.py").write_text(f"import link{number + 1}\n")
    (site / "link1500.py").write_text(ending)
    (home / "app.py").write_text("import link0\n")
    assert isinstance(said(home, packs), Proven) == (not ending)


def test_a_package_that_is_a_link_is_not_passed_over(home: Path, packs: Path) -> None:
    """As an installer that links to its store makes them."""
    store = home.parent / "store"
    store.mkdir()
    (store / "inner.py").write_text(CALL)
    inner = home / SITE / "alpha/inner.py"
    inner.unlink()
    inner.symlink_to(store / "inner.py")
    assert not isinstance(said(home, packs), Proven)


def test_a_folder_that_is_a_link_is_not_passed_over(home: Path, packs: Path) -> None:
    store = home.parent / "store"
    store.mkdir()
    (store / "__init__.py").write_text(CALL)
    (home / SITE / "gamma").symlink_to(store)
    (home / "app.py").write_text("import gamma\n")
    assert not isinstance(said(home, packs), Proven)


def test_an_environment_that_is_a_link_is_not_passed_over(home: Path, packs: Path) -> None:
    real = home.parent / "environment"
    (home / ".venv").rename(real)
    (home / ".venv").symlink_to(real)
    (home / "app.py").write_text(CALL)
    assert not isinstance(said(home, packs), Proven)


def test_a_module_larger_than_is_read_is_not_passed_over(home: Path, packs: Path) -> None:
    with (home / SITE / "alpha/inner.py").open("wb") as inner:
        inner.write(CALL.encode())
        inner.truncate(33 << 20)
    assert not isinstance(said(home, packs), Proven)


def test_the_vulnerable_package_twice_is_judged_by_the_vulnerable_one(
    home: Path, packs: Path
) -> None:
    """Of which of the two the code is, nobody knows."""
    other = home / SITE / "weak-3.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: weak\nVersion: 3.0\n")
    verdict = said(home, packs)
    if isinstance(verdict, Proven):
        assert verdict.certificate.facts["entries"] == ["TEST-2026-1 weak 1.0"]

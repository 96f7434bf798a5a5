"""The bench that runs scanners side by side: its harness, on tiny corpora and without the peers."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from bench import run
from bench.measure import TIMEOUT, cost
from bench.reviewing.releases import lines_of, release
from bench.reviewing.reviewers import Told
from bench.reviewing.rows import Row, groups, rows, seen
from bench.sections import matchers
from bench.tables import table
from bench.tools import ERROR, LATE, PASSED, PEERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it measures by Linux's means")

PYTHON = [sys.executable, "-c"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the quick run writes."""
    work = tmp_path_factory.mktemp("bench")
    out = work / "page.md"
    tiny = ["--quick", "--sample", "4", "--mutants", "4", "--runs", "1"]
    here = ["--work", str(work), "--out", str(out), "--probatum", sys.prefix]
    assert run.main([*tiny, *here]) == 0
    return out.read_text()


def test_the_quick_run_writes_every_section(page: str) -> None:
    for title, _ in run.SECTIONS.values():
        assert f"\n## {title}\n" in page
    assert "Probatum called **0** load-inert proven" in page
    assert "and refuted of **0**" in page


def test_no_mutant_of_a_certificate_is_accepted_in_the_quick_run(page: str) -> None:
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| pickle: ")]
    assert len(rows) == 2
    for row in rows:
        assert int(row[1].replace(",", "")) > 100
        assert row[2:] == ["0", "0", "0 |"]


def test_a_command_that_is_late_ends_with_all_it_started(tmp_path: Path) -> None:
    child = "import time; time.sleep(9)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{child}'])"
    began = time.monotonic()
    assert cost([*PYTHON, code], {}, tmp_path, limit_s=0.5).code == TIMEOUT
    assert time.monotonic() - began < 5


def test_the_cost_of_children_counts(tmp_path: Path) -> None:
    burn = "import time\\nwhile time.process_time() < 0.3: pass\\nheld = b'x' * (50 << 20)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '''{burn}'''])"
    spent = cost([*PYTHON, code], {}, tmp_path)
    assert spent.code == 0
    assert spent.cpu_s >= 0.3
    assert spent.peak_mb >= 50


def test_each_file_has_the_exit_code_of_its_own_run(tmp_path: Path) -> None:
    drive = Path(run.__file__).with_name("drive.py")
    listing, out = tmp_path / "files.json", tmp_path / "out.json"
    listing.write_text(json.dumps(["load-inert", "no-such-claim"]))
    command = [sys.executable, str(drive), "probatum", "60", str(listing), str(out)]
    subprocess.run([*command, "explain", "{file}"], check=True, cwd=tmp_path)
    assert [code for code, _ in json.loads(out.read_text())] == [0, 3]


def test_an_error_is_not_taken_for_a_miss() -> None:
    for tool in PEERS:
        assert tool.outcome(0) == PASSED
        assert tool.outcome(2) == ERROR
        assert tool.outcome(70) == ERROR
        assert tool.outcome(TIMEOUT) == LATE


def test_a_table_has_a_rule_as_wide_as_its_head() -> None:
    assert table(["a", "b"], [["x", 1000]]) == "| a | b |\n| --- | --- |\n| x | 1,000 |"


def _row(**said: Any) -> Row:
    given: dict[str, Any] = {
        "cve": "CVE-0",
        "package": "p",
        "vulnerable": "1",
        "fixed": "2",
        "kind": "ssti",
        "fix": "guard",
        "file": "p/a.py",
        "lines": (10,),
        "fixed_lines": (20,),
        "is_call": True,
    }
    return Row(**given | said)


def test_a_finding_counts_within_two_lines_in_the_file_and_by_the_claim() -> None:
    told = [Told("no-template-injection", (("site/p/a.py", 12), ("p/b.py", 40)), True)]
    assert seen(told, "p/a.py", (10,), ("no-template-injection",))
    assert seen(told, "p/a.py", (10,), ())
    assert not seen(told, "p/a.py", (9,), ())
    assert not seen(told, "p/b.py", (10,), ())
    assert not seen(told, "p/a.py", (10,), ("no-sql-injection",))


def test_the_groups_of_rows_hold_what_their_names_say() -> None:
    some = [_row(), _row(fix="replace", kind="deserialization", is_call=False)]
    named = dict(groups(some))
    assert named["all rows"] == [0, 1]
    assert named["sink is a call"] == named["fix keeps the sink"] == named["ssti"] == [0]
    assert named["other fixes"] == named["deserialization"] == [1]


def test_only_verified_rows_of_a_table_are_taken(tmp_path: Path) -> None:
    head = [
        *("cve", "package", "last_vuln", "first_fixed", "class", "file", "sink_lines_vuln"),
        *("sink_lines_fixed", "sink_is_call", "fix_type", "verified"),
    ]
    one = ["CVE-1", "p", "1", "2", "ssrf", "p/a.py", "3,9", "gone", "1", "guard", "yes"]
    other = ["CVE-2", *one[1:-1], "no"]
    listed = tmp_path / "rows.tsv"
    listed.write_text("\n".join("\t".join(line) for line in (head, one, other)))
    (read,) = rows(listed)
    assert (read.cve, read.lines, read.fixed_lines) == ("CVE-1", (3, 9), ())
    assert read.claims == ("no-request-forgery",)


def test_a_release_that_is_unpacked_already_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "here" / "p-1").mkdir(parents=True)
    (tmp_path / "here" / "p-1" / "a.py").write_text("x = 1\ny = 2\n")
    found = release("p", "1", (tmp_path / "here", tmp_path / "fetched"))
    assert found == tmp_path / "here" / "p-1"
    assert lines_of(found) == 2


def _advised(folder: Path, ecosystem: str, file: str, *commits: dict[str, Any]) -> None:
    """A file of one record, on versions up to 1.1, of which it lists that one."""
    zstandard = pytest.importorskip("zstandard")
    events = [{"introduced": "0"}, {"last_affected": "1.1"}]
    ranges = [*commits, {"type": "ECOSYSTEM", "events": events}]
    affected = {"package": {"ecosystem": ecosystem, "name": "thing"}, "versions": ["1.1"],
                "ranges": ranges}  # fmt: skip
    record = json.dumps({"id": f"TEST-{ecosystem}", "affected": [affected]}).encode()
    packed = zstandard.ZstdCompressor().compress(record + b"\n")
    (folder / f"{file}_osv.jsonl.zst").write_bytes(packed)


def _matched(script: str, folder: Path) -> Any:
    pytest.importorskip("pip", reason="it orders versions as pip's own packaging does")
    path = Path(run.__file__).with_name("matching") / script
    command = [sys.executable, str(path), str(folder), "1"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def test_two_matchers_are_compared_on_every_spelling(tmp_path: Path) -> None:
    _advised(tmp_path, "PyPI", "pypi")
    _advised(tmp_path, "Go", "go")
    go, python = _matched("compare.py", tmp_path)
    assert (go["ecosystem"], go["apart"], python["apart"]) == ("Go", [], [])
    labelled = python["spellings"]["+cu124"]
    assert (labelled["pairs"], labelled["affected"]) == (1, 1)
    assert labelled["missed by packaging's order"] == labelled["missed by listed text"] == 1


def test_what_other_rules_miss_is_told_with_the_reason(tmp_path: Path) -> None:
    _advised(tmp_path, "PyPI", "pypi", {"type": "GIT", "events": [{"introduced": "0"}]})
    told = _matched("peers.py", tmp_path)
    scanner, asked, listed = told["counts"].values()
    assert scanner["as listed"] == asked["as listed"] == listed["as listed"] == {"both": 1}
    assert asked["another .0"] == listed["another .0"] == {"both": 1}
    assert scanner["another .0"] == {"only ours: another spelling": 1}
    label = {"only ours: a label of a build": 1}
    assert scanner["+cu124"] == asked["+cu124"] == listed["+cu124"] == label
    page = matchers.written(told, None)
    assert "| only ours: a label of a build | 6 |" in page and "thing 1.1+cu124, TEST-PyPI" in page
    [(_, measured, met)] = matchers.goals(told, None)
    assert met and measured.startswith("0 missed")

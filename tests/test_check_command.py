"""`probatum check`: certificates hold for the bytes they were made of, and for nothing else."""

import copy
import importlib
import inspect
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from probatum.audit.certified import checkers
from probatum.cli import index
from probatum.cli.main import main

Report = dict[str, Any]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A folder with two honest models in it, one of them in an archive too, and its report."""
    folder = tmp_path_factory.mktemp("audited") / "models"
    folder.mkdir()
    (folder / "weights.pkl").write_bytes(pickle.dumps({"layers": [1, 2, 3]}))
    (folder / "model.safetensors").write_bytes(_safetensors())
    with zipfile.ZipFile(folder / "both.zip", "w") as archive:
        archive.write(folder / "weights.pkl", "inner.pkl")
    report = folder.parent / "report.json"
    main(["audit", str(folder), "--format", "json", "-o", str(report), "--quiet", "--jobs", "1"])
    read: Report = json.loads(report.read_bytes())
    assert read["summary"]["proven"] >= 5
    return folder, read


@pytest.fixture
def check(
    audited: tuple[Path, Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Writes a report, checks it against a folder, gives the exit code and all that was said."""

    def run(report: Report, target: Path | None = None, *options: str) -> tuple[int, str]:
        file = tmp_path / "report.json"
        file.write_text(json.dumps(report), encoding="utf-8")
        code = main(["check", str(file), str(target or audited[0]), *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


Check = Callable[..., tuple[int, str]]
Audited = tuple[Path, Report]


def test_every_certificate_of_an_honest_report_holds(audited: Audited, check: Check) -> None:
    code, said = check(audited[1])
    assert said.splitlines()[0] == (
        f"{audited[1]['summary']['proven']} certificates re-derived, 0 rejected, 0 not found"
    )
    assert code == 0


def test_the_json_says_what_became_of_each_certificate(audited: Audited, check: Check) -> None:
    _, said = check(audited[1], None, "--format", "json")
    read = json.loads(said)
    assert read["holds"] == audited[1]["summary"]["proven"] == len(read["checked"])
    assert (read["rejected"], read["not_found"], read["whole"]) == (0, 0, True)
    assert read["without_certificate"]["undecided"] == audited[1]["summary"]["undecided"]
    assert {one["outcome"] for one in read["checked"]} == {"holds"}


def test_no_prover_is_imported_to_check(audited: Audited, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(audited[1]), encoding="utf-8")
    program = (
        "import sys; from probatum.cli.main import main\n"
        f"code = main(['check', {str(file)!r}, {str(audited[0])!r}])\n"
        "print(code, [name for name in sys.modules if name.startswith('probatum.analyzers.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_bytes_changed_since_the_audit_are_rejected(
    audited: Audited, check: Check, tmp_path: Path
) -> None:
    folder = _copied(audited[0], tmp_path)
    data = bytearray((folder / "weights.pkl").read_bytes())
    data[data.index(b"layers")] = ord("p")
    (folder / "weights.pkl").write_bytes(data)
    code, said = check(audited[1], folder)
    assert code == 1
    assert "rejected    weights.pkl  load-inert  the artifact's digest differs" in said
    unnamed = _without_digests(audited[1])
    code, said = check(unnamed, folder)
    assert code == 1
    assert "rejected    weights.pkl  load-inert" in said


def test_an_artifact_that_is_gone_is_not_found(
    audited: Audited, check: Check, tmp_path: Path
) -> None:
    folder = _copied(audited[0], tmp_path)
    (folder / "both.zip").unlink()
    code, said = check(audited[1], folder)
    assert code == 2
    assert "not-found   both.zip!/inner.pkl  load-inert" in said


def test_an_artifact_that_the_report_leaves_out_is_named(
    audited: Audited, check: Check, tmp_path: Path
) -> None:
    folder = _copied(audited[0], tmp_path)
    (folder / "new\n.pkl").write_bytes(b"N.")
    code, said = check(audited[1], folder)
    assert code == 2
    assert "unreported  new\\n.pkl  the report says nothing of this artifact" in said


def test_what_the_audit_was_told_to_leave_out_is_left_out_here_too(
    audited: Audited, check: Check, tmp_path: Path
) -> None:
    folder = _copied(audited[0], tmp_path)
    (folder / "notes.txt").write_text("not audited")
    assert check(audited[1], folder)[0] == 2
    assert check(audited[1], folder, "--exclude", "*.txt")[0] == 0


def test_report_and_target_cannot_both_be_standard_input(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "-", "-"]) == 3
    assert "cannot both be standard input" in capsys.readouterr().err


def test_a_report_with_a_finding_left_out_is_not_whole(audited: Audited, check: Check) -> None:
    report = copy.deepcopy(audited[1])
    left_out = report["findings"].pop()
    report["summary"][left_out["verdict"]] -= 1
    code, said = check(report)
    assert code == 2
    assert f"unanswered  {left_out['artifact']['name']}  {left_out['claim']}" in said


def test_an_interrupted_report_is_not_whole(audited: Audited, check: Check) -> None:
    code, said = check(audited[1] | {"interrupted": True})
    assert code == 2
    assert "the audit was interrupted" in said


def test_a_report_without_a_certificate_proves_nothing(
    audited: Audited, check: Check, tmp_path: Path
) -> None:
    report = copy.deepcopy(audited[1])
    report["findings"] = [one for one in report["findings"] if one["verdict"] != "proven"]
    report["planned"] = []
    report["summary"]["proven"] = 0
    folder = tmp_path / "empty"
    folder.mkdir()
    assert check(report, folder)[0] == 2


# Hostile reports.


@pytest.mark.parametrize("name", index.checkers())
def test_every_checker_says_which_claims_it_decides(name: str) -> None:
    module = importlib.import_module(f"probatum.check.{name}")
    claims = getattr(module, "CLAIMS", None) or [getattr(module, "CLAIM", None)]
    if claims == [None]:
        assert '"claim"' in inspect.getsource(module)
    else:
        assert set(claims) <= set(index.claims())


@pytest.mark.parametrize(
    "name", ["decimal.py", "decimal.cpython-311-x86_64-linux-gnu.so", "decimal.abi3.so", "decimal"]
)
def test_a_proof_that_imports_a_module_fails_beside_a_file_of_its_name(
    check: Check, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "money.pkl").write_bytes(pickle.dumps(Decimal("1.5")))
    report = tmp_path / "audited.json"
    main(["audit", str(folder), "--format", "json", "-o", str(report), "--quiet", "--jobs", "1"])
    read = json.loads(report.read_bytes())
    assert check(read, folder)[0] == 0
    if name == "decimal":
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_bytes(b"")
    else:
        (folder / name).write_bytes(b"")
    code, said = check(read, folder)
    assert code == 1
    assert f"{name} beside the artifact could be imported in place of decimal" in said


@pytest.mark.parametrize("checker", ["os", "antigravity", "pickle_nothing", "judge", "subprocess"])
def test_a_checker_that_is_none_is_never_imported(
    audited: Audited, check: Check, checker: str
) -> None:
    sys.modules.pop("antigravity", None)
    code, said = check(_edited(audited[1], lambda one: one["certificate"].update(checker=checker)))
    assert code == 1
    assert f"there is no checker '{checker}'" in said
    assert "antigravity" not in sys.modules


def test_a_module_beside_the_checkers_that_checks_nothing_accepts_nothing(
    audited: Audited, check: Check
) -> None:
    name = "pickle_data"
    assert name in checkers()
    code, said = check(_edited(audited[1], lambda one: one["certificate"].update(checker=name)))
    assert code == 1
    assert "rejected" in said


def test_a_certificate_cannot_be_lent_to_another_claim(audited: Audited, check: Check) -> None:
    code, said = check(_edited(audited[1], lambda one: one.update(claim="no-remote-code", says="")))
    assert code == 1
    assert "the certificate is not one of no-remote-code" in said


def test_a_certificate_cannot_be_lent_to_another_artifact(audited: Audited, check: Check) -> None:
    report = copy.deepcopy(audited[1])
    [tensors] = _proven(report, "header-sound")
    for one in _proven(report, "load-inert"):
        if one["artifact"]["kind"] == "pickle":
            one["certificate"] = tensors["certificate"] | {
                "facts": tensors["certificate"]["facts"] | {"claim": "load-inert"}
            }
    code, said = check(report)
    assert code == 1
    assert "rejected    weights.pkl  load-inert" in said


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "text"}, "is of kind pickle and the report says text"),
        ({"size": 1}, "bytes and the report says 1"),
        ({"digest": "sha256:" + "0" * 64}, "digest differs"),
        ({"expected": {"digest": "sha256:" + "0" * 64, "by": "x"}}, "a manifest beside"),
    ],
)
def test_an_artifact_described_as_something_else_is_rejected(
    audited: Audited, check: Check, change: dict[str, Any], why: str
) -> None:
    report = copy.deepcopy(audited[1])
    for one in report["findings"]:
        if one["artifact"]["name"] == "weights.pkl":
            one["artifact"].update(change)
    code, said = check(report)
    assert code == 1
    assert why in said


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"claim": "load-inert"},
        {"claim": ["load-inert"]},
        {"claim": "load-inert", "streams": None},
        {"claim": "load-inert", "loader": {}, "size": "x", "streams": [[]]},
        {"claim": "load-inert", "loader": "pickle", "size": -1, "streams": [{"a": [[[[[1]]]]]}]},
    ],
)
def test_malformed_facts_are_rejected_and_never_a_traceback(
    audited: Audited, check: Check, facts: dict[str, Any]
) -> None:
    report = _edited(audited[1], lambda one: one["certificate"].update(facts=facts))
    code, said = check(report)
    assert code == 1
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "not a Probatum report"),
        (b"\x80\x04N.", "not a Probatum report"),
        (b"[" * 100_000, "not a Probatum report"),
        (b'{"version": 99}', "schema version 99"),
    ],
)
def test_what_is_no_report_is_wrong_usage(
    text: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(text)
    assert main(["check", str(file), str(tmp_path)]) == 3
    assert said in capsys.readouterr().err


def test_a_report_or_target_that_is_not_there_is_wrong_usage(
    audited: Audited, check: Check, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path / "none.json"), str(tmp_path)]) == 3
    assert "cannot be read" in capsys.readouterr().err
    assert check(audited[1], tmp_path / "nowhere")[0] == 3


def test_what_is_said_of_a_broken_report_in_full(
    audited: Audited, check: Check, tmp_path: Path
) -> None:
    folder = _copied(audited[0], tmp_path)
    (folder / "weights.pkl").write_bytes(b"N.")
    (folder / "both.zip").unlink()
    (folder / "more.pkl").write_bytes(b"N.")
    assert check(audited[1], folder)[1] == snapshot("""\
rejected    weights.pkl  one-format  the artifact has 2 bytes and the report says 34
rejected    weights.pkl  load-inert  the artifact has 2 bytes and the report says 34
rejected    weights.pkl  data-shaped  the artifact has 2 bytes and the report says 34
not-found   both.zip  fully-opened  the target holds no artifact of this name
not-found   both.zip  one-format  the target holds no artifact of this name
not-found   both.zip!/inner.pkl  one-format  the target holds no artifact of this name
not-found   both.zip!/inner.pkl  load-inert  the target holds no artifact of this name
not-found   both.zip!/inner.pkl  data-shaped  the target holds no artifact of this name
unreported  more.pkl  the report says nothing of this artifact

3 certificates re-derived, 3 rejected, 5 not found
without a certificate: 0 refuted, 0 undecided
the policy does not hold: what it asks for is not all proven by a certificate
""")


def _safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(8)


def _copied(folder: Path, into: Path) -> Path:
    made = into / "copy"
    made.mkdir()
    for file in folder.iterdir():
        (made / file.name).write_bytes(file.read_bytes())
    return made


def _without_digests(report: Report) -> Report:
    changed = copy.deepcopy(report)
    for one in changed["findings"]:
        one["artifact"]["digest"] = None
    return changed


def _proven(report: Report, claim: str) -> list[dict[str, Any]]:
    return [
        one for one in report["findings"] if (one["verdict"], one["claim"]) == ("proven", claim)
    ]


def _edited(report: Report, edit: Callable[[dict[str, Any]], None]) -> Report:
    """The report with the finding about weights.pkl's load-inert edited, in the plan as well."""
    changed = copy.deepcopy(report)
    [one] = [
        one for one in _proven(changed, "load-inert") if one["artifact"]["name"] == "weights.pkl"
    ]
    edit(one)
    for plan in changed["planned"]:
        if (plan["artifact"], plan["claim"]) == ("weights.pkl", "load-inert"):
            plan["claim"] = one["claim"]
    return changed


def test_a_name_cannot_forge_a_line_of_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a  load-inert  all is well.pkl").write_bytes(b"cnobody.knows\nthis\n)R.")
    report = tmp_path / "report.json"
    main(["audit", str(tmp_path), "--format", "json", "-o", str(report), "-q"])
    assert main(["check", str(report), str(tmp_path), "--exclude", "*.json"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert any("a \\x20load-inert \\x20all is well.pkl  load-inert  " in line for line in lines)

"""The Python files of a target, told once more as the project they form."""

import datetime
import hashlib
import io
import os
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probatum.audit.opened import Caps, Opened, Root
from probatum.audit.projects import with_project
from probatum.audit.recheck import rechecked
from probatum.audit.run import Settings, audit
from probatum.audit.targets import roots
from probatum.errors import FormatError
from probatum.formats.python_project import LeftOut, Project, Source, files, left_out, packed
from probatum.material import BytesMaterial, FileMaterial
from probatum.policy import Policy, decide
from probatum.vocabulary import Artifact, Finding, Proven, Reason, Refuted, Report, Undecided
from project_analyzers import ANALYZERS

SETTINGS = Settings(jobs=1, third_party=ANALYZERS, built_in=False)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "pkg").mkdir(parents=True)
    (folder / "main.py").write_text("x = 1\n")
    (folder / "pkg" / "__init__.py").write_bytes(b"")
    (folder / "pkg" / "mod.py").write_text("from main import x\n\ndanger(x)\n")
    (folder / "notes.txt").write_text("danger(nothing)\n")
    (folder / "look.ipynb").write_text('{"cells": [], "nbformat": 4}')
    return folder


def projects(found: list[Root]) -> list[Root]:
    return [root for root in found if root.project is not None]


def finding(report: Report, claim: str) -> Finding:
    [found] = [one for one in report.findings if one.claim == claim]
    return found


def whole(material: Any) -> bytes:
    return bytes(material.read(0, material.size))


# What a target yields.


def test_a_folder_ends_with_the_project_that_its_python_files_are(app: Path) -> None:
    found = list(roots(str(app)))
    assert found[-1].name == "."
    assert found[-1].project is not None
    names = [source.name for source in found[-1].project.sources]
    assert sorted(names) == ["look.ipynb", "main.py", "pkg/__init__.py", "pkg/mod.py"]
    covered = {root.name for root in found if root.in_project}
    assert covered == set(names)


def test_a_single_python_file_is_a_project_of_one(app: Path) -> None:
    found = list(roots(str(app / "pkg" / "mod.py")))
    assert [root.name for root in found] == ["mod.py", "mod.py!/project"]
    assert list(roots(str(app / "notes.txt"))) == [
        one for one in roots(str(app / "notes.txt")) if one.project is None
    ]


def test_a_folder_without_python_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    (tmp_path / "stub.pyi").write_text("x: int\n")
    assert not projects(list(roots(str(tmp_path))))
    assert not any(root.in_project for root in roots(str(tmp_path)))


def test_an_excluded_file_is_in_no_project(app: Path) -> None:
    [project] = projects(list(roots(str(app), exclude=("pkg",))))
    assert project.project is not None
    assert {one.name for one in project.project.sources} == {"main.py", "look.ipynb"}


def test_what_is_not_followed_is_told_in_the_project(app: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text("danger()\n")
    (app / "link.py").symlink_to(tmp_path / "elsewhere.py")
    (app / "again").symlink_to(app / "pkg")
    (app / ".git").mkdir()
    [project] = projects(list(roots(str(app))))
    assert project.project is not None
    material = packed(project.project)
    assert [one.name for one in left_out(material)] == ["again", "link.py"]
    assert "leads outside the target" in left_out(material)[1].why
    assert "link.py" not in dict(files(material))


def test_a_compiled_module_is_told_because_an_import_may_find_it_first(app: Path) -> None:
    (app / "pkg" / "__pycache__").mkdir()
    (app / "pkg" / "__pycache__" / "mod.cpython-311.pyc").write_bytes(b"")
    [project] = projects(list(roots(str(app))))
    assert project.project is not None
    [one] = left_out(packed(project.project))
    assert one.name == "pkg/__pycache__/mod.cpython-311.pyc"


def test_of_very_much_that_is_left_out_a_thousand_are_named(app: Path) -> None:
    for number in range(1005):
        (app / f"{number:04}").symlink_to("nowhere")
    [project] = projects(list(roots(str(app))))
    assert project.project is not None
    assert len(project.project.left_out) == 1001
    assert project.project.left_out[-1].why == "and more that is not listed here"


def test_names_that_are_not_utf_8_keep_their_files(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff\n.py")).write_text("a = 1\n")
    except OSError:
        pytest.skip("this file system takes no such names")
    (tmp_path / "\\xff\\n.py").write_text("b = 2\n")
    [project] = projects(list(roots(str(tmp_path))))
    assert project.project is not None
    found = dict(files(packed(project.project)))
    assert sorted(found.values()) == [b"a = 1\n", b"b = 2\n"]


@pytest.mark.parametrize("caps", [Caps(members=2), Caps(total_size=20), Caps(total_size=0)])
def test_too_many_files_leave_every_claim_of_the_project_undecided(app: Path, caps: Caps) -> None:
    report = audit([str(app)], SETTINGS, roots_of=lambda target: roots(target, caps=caps))
    for claim in ("no-danger", "counted"):
        verdict = finding(report, claim).verdict
        assert isinstance(verdict, Undecided)
        assert verdict.reason is Reason.OVER_LIMIT


# The bytes of the artifact.


def test_the_bytes_are_a_header_for_each_file_and_the_file(app: Path) -> None:
    [project] = projects(list(roots(str(app / "main.py"))))
    assert project.project is not None
    assert whole(packed(project.project)) == b"python-project 1\n6 main.py\nx = 1\n"
    [project] = projects(list(roots(str(app))))
    assert project.project is not None
    material = packed(project.project)
    assert material.size == project.size == len(whole(material))
    assert list(files(material)) == [
        ("look.ipynb", (app / "look.ipynb").read_bytes()),
        ("main.py", b"x = 1\n"),
        ("pkg/__init__.py", b""),
        ("pkg/mod.py", b"from main import x\n\ndanger(x)\n"),
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12), st.data())
def test_every_range_is_that_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("files")
    project = made(folder, contents)
    material = packed(project)
    everything = whole(material)
    assert [content for _, content in files(material)] == contents
    for _ in range(5):
        offset = data.draw(st.integers(0, len(everything) + 3))
        length = data.draw(st.integers(0, len(everything) + 3))
        assert material.read(offset, length) == everything[offset : offset + length]


def made(folder: Path, contents: list[bytes]) -> Project:
    sources = []
    for number, content in enumerate(contents):
        path = folder / f"{number:03}.py"
        path.write_bytes(content)
        sources.append(Source(path.name, os.fsencode(path), len(content)))
    return Project(tuple(sources), (LeftOut("z", "it is not there"),))


def test_large_files_and_headers_at_the_end_of_a_block_are_read(tmp_path: Path) -> None:
    sizes = [(1 << 20) - 60, 5, 3 << 20, 0, (1 << 20) - 10, 7]
    contents = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    assert [content for _, content in files(packed(made(tmp_path, contents)))] == contents


def test_few_files_are_open_at_a_time(tmp_path: Path) -> None:
    material = packed(made(tmp_path, [b"x"] * 100))
    before = len(list(Path("/dev/fd").iterdir()))
    whole(material)
    assert len(list(Path("/dev/fd").iterdir())) <= before + 8


def test_a_project_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []
    real = FileMaterial.__init__
    monkeypatch.setattr(
        FileMaterial, "__init__", lambda self, path: opened.append(path) or real(self, path)
    )
    project = made(tmp_path, [b"x = 1\n", b"", b"y" * (1 << 20)])
    material = packed(project)
    bare = BytesMaterial(whole(material))
    assert list(files(material)) == list(files(bare))
    assert opened == [source.path for source in project.sources]


def test_of_a_large_project_little_is_held_at_a_time(tmp_path: Path) -> None:
    material = packed(made(tmp_path, [b"x" * (2 << 20)] * 33))
    tracemalloc.start()
    try:
        assert sum(len(content) for _, content in files(material)) == 66 << 20
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 << 20


@pytest.mark.parametrize("content", [b"", b"x = 1\nx = 2\n"])
def test_a_file_that_changes_its_size_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    project = made(tmp_path, [b"", b"x = 1\n"])
    (tmp_path / "000.py").write_bytes(b"new")
    with pytest.raises(FormatError) as caught:
        whole(packed(project))
    assert caught.value.reason is Reason.VANISHED
    (tmp_path / "000.py").write_bytes(b"")
    (tmp_path / "001.py").write_bytes(content)
    with pytest.raises(FormatError, match=r"001\.py had 6 bytes"):
        whole(packed(project))


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    project = made(tmp_path, [b"x = 1\n"])
    (tmp_path / "000.py").unlink()
    with pytest.raises(FormatError, match=r"000\.py: the file is no longer there"):
        list(files(packed(project)))


REAL = b"python-project 1\n- a: b\n3 x.py\nabc0 y.py\n"


@given(
    st.binary(max_size=80)
    | st.builds(
        lambda at, byte: REAL[:at] + byte + REAL[at + 1 :],
        st.integers(0, len(REAL)),
        st.binary(max_size=2),
    )
)
def test_bytes_that_are_no_project_end_in_a_format_error(data: bytes) -> None:
    for read in (lambda one: list(files(one)), left_out):
        try:
            read(BytesMaterial(data))
        except FormatError as exc:
            assert exc.reason is Reason.MALFORMED


def test_a_project_that_ends_within_a_file_is_malformed() -> None:
    with pytest.raises(FormatError, match="ends within a file"):
        list(files(BytesMaterial(b"python-project 1\n4 x.py\nabc")))


# Its audit.


def test_a_witness_lies_in_a_file_of_the_project(app: Path) -> None:
    report = audit([str(app)], SETTINGS)
    found = finding(report, "no-danger")
    assert (found.artifact.name, found.artifact.kind) == (".", "python-project")
    assert isinstance(found.verdict, Refuted)
    [witness] = found.verdict.witnesses
    assert str(witness.place) == "pkg/mod.py:3"
    assert [str(step.place) for step in witness.steps] == ["main.py:1", "pkg/mod.py:3"]


def test_a_worker_that_is_no_fork_reads_the_same_project(app: Path) -> None:
    assert audit([str(app)], replace(SETTINGS, fork=False)) == audit([str(app)], SETTINGS)


def test_the_digest_binds_names_and_contents(app: Path) -> None:
    before = finding(audit([str(app)], SETTINGS), "counted").artifact
    [project] = projects(list(roots(str(app))))
    assert project.project is not None
    content = whole(packed(project.project))
    assert before.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    (app / "main.py").rename(app / "mail.py")
    after = finding(audit([str(app)], SETTINGS), "counted").artifact
    assert (after.size, after.digest != before.digest) == (before.size, True)


def test_several_targets_have_a_project_each(app: Path, tmp_path: Path) -> None:
    other = tmp_path / "one.py"
    other.write_text("danger()\n")
    report = audit([str(app), str(other), str(app)], SETTINGS)
    names = [one.artifact.name for one in report.findings if one.claim == "counted"]
    assert names == [str(app), f"{other}!/project", f"{app}#2"]


def test_a_project_is_asked_once_what_its_files_would_be_asked_each(app: Path) -> None:
    report = audit([str(app)], Settings(jobs=1))
    assert finding(report, "code-reviewed").artifact.name == "."
    assert {one.artifact.name for one in report.findings} == {
        ".",
        "notes.txt",
        "pkg/__init__.py",  # an empty file, whatever its name
    }


def test_every_file_that_no_rule_has_seen_is_named(app: Path) -> None:
    (app / "old.py").write_text("print 'of another Python'\n")
    (app / "deep.py").write_text("x = " + "-" * 50_000 + "1\n")
    (app / "large.py").write_text("#" * (2 << 20) + "\n#")
    (app / "native.so").write_bytes(b"\x7fELF")
    said = finding(audit([str(app)], Settings(jobs=1)), "code-reviewed").verdict
    assert isinstance(said, Undecided)
    assert "; no rule has seen deep.py (nested too deeply to be read), large.py (" in said.detail
    assert "old.py:1 (not Python 3: " in said.detail
    assert "native.so (" in said.detail


def test_a_policy_that_demands_a_review_is_not_met_by_a_project(app: Path) -> None:
    report = audit([str(app)], Settings(jobs=1))
    decision = decide(report, Policy(must_prove=("code-reviewed",)), datetime.date.min)
    assert [one.finding.artifact.name for one in decision.failures] == ["."]


def test_a_python_file_that_is_something_else_keeps_the_claims_of_that(app: Path) -> None:
    (app / "weights.py").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    report = audit([str(app)], Settings(jobs=1))
    claims = {one.claim for one in report.findings if one.artifact.name == "weights.py"}
    assert "load-inert" in claims


def packed_as(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


HANDLER = b"from flask import request\nfrom tools import run\nrun(request.data)\n"
TOOLS = b"import os\ndef run(line: str):\n    os.system(line)\n"


def test_the_python_files_of_an_archive_are_a_project_of_its_own(tmp_path: Path) -> None:
    packed_as(tmp_path / "code.tar", {"handler.py": HANDLER, "tools.py": TOOLS})
    report = audit([str(tmp_path)], Settings(jobs=1))
    assert finding(report, "code-reviewed").artifact.name == "code.tar!/project"
    found = finding(report, "no-command-injection")
    assert isinstance(found.verdict, Refuted)
    assert [(step.place.part, step.place.line) for step in found.verdict.witnesses[0].steps][
        -1
    ] == (
        "tools.py",
        3,
    )


def test_an_archive_in_an_archive_belongs_to_the_outer_project(tmp_path: Path) -> None:
    inner = packed_as(tmp_path / "inner.tar", {"tools.py": TOOLS}).read_bytes()
    outer = packed_as(tmp_path / "outer.tar", {"handler.py": HANDLER, "inner.tar": inner})
    report = audit([str(outer)], Settings(jobs=1))
    assert finding(report, "code-reviewed").artifact.name == "outer.tar!/project"


def test_a_member_called_project_keeps_its_name(tmp_path: Path) -> None:
    packed_as(tmp_path / "code.tar", {"project": b"text\n", "a.py": b"x = 1\n"})
    report = audit([str(tmp_path)], Settings(jobs=1))
    assert finding(report, "code-reviewed").artifact.name == "code.tar!/project~"


def test_the_project_of_a_broken_archive_says_what_is_missing() -> None:
    def broken() -> Iterator[Opened]:
        whole, content = Artifact(name="a.tar", kind="tar", size=9), b"x = 1\n"
        yield Opened(whole, BytesMaterial(b""))
        inner = Artifact(name="a.tar!/a.py", kind="python", size=len(content), parent="a.tar")
        yield Opened(inner, BytesMaterial(content))
        lost = Artifact(name="a.tar!/b.py", kind="python", size=7, parent="a.tar")
        yield Opened(lost, BytesMaterial(b""), FormatError(Reason.ENCRYPTED, "it is encrypted"))
        raise FormatError(Reason.TRUNCATED, "the archive ends here")

    found: list[Opened] = []
    with pytest.raises(FormatError, match="ends here"):
        found.extend(with_project(broken(), Caps()))
    assert found[-1].artifact.kind == "python-project"
    assert dict(files(found[-1].material)) == {"a.py": b"x = 1\n"}
    assert [one.name for one in left_out(found[-1].material)] == ["b.py", "~"]


def test_the_check_of_an_archive_meets_its_project(tmp_path: Path) -> None:
    path = packed_as(tmp_path / "code.tar", {"a.py": b"x = 1\n"})
    report = audit([str(path)], Settings(jobs=1))
    assert isinstance(finding(report, "no-command-injection").verdict, Proven)
    outcome = rechecked(report, [str(path)], Settings())
    assert outcome.is_whole, outcome


def test_an_unpromising_name_and_standard_input_are_asked_for_themselves(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("#!/usr/bin/env python\nprint()\n")
    assert finding(audit([str(tmp_path)], Settings(jobs=1)), "code-reviewed").artifact.name == "run"


def test_a_check_meets_the_project_that_the_audit_met(app: Path) -> None:
    report = audit([str(app)], Settings(jobs=1))
    outcome = rechecked(report, [str(app)], Settings())
    assert outcome.is_whole, outcome
    (app / "main.py").write_text("x = 2\n")
    changed = rechecked(report, [str(app)], Settings())
    assert "." in dict(changed.misdescribed)


def test_a_check_misses_a_project_that_a_report_hides(app: Path) -> None:
    report = audit([str(app)], Settings(jobs=1))
    kept = tuple(one for one in report.findings if one.artifact.name != ".")
    plans = tuple(one for one in report.planned if one.artifact != ".")
    hidden = replace(report, findings=kept, planned=plans)
    assert "." in rechecked(hidden, [str(app)], Settings()).unreported


def test_a_certificate_of_a_project_goes_to_a_checker(app: Path) -> None:
    report = audit([str(app)], SETTINGS)
    assert isinstance(finding(report, "counted").verdict, Proven)
    [checked] = rechecked(report, [str(app)], SETTINGS).checked
    assert checked.why == "there is no checker 'none'"

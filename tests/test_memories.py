"""The folder that --cache names: who may put what there, and what a worker reads of it."""

import json
import os
from pathlib import Path

import pytest

from probatum.audit.memories import Keeper, Memories
from probatum.audit.opened import Root
from probatum.audit.run import Settings, audit
from probatum.errors import UsageError
from probatum.formats.python_project import Project, Source
from probatum.vocabulary import Report
from probatum.wire import to_json

CODE = """\
import subprocess
from flask import request


def run():
    subprocess.run(request.args["command"], shell=True)
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A project of two files."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text(CODE)
    (folder / "other.py").write_text("import main\n")
    return folder


def reviewed(app: Path, cache: Path | None) -> Report:
    return audit([str(app)], Settings(jobs=1, cache=None if cache is None else str(cache)))


def test_an_audit_with_a_cache_says_what_one_without_says(app: Path, tmp_path: Path) -> None:
    plain = to_json(reviewed(app, None))
    for _ in range(2):
        assert to_json(reviewed(app, tmp_path / "cache")) == plain
    kept = list((tmp_path / "cache").iterdir())
    assert sorted(one.suffix for one in kept) == [".review", ".walks"]
    assert all(one.stat().st_mode & 0o777 == 0o600 for one in kept)
    (app / "other.py").write_text("import main\neval(input())\n")
    changed = to_json(reviewed(app, tmp_path / "cache"))
    assert changed == to_json(reviewed(app, None)) != plain


def test_neither_a_cache_nor_more_workers_change_what_is_said(app: Path, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "more.py").write_text(CODE.replace("run", "more"))
    targets = [str(app), str(beside)]
    for added in ("", "\n\ndef added(path):\n    return open(path)\n"):
        (app / "main.py").write_text(CODE + added)
        plain = to_json(audit(targets, Settings(jobs=1)))
        for jobs in (1, 2, 2):
            kept = Settings(jobs=jobs, cache=str(tmp_path / "cache"))
            assert to_json(audit(targets, kept)) == plain


def test_what_lies_in_the_cache_is_read_as_data(app: Path, tmp_path: Path) -> None:
    plain = to_json(reviewed(app, None))
    reviewed(app, tmp_path / "cache")
    for kept in (tmp_path / "cache").iterdir():
        whole = kept.read_bytes()
        for data in (b"", b"cos\nsystem\n(S'exit'\ntR.", whole[:-1], whole[:64], bytes(len(whole))):
            kept.write_bytes(data)
            assert to_json(reviewed(app, tmp_path / "cache")) == plain
            assert kept.read_bytes() != data, "it was not written anew"


def test_a_cache_inside_the_target_is_refused(app: Path) -> None:
    for folder in (app, app / "cache", app / "." / ".." / "app" / "x"):
        with pytest.raises(UsageError, match="inside the target"):
            reviewed(app, folder)
    (app.parent / "link").symlink_to(app / "inner")
    with pytest.raises(UsageError, match="inside the target"):
        reviewed(app, app.parent / "link")


def test_a_cache_that_others_may_write_to_is_refused(app: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(UsageError, match="by others"):
        reviewed(app, shared)


def test_a_cache_that_cannot_be_made_is_told_of(app: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be used"):
        reviewed(app, tmp_path / "file" / "cache")


def _root(name: str, folder: str) -> Root:
    sources = (Source("a.py", f"{folder}/a.py".encode(), 1),)
    return Root(name, 1, project=Project(sources))


def test_each_target_has_a_memory_of_its_own(tmp_path: Path) -> None:
    kept = Memories(str(tmp_path / "cache"), [])
    one, other = kept.of(_root(".", "/one")), kept.of(_root(".", "/other"))
    assert one is not None
    assert one != other
    assert one == kept.of(_root(".", "/one"))
    assert kept.of(Root("model.pkl", 1, path="/one/model.pkl")) is None


def test_only_a_regular_file_is_taken_out_of_the_spool(tmp_path: Path) -> None:
    kept = Memories(str(tmp_path / "cache"), [])
    place = kept.of(_root(".", "/one")) or b""
    secret = tmp_path / "secret"
    secret.write_text("not to be copied")
    (tmp_path / "link.review").symlink_to(secret)
    os.mkfifo(tmp_path / "fifo.walks")
    for name in ("link", "fifo", "missing"):
        kept.adopt(str(tmp_path / name), place)
        assert not list((tmp_path / "cache").iterdir())
    Keeper(place, str(tmp_path / "left")).keep("walks", b"data")
    kept.adopt(str(tmp_path / "left"), place)
    found = Keeper(place, "").last("walks")
    assert found is not None
    assert (len(found), found[:], found[1:3], found[3:9]) == (4, b"data", b"at", b"a")
    assert Keeper(place, "").last("review") is None
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_the_command_line_names_the_folder(app: Path, tmp_path: Path) -> None:
    from probatum.cli.main import main

    out = tmp_path / "report.json"
    line = ["audit", "--no-config", "-q", "--format", "json", "-o", str(out)]
    assert main([*line, "--cache", str(tmp_path / "cache"), str(app)]) == 1
    assert json.loads(out.read_text())["summary"]["refuted"] >= 1
    assert list((tmp_path / "cache").iterdir())
    assert main([*line, "--cache", str(app / "cache"), str(app)]) == 3

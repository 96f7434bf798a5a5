"""A second review of code: by what the first one left behind it says what a review anew would."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probatum.material import BytesMaterial
from probatum.taint import project
from probatum.taint.kept import memory_of
from probatum.taint.program import Program
from probatum.taint.recording import Recording
from probatum.taint.review import Review, review, reviewed
from probatum.taint.search import Search
from probatum.taint.walks import Walks

Files = dict[str, bytes]


class Shelf:
    """A keeper that keeps in memory, and counts how often it was told to."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}
        self.kept = 0

    def last(self, part: str) -> bytes | None:
        return self.parts.get(part)

    def keep(self, part: str, data: bytes) -> None:
        self.parts[part] = data
        self.kept += 1


APP: Files = {
    "app/__init__.py": b"from app.loading import Loader\nfrom app.paths import checked\n",
    "app/loading.py": b"""
import os
import pickle
import torch
from app.paths import checked
from app.base import Store


class Loader(Store):
    suffix = ".pkl"

    def __init__(self, folder):
        self.folder = folder

    def load(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return pickle.load(file)

    def weights(self, name):
        return torch.load(self.place(name))
""",
    "app/base.py": b"""
import os


class Store:
    def place(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        return open(self.place(name)).read()


class Sealed(Store):
    def place(self, name):
        return os.path.join(self.folder, os.path.basename(name))
""",
    "app/paths.py": b"""
import os


def checked(path):
    if ".." in path:
        raise ValueError(path)
    return path


def opened(path):
    return open(checked(path))
""",
    "app/server.py": b"""
import subprocess
import requests
from flask import Flask, request
from app import Loader, checked
from app.paths import opened

app = Flask(__name__)
loader = Loader("models")


@app.route("/load")
def load():
    return loader.load(request.args["name"])


@app.route("/run")
def run():
    command = request.args.get("command")
    subprocess.run(command, shell=True)
    return requests.get(request.args["url"], verify=False).text


@app.route("/show")
def show():
    return opened(checked(request.args["path"])).read()
""",
    "app/routes.py": b"""
import random
import jwt
from fastapi import APIRouter, Depends, Header
from app.users import current_user, ask, KEY

router = APIRouter()


@router.post("/a")
def a(user=Depends(current_user)):
    return jwt.encode({"user": user}, KEY)


@router.post("/b")
def b(user=Depends(current_user)):
    return user


@router.delete("/c")
def c(name: str):
    token = "".join(random.choice("abcdefghijklmnop") for _ in range(9))
    return token


@router.post("/d")
def d(secret: str = Header()):
    while True:
        answer = client.chat.completions.create(messages=[])
        if answer.done:
            break
        tools[answer.tool](answer)
    return secret == ask()
""",
    "app/users.py": b"""
import os

KEY = "a-text-that-signs-0123456789"


def current_user(token):
    if not token:
        raise HTTPException(401)
    return token


def ask():
    return os.environ["API_SECRET"]
""",
    "app/notes.ipynb": b"""{"cells": [{"cell_type": "code", "source":
["import pickle\\n", "from flask import request\\n", "pickle.loads(request.data)"]}]}""",
}
LINES = [
    b"# nothing",
    b"import pickle as loading",
    b"from app.base import Sealed as Store",
    b"def place(name):\n    return name",
    b"def load(self, name):\n    return eval(name)",
    b"class Loader:\n    def load(self, name):\n        return exec(name)",
    b"class More(Loader):\n    def place(self, name):\n        return name",
    b"checked = str",
    b"loader = print",
    b"big = 1 << 80",
    b"lone = '\\ud800'",
    b"huge = 123456789012345678901234567890",
    b"def broken(:",
    b"requests.get('https://x', verify=False)",
    b"    if name: raise ValueError(name)",
    b"        name = os.path.basename(name)",
]


def edited(files: Files, path: str, at: int, drop: int, line: bytes) -> Files:
    """The files, of one of which lines were replaced by another."""
    lines = files[path].split(b"\n")
    at %= len(lines)
    return files | {path: b"\n".join([*lines[:at], line, *lines[at + drop :]])}


edits = st.lists(
    st.tuples(
        st.sampled_from([path for path in APP if path.endswith(".py")]),
        st.integers(0, 40),
        st.integers(0, 3),
        st.sampled_from(LINES),
    ),
    min_size=1,
    max_size=3,
)


def twice(before: Files, after: Files) -> tuple[Review, Shelf]:
    """The review of `after` by what the review of `before` left behind."""
    shelf = Shelf()
    review(before.items(), shelf)
    return review(after.items(), shelf), shelf


def test_a_review_that_is_written_down_says_what_any_other_says() -> None:
    assert review(APP.items(), Shelf()) == review(APP.items())
    assert len(review(APP.items()).flows) > 4


def test_a_second_review_of_the_same_files_works_out_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf = Shelf()
    first = review(APP.items(), shelf)
    monkeypatch.setattr("probatum.taint.search.Search._back", None)
    assert review(APP.items(), shelf) == first
    assert shelf.kept == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(edits, edits)
def test_a_second_review_says_what_a_review_anew_says(
    first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]
) -> None:
    before = APP
    for edit in first:
        before = edited(before, *edit)
    after = before
    for edit in second:
        after = edited(after, *edit)
    found, _ = twice(before, after)
    assert found == review(after.items())


def told(files: Files, shelf: Shelf | None = None) -> list[Any]:
    """What is told of all flows, and what words are named."""
    ordered = dict(sorted(files.items()))
    packed = b"python-project 1\n" + b"".join(
        b"%d %s\n%s" % (len(content), name.encode(), content) for name, content in ordered.items()
    )
    walks = Walks(BytesMaterial(packed), ordered, shelf)
    flows = [flow for flow in review(files.items()).flows if not flow.guard]
    walks.keep(flows)
    return [walks.mentioned, *(walks.of(flow) for flow in flows)]


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(edits, edits)
def test_what_was_walked_once_is_told_as_if_it_were_walked_anew(
    first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]
) -> None:
    shelf = Shelf()
    files = APP
    for edit in (*first, *second):
        files = edited(files, *edit)
        assert told(files, shelf) == told(files)


def test_paths_are_not_walked_again_where_no_file_on_them_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf = Shelf()
    apart = APP | {"app/apart.py": b"x = 1"}
    first = told(apart, shelf)
    assert any(not why for _, why in first[1:])
    monkeypatch.setattr("probatum.taint.walks.shows", None)
    assert told(apart | {"app/apart.py": b"x = 2"}, shelf) == first


def test_what_only_moves_lines_moves_them_in_what_is_told() -> None:
    moved = APP | {"app/loading.py": b"# one\n# more\n" + APP["app/loading.py"]}
    found, shelf = twice(APP, moved)
    assert found == review(moved.items()) != review(APP.items())
    assert shelf.kept == 1


def test_a_function_that_is_added_takes_back_what_looks_at_its_whole_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more = b"\n\ndef more(path):\n    return open(path)\n"
    after = APP | {"app/paths.py": APP["app/paths.py"] + more}
    shelf = Shelf()
    review(APP.items(), shelf)
    again: list[Any] = []
    real = Search._back
    monkeypatch.setattr(
        Search,
        "_back",
        lambda *given: again.append(given[2]) or real(*given),  # type: ignore[func-returns-value]
    )
    found = review(after.items(), shelf)
    assert again == [("app.paths", 3)]
    assert found == review(after.items())


def test_a_name_that_a_module_binds_anew_is_another_one_in_its_functions() -> None:
    bound = APP | {"app/paths.py": APP["app/paths.py"] + b"\n\nopen = print\n"}
    found, shelf = twice(APP, bound)
    assert found == review(bound.items()) != review(APP.items())
    assert shelf.kept == 1


def test_a_file_that_comes_or_goes_is_no_small_change() -> None:
    without = {path: content for path, content in APP.items() if path != "app/paths.py"}
    for before, after in ((APP, without), (without, APP)):
        found, shelf = twice(before, after)
        assert found == review(after.items())
        assert shelf.kept == 2


def test_a_file_that_cannot_be_read_is_told_of_again() -> None:
    broken = APP | {"app/broken.py": b"def ("}
    found, shelf = twice(broken, edited(broken, "app/paths.py", 3, 0, b"# here"))
    assert [one.file for one in found.unread] == ["app/broken.py"]
    assert shelf.kept == 1


def test_many_changes_are_worked_out_anew_and_kept() -> None:
    many = {f"m{number}.py": b"import os\n" for number in range(40)}
    found, shelf = twice(many, dict.fromkeys(many, b"import sys\neval(input())\n"))
    assert shelf.kept == 2
    assert len(found.flows) == len(review({"m.py": b"eval(input())\n"}.items()).flows) * 40


def test_a_memory_of_which_a_byte_has_changed_changes_nothing_that_is_said() -> None:
    shelf = Shelf()
    first = review(APP.items(), shelf)
    after = edited(APP, "app/paths.py", 5, 0, b"    path = str(path)")
    changed = review(after.items())
    whole = shelf.parts["review"]
    for at in (0, 31, 32, 63, 64, 71, 72, *range(73, len(whole), 997), len(whole) - 1):
        for files, said in ((APP, first), (after, changed)):
            shelf.parts["review"] = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
            assert review(files.items(), shelf) == said
    for cut in (b"", whole[:40], whole[:80], whole[:-1], whole + b"x"):
        assert memory_of(cut) is None


def test_of_a_memory_only_what_is_looked_at_is_read() -> None:
    shelf = Shelf()
    many = {f"apart{number}.py": b"import os\n\nclass A:\n    x = 1\n" for number in range(20)}
    review((APP | many).items(), shelf)
    read: list[int] = []

    class Watched(bytes):
        def __getitem__(self, span: Any) -> Any:
            found = super().__getitem__(span)
            read.append(len(found))
            return found

    shelf.parts["review"] = Watched(shelf.parts["review"])
    after = edited(APP | many, "app/paths.py", 5, 0, b"    path = str(path)")
    assert review(after.items(), shelf) == review(after.items())
    assert sum(read) < len(shelf.parts["review"]) * 0.9
    read.clear()
    review((APP | many).items(), shelf)
    assert sum(read) < len(shelf.parts["review"]) / 2


def test_a_memory_of_another_engine_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    review(APP.items(), shelf)
    monkeypatch.setattr("probatum.taint.kept.key", lambda: b"\0" * 32)
    assert memory_of(shelf.parts["review"]) is None


def test_an_answer_rests_on_what_was_looked_at() -> None:
    read = project.read(APP.items())
    program = Recording(read.modules)
    assert reviewed(read, program) == reviewed(read, Program(project.read(APP.items()).modules))
    facts = list(program.facts)
    assert all(len(entry[2]) for entry in program.entries)
    assert {entry[0][0] for entry in program.entries} == {
        *("parents", "meant", "callers", "sink", "properties", "routes")
    }
    entry = next(one for one in program.entries if one[0][:3] == ("sink", "load", "app.loading"))
    on = {facts[number] for number in entry[2]}
    assert ("import", "app.loading", "pickle") in on
    assert {fact[0] for fact in on} >= {"app.loading", "app.server", "callers"}


def test_only_what_changed_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    review(APP.items(), shelf)
    lowered: list[str] = []
    real = project.lowered
    monkeypatch.setattr(
        project, "lowered", lambda tree, name, path: lowered.append(path) or real(tree, name, path)
    )
    after = edited(APP, "app/paths.py", 2, 0, b"# here")
    review(after.items(), shelf)
    assert sorted(lowered) == ["app/notes.ipynb", "app/paths.py"]


def test_what_a_changed_file_names_of_a_library_that_another_imports_is_found() -> None:
    shelf = Shelf()
    before = {"a.py": b"import pandas\n", "b.py": b"def f(table, text):\n    pass\n"}
    after = before | {"b.py": b"def f(table, text):\n    table.query(text)\n"}
    assert "no-code-injection" not in told(before, shelf)[0]
    again = told(after, shelf)
    assert again == told(after)
    assert again[0]["no-code-injection"].word == "query"
    assert told(before, shelf) == told(before)

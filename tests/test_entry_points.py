"""What a request can reach: no way to a sink is overlooked, and what reaches none is proven."""

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bytes_of_text import built
from probatum.check import entry_points
from probatum.check.entry_index import Index
from probatum.check.entry_points import Ways
from probatum.errors import Rejected
from probatum.material import BytesMaterial

CLAIM = "no-command-injection"
_PAGE = (Path(__file__).parent / "data" / "entry_attacks.md").read_text("utf-8")
ATTACKS = dict(part.split("\n", 1) for part in _PAGE.split("\n## ")[1:])
_PAGE = (Path(__file__).parent / "data" / "entry_kinds.md").read_text("utf-8")
KINDS = dict(part.split("\n", 1) for part in _PAGE.split("\n## ")[1:])

APP = """
import json, os
from fastapi import FastAPI, Request
from pydantic import BaseModel

app = FastAPI()
seen = {}


class Item(BaseModel):
    name: str
    tags: list[str] = []


def cleaned(text):
    return text.strip().lower()


@app.get("/read/{name}")
def read(name: str):
    return seen.get(cleaned(name))


@app.post("/write")
async def write(item: Item, request: Request):
    seen[cleaned(item.name)] = json.dumps(item.tags)
    return {"from": request.client.host, "ok": True}


@app.get("/run")
def run(command: str):
    os.system(cleaned(command))
"""


HOOKED = (
    APP.replace("os.system(cleaned(command))", "return command")
    + """
@app.middleware("http")
async def around(request, following):
    return getattr(request, request.method)(following)
"""
)


def ways(files: dict[str, str]) -> Ways:
    return Ways(Index([(name, [ast.parse(text)]) for name, text in files.items()]))


def files_of(attack: str) -> dict[str, str]:
    text = attack.partition("```text\n--- ")[2].partition("\n```")[0]
    return dict(
        part.split("\n", 1) if "\n" in part else (part, "") for part in text.split("\n--- ")
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_way_to_a_sink_is_overlooked(attack: str) -> None:
    found = ways(files_of(ATTACKS[attack]))
    label = next(one for one in found.entries if one.endswith(("way", "H", "way.py:__main__")))
    assert found.doubt(label, CLAIM) is not None


def test_what_reaches_nothing_is_proven_beside_what_does() -> None:
    found = ways({"app.py": APP})
    proven = {label: found.doubt(label, CLAIM) is None for label in found.entries}
    assert proven == {"app.py:read": True, "app.py:write": True, "app.py:run": False}
    assert found.libraries("app.py:read") == ["fastapi", "json"]


@pytest.mark.parametrize("decorator", ["x[0]", "(lambda f: f)", "x()()", "x.y.z", "x if x else x"])
def test_any_decorator_is_read(decorator: str) -> None:
    assert not ways({"app.py": f"@{decorator}\ndef f(): ...\n@{decorator}\nclass K: ..."}).entries


def test_commands_with_options_are_told_apart() -> None:
    program = """
import os, click

@click.group()
def cli(): ...

@cli.command()
@click.option("--name")
def greet(name):
    click.echo(name)

@cli.command()
@click.argument("command")
def run(command):
    os.system(command)
"""
    found = ways({"app.py": program})
    proven = {label for label in found.entries if found.doubt(label, CLAIM) is None}
    assert proven == {"app.py:cli", "app.py:greet"}


def test_a_doubt_says_what_is_named_and_where() -> None:
    assert ways({"app.py": APP}).doubt("app.py:run", CLAIM) == ("os.system", "app.py", 32)


@pytest.mark.parametrize("before", ["", "import pickle\n", "T = []\nT.append(read)\n"])
def test_a_library_that_runs_commands_by_itself_is_not_taken_for_granted(before: str) -> None:
    called = APP.replace("os.system(", "git.Repo(").replace("import json", "import git, json")
    assert ways({"app.py": called + before}).doubt("app.py:run", CLAIM) is not None


def holds(facts: dict[str, object], program: str = APP) -> None:
    data = built("project", f"--- app.py\n{program}")
    entry_points.holds(facts, BytesMaterial(data).read, len(data))


def facts(program: str = APP) -> dict[str, object]:
    data = built("project", f"--- app.py\n{program}")
    found = entry_points.of_project(data)
    digest = hashlib.sha256(data).hexdigest()
    named = {"app.py:read": found.libraries("app.py:read")}
    every = sorted(found.entries)
    return {"claim": CLAIM, "size": len(data), "sha256": digest, "entries": named, "all": every}


def test_a_certificate_holds_for_its_project_and_for_no_other() -> None:
    holds(facts())
    with pytest.raises(Rejected):
        holds(facts(), APP + "\n")


@pytest.mark.parametrize(
    "changed",
    [
        {"entries": {"app.py:run": ["fastapi", "os"]}},
        {"entries": {"app.py:cleaned": []}},
        {"entries": {"app.py:read": []}},
        {"entries": ["app.py:read"]},
        {"entries": {"app.py:read": None}},
        {"all": ["app.py:read"]},
        {"all": None},
        {"claim": "no-such-claim"},
        {"claim": ["no-command-injection"]},
        {"size": 1},
        {"sha256": "0" * 64},
        {"more": 1},
    ],
)
def test_a_certificate_that_says_something_else_is_rejected(changed: dict[str, object]) -> None:
    with pytest.raises(Rejected):
        holds(facts() | changed)


def test_a_report_tells_entry_points_and_a_check_derives_them_again(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text(APP)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "probatum", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    told = run("audit", "app", "--no-config", "-v")
    assert "2 of 3 entry points proven" in told.stdout
    assert "refuted at app.py:run (@app.get('/run'))" in told.stdout
    page = run("audit", "app", "--no-config", "--format", "html")
    assert "2 of 3 entry points proven" in page.stdout
    run("audit", "app", "--no-config", "--format", "json", "-o", "r.json")
    checked = run("check", "r.json", "app")
    assert "0 rejected" in checked.stdout
    report = json.loads((tmp_path / "r.json").read_bytes())
    left_out = json.loads((tmp_path / "r.json").read_bytes())
    for finding in left_out["findings"]:
        if "entries" in finding:
            del finding["entries"]["of"][-1]
    (tmp_path / "r.json").write_text(json.dumps(left_out))
    assert "the entry point app.py:run is left out" in run("check", "r.json", "app").stdout
    for finding in report["findings"]:
        for entry in finding.get("entries", {}).get("of", ()):
            entry["verdict"] = "proven"
    (tmp_path / "r.json").write_text(json.dumps(report))
    forged = run("check", "r.json", "app")
    assert "nothing shows it of the entry point app.py:run" in forged.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_entry_point_is_known_and_told_apart(kind: str) -> None:
    found = ways(files_of(KINDS[kind]))
    told = {
        label: f"{entry.says}: {'undecided' if found.doubt(label, CLAIM) else 'proven'}"
        for label, entry in found.entries.items()
    }
    said = KINDS[kind].rpartition("```\n")[2].strip().splitlines()
    assert told == dict(line.removeprefix("- ").split(" is ", 1) for line in said)


def test_a_policy_asks_for_each_entry_point(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text(APP.replace("os.system(", "os.getenv("))
    asked = 'must-prove = []\nmust-prove-entry-points = ["no-command-injection"]\n'
    (tmp_path / "asked.toml").write_text(f"[policy]\n{asked}")

    def run(*arguments: str) -> int:
        command = [sys.executable, "-m", "probatum", *arguments, "--config", "asked.toml"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True).returncode

    assert run("audit", "app", "--format", "json", "-o", "r.json") == 0
    assert run("check", "r.json", "app") == 0
    (tmp_path / "app" / "app.py").write_text(APP.replace("os.system(c", "subprocess.run(["))
    assert run("audit", "app") != 0
    (tmp_path / "asked.toml").write_text(f"[policy]\n{asked}".replace("command-inj", "odd"))
    assert run("audit", "app") == 3


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import os\ndef f(x):\n    os.system(x)\n", "entry points: none is known in this project"),
        (APP + "# " + "x" * (1 << 20), "entry points: they are told of projects of up to 1 MiB"),
        (HOOKED, "undecided at all 3 entry points: `getattr` may run"),
    ],
)
def test_what_is_not_told_of_entry_points_is_said(tmp_path: Path, program: str, says: str) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text(program)
    command = [sys.executable, "-m", "probatum", "audit", "app", "--no-config", "-v"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert says in told, told

"""Plants a credential of every kind wherever we look, and searches all that we write for it."""

import json
import re
from pathlib import Path

import pytest

from made_credentials import made
from probatum.audit.concealing import concealed
from probatum.cli.main import main
from probatum.credentials.kinds import kinds
from probatum.render.formats import FORMATS

_MOST = 12
"""Characters of a value in a row that nothing may show."""


def _values() -> list[str]:
    return [made(kind, 5).replace("\n", "\\n") for kind in kinds()]


def _code(values: list[str]) -> str:
    names = (f"KEY_{number} = {value!r}" for number, value in enumerate(values))
    uses = (
        "import jwt, requests\njwt.encode({}, KEY_0)\nrequests.get(KEY_1, headers={'a': KEY_2})\n"
    )
    return "\n".join((*names, uses, "import os\nos.system(input() + KEY_3)\n"))


def _notebook(values: list[str]) -> str:
    cell = {"cell_type": "code", "source": _code(values), "outputs": [], "metadata": {}}
    return json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    values = _values()
    listed = "\n".join(values)
    settings = "\n".join(f"SECRET_{at}={value}" for at, value in enumerate(values))
    compose = "".join(f"      SECRET_{at}: {json.dumps(one)}\n" for at, one in enumerate(values))
    servers = {"a": {"command": "x", "args": values, "env": {"TOKEN": values[0]}}}
    runs = "".join(f"      - run: {json.dumps('curl ' + one)}\n" for one in values)
    written = {
        "app.py": _code(values),
        "broken.py": _code(values) + "def (",
        "notes.ipynb": _notebook(values),
        "README.md": listed,
        "log.txt": listed,
        ".env": settings,
        "start.sh": "#!/bin/sh\n" + "\n".join(f"export {one}" for one in settings.split("\n")),
        "compose.yaml": f"services:\n  a:\n    image: a:1\n    environment:\n{compose}",
        "Dockerfile": "FROM python:3.12\n" + "\n".join(f"ENV {x}" for x in settings.split("\n")),
        "mcp.json": json.dumps({"mcpServers": servers}),
        "config.json": json.dumps({"auto_map": {"AutoModel": values[0]}, "notes": values}),
        "requirements.txt": "\n".join(f"a @ https://u:{one}@example.net/a.whl" for one in values),
        ".github/workflows/ci.yml": (
            f"on: pull_request_target\njobs:\n  a:\n    runs-on: u\n    steps:\n{runs}"
        ),
    }
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_no_form_of_a_report_shows_a_credential(
    planted: Path, form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(planted)
    assert main(["audit", ".", "--format", form, "--verbose"]) in (0, 1)
    told, talk = capsys.readouterr()
    assert "no-credential" in told
    shown = {part for value in _values() for part in _parts(value) if part in told + talk}
    assert not shown


def _parts(value: str) -> set[str]:
    """What is random in it, in pieces that nobody writes by chance."""
    words = (one for one in re.findall(r"[A-Za-z0-9+/]{16,}", value))
    return {word[at : at + _MOST] for word in words for at in range(2, len(word) - _MOST, 4)}


def test_what_is_found_twice_is_hidden_once() -> None:
    """In clear, and in the word around an escape: the second ends behind the first."""
    token = made(next(one for one in kinds() if one.id == "github-pat"))
    assert concealed(f"see {token}%2Fu:{token}%2Fend and more") == "see […] and more"

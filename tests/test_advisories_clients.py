"""Tools that would ask osv.dev ask the server instead, and say what an audit would say."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from advisory_mirror import advisory, lines
from probatum.adapters.advisories import Asked, update
from probatum.adapters.advisories_installed import demanded
from probatum.adapters.advisories_server import Server
from probatum.adapters.advisories_store import Store
from probatum.advisories.matching import Affects, affected
from probatum.components import Component

RECORDS = [
    advisory("PYSEC-2026-1", "demo", fixed="2.0", aliases=["CVE-2026-0001"], summary="s"),
    advisory("GHSA-aaaa-bbbb-cccc", "demo", last="1.0", aliases=["CVE-2026-0002"], summary="s"),
    advisory("PYSEC-2026-3", "torch-like", last="2.6.0-NA", summary="s", details="d"),
    advisory("PYSEC-2026-4", "torch-like", last="2.6.0", summary="s", details="d"),
    advisory("PYSEC-2026-5", "withdrawn", summary="s", withdrawn="2026-01-03T00:00:00Z"),
    *[advisory(f"PYSEC-2025-{number}", "many", fixed="3.0", summary="s") for number in range(9)],
]
PINNED = {
    "demo": "1.0", "torch-like": "2.6.0+cu124", "withdrawn": "1.0", "many": "2.9.9",
    "unheard-of": "1.0",
}  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    store, feed = Store(tmp_path / "advisories"), tmp_path / "feed.jsonl"
    feed.write_bytes(lines(*RECORDS))
    update(store, Asked((str(feed),), ("PyPI",)), datetime(2026, 2, 1, tzinfo=UTC))
    with Server(store, "127.0.0.1", 0, page=4) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()


def expected(tmp_path: Path) -> dict[str, set[str]]:
    """By package, the records by which it is affected, or may be."""
    index = demanded(Store(tmp_path / "advisories")).opened().index
    return {
        name: {
            id
            for match in affected(index, Component(ecosystem="PyPI", name=name, version=version))
            if match.verdict is not Affects.NO
            for id in match.records
        }
        for name, version in PINNED.items()
    }


def run(folder: Path, *command: str) -> Any:
    """What a client says as JSON. It has no index of packages, and no proxy."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed here")
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=kept | {"UV_OFFLINE": "0", "UV_NO_CONFIG": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr  # both exit with 1 where something is affected
    return json.loads(done.stdout)


def test_pip_audit_says_what_an_audit_would(server: Server, tmp_path: Path) -> None:
    pinned = "".join(f"{name}=={version}\n" for name, version in PINNED.items())
    (tmp_path / "requirements.txt").write_text(pinned)
    url = f"{server.address}/v1/query"
    said = run(
        tmp_path, "pip-audit", "--no-deps", "--disable-pip", "-r", "requirements.txt",
        "-s", "osv", "--osv-url", url, "-f", "json", "--progress-spinner", "off",
    )  # fmt: skip
    ids = {record["id"] for record in RECORDS}
    found = {  # it prefers CVEs, and tells the other names beside
        one["name"]: {name for each in one["vulns"] for name in (each["id"], *each["aliases"])}
        & ids
        for one in said["dependencies"]
    }
    assert found == expected(tmp_path)


def locked() -> str:
    """A lock of uv's that pins them all."""
    own = ", ".join(f'{{ name = "{name}" }}' for name in PINNED)
    head = (
        'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n'
        '[[package]]\nname = "app"\nversion = "0.1"\nsource = { virtual = "." }\n'
        f"dependencies = [{own}]\n"
    )
    return head + "".join(
        f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n'
        'source = { registry = "https://pypi.org/simple" }\n'
        f'sdist = {{ url = "https://pypi.example/{name}.tar.gz", hash = "sha256:{"0" * 64}" }}\n'
        for name, version in PINNED.items()
    )


def test_uv_audit_says_what_an_audit_would(server: Server, tmp_path: Path) -> None:
    wanted = ", ".join(f'"{name}=={version}"' for name, version in PINNED.items())
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0.1"\nrequires-python = ">=3.11"\n'
        f"dependencies = [{wanted}]\n"
    )
    (tmp_path / "uv.lock").write_text(locked())
    said = run(
        tmp_path, "uv", "audit", "--frozen", "--service-url", server.address,
        "--output-format", "json",
    )  # fmt: skip
    found: dict[str, set[str]] = {name: set() for name in PINNED}
    for one in said["vulnerabilities"]:
        found[one["dependency"]["name"]].add(one["id"])
    assert found == expected(tmp_path)

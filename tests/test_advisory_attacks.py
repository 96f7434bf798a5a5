"""Files by which their author would have a vulnerable package installed and the claim proven.

Each of them is read by its own tool as `server 2.5.0`, or as more than it seems to name.
"""

import json
from contextlib import suppress
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from known_advisories import Known, record
from probatum.advisories.snapshot import build
from probatum.analyzers.supply.no_known_vulnerability import no_known_vulnerability
from probatum.audit.judge import judged
from probatum.audit.targets import roots
from probatum.check.named_components import named
from probatum.errors import FormatError, Rejected
from probatum.formats.python_environment import KIND
from probatum.formats.python_project import joined
from probatum.inventory.reading import inventory_of
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Proven, Refuted, Verdict

_PYPI = 'source = { registry = "https://pypi.org/simple" }'
_FILES = "https://files.pythonhosted.org/packages/aa/bb"
_CRATES = "registry+https://github.com/rust-lang/crates.io-index"
_NAMES = {
    "requirements": "requirements.txt",
    "uv-lock": "uv.lock",
    "pdm-lock": "pdm.lock",
    "pylock": "pylock.toml",
    "pipfile-lock": "Pipfile.lock",
    "npm-lock": "package-lock.json",
    "cargo-lock": "Cargo.lock",
    "yarn-lock": "yarn.lock",
    "go-mod": "go.mod",
}


def _npm(packages: dict[str, Any], **more: Any) -> str:
    root = {"": {"name": "mine", "version": "1.0.0"}}
    return json.dumps({"lockfileVersion": 3, "packages": root | packages} | more)


def _pipenv(**package: Any) -> str:
    default = {"fine": {"version": "==1.0"} | package}
    return json.dumps({"_meta": {"sources": []}, "default": default})


def _yarn(between: str) -> str:
    return f"""# yarn lockfile v1


server@2.5.0:
  version "2.7.0"
{between}  resolved "https://registry.yarnpkg.com/server/-/server-2.7.0.tgz#00"
"""


_MERGED = f"""{{
"lockfileVersion": 3,
"<<<<<<<": {{
"packages": {json.dumps({"node_modules/server": {"version": "2.5.0"}})},
"x": 1}}, "y": "=======",
"packages": {json.dumps({"node_modules/server": {"version": "2.7.0"}})},
"z": ">>>>>>>",
"requires": true
}}"""

_ATTACKS = {
    "pip looks for its encoding in all of the first line": (
        "requirements", f"#\r#\r#{' ' * 1100}coding: utf-7\n# +AAo-server==2.5.0\nfine==1.0\n"),
    "pip takes what ends like an archive for a file": ("requirements", "fine==1.0\nserver===1.zip"),
    "a local label may end like an archive": ("requirements", "server==2.7.0+cpu.zip"),
    "an option in a marker makes it a folder": ("requirements", "server==2.7.0 ; x -e server"),
    "a variable may stand in a marker": ("requirements", "fine==1.0 ; ${MORE}"),
    "uv takes the file that is named": ("uv-lock", f"""
version = 1
[[package]]
name = "server"
version = "2.7.0"
{_PYPI}
wheels = [{{ url = "{_FILES}/server-2.5.0-py3-none-any.whl" }}]"""),
    "a name may begin like another one": ("uv-lock", f"""
version = 1
[[package]]
name = "fine"
version = "1.0"
{_PYPI}
sdist = {{ url = "{_FILES}/fine-server-1.0.tar.gz" }}"""),
    "a source may be two": ("uv-lock", """
version = 1
[[package]]
name = "server"
version = "2.7.0"
source = { registry = "https://pypi.org/simple", git = "https://host.example/server" }"""),
    "a pylock file is called as it is not": ("pylock", f"""
lock-version = "1.0"
[[packages]]
name = "server"
version = "2.7.0"
wheels = [{{ name = "server-2.7.0-py3-none-any.whl",
  url = "{_FILES}/server-2.5.0-py3-none-any.whl" }}]"""),
    "PDM takes the address of a file": ("pdm-lock", """
[metadata]
strategy = ["static_urls"]
[[package]]
name = "server"
version = "2.7.0"
files = [{ url = "https://host.example/server-2.7.0-py3-none-any.whl", hash = "sha256:00" }]"""),
    "PDM reads its lock file as a pylock": ("pdm-lock", """
lock-version = "1.0"
[[package]]
name = "fine"
version = "1.0"
[[packages]]
name = "server"
version = "2.5.0" """),
    "pipenv writes a marker into a line": ("pipfile-lock", _pipenv(markers="\nserver==2.5.0")),
    "pipenv writes extras into a line": (
        "pipfile-lock", _pipenv(extras=["x] @ https://host.example/server.zip #"])),
    "pipenv writes other markers too": ("pipfile-lock", _pipenv(os_markers="\nserver==2.5.0")),
    "pipenv knows more than git": ("pipfile-lock", _pipenv(hg="https://host.example/server")),
    "npm merges what looks like a conflict": ("npm-lock", _MERGED),
    "npm goes by the folder that a path leads to": (
        "npm-lock", _npm({"node_modules/x/../server": {"version": "2.5.0"}})),
    "npm takes from a package what it bundles": ("npm-lock", _npm({
        "node_modules/fine": {"version": "1.0.0", "bundleDependencies": ["server"]},
        "node_modules/fine/node_modules/server": {"version": "2.7.0"}})),
    "npm takes from a package what it has locked": ("npm-lock", _npm({
        "node_modules/fine": {"version": "1.0.0", "hasShrinkwrap": True},
        "node_modules/fine/node_modules/server": {"version": "2.7.0"}})),
    "npm fetches what is needed and not listed": ("npm-lock", _npm({
        "node_modules/fine": {"version": "1.0.0", "dependencies": {"server": "^2"}}})),
    "older versions of npm go by another address": ("npm-lock", _npm(
        {"node_modules/server": {"version": "2.7.0"}},
        dependencies={"server": {"version": "2.7.0", "resolved":
            "https://registry.npmjs.org/server/-/server-2.5.0.tgz"}})),
    "the project itself is no package of npm": ("npm-lock", json.dumps({
        "lockfileVersion": 2,
        "packages": {"": {"name": "server", "version": "https://host.example/server.tgz"}},
        "dependencies": {"server": {"version": "https://host.example/server.tgz"}}})),
    "Yarn ends an entry at a comment": ("yarn-lock", _yarn("# not part of it\n")),
    "Yarn ends an entry at an empty line": ("yarn-lock", _yarn("\n")),
    "before go 1.17 other modules have a say": (
        "go-mod", "module example.org/mine\ngo 1.16\nrequire server v2.7.0\n"),
    "cargo reads one more package": ("cargo-lock", f"""
[root]
name = "server"
version = "2.5.0"
source = "{_CRATES}"
[[package]]
name = "mine"
version = "1.0.0" """),
    "cargo looks for what is needed and not listed": ("cargo-lock", f"""
[[package]]
name = "mine"
version = "1.0.0"
dependencies = ["fine"]
[[package]]
name = "fine"
version = "1.0.0"
source = "{_CRATES}"
dependencies = ["server"]"""),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), _ATTACKS.values(), ids=_ATTACKS)
def test_an_attack_is_neither_proven_nor_accepted(kind: str, text: str) -> None:
    assert not _is_proven(kind, BytesMaterial(text.encode()))
    with pytest.raises(Rejected):
        named(kind, text.encode())


_FINE = ("fine-1.0.dist-info/METADATA", b"Name: fine\nVersion: 1.0\n")
_SERVER = b"Name: server\nVersion: 2.5.0\n"


@pytest.mark.parametrize(
    "more",
    [
        ("server-2.5.0.Dist-Info/METADATA", _SERVER),
        ("server-2.5.0-py3.11.egg/EGG-INFO/PKG-INFO", _SERVER),
        ("server-2.5.0-fine-1.0.dist-info/METADATA", b"Name: fine\nVersion: 1.0\n"),
        ("fine-1.0.dist-info/PKG-INFO", _SERVER),
        ("more.pth", b"import fine\n/opt/packages\n"),
    ],
    ids=lambda one: one[0],
)
def test_what_python_finds_beside_the_plain_metadata_is_told(more: tuple[str, bytes]) -> None:
    assert _is_proven(KIND, joined([_FINE], (), KIND))
    assert not _is_proven(KIND, joined([_FINE, more], (), KIND))


def test_an_egg_is_a_distribution_like_others() -> None:
    egg = ("a/server-2.5.0-py3.11.egg/EGG-INFO/PKG-INFO", _SERVER)
    assert isinstance(_verdict(KIND, joined([egg], (), KIND)), Refuted)


_ECOSYSTEMS = ("PyPI", "npm", "crates.io", "Go")
_RECORDS = [
    record(f"EX-{one}", "server", {"introduced": "0"}, {"fixed": "2.6.0"}, ecosystem=one)
    for one in _ECOSYSTEMS
]
_KNOWN = Known(
    build([json.dumps(one).encode() for one in _RECORDS], "2026-11-20T00:00:00Z"),
    covers=frozenset(_ECOSYSTEMS),
)


def _verdict(kind: str, material: Any) -> Verdict:
    artifact = Artifact(name=_NAMES.get(kind, "environment"), kind=kind, size=material.size)
    return judged(no_known_vulnerability, artifact, material, _KNOWN)


def _is_proven(kind: str, material: Any) -> bool:
    return isinstance(_verdict(kind, material), Proven)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("dockerfile", f"FROM a\nRUN {'[' * 30_000}\n"),
        ("go-mod", '\\"' * 15_000),
        ("python-manifest", f'[tool.poetry.dependencies]\na="{" " * 30_000}"\n'),
    ],
)
def test_no_text_takes_a_reader_long_or_too_deep(kind: str, text: str) -> None:
    began = process_time()
    with suppress(FormatError):
        inventory_of(kind, "file", BytesMaterial(text.encode()))
    assert process_time() - began < 2


def test_metadata_behind_a_link_is_left_out_and_told(tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    (packages / "fine-1.0.dist-info").mkdir(parents=True)
    (packages / "fine-1.0.dist-info/METADATA").write_bytes(_FINE[1])
    (packages / "server-2.5.0.dist-info").symlink_to("../elsewhere")
    (environment,) = [one.project for one in roots(str(packages)) if one.project is not None]
    assert [one.name for one in environment.left_out] == ["server-2.5.0.dist-info"]

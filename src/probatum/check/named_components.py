"""Reads again what a lock file or an environment names: ecosystem, name and version of each.

Nothing is passed over: what is not understood here, or comes from elsewhere than the registry that
advisories speak of, is Rejected. Only the project's own package, which a lock file names beside
what it needs, is left out.

Sources: pip.pypa.io, requirements file format; packaging.python.org on pylock.toml;
docs.astral.sh/uv, python-poetry.org, pdm-project.org, pipenv.pypa.io, docs.npmjs.com and
doc.rust-lang.org on their lock files. What pnpm, Yarn, Go and the package managers of systems
write has readers of its own beside this one.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from probatum.check import named_modules, named_node, named_system
from probatum.check.gathered_files import files
from probatum.errors import Rejected

Named = tuple[str, str, str]
"""Ecosystem, name as that ecosystem compares names, version as written."""

_PYTHON_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_PIN = re.compile(
    rf"({_PYTHON_NAME})\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*===?\s*([A-Za-z0-9.!+_-]+)\s*(?:;[^#]*?)?"
    r"((?:\s+--hash[=\s]\s*sha(?:256|384|512):[0-9a-f]+)*)",
    re.A,
)
_ENVIRONMENT = b"python-environment 1\n"
_HARMLESS = re.compile(r"--require-hashes|--(?:only|no)-binary(?:=|\s+)[A-Za-z0-9:,._-]+", re.A)
_PYPI = re.compile(
    r"https://(?:pypi\.org|pypi\.python\.org|files\.pythonhosted\.org)(?:/.*)?", re.A
)
_FILE = re.compile(r"https://files\.pythonhosted\.org/[^?#]*/([^/?#]+)", re.A)
_NPM = ("https://registry.npmjs.org/", "https://registry.yarnpkg.com/")
_CRATES = ("registry+https://github.com/rust-lang/crates.io-index",
           "sparse+https://index.crates.io/")  # fmt: skip


def named(kind: str, data: bytes) -> list[Named]:
    """Every component that an artifact of this kind names. Raises: Rejected."""
    reader = _READERS.get(kind)
    if reader is None and kind != "python-environment":
        raise Rejected(f"2: components of the kind {kind} are not read here")
    try:
        return list(_environment(data) if reader is None else reader(data.decode("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise Rejected("2: it is not what such a file has to be") from exc


def _requirements(text: str) -> Iterator[Named]:
    for line in _logical(text):
        found = _PIN.fullmatch(line)
        if found is not None:
            yield _python(found[1], found[2])
        elif line and not _HARMLESS.fullmatch(line):
            raise Rejected(f"2: not the name of one version: {line[:80]!r}")


def _logical(text: str) -> Iterator[str]:
    """The lines without comments, joined where one ends in a backslash, as pip joins them."""
    lines = text.splitlines()  # at the same characters as pip
    if any(re.search(r"coding[:=]", line) for line in lines[:2]) or text.startswith("\ufeff"):
        raise Rejected("2: it says how it is encoded")
    joined = ""
    for line in lines:
        code, mark, rest = re.sub(r"(^|\s)#", "\n", line, count=1).partition("\n")
        if mark and ("\\" in rest or joined):
            raise Rejected("2: a comment in a line that goes on")
        joined += code.removesuffix("\\")
        if not code.endswith("\\"):
            yield joined.strip()
            joined = ""
    yield joined.strip()


def _uv(text: str) -> Iterator[Named]:
    for package in _packages(tomllib.loads(text), "package"):
        source = package["source"]
        if not (set(source) & {"editable", "virtual"} and set(source.values()) == {"."}):
            _demand(_PYPI.fullmatch(source.get("registry", "")), package)
            _demand_own_files(package)
            yield _python(package["name"], package["version"])


def _poetry(text: str) -> Iterator[Named]:
    for package in _packages(tomllib.loads(text), "package"):
        source = package.get("source", {"url": "https://pypi.org/simple"})
        legacy = source.get("type", "legacy") == "legacy"
        _demand(legacy and _PYPI.fullmatch(source["url"]), package)
        yield _python(package["name"], package["version"])


def _pdm(text: str) -> Iterator[Named]:
    for package in _packages(tomllib.loads(text), "package"):
        _demand(not {"git", "hg", "svn", "bzr", "url", "path", "ref"} & set(package), package)
        yield _python(package["name"], package["version"])


def _pylock(text: str) -> Iterator[Named]:
    for package in _packages(tomllib.loads(text), "packages"):
        elsewhere = {"vcs", "directory", "archive"} & set(package)
        known = _PYPI.fullmatch(package.get("index", "https://pypi.org/simple"))
        _demand(not elsewhere and known, package)
        _demand_own_files(package)
        yield _python(package["name"], package["version"])


def _pipfile(text: str) -> Iterator[Named]:
    lock = _json(text)
    sources = lock["_meta"].get("sources", [])
    if any(not _PYPI.fullmatch(one["url"]) for one in sources):
        raise Rejected("2: packages come from another index")
    for section, packages in lock.items():
        for name, package in packages.items() if section != "_meta" else ():
            pinned = package["version"]
            _demand(pinned.startswith("==") and not {"git", "path", "file"} & set(package), package)
            yield _python(name, pinned.lstrip("="))


def _npm(text: str) -> Iterator[Named]:
    lock = _json(text)
    if lock["lockfileVersion"] not in (2, 3):
        raise Rejected("2: a lock file of this version is not read here")
    listed = {(one.get("name", path.rpartition("node_modules/")[2]), one.get("version"))
              for path, one in lock["packages"].items()}  # fmt: skip
    _demand_listed(lock.get("dependencies", {}), listed)
    for path, package in lock["packages"].items():
        if path:
            _demand(not {"link", "inBundle", "bundled"} & set(package), package)
            name = str(package.get("name", path.rpartition("node_modules/")[2]))
            version = _version(package["version"])
            file = f"{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
            known = [f"{registry}{file}" for registry in _NPM]
            _demand(package.get("resolved", known[0]) in known, package)
            _demand(re.match(r"\d+\.\d+\.\d+", version, re.A), package)
            yield "npm", name, version


def _demand_listed(dependencies: Any, listed: set[tuple[Any, Any]]) -> None:
    """What older versions of npm go by names nothing else."""
    for name, package in dependencies.items():
        said = package["version"]
        aliased = said.removeprefix("npm:").rpartition("@") if said.startswith("npm:") else None
        _demand(((aliased[0], aliased[2]) if aliased else (name, said)) in listed, package)
        _demand_listed(package.get("dependencies", {}), listed)


def _cargo(text: str) -> Iterator[Named]:
    packages = _packages(tomllib.loads(text), "package")
    for package in [one for one in packages if "source" not in one][1:]:
        _demand(False, package)  # more folders than the project's own
    for package in packages:
        if "source" in package:
            _demand(package["source"] in _CRATES, package)
            yield "crates.io", str(package["name"]), _version(package["version"])


def _environment(data: bytes) -> Iterator[Named]:
    """The distribution that each file of metadata names; one that came from an address is none."""
    for path, content in files(data, _ENVIRONMENT):
        if not path.endswith((".dist-info/METADATA", ".egg-info/PKG-INFO", ".egg-info")):
            raise Rejected(f"2: not from the registry: {path[:80]}")
        yield from _distribution(content.decode("utf-8"))


def _distribution(text: str) -> Iterator[Named]:
    headers = text.replace("\r\n", "\n").partition("\n\n")[0]
    yield _python(_header(headers, "Name"), _header(headers, "Version"))


def _header(headers: str, name: str) -> str:
    """The value of the one header of this name, which ends with its line."""
    found = re.findall(rf"^{name}[ \t]*:(.*(?:\n[ \t].*)*)", headers, re.M | re.I)
    if len(found) != 1 or "\n" in found[0] or "\r" in headers:
        raise Rejected(f"2: not one {name} in the metadata of a distribution")
    return str(found[0].strip())


def _demand_own_files(package: dict[str, Any]) -> None:
    """Each file that is named with an address is one of the package's own on the registry."""
    for file in [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]:
        found = _FILE.fullmatch(file["url"]) if set(file) - {"path"} == set(file) else None
        plain = re.sub(r"[-_.]+", "-", found[1]).lower() if found is not None else ""
        _demand(plain.startswith(re.sub(r"[-_.]+", "-", package["name"]).lower() + "-"), package)


def _packages(lock: dict[str, Any], key: str) -> list[dict[str, Any]]:
    packages = lock[key]
    if not isinstance(packages, list) or not all(isinstance(one, dict) for one in packages):
        raise Rejected("2: it lists no packages")
    return packages


def _json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise Rejected("2: a key stands twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)


def _demand(holds: object, package: dict[str, Any]) -> None:
    if not holds:
        raise Rejected(f"2: not from the registry: {str(package.get('name', package))[:80]}")


def _python(name: Any, version: Any) -> Named:
    if not isinstance(name, str) or not re.fullmatch(_PYTHON_NAME, name, re.A):
        raise Rejected("2: no name of a package")
    return "PyPI", re.sub(r"[-_.]+", "-", name).lower(), _version(version)


def _version(said: Any) -> str:
    if not isinstance(said, str) or not said:
        raise Rejected("2: a package without a version")
    return said


_READERS: dict[str, Callable[[str], Iterator[Named]]] = {
    "distribution-metadata": _distribution,
    "requirements": _requirements,
    "uv-lock": _uv,
    "poetry-lock": _poetry,
    "pdm-lock": _pdm,
    "pylock": _pylock,
    "pipfile-lock": _pipfile,
    "npm-lock": _npm,
    "cargo-lock": _cargo,
    "pnpm-lock": named_node.pnpm,
    "yarn-lock": named_node.yarn,
    "go-mod": named_modules.named,
    "dpkg-status": named_system.debian,
    "apk-installed": named_system.alpine,
}

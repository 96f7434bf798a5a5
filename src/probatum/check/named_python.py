"""Reads again what requirements files, lock files and environments of Python name.

Each package has one version, which PEP 440 orders, and comes from PyPI; a file that is named with
it is one of that version. A key that is not known here may be one by which a tool takes something
else: it is Rejected.

Sources: pip `req/req_file.py`, `req/constructors.py`; packaging.python.org on pylock.toml, the core
metadata and the names of files; uv `uv-resolver/src/lock`; poetry `packages/locker.py`; pdm
`models/repositories/lock.py`; pipenv `utils/dependencies.py`; CPython `Lib/importlib/metadata`.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from probatum.check.advisory_versions import order
from probatum.check.gathered_files import files
from probatum.errors import Rejected

Named = tuple[str, str, str]

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = r"[A-Za-z0-9.!+_-]+"
_HASHES = r"sha(?:256|384|512):[0-9a-f]+"
# What stands behind a space and a hyphen is an option to pip, in a marker too.
_PIN = re.compile(
    rf"({_NAME}) ?(?:\[[A-Za-z0-9._, -]*\])? ?===? ?({_VERSION}) ?(?:;(?:[^#$ ]| (?!-))*?)?"
    rf"((?: --hash[= ] ?{_HASHES})*)",
    re.A,
)
_HARMLESS = re.compile(r"--require-hashes|--(?:only|no)-binary[= ][A-Za-z0-9:,._-]+", re.A)
_ARCHIVE = re.compile(r".*\.(?:zip|whl|tar|tgz|tbz|txz|tlz|gz|bz2|xz|lz|lzma)", re.I)
_PYPI = re.compile(r"https://pypi\.(?:python\.)?org/simple/?")
_FILE = re.compile(r"https://files\.pythonhosted\.org/[^?#]*/((?:[^/?#%]|%2[Bb])+)", re.A)
_WHEEL = re.compile(r"([^-]+)-([^-]+)(?:-\d[^-]*)?(?:-[^-]+){3}\.whl")
_SDIST = re.compile(r"(.+)\.(?:tar\.(?:gz|bz2|xz)|tgz|zip)")
_FOLDER = re.compile(r"(?:.*/)?([^/-]+)(?:-([^/-]+))?(?:-py[\d.]+)?\.(?:dist|egg)-info")
_METADATA = re.compile(r"(.*\.(?:dist-info(?=/METADATA)|egg-info))(?:/METADATA|/PKG-INFO)?")

_KEYS = {
    "requirement": frozenset({"version", "hashes", "index", "markers", "extras"}),
    "uv": frozenset({"name", "version", "source", "dependencies", "optional-dependencies",
                     "dev-dependencies", "metadata", "sdist", "wheels", "resolution-markers"}),
    "poetry": frozenset({"name", "version", "description", "optional", "python-versions", "groups",
                         "category", "markers", "marker", "files", "dependencies", "extras",
                         "source", "develop"}),
    "pdm": frozenset({"name", "version", "requires_python", "summary", "dependencies", "files",
                      "groups", "marker", "extras", "targets"}),
    "pylock": frozenset({"name", "version", "marker", "requires-python", "dependencies", "index",
                         "wheels", "sdist", "attestation-identities", "tool"}),
}  # fmt: skip
_TOP = {
    "uv": frozenset({"version", "revision", "requires-python", "resolution-markers", "options",
                     "supported-markers", "required-markers", "manifest", "conflicts", "package"}),
    "poetry": frozenset({"package", "metadata", "extras"}),
    "pdm": frozenset({"package", "metadata"}),
    "pylock": frozenset({"lock-version", "environments", "requires-python", "extras", "packages",
                         "dependency-groups", "default-groups", "created-by", "tool"}),
}  # fmt: skip


def requirements(text: str) -> Iterator[Named]:
    """A requirements file of pip."""
    for line in _logical(text):
        plain = re.sub(r"[ \t]+", " ", line)  # no run of spaces that could be divided in many ways
        found = _PIN.fullmatch(plain)
        if found is not None and not _ARCHIVE.fullmatch(found[2]):
            yield _python(found[1], found[2])
        elif plain and not _HARMLESS.fullmatch(plain):
            raise Rejected(f"2: not the name of one version: {plain[:80]!r}")


def _logical(text: str) -> Iterator[str]:
    """The lines without comments, joined where one ends in a backslash, as pip joins them."""
    encoded = any(re.search(r"coding[:=]", line) for line in text.split("\n", 2)[:2])
    if encoded or text.startswith("\ufeff"):
        raise Rejected("2: it says how it is encoded")
    joined = ""
    for line in text.splitlines():  # at the same characters as pip
        code, mark, rest = re.sub(r"(^|\s)#", "\n", line, count=1).partition("\n")
        if mark and ("\\" in rest or joined):
            raise Rejected("2: a comment in a line that goes on")
        joined += code.removesuffix("\\")
        if not code.endswith("\\"):
            yield joined.strip()
            joined = ""
    yield joined.strip()


def uv(text: str) -> Iterator[Named]:
    """`uv.lock`."""
    for package in _packages(text, "uv"):
        source = package["source"]
        if not (set(source) & {"editable", "virtual"} and set(source.values()) == {"."}):
            _demand(set(source) == {"registry"} and _PYPI.fullmatch(source["registry"]), package)
            _demand_own(package, _files(package))
            yield _python(package["name"], package["version"])


def poetry(text: str) -> Iterator[Named]:
    """`poetry.lock`."""
    for package in _packages(text, "poetry"):
        source = package.get("source", {"url": "https://pypi.org/simple"})
        legacy = source.get("type", "legacy") == "legacy"
        _demand(legacy and _PYPI.fullmatch(source["url"]), package)
        yield _python(package["name"], package["version"])


def pdm(text: str) -> Iterator[Named]:
    """`pdm.lock`."""
    for package in _packages(text, "pdm"):
        _demand_own(package, [one for one in package.get("files", ()) if "url" in one])
        yield _python(package["name"], package["version"])


def pylock(text: str) -> Iterator[Named]:
    """`pylock.toml`."""
    for package in _packages(text, "pylock"):
        _demand(_PYPI.fullmatch(package.get("index", "https://pypi.org/simple")), package)
        _demand_own(package, _files(package))
        yield _python(package["name"], package["version"])


def pipfile(text: str) -> Iterator[Named]:
    """`Pipfile.lock`. pipenv writes its fields one after another into a line for pip."""
    lock = _json(text)
    if any(not _PYPI.fullmatch(one["url"]) for one in lock["_meta"].get("sources", [])):
        raise Rejected("2: packages come from another index")
    for section, packages in lock.items():
        for name, package in packages.items() if section != "_meta" else ():
            _demand(set(package) <= _KEYS["requirement"], package)
            extras, hashes = package.get("extras", []), package.get("hashes", [])
            _demand(isinstance(extras, list) and isinstance(hashes, list), package)
            asked = f"{name}[{','.join(extras)}]" if extras else name
            options = "".join(f" --hash={one}" for one in hashes)
            line = f"{asked}{package['version']} ;{package.get('markers', '')}{options}"
            _demand("\\" not in line, package)
            (one,) = requirements(line)
            yield one


def environment(data: bytes) -> Iterator[Named]:
    """The distribution that each file of metadata names; one that came from an address is none."""
    for path, content in files(data, b"python-environment 1\n"):
        own = _METADATA.fullmatch(path)
        if path.endswith(".pth"):
            _demand_inside(path, content.decode("utf-8"))
        elif own is None:
            raise Rejected(f"2: not from the registry: {path[:80]}")
        else:
            (one,) = distribution(content.decode("utf-8"))
            _demand_called(own[1], one)
            yield one


def distribution(text: str) -> Iterator[Named]:
    """`METADATA` or `PKG-INFO`."""
    headers = text.replace("\r\n", "\n").partition("\n\n")[0]
    yield _python(_header(headers, "Name"), _header(headers, "Version"))


def _header(headers: str, name: str) -> str:
    """The value of the one header of this name, which ends with its line."""
    found = re.findall(rf"^{name}[ \t]*:(.*(?:\n[ \t].*)*)", headers, re.M | re.I)
    if len(found) != 1 or "\n" in found[0] or "\r" in headers:
        raise Rejected(f"2: not one {name} in the metadata of a distribution")
    return str(found[0].strip())


def _demand_called(folder: str, one: Named) -> None:
    """Tools that go by the name of the folder see the same distribution."""
    found = _FOLDER.fullmatch(folder)
    _, name, version = one
    said = found is not None and _plain(found[1]) == name
    if found is None or not said or not _is_same(found[2] or version, version):
        raise Rejected(f"2: its folder has another name: {folder[-80:]}")


def _demand_inside(path: str, text: str) -> None:
    """No folder of elsewhere is added to those in which Python finds packages."""
    for line in text.splitlines():
        inside = not re.search(r"(?:^|[/\\])\.\.|^[/\\~]|:|\x00", line) or not line.strip()
        if not (inside or line.startswith(("#", "import ", "import\t"))):
            raise Rejected(f"2: {path[-80:]} adds another folder")


def _packages(text: str, tool: str) -> Iterator[dict[str, Any]]:
    """The tables of packages, of a file that has nothing else that a tool could go by."""
    lock = tomllib.loads(text)
    version = lock.get("version", 1) if tool == "uv" else lock.get("lock-version", "1.0")
    of_old_pdm = tool == "pdm" and "files" in lock.get("metadata", {})
    if not set(lock) <= _TOP[tool] or version not in (1, "1.0") or of_old_pdm:
        raise Rejected("2: not only what such a lock file has")
    packages = lock["packages" if tool == "pylock" else "package"]
    if not isinstance(packages, list):
        raise Rejected("2: it lists no packages")
    for package in packages:
        _demand(set(package) <= _KEYS[tool], package)
        yield package


def _files(package: dict[str, Any]) -> list[dict[str, Any]]:
    return [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]


def _demand_own(package: dict[str, Any], named: Iterable[dict[str, Any]]) -> None:
    """Each file that is named with an address is one of this version on the registry."""
    for file in named:
        found = None if "path" in file else _FILE.fullmatch(file["url"])
        called = unquote(found[1]) if found is not None else ""
        told = {called, *(file[key] for key in ("name", "filename", "file") if key in file)}
        _demand(found is not None and len(told) == 1 and _is_of(called, package), package)


def _is_of(file: str, package: dict[str, Any]) -> bool:
    wheel, sdist = _WHEEL.fullmatch(file), _SDIST.fullmatch(file)
    if wheel is not None:
        splits = [(wheel[1], wheel[2])]
    elif sdist is not None and len(file) < 300:
        at = [found.start() for found in re.finditer("-", sdist[1])]
        splits = [(sdist[1][:one], sdist[1][one + 1 :]) for one in at]
    else:
        return False
    name = _plain(package["name"])
    return any(_plain(one) == name and _is_same(said, package["version"]) for one, said in splits)


def _is_same(said: str, version: str) -> bool:
    here = order("PyPI", version)
    return here is not None and here == order("PyPI", said)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


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
    if not isinstance(name, str) or not re.fullmatch(_NAME, name, re.A):
        raise Rejected("2: no name of a package")
    if not isinstance(version, str) or order("PyPI", version) is None:
        raise Rejected(f"2: a package without a version: {name[:80]}")
    return "PyPI", _plain(name), version

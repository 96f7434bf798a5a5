"""Reads again what a lock file or an environment names: ecosystem, name and version of each.

Nothing is passed over: what is not understood here, or comes from elsewhere than the registry that
advisories speak of, is Rejected, and so is a lock file that lacks what it says is needed: its tool
would look for it elsewhere. Only the project's own package, which a lock file names beside what it
needs, is left out. Other formats than those of npm and cargo have modules of their own,
`named_python` and its neighbours.

Sources: docs.npmjs.com, "package-lock.json"; npm arborist `load-virtual.js`, `shrinkwrap.js`, and
`parse-conflict-json`; doc.rust-lang.org/cargo and cargo `resolver/encode.rs`.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from probatum.check import named_modules, named_node, named_python, named_system
from probatum.errors import Rejected

Named = tuple[str, str, str]
"""Ecosystem, name as that ecosystem compares names, version as written."""

_NPM = ("https://registry.npmjs.org/", "https://registry.yarnpkg.com/")
_NPM_NAME = r"(?:@[a-z0-9~-][\w.~-]*/)?[A-Za-z0-9_~-][\w.~-]*"
_FOLDER = re.compile(rf"(?:(?:^|/)node_modules/{_NPM_NAME})+", re.A)
_SEMANTIC = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", re.A)
_CONFLICT = [re.compile(sign * 7) for sign in "<=>"]
# What is inside of a package is not what is listed for it.
_INSIDE = frozenset({"link", "inBundle", "bundled", "bundleDependencies", "bundledDependencies",
                     "hasShrinkwrap", "__proto__"})  # fmt: skip
_CRATES = ("registry+https://github.com/rust-lang/crates.io-index",
           "sparse+https://index.crates.io/")  # fmt: skip
_CRATE = re.compile(r"([\w-]+)(?: ([^ ()]+))?(?: \(([^ ()]+)\))?", re.A)
_CARGO_TOP = frozenset({"version", "package", "metadata", "patch"})
_CARGO_KEYS = frozenset({"name", "version", "source", "checksum", "dependencies"})


def named(kind: str, data: bytes) -> list[Named]:
    """Every component that an artifact of this kind names. Raises: Rejected."""
    reader = _READERS.get(kind)
    if reader is None and kind != "python-environment":
        raise Rejected(f"2: components of the kind {kind} are not read here")
    try:
        if reader is None:
            return list(named_python.environment(data))
        return list(reader(data.decode("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise Rejected("2: it is not what such a file has to be") from exc


def _npm(text: str) -> Iterator[Named]:
    lock = _json(text)
    if lock["lockfileVersion"] not in (2, 3):
        raise Rejected("2: a lock file of this version is not read here")
    if all(sign.search(text) for sign in _CONFLICT):
        raise Rejected("2: npm takes it for two versions that are to be merged")
    packages = lock["packages"]
    listed = set()
    for path, package in packages.items():
        _demand_there(path, package, packages)
        if path:
            _demand(_FOLDER.fullmatch(path) and not _INSIDE & set(package), package)
            one = _of_npm(package.get("name", path.rpartition("node_modules/")[2]), package)
            listed.add(one)
            yield "npm", *one
    _demand_listed(lock.get("dependencies", {}), listed)


def _of_npm(name: str, package: dict[str, Any]) -> tuple[str, str]:
    version = package["version"]
    _demand(re.fullmatch(_NPM_NAME, name, re.A) and _SEMANTIC.fullmatch(version), package)
    file = f"{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    known = [f"{registry}{file}" for registry in _NPM]
    _demand(package.get("resolved", known[0]) in known, package)
    return name, version


def _demand_there(path: str, package: dict[str, Any], packages: Iterable[str]) -> None:
    """What a package needs is found from its folder."""
    needed = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    for name in set(needed) - set(package.get("optionalDependencies", ())):
        folder = path
        while f"{folder}/node_modules/{name}".removeprefix("/") not in packages:
            if not folder:
                raise Rejected(f"2: needed and not listed: {name[:80]}")
            folder = folder.rpartition("node_modules/")[0].removesuffix("/")


def _demand_listed(dependencies: Any, listed: set[tuple[str, str]]) -> None:
    """What older versions of npm go by names nothing else."""
    for name, package in dependencies.items():
        said = package["version"]
        aliased = said.removeprefix("npm:").rpartition("@") if said.startswith("npm:") else None
        one = (aliased[0], aliased[2]) if aliased else (name, said)
        _demand(one in listed and not _INSIDE & set(package), package)
        _of_npm(one[0], {**package, "version": one[1]})
        _demand_listed(package.get("dependencies", {}), listed)


def _cargo(text: str) -> Iterator[Named]:
    lock = tomllib.loads(text)
    packages = lock["package"]
    if not set(lock) <= _CARGO_TOP or not isinstance(packages, list):
        raise Rejected("2: not only what such a lock file has")
    listed = set()
    for one in packages:
        said = (one["name"], one["version"], one.get("source"))
        listed |= {said, (*said[:2], None), (said[0], None, None)}
    for package in [one for one in packages if "source" not in one][1:]:
        _demand(False, package)  # more folders than the project's own
    for package in packages:
        _demand(set(package) <= _CARGO_KEYS, package)
        for said in package.get("dependencies", ()):
            found = _CRATE.fullmatch(said)
            _demand(found is not None and found.groups() in listed, package)
        if "source" in package:
            name, version = package["name"], package["version"]
            _demand(package["source"] in _CRATES and re.fullmatch(r"[\w-]+", name, re.A), package)
            _demand(_SEMANTIC.fullmatch(version), package)
            yield "crates.io", name, version


def _json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise Rejected("2: a key stands twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once, parse_constant=int)  # NaN is none


def _demand(holds: object, package: dict[str, Any]) -> None:
    if not holds:
        raise Rejected(f"2: not from the registry: {str(package.get('name', package))[:80]}")


_READERS: dict[str, Callable[[str], Iterator[Named]]] = {
    "distribution-metadata": named_python.distribution,
    "requirements": named_python.requirements,
    "uv-lock": named_python.uv,
    "poetry-lock": named_python.poetry,
    "pdm-lock": named_python.pdm,
    "pylock": named_python.pylock,
    "pipfile-lock": named_python.pipfile,
    "npm-lock": _npm,
    "cargo-lock": _cargo,
    "pnpm-lock": named_node.pnpm,
    "yarn-lock": named_node.yarn,
    "go-mod": named_modules.named,
    "dpkg-status": named_system.debian,
    "apk-installed": named_system.alpine,
}

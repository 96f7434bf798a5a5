"""Re-derives that importing the code that a configuration names runs nothing but definitions.

facts = {"size": bytes, "sha256": hex of all of them, "folder": {file: sha256 of it}}

1. the bytes are those of the facts; 2. they are one JSON document, and but for `auto_map` and
`custom_pipelines` it names no code (`remote_code`); what these name are classes in files of one
folder around it; 3. each file, as a module of a package that is otherwise empty, is followed
statement by statement (`own_code`): it is listed with its digest and takes admitted steps alone;
4. no line of them has the form of a relative import of another file, and any library that they
import anywhere is one of `looked_for` in `rules/own_code.toml`;
5. no other file is listed.
"""

import ast
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from probatum.check.own_code import Imports
from probatum.check.own_folder import Folder, Sources, rules
from probatum.check.remote_code import names_nothing
from probatum.errors import Rejected

CLAIM = "named-code-inert"
FOLDERS = True

_MOST = 16 << 20
_KEYS = ("auto_map", "custom_pipelines", "impl")
_PACKAGE = "global"  # no source can import a keyword


def holds(
    facts: dict[str, Any],
    read: Callable[[int, int], bytes],
    size: int,
    folders: tuple[Folder, ...] = (),
) -> None:
    """Raises: Rejected with the step that fails."""
    if not isinstance(facts, dict) or set(facts) != {"size", "sha256", "folder"}:
        raise Rejected("0: not the facts of a configuration")
    listed = facts["folder"]
    if not isinstance(listed, dict) or not all(type(one) is str for one in listed.values()):
        raise Rejected("0: not a list of source files")
    if type(facts["size"]) is not int or facts["size"] != size or size > _MOST:
        raise Rejected("1: the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    if hashlib.sha256(data).hexdigest() != facts["sha256"]:
        raise Rejected("1: the bytes differ")
    modules = {_module(name) for name in _named(data)}
    if modules:
        _follow(sorted(modules), listed, folders)
    elif listed:
        raise Rejected("5: files are listed, and none is named")


def _named(data: bytes) -> set[str]:
    """Step 2."""
    found: set[str] = set()
    implementing: list[str] = []  # of any object; those of pipelines are taken out again

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        whole = dict(pairs)
        if len(whole) != len(pairs):
            raise Rejected("2: a key stands twice")
        names_nothing([one for one in pairs if one[0] not in _KEYS])
        if "impl" in whole:
            implementing.append(_one_text(whole["impl"]))
        _texts(whole.get("auto_map"), found)
        pipelines = whole.get("custom_pipelines", {})
        if not isinstance(pipelines, dict):
            raise Rejected("2: pipelines of another form")
        for one in pipelines.values():
            if not isinstance(one, dict) or "impl" not in one:
                raise Rejected("2: a pipeline of another form")
            implementing.remove(one["impl"])
            found.add(one["impl"])
        return whole

    try:
        json.loads(data.decode("utf-8"), object_pairs_hook=look, parse_constant=_constant)
    except (ValueError, RecursionError) as exc:
        raise Rejected("2: no JSON that all read alike") from exc
    if implementing:
        raise Rejected("2: an implementation is named outside of a pipeline")
    return found


def _one_text(value: Any) -> str:
    if not isinstance(value, str):
        raise Rejected("2: an implementation of another form")
    return value


def _constant(name: str) -> None:
    raise Rejected(f"2: {name} is no JSON")


def _texts(value: Any, found: set[str]) -> None:
    if isinstance(value, str):
        found.add(value)
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            _texts(one, found)


def _module(name: str) -> str:
    module, _, cls = name.partition(".")
    if not (name.isascii() and module.isidentifier() and cls.isidentifier()):
        raise Rejected(f"2: {name!a} is no class in a file of the folder")
    return module


def _follow(modules: list[str], listed: dict[str, str], folders: tuple[Folder, ...]) -> None:
    """Steps 3, 4 and 5."""
    having = [folder for folder in folders if Sources(folder, listed).has(modules[0])]
    if len(having) != 1:
        raise Rejected(f"3: not one folder holds {modules[0]!a}")
    for folder in folders:
        Sources(folder, listed).undisturbed()
    imports = Imports(Copied(having[0], listed))
    try:
        for module in modules:
            imports.load(f"{_PACKAGE}.{module}")
    except RecursionError:
        raise Rejected("3: the code is nested too deep") from None
    if any("/" in file for file in listed):
        raise Rejected("4: a file in a folder, which is not copied")
    for text, tree in imports.read:
        for copied in re.findall(r"^\s*(?:import|from)\s+\.(\S+)", text, re.M):
            if f"{copied}.py" not in listed:
                raise Rejected("4: another file is copied, and looked into")
        for node in ast.walk(tree):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            if {name.split(".")[0] for name in names} - rules()["looked_for"]:
                raise Rejected("4: a library is imported that no rule admits")
    imports.all_used(listed)


class Copied(Sources):
    """The files of a folder in a package of their own, whose `__init__.py` is empty."""

    copied = True

    def has(self, module: str) -> bool:
        package, _, inside = module.partition(".")
        return package == _PACKAGE and (not inside or super().has(inside))

    def path(self, module: str) -> str:
        if module == _PACKAGE:
            return f"{_PACKAGE}/__init__.py"
        return super().path(module.removeprefix(f"{_PACKAGE}."))

    def source(self, path: str) -> bytes:
        return b"" if path == f"{_PACKAGE}/__init__.py" else super().source(path)

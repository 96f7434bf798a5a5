"""What importing the files that a model's configuration names runs, as transformers imports them.

Before a file is imported, it and those that it imports relatively are copied into a package of
their own, and every library that any line of them imports is imported too, to see if it is there
(`dynamic_module_utils.check_imports`). Which files those are is found by a regular expression.
"""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from probatum.errors import FormatError
from probatum.formats import own_folder
from probatum.formats.own_code import Imported, Module
from probatum.formats.own_folder import Folder, Prevents
from probatum.formats.own_rules import words
from probatum.formats.repository_config import located
from probatum.vocabulary import Place, Reason

_PACKAGE: Final = "global"  # a keyword, so that no source can name it
_REFERENCE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\.[A-Za-z_][A-Za-z0-9_]*\Z").match
_RELATIVE: Final = re.compile(
    r"^\s*import\s+\.(\S+)\s*$|^\s*from\s+\.(\S+)\s+import", re.MULTILINE
).finditer
_KEYS: Final = ("auto_map", "custom_pipelines")


def modules(data: bytes) -> tuple[tuple[str, ...], Place | None]:
    """The files of its own folder, without `.py`, that a configuration names; and where it does.

    Raises: FormatError if it names code in another way too, or is no JSON that all read alike.
    """
    places = located(data)
    place = places[0].place if places else None
    found = list(_references(json.loads(data)))
    # The field `impl` of a pipeline is told by itself too: as often as it stands in one.
    pipelines = sum(key == "impl" for key, _ in found)
    told = sum(one.named.key == "impl" for one in places)
    for one in places:
        if one.named.key not in (*_KEYS, *(["impl"] if told == pipelines else [])):
            raise FormatError(Reason.UNRESOLVED, f"{one.named.key}: {one.named.says}", one.place)
    for key, name in found:
        if key == "custom_pipelines" or not _REFERENCE(name):
            says = f"{name!a} is no class in a file of this repository"
            raise FormatError(Reason.UNRESOLVED, says, place)
    return tuple(dict.fromkeys(name.partition(".")[0] for _, name in found)), place


def _references(document: Any) -> Iterator[tuple[str, str]]:
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
            yield from (("auto_map", text) for text in _texts(one.get("auto_map")))
            pipelines = one.get("custom_pipelines")
            for entry in pipelines.values() if isinstance(pipelines, dict) else ():
                impl = entry.get("impl") if isinstance(entry, dict) else None
                if isinstance(impl, str):
                    yield "impl", impl
                else:
                    yield from (("custom_pipelines", text) for text in _texts(entry))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def imported(folders: tuple[Folder, ...], names: tuple[str, ...]) -> dict[str, str]:
    """The sha256 of each file that importing these modules runs.

    Raises: Prevents if that may run anything but definitions.
    """
    if not folders:
        raise Prevents("the folder is not at hand: audit it on this machine")
    folder = own_folder.place(folders, names[0])
    found = Imported(Copied(folder), copied=True)
    try:
        for name in names:
            found.module(f"{_PACKAGE}.{name}")
    except Prevents as exc:
        raise Prevents(str(exc).replace(f"{_PACKAGE}/", "").replace(f"{_PACKAGE}.", "")) from exc
    except RecursionError as exc:
        raise Prevents("the code is nested too deep") from exc
    inside = f"{_PACKAGE}/"
    files = {file.removeprefix(inside): sha for file, sha in found.digests.items()}
    del files["__init__.py"]
    for file in files:
        if "/" in file:
            raise Prevents(f"the loader does not copy {file}, which lies in a folder of its own")
        _copied(file, own_folder.text(folder, file), files)
    for module in found.modules.values():
        _looked_for(module)
    return files


def _copied(file: str, text: bytes, files: dict[str, str]) -> None:
    """The loader copies no other file, and looks for libraries in no other."""
    for found in _RELATIVE(text.decode()):
        if f"{found[1] or found[2]}.py" not in files:
            line = text.decode()[: found.end()].count("\n") + 1
            raise Prevents(f"the loader looks into {found[0].strip()!a} too ({file}:{line})")


def _looked_for(module: Module) -> None:
    """The libraries that its loader imports because the file names them, be it in a function."""
    for node in ast.walk(module.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in (one.partition(".")[0] for one in names):
            if name not in words("looked_for"):
                file = module.file.removeprefix(f"{_PACKAGE}/")
                says = f"the loader imports {name}, to see whether it is there: no rule admits that"
                raise Prevents(f"{says} ({file}:{getattr(node, 'lineno', 1)})")


class Copied:
    """A folder whose files lie in a package, which itself is empty."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def names(self, inside: str = "") -> frozenset[str]:
        if not inside:
            return frozenset({_PACKAGE})
        found = self._folder.names(_within(inside))
        return found | {"__init__.py"} if inside == _PACKAGE else found

    def is_folder(self, inside: str) -> bool:
        return inside == _PACKAGE or self._folder.is_folder(_within(inside))

    def file(self, inside: str, most: int) -> bytes:
        if inside == f"{_PACKAGE}/__init__.py":
            return b""
        return self._folder.file(_within(inside), most)


def _within(inside: str) -> str:
    return inside.removeprefix(_PACKAGE).removeprefix("/")

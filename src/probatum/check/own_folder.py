"""Which source file an import takes from the folder of an artifact; used by `own_code`.

A folder answers `names(inside)`, `is_folder(inside)` and `file(inside, most)`, and raises an error
of `probatum.errors` where it cannot.
"""

import sys
import tomllib
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from probatum.errors import FormatError, Rejected

_RULES = Path(__file__).parent.parent / "rules" / "own_code.toml"
_CODE = ("py", "pyw", "pyc", "pyo", "so", "pyd", "dll", "dylib")
_METADATA = ("dist-info", "egg-info", "egg", "egg-link")
_MOST = 1 << 20


class Folder(Protocol):
    def names(self, inside: str) -> frozenset[str]: ...

    def is_folder(self, inside: str) -> bool: ...

    def file(self, inside: str, most: int) -> bytes: ...


@cache
def rules() -> dict[str, Any]:
    """The rows of `rules/own_code.toml`, lists as sets."""
    found = tomllib.loads(_RULES.read_text("utf-8"))
    return {key: set(value) if key != "base" else value for key, value in found.items()}


class Sources:
    """The source files of one folder, each of which must have the digest that a report lists."""

    copied = False  # imports look into the folder itself

    def __init__(self, folder: Folder, listed: dict[str, str]) -> None:
        self._folder = folder
        self._listed = listed
        self.used: set[str] = set()

    def has(self, module: str) -> bool:
        """Whether anything here could be imported as `module`."""
        inside, _, last = module.replace(".", "/").rpartition("/")
        return bool(self._candidates(inside, last))

    def path(self, module: str) -> str:
        """The one file that importing the module (its packages are imported already) runs."""
        inside, _, last = module.replace(".", "/").rpartition("/")
        if not (last.isidentifier() and last.isascii()):
            raise Rejected(f"4: {module!a} is no plain name of a module")
        found = self._alone(inside, last)
        if found.endswith(".py"):
            return found
        return self._alone(found, "__init__")

    def source(self, path: str) -> bytes:
        """The content of a file that the report lists."""
        try:
            data = self._folder.file(path, _MOST)
        except FormatError as exc:
            raise Rejected(f"4: {exc.detail}") from None
        if self._listed.get(path) != sha256(data).hexdigest():
            raise Rejected(f"4: {path} has another digest than the report lists")
        self.used.add(path)
        return data

    def undisturbed(self) -> None:
        """Nothing in the folder is named as what a library may import, or tells it what to load."""
        for name in self._names(""):
            stem, _, suffix = name.rpartition(".")
            if suffix.lower() in _METADATA:
                raise Rejected(f"4: {name} could tell a library what to load")
            first = name.split(".")[0]
            if stem and suffix.lower() not in _CODE:
                continue
            known = first in sys.stdlib_module_names or first.casefold() in sys.stdlib_module_names
            if not stem and self._folder.is_folder(name):
                inert = not self._has_init(name) if known else not self._has_code(name)
                if inert:
                    continue
            if known or {first, first.casefold()} & rules()["reserved"]:
                raise Rejected(f"4: {name} could be imported in the place of a library's {first}")

    def _has_init(self, name: str) -> bool:
        return bool(self._candidates(name, "__init__"))

    def _has_code(self, name: str) -> bool:
        parted = [one.rpartition(".") for one in self._names(name)]
        return any(not dot or suffix.lower() in _CODE for _, dot, suffix in parted)

    def _alone(self, inside: str, last: str) -> str:
        """The path of `last.py` or of the folder `last`, if an import can find nothing else."""
        beside = f"{inside}/" if inside else ""
        found = [beside + name for name in self._candidates(inside, last)]
        for name in self._names(inside):
            if name.casefold() == "__pycache__":
                cached = self._names(beside + name)
                found += [one for one in cached if one.casefold().startswith(f"{last.casefold()}.")]
        if found == [f"{beside}{last}.py"]:
            return found[0]
        if found != [beside + last] or not self._folder.is_folder(found[0]):
            raise Rejected(f"4: it is not certain what importing {last} finds")
        return found[0]

    def _candidates(self, inside: str, last: str) -> list[str]:
        found = []
        for name in self._names(inside):
            first, dot, rest = name.partition(".")
            code = not dot or rest.lower().rpartition(".")[2] in _CODE
            if code and first.casefold() == last.casefold():
                found.append(name)
        return found

    def _names(self, inside: str) -> frozenset[str]:
        try:
            return self._folder.names(inside)
        except FormatError as exc:
            raise Rejected(f"4: {exc.detail}") from None

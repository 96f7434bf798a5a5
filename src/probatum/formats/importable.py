"""What stands beside a file and could be imported instead of what a library looks for.

Loading a pickle imports the libraries that it names, and these import others: `torch` imports
`typing_extensions`, `numpy`, `random`. Where the folder of the file comes first on the path, as for
a script or a notebook in it, each of them is looked for there first. `rules/imports.toml` has the
names; `Material.beside` says what stands there.
"""

from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import probatum.rules

_RULES: Final = Path(probatum.rules.__file__).parent / "imports.toml"
_ALWAYS_LOADED: Final = frozenset({"builtins", "_codecs", "sys"})
_CODE: Final = (".py", ".pyw", ".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib")
_EGGS: Final = (".egg", ".egg-link")
_METADATA: Final = (".dist-info", ".egg-info", *_EGGS)
_COMMANDS: Final = ("[console_scripts]", "[gui_scripts]")


def is_code(name: str) -> bool:
    """Whether a file of this name could be imported."""
    return name.lower().endswith(_CODE)


def is_metadata(name: str) -> bool:
    """Whether a library that asks for plugins would read this file or folder."""
    return name.lower().endswith(_METADATA) and "/" not in name


def names_plugins(entry_points: bytes) -> bool:
    """Whether a distribution says more in this file than what its commands are called."""
    try:
        lines = map(str.strip, entry_points.decode().splitlines())
    except UnicodeDecodeError:
        return True
    return any(line.startswith("[") and line not in _COMMANDS for line in lines)


def folder_beside(name: str, inside: Collection[str]) -> str:
    """What `beside` says of a folder that holds these files of code and these folders."""
    if any(one.partition(".")[0] == "__init__" and is_code(one) for one in inside):
        return name
    return f"{name}/{min(inside, default='')}"


@lru_cache(maxsize=16)  # it is asked for each folder that lies beside many others
def code_of(beside: frozenset[str]) -> frozenset[str]:
    """Of what stands beside a file, that which could be imported or tells what to import."""
    return frozenset(
        name
        for name in beside
        if "/" in name or is_code(name) or is_metadata(name) or name.isidentifier()
    )


def in_the_way(packages: Iterable[str], beside: frozenset[str]) -> str:
    """Why importing these packages could import something that stands beside; empty if nothing.

    The names of libraries are looked for only where a package is one, or imports one.
    """
    asked = frozenset(packages) - _ALWAYS_LOADED
    if not asked or not beside:
        return ""
    standard = _names("standard") | _names("sometimes")
    of_libraries = bool(asked - standard)
    beginnings = tuple(_names("beginnings"))
    looked_for = asked | standard | (_names("libraries") if of_libraries else frozenset())
    for top, name in _tops(beside):
        if top in looked_for or top.startswith(beginnings):
            return f"{name} beside this file could be imported in the place of a library's {top}"
    if of_libraries and (told := next(filter(is_metadata, sorted(beside)), "")):
        return f"{told} beside this file could tell a library what to load when it is imported"
    return ""


def importable(beside: frozenset[str]) -> frozenset[str]:
    """The top-level names under which an import could find something there."""
    return frozenset(top for top, _ in _tops(beside))


@lru_cache(maxsize=8)
def _tops(beside: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Each such name, with what bears it.

    A compiled module bears more between its name and its suffix: `x.cpython-311-darwin.so`. A
    folder that is no package is found where nothing else on the whole path bears its name.
    """
    found = []
    for name in sorted(beside):
        top, slash, inside = name.partition("/")
        if slash:
            if inside and top not in _names("standard"):
                found.append((top, top))
        elif "." not in name or is_code(name):
            found.append((name.partition(".")[0], name))
    return tuple(found)


@cache
def _names(key: str) -> frozenset[str]:
    return frozenset(_rules()[key])


@cache
def _rules() -> dict[str, list[str]]:
    import tomllib

    return tomllib.loads(_RULES.read_text("utf-8"))


class Tree:
    """The code among some paths, whoever unpacks them: where it lies beside each of them.

    A path is taken apart at backslashes too, and what leads out of it is left away, as by those
    who unpack archives. `also` are paths of links, which may lead to code. No code lies beside a
    path that ends with `apart`: it is read where it lies, by nothing that imports.
    """

    def __init__(
        self, paths: Iterable[str], also: Iterable[str] = (), apart: str | None = None
    ) -> None:
        self._apart = apart
        self._inside: dict[str, set[str]] = {}
        for path in paths:
            self._take(path, is_link=False)
        for path in also:
            self._take(path, is_link=True)

    def _take(self, path: str, *, is_link: bool) -> None:
        parts = _plain(path)
        for at, part in enumerate(parts):
            if is_metadata(part):
                names = part.lower().endswith(_EGGS) or parts[at + 1 :] == ["entry_points.txt"]
                if names or is_link:
                    self._add(parts[: at + 1])
                return
        if is_link or is_code(path):
            self._add(parts)

    def _add(self, parts: list[str]) -> None:
        for at, part in enumerate(parts):
            self._inside.setdefault("/".join(parts[:at]), set()).add(part)

    def of(self, path: str) -> frozenset[str]:
        """The code in the folder of `path`, and in those around it."""
        if self._apart is not None and path.endswith(self._apart):
            return frozenset()
        parts = _plain(path)[:-1]
        around = ("/".join(parts[:count]) for count in range(len(parts) + 1))
        return frozenset(
            self.folder(full) if full in self._inside else name
            for inner in around
            for name in self._inside.get(inner, ())
            for full in [f"{inner}/{name}" if inner else name]
        )

    def folder(self, path: str) -> str:
        """What `beside` says of a folder of it."""
        above, _, name = path.rpartition("/")
        if is_metadata(name):
            return name if name in self._inside.get(above, ()) else f"{name}/"
        inside = [one for one in self._inside.get(path, ()) if not is_metadata(one)]
        return folder_beside(name, inside)


def _plain(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]

"""The modules of an environment, by the names and paths under which code finds them."""

import re
from collections.abc import Iterator

from probatum.check.reach_program import Program, module_of

_DOTTED = re.compile(r"(?<![\w.])[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_COMMAND = re.compile(r"(?<!\S)-[mpA]['\",\s]+([^\W\d][\w.]*)")
_FIRST = re.compile(r"^(?:\S*python[\w.]*\s+)?(?:-\w\s+)*-[mpA]['\",\s]+([^\W\d][\w.]*)")
_PATH = re.compile(r"([\w-]+(?:[\\/][\w-]+)*)\.pyw?\b")
_GLOBAL = re.compile(r"^[ci]([\w.]+)\n[\w.]+$", re.M)
_IMPORT = re.compile(
    r"\bfrom\s+([\w.]+)\s+import\s+\(?([\w,* \t]+)|\bimport\s+([\w.]+(?:\s*,\s*[\w.]+)*)"
)
_POINT = re.compile(r"^\s*([^\s=]+)\s*=\s*([\w.]+)\s*(?::\s*([\w.]+))?")


class Modules:
    """The files of each module by its dotted name."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.files: dict[str, list[str]] = {}
        self.tops: dict[str, list[str]] = {}
        self._last: dict[str, list[str]] = {}
        self.add("")

    def add(self, folder: str) -> bool:
        """Take what lies in a folder of the environment as importable; whether there is any."""
        start = self._program.site + folder
        found = [one for one in self._program.spans if one.startswith(start)]
        for file in found:
            module = module_of(file[len(start) :])
            if module and file not in self.files.setdefault(module, []):
                self.files[module].append(file)
                self._last.setdefault(module.rpartition(".")[2], []).append(module)
                self.tops.setdefault(module.partition(".")[0], []).append(module)
        return bool(found)

    def within(self, package: str) -> list[str]:
        """The last names of the modules that lie in a package."""
        known = self.tops.get(package.partition(".")[0], ())
        return [one.rpartition(".")[2] for one in known if one.rpartition(".")[0] == package]

    def like(self, dotted: str) -> list[str]:
        """The modules that end in this name, wherever they lie."""
        ending = f".{dotted}"
        last = self._last.get(dotted.rpartition(".")[2], ())
        return [one for one in last if f".{one}".endswith(ending)]

    def at(self, path: str) -> list[str]:
        """The modules that a path without its suffix may be of."""
        parts = [one for one in path.replace("\\", "/").split("/") if one]
        if parts[-1:] == ["__init__"]:
            parts.pop()
        return self.like(".".join(parts[-2:])) if parts else []

    def spelled(self, dotted: str) -> str:
        """The module with a dot in its name that a text names; empty if it names none."""
        parts = dotted.split(".")
        if parts[0] in self.tops:
            for end in range(len(parts), 1, -1):
                module = ".".join(parts[:end])
                if module in self.files:
                    return module
        return ""

    def named_in(self, text: str) -> Iterator[str]:
        """What a text names: modules, files of such, commands, lines of code that import."""
        if "." in text:
            yield from filter(None, map(self.spelled, _DOTTED.findall(text)))
            for path in _PATH.findall(text):
                yield from self.at(path)
        if "\n" in text:
            yield from _GLOBAL.findall(text)
        if "-" in text:
            yield from _COMMAND.findall(text)
        if "import" in text:
            for of, names, plain in _IMPORT.findall(text):
                yield from (f"{of}.{one}" for one in re.findall(r"\w+", names))
                yield from (one.strip() for one in (of, *plain.split(",")) if one.strip())

    def meant_by(self, text: str) -> Iterator[str]:
        """What a text in a library is there to name; not what a message speaks of."""
        for line in re.split(r"[;&|\n]", text) if "-" in text else ():
            yield from _FIRST.findall(line.strip())
        if "\n" in text:
            yield from _GLOBAL.findall(text)
        if is_short(text) and "." in text:
            yield from filter(None, map(self.spelled, _DOTTED.findall(text)))
            for path in _PATH.findall(text):
                yield from self.at(path) if "/" in path else ()


def is_short(text: str) -> bool:
    """Whether a text may be there to name something, and is no sentence."""
    return len(text) < 200 and len(text.split()) < 5


def points(text: str) -> Iterator[tuple[str, str, str, str]]:
    """The entry points of a distribution: group, name, module and what of it."""
    group = ""
    for line in text.splitlines():
        if line.strip().startswith("["):
            group = line.strip().strip("[]").strip()
        elif found := _POINT.match(line):
            yield group, found[1], found[2], found[3] or ""

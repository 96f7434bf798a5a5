"""Reads the files of a project for a checker: Python files, and notebooks cell by cell."""

import ast
import json
import re
import tokenize
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from io import BytesIO, TextIOWrapper
from typing import Any

from probatum.check.code_names import File
from probatum.errors import Rejected

_FIRST = b"python-project 1\n"
_MOST = 256 << 20
_DEEPEST = 8
_MAGIC = re.compile(r"(\s*)(?:[%!?]|[\w., ]+=\s*[%!]|.*\w\?\s*$)")


class Project:
    """The files of a project, by name; each is parsed when it is asked for."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        if size > _MOST:
            raise Rejected("the project is too large")
        data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
        self._contents = dict(_files(data))
        self._parsed: dict[str, File | None] = {}
        self.pending: dict[Any, set[str]] = {}  # while one name is resolved

    def file(self, name: str) -> File | None:
        """The file, or for a notebook all its cells; None if there is none that can be read."""
        if name not in self._parsed:
            content = self._contents.get(name)
            self._parsed[name] = _read(self, name, content) if content is not None else None
        return self._parsed[name]

    def place(self, part: str) -> tuple[File | None, str]:
        """The file that a part of the project is, and for a cell of a notebook which one."""
        name, sign, cell = part.rpartition("#cell")
        if part in self._contents or not sign:
            return self.file(part), ""
        return self.file(name), sign + cell

    @cached_property
    def modules(self) -> dict[str, list[str]]:
        """The files by the last part of their modules' names."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self._contents:
            parts = name.removesuffix(".py").removesuffix("/__init__").split("/")
            found[parts[-1]].append(name)
        return found

    def definition(self, dotted: str, depth: int = 0) -> tuple[File, Any] | None:
        """The function or class that an absolute name means, through re-exports."""
        name = dotted.rpartition(".")[2]
        for file in self.of_module(dotted) if depth < _DEEPEST else ():
            for defined in file.defined.get(name, ()):
                return file, defined
            if name in file.imports and file.imports[name] != dotted:
                return self.definition(file.imports[name], depth + 1)
        return None

    def variable(self, dotted: str, depth: int = 0) -> tuple[File, Any] | None:
        """The variable of a module that an absolute name means, where it is first bound."""
        name = dotted.rpartition(".")[2]
        for file in self.of_module(dotted) if depth < _DEEPEST else ():
            for target in file.binds[file.tree].get(name, ()):
                return file, target
            if name in file.imports and file.imports[name] != dotted:
                return self.variable(file.imports[name], depth + 1)
        return None

    def of_module(self, dotted: str) -> Iterator[File]:
        """The files that may be the module in which an absolute name stands."""
        ending = dotted.rpartition(".")[0].replace(".", "/")
        for one in self.modules.get(ending.rpartition("/")[2], ()):
            path = f"/{one.removesuffix('.py').removesuffix('/__init__')}"
            file = self.file(one) if path.endswith(f"/{ending}") else None
            if file is not None:
                yield file

    def calls(self, name: str, file: str) -> bool:
        """A file calls a name that stands alone, or another one imports a name like it."""
        word = re.escape(name.encode())
        called = re.compile(rb"(?<![\w.])(?<!def )" + word + rb"\s*\(")
        imported = re.compile(rb"\bimport\s[^#\n]*\b" + word + rb"\b")
        own = called.search(self._contents.get(file, b""))
        return bool(own) or any(imported.search(one) for one in self._contents.values())


def _files(data: bytes) -> Iterator[tuple[str, bytes]]:
    if not data.startswith(_FIRST):
        raise Rejected("no project begins like this")
    at = len(_FIRST)
    while at < len(data):
        end = data.find(b"\n", at)
        size, _, name = data[at:end].partition(b" ")
        if end < 0 or (size != b"-" and (not size.isdigit() or len(size) > 12)):
            raise Rejected("no project goes on like this")
        at = end + 1
        if size != b"-":
            at += int(size)
            yield name.decode("utf-8", "replace"), data[end + 1 : at]


def _read(project: Project, name: str, content: bytes) -> File | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if name.endswith(".ipynb"):
                return _notebook(project, name, content)
            tree = ast.parse(content)
            encoding, _ = tokenize.detect_encoding(BytesIO(content).readline)
            text = TextIOWrapper(BytesIO(content), encoding).read()
            return File(project, name, tree, {"": (0, text.split("\n"))})
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError, LookupError):
        return None


def _notebook(project: Project, name: str, content: bytes) -> File:
    body: list[ast.stmt] = []
    parts: dict[str, tuple[int, list[str]]] = {}
    before = 0
    for number, cell in enumerate(json.loads(content)["cells"], 1):
        if cell["cell_type"] != "code":
            continue
        source = cell["source"]
        lines = (source if isinstance(source, str) else "".join(source)).split("\n")
        try:
            tree = ast.parse("\n".join(lines))
        except SyntaxError:
            plain = (_MAGIC.match(line) for line in lines)
            text = (
                f"{found[1]}pass" if found else line
                for found, line in zip(plain, lines, strict=True)
            )
            try:
                tree = ast.parse("\n".join(text))
            except SyntaxError:
                continue
        ast.increment_lineno(tree, before)
        body += tree.body
        parts[f"#cell{number}"] = before, lines
        before += len(lines)
    return File(project, name, ast.Module(body, []), parts)

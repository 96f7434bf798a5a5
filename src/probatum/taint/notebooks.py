"""Reads a notebook as one module: the cells one after another, each line's cell remembered."""

import ast
import json
import re
from bisect import bisect_right
from collections.abc import Iterator

from msgspec import Struct

_PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%python", "%%python3")
_MAGIC = re.compile(r"(\s*)(?:[%!?]|[\w., ]+=\s*[%!]|.*\w\?\s*$)")


class Cells(Struct):
    """Where each cell begins in the module made of all: `starts[i]` is before its first line."""

    path: str
    numbers: list[int]
    starts: list[int]

    def place(self, line: int) -> tuple[str, int]:
        """The cell's name, `nb.ipynb#cell3`, and the line in it."""
        at = bisect_right(self.starts, line - 1) - 1
        return f"{self.path}#cell{self.numbers[at]}", line - self.starts[at]


class BrokenCell(Struct, frozen=True):
    """A cell that is not read, and why."""

    file: str
    line: int | None
    why: str


def read(path: str, content: bytes) -> tuple[ast.Module, Cells, list[BrokenCell]]:
    """The module of a notebook's code cells; a cell that is not Python is left out and said.

    Raises: ValueError if the file is not a notebook (nbformat 4: `cells`; 3: `worksheets`).
    Source: https://nbformat.readthedocs.io/en/latest/format_description.html
    """
    body: list[ast.stmt] = []
    cells = Cells(path, [], [])
    broken: list[BrokenCell] = []
    line = 0
    for number, text in _code(json.loads(content)):
        try:
            tree = _parsed(text)
        except (SyntaxError, ValueError) as error:
            at = error.lineno if isinstance(error, SyntaxError) else None
            why = error.msg if isinstance(error, SyntaxError) else str(error)
            broken.append(BrokenCell(f"{path}#cell{number}", at, why))
            continue
        cells.numbers.append(number)
        cells.starts.append(line)
        ast.increment_lineno(tree, line)
        body += tree.body
        line += text.count("\n") + 1
    return ast.Module(body, []), cells, broken


def _code(notebook: object) -> Iterator[tuple[int, str]]:
    """Each code cell: its number, from 1 as a reader counts all cells, and its text."""
    if not isinstance(notebook, dict):
        raise ValueError("not a notebook: no JSON object")
    listed = notebook.get("cells")
    if listed is None:
        sheets = notebook.get("worksheets")
        listed = sheets[0].get("cells") if isinstance(sheets, list) and sheets else None
    if not isinstance(listed, list):
        raise ValueError("not a notebook: no list of cells")
    for number, cell in enumerate(listed, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            text = cell.get("source", cell.get("input", ""))
            parts = text if isinstance(text, list) else [text]
            yield number, "".join(part for part in parts if isinstance(part, str))


def _parsed(text: str) -> ast.Module:
    """A cell's tree: as it stands, or without its magics where it is no Python with them."""
    try:
        return ast.parse(text)
    except SyntaxError:
        head = text.lstrip().split(maxsplit=1)[:1]
        if head and head[0].startswith("%%") and head[0] not in _PYTHON_MAGICS:
            raise SyntaxError(f"a cell of {head[0]} is not Python") from None
        return ast.parse("\n".join(_without_magic(line) for line in text.split("\n")))


def _without_magic(line: str) -> str:
    found = _MAGIC.match(line)
    return f"{found[1]}pass" if found else line

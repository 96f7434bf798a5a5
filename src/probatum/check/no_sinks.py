"""Re-derives that a project's code holds no call that a claim is about: no name of one is in it.

Facts: `{"claim": id, "size": bytes, "sha256": of the project}`.

What is checked: 1. the project has this digest; 2. each of its files is parsed by Python's own
parser (a notebook cell by cell); 3. in none is there a name of whatever kind, or a word in a text,
that is the last part of a name in the rules of that claim (sinks or calls), nor one by which such a
name could be fetched unseen (`eval`, `exec`, `getattr`, `globals` and others). Where rules speak of
a loop, a comparison or keywords unpacked into a call, these count as the names `while`, `==`, `!=`,
`<`, `in` and `**`; 4. none imports a library that does such a thing under names of its own
(`rules/code/words.toml`, "does it itself"); where the row is of one function or module of it, the
library is not imported, or no name is the row's last part.

The prover asks `words` and `spoken` before it says Proven, besides a search of its own in the text.

The trusted base: this file, `code_trees`, `gathered_files`, Python's parser, and the rows of
`rules/code`: sinks, calls, hiding words.
"""

import ast
import hashlib
import json
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from probatum.check.code_trees import rows
from probatum.check.gathered_files import files
from probatum.errors import Rejected

Read = Callable[[int, int], bytes]

_FIRST = b"python-project 1\n"
_MOST = 256 << 20
_COLUMNS = (
    "calls", "names", "methods", "keywords", "attributes", "settings", "variables", "within",
)  # fmt: skip
_COMPARED: dict[type, str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.In: "in", ast.NotIn: "in", ast.Lt: "<", ast.LtE: "<",
    ast.Gt: "<", ast.GtE: "<",
}  # fmt: skip
_WORD = re.compile(r"\w+")


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raises: Rejected with the step that fails."""
    if not isinstance(facts, dict) or set(facts) != {"claim", "size", "sha256"}:
        raise Rejected("0: not the facts of such a certificate")
    if type(facts["size"]) is not int or facts["size"] != size or size > _MOST:
        raise Rejected("0: the project has another size")
    names = words().get(facts["claim"]) if isinstance(facts["claim"], str) else None
    if not names:
        raise Rejected("0: no such class of calls")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    if hashlib.sha256(data).hexdigest() != facts["sha256"]:
        raise Rejected("1: the project has another digest")
    everything: set[str] = set()
    for name, content in files(data, _FIRST):
        for said, line in spoken(name, content):
            if said in names:
                raise Rejected(f"3: {name}, line {line} names {said}")
            everything.add(said)
    for library, named in pairs(facts["claim"]):
        if library in everything and named in everything:
            raise Rejected(f"4: {named} is named, and there is an {library}")


def spoken(name: str, content: bytes) -> Iterator[tuple[str, int]]:
    """Every word of a file that may be a name, with its line, which in a notebook is a cell's.

    Of imports also `import a` and `import a.b`, the package and what is in it.

    Raises: Rejected if Python's parser does not read all of it.
    """
    for text in _cells(content) if name.lower().endswith(".ipynb") else (content,):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                nodes = list(ast.walk(ast.parse(text)))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            raise Rejected(f"2: {name} is not read by Python's parser") from exc
        for node in nodes:
            line = getattr(node, "lineno", 0)
            yield from ((one, line) for one in _said(node))


@cache
def words() -> dict[str, frozenset[str]]:
    """For each claim the last parts of its sinks' and calls' names, and the words that hide one."""
    found: dict[str, set[str]] = {}
    for table in rows("calls").values():
        for row in table:
            listed = [name for column in _COLUMNS for name in row.get(column, ())]
            if "claim" in row:
                parts = {name.rpartition(".")[2] for name in listed}
                found.setdefault(row["claim"], set()).update(parts)
    for row in rows("sinks")["sink"]:
        called = [one.rpartition(".")[2] for one in row.get("calls", ())]
        found.setdefault(row["claim"], set()).update(called, row.get("methods", ()))
    hiding = {
        word
        for row in rows("words")["words"]
        if row["of"] == "hides a name"
        for word in row["words"]
    }
    for claim, listed in _by_itself().items():
        found.setdefault(claim, set()).update(f"import {one}" for one in listed)
    return {claim: frozenset(names | hiding) for claim, names in found.items()}


def pairs(claim: str) -> list[tuple[str, str]]:
    """What is in the way together: the import of a library, and the last part of a name in it."""
    names = (one for one in _by_itself().get(claim, ()) if "." in one)
    return [(f"import {one.partition('.')[0]}", one.rpartition(".")[2]) for one in names]


@cache
def _by_itself() -> dict[str, list[str]]:
    """For each claim the libraries, and what is in them, that do it under names of their own."""
    found: dict[str, list[str]] = {}
    for row in rows("words")["words"]:
        if row["of"] == "does it itself":
            found.setdefault(row["claim"], []).extend(row["words"])
    return found


def _cells(content: bytes) -> Iterator[bytes]:
    try:
        cells = json.loads(content)["cells"]
        for cell in cells:
            if cell["cell_type"] == "code":
                source = cell["source"]
                text = source if isinstance(source, str) else "".join(source)
                if any(line.lstrip()[:1] in ("%", "!") for line in text.splitlines()):
                    raise Rejected("2: a notebook's own commands")
                yield text.encode("utf-8", "surrogatepass")
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise Rejected("2: no notebook that can be read") from exc


def _said(node: ast.AST) -> Iterator[str]:
    """The names that a node of the syntax tree holds, and the words of its texts."""
    for _, value in ast.iter_fields(node):
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, bytes):
                one = one.decode("latin-1")
            if isinstance(one, str):
                yield from _WORD.findall(unicodedata.normalize("NFKC", one))
    match node:
        case ast.Import(names=names):
            yield from (one for name in names for one in _imported(name.name))
        case ast.ImportFrom(module=str(module), names=names, level=0):
            yield from (one for name in names for one in _imported(f"{module}.{name.name}"))
        case ast.keyword(arg=None):
            yield "**"
        case ast.While():
            yield "while"
        case ast.Compare(ops=ops):
            yield from (_COMPARED.get(type(one), "is") for one in ops)
        case ast.MatchValue():
            yield "=="


def _imported(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (f"import {'.'.join(parts[:end])}" for end in range(1, len(parts) + 1))

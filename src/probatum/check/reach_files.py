"""What a Python file consists of: units that run as a whole, classes, and what names mean."""

import ast
import json
import warnings
from collections.abc import Iterator

from probatum.check import reach_words as words
from probatum.check.reach_texts import Bound, Pieces, items
from probatum.errors import Rejected

MODULE, MAIN = "", "__main__"


class Load:
    """An import of a module whose name is put together: what it may be, and where that stands.

    `package` is what a name that begins with a dot is relative to; None if that is not known.
    """

    def __init__(self, of: Pieces, package: str | None, line: int, says: str) -> None:
        self.of, self.package, self.line, self.says = of, package, line, says


class Unit:
    """What runs as a whole. `name` is empty for a module's own code, `cls` its class.

    `rests` are names of the module from which the texts of imports are worked out, `fetch_rests`
    those from which names of attributes are; `stores` the attributes that are bound here, and
    `sets` says that some of a computed name are.
    """

    def __init__(self, file: str, module: str, name: str, cls: str, line: int) -> None:
        self.file, self.module, self.name, self.cls, self.line = file, module, name, cls, line
        self.words: set[str] = set()
        self.texts: set[str] = set()
        self.imports: list[tuple[str, tuple[str, ...], int]] = []
        self.loads: list[Load] = []
        self.fetches: list[tuple[Pieces, int]] = []
        self.lists: list[tuple[str, int]] = []
        self.calls: list[tuple[str, bool, int]] = []
        self.bare: list[tuple[str, int]] = []
        self.starts: list[int] = []
        self.is_handed_over = False
        self.rests: set[str] = set()
        self.fetch_rests: set[str] = set()
        self.stores: set[str] = set()
        self.sets = False
        self.demands: list[tuple[str, tuple[str, ...], int]] = []


class Class:
    """A class of a module: the names of its bases, and whether something else is told of it."""

    def __init__(self, name: str, bases: tuple[str, ...], is_handed_over: bool) -> None:
        self.name, self.bases, self.is_handed_over = name, bases, is_handed_over


class File:
    """The units and classes of a file; `all` are the names in its `__all__`,
    `all_is_open` says that there may be more.

    `documents` are the texts of its documentation, in which examples may be run as tests;
    `has_patterns` says that a name is bound to `compile` of `re`, which runs nothing.
    """

    def __init__(self, name: str, module: str, is_package: bool, is_own: bool) -> None:
        self.name, self.module, self.is_own = name, module, is_own
        self.package = module if is_package else module.rpartition(".")[0]
        self.units: list[Unit] = []
        self.classes: dict[str, Class] = {}
        self.all: set[str] = set()
        self.all_is_open = False
        self.documents: list[str] = []
        self.aliases: dict[str, str] = {}
        self.imported: dict[str, set[str]] = {}
        self.has_patterns = False
        self.bound = Bound(module, self.package)


def parsed(name: str, source: bytes | str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, LookupError) as exc:
        raise Rejected(f"{name} is not read by Python's parser") from exc


def cells(name: str, content: bytes) -> Iterator[str]:
    try:
        cells = json.loads(content)["cells"]
        for cell in cells:
            if cell["cell_type"] == "code":
                source = cell["source"]
                yield source if isinstance(source, str) else "".join(source)
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise Rejected(f"{name} is no notebook that can be read") from exc


def without_magic(cell: str) -> str:
    """A cell whose lines of commands are texts instead, in which names are looked for."""
    lines = cell.splitlines()
    for number, line in enumerate(lines):
        bare = line.lstrip()
        if bare[:1] in ("%", "!", "?") or bare.endswith("?"):
            lines[number] = f"{line[: len(line) - len(bare)]}_ = {bare!r}"
    return "\n".join(lines)


def bind(tree: ast.Module, file: File) -> None:
    """Note what each name of the file may be bound to, and its names for importing functions."""
    add, opaque = file.bound.add, None
    file.bound.outer |= _outer(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and (node.bases or node.keywords):
            for statement in node.body:  # a metaclass may look up its names by any code
                _opaque(statement, file)
    _mark_fresh(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                add(name, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                add(name, value)
            case (
                ast.For(target=ast.Name(id=name), iter=over)
                | ast.comprehension(target=ast.Name(id=name), iter=over)
            ):
                found = items(over)
                for one in (opaque,) if found is None else found:
                    add(name, one)
            case ast.Assign(targets=targets):
                for target in targets:
                    _opaque(target, file)
            case ast.For(target=target) | ast.comprehension(target=target):
                _opaque(target, file)
            case ast.AugAssign(target=target) | ast.NamedExpr(target=target):
                _opaque(target, file)
            case ast.withitem(optional_vars=ast.AST() as target):
                _opaque(target, file)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                add(name, opaque)
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                add(name, opaque)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                add(name, opaque)
            case ast.MatchMapping(rest=str(name)):
                add(name, opaque)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                for name in names:
                    add(name, opaque)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for one in names:
                    file.bound.has_star |= one.name == "*"
                    first = (one.asname or one.name).partition(".")[0]
                    add(first, opaque)
                    of = one.name if one.asname else first
                    if isinstance(node, ast.ImportFrom):
                        of = f"{absolute(node, file)}.{one.name}"
                    file.imported.setdefault(first, set()).add(of)
                    if isinstance(node, ast.ImportFrom) and _is_pattern(node, one):
                        file.has_patterns = True
                    elif one.asname and one.name in words.IMPORTERS | words.RUNNERS:
                        file.aliases[one.asname] = one.name


def _outer(tree: ast.Module) -> set[str]:
    """The names that are bound outside of functions, or as if they were."""
    found: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found.update(node.names)
    return found


def _mark_fresh(tree: ast.Module) -> None:
    """Mark the variable of a loop where it is read before anything else has run since it was bound:
    the argument of a call with which the loop's body begins, of a function that is a mere name.
    """
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.ClassDef):  # there a name may be looked up by any code
            waiting += ast.iter_child_nodes(node)
        match node:
            case ast.For(target=ast.Name(id=id), body=[ast.Assign() | ast.Expr() as first, *_]):
                match first.value:
                    case ast.Call(func=ast.Name(), args=[ast.Name(id=given) as read, *_]):
                        if given == id:
                            read.is_fresh = True  # type: ignore[attr-defined]


def _is_pattern(node: ast.ImportFrom, one: ast.alias) -> bool:
    """Whether `compile` gets another name, and is that of the library of patterns."""
    of_re = node.module == "re" and not node.level
    return of_re and one.name == "compile" and one.asname not in (None, *words.RUNNERS)


def absolute(node: ast.ImportFrom, file: File) -> str:
    """The full name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    parts = file.package.split(".") if file.package else []
    kept = parts[: len(parts) - (node.level - 1)] if node.level > 1 else parts
    return ".".join([*kept, *([node.module] if node.module else [])])


def _opaque(target: ast.AST, file: File) -> None:
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            file.bound.add(node.id, None)

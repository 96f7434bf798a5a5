"""Divides a Python file into units that run as a whole, and says what each of them names.

A unit is a function or a method with all that stands in it, or the code of the module outside of
those: class bodies, decorators and defaults are the module's.
"""

import ast
import re
from itertools import pairwise
from typing import Any

from probatum.check import reach_words as words
from probatum.check.reach_files import (
    MAIN,
    MODULE,
    Class,
    File,
    Load,
    Unit,
    absolute,
    bind,
    cells,
    parsed,
    without_magic,
)
from probatum.check.reach_syntax import (
    constant_false,
    documentation,
    guard,
    is_builtin,
    is_handed_over,
    is_main,
    joined,
    last,
    may_list,
    varies,
)
from probatum.check.reach_texts import ANYTHING, Pieces, constant, texts
from probatum.errors import Rejected

_OPTION = re.compile(r"-([A-Za-z]*[mc])([\w.]*)")
_PYTHON = re.compile(r"(?:.*[\\/])?python[\w.]*")
_OPEN_COMMAND = re.compile(r"\bpython[\w.]*\s+(?:-\w+\s+)*-\w*[mc]\s*['\"]?(?:%|\{|\Z)")
"""A command whose module, or text, is filled in."""
_ENDS_IN_OPTION = re.compile(r"(?<!\S)-[mc][ ='\"]*\Z")
_HAS_OPTION = re.compile(r"(?<!\S)-\w*[mc]")
_WORD = re.compile(r"[^\W\d]\w*")


def read(name: str, content: bytes, module: str, is_own: bool) -> File:
    """The units of a file of Python or a notebook. Raises: Rejected where it cannot be parsed."""
    is_package = name.rpartition("/")[2] in ("__init__.py", "__init__.pyw")
    file = File(name, module, is_package, is_own)
    sources: list[bytes | str] = [content]
    if name.lower().endswith(".ipynb"):
        sources = [without_magic(cell) for cell in cells(name, content)]
    trees = [parsed(name, one) for one in sources]
    for tree in trees:
        bind(tree, file)
    outer = Unit(name, module, MODULE, "", 1)
    file.units.append(outer)
    for tree in trees:
        _Divider(file).statements(tree.body, outer, "")
    return file


def code_in(text: str, unit: Unit, file: File) -> bool:
    """Add to a unit what a text does when it is run as code; whether it can be parsed."""
    try:
        tree = parsed(file.name, text)
    except Rejected:
        return False
    _Divider(file).merged(tree.body, unit)
    return True


def words_of(text: str) -> list[str]:
    return _WORD.findall(text)


def _is_python(text: Any) -> bool:
    return isinstance(text, str) and bool(_PYTHON.fullmatch(text))


class _Divider:
    """Walks a file and says what each unit names."""

    def __init__(self, file: File) -> None:
        self.file = file

    def statements(self, body: list[Any], unit: Unit, cls: str) -> None:
        """The statements of a module, or of a class in one."""
        for node in body:
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._function(node, unit, cls)
                case ast.ClassDef():
                    self._class(node, unit, cls)
                case ast.If(test=test) if is_main(test):
                    inner = Unit(unit.file, unit.module, MAIN, "", node.lineno)
                    self.file.units.append(inner)
                    self.merged(node.body, inner)
                    self.statements(node.orelse, unit, cls)
                case ast.If(test=test) if not self.file.is_own and self._is_for_types(test):
                    self.statements(node.orelse, unit, cls)
                case ast.If() | ast.For() | ast.While() | ast.With() | ast.Try() | ast.TryStar():
                    self._compound(node, unit, cls)
                case ast.Expr(value=ast.Constant(value=text)):
                    self.file.documents.append(str(text))
                case (
                    ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                    | ast.AugAssign(target=ast.Name(id="__all__"), value=value)
                    | ast.AnnAssign(target=ast.Name(id="__all__"), value=value)
                ) if value is not None:
                    self._exported(value, unit)
                case _:
                    self.merged([node], unit)

    def merged(self, nodes: list[Any], unit: Unit) -> None:
        """All that stands in these nodes is the unit's own."""
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            self._note(node, unit)
            if isinstance(node, (ast.Try, ast.TryStar)) and node.handlers:
                guard(node.body)
            documented = documentation(node)
            if documented is not None:
                self.file.documents.append(str(documented.value.value))
            for child in ast.iter_child_nodes(node):
                if child is not documented:
                    waiting.append(child)

    def _compound(self, node: Any, unit: Unit, cls: str) -> None:
        if isinstance(node, (ast.Try, ast.TryStar)) and node.handlers:
            guard(node.body)
        if isinstance(node, ast.If) and not self.file.is_own:
            guard([*node.body, *node.orelse])
        for field, value in ast.iter_fields(node):
            if field in ("body", "orelse", "finalbody"):
                self.statements(value, unit, cls)
            elif field == "handlers":
                for handler in value:
                    self.merged([handler.type] if handler.type else [], unit)
                    self.statements(handler.body, unit, cls)
            elif isinstance(value, list):
                self.merged(value, unit)
            elif isinstance(value, ast.AST):
                self.merged([value], unit)

    def _function(self, node: Any, unit: Unit, cls: str) -> None:
        inner = Unit(unit.file, unit.module, node.name, cls, node.lineno)
        inner.is_handed_over = is_handed_over(node, self.file)
        self.file.units.append(inner)
        of_outer = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
        self.merged(of_outer, unit)
        body = node.body
        if (documented := documentation(node)) is not None:
            self.file.documents.append(str(documented.value.value))
            body = body[1:]
        self.merged(body, inner)

    def _class(self, node: ast.ClassDef, unit: Unit, cls: str) -> None:
        bases = tuple(last(one) for one in node.bases)
        handed = is_handed_over(node, self.file) or bool(node.keywords)
        name = f"{cls}.{node.name}" if cls else node.name
        self.file.classes[name] = Class(node.name, bases, handed)
        self.merged([*node.decorator_list, *node.bases, *node.keywords], unit)
        self.statements(node.body, unit, name)

    def _exported(self, value: Any, unit: Unit) -> None:
        for node in ast.walk(value):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.file.all.add(node.value)
                if self.file.is_own:
                    self._note(node, unit)
            elif not isinstance(node, (ast.List, ast.Tuple, ast.expr_context, ast.Set)):
                self.file.all_is_open |= not isinstance(node, (ast.BinOp, ast.operator))
                self._note(node, unit)

    def _is_for_types(self, test: Any) -> bool:
        """A condition that holds for a type checker alone."""
        match test:
            case ast.Name(id="TYPE_CHECKING"):
                of = self.file.imported.get("TYPE_CHECKING", set())
                given = self.file.bound.values.get("TYPE_CHECKING", [])
                falses = [one for one in given if constant_false(one)]
                return of <= words.FOR_TYPES and bool(given) and len(falses) + len(of) == len(given)
            case ast.Attribute(value=ast.Name(id=id), attr="TYPE_CHECKING"):
                of = {f"{one}.TYPE_CHECKING" for one in self.file.imported.get(id, ())}
                return bool(of) and of <= words.FOR_TYPES
        return False

    def _note(self, node: Any, unit: Unit) -> None:
        self.file.bound.rests.clear()
        self._read(node, unit)
        unit.rests |= self.file.bound.rests

    def _read(self, node: Any, unit: Unit) -> None:
        match node:
            case ast.Name(id=name):
                unit.words.add(name)
                self.file.all_is_open |= name == "__all__"
                self._mention(node, name, unit)
            case ast.Attribute(attr=name):
                unit.words.add(name)
                node.value.is_base = True  # type: ignore[attr-defined]
                if not isinstance(node.ctx, ast.Load):
                    unit.stores.add(name)
                self._mention(node, name, unit)
            case ast.Constant(value=str(text)):
                unit.texts.add(text)
                unit.words.update(_WORD.findall(text))
                if text in words.BY_TEXT or _OPEN_COMMAND.search(text):
                    unit.loads.append(Load((None,), None, node.lineno, text))
            case ast.JoinedStr():
                self._commands(node, unit)
            case ast.List(elts=elts) | ast.Tuple(elts=elts):
                if elts and last(elts[0]) == "executable":
                    elts[0].is_base = True  # type: ignore[attr-defined]
                self._options(elts, unit)
            case ast.Constant(value=bytes(data)):
                unit.texts.add(data.decode("latin-1"))
                unit.words.update(_WORD.findall(data.decode("latin-1")))
            case ast.MatchClass(kwd_attrs=names):
                unit.words.update(names)
            case ast.keyword(arg=str(name)):
                unit.words.add(name)
            case ast.Import(names=names):
                for one in names:
                    unit.imports.append((one.name, (), node.lineno))
                    self._demand(one.name, (), node, unit)
                    self._alias(one, unit)
            case ast.ImportFrom():
                of, given = absolute(node, self.file), tuple(one.name for one in node.names)
                unit.imports.append((of, given, node.lineno))
                self._demand(of, given, node, unit)
                for one in node.names:
                    self._alias(one, unit)
            case ast.Call():
                self._call(node, unit)
            case ast.BinOp() | ast.Subscript():
                worked_out = constant(node)
                if isinstance(worked_out, str):
                    unit.texts.add(worked_out)
                    unit.words.update(_WORD.findall(worked_out))
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                # Inside a function: what it defines runs with it.
                pass

    def _demand(self, of: str, names: tuple[str, ...], node: Any, unit: Unit) -> None:
        """An import without which the unit does not run to its end: nothing stands around it."""
        if not getattr(node, "is_guarded", False):
            unit.demands.append((of, names, node.lineno))

    def _alias(self, one: ast.alias, unit: Unit) -> None:
        self.file.all_is_open |= "__all__" in (one.name, one.asname)
        if self.file.is_own or one.asname:
            unit.words.update(_WORD.findall(one.name))

    def _mention(self, node: Any, name: str, unit: Unit) -> None:
        """An importing function, or what lists objects, that is named without being called."""
        is_read = isinstance(node.ctx, ast.Load)
        if name == "TYPE_CHECKING" and isinstance(node, ast.Attribute) and not is_read:
            unit.loads.append(Load((None,), None, node.lineno, name))
        if name in words.LISTS and isinstance(node.ctx, ast.Load) and may_list(node, name):
            unit.lists.append((name, node.lineno))
        if isinstance(node, ast.Name) and not getattr(node, "is_base", False):
            unit.bare += [(one, node.lineno) for one in self.file.imported.get(name, ())]
        name = self.file.aliases.get(name, name) if isinstance(node, ast.Name) else name
        if name in words.GETTERS and not getattr(node, "is_called", False):
            unit.fetches.append(((None,), node.lineno))
        if name == "executable" and not getattr(node, "is_base", False):
            unit.starts.append(node.lineno)
        if name == "pythonapi":
            unit.loads.append(Load((None,), None, node.lineno, name))
        known = name in words.IMPORTERS or (name in words.RUNNERS and self._is_builtin(node))
        if known and isinstance(node.ctx, ast.Load) and not getattr(node, "is_called", False):
            unit.loads.append(Load((None,), None, node.lineno, name))

    def _call(self, node: ast.Call, unit: Unit) -> None:
        func = node.func
        name = last(func)
        if isinstance(func, ast.Name):
            name = self.file.aliases.get(name, name)
        func.is_called = True  # type: ignore[attr-defined]
        if name in ("hasattr", "setattr", "delattr") and node.args:
            node.args[0].is_base = True  # type: ignore[attr-defined]
        if name in ("setattr", "__setattr__"):
            places = [constant(one) for one in node.args[:2]]
            unit.sets |= not any(isinstance(one, str) for one in places)
        given = [*node.args, *(one.value for one in node.keywords)]
        if name:
            unit.calls.append((name, any(map(varies, given)), node.lineno))
        worked_out = constant(node)
        if isinstance(worked_out, (str, bytes)):
            text = worked_out if isinstance(worked_out, str) else worked_out.decode("latin-1")
            unit.texts.add(text)
            unit.words.update(_WORD.findall(text))
        if name in words.IMPORTERS:
            self._load(name, node, unit)
        elif name in words.RUNNERS and self._is_builtin(func):
            self._run(name, node, unit)
        elif name in ("getattr", "getattr_static"):
            self._fetch(node.args[1] if len(node.args) > 1 else None, node, unit)
        elif name == "setattr" and last(node.args[0] if node.args else None) == "typing":
            unit.loads.append(Load((None,), None, node.lineno, name))
        elif name in ("attrgetter", "methodcaller"):
            for one in node.args[: 1 if name == "methodcaller" else None]:
                self._fetch(one, node, unit)

    def _load(self, name: str, node: ast.Call, unit: Unit) -> None:
        keywords = {one.arg: one.value for one in node.keywords}
        members = None
        of = next(iter(node.args), None) or keywords.get("name") or keywords.get("mod_name")
        package: str | None = None
        anchor = node.args[1] if len(node.args) > 1 else keywords.get("package")
        if anchor is not None:
            known = texts(anchor, self.file.bound)
            whole = known[0][0] if len(known) == 1 and len(known[0]) == 1 else None
            package = whole
        if name == "__import__":
            level = keywords.get("level", node.args[4] if len(node.args) > 4 else None)
            package = None if level is None or constant(level) == 0 else self.file.package
            members = keywords.get("fromlist", node.args[3] if len(node.args) > 3 else None)
        starred = any(isinstance(one, ast.Starred) for one in node.args)
        found = ANYTHING if of is None or starred else texts(of, self.file.bound)
        for pieces in found:
            relative = name == "__import__" and package is not None
            of_package: Pieces = (".", *pieces) if relative else pieces
            unit.loads.append(Load(of_package, package, node.lineno, name))
            for member in self._members(members):
                each = (*of_package[:-1], f"{of_package[-1]}.{member}") if (
                    member is not None and of_package[-1] is not None
                ) else (*of_package, ".", None)  # fmt: skip
                unit.loads.append(Load(joined(each), package, node.lineno, name))
        # A module that is made of a file: the second argument says which.
        if name in ("spec_from_file_location", "SourceFileLoader", "load_source", "load_dynamic"):
            path = anchor or keywords.get("location") or keywords.get("path")
            for pieces in ANYTHING if path is None else texts(path, self.file.bound):
                unit.loads.append(Load(pieces, None, node.lineno, name))

    def _members(self, node: Any) -> list[str | None]:
        """What is imported from a package, besides: names, None for such as are not known."""
        if node is None or (isinstance(node, ast.Constant) and not node.value):
            return []
        if not isinstance(node, (ast.List, ast.Tuple)):
            return [None]
        each = [texts(one, self.file.bound) for one in node.elts]
        return [pieces[0] if len(pieces) == 1 else None for found in each for pieces in found]

    def _run(self, name: str, node: ast.Call, unit: Unit) -> None:
        source = constant(node.args[0]) if node.args else None
        if isinstance(source, bytes):
            source = source.decode("latin-1")
        if not isinstance(source, str) or not code_in(source, unit, self.file):
            unit.loads.append(Load((None,), None, node.lineno, name))

    def _commands(self, node: ast.JoinedStr, unit: Unit) -> None:
        """A command line of which the module to run is filled in."""
        found = texts(node, self.file.bound)
        if not any(one and _HAS_OPTION.search(one) for pieces in found for one in pieces):
            self.file.bound.rests.clear()
        for pieces in found:
            for one, other in pairwise(pieces):
                if one and other is None and _ENDS_IN_OPTION.search(one):
                    unit.loads.append(Load((None,), None, node.lineno, "a command"))

    def _options(self, elts: list[Any], unit: Unit) -> None:
        """A command in a list: the module, the text or the file that an interpreter is to run."""
        given = [constant(one) for one in elts]
        python = bool(elts) and (_is_python(given[0]) or last(elts[0]) == "executable")
        for place, one in enumerate(given):
            if not isinstance(one, str) or not _OPTION.fullmatch(one):
                continue
            option, joined = _OPTION.fullmatch(one).groups()  # type: ignore[union-attr]
            if joined:
                unit.texts.add(f"-{option[-1]} {joined}")
            elif len(option) == 1 or python:
                self._run_by(elts[place + 1 : place + 2], option[-1], elts[place].lineno, unit)
            python = False
        if python and not any(isinstance(one, str) and one[:1] != "-" for one in given[1:2]):
            unit.loads.append(Load((None,), None, elts[0].lineno, "another interpreter"))

    def _run_by(self, node: list[Any], option: str, line: int, unit: Unit) -> None:
        for pieces in texts(node[0], self.file.bound) if node else ANYTHING:
            if any(piece is None for piece in pieces):
                unit.loads.append(Load((None,), None, line, "a command"))
            elif option == "m":
                unit.texts.add(f"-m {pieces[0]}")

    def _fetch(self, name: Any, node: ast.Call, unit: Unit) -> None:
        of = node.args[0] if node.args else None
        for pieces in ANYTHING if name is None else texts(name, self.file.bound):
            if len(pieces) == 1 and pieces[0] is not None:
                unit.words.update(_WORD.findall(pieces[0]))
                if pieces[0] in words.IMPORTERS | words.RUNNERS and self._is_system(of):
                    unit.loads.append(Load((None,), None, node.lineno, pieces[0]))
            else:
                unit.fetches.append((pieces, node.lineno))
                if self._is_system(of):
                    unit.loads.append(Load((None,), None, node.lineno, last(node)))
        if not self._is_system(of):
            unit.fetch_rests |= self.file.bound.rests
            self.file.bound.rests.clear()

    def _is_builtin(self, func: Any) -> bool:
        """Whether a name is the built-in function of that name, and no method."""
        match func:
            case ast.Name():
                return True
            case ast.Attribute(value=ast.Name(id=id)):
                of = self.file.imported.get(id, set())
                return is_builtin(func) or bool(of & {"builtins", "__builtin__"})
        return False

    def _gives_system(self, call: ast.Call) -> bool:
        name = last(call)
        if name in words.GETTERS:
            return True
        found = texts(call.args[0], self.file.bound) if call.args else ANYTHING
        known = all(pieces and pieces[0] for pieces in found)
        return name in words.IMPORTERS and not (
            known and not any(str(pieces[0]).partition(".")[0] in words.SYSTEM for pieces in found)
        )

    def _is_system(self, node: Any) -> bool:
        """Whether an object may be a module by which anything can be imported."""
        while isinstance(node, ast.Attribute):
            if node.attr in words.SYSTEM:
                return True
            node = node.value
        if not isinstance(node, ast.Name):
            return isinstance(node, ast.Call) and self._gives_system(node)
        of = self.file.imported.get(node.id, ())
        return node.id in words.SYSTEM or any(one.partition(".")[0] in words.SYSTEM for one in of)

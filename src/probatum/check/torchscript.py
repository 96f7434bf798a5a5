"""Re-derives that loading a TorchScript archive, or a part of one, runs nothing but pure operators.

Facts, by `part`: `{"part": "archive", "size", "root", "structure", "classes", "sources"}`,
`{"part": "pickle", "size", "sha256", "classes"}` or `{"part": "code", "size", "sha256"}`.

1. the archive's members are the same for every reader, below one folder, without `model.json`;
2. `constants.pkl` and `data.pkl` hold only opcodes and names that torch's C++ unpickler knows, and
each class they name is in `code/`; 3. the sources are plain; 4. the constants of classes, the
defaults of arguments and, where any class has `__setstate__`, that and every other method whose
name begins with two underscores call only functions and operators that rules/torchscript.toml
lists, and methods of their own class that do the same; 5. no operator of another library is
called anywhere; 6. the facts are these bytes'.
"""

import ast
import hashlib
import json
import re
import tomllib
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from probatum.check.torch_zip import below_root, exact, stored
from probatum.check.zip_members import member_content, zip_records
from probatum.errors import Rejected

CLAIM = "load-inert"
Read = Callable[[int, int], bytes]
_MOST = 256 << 20
# `|(?!)` keeps a repetition that fails from moving the end: docs/decisions/0024.
_STRING = r'"(?:[^"\\\n]|\\(?:[\\"\'abfnrtv]|[0-3][0-7][0-7])|(?!))*+"'
_SOURCE = re.compile(
    rf'(?:[\w \n\[\]()\{{}},.:=+*/%<>!&|^~@-]|(?<![\w"]){_STRING}(?!")|(?!))*+', re.A
)
_OPCODE = re.compile(
    rb"(?s:[\])}(\x88\x89Nt\x85-\x87eldus\x81bRQ]|[Kqh].|M..|[Jrj].{4}|G.{8}|\x8a\x08.{8}"
    rb"|c(?P<module>[\w.]+)\n(?P<name>\w+)\n|X(?P<length>.{4}))"
)
# What step 5 looks for between the texts; a source has no other quotes and no comments.
_WORD = re.compile(
    rf"{_STRING}|\b(?P<defines>def|class)\b|\b(?P<hides>lambda|async)\b"
    r"|(?<![\w.])ops\b(?:\.(?P<library>\w+)\b)?",
    re.ASCII,
)


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raises: Rejected with the step that fails."""
    part = facts.get("part") if isinstance(facts, dict) else None
    if part == "archive":
        derived = _archive(exact(read), size)
    elif part in ("pickle", "code"):
        if size > _MOST:
            raise Rejected("0: too large")
        data = exact(read)(0, size)
        derived = {"part": part, "sha256": hashlib.sha256(data).hexdigest()}
        if part == "pickle":
            derived["classes"] = sorted(_classes_named(data))
        else:
            _Code({"source.py": data}).check()
    else:
        raise Rejected("0: no such part")
    derived["size"] = size
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        raise Rejected("6: these are not the bytes that the facts were derived from")


def _archive(read: Read, size: int) -> dict[str, Any]:
    structure = hashlib.sha256()
    members, _ = zip_records(read, size, structure)
    root, records = below_root(members, read, size)
    if "model.json" in records:
        raise Rejected("1: an archive of the legacy format")
    sources = {}
    for name, (member, at) in records.items():
        if name.startswith("code/") and name.endswith(".py"):
            if member["size"] > _MOST:
                raise Rejected("3: a source file that is too large")
            sources[name[5:]] = member_content(member, at, read)
    code = _Code(sources)
    code.check()
    named = set()
    for name in ("constants.pkl", "data.pkl"):
        named |= _classes_named(stored(records, name, read))
    if not named <= code.classes:
        raise Rejected("2: a class that is not in the archive")
    return {
        "part": "archive",
        "root": root,
        "structure": structure.hexdigest(),
        "classes": sorted(named),
        "sources": len(sources),
    }


@cache
def _rules(area: str, key: str) -> frozenset[str]:
    return frozenset(_table()[area][key].split())


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("probatum.rules").joinpath("torchscript.toml").read_text("utf-8"))


def _classes_named(data: bytes) -> set[str]:
    """Step 2: the archive's own classes that a pickle names."""
    listed = _rules("pickle", "names") | _rules("pickle", "custom_classes")
    named, at = set(), 2
    while data[at : at + 1] != b".":
        found = _OPCODE.match(data, at)
        if not found:
            raise Rejected(f"2: TorchScript's unpickler refuses the opcode at {at}")
        at = found.end() + int.from_bytes(found["length"] or b"", "little")
        if found["module"] is None:
            continue
        name = f"{found['module'].decode()}:{found['name'].decode()}"
        if name not in listed:
            if not name.startswith("__torch__") or name.startswith("__torch__.torch.classes."):
                raise Rejected(f"2: the name at {found.start()} is not known")
            named.add(name)
    if data[:2] != b"\x80\x02" or at + 1 != len(data):
        raise Rejected("2: not one pickle of protocol 2")
    return named


class _Code:
    """Steps 3 to 5."""

    def __init__(self, sources: dict[str, bytes]) -> None:
        self.texts = [_text(data) for data in sources.values()]
        self.classes: set[str] = set()
        self.by_class: list[dict[str, ast.FunctionDef]] = []
        self.functions = _rules("code", "functions")
        self.operators = _rules("code", "operators")
        self.libraries = _rules("code", "libraries")
        self.values: list[ast.expr] = []
        self.defined = 0
        for path, text in zip(sources, self.texts, strict=True):
            self._module(path.removesuffix(".py").replace("/", "."), _tree(text))
        self.methods = {name for one in self.by_class for name in one}

    def _module(self, module: str, tree: ast.Module) -> None:
        names = []
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self._defaults(node)
                names.append(node.name)
            elif isinstance(node, ast.ClassDef):
                self.by_class.append(self._class(node))
                self.defined += len(self.by_class[-1])
                self.classes.add(f"{module}:{node.name}")
                names.append(node.name)
            elif not isinstance(node, ast.Import) and not _is_version(node):
                _reject("3", node)
        if len(set(names)) != len(names):
            _reject("3", tree)
        self.defined += len(names)

    def _class(self, node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
        methods: dict[str, ast.FunctionDef] = {}
        for one in node.body:
            if isinstance(one, ast.FunctionDef) and not one.decorator_list:
                self._defaults(one)
                if methods.setdefault(one.name, one) is not one:
                    _reject("3", one)
            elif isinstance(one, ast.Assign | ast.AnnAssign):
                self._declared(one)
            elif not isinstance(one, ast.Pass):
                _reject("3", one)
        if node.decorator_list:
            _reject("3", node)
        return methods

    def _declared(self, one: ast.Assign | ast.AnnAssign) -> None:
        """A type or a constant; what is assigned to `__annotations__["…"]` is a type."""
        known = ("__parameters__", "__buffers__", "__annotations__")
        targets = one.targets if isinstance(one, ast.Assign) else [one.target]
        for target in targets:
            listed = isinstance(target, ast.Subscript)
            base = target.value if isinstance(target, ast.Subscript) else target
            if not isinstance(base, ast.Name) or (listed and base.id != "__annotations__"):
                _reject("3", one)
            if len(targets) > 1 or (base.id.startswith("__") and base.id not in known):
                _reject("3", one)
        if one.value is not None and not isinstance(targets[0], ast.Subscript):
            self.values.append(one.value)

    def _defaults(self, function: ast.FunctionDef) -> None:
        self.values += function.args.defaults
        self.values += [one for one in function.args.kw_defaults if one is not None]

    def check(self) -> None:
        for value in self.values:
            if self._called(value, {}):
                _reject("4", value)
        awake = any("__setstate__" in one for one in self.by_class)
        for methods in self.by_class if awake else ():
            quiet = ("__init__", "__getstate__")
            waiting = [name for name in methods if name[:2] == "__" and name not in quiet]
            seen: set[str] = set()
            while waiting:
                name = waiting.pop()
                if name not in seen:
                    seen.add(name)
                    waiting += self._method(methods[name], methods)
        self._others()

    def _method(self, one: ast.FunctionDef, methods: dict[str, ast.FunctionDef]) -> set[str]:
        given = one.args
        names = [arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        taken = self.functions | {"torch", "ops", "__torch__", "print", "self"}
        if names[:1] != ["self"] or taken & set(names[1:]) or given.vararg or given.kwarg:
            _reject("4", one)
        return {name for node in one.body for name in self._called(node, methods)}

    def _called(self, node: ast.AST, methods: dict[str, ast.FunctionDef]) -> set[str]:
        """The methods of its own class that `node` calls, all else being pure. Step 4."""
        own: set[str] = set()
        for one in _evaluated(node):
            if isinstance(one, ast.Call):
                own |= self._call(one, methods)
            elif isinstance(one, ast.Attribute):
                self._attribute(one)
            elif isinstance(one, ast.Name):
                stored = isinstance(one.ctx, ast.Store)
                if stored and one.id in (*self.functions, "self", "print"):
                    _reject("4", one)
            elif not isinstance(one, _HARMLESS):
                _reject("4", one)
        return own

    def _call(self, call: ast.Call, methods: dict[str, ast.FunctionDef]) -> set[str]:
        target = call.func
        if isinstance(target, ast.Name) and target.id in self.functions - {"getattr"}:
            return set()
        if not isinstance(target, ast.Attribute):
            _reject("4", call)
        if _chain(target) == ["self", target.attr] and target.attr in methods:
            return {target.attr}
        pure = f"aten::{target.attr}" in self.operators and target.attr not in self.methods
        if not pure and _chain(target)[0] not in ("torch", "ops"):
            _reject("4", call)
        return set()

    def _attribute(self, one: ast.Attribute) -> None:
        """A whole chain from `torch` or `ops` is one listed operator, called or not."""
        said = _chain(one)
        if said[0] == "torch":
            listed = len(said) == 2 and f"aten::{said[1]}" in self.operators
        elif said[0] == "ops":
            listed = len(said) == 3 and f"{said[1]}::{said[2]}" in self.operators
        else:
            listed = one.attr not in ("save", "from_file") and said[0] != "__torch__"
        if not listed:
            _reject("4", one)

    def _others(self) -> None:
        """Step 5, and no definition inside a function: words tell, since no name is one of them."""
        defines = 0
        for found in (found for text in self.texts for found in _WORD.finditer(text)):
            if found["hides"] or (found[0][0] == "o" and found["library"] not in self.libraries):
                raise Rejected("5: an operator of a library that is not reviewed, or a lambda")
            defines += found["defines"] is not None
        if defines != self.defined:
            raise Rejected("5: a definition inside another")


_HARMLESS = (
    ast.arguments, ast.arg, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop,
    ast.keyword, ast.Slice, ast.Constant, ast.Subscript, ast.Tuple, ast.List, ast.Dict, ast.BinOp,
    ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Assign, ast.AnnAssign, ast.AugAssign,
    ast.Expr, ast.Return, ast.If, ast.For, ast.While, ast.Pass, ast.Break, ast.Continue,
    ast.Assert, ast.Raise,
)  # fmt: skip


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and all below it that is no type annotation, a chain of names as its whole."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        value = one.value if isinstance(one, ast.Attribute) else None
        while isinstance(value, ast.Attribute):
            value = value.value
        if isinstance(value, ast.Name):
            continue
        if isinstance(one, ast.Name) and one.id in ("torch", "ops", "__torch__"):
            _reject("4", one)
        kept = one.annotation if isinstance(one, ast.AnnAssign) else None
        waiting += [child for child in ast.iter_child_nodes(one) if child is not kept]


def _text(data: bytes) -> str:
    """Step 3: text that Python's parser and TorchScript's read alike."""
    text = data.decode("ascii", "replace")
    if not _SOURCE.fullmatch(text):
        raise Rejected("3: a source with characters that torch does not write")
    return text


def _tree(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise Rejected("3: no source") from exc


def _chain(one: ast.expr) -> list[str]:
    """`a.b.c` as its names; of another expression only what follows it."""
    names: list[str] = []
    while isinstance(one, ast.Attribute):
        names.append(one.attr)
        one = one.value
    return [one.id if isinstance(one, ast.Name) else "", *names[::-1]]


def _is_version(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
        return False
    named = [one.id for one in node.targets if isinstance(one, ast.Name)]
    return named == ["op_version_set"] and type(node.value.value) is int


def _reject(step: str, node: ast.AST) -> NoReturn:
    line = getattr(node, "lineno", 1)
    raise Rejected(f"{step}: {type(node).__name__} at line {line} is not known to be pure")

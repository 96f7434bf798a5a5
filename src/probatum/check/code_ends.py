"""The ends of a path through code, by the rows of `rules/code`: what is a source, what a sink."""

import ast
from collections.abc import Iterator
from typing import Any

from probatum.check.code_names import File
from probatum.check.code_trees import FUNCTIONS, dotted, rows, words
from probatum.errors import Rejected

_LISTS = (ast.List, ast.Tuple)
_PARSERS = ("XMLParser", "XMLPullParser", "ETCompatXMLParser")
_APPLICATIONS = ("FastAPI", "APIRouter", "Flask", "Blueprint", "Sanic", "Quart", "FastMCP")


def claims() -> frozenset[str]:
    """The claims whose refutations are paths of this kind."""
    return frozenset(row["claim"] for row in rows("sinks")["sink"])


def sinks(claim: str, file: File, call: Any) -> list[tuple[dict[str, Any], list[Any]]]:
    """The rows of the claim that name the call, and the arguments that must not be outsiders'.

    Raises: Rejected if none does.
    """
    found: list[tuple[dict[str, Any], list[Any]]] = []
    for one in _made(call) if isinstance(call, ast.Call) else ():
        meant = file.meant(one.func)
        for row in rows("sinks")["sink"]:
            named = row["claim"] == claim and _names(row, file, one, meant)
            if named and _dangerous(row, file, one) and (given := _arguments(row, one)):
                found.append((dict(row), given))
    if not found:
        raise Rejected("the last step: no call that the claim is about")
    return found


def _made(call: ast.Call) -> Iterator[ast.Call]:
    """A call, and those that it makes of the functions it is handed, with what follows them."""
    yield call
    for at, one in enumerate(call.args):
        if isinstance(one, (ast.Name, ast.Attribute)):
            yield ast.Call(one, call.args[at + 1 :], call.keywords)


def _arguments(row: dict[str, Any], call: ast.Call) -> list[Any]:
    """The arguments that must not come from outside."""
    found: list[Any] = []
    for wanted in row.get("arguments", (0,)):
        if isinstance(wanted, int):
            found += call.args[wanted : wanted + 1]
        elif wanted == "answer":
            found.append(call)
        elif wanted == "self" and isinstance(call.func, ast.Attribute):
            found.append(call.func.value)
        found += [one.value for one in call.keywords if one.arg == wanted]
    if row.get("program"):  # of a list the first element
        found = [one.elts[0] if isinstance(one, _LISTS) and one.elts else one for one in found]
    return found + [one.value for one in found if isinstance(one, ast.Starred)]


class Source:
    """Whether an expression is a source for a claim, whose sink is of `row`, and in which words."""

    def __init__(self, claim: str, row: dict[str, Any], file: File, node: Any) -> None:
        self.claim = claim
        self.row = row
        self.file = file
        self.node = node

    def says(self) -> Iterator[str]:
        """The words of each source that it is."""
        for row in rows("sources")["source"]:
            if self.claim in row.get("only", (self.claim,)) and self.fits(row):
                yield row["says"]
        if self.row.get("public"):
            yield from self.chosen()

    def fits(self, row: dict[str, Any]) -> bool:
        file, node = self.file, self.node
        types = set(row.get("types", ()))
        if row.get("fields"):
            return self.filled(row)
        if isinstance(node, ast.arg):
            return bool(types & file.annotated(node.annotation)) or self.handled(row)
        if isinstance(node, ast.Call):
            func = node.func
            if getattr(func, "attr", dotted(func)) in row.get("handed", ()):
                return True
            meant = file.meant(node.func)
            if meant & set(row.get("calls", ())):
                return True
            imported = dotted(node.func).partition(".")[0] in file.imports
            if not imported and meant & set(row.get("objects", ())):
                return True
            if isinstance(node.func, ast.Attribute) and node.func.attr in row.get("methods", ()):
                wanted = set(row.get("receivers", ()))
                ends = tuple(one for one in wanted if one.startswith("_"))
                meant = {dotted(node.func.value), *file.meant(node.func.value)}
                called = {one.rpartition(".")[2] for one in meant}
                return not wanted or any(
                    {one, one.strip("_")} & wanted or one.endswith(ends) for one in called
                )
            return False
        if isinstance(node, ast.Attribute) and node.attr in row.get("attributes", ()):
            return bool(row.get("of_any")) or file.is_answer(node.value)
        meant = file.meant(node)
        if isinstance(node, ast.Attribute) and types & file.meant(node.value):
            return True
        return any(
            name == one or name.startswith(f"{one}.")
            for one in row.get("names", ())
            for name in meant
        )

    def filled_by_name(self, owner: ast.ClassDef, name: str) -> Iterator[str]:
        """`*` where the class itself declares a field of this name that is not private."""
        declared = (one.target for one in owner.body if isinstance(one, ast.AnnAssign))
        if not name.startswith("_") and name in (getattr(one, "id", "") for one in declared):
            yield "*"

    def filled(self, row: dict[str, Any]) -> bool:
        """A field that a framework fills of the object in whose method it stands."""
        node = self.node
        if not isinstance(node, ast.Attribute) or dotted(node.value) != "self":
            return False
        owner = self.file.owner(self.file.function(node))
        if owner is None or not {node.attr, *self.filled_by_name(owner, node.attr)} & {
            *row["fields"]
        }:
            return False
        return any(name.endswith(tuple(row["classes"])) for name in self.bases(owner))

    def handled(self, row: dict[str, Any]) -> bool:
        """A parameter of a function that a framework calls with what comes from outside."""
        function = self.file.function(self.node)
        for one in getattr(function, "decorator_list", ()) if row.get("decorators") else ():
            made = one.func if isinstance(one, ast.Call) else one
            if isinstance(made, ast.Attribute) and made.attr in row["decorators"]:
                base = made.value
                name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                if name == "self" and self.of_application(function):
                    return True
                called = {name, *(one.rpartition(".")[2] for one in self.file.meant(base))}
                if isinstance(base, ast.Call) or any(
                    part in one.lower() for part in row["of"] for one in called
                ):
                    return True
            if isinstance(made, ast.Name) and made.id in row["of"]:
                return True
        owner = self.file.owner(function)
        if owner is None or not row.get("classes"):
            return False
        if row.get("methods") and function.name not in row["methods"]:
            return False
        first = [one.arg for one in function.args.args[:1]]
        if row.get("offered") and (function.name.startswith("_") or first == ["cls"]):
            return False
        return any(name.endswith(tuple(row["classes"])) for name in self.bases(owner))

    def of_application(self, function: Any) -> bool:
        """The function is a route of the object in whose method it stands: an application."""
        owner = self.file.owner(self.file.function(function))
        return owner is not None and any(one.endswith(_APPLICATIONS) for one in self.bases(owner))

    def bases(self, owner: ast.ClassDef) -> set[str]:
        """The names of a class and of its bases."""
        own = f"{self.file.module}.{owner.name}"
        return {own} | {
            name
            for file, cls in self.file.classes({own})
            for base in cls.bases
            for name in file.meant(base)
        }

    def chosen(self) -> Iterator[str]:
        """What the callers of a function, or the makers of a record, choose."""
        file, node = self.file, self.node
        function = file.function(node)
        given = isinstance(node, ast.arg) and isinstance(function, FUNCTIONS)
        if given and is_shipped(file.name) and self.public(function):
            named = file.qualified(function)
            yield f"the parameter {node.arg!r} of {named}, for its callers to choose"
        if isinstance(node, ast.Attribute):
            classes = file.classes(file.meant(node.value))
            if any(_is_field(*one, node.attr) for one in classes) and _makes_records(classes):
                for home, cls in classes:
                    named = home.qualified(cls)
                    yield f"the field {node.attr!r} of {named}, for its makers to choose"

    def public(self, function: Any) -> bool:
        """Not private by its own name, or called by nobody who could be meant by that."""
        name, owner = function.name, self.file.owner(function)
        if not name.startswith("_") or name.endswith("__"):
            return True
        if owner is None:
            return not self.file.project.calls(name, self.file.name)
        return not any(
            isinstance(one, ast.Call) and dotted(one.func) in (f"self.{name}", f"cls.{name}")
            for one in ast.walk(owner)
        )


def is_shipped(name: str) -> bool:
    """Whether others may call it: not the project's own tests, examples or documentation."""
    *folders, last = name.split("/")
    stem = last.rpartition(".")[0]
    own = words("own folder")
    tests = stem.startswith("test_") or stem.endswith("_test") or stem in own
    outer = any(one.lower() in words("own outer folder") for one in folders[:2])
    return not tests and not outer and not any(one.lower() in own for one in folders)


def _is_field(file: File, cls: ast.ClassDef, name: str) -> bool:
    """The class annotates a field of that name, which others may fill."""
    bound = file.binds[cls]
    annotated = any(isinstance(file.parents[one], ast.AnnAssign) for one in bound.get(name, ()))
    file.open_all(cls)
    stored = (file.owner(file.function(one)) for one in file.stores.get(name, ()))
    kept = "__init__" in bound and cls in stored
    return annotated and not kept and is_shipped(file.name)


def _makes_records(classes: list[tuple[File, ast.ClassDef]]) -> bool:
    """A decorator or a base says that objects of the class are made of their fields."""
    said = [ast.unparse(one) for _, cls in classes for one in (*cls.decorator_list, *cls.bases)]
    return any(part in word for word in said for part in words("record class"))


def _names(row: dict[str, Any], file: File, call: ast.Call, meant: set[str]) -> bool:
    if meant & set(row.get("calls", ())):
        return True
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr not in row.get("methods", ()):
        return False
    if file.meant(func.value) & set(row.get("harmless", ())):
        return False
    if "called" in row:
        return dotted(func.value).rpartition(".")[2].strip("_") in row["called"]
    if "receivers" not in row:
        return not any(file.project.definition(name) for name in meant)
    lasts = {name.rpartition(".")[2] for name in file.meant(func.value)}
    return bool(lasts & {one.rpartition(".")[2] for one in row["receivers"]})


def _dangerous(row: dict[str, Any], file: File, call: ast.Call) -> bool:
    if 0 < row.get("most", 0) < len(call.args):
        return False
    said = (one for at in row.get("unless_said", ()) for one in call.args[at : at + 1])
    if any(isinstance(one, ast.Constant) for one in said):
        return False
    given = {one.arg: one.value for one in call.keywords}
    constant = {name: one.value for name, one in given.items() if isinstance(one, ast.Constant)}
    if any(
        name in constant and constant[name] == value
        for name, value in row.get("unless", {}).items()
    ):
        return False
    for name, value in row.get("only", {}).items():
        if name not in given or (name in constant and constant[name] == (not value)):
            return False
    for name, types in row.get("unless_type", {}).items():
        values = [given[name]] if name in given else call.args[1:2]
        if any(file.meant(one) & set(types) for one in values):
            return False
    for name, made in row.get("unless_made", {}).items():
        values = [given[name]] if name in given else call.args[1:2]
        if values and not any(_made_without(file, one, made) for one in values):
            return False
    return not row.get("shell") or not call.args or _may_be_script(call.args[0])


def _made_without(file: File, node: Any, safe: dict[str, Any]) -> bool:
    """The object is made here, by a call without the keyword that makes it harmless."""
    name = dotted(node)
    calls = [node] if isinstance(node, ast.Call) else []
    for read in file.parents:
        if isinstance(read, ast.Assign) and isinstance(read.value, ast.Call):
            calls += [read.value for one in read.targets if name and dotted(one) == name]
    said = [
        {one.arg: one.value for one in call.keywords}
        for call in calls
        if dotted(call.func).rpartition(".")[2] in _PARSERS
    ]
    return bool(said) and not any(
        isinstance(held, ast.Constant) and held.value == value
        for one in said
        for key, value in safe.items()
        if (held := one.get(key)) is not None
    )


def _may_be_script(node: Any) -> bool:
    return not isinstance(node, (ast.List, ast.Tuple)) or is_script(node)


def is_script(node: Any) -> bool:
    """A list in which `-c` or `/c` stands: the arguments of a shell that is given a script."""
    parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else ()
    return any(isinstance(one, ast.Constant) and one.value in ("-c", "/c") for one in parts)

"""Walks the schema of a skops archive: which loader builds which class, at which path.

Each dictionary with a `__loader__` is a node; skops constructs it from `__module__`, `__class__`
and its content. Sources: skops/io/_audit.py, _general.py, _numpy.py, _scipy.py, _sklearn.py
(0.16), old/_general_v0.py (FunctionNode); CVE-2025-54412 (OperatorFuncNode), CVE-2025-54413
(MethodNode).
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

from probatum.vocabulary import Place, Reason, Step, Undecided, Witness

MOST = 100


class Built(Struct, frozen=True):
    """What a schema builds: how many nodes, what breaks the claim, what keeps it open."""

    nodes: int
    witnesses: tuple[Witness, ...]
    open: tuple[Undecided, ...]


@cache
def loaders() -> dict[str, frozenset[str]]:
    """The names that each loader may build in a proof, from rules/skops_types.toml."""
    text = files("probatum.rules").joinpath("skops_types.toml").read_text("utf-8")
    return {name: frozenset(row.split()) for name, row in tomllib.loads(text)["loaders"].items()}


def built(schema: Any) -> Built:
    """Everything that the schema asks skops to build."""
    nodes = 0
    witnesses: list[Witness] = []
    still_open: list[Undecided] = []
    for path, value in _nodes(schema):
        nodes += 1
        said = _judged(value, path)
        if isinstance(said, Witness):
            witnesses.append(said)
        elif said is not None:
            still_open.append(said)
    return Built(nodes, tuple(witnesses[:MOST]), tuple(still_open[:MOST]))


def _nodes(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    stack: list[Iterator[tuple[str, Any]]] = [iter([("schema.json", schema)])]
    while stack:
        path, value = next(stack[-1], (None, None))
        if path is None:
            stack.pop()
        elif isinstance(value, dict):
            if "__loader__" in value:
                yield path, value
            stack.append(_below(path, value.items()))
        elif isinstance(value, list):
            stack.append(_below(path, enumerate(value)))


def _below(path: str, members: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    short = path if len(path) < 200 else f"{path[:60]}...{path[-100:]}"
    for key, value in members:
        if isinstance(value, dict | list):
            yield (f"{short}[{key}]" if isinstance(key, int) else f"{short}.{key[:40]}"), value


def _judged(value: dict[str, Any], path: str) -> Witness | Undecided | None:
    loader, module, name = (value.get(key) for key in ("__loader__", "__module__", "__class__"))
    if not (isinstance(loader, str) and isinstance(module, str) and isinstance(name, str)):
        return _open("a node whose loader, module or class is not a name", path)
    full = f"{module}.{name}"
    if full in loaders().get(loader, ()):
        return _of_function(value, path) if loader == "FunctionNode" else None
    if loader == "OperatorFuncNode":
        return _of_operator(module, name, path)
    if loader == "MethodNode":
        return _of_method(value, full, path)
    if loader == "ConstructorFromReduceNode" and module.partition(".")[0] in (
        sys.stdlib_module_names
    ):
        says = f"skops calls {full} with arguments from the file once the name is trusted"
        return Witness(says, Place(part=path))
    return _open(f"no summary says what {loader} does with {full[:120]!r}", path)


def _of_function(value: dict[str, Any], path: str) -> Undecided | None:
    """Under protocol 0 the function is the one that the content names, whatever the node says."""
    if "content" not in value:
        return None
    content = value["content"]
    names = (content.get("module_path"), content.get("function")) if type(content) is dict else ()
    said = ".".join(map(str, names))
    if said in loaders()["FunctionNode"]:
        return None
    return _open(f"skops takes {said[:120]!r} from a node of protocol 0 that names another", path)


def _of_operator(module: str, name: str, path: str) -> Witness | Undecided:
    if module == "operator":
        return _open(f"OperatorFuncNode calls operator.{name[:60]} on values in the file", path)
    steps = (Step("skops before 0.12 asked about the one and called the other (CVE-2025-54412)"),)
    says = f"the node calls operator.{name[:60]} and calls itself {module[:60]}.{name[:60]}"
    return Witness(says, Place(part=path), steps)


def _of_method(value: dict[str, Any], full: str, path: str) -> Witness | Undecided:
    content = value.get("content")
    held = content.get("obj") if isinstance(content, dict) else None
    if isinstance(held, dict):
        other = f"{held.get('__module__')}.{held.get('__class__')}"
        if other != full:
            says = f"the node takes a method of {other[:80]} and calls itself one of {full[:80]}"
            steps = (
                Step("skops before 0.12 asked about the one and took it of the other"),
                Step("an attribute path leads from there to any function (CVE-2025-54413)"),
            )
            return Witness(says, Place(part=path), steps)
    return _open(f"MethodNode takes a method of {full[:120]!r}", path)


def _open(detail: str, path: str) -> Undecided:
    return Undecided(Reason.MISSING_SUMMARY, detail, Place(part=path))

"""Reads Jupyter's own configuration, as Python (`c.ServerApp.token = ''`) or as JSON.

The Python is parsed and not run: a setting that is no literal, or stands under a condition, is for
the file to say when it runs.

Source: jupyter-server.readthedocs.io, "Configuring a Jupyter Server"; traitlets.readthedocs.io.
"""

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from itertools import accumulate

from probatum.deploy.model import Deployment, Service
from probatum.errors import FormatError
from probatum.formats import json_nodes
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Scalar, walk
from probatum.formats.values import Value
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Place, Reason

_DEEPEST = 50
_ADDRESSES = ("ServerApp.ip", "NotebookApp.ip")


def read(data: bytes, part: str = "") -> Deployment:
    """The Python form; with `part`, as places of that file. Raises: FormatError."""
    source = utf8(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python takes for a mistake
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise FormatError(Reason.MALFORMED, f"Python cannot read it: {exc}"[:200]) from exc
    lines = re.findall(r"[^\r\n]*(?:\r\n?|\n)?", source)  # as Python ends them
    starts = list(accumulate(map(len, lines), initial=0))

    def place(node: ast.stmt) -> Place:
        before = lines[node.lineno - 1].encode()[: node.col_offset].decode("utf-8", "ignore")
        return spots.place(starts[node.lineno - 1] + len(before))

    spots = Spots(source, part)
    return _server(dict(_settings(tree.body, place, "")))


def read_json(data: bytes) -> Deployment:
    """The JSON form. Raises: FormatError."""
    found = {}
    for path, node in walk(json_nodes.document(data), ""):
        if isinstance(node, Scalar):
            found[path.lstrip(".")] = Value(node.text, node.place)
    return _server(found)


def _server(settings: dict[str, Value]) -> Deployment:
    place = next(iter(settings.values())).place if settings else Place(line=1)
    if not any(name in settings for name in _ADDRESSES):
        settings = settings | {_ADDRESSES[0]: Value("", place, "whoever starts it")}
    service = Service(name="the server", place=place, environment=settings, on_host=True)
    return Deployment(services=(service,))


def _settings(
    body: list[ast.stmt], place: Callable[[ast.stmt], Place], doubt: str, depth: int = 0
) -> Iterator[tuple[str, Value]]:
    for one in body:
        if isinstance(one, ast.Assign) and len(one.targets) == 1:
            name = _name(one.targets[0])
            if name:
                yield name, _value(one.value, place(one), doubt)
        elif isinstance(one, ast.If | ast.With | ast.Try | ast.For) and depth < _DEEPEST:
            says = doubt or f"line {one.lineno} of it"
            inner = [*one.body, *getattr(one, "orelse", ()), *getattr(one, "finalbody", ())]
            yield from _settings(inner, place, says, depth + 1)


def _name(target: ast.expr) -> str:
    """`ServerApp.token` of `c.ServerApp.token`; empty for anything else."""
    if (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Attribute)
        and isinstance(target.value.value, ast.Name)
    ):
        return f"{target.value.attr}.{target.attr}"
    return ""


def _value(node: ast.expr, place: Place, doubt: str) -> Value:
    if doubt or not isinstance(node, ast.Constant):
        return Value("", place, doubt or "an expression")
    if isinstance(node.value, str):
        return Value(node.value, place)
    return Value(str(node.value), place)

"""Walks a Keras model description (JSON) and says what building the model from it would reach.

Keras builds an object for each dictionary with a `class_name`: it imports `module` (or looks the
name up among its own classes), calls `from_config`, and calls each layer while a Functional model
is put together. The walk therefore judges every such dictionary wherever it stands.

Sources: keras/src/saving/serialization_lib.py and legacy/saving/serialization.py of Keras 3.15;
CVE-2024-3660 (Lambda), CVE-2025-1550 (module and class_name import anything), CVE-2025-8747 and
CVE-2025-9906 (Keras's own functions as gadgets), CVE-2025-9905 (safe_mode ignored for HDF5),
CVE-2025-12058 (StringLookup opens its vocabulary path).
"""

import base64
import binascii
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

from probatum.vocabulary import Excerpt, Place, Reason, Refuted, Step, Undecided, Witness

# Dictionaries that stand for a plain value: no name is looked up for them.
VALUES = frozenset(
    {
        "__bytes__",
        "__ellipsis__",
        "__keras_tensor__",
        "__numpy__",
        "__slice__",
        "__tensor__",
        "__tuple__",
        "TensorShape",
    }
)
CALLED = frozenset({"activation", "recurrent_activation"})
MOST = 100  # witnesses and open names kept of one description


class Known(Struct, frozen=True):
    """The names that a proof may rest on, from rules/keras_objects.toml."""

    classes: dict[str, frozenset[str]]
    functions: dict[str, frozenset[str]]
    refused: dict[str, str]
    gadgets: dict[str, tuple[str, str]]
    names: frozenset[str]
    callables: frozenset[str]
    tensorflow: frozenset[str]


class Reached(Struct, frozen=True):
    """What a description reaches: places that break the claim, and names that keep it open.

    `outside` are the witnesses that something outside the file is opened.
    """

    witnesses: tuple[Witness, ...]
    open: tuple[Undecided, ...]
    outside: tuple[Witness, ...]
    objects: int


@cache
def known() -> Known:
    """The rule data, read once."""
    text = files("probatum.rules").joinpath("keras_objects.toml").read_text("utf-8")
    rules = tomllib.loads(text)
    classes = {module: frozenset(names) for module, names in rules["classes"].items()}
    functions = {module: frozenset(names) for module, names in rules["functions"].items()}
    return Known(
        classes=classes,
        functions=functions,
        refused=rules["refused"],
        gadgets={row["api"]: (row["does"], row["source"]) for row in rules["gadget"]},
        names=frozenset().union(*classes.values()),
        callables=frozenset().union(*functions.values()),
        tensorflow=frozenset(rules["tensorflow"]["functions"]),
    )


def reached(config: Any, part: str, revived: bool = False) -> Reached:
    """Everything the description `config` reaches; `part` names it in places.

    `revived`: a SavedModel's metadata, where a name without a module that Keras does not know
    builds nothing: the saved functions stand in for it (keras/saving/legacy/saved_model/load.py).
    """
    witnesses: list[Witness] = []
    still_open: list[Undecided] = []
    outside: list[Witness] = []
    objects = 0
    for path, value in _everything(config, part):
        objects += "class_name" in value
        outside.extend(_outside(value, path))
        if revived and _stands_in(value):
            continue
        for said in _judged(value, path):
            if isinstance(said, Undecided):
                still_open.append(said)
            else:
                witnesses.append(said)
    return Reached(
        tuple((witnesses + outside)[:MOST]),
        tuple(still_open[:MOST]),
        tuple(outside[:MOST]),
        objects,
    )


def together(many: Iterable[Reached]) -> Reached:
    """What several descriptions in one file reach."""
    found = tuple(many)
    return Reached(
        tuple(one for each in found for one in each.witnesses),
        tuple(one for each in found for one in each.open),
        tuple(one for each in found for one in each.outside),
        sum(each.objects for each in found),
    )


def not_inert(found: Reached) -> Refuted | Undecided | None:
    """The verdict on load-inert, or None where nothing stands against a proof."""
    return Refuted(found.witnesses) if found.witnesses else _first_open(found)


def not_contained(found: Reached) -> Refuted | Undecided | None:
    """The verdict on self-contained, or None where nothing stands against a proof."""
    if found.outside:
        return Refuted(found.outside)
    if found.witnesses:
        said = found.witnesses[0]
        return Undecided(Reason.UNRESOLVED, f"what this opens is open: {said.says}", said.place)
    return _first_open(found)


def _first_open(found: Reached) -> Undecided | None:
    if not found.open:
        return None
    first, more = found.open[0], len(found.open) - 1
    return Undecided(first.reason, first.detail + f" (and {more} more)" * (more > 0), first.place)


def _everything(config: Any, part: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dictionary with its path. A stack of iterators: depth and width cost no copies."""
    stack: list[Iterator[tuple[str, Any]]] = [iter([(part, config)])]
    while stack:
        path, value = next(stack[-1], (None, None))
        if path is None:
            stack.pop()
        elif isinstance(value, dict):
            yield path, value
            stack.append(_below(path, value.items()))
        elif isinstance(value, list):
            stack.append(_below(path, enumerate(value)))


def _below(path: str, members: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    short = path if len(path) < 200 else f"{path[:60]}...{path[-100:]}"
    for key, value in members:
        if isinstance(value, dict | list):
            yield (f"{short}[{key}]" if isinstance(key, int) else f"{short}.{key[:40]}"), value


def _stands_in(value: dict[str, Any]) -> bool:
    name = value.get("class_name")
    special = {"Lambda", "__lambda__", "function", "TFOpLambda", "SlicingOpLambda"}
    plain = isinstance(name, str) and name not in known().names | known().refused.keys() | special
    return plain and value.get("module") is None


def _judged(value: dict[str, Any], path: str) -> Iterator[Witness | Undecided]:
    for key in CALLED & value.keys():
        name = value[key]
        if isinstance(name, str) and name not in known().callables:
            yield _unknown(f"the activation {name[:60]!r} is not one of Keras's own", path)
    if "class_name" not in value:
        return
    name, module = value["class_name"], value.get("module")
    if not isinstance(name, str) or not isinstance(module, str | None):
        yield _unknown("a class_name or module that is not a name", path)
    elif name in {"Lambda", "__lambda__"}:
        yield from _of_lambda(value, path)
    elif name in {"TFOpLambda", "SlicingOpLambda"}:
        yield from _of_tensorflow(value, path)
    elif name == "function":
        yield from _of_name(module, value.get("config"), value, path, known().functions)
    elif name == "TorchModuleWrapper":
        yield Witness(f"{name} {known().refused[name]}", Place(part=path))
    elif name not in VALUES:
        yield from _of_name(module, name, value, path, known().classes)


def _of_tensorflow(value: dict[str, Any], path: str) -> Iterator[Undecided]:
    """A layer that calls the TensorFlow function it names while the model is put together."""
    config = value.get("config")
    function = config.get("function") if isinstance(config, dict) else None
    if not isinstance(function, str) or function not in known().tensorflow:
        yield _unknown(f"no summary says what TensorFlow's {str(function)[:80]!r} reaches", path)


def _of_name(
    module: str | None,
    name: Any,
    value: dict[str, Any],
    path: str,
    allowed: dict[str, frozenset[str]],
) -> Iterator[Witness | Undecided]:
    """Judges the lookup of `name` in `module`: Keras's own, a way out, or unknown."""
    if not isinstance(name, str):
        yield _unknown("a function or class whose name is not text", path)
        return
    registered = value.get("registered_name")
    full = f"{module}.{name}"
    if registered not in (None, name, value["class_name"]):
        yield _unknown(f"the registered class {str(registered)[:80]!r} is not Keras's own", path)
    elif full in known().gadgets:
        does, source = known().gadgets[full]
        yield _named(f"the description names {full}, which {does} ({source})", path)
    elif not _allowed(module, name, allowed):
        yield _stranger(module, name, path)


def _allowed(module: str | None, name: str, allowed: dict[str, frozenset[str]]) -> bool:
    # "builtins" and no module at all both mean: look the name up among Keras's own objects.
    if module is None or (module == "builtins" and allowed is known().functions):
        return any(name in names for names in allowed.values())
    return name in allowed.get(module, frozenset())


def _stranger(module: str | None, name: str, path: str) -> Witness | Undecided:
    if module is not None and module.partition(".")[0] in sys.stdlib_module_names:
        return _named(
            f"Keras 3.0 to 3.8 imports {module!r} and takes {name[:60]!r} from it (CVE-2025-1550)",
            path,
        )
    if name in known().refused:
        return _unknown(f"{name} {known().refused[name]}", path)
    shown = name if module is None else f"{module}.{name}"
    return _unknown(f"no summary says what building {shown[:120]!r} does", path)


def _outside(value: dict[str, Any], path: str) -> Iterator[Witness]:
    config = value.get("config")
    if not isinstance(config, dict):
        return
    # Lookup layers take a vocabulary as a list, or as the path of a file to open.
    if isinstance(config.get("vocabulary"), str):
        shown = config["vocabulary"][:200]
        yield _named(f"building the layer opens the file {shown!r} (CVE-2025-12058)", path)
    if value.get("class_name") == "TFSMLayer":
        shown = str(config.get("filepath"))[:200]
        yield _named(f"building the layer loads the SavedModel at {shown!r}", path)


def _of_lambda(value: dict[str, Any], path: str) -> Iterator[Witness | Undecided]:
    """A Lambda: with marshalled code the code is the witness, else its function's name is open."""
    code = _marshalled(value)
    if code is None:
        yield _unknown(f"Lambda {known().refused['Lambda']}", path)
    elif not _carries_lambda(value):
        yield _code(code, path)


def _carries_lambda(value: dict[str, Any]) -> bool:
    """Whether the code stands in a `__lambda__` of its own, which is judged by itself."""
    config = value.get("config")
    function = config.get("function") if isinstance(config, dict) else None
    return isinstance(function, dict) and function.get("class_name") == "__lambda__"


def _code(code: bytes, path: str) -> Witness:
    names = sorted(set(re.findall(rb"[A-Za-z_][A-Za-z_0-9]{2,40}", code)))[:12]
    shown = ", ".join(name.decode() for name in names)
    return Witness(
        f"{len(code)} bytes of marshalled Python code become a function of the model",
        Place(part=path),
        steps=(
            Step("the loader base64-decodes and unmarshals the code", Place(part=path)),
            Step("Keras 3 refuses a .keras file's code unless safe_mode=False; an HDF5 file's"),
            Step("code is taken without asking before 3.11.3 (CVE-2025-9905, CVE-2024-3660)"),
            Step("putting the model together calls the layer, which calls the code"),
            Step(f"names in the code: {shown}"),
        ),
        excerpt=Excerpt(0, code[:256]),
    )


def _marshalled(value: dict[str, Any]) -> bytes | None:
    config = value.get("config")
    if not isinstance(config, dict):
        return None
    function = config.get("function", config)
    if isinstance(function, dict) and function.get("class_name") == "__tuple__":
        function = function.get("items")
    elif isinstance(function, dict):
        inner = function.get("config", function)
        function = inner.get("code", inner.get("value")) if isinstance(inner, dict) else None
    text = function[0] if isinstance(function, list) and function else function
    if not isinstance(text, str) or len(text) < 16:
        return None
    try:
        return base64.b64decode(text.encode("ascii"), validate=False)
    except (UnicodeEncodeError, binascii.Error):
        # func_load falls back to the raw text itself.
        return text.encode("raw_unicode_escape", "replace")


def _named(says: str, path: str) -> Witness:
    return Witness(says, Place(part=path))


def _unknown(detail: str, path: str) -> Undecided:
    return Undecided(Reason.MISSING_SUMMARY, detail, Place(part=path))

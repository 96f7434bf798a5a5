"""Finds what a JSON configuration asks a loader to import or call by name, at any depth.

Each object is judged by itself (`named`), so that one pass with Python's own parser finds out
whether there is anything; only then a second pass, with places, says where.

Sources: `rules/remote_code.toml`, where each field names the loader that reads it.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

from probatum.errors import FormatError
from probatum.vocabulary import Place, Reason

Pairs = list[tuple[str, Any]]


class Named(Struct, frozen=True):
    """What the field `key` asks for; `surely` where it is code of the author's choice."""

    key: str
    says: str
    surely: bool


class Located(Struct, frozen=True):
    """A naming, and the path and place of its key."""

    named: Named
    place: Place


def located(data: bytes) -> tuple[Located, ...]:
    """Everything that the JSON document `data` names, in the order of its objects' ends.

    Raises: FormatError MALFORMED, or PARSER_DIFFERENTIAL where readers take the text differently
    (a key twice, NaN, deep nesting).
    """
    text = _text(data)
    found = False

    def judge(pairs: Pairs) -> dict[str, Any]:
        nonlocal found
        found = found or any(True for _ in named(pairs))
        return _distinct(pairs)

    try:
        json.loads(text, object_pairs_hook=judge, parse_constant=_constant, parse_int=len)
    except RecursionError as exc:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, "it is nested too deeply") from exc
    except ValueError as exc:
        raise FormatError(Reason.MALFORMED, f"it is not JSON: {str(exc)[:120]}") from exc
    return tuple(_Placed(text).all()) if found else ()


def named(pairs: Pairs) -> Iterator[Named]:
    """What the fields of one object ask for."""
    fields = dict(pairs)
    for key, value in _likely(pairs):
        if key in _keys("auto_map"):
            yield from _of_auto_map(key, value)
        elif key in _keys("pipelines"):
            yield from _of_pipelines(key, value)
        elif key in _keys("imported") and isinstance(value, str):
            yield from _of_name(key, value)
        elif key in _keys("called"):
            yield Named(key, "jsonpickle calls what stands here", surely=False)
        elif key in _keys("any_text"):
            yield from _of_any_text(key, value)
        elif key in _keys("switches") and value not in (False, None):
            yield Named(key, "it allows code from the repository, and names none", surely=False)
        elif _SUSPECT.search(key):
            yield from _of_suspect(key, value, fields)
    yield from _of_diffusers(fields)
    yield from _of_langchain(fields)
    yield from _of_peft(fields)
    yield from _of_keras(fields)


def _of_auto_map(key: str, value: Any) -> Iterator[Named]:
    for one in _strings(value):
        repository, foreign, name = one.rpartition("--")
        where = f"the repository {repository}" if foreign else "this repository"
        yield Named(key, f"{name} is imported from a file of {where}", surely="." in name)


def _of_pipelines(key: str, value: Any) -> Iterator[Named]:
    for one in value.values() if isinstance(value, dict) else ():
        if isinstance(one, dict) and isinstance(one.get("impl"), str):
            yield Named(key, f"{one['impl']} is imported from a file of the repository", True)
    if _strings(value):
        yield Named(key, "it names a pipeline in a way that is not read here", surely=False)


def _of_name(key: str, value: str) -> Iterator[Named]:
    if key[0] in "_p" or "." in value.strip("."):
        yield _imported(key, value)


def _of_any_text(key: str, value: Any) -> Iterator[Named]:
    for one in _strings(value):
        if one not in _rules()["any_text"]["own"]:
            yield _perhaps_imported(key, one)


def _of_suspect(key: str, value: Any, fields: dict[str, Any]) -> Iterator[Named]:
    """A name under a key by which loaders import, though which of them reads it is not known."""
    if key == "module" and isinstance(fields.get("class_name"), str):
        return  # of Keras, and judged below
    if key in _MEDIA_KEYS and isinstance(value, str) and _MEDIA.fullmatch(value):
        return  # of a signature or an image: no import follows a name with a stroke
    for one in _strings(value):
        hub = "/" in one and key.lower().endswith("implementation")
        if (hub or "." in one.strip(".")) and not _OWN.fullmatch(one):
            yield _perhaps_imported(key, one)


def _perhaps_imported(key: str, name: str) -> Named:
    return Named(key, f"{name} is imported by its name, by loaders that read this field", False)


def _imported(key: str, name: str) -> Named:
    if name.partition(".")[0] in sys.stdlib_module_names:
        return Named(key, f"{name} is imported, of Python's standard library", surely=True)
    return Named(key, f"{name} is imported by its name", surely=False)


def _of_diffusers(fields: dict[str, Any]) -> Iterator[Named]:
    for library in _strings(fields.get("type_hint"))[:1]:
        if library not in _rules()["diffusers"]["own"]:
            yield _perhaps_imported("type_hint", library)
    if "_class_name" not in fields:
        return
    for key, value in fields.items():
        if not isinstance(value, list) or len(value) not in (2, 3):
            continue
        if not all(isinstance(one, str) for one in value[:2]):
            continue
        if key == "_class_name":
            says = f"the pipeline {'.'.join(value[:2])} is imported from a file of the repository"
            yield Named(key, says, surely=True)
        elif value[0] not in _rules()["diffusers"]["own"]:
            yield _imported(key, ".".join(value[:2]))


def _of_langchain(fields: dict[str, Any]) -> Iterator[Named]:
    """An object of LangChain's: its load() imports the class that the list `id` spells."""
    if "lc" in fields and (path := _strings(fields.get("id"))):
        yield _perhaps_imported("id", ".".join(path))


def _of_peft(fields: dict[str, Any]) -> Iterator[Named]:
    mapping = fields.get("auto_mapping")
    library = mapping.get("parent_library") if isinstance(mapping, dict) else None
    if isinstance(library, str) and not re.fullmatch(_rules()["peft"]["own"], library):
        yield _imported("auto_mapping", library)


def _of_keras(fields: dict[str, Any]) -> Iterator[Named]:
    name, module = fields.get("class_name"), fields.get("module")
    if not isinstance(name, str):
        return
    if name in _rules()["keras"]["refused"]:
        yield Named("class_name", f"Keras builds a {name}, which may hold code", surely=False)
    elif isinstance(module, str) and name not in _keras().get(module, ()):
        yield _imported("module", f"{module}.{name}")


def _strings(value: Any) -> list[str]:
    """The strings of a value and of the lists and objects in it, two levels deep."""
    level = [value]
    found: list[str] = []
    for _ in range(3):
        found += [one for one in level if isinstance(one, str)]
        inner = [list(one.values()) for one in level if isinstance(one, dict)]
        inner += [one for one in level if isinstance(one, list)]
        level = [one for many in inner for one in many]
    return found


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        place = Place(offset=exc.start)
        raise FormatError(Reason.MALFORMED, "it is not UTF-8", place) from exc


def _distinct(pairs: Pairs) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise FormatError(Reason.PARSER_DIFFERENTIAL, f"the key {twice[:60]!r} stands twice")
    return found


def _constant(name: str) -> None:
    raise FormatError(Reason.PARSER_DIFFERENTIAL, f"{name} is no JSON, and readers differ on it")


class _Open(Struct):
    """A container that is being read: where it lies, its items, and where its keys stand."""

    path: str
    pairs: Pairs
    places: dict[str, int]
    is_object: bool
    key: str | None = None

    def take(self, value: Any) -> None:
        self.pairs.append((self.key if self.key is not None else "", value))
        self.key = None

    def child(self) -> str:
        return (
            f"{self.path}.{self.key}" if self.key is not None else f"{self.path}[{len(self.pairs)}]"
        )

    def value(self) -> Any:
        return dict(self.pairs) if self.is_object else [value for _, value in self.pairs]


class _Placed:
    """Reads a JSON text known to be valid once more, with the places of keys."""

    def __init__(self, text: str) -> None:
        self._text = text

    def all(self) -> Iterator[Located]:
        stack = [_Open("", [], {}, is_object=False)]
        for token in _TOKEN.finditer(self._text):
            said, top = token[0], stack[-1]
            if said in "{[":
                path = top.child() if len(stack) > 1 else "$"
                stack.append(_Open(path, [], {}, is_object=said == "{"))
            elif said in "}]":
                stack.pop()
                if top.is_object:
                    yield from self._judged(top)
                stack[-1].take(top.value())
            elif top.is_object and top.key is None:
                top.key = json.loads(said)
                top.places[top.key] = token.start()
            else:
                top.take(json.loads(said, parse_int=len))

    def _judged(self, one: _Open) -> Iterator[Located]:
        for found in named(one.pairs):
            at = one.places[found.key]
            offset = len(self._text[:at].encode())
            place = Place(offset, self._text.count("\n", 0, at) + 1, f"{one.path}.{found.key}")
            yield Located(found, place)


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads(files("probatum.rules").joinpath("remote_code.toml").read_text())


@cache
def _keras() -> dict[str, list[str]]:
    """The classes of Keras that compute and allocate, and nothing else, by module."""
    text = files("probatum.rules").joinpath("keras_objects.toml").read_text("utf-8")
    classes: dict[str, list[str]] = tomllib.loads(text)["classes"]
    return classes


def _own_names() -> re.Pattern[str]:
    rule = _rules()["sentence_transformers"]
    modules, classes = "|".join(rule["modules"]), "|".join(rule["own"].split())
    return re.compile("|".join([*_rules()["suspect"]["own"], rf"({modules})\.({classes})"]))


def _suspect_keys() -> re.Pattern[str]:
    rule = _rules()["suspect"]
    unless = "".join(f"(?<!{one})" for one in rule["not"])
    return re.compile(rf"({'|'.join(rule['endings'])}){unless}\Z", re.IGNORECASE)


def _likely(pairs: Pairs) -> Pairs:
    """Those whose key loaders ask for, or which may end like one; a tokenizer has 100,000 others.

    Only of ASCII is it certain that letters which differ in their case alone are known as such.
    """
    asked, endings, longest = _wanted()
    return [
        pair
        for pair in pairs
        if pair[0] in asked
        or not (end := pair[0][-longest:]).isascii()
        or end.lower().endswith(endings)
    ]


@cache
def _wanted() -> tuple[frozenset[str], tuple[str, ...], int]:
    """All keys of the rules, the endings of suspect ones, and the length of the longest."""
    groups = ("auto_map", "pipelines", "imported", "called", "any_text", "switches")
    endings: list[str] = _rules()["suspect"]["endings"]
    return frozenset().union(*map(_keys, groups)), tuple(endings), max(map(len, endings))


@cache
def _keys(group: str) -> frozenset[str]:
    return frozenset(_rules()[group]["keys"])


_MEDIA_KEYS = frozenset({"artifactType", "mediaType", "payloadType"})
_MEDIA = re.compile(r"(?:application|text)/[-+.0-9a-z]+(?:;[a-z]+=[.0-9a-z]+)?")
_TOKEN = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.)*"|[^\s{}\[\]:,"]+')
_OWN = _own_names()
_SUSPECT = _suspect_keys()

"""Finds what a YAML text asks a loader to build by name, without parsing YAML.

YAML is larger than any reader's idea of it, so nothing here interprets a document. The scan rests
on one fact: to spell a key such as `_target_` a text must contain its letters in one piece, as
plain scalars cannot be joined without a space and only a backslash can hide a letter. Between a
key and its colon stand a quote, white space and comments, or the key is an alias. A text without
those keys, and without backslashes, tags and resolvers, names nothing by them. What other keys
name is open wherever a value looks like the dotted name of something to import.

Lines that are a comment from their first letter on hold no key and no value, and are passed over.

Sources: YAML 1.2.2, 5.7 and 7.3; PyYAML scanner.py (in flow style a `!` may follow `:` and `?`
directly, and a tag's letters may be written %70); hydra/_internal/instantiate (`_target_`); NeMo
core/classes/common.py (`target`, `cls`); mlflow pyfunc (`loader_module`); ultralytics (`download`
is given to exec, `backbone` and `head` to eval in YOLOv5); mmengine config.py (`_base_`,
`custom_imports`) and registry.py (a dotted `type`, `default_scope`); haystack (a dotted `type`);
jsonargparse (a dotted value of any key); hydra (`pkg://`); omegaconf resolvers; CVE-2025-23304.
"""

import re
import sys
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.vocabulary import Place, Reason, Step, Undecided, Witness

# The keys whose value a loader imports, as whole words.
KEYS = r"_target_|target|cls|class_path"
_WORD = re.compile(rf"(?<![A-Za-z0-9_.])({KEYS})(?![A-Za-z0-9_])", re.ASCII)
_ENTRY = re.compile(
    rf"""\s*(?:-\s+)*["']?({KEYS})["']?\s*:\s+["']?([A-Za-z_][A-Za-z0-9_.]*)["']?\s*(?:\#.*)?\Z""",
    re.ASCII,
)
# White space and comments; a comment ends with its line, so that there is one way to read it.
_BETWEEN = r"(?:\s|(?<=\s)#[^\n]*(?=\n|\Z))*"
_ALWAYS = re.compile(
    rf"(?<![\w.-])(?:loader_module|flavors|custom_imports|_base_|user_dir|import_path|download"
    rf"|default_scope|_scope_)"
    rf"[\"']?{_BETWEEN}:"
)
_LAYERS = re.compile(rf"(?<![\w.-])(backbone|head)[\"']?{_BETWEEN}:")
_ANCHOR = re.compile(r"(?:^|[\s\[{,:?-])&\S")
_ALIAS_KEY = re.compile(rf"(?:^|[\s\[{{,:?-])\*[^\s,\]}}*:]+{_BETWEEN}:")
_KERNEL = re.compile(
    rf"implementation[\"']?{_BETWEEN}:{_BETWEEN}[\"']?(?:[^\s\"']*/|[*&>|!])", re.I
)
_SUSPECT = re.compile(
    rf"(?:types?|class(?:es)?|cls|fn|fct|func|function|callable|factory|module"
    rf"|impl|implementation|imports?|loader|handler|plugins?)(?<!dtype)[\"']?{_BETWEEN}:",
    re.IGNORECASE,
)
# A value with a dot inside, and no slash as in a path; a number only where it is quoted.
_DOTTED = re.compile(
    r"(?<![^\s\"'\[{,:(])(?!(?<![\"'])[-+]?[\d.]+(?:e[+-]?\d+)?(?:[\s\]},:]|\Z))"
    r"[^\s\"'\[\]{},:/]+\.[^\s\"'\[\]{},:/]+(?=[\s\"'\]},:]|\Z)",
    re.IGNORECASE,
)
# What jsonargparse would import for a key of any name, and `module:attribute` as bentoml has it.
_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_DATA = re.compile(
    r".*\.(?:txt|csv|tsv|jsonl?|ya?ml|md|bin|pth?|ckpt|safetensors|gguf|onnx|npy|npz|parquet|model"
    r"|vocab|png|jpe?g|wav|flac|mp[34]|tar|gz|zip|log)",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"(?<![^\s\"'\[{,])[^\W\d][\w.]*:[^\W\d]\w*(?=[\s\"'\]},]|\Z)")
# ultralytics takes these out of a text that is no YAML, and so joins what they part.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_PYTHON_TAG = re.compile(r"(?:^|[\s\[{,:?])!(?:!|<tag:yaml\.org,2002:)python/")
_PACKAGE = re.compile("pkg://", re.IGNORECASE)
_TAG = re.compile(r"(?:^|[\s\[{,:?])!|tag:yaml")
# `${…}` that is more than the path of another value.
_RESOLVER = re.compile(r"\$\{(?![\w.\[\]-]*\})")


class Named(Struct, frozen=True):
    """What a text names: witnesses, and what keeps a proof open."""

    witnesses: tuple[Witness, ...]
    open: tuple[Undecided, ...]


def named(data: bytes, part: str) -> Named:
    """Everything in the YAML text `data` that could make a loader import or call something.

    Raises: FormatError where the bytes are not UTF-8 text (YAML allows other encodings).
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise FormatError(Reason.MALFORMED, f"{part} is not UTF-8") from exc
    if _UNPRINTABLE.search(text):
        says = "holds a byte order mark or a control character, which some readers take out"
        raise FormatError(Reason.PARSER_DIFFERENTIAL, f"{part} {says}".strip())
    witnesses: list[Witness] = []
    still_open: list[Undecided] = []
    lines = _BREAK.split(text)
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("#"):
            continue
        said = _judged(line, Place(line=number, part=part))
        if isinstance(said, Witness):
            witnesses.append(said)
        elif said is not None:
            still_open.append(said)
    rest = "\n".join("" if one.lstrip().startswith("#") else one for one in lines)
    still_open += _of_the_whole(rest, part)
    return Named(tuple(witnesses[:100]), tuple(still_open[:100]))


def _of_the_whole(text: str, part: str) -> Iterator[Undecided]:
    """What can be spread over several lines."""
    found = {
        "a key whose value is code, or leads to code": _ALWAYS.search(text),
        "a key that is an alias": _ANCHOR.search(text) and _ALIAS_KEY.search(text),
        "a kernel that is fetched from the hub": _KERNEL.search(text),
        "a value that may be the name of something to import": _dotted(text),
    }
    if {one[1] for one in _LAYERS.finditer(text)} == {"backbone", "head"}:
        found["layers whose names YOLOv5 evaluates"] = _LAYERS.search(text)
    for what, match in found.items():
        if match is not None:
            said = match[0].strip()[:120]
            place = Place(line=text.count("\n", 0, match.start()) + 1, part=part)
            yield Undecided(Reason.UNRESOLVED, f"{what}: {said}", place)


def _dotted(text: str) -> re.Match[str] | None:
    suspect = _SUSPECT.search(text)
    for match in _DOTTED.finditer(text):
        if text.endswith("${", 0, match.start()):
            continue  # the path of another value, which is looked at where it stands
        if suspect or (_PATH.fullmatch(match[0]) and not _DATA.fullmatch(match[0])):
            return match
    return (re.search(r"\$\{", text) if suspect else None) or _ATTRIBUTE.search(text)


def _judged(line: str, place: Place) -> Witness | Undecided | None:
    if _PYTHON_TAG.search(line):
        step = Step("yaml.load with Loader or UnsafeLoader builds it; SafeLoader refuses")
        return Witness(f"a tag that builds Python objects: {line.strip()[:120]}", place, (step,))
    entry = _ENTRY.match(line)
    if entry is not None:
        return _of_name(entry[1], entry[2], place)
    for pattern, what in (
        (_PACKAGE, "a package that Hydra imports to look for files in it"),
        (_WORD, "a key that a loader may import from, written in a way that is not read here"),
        (_TAG, "a tag of its own"),
        (_RESOLVER, "a resolver, whose value is made when the text is loaded"),
    ):
        if pattern.search(line):
            return Undecided(Reason.UNRESOLVED, f"{what}: {line.strip()[:120]}", place)
    if "\\" in line:
        detail = "a backslash, which in YAML can spell any character"
        return Undecided(Reason.UNRESOLVED, detail, place)
    return None


def _of_name(key: str, name: str, place: Place) -> Witness | Undecided:
    if name.partition(".")[0] in sys.stdlib_module_names:
        steps = (Step(f"the loader imports {name} and calls it with the keys beside it", place),)
        return Witness(f"{key} names {name}, in Python's standard library", place, steps)
    return Undecided(Reason.UNRESOLVED, f"{key} names {name}, which the loader imports", place)

"""Finds what a YAML text asks a loader to build by name, without parsing YAML.

YAML is larger than any reader's idea of it, so nothing here interprets a document. The scan rests
on one fact: to spell a key such as `_target_` a text must contain its letters in one piece, as
plain scalars cannot be joined without a space and only a backslash can hide a letter. A text
without those letters, backslashes, tags and resolvers names nothing; any other text is open.

Sources: YAML 1.2.2, 5.7 and 7.3; hydra/_internal/instantiate (`_target_`); NeMo
core/classes/common.py (`target`, `cls`); omegaconf resolvers; CVE-2025-23304.
"""

import re
import sys

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
_PYTHON_TAG = re.compile(r"!!python/|!<tag:yaml\.org,2002:python/|tag:yaml\.org,2002:python/")
_TAG = re.compile(r"(?:^|[\s\[{,])!")
_RESOLVER = re.compile(r"\$\{\s*[A-Za-z_][A-Za-z0-9_.]*\s*:")


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
    if "\0" in text or "\ufeff" in text:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, f"{part} holds a byte order mark or a zero")
    witnesses: list[Witness] = []
    still_open: list[Undecided] = []
    for number, line in enumerate(re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text), 1):
        said = _judged(line, Place(line=number, part=part))
        if isinstance(said, Witness):
            witnesses.append(said)
        elif said is not None:
            still_open.append(said)
    return Named(tuple(witnesses[:100]), tuple(still_open[:100]))


def _judged(line: str, place: Place) -> Witness | Undecided | None:
    if _PYTHON_TAG.search(line):
        step = Step("yaml.load with Loader or UnsafeLoader builds it; SafeLoader refuses")
        return Witness(f"a tag that builds Python objects: {line.strip()[:120]}", place, (step,))
    entry = _ENTRY.match(line)
    if entry is not None:
        return _of_name(entry[1], entry[2], place)
    for pattern, what in (
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

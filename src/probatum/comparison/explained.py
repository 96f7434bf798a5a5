"""What changed inside a file: keys of a configuration, words of a vocabulary, lines of code.

Also what a reader of the change would not see: characters that are not drawn, which the first
model does not have there.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from probatum.comparison import contents
from probatum.errors import FormatError
from probatum.formats.bounds import region
from probatum.formats.hidden_text import hidden
from probatum.formats.lookalikes import drawn, unlike
from probatum.ports import Material

MOST_LINES = 200
_MOST_TEXT = 4 << 20
_MOST_COMPARED = 20_000
_LONGEST = 300
_SHOWN_WORDS = 12
_WORDS = re.compile(r"(?:model\.vocab|vocab|model\.merges|merges|added_tokens)")


class Explanation(Struct, frozen=True, omit_defaults=True):
    """Lines that begin with `+`, `-` or a space, and what of the second model nobody sees.

    `more` counts the lines that are left out.
    """

    lines: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    more: int = 0


def explained(name: str, kind: str, before: Material | None, after: Material | None) -> Explanation:
    """What became of a file; None stands for one that is not there.

    Raises: FormatError where either cannot be read.
    """
    present = [one for one in (before, after) if one is not None]
    if any(one.size > contents.LARGEST for one in present):
        return Explanation()
    if name.endswith(".json") and len(present) == 2:
        try:
            old, new = (contents.value(kind, one) for one in present)
        except FormatError:
            pass  # no JSON to every reader: its lines are compared
        else:
            return _limited(_of_values(old, new), _hidden_values(old, new))
    old, new = _text(before), _text(after)
    if old is None or new is None:
        return Explanation()
    return _limited(_of_lines(old, new), _hidden_text(old, new))


def _limited(lines: Iterable[str], unseen: Iterable[str]) -> Explanation:
    kept: list[str] = []
    more = 0
    for line in lines:
        if len(kept) < MOST_LINES:
            kept.append(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…")
        else:
            more += 1
    return Explanation(tuple(kept), tuple(unseen)[:MOST_LINES], more)


def _text(material: Material | None) -> str | None:
    """The text; None where it is none, or too much to be compared line by line."""
    if material is None:
        return ""
    if material.size > _MOST_TEXT:
        return None
    data = region(material, 0, material.size)
    return None if b"\0" in data else data.decode("utf-8", "replace")


def _of_lines(old: str, new: str) -> Iterator[str]:
    first, second = old.splitlines(), new.splitlines()
    if len(first) + len(second) > _MOST_COMPARED:
        # Matching takes the square of it; what stands on either side alone is told instead.
        there, here = set(first), set(second)
        yield from (f"-{line}" for line in first if line not in here)
        yield from (f"+{line}" for line in second if line not in there)
        return
    matched = difflib.unified_diff(first, second, n=2, lineterm="")
    yield from (line for number, line in enumerate(matched) if number > 1)


# --- values of JSON -------------------------------------------------------------------------


def _of_values(old: Any, new: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    if (depth < 100 and _WORDS.fullmatch(path)) or _are_words(old, new):
        yield from _of_words(path or "vocabulary", _words(old), _words(new))
    elif depth < 100 and isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{path}.{key}" if path else key
            if key not in new:
                yield f"-{inner}: {_shown(old[key])}"
            elif key not in old:
                yield f"+{inner}: {_shown(new[key])}"
            else:
                yield from _of_values(old[key], new[key], inner, depth + 1)
    elif depth < 100 and isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _of_values(one, other, f"{path}[{number}]", depth + 1)
    elif json.dumps(old) != json.dumps(new):  # 1 is not 1.0, nor true
        yield f"-{path}: {_shown(old)}"
        yield f"+{path}: {_shown(new)}"


def _shown(value: Any) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def _are_words(old: Any, new: Any) -> bool:
    """Whether these are vocabularies: many words, each with its number."""
    return all(
        isinstance(one, dict) and len(one) > 64 and all(type(n) is int for n in one.values())
        for one in (old, new)
    )


def _words(value: Any) -> dict[str, str]:
    """Words, merges or special tokens, each with what is said of it."""
    if isinstance(value, dict):
        return {word: _shown(said) for word, said in value.items()}
    found = {}
    for number, one in enumerate(value if isinstance(value, list) else []):
        if isinstance(one, dict):
            found[str(one.get("content", one.get("id", number)))] = _shown(one)
        elif isinstance(one, list) and len(one) == 2 and isinstance(one[1], int | float):
            found[str(one[0])] = f"{number}: {one[1]}"
        else:
            found[one if isinstance(one, str) else _shown(one)] = str(number)
    return found


def _of_words(path: str, old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    gone = [word for word in old if word not in new]
    come = [word for word in new if word not in old]
    other = [word for word in new if word in old and old[word] != new[word]]
    for sign, says, words in (("-", "removed", gone), ("+", "added", come)):
        if words:
            yield f"{sign}{path}: {len(words):,} {says}: {_few(words)}"
    if other:
        yield f" {path}: {len(other):,} changed: {_few(other)}"
        if path.endswith("added_tokens"):
            for word in other[:_SHOWN_WORDS]:
                yield f"-{path}: {old[word]}"
                yield f"+{path}: {new[word]}"


def _few(words: list[str]) -> str:
    shown = ", ".join(json.dumps(word, ensure_ascii=False) for word in words[:_SHOWN_WORDS])
    return f"{shown}, …" if len(words) > _SHOWN_WORDS else shown


# --- what is not seen -----------------------------------------------------------------------


def _hidden_text(old: str, new: str) -> Iterator[str]:
    known = {one.text for one in hidden(old)}
    for one in hidden(new):
        if one.text not in known:
            line = new.count("\n", 0, one.at) + 1
            yield f"line {line}: {one.says}"
    if new.isascii():
        return
    lines = set(old.splitlines())
    alike = {drawn(one): one for one in lines}
    for number, text in enumerate(new.splitlines(), 1):
        if text not in lines and drawn(text) in alike:
            yield f"line {number}: drawn like one of the base: {unlike(text, alike[drawn(text)])}"


def _hidden_values(old: Any, new: Any) -> Iterator[str]:
    known, there = set(_strings(old)), set(_strings(new))
    come = [text for text in dict.fromkeys(_strings(new)) if text not in known]
    # A word of another script is no disguise, unless it stands in another's place or mixes scripts.
    alike = {} if all(map(str.isascii, come)) else {drawn(text): text for text in known}
    alike |= {drawn(text): text for text in known - there if alike}
    for text in come:
        for one in hidden(text):
            yield f"in {json.dumps(text[:60])}: {one.says}"
        other = alike.get(drawn(text), "") if not text.isascii() else ""
        if other and (other not in there or any(one.isascii() and one.isalpha() for one in text)):
            yield f"{json.dumps(text[:60])} is drawn like {other[:60]!r}: {unlike(text, other)}"


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one

"""The text of a file in which a search for words can be trusted: nothing in it hides a letter.

Kept in step with what `check/deployment.py` demands, and written independently of it.
"""

import re

from msgspec import Struct

from probatum.vocabulary import Place

_HIDES = re.compile(
    r"[^\n\t\x20-\x7e\xa0-\u167f\u2030-\u205e\u2100-\ud7ff]|[\\!$`]|\{\{|%TAG|[^\s\[]\{|\}[\w-]"
)


_UNPRINTED = re.compile(r"[^\n\t\x20-\x7e\xa0-\u167f\u2030-\u205e\u2100-\ud7ff]|`[ \t]*\n")


class Hidden(Struct, frozen=True):
    """What may hide a word, and where."""

    says: str
    place: Place


def readable(data: bytes, kind: str) -> str | Hidden:
    """The text without comments and quotes, in which a word that counts stands in one piece.

    Of a Dockerfile, the text with its continued lines joined: no quote or variable changes that.
    """
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        return Hidden("it is not UTF-8", Place(offset=exc.start))
    if kind == "dockerfile":
        return _logical_lines(text)
    lines = [_without_comment(line) for line in text.split("\n")]
    text = "\n".join(lines)
    found = _HIDES.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        return Hidden(f"{found[0]!r} stands here, which may hide a word", Place(line=line))
    return text.replace("'", "").replace('"', "")


def _without_comment(line: str) -> str:
    return "" if line.lstrip(" \t").startswith("#") else line


def _logical_lines(text: str) -> str | Hidden:
    found = _UNPRINTED.search(text)
    if found is not None:
        number = text.count("\n", 0, found.start()) + 1
        return Hidden(f"{found[0]!r} stands here, which may hide a word", Place(line=number))
    kept: list[str] = []
    continued = False
    for line in text.split("\n"):
        if continued and (not line.strip(" \t") or line.lstrip(" \t").startswith("#")):
            continue
        bare = line.rstrip(" \t")
        ends = bare.endswith("\\")
        said = bare[:-1] if ends else line
        if continued:
            kept[-1] += said
        else:
            kept.append(said)
        continued = ends
    return "\n".join(kept)

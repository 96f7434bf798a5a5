"""Reads the tokens of the tags of a Jinja2 template; what stands between tags is left out.

White space control (`-`, `+`) changes white space only. Line statements are off.

Source: jinja2 lexer.py (3.1).
"""

import ast
import re
import warnings
from collections.abc import Generator, Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.vocabulary import Place, Reason

PAIRS = {"(": ")", "[": "]", "{": "}"}


class Token(Struct, frozen=True):
    """One token of a tag: `kind` is name, string, number, operator, begin or end."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of every tag, each tag between a begin and an end."""
    at = 0
    while (found := _BEGIN.search(text, at)) is not None:
        begin, at = found[0], found.end()
        if begin == "{#":
            at = _after("#}", text, at + (text[at : at + 1] in ("-", "+")))
            continue
        raw = _RAW.match(text, found.start())
        if raw is not None:
            ended = _ENDRAW.search(text, raw.end())
            if ended is None and raw.end() == len(text):
                return
            if ended is None:
                raise broken("a raw block without an end", found.start())
            at = ended.end()
            continue
        yield Token("begin", begin, found.start())
        at = yield from _inside(text, at, "}}" if begin == "{{" else "%}")


def _after(mark: str, text: str, at: int) -> int:
    end = text.find(mark, at)
    if end < 0 and at == len(text):  # Jinja2 takes this for an empty comment
        return at
    if end < 0:
        raise broken("a comment without an end", at)
    return end + len(mark)


def _inside(text: str, at: int, end: str) -> Generator[Token, None, int]:
    if text[at : at + 1] in ("-", "+"):
        at += 1
    open: list[str] = []
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        closing = re.compile(rf"[-+]?{re.escape(end)}").match(text, at)
        if closing is not None and not open:
            yield Token("end", end, at)
            return closing.end()
        found = _TOKEN.match(text, at)
        if found is None:
            raise broken(f"{text[at : at + 10]!r} is no part of an expression", at)
        kind, said = str(found.lastgroup), found[0]
        if said in PAIRS:
            open.append(PAIRS[said])
        elif said in PAIRS.values() and (not open or open.pop() != said):
            raise broken(f"an unexpected {said!r}", at)
        yield Token(kind, said, at)
        at = found.end()


def broken(says: str, at: int) -> FormatError:
    """The error of a text that Jinja2 would not read."""
    return FormatError(Reason.MALFORMED, f"not a Jinja template: {says}", Place(offset=at))


def unquoted(text: str) -> str:
    """The value of a string literal, as Jinja2 takes it: Python's escapes."""
    raw = text[1:-1].encode("ascii", "backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return raw.decode("unicode-escape")
    except UnicodeDecodeError as exc:
        raise FormatError(Reason.MALFORMED, "a string with a wrong escape") from exc


def number(text: str) -> int | float:
    """The value of a number literal."""
    try:
        value = ast.literal_eval(text.lower())
    except (ValueError, SyntaxError) as exc:
        raise FormatError(Reason.MALFORMED, f"{text[:20]!r} is no number") from exc
    return value if isinstance(value, int | float) else 0


_BEGIN = re.compile(r"\{\{|\{%|\{#")
_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}")
_ENDRAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(
    r"""(?P<number>0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+
          |[0-9](?:_?[0-9])*(?:\.[0-9](?:_?[0-9])*)?(?:[eE][-+]?[0-9](?:_?[0-9])*)?)
      |(?P<name>[^\W\d]\w*)
      |(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      |(?P<operator>\*\*|//|==|!=|<=|>=|[-+/*%~\[\](){}<>=.:|,;])""",
    re.VERBOSE | re.DOTALL,
)

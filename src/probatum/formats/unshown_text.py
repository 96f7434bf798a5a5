"""Finds the parts of a Markdown text that a page made from it does not show.

Comments of HTML and of Markdown's own making (a link that nothing names), and elements that a
style or an attribute hides or shrinks to nothing. What stands in a fenced block or between
backticks is probably shown as it is; how Markdown is read decides it, so that it is doubtful.

Sources: HTML, 13.1.6 (comments) and 6.1 (the hidden attribute); CommonMark 0.31, 4.5-4.7 and 6.1.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator

from msgspec import Struct

_FENCED = re.compile(r"^[ >\t]*(`{3,}|~{3,}).*\n(?:(?![ >\t]*\1).*\n)*", re.MULTILINE)
_TICKED = re.compile(r"(?<!`)(`{1,3})(?!`)[^`\n]+\1(?!`)")
_COMMENT = re.compile(r"<!--(.*?)(?:--!?>|\Z)|<!(.*?)(?:>|\Z)|<\?(.*?)(?:\?>|\Z)", re.DOTALL)
_SURELY = re.compile(r"<!--|<![A-Za-z\[]|<\?")
_LINK = re.compile(
    r"^[ \t>*+-]*\[[^\]\n]+\]:"
    r"(?:[ \t]*(?:\S+\s+)?([\"'(][^\n]*)|[ \t]*\S*[ \t]*\n[ \t>]*([\"'(][^\n]*)|[ \t]*$)",
    re.MULTILINE,
)
_NAMED_SO = re.compile(
    r"^[ \t>*+-]*\[(?:/{2,}|comment|_+|\#|\.|:)\]:([^\n]*)$", re.MULTILINE | re.I
)
_TAG = re.compile(r"<([A-Za-z][\w-]*)(?=[\s/>]|\Z)([^>]*)")
_HIDES = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0*\.?0*(?![.\d])"
    r"|font-size\s*:\s*0*[01](?:px|pt|%|em)?(?![.\d])|(?:width|height)\s*:\s*0(?![.\d])"
    r"|color\s*:\s*(?:transparent|white|\#fff(?:fff)?\b)|text-indent\s*:\s*-\d{3}"
    r"|(?:left|top|right)\s*:\s*-\d{3}|clip(?:-path)?\s*:|(?<![\w-])hidden(?![\w-])"
    r"|(?<![\w-])(?:width|height|size)\s*=\s*[\"']?0(?!\d)|color\s*=\s*[\"']?(?:white|\#fff)",
    re.IGNORECASE,
)
_ELEMENTS = frozenset(
    {"template", "script", "style", "noscript", "object", "iframe", "textarea", "head", "title",
     "svg", "math", "audio", "video", "canvas", "select", "datalist", "noembed", "noframes"}
)  # fmt: skip
_ATTRIBUTE = re.compile(r"""\s+([\w:-]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
_PLAIN = frozenset(
    {"href", "src", "align", "name", "id", "target", "start", "type", "rel", "open",
     "colspan", "rowspan", "srcset", "media", "valign", "lang", "dir"}
)  # fmt: skip
_SIZES = frozenset({"width", "height", "size"})
_LONGEST = 1 << 16


class Unshown(Struct, frozen=True):
    """The characters [at, end), which are `what`, and the `words` in them.

    `surely` where every reader of Markdown and HTML leaves them out.
    """

    at: int
    end: int
    what: str
    words: str
    surely: bool


def unshown(text: str) -> Iterator[Unshown]:
    """Every part of `text` that its page does not show, or may not."""
    code = _code(text)
    for found in _COMMENT.finditer(text):
        words = next((one for one in found.groups() if one is not None), "")
        surely = bool(_SURELY.match(found[0])) and not _inside(code, found.start())
        yield _unshown(found, "a comment", words, surely)
    for found in _NAMED_SO.finditer(text):
        words = found[1].strip()
        yield _unshown(found, "a link that nothing names", words, not _inside(code, found.start()))
    for found in _LINK.finditer(text):
        yield _unshown(
            found, "a title that a page shows late or never", found[1] or found[2] or "", False
        )
    for found in _TAG.finditer(text):
        name, rest = found[1].lower(), found[2]
        hides = name in _ELEMENTS or bool(_HIDES.search(rest))
        if hides or not _is_plain(rest):
            end = _closed(text, name, found.end())
            words = re.sub(r"<[^<>]*>", " ", text[found.end() + 1 : end]).strip()
            what = f"in a <{name}> that is not shown" if hides else f"in a <{name}> with a style"
            sure = hides and not _inside(code, found.start())
            yield Unshown(found.start(), end, what, words, sure)


def _unshown(found: re.Match[str], what: str, words: str, surely: bool) -> Unshown:
    return Unshown(found.start(), found.end(), what, words.strip(), surely)


def _is_plain(attributes: str) -> bool:
    """Whether nothing is set but what leaves an element to be seen."""
    at = 0
    while found := _ATTRIBUTE.match(attributes, at):
        name, value, at = found[1].lower(), (found[2] or "").strip("\"'"), found.end()
        if name not in _PLAIN and not (name in _SIZES and re.match("[1-9]", value)):
            return False
    return attributes[at:].strip() in ("", "/")


def _closed(text: str, name: str, at: int) -> int:
    """Where the element ends; an element that is never closed ends with its paragraph."""
    ends = re.compile(rf"</{re.escape(name)}\s*>|\n\s*\n", re.IGNORECASE)
    found = ends.search(text, at, at + _LONGEST)
    return found.start() if found else min(len(text), at + _LONGEST)


def _code(text: str) -> list[tuple[int, int]]:
    """Where code probably stands, in order."""
    fenced = [found.span() for found in _FENCED.finditer(text)]
    ticked = [found.span() for found in _TICKED.finditer(text)]
    return sorted(fenced + [one for one in ticked if not _inside(fenced, one[0])])


def _inside(spans: list[tuple[int, int]], at: int) -> bool:
    number = bisect_right(spans, (at, 1 << 62)) - 1
    return number >= 0 and at < spans[number][1]

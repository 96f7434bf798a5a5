# ruff: noqa: SIM905  (a list of words reads better as words)
"""Splits shell text into simple commands, each word with its place in the text.

Enough of POSIX sh to know what is started: quotes, escapes, continued lines, operators, comments,
assignments and redirections. Whatever is computed when it runs (a variable, a substitution) makes
its word `open`; the body of a here-document is passed over.

Source: POSIX.1-2024, XCU 2.2 (quoting), 2.3 (tokens), 2.7 (redirection), 2.9 (commands).
"""

import re
from collections.abc import Callable, Iterator

from probatum.formats.values import Value, interpolated
from probatum.vocabulary import Place

Command = tuple[Value, ...]

_TOKEN = re.compile(
    r"(?P<space>(?:[ \t\r]|\\\r?\n)+)"
    r"|(?P<comment>(?<![^\s;&|()])\#[^\n]*)"
    r"|(?P<here>\d*<<-?[ \t]*(?P<tag>['\"]?\w+['\"]?))"
    r"|(?P<redirection>\d*(?:>>|>\||<&|>&|<>|<|>|&>)[ \t]*)"
    r"|(?P<end>&&|\|\||;;|[;&|()\n]|(?<!\S)[{}!](?=\s))"
    r"|(?P<single>'[^']*')"
    r"|(?P<double>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<begun>\$\()"
    r"|(?P<substitution>`[^`]*`)"
    r"|(?P<braced>\$\{[^{}]*\})"
    r"|(?P<escaped>\\.)"
    r"|(?P<plain>[^\s'\"\\;&|()<>`$]+|.)",
    re.DOTALL,
)
_SPECIAL = re.compile(r"(?<!\\)\$(?:[@*#?!$0-9-]|\{[@*#?!$0-9-])")
_PARENTHESIS = re.compile(r"[()]")
_KEYWORDS = frozenset("if then elif else fi do done while until for in case esac { } !".split())
_MOST = 100_000


def commands(text: str, place: Callable[[int], Place]) -> Iterator[Command]:
    """The simple commands of the text, in their order; `place` tells where a character stands."""
    reader = _Reader(place)
    at = 0
    for _ in range(_MOST):
        token = _TOKEN.match(text, at)
        if token is None:
            break
        at = token.end()
        yield from reader.take(token)
        if token.lastgroup == "begun":
            at = _behind_substitution(text, at)
        if token.lastgroup == "end" and token[0] == "\n" and reader.here:
            at = reader.behind_here_documents(text, at)
    yield from reader.end_command()


def _behind_substitution(text: str, at: int) -> int:
    """Behind the parenthesis that ends `$(`; the end of the text where none does."""
    depth = 1
    for found in _PARENTHESIS.finditer(text, at):
        depth += 1 if found[0] == "(" else -1
        if not depth:
            return found.end()
    return len(text)


class _Reader:
    def __init__(self, place: Callable[[int], Place]) -> None:
        self._place = place
        self._words: list[Value] = []
        self._text = ""
        self._raw: str | None = ""
        self._open: list[str] = []
        self._start: int | None = None
        self._to_file = False
        self.here: list[str] = []

    def take(self, token: re.Match[str]) -> Iterator[Command]:
        said = token[0]
        match token.lastgroup:
            case "space" | "comment":
                self._end_word()
            case "end":
                yield from self.end_command()
            case "redirection":
                self._end_redirected(said)
            case "here" | "tag":
                self._end_word()
                self.here.append(token["tag"].strip("'\""))
            case "single":
                self._add(token.start(), said[1:-1], said[1:-1].replace("$", "$$"))
            case "double":
                self._add_expanded(token.start(), re.sub(r'\\(["\\`])', r"\1", said[1:-1]))
            case "escaped":
                self._add(token.start(), said[1:], said[1:].replace("$", "$$"))
            case "substitution" | "begun":
                self._add(token.start(), "")
                self._raw = None
                rest = token.string[token.start() : token.start() + 40].partition("\n")[0]
                self._open.append(f"the output of {rest}")
            case "braced":
                self._add_expanded(token.start(), said)
            case _:
                self._add_plain(token, said)

    def _add_plain(self, token: re.Match[str], said: str) -> None:
        if said == "$":
            name = re.compile(r"[A-Za-z_]\w*").match(token.string, token.end())
            self._raw = self._raw if name else None
            says = f"the variable {name[0]}" if name else "the arguments of the script"
            self._open.append(says)
        self._add(token.start(), said)

    def _add(self, start: int, text: str, raw: str | None = None) -> None:
        self._start = start if self._start is None else self._start
        self._text += text
        if self._raw is not None:
            self._raw += text if raw is None else raw

    def _add_expanded(self, start: int, text: str) -> None:
        raw = text.replace("\\$", "$$")
        computed = "$(" in text or "`" in text
        if computed or _SPECIAL.search(text):
            self._raw = None
        if computed:
            self._open.append(f"the output of {text[:60]}")
        if _SPECIAL.search(text):
            self._open.append("the arguments of the script")
        value = interpolated(raw, Place())
        self._add(start, value.text, raw)
        if value.open and not value.default:
            self._open.append(value.open)
        elif value.open:
            self._defaults = value.open

    _defaults = ""

    def _end_redirected(self, said: str) -> None:
        if self._text.isdigit():
            self._start, self._text, self._raw = None, "", ""
        self._end_word()
        self._to_file = True

    def _end_word(self) -> None:
        if self._start is None:
            return
        open = "; ".join(dict.fromkeys(self._open)) or self._defaults
        whole = not self._open
        text = self._text if whole else self._known()
        raw = (self._raw or "") if open else ""
        word = Value(text, self._place(self._start), open, default=bool(open) and whole, raw=raw)
        if not self._to_file:
            self._words.append(word)
        self._to_file = False
        self._start, self._text, self._raw, self._open, self._defaults = None, "", "", [], ""

    def _known(self) -> str:
        """What is certain of a word that goes on with something computed: `--api-key=`."""
        found = re.match(r"-{1,2}[\w-]+=|[A-Za-z_]\w*=", self._text)
        return found[0] if found else ""

    def end_command(self) -> Iterator[Command]:
        self._end_word()
        self._to_file = False
        words = self._words
        while words and words[0].text in _KEYWORDS:
            words = words[1:]
        self._words = []
        if words:
            yield tuple(words)

    def behind_here_documents(self, text: str, at: int) -> int:
        for tag in self.here:
            found = re.compile(rf"^\t*{re.escape(tag)}[ \t\r]*$", re.MULTILINE).search(text, at)
            at = found.end() if found else len(text)
        self.here = []
        return at

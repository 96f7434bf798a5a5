"""Reads the tags of a Jinja template, and each tag's expression with Python's own parser.

Names get a prefix, a filter or a test becomes a method: `a|f(b) is t` is
`v_a.filter_f(v_b).test_t()`, and `~` is `@`. For the checker of chat templates.
"""

import ast
import re
import warnings
from collections.abc import Iterator

from probatum.errors import Rejected

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>0[box]\w+|\d[\d_]*(\.\d[\d_]*)?(e[-+]?\d[\d_]*)?)"
    r"|(?P<name>[^\W\d]\w*)|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>\*\*|//|[=!<>]=|[-+/*%~\[\](){}<>=.:|,])",
    re.DOTALL | re.IGNORECASE,
)
_WORDS = {"and": "and", "or": "or", "not": "not", "in": "in", "if": "if", "else": "else"}
_VALUES = {"true": "True", "false": "False", "none": "None"}
_VALUES |= {one: one for one in ("True", "False", "None")}
Tokens = list[tuple[str, str]]


def demand(condition: object, says: str) -> None:
    """Raises Rejected with the failed step."""
    if not condition:
        raise Rejected(says)


def tags(text: str) -> Iterator[tuple[str, Tokens]]:
    """Each tag that is no comment and not raw: how it begins, and its tokens."""
    at = 0
    while (found := re.search(r"\{[{%#]", text[at:])) is not None:
        start = at + found.start()
        mark = found[0]
        at = start + 2
        if mark == "{#":
            at += text[at : at + 1] in ("-", "+")
            at = text.index("#}", at) + 2 if at < len(text) else at
            continue
        raw = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}").match(text, start)
        if raw is not None:
            ended = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}").search(text, raw.end())
            if ended is None and raw.end() == len(text):
                return
            demand(ended, "a raw block without an end")
            at = ended.end()  # type: ignore[union-attr]
            continue
        at += text[at : at + 1] in ("-", "+")
        at, tokens = _tag_tokens(text, at, "}}" if mark == "{{" else "%}")
        yield mark, tokens


def _tag_tokens(text: str, at: int, end: str) -> tuple[int, Tokens]:
    tokens: Tokens = []
    depth = 0
    while True:
        if depth == 0:
            for closing in (end, "-" + end, "+" + end):
                if text.startswith(closing, at):
                    demand(tokens and len(tokens) <= 5000, "a tag's length")
                    return at + len(closing), tokens
        found = _TOKEN.match(text, at)
        demand(found, "a character without a meaning")
        at = found.end()  # type: ignore[union-attr]
        kind, said = str(found.lastgroup), found[0]  # type: ignore[union-attr,index]
        depth += (said in "([{" and kind == "sign") - (said in ")]}" and kind == "sign")
        demand(0 <= depth <= 60, "brackets")
        if kind != "space":
            tokens.append((kind, said))


def top(tokens: Tokens, wanted: tuple[str, str]) -> int | None:
    """Where the token first stands outside all brackets."""
    depth = 0
    for at, one in enumerate(tokens):
        if depth == 0 and one == wanted:
            return at
        depth += (one[1] in "([{" and one[0] == "sign") - (one[1] in ")]}" and one[0] == "sign")
    return None


def python(tokens: Tokens) -> ast.expr:
    """The expression, read by Python: `a|f(b) is t` as `v_a.filter_f(v_b).test_t()`."""
    said: list[str] = []
    # For each bracket how many `if` still want an `else`.
    wanting = [0]
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        at += 1
        if text in ("|", "is") and kind in ("sign", "name"):
            negated = text == "is" and tokens[at] == ("name", "not")
            at += negated
            demand(tokens[at][0] == "name", "a filter's name")
            prefix = "filter_" if text == "|" else "test_"
            said.append(f".{prefix}{tokens[at][1]}")
            at += 1
            if at < len(tokens) and tokens[at] == ("sign", "("):
                continue
            if text == "is" and at < len(tokens) and _is_operand(tokens[at]):
                demand(tokens[at][0] in ("text", "number"), "a test's argument")
                said.append(f"({_literal(tokens[at])})")
                at += 1
            else:
                said.append("()")
        elif kind == "name" and text in _WORDS and (not said or said[-1] != "."):
            if text == "if":
                wanting[-1] += 1
            if text == "else":
                wanting[-1] -= 1
            said.append(f" {text} ")
        elif kind == "name":
            is_key = at < len(tokens) and tokens[at] == ("sign", "=")
            plain = text not in _VALUES or said[-1:] == ["."] or is_key
            said.append(f" v_{text}" if plain else f" {_VALUES[text]}")
            if said[-2:-1] == ["."]:
                said[-1] = said[-1].strip()
        elif kind in ("text", "number"):
            if kind == "number" and said[-1:] == ["."]:
                said[-1:] = [f"[{int(text)}]"]
            else:
                said.append(_literal((kind, text)))
        else:
            if text in ")]},:" and wanting[-1] > 0:
                said.append(" else None" * wanting[-1])
                wanting[-1] = 0
            if text in "([{":
                wanting.append(0)
            if text in ")]}":
                wanting.pop()
            said.append("@" if text == "~" else text)
    said.append(" else None" * max(0, wanting[-1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse("(" + "".join(said).strip() + ")", mode="eval").body


def _is_operand(token: tuple[str, str]) -> bool:
    words = ("else", "or", "and", "is", "if", "in", "not")
    return (
        token[0] in ("text", "number")
        or token[1] in "[{"
        or (token[0] == "name" and token[1] not in words)
    )


def _literal(token: tuple[str, str]) -> str:
    if token[0] == "number":
        return f" ({ast.literal_eval(token[1].lower())!r})"
    raw = token[1][1:-1].encode("ascii", "backslashreplace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f" {raw.decode('unicode-escape')!r}"

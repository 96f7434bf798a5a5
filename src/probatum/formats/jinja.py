"""Reads a Jinja2 template, as `apply_chat_template` of transformers renders it, into a tree.

The environment is transformers': `loopcontrols`, the tag `generation`, `trim_blocks` and
`lstrip_blocks` (which change white space only). Line statements and other extensions are off.
What stands between tags is no part of the tree.

Source: jinja2 lexer.py and parser.py (3.1); transformers utils/chat_template_utils.py.
"""

from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.jinja_tokens import PAIRS, Token, broken, number, tokens, unquoted
from probatum.vocabulary import Place, Reason

LARGEST = 1 << 20
_DEEPEST = 60


class Node(Struct, frozen=True):
    """A piece of the tree. `value` is the name, operator or constant; `parts` are its operands.

    Expressions: const, name, list, dict, attr, item, slice, call, keyword, filter, test, op, and
    bare (what a test is given without brackets, unless it is a constant).
    Statements: print, set, set-block, filter-block, for, if, macro, body, jump, other.
    A `for` has (targets, values, body…); a `set` (target, value); a `macro` (parameters, body…).
    """

    kind: str
    at: int
    value: str | int | float | bool | None = None
    parts: tuple["Node", ...] = ()

    def all(self) -> Iterator["Node"]:
        """The node and everything in it."""
        stack = [self]
        while stack:
            one = stack.pop()
            yield one
            stack.extend(reversed(one.parts))


def parsed(text: str) -> Node:
    """The template `text` as one `body`. Raises: FormatError where Jinja2 would not read it."""
    if len(text) > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"a template of more than {LARGEST} characters")
    return _Parser([*tokens(text), Token("eof", "", len(text))]).body(())


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._next, self._depth = tokens, 0, 0

    def body(self, ends: tuple[str, ...]) -> Node:
        start = self._now()
        found: list[Node] = []
        self._deeper(start.at)
        while self._now().kind != "eof":
            begin = self._take()
            if begin.text == "{%" and self._now().text in ends:
                self._depth -= 1
                return Node("body", start.at, None, tuple(found))
            found.append(self._tag(begin))
        if ends:
            raise broken(f"an {' or '.join(ends)} is missing", start.at)
        self._depth -= 1
        return Node("body", start.at, None, tuple(found))

    def _tag(self, begin: Token) -> Node:
        if begin.text == "{{":
            node = Node("print", begin.at, None, (self._tuple(),))
            self._end()
            return node
        word = self._take("name").text
        match word:
            case "set":
                return self._set(begin.at)
            case "for":
                return self._for(begin.at)
            case "if":
                return self._if(begin.at)
            case "macro":
                return self._macro(begin.at)
            case "filter":
                return self._filtered(begin.at)
            case "generation":
                self._end()
                inside = self.body(("endgeneration",))
                self._close()
                return inside
            case "break" | "continue":
                self._end()
                return Node("jump", begin.at, word)
        # Nothing is known of the rest of another tag; the template stays undecided as a whole.
        while self._now().kind not in ("end", "eof"):
            self._take()
        self._end()
        return Node("other", begin.at, word)

    def _set(self, at: int) -> Node:
        target = self._target()
        if self._is("="):
            self._take()
            node = Node("set", at, None, (target, self._tuple()))
            self._end()
            return node
        while self._is("|"):
            target = self._filter(target, self._take().at)
        self._end()
        inside = self.body(("endset",))
        self._close()
        return Node("set-block", at, None, (target, inside))

    def _filtered(self, at: int) -> Node:
        target = Node("name", at, "")
        target = self._filter(target, self._now().at)
        while self._is("|"):
            target = self._filter(target, self._take().at)
        self._end()
        inside = self.body(("endfilter",))
        self._close()
        return Node("filter-block", at, None, (target, inside))

    def _for(self, at: int) -> Node:
        target = self._target()
        if self._take("name").text != "in":
            raise broken("a for without in", at)
        values = [self._tuple(conditional=False)]
        if self._is("if"):
            self._take()
            values.append(self._expression())
        kind = "for"
        if self._is("recursive"):
            self._take()
            kind = "other"
        self._end()
        inside = [self.body(("endfor", "else"))]
        if self._take().text == "else":
            self._end()
            inside.append(self.body(("endfor",)))
            self._take()
        self._end()
        source = Node("list", at, None, tuple(values))
        return Node(kind, at, "for", (target, source, *inside))

    def _if(self, at: int) -> Node:
        parts, word = [], "if"
        while word != "endif":
            if word != "else":
                parts.append(self._tuple(conditional=False))
            self._end()
            parts.append(self.body(("endif",) if word == "else" else ("elif", "else", "endif")))
            word = self._take().text
        self._end()
        return Node("if", at, None, tuple(parts))

    def _macro(self, at: int) -> Node:
        name = self._take("name").text
        self._take("operator", "(")
        parameters: list[Node] = []
        while not self._is(")"):
            one = self._take("name")
            default: tuple[Node, ...] = ()
            if self._is("="):
                self._take()
                default = (self._expression(),)
            parameters.append(Node("keyword", one.at, one.text, default))
            if not self._is(")"):
                self._take("operator", ",")
        self._take()
        self._end()
        inside = self.body(("endmacro",))
        self._take()
        if self._now().kind == "name":
            self._take()
        self._end()
        return Node("macro", at, name, (Node("list", at, None, tuple(parameters)), inside))

    def _target(self) -> Node:
        found = []
        while True:
            bracket = self._is("(")
            if bracket:
                self._take()
                found.append(self._target())
                self._take("operator", ")")
            else:
                found.append(self._named_target())
            if not self._is(","):
                return (
                    found[0] if len(found) == 1 else Node("list", found[0].at, None, tuple(found))
                )
            self._take()

    def _named_target(self) -> Node:
        name = self._take("name")
        node = Node("name", name.at, name.text)
        if self._is("."):
            self._take()
            node = Node("attr", name.at, self._take("name").text, (node,))
        return node

    def _tuple(self, *, conditional: bool = True) -> Node:
        first = self._expression() if conditional else self._binary(0)
        if not self._is(","):
            return first
        found = [first]
        while self._is(","):
            self._take()
            if self._now().kind == "end":
                break
            found.append(self._expression() if conditional else self._binary(0))
        return Node("list", first.at, None, tuple(found))

    def _expression(self) -> Node:
        self._deeper(self._now().at)
        node = self._binary(0)
        while self._is("if"):
            self._take()
            parts = [node, self._binary(0)]
            if self._is("else"):
                self._take()
                parts.append(self._expression())
            node = Node("op", node.at, "if", tuple(parts))
        self._depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        if level == _NOT and self._is("not"):
            at = self._take().at
            self._deeper(at)
            node = Node("op", at, "not", (self._binary(level),))
            self._depth -= 1
            return node
        node = self._binary(level + 1)
        while (operator := self._operator(level)) is not None:
            node = Node("op", node.at, operator, (node, self._binary(level + 1)))
        return node

    def _operator(self, level: int) -> str | None:
        now = self._now()
        if now.kind not in ("operator", "name") or now.text not in _LEVELS[level]:
            return None
        if now.text == "not":
            if self._tokens[self._next + 1].text != "in":
                return None
            self._take()
        return self._take().text

    def _unary(self) -> Node:
        if self._is("-") or self._is("+"):
            token = self._take()
            self._deeper(token.at)
            node = Node("op", token.at, token.text, (self._unary(),))
            self._depth -= 1
            return self._filters(node)
        return self._filters(self._postfix(self._primary()))

    def _primary(self) -> Node:
        token = self._take()
        if token.kind == "name":
            if token.text in _CONSTANTS:
                return Node("const", token.at, _CONSTANTS[token.text])
            return Node("name", token.at, token.text)
        if token.kind == "string":
            said = unquoted(token.text)
            while self._now().kind == "string":
                said += unquoted(self._take().text)
            return Node("const", token.at, said)
        if token.kind == "number":
            return Node("const", token.at, number(token.text))
        if token.text in ("(", "["):
            return self._sequence(token)
        if token.text == "{":
            return self._dict(token.at)
        raise broken(f"an unexpected {token.text!r}", token.at)

    def _sequence(self, token: Token) -> Node:
        found, commas, end = [], 0, PAIRS[token.text]
        while not self._is(end):
            found.append(self._expression())
            if not self._is(end):
                self._take("operator", ",")
                commas += 1
        self._take()
        if token.text == "(" and len(found) == 1 and not commas:
            return found[0]
        return Node("list", token.at, None, tuple(found))

    def _dict(self, at: int) -> Node:
        found: list[Node] = []
        while not self._is("}"):
            found.append(self._expression())
            self._take("operator", ":")
            found.append(self._expression())
            if not self._is("}"):
                self._take("operator", ",")
        self._take()
        return Node("dict", at, None, tuple(found))

    def _postfix(self, node: Node) -> Node:
        while self._now().kind == "operator" and self._now().text in (".", "[", "("):
            token = self._now()
            if token.text == "(":
                node = Node("call", token.at, None, (node, *self._arguments()))
            elif token.text == "[":
                self._take()
                node = Node("item", token.at, None, (node, *self._subscripts()))
            else:
                self._take()
                name = self._take()
                if name.kind not in ("name", "number"):
                    raise broken("a name is missing behind a point", name.at)
                node = Node("attr", token.at, name.text, (node,))
        return node

    def _subscripts(self) -> tuple[Node, ...]:
        found: list[Node] = []
        sliced = False
        at = self._now().at
        colons = 0
        while not self._is("]"):
            if self._is(":") or self._is(","):
                sliced, colons = True, colons + 1
                self._take()
            else:
                found.append(self._expression())
        self._take()
        if not found and not sliced:
            raise broken("an empty subscript", at)
        return (Node("slice", at, colons, tuple(found)),) if sliced else tuple(found[:1])

    def _arguments(self) -> tuple[Node, ...]:
        self._take("operator", "(")
        found: list[Node] = []
        while not self._is(")"):
            token = self._now()
            if token.text in ("*", "**"):
                raise FormatError(
                    Reason.UNSUPPORTED, "arguments spread with a star", Place(offset=token.at)
                )
            if token.kind == "name" and self._tokens[self._next + 1].text == "=":
                self._next += 2
                found.append(Node("keyword", token.at, token.text, (self._expression(),)))
            else:
                found.append(self._expression())
            if not self._is(")"):
                self._take("operator", ",")
        self._take()
        return tuple(found)

    def _filters(self, node: Node) -> Node:
        while True:
            if self._is("|"):
                node = self._filter(node, self._take().at)
            elif self._is("is"):
                node = self._test(node)
            elif self._is("("):
                node = Node("call", self._now().at, None, (node, *self._arguments()))
            else:
                return node

    def _filter(self, node: Node, at: int) -> Node:
        name = self._dotted()
        arguments = self._arguments() if self._is("(") else ()
        return Node("filter", at, name, (node, *arguments))

    def _test(self, node: Node) -> Node:
        at, negated = self._take().at, self._is("not")
        if negated:
            self._take()
        name, now = self._dotted(), self._now()
        arguments: tuple[Node, ...] = ()
        if self._is("("):
            arguments = self._arguments()
        elif now.kind in ("string", "number") or now.text in ("[", "{") or _is_operand(now):
            argument = self._postfix(self._primary())
            plain = argument.kind == "const" and now.kind in ("string", "number")
            arguments = (argument,) if plain else (Node("bare", now.at, None, (argument,)),)
        node = Node("test", at, name, (node, *arguments))
        return Node("op", at, "not", (node,)) if negated else node

    def _dotted(self) -> str:
        name = self._take("name").text
        while self._is("."):
            self._take()
            name += "." + self._take("name").text
        return name

    def _now(self) -> Token:
        return self._tokens[self._next]

    def _is(self, text: str) -> bool:
        now = self._now()
        return now.text == text and now.kind in ("operator", "name")

    def _take(self, kind: str = "", text: str = "") -> Token:
        token = self._now()
        if token.kind == "eof" or (kind and token.kind != kind) or (text and token.text != text):
            raise broken(f"{text or kind or 'more'} is missing", token.at)
        self._next += 1
        return token

    def _end(self) -> None:
        self._take("end")

    def _close(self) -> None:
        self._take("name")
        self._end()

    def _deeper(self, at: int) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FormatError(Reason.OVER_LIMIT, "it is nested too deeply", Place(offset=at))


def _is_operand(token: Token) -> bool:
    words = ("else", "or", "and", "is", "if", "in", "not")
    return token.kind == "name" and token.text not in words


_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"or"}),
    frozenset({"and"}),
    frozenset(),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not"}),
    frozenset({"+", "-"}),
    frozenset({"~"}),
    frozenset({"*", "/", "//", "%"}),
    frozenset({"**"}),
)
_NOT = 2
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False} | {
    "none": None,
    "None": None,
}

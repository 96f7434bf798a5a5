"""Chat templates against Jinja2 itself: it reads the same, and what is proven ends and is inert."""

import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

from certificate_laws import check, verdict_on
from probatum.analyzers.model.template_inert import template_inert
from probatum.errors import FormatError
from probatum.formats.jinja import Node, parsed
from probatum.vocabulary import Proven, Reason

KIND = "chat-template"
STEPS = 3_000_000


class _Generation(Extension):
    """The tag that transformers adds."""

    tags = {"generation"}  # noqa: RUF012  (Jinja2 declares it so)

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class _Watched(ImmutableSandboxedEnvironment):
    """The sandbox of transformers, that keeps what was asked of it and refused."""

    refused: tuple[str, ...] = ()

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        fine = super().is_safe_attribute(obj, attr, value)
        if not fine:
            self.refused = (*self.refused, attr)
        return fine


def _environment() -> _Watched:
    made = _Watched(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    made.globals |= {"raise_exception": _raised, "strftime_now": lambda _: "2026"}
    return made


def _raised(says: str) -> None:
    raise TemplateError(says)


ENVIRONMENT = _environment()
MESSAGES = [
    {"role": "user", "content": "a<b 'c'", "x": {"a": [1, {"a": "z"}], "b": None}},
    {"role": "tool", "content": [{"type": "text", "text": "\\ % {}"}], "x": {"type": ["p", "q"]}},
] * 2


def _rendered(text: str) -> tuple[int, tuple[str, ...]]:
    """How long the rendered text is and what was refused. Fails where it takes too many steps."""
    environment = _environment()
    with warnings.catch_warnings():
        # Python has its doubts about `1[0]` in what Jinja2 compiles.
        warnings.simplefilter("ignore")
        try:
            template = environment.from_string(text)
        except TemplateError:
            return 0, ()
    left = STEPS

    def step(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise AssertionError(f"more than {STEPS} steps: {text}")
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        said = template.render(messages=MESSAGES, x=MESSAGES[0]["x"], y="y", tools=MESSAGES)
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError):
        said = ""
    except (RecursionError, ZeroDivisionError):
        said = ""
    finally:
        sys.settrace(before)
    return len(said), environment.refused


def _closed(parts: tuple[str, str]) -> str:
    opening, inside = parts
    return opening + inside + {"[": "]", "(": ")", "{": "}", "f": ")", "r": ")"}[opening[0]]


FILTERS = ["|length", "|trim", "|string", "|tojson", "|list", "|join(',')", "|replace('b', 'bb')"]
FILTERS += [
    "|first",
    "|items",
    "|safe",
    "|e",
    "|upper",
    ".a",
    ".x",
    ".items()",
    ".split('b')",
    "[0]",
]
FILTERS += [
    "|reverse",
    "|default('bb')",
    " is string",
    "[1:]",
    ".strip()",
    "|dictsort",
    "|batch(2)",
]
EXPRESSIONS = st.recursive(
    st.sampled_from(
        [
            "x",
            "y",
            "m",
            "a",
            "b",
            "t",
            "n.l",
            "n.c",
            "n.m",
            "loop.index",
            "loop.length",
            "'b'",
            "'%'",
            "'<'",
            "1",
            "3",
            "none",
            "[]",
            "{}",
            "messages",
            "x.a",
            "m.content",
            "m['x']",
        ]
    ),
    lambda e: (
        st.tuples(e, st.sampled_from([" ~ ", " + ", " * ", " == ", " and ", " - ", " % "]), e).map(
            "".join
        )
        | st.tuples(e, st.sampled_from(FILTERS)).map("".join)
        | st.tuples(st.sampled_from(["[", "(", "{'type': ", "f(", "range("]), e).map(_closed)
        | st.tuples(e, e).map(lambda two: f"[{two[0]}, {two[1]}]")
        | st.tuples(e, e).map(lambda two: f"{two[0]} if y else {two[1]}")
        | st.tuples(e, e).map(lambda two: f"{two[0]}[{two[1]}]")
    ),
    max_leaves=4,
)
TEXT = "{% set n = namespace(l='l', m='mm', c=1) %}{% macro f(t, d=0) %}BODY{% endmacro %}REST"


def _blocks(depth: int) -> st.SearchStrategy[str]:
    inner = st.just("")
    if depth:
        inner = st.lists(st.deferred(lambda: _blocks(depth - 1)), max_size=3).map("".join)
    line = st.tuples(st.sampled_from(["a", "b", "n.l", "n.m", "n.c"]), EXPRESSIONS)
    return (
        EXPRESSIONS.map(lambda e: f"{{{{ {e} }}}}")
        | line.map(lambda two: f"{{% set {two[0]} = {two[1]} %}}")
        | st.tuples(st.sampled_from(["m", "a", "i, j"]), EXPRESSIONS, inner).map(
            lambda t: f"{{% for {t[0]} in {t[1]} %}}{t[2]}{{% endfor %}}"
        )
        | st.tuples(EXPRESSIONS, inner, inner).map(
            lambda t: f"{{% if {t[0]} %}}{t[1]}{{% else %}}{t[2]}{{% endif %}}"
        )
        | st.tuples(st.sampled_from(["a", "n.l"]), inner).map(
            lambda t: f"{{% set {t[0]} %}}{t[1]}{{% endset %}}"
        )
        | inner.map(lambda t: f"{{% filter trim %}}{t}{{% endfilter %}}")
    )


BODIES = st.lists(_blocks(2), max_size=3).map("".join)


@settings(deadline=None)
@given(BODIES, BODIES)
@example("", "{% for m in messages %}{% for c in n.l %}{% set n.m = n.m ~ 'x' %}{% endfor %}"
         "{% set n.l = n.m %}{% endfor %}" * 4)  # fmt: skip
@example("{{ f(t.a) }}{{ f(t.b) }}", "{{ f(x) }}")
@example("{% for c in t %}{{ f(c) }}{% endfor %}", "{{ f(x) }}")
@example("{% for c in t.type %}{{ f({'type': c}) }}{% endfor %}", "{{ f(messages[1].x) }}")
def test_what_is_proven_ends_and_is_refused_nothing(body: str, rest: str) -> None:
    text = TEXT.replace("BODY", body).replace("REST", rest)
    verdict = verdict_on(template_inert, text.encode(), KIND)
    if isinstance(verdict, Proven):
        check(verdict.certificate, text.encode())
        length, refused = _rendered(text)
        assert not refused
        assert length < 10**7


SCOPES = (
    "{% for i in [1, 2] %}{{ a }}{% set a = 'x' %}{% endfor %}{{ a }}",
    "{% if 1 %}{% set a = 'x' %}{% endif %}{{ a }}",
    "{% macro g() %}{{ a }}{% endmacro %}{% set a = 'x' %}{{ g() }}",
    "{% for i in [1, 2] %}{% if i == 1 %}{% set a = 'x' %}{% endif %}{{ a }}{% endfor %}",
)


def test_a_loop_forgets_what_a_round_has_set_and_a_macro_looks_late() -> None:
    said = [_environment().from_string(one).render() for one in SCOPES]
    assert said == ["", "x", "x", "x"]


TOKENS = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{{-", "-}}", "{%-", "-%}", "{%+", "+%}", "{#", "#}", "{#-", "-#}",
     " set ", " for ", " in ", " if ", " else ", " endif ", " endfor ", " endset ", " raw ",
     " endraw ", " macro ", " endmacro ", " is ", " not ", " and ", " or ", " filter ",
     " endfilter ", " generation ", " endgeneration ", " break ", " continue ", " elif ",
     "a", "b", "é", "中", "x1", "_y", "true", "none", "'s'", '"d"', "'\\''", "'}}'", "'%}'", "1",
     "1.5", "1e3", "0x1f", "1_0", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "~", "+", "-",
     "*", "/", "//", "%", "**", "==", "!=", "<", "=", " ", "\n", "# for", "trim", "defined", "{",
     "loop", "&", "\\", "$", "²", "1a", "..", "a.b", "a[1]", "a|b", "f(x)", "f(a=1)"]
)  # fmt: skip
WHOLE = (
    "{% for m in messages if m.a -%} {{- m['é'] ~ 'a' 'b' }} {%+ else +%} x {% endfor %}",
    "{% if a is not defined and not b in c or d is divisibleby 3 %}{% elif x %}{% endif %}",
    "{% set a, b = 1, (2, 3) %}{% set n.x = -a ** 2 %}{% set t | upper | trim %}x{% endset %}",
    "{% raw -%} {{ a }} {%- endraw %}{# {{ #}{%- macro m(a, b=1) -%}{{ a }}{%- endmacro m %}",
    "{% filter upper | trim %}{{ a[1:2] }}{{ a[::-1] }}{{ a.0 }}{% endfilter %}",
    "{{ a if b else c if d }}{{ (1,) }}{{ [1, 2,] }}{{ {'a': 1,} }}{{ a.b.c(1, d=2)|e('x') }}",
    "{% for a, b in c.items() %}{{ loop(a) }}{% break %}{% endfor %}",
    "{{ not a == b }}{{ a < b < c }}{{ a + b * c - d // e % f }}{{ x is none }}{{ 'a\\n\"' }}",
)


@given(st.lists(TOKENS, max_size=12).map("".join))
@example("{{ a.1 }}")
def test_what_jinja2_reads_is_read_the_same_from_tokens(text: str) -> None:
    _assert_read_the_same(text)


@given(st.sampled_from(WHOLE), st.integers(0, 200), st.integers(0, 8), TOKENS)
def test_what_jinja2_reads_is_read_the_same_from_changed_templates(
    text: str, at: int, cut: int, put: str
) -> None:
    _assert_read_the_same(text[:at] + put + text[at + cut :])


@pytest.mark.parametrize("text", WHOLE)
def test_whole_templates_are_read_as_jinja2_reads_them(text: str) -> None:
    assert _ours(text) is not None
    _assert_read_the_same(text)


def _assert_read_the_same(text: str) -> None:
    """What Jinja2 reads is read with the same parts or not at all, and nothing else is read."""
    ours = _ours(text)
    try:
        theirs = Counter(_of_jinja2(ENVIRONMENT.parse(text)))
    except TemplateError:
        theirs = None
    if ours is not None and theirs is not None:
        assert ours == theirs
    if theirs is not None and ours is None:
        assert _is_left_out(text)


def _is_left_out(text: str) -> bool:
    """Whether the reader says that it does not read this."""
    try:
        parsed(text)
    except FormatError as exc:
        return exc.reason is not Reason.MALFORMED
    return True


def _ours(text: str) -> Counter[str] | None:
    try:
        tree = parsed(text)
    except FormatError:
        return None
    return None if any(one.kind == "other" for one in tree.all()) else Counter(_outline(tree))


def _outline(node: Node) -> Iterator[str]:
    """What a tree names, calls, joins and goes through."""
    match node.kind:
        case "attr" if str(node.value).isdigit():
            yield from ("item", f"const {node.value}")
        case "const":
            yield f"const {node.value!r}"
        case "name" if not node.value:
            pass
        case "keyword":
            yield f"keyword {node.value}"
        case "name" | "attr" | "filter" | "test" | "macro" | "op" | "jump":
            yield f"{node.kind} {node.value}"
        case "for" | "call" | "item" | "dict" | "slice" | "set" | "set-block" | "filter-block":
            yield node.kind
        case "if":
            yield from ["if"] * (len(node.parts) // 2)
    for one in node.parts:
        yield from _outline(one)


SAME = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "notin": "in"}


def _of_jinja2(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Name():
            yield f"keyword {node.name}" if node.ctx == "param" else f"name {node.name}"
        case nodes.NSRef():
            yield from (f"name {node.name}", f"attr {node.attr}")
        case nodes.Getattr():
            yield f"attr {node.attr}"
        case nodes.Const():
            yield f"const {node.value!r}"
        case nodes.Filter() | nodes.Test():
            yield f"{type(node).__name__.lower()} {node.name}"
        case nodes.Macro():
            yield f"macro {node.name}"
        case nodes.Keyword():
            yield f"keyword {node.key}"
        case nodes.Operand():
            yield f"op {SAME.get(node.op, node.op)}"
        case nodes.Concat():
            yield from ["op ~"] * (len(node.nodes) - 1)
        case nodes.BinExpr() | nodes.UnaryExpr():
            yield f"op {node.operator}"
        case nodes.CondExpr():
            yield "op if"
        case nodes.Break() | nodes.Continue():
            yield f"jump {type(node).__name__.lower()}"
        case nodes.If() | nodes.For() | nodes.Call() | nodes.Dict() | nodes.Slice():
            yield type(node).__name__.lower()
        case nodes.Getitem():
            yield "item"
        case nodes.Assign():
            yield "set"
        case nodes.AssignBlock() | nodes.FilterBlock():
            yield "set-block" if isinstance(node, nodes.AssignBlock) else "filter-block"
    for one in node.iter_child_nodes():
        yield from _of_jinja2(one)

"""Chat templates: real shapes are proven, hostile ones never, and the checker agrees."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.template_inert import template_inert
from probatum.errors import FormatError, Rejected
from probatum.formats.jinja import parsed
from probatum.vocabulary import Certificate, Proven, Refuted

KIND = "chat-template"
SHAPES = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] }}{% endfor %}",
    "{{ bos_token }}{% for m in messages if m.role != 'system' %}{{ m.content|trim }}{% endfor %}",
    "{% set ns = namespace(is_first=true) %}{% for m in messages %}{% if ns.is_first %}"
    "{% set ns.is_first = false %}{% endif %}{{ m.content }}{% endfor %}",
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% else %}"
    "{% set loop_messages = messages %}{% endif %}{% for m in loop_messages %}{{ m }}{% endfor %}",
    "{% if strftime_now is defined %}{% set d = strftime_now('%d %b %Y') %}{% endif %}{{ d }}",
    "{% for m in messages %}{% if loop.index0 % 2 == 1 %}{{ m.content }}{% endif %}{% endfor %}",
    "{% for name, p in tool.parameters.properties.items() %}{{ name }}: {{ p.type }}{% endfor %}",
    "{% set kinds = {'string': 'str'} %}{{ kinds[tool.type] if tool.type in kinds else 'Any' }}",
    "{% for m in messages[::-1] %}{% set i = (messages|length - 1) - loop.index0 %}"
    "{{ messages[i].role }}{% endfor %}",
    "{{ tools|selectattr('type', 'equalto', 'function')|map(attribute='name')|join(', ') }}",
    "{% raw %}{{ x.__class__ }}{% endraw %}{# x.__class__ #}",
    "{% macro m(t, d='') %}{% if t.items %}[{{ m(t['items'], d + '  ') }}]{% elif t.properties %}"
    "{% for k, v in t.properties.items() %}{{ d ~ k }}: {{ m(v, d + '  ') }}{% endfor %}"
    "{% else %}{{ t.type }}{% endif %}{% endmacro %}{% for t in tools %}{{ m(t) }}{% endfor %}",
    "{% macro a(t) %}{% for v in t.oneOf %}{{ b(v) }}{% endfor %}{% endmacro %}"
    "{% macro b(t) %}{{ a(t) }}{% endmacro %}{{ a(x) }}",
    "{% macro m(t) %}{% for c in t.type %}{{ m({'type': c}) }}{% endfor %}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{% if t.type == 'a' %}{{ m(t.of) }}{% endif %}{% if t.type == 'o' %}"
    "{{ m(t.of.all) }}{% endif %}{% endmacro %}{{ m(x) }}",
    "{% filter trim | upper %} {{ x }} {% endfilter %}{{ '<{}>'.format(x) }}",
    "{% set n = namespace(l=[]) %}{% for m in x %}{% set n.l = n.l + [m.a] %}{% endfor %}{{ n.l }}",
    "{% set n = namespace(d=0) %}{% for m in x %}{% set n.d = n.d + 1 %}{{ '  ' * n.d }}"
    "{% endfor %}",
    "{% for m in x %}{% if m.a %}{% continue %}{% endif %}{% break %}{% endfor %}",
    "{% macro m(a, b='x') -%}{{ a ~ b }}{%- endmacro %}{{ m('y') }}{{ m(messages[0].content) }}",
)
HOSTILE = (
    "{{ x['_' ~ '_class_' ~ '_'] }}",
    "{% set a = namespace(k='_' ~ '_x_' ~ '_') %}{{ x[a.k] }}",
    "{% set a %}_{% endset %}{% set b = a ~ a %}{{ x[b] }}",
    "{% macro u() %}_{% endmacro %}{{ x[u() ~ u()] }}",
    "{% for k in ['_' ~ '_x'] %}{{ x[k] }}{% endfor %}",
    "{% for k in ['_' ~ '_x', 1] %}{{ x[loop.previtem] }}{% endfor %}",
    "{{ x|map(attribute='_' ~ '_class_' ~ '_')|list }}",
    "{{ x|attr(y) }}",
    "{{ '{0.a}'.format(x) }}",
    "{{ {'strip': '{0.a}'.format}.strip(x) }}",
    "{{ {'strip': range}.strip(99999) }}",
    "{% set range = x.y %}{{ range(1) }}",
    "{{ x.y.z() }}",
    "{{ x[y]() }}",
    "{{ (x|first)() }}",
    "{{ self }}",
    "{{ lipsum(n=9999) }}",
    "{% include x %}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{% for a in x recursive %}{{ loop(x) }}{% endfor %}",
    "{{ 'a' * x }}",
    "{{ 'a' * 1000 * 1000 * 1000 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ 9 ** 99999 }}",
    "{% for i in range(999999999) %}{% endfor %}",
    "{% set n = namespace(l='') %}{% for i in x %}{% set n.l = (n.l|list) ~ '' %}{% endfor %}",
    "{% set n = namespace(l='') %}{% for i in x %}{% set n.l = n.l.join(x) %}{% endfor %}",
    "{% set n = namespace(l='') %}{% for i in x %}"
    "{% set n.l = n.l|replace('a', 'aa') %}{% endfor %}",
    "{% set n = namespace(l='') %}{% for i in x %}"
    "{% set t = n.l ~ n.l %}{% set n.l = t %}{% endfor %}",
    "{% macro m(n) %}{% set n.l = n.l ~ n.l %}{% endmacro %}"
    "{% set n = namespace(l='x') %}{% for i in x %}{{ m(n) }}{% endfor %}",
    "{% macro m() %}{{ n.l }}{{ n.l }}{% endmacro %}"
    "{% set n = namespace(l='x') %}{% for i in x %}{% set n.l = m() %}{% endfor %}",
    "{% macro m(n) %}{{ n.l }}{{ n.l }}{% endmacro %}"
    "{% set n = namespace(l='x') %}{% for i in x %}{% set n.l = m(n) %}{% endfor %}",
    "{% macro m(n, p) %}{% set n.l = p ~ p %}{% endmacro %}"
    "{% set n = namespace(l='x') %}{% for i in x %}{{ m(n, n.l) }}{% endfor %}",
    "{% set n = namespace(l='x', m='') %}{% for i in x %}{% for c in [n.l, n.l] %}"
    "{% set n.m = n.m ~ c %}{% endfor %}{% set n.l = n.m %}{% endfor %}",
    "{% set n = namespace(l='x') %}{% for i in x %}"
    "{% set n.l %}{{ n.l }}{{ n.l }}{% endset %}{% endfor %}",
    "{% set n = namespace(l='x', m='x') %}{% for i in x %}{% for c in n.l %}"
    "{% set n.m = n.m ~ 'x' %}{% endfor %}{% set n.l = n.m %}{% endfor %}",
    "{% set n = namespace(c=1) %}{% for i in x %}{% for c in range(n.c) %}"
    "{% set n.c = n.c + 1 %}{% endfor %}{% endfor %}",
    "{% set n = namespace(l=x) %}{% for i in x %}{% set n.l = [n.l]|string %}{% endfor %}",
    "{% set n = namespace(l=x) %}{% for i in x %}{% set n.l = (y|safe) + n.l %}"
    "{% set n.l = n.l|e %}{% endfor %}",
    "{% set n = namespace() %}{% set n.a = n %}{{ [n]|first }}",
    "{% macro m(t) %}{{ m(t.a) }}{{ m(t.a) }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{{ m(t.a) }}{{ m(t.a.b) }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{{ m(t.a) }}{{ m(t[k]) }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{{ m(t[0]) }}{{ m(t[-1]) }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{{ m(t.real) }}{{ m(t.numerator) }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{{ m(t.get('a', t)) }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{{ m(t.a|default([t])) }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{{ m({'a': t}) }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{{ m({'a': t.a}) }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{% for i in y %}{{ m(t.a) }}{% endfor %}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{% set s = m(t.a) %}{{ s }}{{ s }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t) %}{{ m(t.a)|replace('a', 'aa') }}{% endmacro %}{{ m(x) }}",
    "{% macro m(t, d) %}{{ m(t.a, d ~ d) }}{{ d }}{% endmacro %}{{ m(x, 'd') }}",
    "{% macro m(t) %}{{ m(t.a) }}{% endmacro %}{% set n = namespace() %}{{ m(n) }}",
    "{% macro m(t) %}{% for v in [t.a, t.a] %}{{ m(v) }}{% endfor %}{% endmacro %}{{ m(x) }}",
    "{% macro a(t) %}{{ b(t) }}{% endmacro %}{% macro b(t) %}{{ a(t) }}{% endmacro %}{{ a(x) }}",
    "{% set loop = x %}{% for i in range(loop.length) %}{% endfor %}",
    "{% set _ = x.append(1) %}",
    "{{ x._y }}",
    "{{ strftime_now('%999999999d') }}",
    "{{ x is something }}",
    "{{ x|something }}",
)  # fmt: skip
PIECES = st.sampled_from(
    ["{{ ", " }}", "{% set a = ", " %}", "{% for a in ", "{% endfor %}", "{% if ", "{% endif %}",
     "x", "a", "'_'", "'b'", "1", " ~ ", " + ", "[", "]", "(", ")", ".a", "|trim", "|join", " is ",
     "defined", " not ", " if ", " else ", " and ", "|length", ", ", ":", "{", "}", "loop.index",
     "{% set a %}", "{% endset %}", "namespace(a=x)", "{% set a.a = ", "{% macro m(a) %}",
     "{% endmacro %}", "m(a)", " in ", "-", " * 2", " == "]
)  # fmt: skip


@pytest.mark.parametrize("text", SHAPES)
def test_the_shapes_of_real_templates_are_proven(text: str) -> None:
    certificate_of(template_inert, text.encode(), KIND)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_template_is_proven_by_nobody(text: str) -> None:
    data = text.encode()
    assert not isinstance(verdict_on(template_inert, data, KIND), Proven)
    honest = certificate_of(template_inert, b"x", KIND)
    facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert_rejected(Certificate(honest.checker, facts), data, text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ x.__init__ }}",
        "{{ x['__cl' 'ass__'] }}",
        "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}",
        "{{ x|attr('__CLASS__'|lower) }}",
        "{{ x|attr('{}{}'.format('__cla', 'ss__')) }}",
        "{{ x['__clXss__'|replace('X', 'a')] }}",
        "{{ x|selectattr('a.__class__')|list }}",
        "{{ x[['__', 'class', '__']|join('')] }}",
        "{{ x[''.join(['__', 'class__'])] }}",
    ],
)
def test_a_spelt_attribute_is_refuted(text: str) -> None:
    verdict = verdict_on(template_inert, text.encode(), KIND)
    assert isinstance(verdict, Refuted)


def test_every_mutant_of_a_proof_is_rejected() -> None:
    data = b"{% for m in x %}{{ m.a|trim }}{% endfor %}"
    certificate = certificate_of(template_inert, data, KIND)
    assert_every_mutant_is_rejected(certificate, data, range(len(data)))


@given(st.lists(PIECES, max_size=14).map("".join) | st.text("{}%#-'\"a.|[](), \n", max_size=30))
@example("{{ a if b }}")
def test_what_is_proven_also_checks(text: str) -> None:
    data = text.encode()
    with suppress(FormatError):
        parsed(text)
    verdict = verdict_on(template_inert, data, KIND)
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_the_checker_raises_nothing_but_rejections(text: str) -> None:
    data = text.encode()
    facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    try:
        check(Certificate("template", facts), data)
    except Rejected:
        return

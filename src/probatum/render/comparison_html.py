"""A comparison as one HTML page that needs nothing else: no request and no script.

What it says comes from two models, either of which may be hostile: all of it is escaped, what is
not drawn is written out, and the page's content security policy allows its own style alone.
"""

from collections.abc import Iterator

from probatum import __version__
from probatum.audit.comparing import Comparison
from probatum.comparison.differences import Aspect
from probatum.render.comparison import Row, headline, identities, rows, state, stored, summary
from probatum.render.html import HEAD, packaged, policy_hash
from probatum.render.html_text import code, shown

_MOST_ROWS = 500
_MOST_LEFT_OUT = 20
_CLASSES = {"+": "came", "-": "went", "@": "where"}


def render(comparison: Comparison, *, asked: tuple[str, ...] = ()) -> str:
    """The whole page."""
    return "".join(_parts(comparison, asked))


def _parts(comparison: Comparison, asked: tuple[str, ...]) -> Iterator[str]:
    style = packaged("report.css") + packaged("comparison.css")
    first, second = comparison.first.source, comparison.second.source
    yield HEAD.format(
        policy=f"default-src 'none'; style-src {policy_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        title=shown(f"Probatum: {second} compared with {first}", 200),
        style=style,
        many="few",
    )
    yield f'<header><p class="brand">Probatum <span>{shown(__version__)}</span></p>'
    yield f"<h1>{code(second, 300)} compared with {code(first, 300)}</h1>"
    yield f"<p>{shown(summary(comparison))}.</p>"
    if comparison.trouble:
        said = shown(f"How much changed is not told: {comparison.trouble}")
        yield f'<p class="lacking" role="alert">{said}</p>'
    yield from _models(comparison)
    yield '<ul class="aspects">'
    for aspect in comparison.aspects:
        yield f'<li><a href="#{aspect.name}"><b>{aspect.name}</b>{_chip(aspect)}'
        yield f"<small>{shown(_headline(aspect, asked))}</small></a></li>"
    yield "</ul></header>"
    yield from _theme()
    yield "<main>"
    for aspect in comparison.aspects:
        if found := list(rows(comparison, aspect)):
            yield from _section(aspect, found)
    yield "</main>"
    yield from _footer(comparison)


def _models(comparison: Comparison) -> Iterator[str]:
    yield '<dl class="models">'
    told = zip(("Base", "Compared"), identities(comparison), strict=True)
    for word, (source, identity, purl) in told:
        yield f"<dt>{word}</dt><dd>{code(purl or source, 300)}"
        yield f'<span class="digest">{shown(identity)}</span></dd>'
    yield "</dl>"


def _chip(aspect: Aspect) -> str:
    word = state(aspect)
    return f'<span class="v {word}">{word}</span>'


def _headline(aspect: Aspect, asked: tuple[str, ...]) -> str:
    ask = "" if not asked or aspect.name in asked else " (not asked for)"
    return headline(aspect) + ask


def _theme() -> Iterator[str]:
    yield '<nav class="filters" aria-label="Colours"><fieldset class="theme">'
    yield "<legend>Colours</legend>"
    for theme in ("auto", "light", "dark"):
        checked = " checked" if theme == "auto" else ""
        yield f'<label><input type="radio" name="theme" id="theme-{theme}"{checked}>'
        yield f"<span>{theme}</span></label>"
    yield "</fieldset></nav>"


def _section(aspect: Aspect, found: list[Row]) -> Iterator[str]:
    yield f'<section class="aspect" id="{aspect.name}"><h2>{aspect.name} {_chip(aspect)}'
    yield f'<small>{shown(headline(aspect))}</small></h2><ul class="rows">'
    for row in found[:_MOST_ROWS]:
        yield f'<li data-sign="{shown(row.sign)}"><span class="name">{shown(row.name, 300)}</span>'
        if row.says:
            yield f"<p>{shown(row.says)}</p>"
        for said in row.hidden:
            yield f'<p class="unseen">{shown(said)}</p>'
        if row.lines:
            lines = (_line(line) for line in row.lines)
            yield f'<pre class="change">{"".join(lines)}</pre>'
        yield "</li>"
    yield "</ul>"
    if more := len(found[_MOST_ROWS:]):
        yield f"<p>{more:,} more are in the JSON report.</p>"
    yield "</section>"


def _line(line: str) -> str:
    name = _CLASSES.get(line[:1], "")
    return f'<span class="{name}">{shown(line)}</span>' if name else f"<span>{shown(line)}</span>"


def _footer(comparison: Comparison) -> Iterator[str]:
    yield "<footer>"
    for record in (comparison.first, comparison.second):
        for name in record.left_out[:_MOST_LEFT_OUT]:
            yield f"<p>Left out of {code(record.source, 300)}: {shown(name)}</p>"
    if where := stored(comparison):
        yield f"<p>{shown(where[0].upper() + where[1:])}.</p>"
    yield "<p>Tensors are the same where data type, shape and elements are, whatever file, format, "
    yield "shard and order they are stored in. That a model is the same as another says nothing of "
    yield "what loading it runs: <code>probatum audit</code> does.</p></footer></body></html>\n"

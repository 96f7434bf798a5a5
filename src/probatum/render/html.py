"""The report as one HTML page that needs nothing else: no request, no script to be readable.

What a report says comes from audited files, so all of it is escaped (`html_text`), and the page
forbids itself everything by its content security policy but its own style and script, which it
names by their hashes. Filters by verdict and claim and the choice of light or dark are CSS alone;
the script (`report.js`) adds the search by name, and opens and closes the tree.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from itertools import islice

from probatum import __version__
from probatum.policy import Decision
from probatum.render.evidence import (
    ORDER,
    headline,
    incompleteness,
    judgement,
    plural,
    summary,
    worst_first,
)
from probatum.render.html_evidence import finding, recheck_command
from probatum.render.html_text import code, shown
from probatum.render.html_tree import Node, joined, tally, tree
from probatum.tallies import counts, unanswered, verdict_word
from probatum.vocabulary import Artifact, Finding, Refuted, Report
from probatum.wire import sentences

# Up to so many findings the tree is open from the start; in a larger one, what leads to something
# refuted is, for the first of these.
_OPEN_WHOLE = 60
_OPEN_REFUTED = 40
_LISTED = 12
_MANY = 500

# Characters of evidence after which certificates and surroundings stay in the JSON report, so
# that a browser still opens the page of a very large audit.
_ROOM = 2_000_000
_SHOWN_PLANS = 100

_MEANINGS = {
    "refuted": "broken, at a place in the bytes where anyone can see it",
    "undecided": "neither shown nor broken; the one missing fact is named",
    "proven": "holds; a certificate lets anyone re-derive it from the bytes",
}


def render(report: Report, *, decision: Decision | None = None) -> str:
    """The whole page. With a `decision` it begins with what breaks the policy."""
    return "".join(_Page(report, decision).parts())


class _Page:
    def __init__(self, report: Report, decision: Decision | None) -> None:
        self._report = report
        self._decision = decision
        self._says = sentences(report)
        self._claims = {
            claim: number
            for number, claim in enumerate(sorted({one.claim for one in report.findings}))
        }
        self._recheck = recheck_command(report)
        self._counts = counts(report)
        self._left_open = _OPEN_REFUTED
        self._room = _ROOM

    def parts(self) -> Iterator[str]:
        style = packaged("report.css") + self._filter_rules()
        script = packaged("report.js")
        yield HEAD.format(
            policy=f"default-src 'none'; style-src {policy_hash(style)}; "
            f"script-src {policy_hash(script)}; img-src data:; base-uri 'none'; form-action 'none'",
            title=shown(f"Probatum: {', '.join(self._report.targets)}", 200),
            style=style,
            many="many" if len(self._report.findings) > _MANY else "few",
        )
        yield from self._header()
        yield from self._filters()
        yield "<main>"
        yield from self._worst()
        yield '<section aria-labelledby="artifacts"><h2 id="artifacts">Artifacts</h2>'
        yield '<p class="none">No finding is of this verdict and claim.</p><div class="tree">'
        for node in tree(self._report.findings).children.values():
            yield from self._node(joined(node))
        yield "</div></section></main>"
        yield from self._footer()
        yield f"<script>{script}</script></body></html>\n"

    # The head of the page: what was audited, and how much of it is which.

    def _header(self) -> Iterator[str]:
        report = self._report
        artifacts = len({one.artifact.name for one in report.findings})
        targets = ", ".join(code(target, 300) for target in report.targets) or "nothing"
        yield f'<header><p class="brand">Probatum <span>{shown(__version__)}</span></p>'
        yield f"<h1>Audit of {targets}</h1>"
        judged = plural(len(report.findings), "claim")
        yield f"<p>{judged} about {plural(artifacts, 'artifact')}.</p>"
        if lacking := incompleteness(report):
            yield f'<p class="lacking" role="alert">{shown(lacking)}</p>'
        for said in judgement(self._decision, report):
            yield f'<p class="policy">{shown(said)}</p>'
        yield from self._bar()
        yield '<fieldset class="verdicts"><legend>Show</legend>'
        yield _tile("all", len(report.findings), "every claim that was judged", True)
        for word in ORDER:
            yield _tile(word, self._counts[word], _MEANINGS[word])
        yield "</fieldset></header>"

    def _bar(self) -> Iterator[str]:
        total = sum(self._counts.values())
        if not total:
            return
        said = ", ".join(f"{self._counts[word]} {word}" for word in ORDER)
        yield f'<svg class="bar" role="img" aria-label="{said}" viewBox="0 0 {total} 1" '
        yield 'preserveAspectRatio="none">'
        at = 0
        for word in ORDER:
            yield f'<rect class="{word}" x="{at}" y="0" width="{self._counts[word]}" height="1"/>'
            at += self._counts[word]
        yield "</svg>"

    def _filters(self) -> Iterator[str]:
        yield '<nav class="filters" aria-label="Filters"><label>Claim <select id="claim">'
        yield '<option value="">all claims</option>'
        for claim, number in self._claims.items():
            yield f'<option value="c{number}">{shown(claim)}</option>'
        yield '</select></label><label class="scripted">Name <input id="search" type="search" '
        yield 'placeholder="part of a name" autocomplete="off"></label><span class="scripted">'
        yield '<button type="button" id="open">Open all</button> '
        yield '<button type="button" id="close">Close all</button></span>'
        yield '<fieldset class="theme"><legend>Colours</legend>'
        for theme in ("auto", "light", "dark"):
            checked = " checked" if theme == "auto" else ""
            yield f'<label><input type="radio" name="theme" id="theme-{theme}"{checked}>'
            yield f"<span>{theme}</span></label>"
        yield "</fieldset></nav>"

    def _worst(self) -> Iterator[str]:
        """What is refuted or, where a policy was asked, what breaks it."""
        if self._decision is None:
            title, firsts = "Refuted", [one for one in self._report.findings if _is_refuted(one)]
        else:
            title = "What breaks the policy"
            firsts = worst_first(one.finding for one in self._decision.failures)
        if not firsts:
            return
        numbers = {_key(one): number for number, one in enumerate(self._report.findings)}
        yield f'<section class="first" aria-labelledby="first"><h2 id="first">{title}</h2><ul>'
        for one in firsts[:_LISTED]:
            word = verdict_word(one.verdict)
            yield f'<li class="{word} {self._classes(one)}"><a href="#f{numbers[_key(one)]}">'
            yield f"{code(_called(one.artifact))}</a> {code(one.claim)} "
            yield f"<span>{shown(headline(one.verdict), 300)}</span></li>"
        yield "</ul>"
        if more := len(firsts[_LISTED:]):
            yield f"<p>{more:,} more are in the tree below: choose a verdict above.</p>"
        yield "</section>"

    # The tree.

    def _node(self, node: Node) -> Iterator[str]:
        held = tally(node)
        classes = self._classes(*(one for part in node.subtree() for _, one in part.findings))
        opened = " open" if self._is_open(held) else ""
        kind = "folder" if node.artifact is None else "artifact"
        yield f'<details class="n {kind} {classes}"{opened}><summary>'
        yield f'<span class="name">{shown(node.label, 500)}{"" if node.artifact else "/"}</span>'
        yield f"{_described(node.artifact)}{_tally(held)}</summary>"
        if node.artifact is not None and node.artifact.digest:
            yield f'<p class="digest">{shown(node.artifact.digest)}</p>'
        order = {id(one): number for number, one in node.findings}
        for one in worst_first(one for _, one in node.findings):
            article = finding(
                one,
                id=f"f{order[id(one)]}",
                classes=self._classes(one),
                sentence=self._says.get(one.claim, ""),
                recheck=self._recheck,
                in_full=self._room > 0,
            )
            self._room -= len(article)
            yield article
        if node.children:
            yield '<div class="inside">'
            for child in node.children.values():
                yield from self._node(joined(child))
            yield "</div>"
        yield "</details>\n"

    def _is_open(self, held: Counter[str]) -> bool:
        if len(self._report.findings) <= _OPEN_WHOLE:
            return True
        if not held["refuted"] or not self._left_open:
            return False
        self._left_open -= 1
        return True

    def _classes(self, *findings: Finding) -> str:
        """What the filters go by: `r` for refuted, `c3` for a claim, `r3` for both in one."""
        pairs = {(verdict_word(one.verdict)[0], self._claims[one.claim]) for one in findings}
        names = {verdict for verdict, _ in pairs}
        names |= {f"c{claim}" for _, claim in pairs} | {f"{word}{claim}" for word, claim in pairs}
        return " ".join(sorted(names))

    def _filter_rules(self) -> str:
        rules = []
        for word in ORDER:
            chosen = f"body:has(#show-{word}:checked)"
            rules.append(_hides(chosen, word[0]))
            rules += [
                _hides(f"{chosen}:has([value=c{number}]:checked)", f"{word[0]}{number}")
                for number in self._claims.values()
            ]
        rules += [
            _hides(f"body:has([value=c{number}]:checked)", f"c{number}")
            for number in self._claims.values()
        ]
        return "\n".join(rules) + "\n"

    # The foot of the page.

    def _footer(self) -> Iterator[str]:
        yield "<footer>"
        if plans := unanswered(self._report):
            yield "<h2>Planned and without a finding</h2><ul>"
            for plan in islice(plans, _SHOWN_PLANS):
                yield f"<li>{code(plan.artifact)} {code(plan.claim)}</li>"
            yield "</ul>"
        yield f"<p>In all: {summary(self._report)}.</p>"
        yield "<p>Nobody need trust this page. With the same audit saved as JSON "
        yield f"(<code>--format json -o report.json</code>), {code(self._recheck)} lets "
        yield "independent checkers re-derive every certificate from the bytes; "
        yield "<code>probatum explain</code> says what any claim, reason or checker named here "
        yield "means.</p></footer>"


def _key(finding: Finding) -> tuple[str, str]:
    return finding.artifact.name, finding.claim


def _called(artifact: Artifact) -> str:
    """Its name; a dot alone would be too little to read, and to hit."""
    return artifact.name if artifact.name != "." else f". ({artifact.kind})"


def _is_refuted(finding: Finding) -> bool:
    return isinstance(finding.verdict, Refuted)


def _tile(word: str, number: int, says: str, checked: bool = False) -> str:
    chosen = " checked" if checked else ""
    return (
        f'<label class="tile {word}"><input type="radio" name="show" id="show-{word}"{chosen}>'
        f"<b>{number:,}</b> <span>{word}</span><small>{says}</small></label>"
    )


def _hides(condition: str, kept: str) -> str:
    return f"{condition} .n:not(.{kept}),{condition} .first li:not(.{kept}){{display:none}}"


def _described(artifact: Artifact | None) -> str:
    if artifact is None:
        return ""
    size = f'<span class="size">{_size(artifact.size)}</span>'
    return f' <span class="kind">{shown(artifact.kind)}</span> {size}'


def _size(number: int) -> str:
    """In the largest unit that leaves at least 1: 25,101 bytes are `24.5 KiB`."""
    if number < 1024:
        return plural(number, "byte")
    power = min(number.bit_length() - 1, 49) // 10
    return f"{number / 1024**power:,.1f} {('KiB', 'MiB', 'GiB', 'TiB')[power - 1]}"


def _tally(held: Counter[str]) -> str:
    counted = "".join(
        f'<b class="{word}" title="{held[word]} {word}">{held[word]}</b>'
        for word in ORDER
        if held[word]
    )
    return f'<span class="tally">{counted}</span>'


def policy_hash(text: str) -> str:
    """How a content security policy names a style or script."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def packaged(name: str) -> str:
    """A style or script that comes with Probatum."""
    return resources.files("probatum.render").joinpath(name).read_text("utf-8")


_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='8' cy='4' r='2.4' fill='%23b3261e'/%3E%3Ccircle cx='4' cy='11' r='2.4' "
    "fill='%23a86500'/%3E%3Ccircle cx='12' cy='11' r='2.4' fill='%231c7a4a'/%3E%3C/svg%3E"
)

HEAD = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
    '<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="referrer" content="no-referrer">\n'
    f'<link rel="icon" href="{_ICON}">\n'
    "<title>{title}</title>\n<style>{style}</style></head>"
    '<body class="{many}">\n'
)

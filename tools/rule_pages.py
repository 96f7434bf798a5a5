"""Writes the page of each claim that rows of rules decide: an example of each side, and the rows.

The examples are the first ones of the claim's case page, which is a test.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from probatum.cli import index
from tools.case_pages import Case, cases

_RULES = Path(__file__).parent.parent / "src" / "probatum" / "rules"
_ABOUT = {
    "sink": "Calls that no value from outside may reach",
    "switch": "Switches",
    "called": "Calls",
    "stored": "What is stored",
    "key": "Where a secret is used",
    "framework": "Frameworks, and their routes",
    "server": "Servers, and what makes them ask who calls",
    "setting": "Settings, passwords and commands",
    "grant": "What hands the host to a container",
    "permission": "What lets an agent act unasked",
    "folders": "Folders that are handed out",
    "launcher": "Programs that fetch what they start",
    "local": "Programs that fetch nothing",
    "instruction": "What makes words an instruction",
    "directive": "Comments that are for a program",
    "event": "What anyone can raise",
    "weak_event": "What outsiders can raise without power",
    "text": "Texts that outsiders write",
    "agent": "Steps that are agents",
    "fetch": "What fetches an outsider's files",
    "head": "What names an outsider's commit",
    "guard": "What keeps outsiders away",
    "open": "What lets outsiders in",
    "authorization": "What asks for the sender",
    "token": "How secrets look",
    "name": "What a secret is called",
    "placeholder": "What is no secret",
    "absent": "Without these it is proven",
    "baked": "What stays in an image",
    "rooted": "Images that leave who runs at root",
    "instead": "What to write instead",
    "words": "Words, and what they are taken for",
    "source": "Where values come from outside",
    "returned": "What the functions of libraries return",
}
"""Titles of the kinds of rows, in the order in which a page shows them."""
_DECIDES = {
    "framework": ("no-missing-authentication",),
    "server": ("no-open-service",),
    "grant": ("no-host-takeover",),
    "rooted": ("no-root-service",),
    "baked": ("no-baked-secret",),
    "permission": ("no-blanket-permission",),
    "folders": ("no-blanket-permission",),
    "token": ("no-literal-secret",),
    "name": ("no-literal-secret",),
    "placeholder": ("no-literal-secret",),
    "launcher": ("pinned-tools",),
    "local": ("pinned-tools",),
    "instruction": ("no-encoded-instructions", "no-unshown-text"),
    "directive": ("no-encoded-instructions", "no-unshown-text"),
} | dict.fromkeys(
    ("event", "weak_event", "text", "agent", "fetch", "head", "guard", "open", "authorization"),
    ("no-untrusted-prompt",),
)
"""The claims of the kinds of rows that name none."""
_TOLD = ("says", "why", "of", "claim", "id", "source", "instead", "checked", "verified")
"""Fields of a row that have a column, or nothing to say to a reader."""

Row = dict[str, Any]
COMMON = "code"
"""The page of the rows that every claim about a path through code rests on."""


def rule_pages() -> dict[str, Iterator[str]]:
    """The pages, by the names of their files: an index, one for each claim, and the common one."""
    claims = {one: rows for one in index.claims() if (rows := _rows(one))}
    pages = {f"{one}.md": _page(one, rows) for one, rows in claims.items()}
    return pages | {"index.md": _index(claims), f"{COMMON}.md": _common()}


def _index(claims: Iterable[str]) -> Iterator[str]:
    yield "# Rules\n"
    yield "What is dangerous, what comes from outside and what guards stands in rows of data, each"
    yield "with the source of what it says. These claims are decided by them:\n"
    for one in claims:
        yield f"- [{one}]({one}.md): {index.claims()[one].says}"
    yield f"\nClaims about paths through code share [what counts as outside]({COMMON}.md)."


def _common() -> Iterator[str]:
    yield "# What the review of code knows\n"
    yield "What these rows say holds for every claim about a path through code, unless `only` names"
    yield "some. `remote`: a user of another machine, or a model, chooses the value."
    yield from _tables(_rows(""))


def _page(claim: str, rows: dict[str, list[Row]]) -> Iterator[str]:
    yield f"# {claim}\n"
    yield f"{index.claims()[claim].says}\n"
    judges = [one.id for one in index.judges() if one.claim.id == claim]
    links = ", ".join(f"[{one}](../analyzers.md#{one})" for one in judges)
    yield f"How it is decided: {links}."
    yield from _examples({claim, *judges})
    if "sink" in rows:
        yield f"\nWhere values come from outside stands on [a page of its own]({COMMON}.md)."
    yield from _tables(rows)


def _examples(ids: set[str]) -> Iterator[str]:
    told = [(case, one.verdict) for case in cases() for one in case.expected]
    about = [
        (case, verdict)
        for case, verdict in told
        if case.page in ids and all(one.id in {None, *ids} for one in case.expected)
    ]
    for title, verdicts in (("Refuted", ("refuted",)), ("Not refuted", ("proven", "undecided"))):
        found = next((case for one in verdicts for case, said in about if said == one), None)
        if found is not None:
            yield f"\n## {title}: {found.heading}\n"
            yield from _sample(found)


def _sample(case: Case) -> Iterator[str]:
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", case.text)), 3)
    yield f"{ticks}text\n{case.text.rstrip()}\n{ticks}\n"
    verdict = case.expected[0]
    reason = f" ({verdict.reason})" if verdict.reason else ""
    yield f"This is {verdict.verdict}{reason}."


def _rows(claim: str) -> dict[str, list[Row]]:
    """The rows that decide a claim, by their kinds; of none, those of the review in general."""
    found: dict[str, list[Row]] = {}
    for file in sorted(_RULES.glob("**/*.toml")):
        if file.parent.name == "effects":
            continue  # they have a page of their own
        for kind, rows in tomllib.loads(file.read_text("utf-8")).items():
            general = ("",) if file.parent.name == "code" else ()
            for row in rows if isinstance(rows, list) else ():
                if claim in ([row["claim"]] if "claim" in row else _DECIDES.get(kind, general)):
                    found.setdefault(kind, []).append(row)
    return {kind: found[kind] for kind in sorted(found, key=list(_ABOUT).index)}


def _tables(rows: dict[str, list[Row]]) -> Iterator[str]:
    for kind, of_kind in rows.items():
        yield f"\n## {_ABOUT[kind]}\n"
        columns = [
            (head, cells)
            for head, cells in (
                ("What", [_what(row) for row in of_kind]),
                ("Says", [_says(row) for row in of_kind]),
                ("Instead", [str(row.get("instead", "")) for row in of_kind]),
                ("Source", [_linked(row["source"]) for row in of_kind]),
            )
            if any(cells)
        ]
        yield f"| {' | '.join(head for head, _ in columns)} |"
        yield f"| {' | '.join('---' for _ in columns)} |"
        for cells in zip(*(cells for _, cells in columns), strict=True):
            yield f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _what(row: Row) -> str:
    return "<br>".join(f"{field}: {_shown(row[field])}" for field in row if field not in _TOLD)


def _says(row: Row) -> str:
    said = ". ".join(str(row[one]) for one in ("of", "says", "why") if one in row)
    checked = f" (checked: {row['checked']})" if "checked" in row else ""
    return said + checked


def _shown(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{_code(key)} = {_shown(one)}" for key, one in value.items())
        case list():
            return ", ".join(map(_shown, value))
        case _:
            return _code(str(value)) if value != "" else "empty"


def _code(text: str) -> str:
    ticks = "``" if "`" in text else "`"
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def _linked(source: str) -> str:
    return re.sub(r"https?://[^\s,;()]+", lambda found: f"<{found[0]}>", source)


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")

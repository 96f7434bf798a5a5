"""Writes the reference pages from what they describe: docstrings, ids, the parser, the schema.

    python -m tools.reference_docs           write docs/reference
    python -m tools.reference_docs --check   say which pages are stale; exit 1 if any is

The pages are committed, so that they can be read without installing anything; a test fails while
they are stale.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from probatum.cli import bom, check, compare, index
from probatum.cli.main import parser
from probatum.formats import kinds, python_environment, python_program, python_project
from probatum.policy import EXIT_CODES, MUST_PROVE
from probatum.ports import Analyzer
from probatum.reasons import MEANINGS
from probatum.render.json import schema
from tools.rule_pages import rule_pages

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
_HEAD = "<!-- Written by `python -m tools.reference_docs`: change what it describes. -->\n\n"


def pages() -> dict[str, str]:
    """Every generated page, by its file name."""
    made: dict[str, Callable[[], Iterator[str]]] = {
        "claims.md": _claims,
        "analyzers.md": _analyzers,
        "checkers.md": _checkers,
        "kinds.md": _kinds,
        "reasons.md": _reasons,
        "cli.md": _cli,
        "exit-codes.md": _exit_codes,
        "report.md": _report,
    }
    lines = {name: written() for name, written in made.items()}
    lines |= {f"rules/{name}": written for name, written in rule_pages().items()}
    return {name: _HEAD + "\n".join(page).rstrip() + "\n" for name, page in lines.items()}


def stale() -> list[str]:
    """The pages that are not what they would be if they were written now."""
    return [
        name
        for name, text in pages().items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text("utf-8") != text
    ]


def main() -> int:
    """Write the pages, or with --check only compare them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    if asked.parse_args().check:
        found = stale()
        for name in found:
            print(f"docs/reference/{name} is stale: run python -m tools.reference_docs")
        return 1 if found else 0
    (FOLDER / "rules").mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")
    return 0


def _claims() -> Iterator[str]:
    yield "# Claims\n"
    yield "A claim is one sentence that is true or false of an artifact. Those marked *asked for*"
    yield "must be proven under the default policy."
    ruled = set(rule_pages())
    for claim in index.claims().values():
        yield f"\n## {claim.id}\n"
        asked = " *Asked for.*" if claim.id in MUST_PROVE else ""
        page = f"{claim.id}.md"
        rules = f" Examples and rules: [{claim.id}](rules/{page})." if page in ruled else ""
        yield f"{claim.says}{asked}{rules}\n"
        yield from _table(
            ("Decided by", "for files of kind"),
            ((_link(one.id, "analyzers.md"), _kinds_of(one)) for one in _judges_of(claim.id)),
        )


def _analyzers() -> Iterator[str]:
    yield "# Analysers\n"
    yield "An analyser decides one claim for some kinds of file. It reads bytes and runs nothing"
    yield "of what it reads."
    for one in index.judges():
        yield f"\n## {one.id}\n"
        yield f"Decides {_link(one.claim.id, 'claims.md')} for {_kinds_of(one)}.\n"
        yield _nested(index.page(one.module))


def _checkers() -> Iterator[str]:
    yield "# Checkers\n"
    yield "A checker re-derives a certificate from an artifact's bytes. It shares no code with the"
    yield "analyser that wrote it, and needs nothing but Python's standard library. `facts` is what"
    yield "a certificate tells it; it believes none of them."
    for name in index.checkers():
        yield f"\n## {name}\n"
        yield _nested(index.page(f"probatum.check.{name}"))


def _kinds() -> Iterator[str]:
    yield "# Kinds\n"
    yield "What a file is recognised as, by its content. A file of a kind without an analyser gets"
    yield f"one claim, {_link('kind-is-understood', 'claims.md')}, which stays undecided.\n"
    named = {kind for kind, _ in kinds._TABLE if isinstance(kind, str)}
    rows = []
    for kind in sorted(named | set(index.kinds()) | kinds.CONTAINERS | kinds.PICKLES):
        judges = [one for one in index.judges() if kind in one.accepts]
        said = ", ".join(f"{_link(one.claim.id, 'claims.md')}" for one in judges)
        rows.append((f"`{kind}`", said or "none yet"))
    yield from _table(("Kind", "Claims that are judged"), rows)
    for gathered in (python_project, python_environment, python_program):
        yield f"\n## {gathered.KIND}\n"
        yield _nested((gathered.__doc__ or "").strip())


def _reasons() -> Iterator[str]:
    yield "# Reasons\n"
    yield "Why a claim stayed undecided. The detail beside the reason is the one missing fact."
    for reason, says in sorted(MEANINGS.items()):
        yield f"\n## {reason.value}\n\n{says}"


def _cli() -> Iterator[str]:
    top = parser()
    yield "# Command line\n"
    yield _fenced(f"{top.description or ''}\n{top.epilog or ''}")
    yield from _options(top)
    for name, command in _commands(top).items():
        yield f"\n## probatum {name}\n"
        yield f"{(command.description or '').strip()}\n"
        yield from _options(command)
        if command.epilog:
            yield f"\n{_fenced(command.epilog)}"


def _options(command: argparse.ArgumentParser) -> Iterator[str]:
    rows = [
        (f"`{_written(action)}`", _help(command, action))
        for action in command._actions
        if not isinstance(action, argparse._SubParsersAction)
    ]
    yield from _table(("Argument", "Meaning"), rows)


def _commands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Every command by its words, those inside another behind it."""
    made: dict[str, argparse.ArgumentParser] = {}
    for one in top._actions:
        if isinstance(one, argparse._SubParsersAction):
            for name, command in one.choices.items():
                inner = {f"{name} {word}": each for word, each in _commands(command).items()}
                made |= {name: command, **inner}
    return made


def _written(action: argparse.Action) -> str:
    choices = f"{{{','.join(map(str, action.choices))}}}" if action.choices else ""
    value = action.metavar or choices
    if not action.option_strings:
        return f"{value or action.dest}{' …' if action.nargs in ('+', '*') else ''}"
    takes = f" {value or action.dest.upper()}" if action.nargs != 0 else ""
    return ", ".join(f"{option}{takes}" for option in action.option_strings)


def _help(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    return (action.help or "") % {**vars(action), "prog": command.prog}


def _exit_codes() -> Iterator[str]:
    yield "# Exit codes"
    for command, codes in (
        ("audit", EXIT_CODES),
        ("check", check.EXIT_CODES),
        ("compare", compare.EXIT_CODES),
        ("bom", bom.EXIT_CODES),
    ):
        yield f"\n## probatum {command}\n"
        yield from _table(
            ("Code", "Meaning"), ((f"`{code}`", says) for code, says in codes.items())
        )
    yield "\nEvery other command exits with `0`, or with `3` for wrong usage."


def _report() -> Iterator[str]:
    described = schema()
    yield "# The report as JSON\n"
    version = described["properties"]["version"]["const"]
    yield f"{described['description']} Schema version {version}, published with the package"
    yield "as `probatum/render/report-v1.schema.json` (JSON Schema, draft 2020-12).\n"
    yield from _properties(described)
    sections = {
        name: one for name, one in described["properties"].items() if "properties" in one
    } | described["$defs"]
    for name, about in sections.items():
        if name in ("count", "id"):
            continue
        yield f"\n## {name}\n\n{about['description']}\n"
        if "properties" in about:
            yield from _properties(about)
        elif name == "reason":
            yield ", ".join(_link(one["const"], "reasons.md") for one in about["oneOf"])
        else:
            yield f"It is {_type(about)}."


def _properties(about: dict[str, Any]) -> Iterator[str]:
    rows = (
        (
            f"`{name}`{'' if name in about['required'] else ' (optional)'}",
            f"[{name}](#{name})" if "properties" in one else _type(one),
            _cell(one.get("description") or _definition(one).get("description", "")),
        )
        for name, one in about["properties"].items()
    )
    yield from _table(("Member", "Type", "Meaning"), rows)


def _type(one: dict[str, Any]) -> str:
    if "const" in one:
        return f"`{one['const']}`"
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return {"count": "integer", "id": "string (kebab-case)"}.get(name, f"[{name}](#{name})")
    if "oneOf" in one:
        return " or ".join(_type(kind) for kind in one["oneOf"])
    if one.get("type") == "array":
        return f"array of {_type(one['items'])}"
    said = one.get("type", "any")
    return " or ".join(said) if isinstance(said, list) else str(said)


def _definition(one: dict[str, Any]) -> dict[str, Any]:
    name = one.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schema()["$defs"].get(name, {})
    return found


def _judges_of(claim: str) -> list[Analyzer]:
    return [one for one in index.judges() if one.claim.id == claim]


def _kinds_of(one: Analyzer) -> str:
    return ", ".join(f"`{kind}`" for kind in sorted(one.accepts)) or "any kind no other one takes"


def _link(id: str, page: str) -> str:
    return f"[{id}]({page}#{id})"


def _nested(page: str) -> str:
    """A docstring under a heading of its own: its own headings go two levels down."""
    return "\n".join(f"##{line}" if line.startswith("#") else line for line in page.split("\n"))


def _fenced(text: str) -> str:
    return f"```text\n{text.strip()}\n```\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())

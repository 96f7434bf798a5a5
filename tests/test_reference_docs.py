"""The reference: what a user can meet and the reference does not name is a failing test."""

import argparse
import re
from pathlib import Path

import pytest
from tools.reference_docs import FOLDER, _commands, pages, stale

from probatum.cli import check, index
from probatum.cli.main import parser
from probatum.policy import EXIT_CODES
from probatum.vocabulary import Reason

PAGES = pages()


def test_the_committed_pages_are_what_the_code_says_now() -> None:
    assert stale() == [], "run python -m tools.reference_docs"


def test_every_analyser_claim_kind_reason_and_checker_has_its_place() -> None:
    for page, ids in {
        "analyzers.md": [one.id for one in index.judges()],
        "claims.md": list(index.claims()),
        "reasons.md": [reason.value for reason in Reason],
        "checkers.md": list(index.checkers()),
    }.items():
        headings = {line[3:] for line in PAGES[page].splitlines() if line.startswith("## ")}
        assert headings >= set(ids), page
    for kind in index.kinds():
        assert f"| `{kind}` |" in PAGES["kinds.md"]


def test_every_claim_about_code_and_deployments_has_its_rules_and_an_example_of_each_side() -> None:
    areas = ("probatum.analyzers.code.", "probatum.analyzers.deploy.")
    for claim in {one.claim.id for one in index.judges() if one.module.startswith(areas)}:
        page = PAGES[f"rules/{claim}.md"]
        assert "## Refuted: " in page, claim
        assert "## Not refuted: " in page, claim
        assert "| Source |" in page, claim


def test_every_analyser_and_checker_says_what_it_does() -> None:
    for one in index.judges():
        assert len(index.page(one.module)) > 80, one.module
    for name in index.checkers():
        assert "acts" in index.page(f"probatum.check.{name}"), f"{name} does not tell its facts"


@pytest.mark.parametrize("command", ["", *_commands(parser())])
def test_every_option_of_every_command_is_documented(command: str) -> None:
    found = _commands(parser())[command] if command else parser()
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        assert action.help, f"{command} {action.dest} has no help"
        for option in action.option_strings:
            assert option in PAGES["cli.md"]


def test_every_exit_code_is_documented() -> None:
    for code, says in {**EXIT_CODES, **check.EXIT_CODES}.items():
        assert f"| `{code}` | {says} |" in PAGES["exit-codes.md"]


def test_links_between_the_pages_lead_somewhere() -> None:
    for name, text in PAGES.items():
        for page, anchor in re.findall(r"\]\(([a-z-]*\.md)?#([a-z0-9-]+)\)", text):
            target = PAGES[page or name]
            headings = re.findall(r"^#+ (.+)$", target, re.MULTILINE)
            slugs = {heading.lower().replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{name} links to {page}#{anchor}"


def test_the_folder_is_where_the_documentation_is() -> None:
    assert Path(__file__).parent.parent.joinpath("docs", "reference") == FOLDER

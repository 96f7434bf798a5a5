"""What the command line says about itself: help, lists, explanations, completion."""

import argparse
import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from probatum import reasons
from probatum.catalog import accepting, analyzers
from probatum.cli import audit, listing
from probatum.cli.completion import SHELLS
from probatum.cli.index import SECTIONS, claims, kinds, lines
from probatum.cli.main import COMMANDS, main, parser
from probatum.policy import EXIT_CODES, MUST_PROVE
from probatum.render.formats import FORMATS
from probatum.vocabulary import Reason


def commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def said(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_every_command_and_option_has_help() -> None:
    assert len(list(commands())) == len(COMMANDS)
    for name, command in commands():
        assert command.description, name
        for action in command._actions:
            assert action.help, f"{name} {action.option_strings or action.dest}"


def test_every_command_shows_examples() -> None:
    for name, command in commands():
        assert command.epilog and "examples:" in command.epilog, name


def test_the_help_names_every_exit_code() -> None:
    epilog = parser().epilog or ""
    for code in EXIT_CODES:
        assert f"  {code}  " in epilog


def test_the_forms_of_a_report_are_those_that_exist() -> None:
    assert audit.FORMATS == FORMATS
    assert listing.SECTIONS == SECTIONS


def test_every_claim_of_the_default_policy_exists() -> None:
    assert set(MUST_PROVE) <= set(claims())


def test_every_reason_has_a_meaning() -> None:
    assert set(reasons.MEANINGS) == set(Reason)


def test_everything_that_is_listed_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for section in SECTIONS:
        for line in lines(section):
            assert line.says, line
            assert line.id in said("explain", line.id, capsys=capsys)


def test_a_claim_is_explained_with_its_analysers(capsys: pytest.CaptureFixture[str]) -> None:
    text = said("explain", "load-inert", capsys=capsys)
    assert "runs nothing its author chose" in text
    assert "pickle-load: " in text


def test_explanations_and_lists_are_there_for_scripts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [explained] = json.loads(said("explain", "offline", "--format", "json", capsys=capsys))
    assert explained["section"] == "reason"
    listed = json.loads(said("list", "--format", "json", capsys=capsys))
    assert tuple(listed) == SECTIONS
    assert {"id", "says"} == set(listed["claims"][0])


def test_a_list_shows_one_section_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert "load-inert" in said("list", "claims", capsys=capsys)
    everything = said("list", capsys=capsys)
    assert all(f"{section}\n" in everything for section in SECTIONS)


def test_a_word_nobody_knows_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "load-innert"]) == 3
    assert "did you mean 'load-inert'?" in capsys.readouterr().err


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_every_command_and_option(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = said("completion", shell, capsys=capsys)
    for name, command in commands():
        assert name in script
        for action in command._actions:
            for option in action.option_strings:
                shown = option.lstrip("-") if shell == "fish" else option
                assert shown in script, f"{name} {option}"
    assert "sarif" in script
    assert "load-inert" in script


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_its_completion_script(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    script = said("completion", shell, capsys=capsys)
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


def bash_offers(line: str, script: str) -> set[str]:
    words = line.split(" ")
    probe = (
        f"{script}\nCOMP_WORDS=({' '.join(repr(word) for word in words)})\n"
        f"COMP_CWORD={len(words) - 1}\n_probatum\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed here")
def test_bash_completes_commands_options_values_and_ids(
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = said("completion", "bash", capsys=capsys)
    assert {"audit", "explain", "--version"} <= bash_offers("probatum ", script)
    assert bash_offers("probatum au", script) == {"audit"}
    assert bash_offers("probatum audit --form", script) == {"--format"}
    assert bash_offers("probatum audit --format s", script) == {"sarif"}
    assert "load-inert" in bash_offers("probatum explain load-", script)
    assert bash_offers("probatum audit --must-prove load-", script) == {"load-inert"}
    assert bash_offers("probatum check --must-prove load-", script) == {"load-inert"}
    assert bash_offers("probatum audit -o ", script) == set()
    assert bash_offers("probatum audit ", script) == set()  # what is audited are files
    assert {"--jobs", "-q"} <= bash_offers("probatum audit model.pt -", script)
    assert bash_offers("probatum completion ", script) == {"bash", "zsh", "fish"}


def test_the_catalogue_knows_what_modules_declare() -> None:
    for kind in (*kinds(), "no-such-kind", "unknown"):
        every = tuple(one for one in analyzers() if kind in one.accepts)
        assert accepting(kind) == every, kind


def test_each_claim_about_a_kind_has_one_analyser() -> None:
    for kind in kinds():
        decided = [one.claim.id for one in accepting(kind)]
        assert len(decided) == len(set(decided)), kind


def test_ids_are_kebab_case_file_names() -> None:
    for one in analyzers():
        assert one.module.rpartition(".")[2] == one.id.replace("-", "_")

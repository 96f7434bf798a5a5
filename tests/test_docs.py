"""The documentation: links lead somewhere, commands exist, and shown output is real output."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tools import shown_output

from probatum.cli.main import parser

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*shown_output.pages(), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
README = ROOT.joinpath("README.md").read_text("utf-8")
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def links(page: Path) -> list[str]:
    return _LINK.findall(re.sub(r"``.*?``|`[^`\n]*`", "", _FENCE.sub("", page.read_text("utf-8"))))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


def commands(page: Path) -> list[str]:
    """Every call of probatum in the page's console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.M)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    found = [re.sub(r"  +#.*", "", part) for line in lines for part in re.split(r" && | \| ", line)]
    return [part for part in found if re.match(r"(?:[A-Z_]+=\S+ )*probatum ", part)]


def test_no_page_is_left_half_merged() -> None:
    pages = [
        one for folder in ("docs", "tests", "changelog.d") for one in ROOT.glob(f"{folder}/**/*.md")
    ]
    marked = [name(one) for one in pages if re.search(r"^[<>]{7} ", one.read_text("utf-8"), re.M)]
    assert not marked


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{name(page)}: {link}"
        if DOCS in page.parents:
            assert DOCS in target.parents, f"{name(page)}: {link} is not part of the site"


def test_every_page_can_be_reached_from_the_first_one() -> None:
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        inside = (link.partition("#")[0] for link in links(page) if "://" not in link)
        waiting += [(page.parent / path).resolve() for path in inside if path]
    assert reached >= set(DOCS.glob("**/*.md")), "link them, decisions from docs/decisions/index.md"


def test_the_site_lists_every_page_but_those_that_an_index_lists() -> None:
    listed = set(re.findall(r'"([a-z/-]+\.md)"', ROOT.joinpath("zensical.toml").read_text()))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.glob("**/*.md")}
    single = re.compile(r"decisions/\d|reference/rules/(?!index)")
    assert listed == {page for page in pages if not single.match(page)}


def test_the_site_can_be_built(tmp_path: Path) -> None:
    pytest.importorskip("zensical")
    settings = ROOT.joinpath("zensical.toml").read_text().replace('"site"', f'"{tmp_path}/site"')
    settings = settings.replace('"docs"', f'"{DOCS}"')
    tmp_path.joinpath("zensical.toml").write_text(settings)
    command = [sys.executable, "-m", "zensical", "build"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert tmp_path.joinpath("site/tutorial/first-audit/index.html").is_file()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_shown_is_one_that_the_command_line_takes(page: Path) -> None:
    for command in commands(page):
        words = shlex.split(command)
        arguments = words[words.index("probatum") + 1 :]
        if set(arguments) & {"--help", "--version"}:
            continue
        parser().parse_args(arguments)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "<!-- output of: " in page.read_text("utf-8")], ids=name
)
def test_the_output_shown_is_the_output(page: Path) -> None:
    assert shown_output.shown(page) == page.read_text("utf-8"), "python -m tools.shown_output"


def test_a_page_that_shows_something_else_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- output of: echo one >two ; cat two; exit 4 -->\n```text\ntwo\n```\n")
    shown = shown_output.shown(page).splitlines()[2:-1]
    assert shown == ["$ echo one >two", "$ cat two; exit 4", "one", "(exit code 4)"]


def test_the_readme_shows_the_commands_that_continuous_integration_runs() -> None:
    script = ROOT.joinpath(".ci/run").read_text()
    shown = re.findall(r"^```console\n(.*?)\n```$", README, re.DOTALL | re.MULTILINE)
    assert len(shown) == 4
    assert all("\n" not in command for command in shown)
    for start in ("pip install . && probatum", "pip install '.[dev]' && ", "uv run probatum"):
        assert any(command.startswith(start) for command in shown)
        assert start.partition(" && ")[0] in script.replace("\\", "")


def test_the_readme_tells_the_exit_codes() -> None:
    told = re.search(r"The exit code is made for scripts: (.*?)\.\n\n", README, re.DOTALL)
    assert told
    assert [int(code) for code in re.findall(r"\b(\d), ", told[1])] == [0, 1, 2, 3]


def test_the_analyser_of_the_how_to_page_judges(tmp_path: Path) -> None:
    text = DOCS.joinpath("how-to/analyser.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    [settings] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    tmp_path.joinpath("acme_probatum.py").write_text(code)
    tmp_path.joinpath("probatum.toml").write_text(settings)
    tmp_path.joinpath("words.txt").write_text("one of them\nand another of them\n")
    done = subprocess.run(
        [sys.executable, "-m", "probatum", "audit", "words.txt"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "in-order" in done.stdout
    assert "line 2" in done.stdout


def test_the_page_on_ci_tells_every_input_of_the_action() -> None:
    action = ROOT.joinpath("action.yml").read_text()
    inputs = action.partition("inputs:\n")[2].partition("outputs:\n")[0]
    page = DOCS.joinpath("how-to/ci.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z]+)` \| (?:`([^`]*)`)? ?\|", page, re.MULTILINE))
    found = re.findall(r"^  ([a-z]+):\n    description: .+\n    default: (.+)$", inputs, re.M)
    assert rows == {key: default.strip('"') for key, default in found}

"""The page: complete without a script, harmless whatever a report says, and pleasant to use."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from browser import CHROMIUM, Page, page
from probatum.render.html import render
from probatum.render.html_tree import joined, tree
from probatum.vocabulary import (
    Artifact,
    Excerpt,
    Finding,
    Place,
    Reason,
    Refuted,
    Report,
    Step,
    Undecided,
    Witness,
)
from reports import FRAGMENTS, artifact, large, report_of, reports, sample

# Everything that a page can do beyond showing text. The renderer writes none of these anywhere.
_ACTIVE = {
    *("iframe", "object", "embed", "img", "form", "base", "audio", "video", "source", "template"),
    *("frame", "applet", "math", "foreignobject", "image", "picture", "portal", "area", "map"),
}
_WRITTEN = {
    *("html", "head", "meta", "link", "title", "style", "body", "script"),
    *("header", "main", "nav", "footer", "section", "article", "h1", "h2", "h3", "p", "div"),
    *("span", "b", "i", "s", "u", "small", "mark", "code", "pre", "a", "ul", "ol", "li"),
    *("details", "summary", "fieldset", "legend", "label", "input", "select", "option", "button"),
    *("svg", "rect"),
}


class Outline(HTMLParser):
    """The elements of a page, their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len({name for name, _ in attrs}) != len(attrs):
            self.wrong.append(f"twice the same attribute in {tag}")
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"comment {data}")


def test_every_finding_is_there_with_its_evidence() -> None:
    text = " ".join("".join(Outline(render(sample())).text).split())
    for said in (
        "Audit of models",
        "14 claims about 13 artifacts.",
        "Loading this file runs nothing its author chose",
        "REDUCE calls builtins.print('loaded')",
        "MARK, STRING, TUPLE push ('loaded',)",
        "no effect summary for sklearn.tree._tree.Tree of scikit-learn 1.5.2",
        "pip install 'probatum[archives]'",
        '"summary": "torch:persistent-storage"',
        "probatum check report.json models",
        "Assuming torch is one of the releases",
    ):
        assert said in text
    ids = [attrs["id"] for tag, attrs in Outline(render(sample())).elements if tag == "article"]
    assert sorted(ids) == sorted(f"f{number}" for number in range(14))


def test_the_page_asks_for_nothing_and_allows_itself_only_its_own_style_and_script() -> None:
    text = render(sample())
    policy = next(
        attrs["content"] or ""
        for tag, attrs in Outline(text).elements
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    for part, tag in (("style-src", "style"), ("script-src", "script")):
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{part} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "url(" not in text
    assert "@import" not in text


@settings(max_examples=80)
@given(reports())
def test_no_report_can_add_an_element_an_attribute_or_an_address(report: Report) -> None:
    _assert_harmless(render(report))


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_no_fragment_escapes_from_any_place_it_can_stand_in(fragment: str) -> None:
    excerpt = Excerpt(0, fragment.encode("utf-8", "surrogatepass"), text=True)
    witness = Witness(fragment, Place(offset=0, part=fragment), (Step(fragment),), excerpt)
    one = artifact(fragment, "pickle", 1)
    report = report_of(
        Finding(one, "load-inert", "a", Refuted((witness, witness))),
        Finding(one, "data-shaped", "a", Undecided(Reason.OPAQUE, fragment)),
        targets=(fragment,),
    )
    _assert_harmless(render(report))


def test_an_interrupted_audit_says_so_at_the_top() -> None:
    whole = sample()
    cut = Report(
        targets=whole.targets, planned=whole.planned, findings=whole.findings[:2], interrupted=True
    )
    text = "".join(Outline(render(cut)).text)
    assert "interrupted: 12 claims known by then stayed unjudged" in text
    assert "Planned and without a finding" in text


def test_an_empty_report_is_a_page_too() -> None:
    outline = Outline(render(report_of()))
    assert not outline.wrong
    assert "0 proven, 0 refuted, 0 undecided" in "".join(outline.text)


def test_the_page_of_ten_thousand_findings_stays_of_a_size_a_browser_opens() -> None:
    text = render(large(10_000))
    assert text.count("<article") == 10_000
    assert len(text) < 12_000_000


# The tree.


def test_folders_with_one_folder_in_them_are_told_as_one() -> None:
    [top] = tree([_about("a/b/c/x.pkl"), _about("a/b/c/y.pkl")]).children.values()
    folder = joined(top)
    assert folder.label == "a/b/c"
    assert [one.label for one in folder.children.values()] == ["x.pkl", "y.pkl"]


def test_a_member_lies_in_its_container() -> None:
    root = tree([_about("m.pt"), _about("m.pt!/a/data.pkl", "m.pt")])
    [zipped] = root.children.values()
    assert [one.label for one in zipped.children.values()] == ["a/data.pkl"]


def test_a_report_that_names_containers_in_a_circle_still_has_a_tree() -> None:
    root = tree([_about("a", "b"), _about("b", "a"), _about("c", "c")])
    assert sum(len(node.findings) for node in root.subtree()) == 3


def test_a_name_of_ten_thousand_folders_does_not_nest_the_page_that_deep() -> None:
    deep = "/".join("x" * 10_000)
    chain = [_about("0")]
    for number in range(1, 200):
        chain.append(_about(f"{chain[-1].artifact.name}!/0", chain[-1].artifact.name))
        assert number
    text = render(report_of(_about(deep), *chain))
    depth = deepest = 0
    for opened, closed in re.findall(r"(<details)|(</details)", text):
        depth += bool(opened) - bool(closed)
        deepest = max(deepest, depth)
    assert deepest < 40


# In a browser.

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def shown(tab: Page, tmp_path: Path) -> Page:
    _show(tab, tmp_path, sample())
    return tab


@needs_chromium
def test_the_browser_has_nothing_to_complain_about_and_nothing_to_fetch(
    tab: Page, tmp_path: Path
) -> None:
    tab.requests.clear()
    _show(tab, tmp_path, sample())
    assert tab.complaints == []
    assert [url.partition(":")[0] for url in tab.requests] == ["file"]


@needs_chromium
def test_choosing_a_verdict_leaves_only_its_findings_and_what_holds_them(shown: Page) -> None:
    shown.value("document.getElementById('show-refuted').click()")
    assert _verdicts(shown) == {"refuted": 4}
    assert "forest.joblib" not in _names(shown)
    assert {"bert/", "config.json"} <= set(_names(shown))
    shown.value("document.getElementById('show-all').click()")
    assert _verdicts(shown) == {"refuted": 4, "undecided": 6, "proven": 4}


@needs_chromium
def test_choosing_a_claim_too_leaves_the_findings_of_both(shown: Page) -> None:
    _choose(shown, "load-inert")
    assert _verdicts(shown) == {"refuted": 1, "undecided": 2, "proven": 1}
    shown.value("document.getElementById('show-proven').click()")
    assert _verdicts(shown) == {"proven": 1}
    _choose(shown, "no-hidden-text")
    assert _verdicts(shown) == {}


@needs_chromium
def test_filters_colours_and_tree_work_without_scripts(tab: Page, tmp_path: Path) -> None:
    tab.colours("light")
    _show(tab, tmp_path, sample(), scripts=False)
    assert tab.value("document.documentElement.className") == ""
    tab.value("document.getElementById('show-undecided').click()")
    assert _verdicts(tab) == {"undecided": 6}
    before = _background(tab)
    tab.value("document.getElementById('theme-dark').click()")
    assert _background(tab) != before
    tab.value("document.querySelector('.tree summary').click()")
    assert tab.value("document.querySelector('.tree details').open") is False
    assert not tab.value("document.getElementById('search').checkVisibility()")


@needs_chromium
def test_the_page_follows_the_colours_of_the_system(shown: Page) -> None:
    seen = set()
    for scheme in ("light", "dark"):
        shown.colours(scheme)
        seen.add(_background(shown))
    assert len(seen) == 2


@needs_chromium
def test_the_search_finds_by_any_part_of_a_path(shown: Page) -> None:
    shown.value("""new Promise((done) => {
        const search = document.getElementById("search");
        search.value = "RESNET archive";
        search.dispatchEvent(new Event("input"));
        setTimeout(done, 400);
    })""")
    assert _names(shown) == []
    shown.value("""new Promise((done) => {
        const search = document.getElementById("search");
        search.value = "Weights.pt";
        search.dispatchEvent(new Event("input"));
        setTimeout(done, 400);
    })""")
    assert _names(shown) == ["resnet/", "weights.pt", "archive/data.pkl"]


@needs_chromium
def test_a_link_to_a_finding_opens_what_holds_it(tab: Page, tmp_path: Path) -> None:
    _show(tab, tmp_path, large(300))
    number = 271
    target = f"document.getElementById('f{number}')"
    assert not tab.value(f"{target}.checkVisibility()")
    tab.value(f"new Promise((done) => {{ location.hash = 'f{number}'; setTimeout(done, 200); }})")
    assert tab.value(f"{target}.checkVisibility()")


@needs_chromium
def test_the_tree_opens_and_closes_by_keyboard(shown: Page) -> None:
    shown.value("document.querySelector('.tree summary').focus()")
    for kind in ("rawKeyDown", "char", "keyUp"):
        shown.call(
            "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
            windowsVirtualKeyCode=13,
        )  # fmt: skip
    assert shown.value("document.querySelector('.tree details').open") is False


@needs_chromium
@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_nothing_is_wider_than_the_screen(tab: Page, tmp_path: Path, width: int) -> None:
    long = "a" * 300 + "/" + "b" * 300 + ".pkl"
    findings = (*sample().findings, _about(long))
    _show(tab, tmp_path, report_of(*findings), width=width)
    assert tab.value("document.documentElement.scrollWidth") <= width


@needs_chromium
def test_a_hostile_report_runs_nothing(tab: Page, tmp_path: Path) -> None:
    tab.complaints.clear()
    tab.requests.clear()
    findings = [
        Finding(
            artifact(f"{number}{fragment}", "pickle", 1),
            "load-inert",
            "a",
            Undecided(Reason.OPAQUE, f'"><img src=x onerror="document.title=1">{fragment}'),
        )
        for number, fragment in enumerate(FRAGMENTS)
    ]
    _show(tab, tmp_path, report_of(*findings))
    assert tab.complaints == []
    assert len(tab.requests) == 1
    assert tab.value("document.title").startswith("Probatum")
    assert tab.value("document.images.length") == 0


def _about(name: str, parent: str | None = None) -> Finding:
    held = Artifact(name=name, kind="pickle", size=1, parent=parent)
    return Finding(held, "load-inert", "a", Undecided(Reason.OPAQUE, "d"))


def _assert_harmless(text: str) -> None:
    text.encode()
    outline = Outline(text)
    assert outline.wrong == []
    assert outline.open == []
    assert {tag for tag, _ in outline.elements} <= _WRITTEN - _ACTIVE
    assert [tag for tag, _ in outline.elements].count("script") == 1
    for tag, attrs in outline.elements:
        assert not any(name.startswith("on") or name == "style" for name in attrs), tag
        assert "src" not in attrs
        if tag == "a":
            assert re.fullmatch("#f[0-9]+", attrs["href"] or "")
    assert all(one.isprintable() or one in "\n" for data in outline.text for one in data)


def _show(tab: Page, folder: Path, report: Report, **how: Any) -> None:
    file = folder / "report.html"
    file.write_text(render(report), encoding="utf-8")
    tab.open(file, **how)


def _verdicts(tab: Page) -> dict[str, int]:
    seen: dict[str, int] = {}
    for word in tab.value(_ALL_SHOWN % "article .v"):
        seen[word] = seen.get(word, 0) + 1
    return seen


def _names(tab: Page) -> list[str]:
    names: list[str] = tab.value(_ALL_SHOWN % ".tree .name")
    return names


_ALL_SHOWN = """[...document.querySelectorAll("%s")].filter((one) => one.checkVisibility())
    .map((one) => one.textContent)"""


def _choose(tab: Page, claim: str) -> None:
    tab.value(f"""(() => {{
        const select = document.getElementById("claim");
        select.value = [...select.options].find((one) => one.text === "{claim}").value;
        select.dispatchEvent(new Event("change"));
    }})()""")


def _background(tab: Page) -> str:
    colour: str = tab.value("getComputedStyle(document.body).backgroundColor")
    return colour

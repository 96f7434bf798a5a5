"""Statements on vulnerabilities: written, read back, and which of them count."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisory_records import entry, index, record
from bills import NAMES, TEXTS
from known_advisories import RECORDS_OF_CASES
from probatum.bom import vex
from probatum.bom.affecting import digest_of, stated
from probatum.bom.trust import Heard, Rule, speaks_of, weighed
from probatum.cli.main import main
from probatum.components import Component, Inventory
from probatum.errors import FormatError
from probatum.formats.vex import (
    AFFECTED,
    CODE_NOT_REACHED,
    FIXED,
    JUSTIFICATIONS,
    NOT_AFFECTED,
    STATUSES,
    UNDER_INVESTIGATION,
    Statement,
)
from probatum.formats.vex_documents import statements
from probatum.vocabulary import Certificate, Reason
from test_bill_documents import _validator

MADE = "2026-01-31T12:00:00Z"
TORCH = "pkg:pypi/torch@2.6.0%2Bcu124"
SHOWN = Statement(
    component=TORCH,
    vulnerabilities=("CVE-2025-0001", "GHSA-aaaa-bbbb-cccc"),
    status=NOT_AFFECTED,
    justification=CODE_NOT_REACHED,
    says="no entry point reaches torch.load",
    evidence="sha256:" + "ab" * 32,
    author="Us",
    made=MADE,
)
FORMS = {
    "openvex": lambda some: vex.openvex(some, "Us", MADE),
    "cyclonedx-1.6": lambda some: vex.cyclonedx(some, "Us", MADE, "1.6"),
    "cyclonedx-1.7": lambda some: vex.cyclonedx(some, "Us", MADE, "1.7"),
}


@st.composite
def any_statement(draw: st.DrawFn) -> Statement:
    status = draw(st.sampled_from(STATUSES))
    justified = status == NOT_AFFECTED
    return Statement(
        component=draw(st.sampled_from([TORCH, "pkg:pypi/requests", "a thing"])),
        vulnerabilities=tuple(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))),
        status=status,
        justification=draw(st.sampled_from(JUSTIFICATIONS)) if justified else "",
        says=draw(NAMES if status == AFFECTED else TEXTS),
        evidence=draw(st.sampled_from(["", "sha256:" + "cd" * 32])),
        within=draw(st.sampled_from(["", "pkg:oci/server@1"])),
        author="Us",
        made=draw(st.sampled_from([MADE, "2025-06-01T00:00:00Z"])),
    )


@pytest.mark.parametrize("form", FORMS)
@given(some=st.lists(any_statement(), min_size=1, max_size=4, unique=True))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back(form: str, some: list[Statement]) -> None:
    assert statements(FORMS[form](some).encode()) == tuple(some)


@pytest.mark.parametrize("version", ["1.6", "1.7"])
@given(some=st.lists(any_statement(), max_size=4, unique=True))
@settings(max_examples=30, deadline=None)
def test_a_cyclonedx_vex_is_valid_by_its_own_schema(version: str, some: list[Statement]) -> None:
    document = json.loads(vex.cyclonedx(some, "Us", MADE, version))
    assert [one.message for one in _validator(version).iter_errors(document)] == []


def test_an_openvex_document_has_what_its_specification_asks_for() -> None:
    affected = Statement(component=TORCH, vulnerabilities=("CVE-1",), status=AFFECTED)
    document = json.loads(vex.openvex([SHOWN, affected], "Us", MADE))
    assert document["@context"] == "https://openvex.dev/ns/v0.2.0"
    assert document["@id"].startswith("https://openvex.dev/docs/public/vex-")
    assert (document["author"], document["timestamp"], document["version"]) == ("Us", MADE, 1)
    first, second = document["statements"]
    assert first == {
        "vulnerability": {"name": "CVE-2025-0001", "aliases": ["GHSA-aaaa-bbbb-cccc"]},
        "products": [{"@id": TORCH, "identifiers": {"purl": TORCH}}],
        "status": "not_affected",
        "timestamp": MADE,
        "justification": "vulnerable_code_not_in_execute_path",
        "impact_statement": "no entry point reaches torch.load",
        "status_notes": f"shown by the certificate {SHOWN.evidence}",
    }
    assert second["action_statement"] == vex.NO_ACTION


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "safe"},
        {"status": NOT_AFFECTED},
        {"status": AFFECTED, "justification": CODE_NOT_REACHED},
        {"status": NOT_AFFECTED, "justification": "trust me"},
        {"status": FIXED, "vulnerabilities": ()},
        {"status": FIXED, "component": ""},
    ],
)
def test_a_statement_that_says_nothing_is_none(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Statement(**({"component": TORCH, "vulnerabilities": ("CVE-1",)} | fields))


def test_other_versions_of_openvex_are_read() -> None:
    document = {
        "@context": "https://openvex.dev/ns",
        "author": "Vendor",
        "timestamp": MADE,
        "statements": [
            {
                "vulnerability": "CVE-1",
                "products": ["pkg:oci/server@1"],
                "subcomponents": [TORCH],
                "status": "fixed",
            }
        ],
    }
    (found,) = statements(json.dumps(document).encode())
    assert (found.component, found.within) == (TORCH, "pkg:oci/server@1")
    assert (found.vulnerabilities, found.status, found.made) == (("CVE-1",), FIXED, MADE)


def test_a_false_positive_is_not_affected_and_says_why() -> None:
    document = {
        "bomFormat": "CycloneDX",
        "components": [{"type": "library", "name": "torch", "bom-ref": "t", "purl": TORCH}],
        "vulnerabilities": [
            {"id": "CVE-1", "analysis": {"state": "false_positive"}, "affects": [{"ref": "t"}]},
            {"id": "CVE-2", "affects": [{"ref": "t"}]},
        ],
    }
    (found,) = statements(json.dumps(document).encode())
    assert (found.component, found.status, found.says) == (TORCH, NOT_AFFECTED, "a false positive")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"{}", Reason.UNSUPPORTED),
        (b'{"@context": "https://openvex.dev/ns", "statements": {}}', Reason.MALFORMED),
        (b'{"@context": "https://openvex.dev/ns", "statements": [{"products": ["a"]}]}',
         Reason.MALFORMED),
        (b'{"@context": "https://openvex.dev/ns", "statements": [{"products": ["a"], '
         b'"vulnerability": "CVE-1", "status": "not_affected"}]}', Reason.MALFORMED),
        (b'{"bomFormat": "CycloneDX", "vulnerabilities": [{"id": "CVE-1", '
         b'"analysis": {"state": "fine"}, "affects": [{"ref": "a"}]}]}', Reason.MALFORMED),
    ],
)  # fmt: skip
def test_a_document_that_is_none_is_refused(document: bytes, reason: Reason) -> None:
    with pytest.raises(FormatError) as caught:
        statements(document)
    assert caught.value.reason is reason


_KEYS = st.sampled_from(
    ["statements", "products", "subcomponents", "@id", "identifiers", "purl", "vulnerability",
     "name", "aliases", "status", "justification", "impact_statement", "status_notes", "author",
     "vulnerabilities", "analysis", "state", "affects", "ref", "properties", "value", "metadata",
     "authors", "timestamp", "id", "references", "components"]
)  # fmt: skip
_LEAVES = st.sampled_from(["a", "fixed", "not_affected", "in_triage", "pkg:pypi/a@1", None, 1, []])
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5)
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6), st.booleans())
@settings(max_examples=300, deadline=None)
def test_readers_raise_nothing_but_format_errors(value: dict[str, Any], is_openvex: bool) -> None:
    head = {"@context": "https://openvex.dev/ns"} if is_openvex else {"bomFormat": "CycloneDX"}
    try:
        statements(json.dumps(value | head).encode())
    except FormatError:
        return


# --- whose statements count ----------------------------------------------------------------


def _heard(status: str = FIXED, document: str = "sha256:d", **fields: Any) -> Heard:
    plain = {"component": TORCH, "vulnerabilities": ("CVE-1",), "author": "Us", "made": MADE}
    justified = {"says": "so it is"} if status == NOT_AFFECTED else {}
    return Heard(Statement(**(plain | justified | {"status": status} | fields)), document)


def _counts(*heard: Heard, rules: tuple[Rule, ...] = (Rule(author="Us"),)) -> list[str]:
    return [one.why_not for one in weighed(heard, rules)]


def test_without_a_rule_nothing_counts() -> None:
    assert _counts(_heard(), rules=()) == ["its author is not trusted"]
    assert _counts(_heard(author="")) == ["its author is not trusted"]


def test_an_author_counts_for_what_a_rule_says_and_no_more() -> None:
    rules = (Rule(author="Us", statuses=("fixed",), components=("pkg:pypi/torch@*",)),)
    assert _counts(_heard(), rules=rules) == [""]
    assert _counts(_heard(NOT_AFFECTED), rules=rules) == [
        "its author is not trusted to say not_affected"
    ]
    assert _counts(_heard(component="pkg:pypi/torchvision@1"), rules=rules) == [
        "its author is not trusted to speak of this component"
    ]


def test_two_rules_do_not_lend_one_another_what_they_allow() -> None:
    rules = (
        Rule(author="Us", statuses=("fixed",), components=("pkg:pypi/a@*",)),
        Rule(author="Us", statuses=("not_affected",), components=("pkg:pypi/b@*",)),
    )
    assert _counts(_heard(NOT_AFFECTED, component="pkg:pypi/a@1"), rules=rules) != [""]
    assert _counts(_heard(NOT_AFFECTED, component="pkg:pypi/b@1"), rules=rules) == [""]


def test_a_rule_may_name_its_documents() -> None:
    rules = (Rule(author="Us", documents=("sha256:e",)),)
    assert _counts(_heard(), rules=rules) == ["its document is none of those that are trusted"]
    assert _counts(_heard(document="sha256:e"), rules=rules) == [""]


def test_a_later_statement_takes_the_place_of_an_earlier_one() -> None:
    later = _heard(AFFECTED, made="2026-01-31T13:30:00+01:00")
    assert _counts(_heard(NOT_AFFECTED), later) == ["a later statement says something on it", ""]
    other = _heard(AFFECTED, made="2026-01-31T12:30:00Z", vulnerabilities=("GHSA-1", "CVE-1"))
    assert _counts(_heard(NOT_AFFECTED), other) == ["a later statement says something on it", ""]


def test_statements_of_one_date_that_contradict_count_for_nothing() -> None:
    says = "statements of the same date contradict one another"
    assert _counts(_heard(NOT_AFFECTED), _heard(AFFECTED)) == [says, says]
    assert _counts(_heard(NOT_AFFECTED), _heard(AFFECTED, author="Others")) == [
        "",
        "its author is not trusted",
    ]


def test_a_date_that_is_none_comes_before_every_other() -> None:
    found = _counts(_heard(NOT_AFFECTED, made="9999-soon"), _heard(AFFECTED))
    assert found == ["a later statement says something on it", ""]


@pytest.mark.parametrize(
    ("said", "asked", "covered"),
    [
        (TORCH, TORCH, True),
        (TORCH, "pkg:pypi/torch@2.6.0+cu124", True),
        ("pkg:pypi/torch", TORCH, True),
        ("pkg:pypi/torch@2.6.0", TORCH, False),
        ("pkg:pypi/torch", "pkg:pypi/torchvision@1", False),
        ("pkg:npm/%40scope/tool", "pkg:npm/%40scope/tool@1", True),
        ("pkg:deb/debian/openssl@3?distro=debian-12", "pkg:deb/debian/openssl@3", False),
        ("pkg:deb/debian/openssl@3", "pkg:deb/debian/openssl@3?distro=debian-12", True),
        ("pkg:deb/debian/a@3?distro=debian-12", "pkg:deb/debian/a@3?distro=debian-13", False),
    ],
)
def test_a_statement_speaks_of_a_component(said: str, asked: str, covered: bool) -> None:
    statement = Statement(component=said, vulnerabilities=("CVE-1",), status=FIXED)
    assert speaks_of(statement, asked) is covered


def test_a_statement_on_a_component_in_a_product_is_on_no_other() -> None:
    statement = Statement(
        component=TORCH, vulnerabilities=("CVE-1",), status=FIXED, within="pkg:oci/server@1"
    )
    assert speaks_of(statement, TORCH, "pkg:oci/server@1")
    assert not speaks_of(statement, TORCH, "pkg:oci/other@1")
    assert not speaks_of(statement, TORCH)


# --- the command ---------------------------------------------------------------------------

TRUST = """\
[[trust]]
author = "Us"
statuses = ["not_affected"]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    doubt = Statement(component=TORCH, vulnerabilities=("CVE-2",), status=UNDER_INVESTIGATION)
    (tmp_path / "a.json").write_text(vex.openvex([SHOWN, doubt], "Us", MADE))
    (tmp_path / "trust.toml").write_text(TRUST)
    return tmp_path


def test_the_command_tells_what_counts_and_why_not(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["vex", "show", "a.json", "--trust", "trust.toml"]) == 0
    assert capsys.readouterr().out == (
        f"counts   not_affected  {TORCH}  CVE-2025-0001  vulnerable_code_not_in_execute_path  "
        f"by Us  {SHOWN.evidence}\n"
        f"ignored  under_investigation  {TORCH}  CVE-2  no reason  by Us  "
        "(its author is not trusted to say under_investigation)\n"
        "1 of 2 statements count\n"
    )
    assert main(["vex", "show", "a.json", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["counts"] for one in told] == [False, False]
    assert told[0]["document"].startswith("sha256:")


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("trust = 1", "trust.toml"),
        ('[[trust]]\nauthor = ""\n', "author"),
        ('[[trust]]\nauthor = "Us"\nstatuses = ["safe"]\n', "statuses"),
        ('[[trust]]\nauthor = "Us"\nwho = "x"\n', "who"),
        ("[[[", "trust.toml"),
    ],
)
def test_a_wrong_rule_is_told(
    rules: str, says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "trust.toml").write_text(rules)
    assert main(["vex", "show", "a.json", "--trust", "trust.toml"]) == 3
    assert says in capsys.readouterr().err


def test_a_document_that_is_none_is_wrong_usage(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "b.json").write_text("{}")
    assert main(["vex", "show", "b.json"]) == 3
    assert "neither OpenVEX nor CycloneDX" in capsys.readouterr().err
    assert main(["vex", "show", "missing.json"]) == 3


# --- out of a snapshot ---------------------------------------------------------------------

ALL = ("introduced", "0")


def _stated(shown: Certificate | None, *components: Component) -> tuple[Statement, ...]:
    known = index(
        record("PYSEC-1", entry(ALL, ("fixed", "2.0")), aliases=["CVE-2026-0001"]),
        record("PYSEC-2", entry(ALL, ("last_affected", "1.0-NA"))),
    )
    return stated(Inventory(components), known, shown)


def _thing(version: str, **fields: Any) -> Component:
    return Component(**({"ecosystem": "PyPI", "name": "thing", "version": version} | fields))


def test_what_affects_a_component_is_stated_with_what_to_do() -> None:
    first, second = _stated(None, _thing("1.0"))
    assert (first.component, first.status) == ("pkg:pypi/thing@1.0", AFFECTED)
    assert {"PYSEC-1", "CVE-2026-0001"} <= set(first.vulnerabilities)
    assert first.says == "upgrade to 2.0"
    assert second.status == UNDER_INVESTIGATION
    assert second.says


def test_what_does_not_affect_is_stated_only_with_its_certificate() -> None:
    assert [one.status for one in _stated(None, _thing("3.0"))] == [UNDER_INVESTIGATION]
    shown = Certificate("no_known_vulnerability", {"snapshot": "ab"})
    statement = _stated(shown, _thing("3.0"))[0]
    assert statement.status == NOT_AFFECTED
    assert statement.evidence == digest_of(shown)
    assert digest_of(shown) != digest_of(Certificate("no_known_vulnerability", {"snapshot": "ac"}))


def test_nothing_is_stated_of_what_its_address_does_not_mean() -> None:
    shown = Certificate("no_known_vulnerability", {})
    assert not _stated(shown, _thing(""), _thing("1.0", source="git+https://a.example/thing"))
    assert not _stated(shown, _thing("1.0", ecosystem="npm"), _thing("1.0", name="other"))


# --- written for a target ------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, and the advisories that are installed."""
    monkeypatch.setenv("PROBATUM_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.chdir(tmp_path)
    feed = tmp_path / "feed.jsonl"
    feed.write_text("".join(json.dumps(one) + "\n" for one in RECORDS_OF_CASES[:-1]))
    assert main(["advisories", "update", "--from", str(feed), "--ecosystem", "PyPI"]) == 0
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


def _written(*options: str) -> tuple[Statement, ...]:
    moment = ("--author", "Us", "--timestamp", MADE, "-o", "vex.json")
    digest = next(Path("data/advisories/snapshots").iterdir()).name
    assert main(["vex", "write", "shop", "--advisories", digest, *moment, *options]) == 0
    return statements(Path("vex.json").read_bytes())


def test_a_target_is_spoken_of_with_the_certificates_of_its_audit(installed: Path) -> None:
    (installed / "requirements.txt").write_text("server==2.7.0\nfine==1.0\n")
    found = _written()
    assert {one.status for one in found} == {NOT_AFFECTED}
    assert {one.component for one in found} == {"pkg:pypi/server@2.7.0"}
    assert all(one.evidence.startswith("sha256:") for one in found)
    assert _written("--format", "cyclonedx-1.6") == found


def test_what_affects_a_target_is_said_with_the_upgrade(installed: Path) -> None:
    (installed / "requirements.txt").write_text("server==2.5.0\nodd-bound==2.0\n")
    found = {one.vulnerabilities[0]: one for one in _written("--product", "pkg:oci/shop@1")}
    affected = [one for one in found.values() if one.status == AFFECTED]
    assert {one.says for one in affected} == {"upgrade to 2.7.0"}
    assert found["EX-4"].status == UNDER_INVESTIGATION
    assert {one.within for one in found.values()} == {"pkg:oci/shop@1"}
    assert not any(one.evidence for one in found.values())


def test_a_malicious_package_is_to_be_removed(installed: Path) -> None:
    (installed / "requirements.txt").write_text("taken==1.3.1\n")
    found = {one.vulnerabilities: one.says for one in _written() if one.status == AFFECTED}
    assert found == {
        ("MAL-1900-8", "GHSA-taken"): "remove it: the package is malicious",
        ("EX-9",): "upgrade to 1.3.2",
    }


def test_a_target_of_which_nothing_is_known_gets_no_document(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (installed / "requirements.txt").write_text("server>=2\n")
    assert main(["vex", "write", "shop", "--author", "Us", "-o", "vex.json"]) == 2
    assert "there is nothing to state" in capsys.readouterr().err
    assert not Path("vex.json").exists()


def test_without_advisories_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROBATUM_DATA", str(tmp_path / "data"))
    assert main(["vex", "write", str(tmp_path), "--author", "Us"]) == 3
    assert "no advisories are installed" in capsys.readouterr().err

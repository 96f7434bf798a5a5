"""What lists of known-bad models and files name, and what a checker does not take for unnamed."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import mutants
from known_lists import BAD, COMMIT, ENTRIES, TENSOR, KnownLists, known_lists, safetensors
from probatum.advisories.lists import FILE, Entry, Known, List, lines, parsed, repository
from probatum.analyzers.supply.not_listed import not_listed
from probatum.audit.judge import judged
from probatum.check import not_listed as checker
from probatum.errors import FormatError, Rejected
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Expected, Proven, Reason, Refuted, Undecided, Verdict

_GOOD = b"nobody lists this\n"
_HEAD = 'name = "x"\npublished = 2026-01-31\n[[entry]]\n'


def _verdict(data: bytes, installed: KnownLists | None, kind: str = "text", **more: Any) -> Verdict:
    artifact = Artifact(name="file", kind=kind, size=len(data), **more)
    return judged(not_listed, artifact, BytesMaterial(data), installed)


def _facts(data: bytes = _GOOD, kind: str = "text") -> dict[str, Any]:
    verdict = _verdict(data, known_lists(), kind)
    assert isinstance(verdict, Proven), verdict
    return verdict.certificate.facts


def _check(
    facts: Any, data: bytes = _GOOD, kind: str = "text", installed: KnownLists | None = None
) -> None:
    given = installed or known_lists()
    checker.holds(facts, BytesMaterial(data).read, len(data), kind, given)


def test_a_proof_names_its_lists_and_is_checked() -> None:
    _check(_facts())
    verdict = _verdict(_GOOD, known_lists())
    assert isinstance(verdict, Proven)
    assert known_lists().digest[:12] in verdict.assumptions[0]


def test_without_lists_nothing_is_known() -> None:
    verdict = _verdict(BAD, None)
    assert isinstance(verdict, Undecided)
    assert verdict.reason is Reason.MISSING_ADVISORIES
    assert "update --list" in verdict.detail


def test_old_lists_still_refute_and_prove_nothing() -> None:
    old = known_lists(stale="they are 40 days old")
    assert isinstance(_verdict(BAD, old), Refuted)
    assert _verdict(_GOOD, old) == Undecided(Reason.MISSING_ADVISORIES, "they are 40 days old")


def test_a_digest_that_is_known_is_not_made_again() -> None:
    """The bytes here are others: the artifact's own digest was made when it was opened."""
    digest = f"sha256:{hashlib.sha256(BAD).hexdigest()}"
    assert isinstance(_verdict(_GOOD, known_lists(), digest=digest), Refuted)


def test_a_file_far_away_is_known_by_the_digest_of_its_listing() -> None:
    def far(data: bytes) -> Expected:
        return Expected(f"sha256:{hashlib.sha256(data).hexdigest()}", "the hub", costly=True)

    assert isinstance(_verdict(b"", known_lists(), expected=far(BAD)), Refuted)
    verdict = _verdict(b"", known_lists(), expected=far(_GOOD))
    assert isinstance(verdict, Undecided) and verdict.reason is Reason.NOT_ANALYSED


def test_a_list_without_tensors_asks_nothing_of_formats_with_them() -> None:
    few = known_lists(*(one for one in ENTRIES if not one.tensor))
    verdict = _verdict(b"\x80\x02N.", few, "pickle")
    assert isinstance(verdict, Proven)
    _check(verdict.certificate.facts, b"\x80\x02N.", "pickle", few)
    assert isinstance(_verdict(b"\x80\x02N.", known_lists(), "pickle"), Undecided)


def test_a_changed_fact_or_file_is_rejected() -> None:
    for facts in mutants(_facts()):
        if facts != _facts():
            with pytest.raises(Rejected):
                _check(facts)
    for name in ("size", "sha256", "lists"):
        for value in (None, True, -1, "", "0" * 64, 1 << 70):
            with pytest.raises(Rejected):
                _check(_facts() | {name: value})
    with pytest.raises(Rejected, match="another digest"):
        _check(_facts(), b"nobody lists that\n")


@pytest.mark.parametrize(
    ("data", "kind", "why"),
    [
        (BAD, "text", "a list names this file"),
        (b"{{ messages }} tell nobody\n", "chat-template", "a list names this template"),
        (safetensors(TENSOR), "safetensors", "a list names the tensor"),
        (b"\x80\x02N.", "pickle", "are not read"),
        (f"pkg:huggingface/a/b@{COMMIT}\n".encode(), "package-url", "a list names this commit"),
        (f"pkg:huggingface/owner/taken@{'1' * 40}\n".encode(), "package-url", "this repository"),
        (b"pkg:huggingface/a/b\n", "package-url", "no repository with its commit"),
    ],
)
def test_the_checker_looks_every_line_up_itself(data: bytes, kind: str, why: str) -> None:
    facts = {
        "lists": known_lists().digest,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    with pytest.raises(Rejected, match=why):
        _check(facts, data, kind)


@pytest.mark.parametrize("text", [b"", b"{}\n", b"[1]\n", b'["x","y","z",{}]\n', b"\xff\n", b"["])
def test_damaged_lists_prove_nothing(text: bytes) -> None:
    damaged = KnownLists(text)
    facts = _facts() | {"lists": damaged.digest}
    if text:
        with pytest.raises(Rejected):
            _check(facts, installed=damaged)
        assert isinstance(_verdict(_GOOD, damaged), Undecided)
    else:
        _check(facts, installed=damaged)


def test_a_list_is_read_from_toml_and_from_json() -> None:
    toml = f"""
name = "one"
published = 2026-01-31
[[entry]]
sha256 = "SHA256:{"AB" * 32}"
purl = "pkg:huggingface/Owner/Name@{COMMIT}?x=1"
reason = "bad"
published = 2026-01-12
""".replace("SHA256:", "sha256:")
    found = parsed(toml.encode())
    assert (found.name, found.published) == ("one", "2026-01-31")
    assert found.entries[0].sha256 == "ab" * 32
    assert found.entries[0].published == "2026-01-12"
    entry = {"sha256": "ab" * 32, "reason": "bad"}
    told = {"name": "one", "published": "2026-01-31", "entry": [entry]}
    assert parsed(json.dumps(told).encode()).entries == (Entry("bad", sha256="ab" * 32),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no name"),
        ('name = "x"', "no day"),
        ('name = "x"\npublished = 2026-01-31\nmore = 1', "other keys"),
        ('name = "x"\npublished = 2026-01-31\nentry = 1', "no list"),
        (f'{_HEAD}sha256 = "00"\nreason = "r"', "SHA-256"),
        (f'{_HEAD}reason = "r"', "names nothing"),
        (f'{_HEAD}sha256 = "{"0" * 64}"', "no reason"),
        (f"{_HEAD}reason = 3", "no line"),
        (f'{_HEAD}reason = "r"\npurl = "pkg:pypi/x"', "purl is none"),
        ('{"name": "x", "name": "y"}', "stands twice"),
        ("= [", "neither TOML nor JSON"),
        ("\0", "neither TOML nor JSON"),
    ],
)
def test_what_is_no_list_is_told_as_that(text: str, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        parsed(text.encode())


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail(data: bytes) -> None:
    for text in (data, b'name = "x"\npublished = 2026-01-31\n' + data):
        try:
            parsed(text)
        except FormatError:
            continue


def test_a_branch_or_a_tag_names_no_certain_model() -> None:
    kept = lines([List("x", "2026-01-31", (Entry("r", purl="pkg:huggingface/a/b@v1.0"),))])
    assert json.loads(kept)[:2] == ["name", "a/b"]
    assert repository("pkg:huggingface/A%2FB@x") == ("a/b", "x")
    assert Known(kept).of(FILE, "") == ()

"""`probatum.toml`: what it may say, and where it is not read at all."""

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.audit.opened import Caps
from probatum.audit.sandbox import Limits
from probatum.configuration import (
    LimitsTable,
    demand_claims,
    found,
    limited,
    read,
    size_of,
)
from probatum.errors import ConfigurationError
from probatum.policy import MUST_PROVE, Acceptance, Policy

WHOLE = """
[policy]
must-prove = ["load-inert", "data-shaped"]
must-prove-entry-points = ["no-code-injection"]
fail-on = "refuted"

[[policy.accept]]
artifact = "old/*.pkl"
claim = "load-inert"
reason = "loaded in a sandbox only"
owner = "ann@example.org"
expires = 2027-01-31

[limits]
memory = "1 GiB"
cpu-seconds = 10
depth = 3
total-size = 1000

[analyzers]
third-party = ["their.package:analyser"]
"""


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "probatum.toml"
    path.write_text(text)
    return str(path)


def complaint(tmp_path: Path, text: str) -> str:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    said = str(caught.value)
    assert said.startswith(path + ": ")
    return said.removeprefix(path + ": ")


def test_everything_a_file_may_say(tmp_path: Path) -> None:
    told = read(written(tmp_path, WHOLE))
    accepted = Acceptance(
        artifact="old/*.pkl",
        claim="load-inert",
        reason="loaded in a sandbox only",
        owner="ann@example.org",
        expires=datetime.date(2027, 1, 31),
    )
    assert told.policy == Policy(
        must_prove=("load-inert", "data-shaped"),
        must_prove_entry_points=("no-code-injection",),
        fail_on="refuted",
        accept=(accepted,),
    )
    assert told.limits == Limits(memory=1 << 30, cpu_s=10)
    assert told.caps == Caps(depth=3, total_size=1000)
    assert told.third_party == ("their.package:analyser",)


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    told = read(written(tmp_path, ""))
    assert told.policy.must_prove == MUST_PROVE
    assert (told.limits, told.caps, told.third_party) == (Limits(), Caps(), ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[polici]", "unknown key 'polici'; did you mean 'policy'?"),
        ("[policy]\nmust-proof = []", "unknown key 'policy.must-proof'; did you mean 'must-prove'"),
        ("[policy]\nmust_prove = []", "unknown key 'policy.must_prove'; did you mean 'must-prove'"),
        ("[limits]\nx = 1", "unknown key 'limits.x'; known are cpu-seconds, depth, "),
        ("[[policy.accept]]\nuntil = 1", "unknown key 'policy.accept[0].until'"),
        ("[policy]\nmust-prove = 'load-inert'", "`policy.must-prove`"),
        ("[policy]\nfail-on = 'never'", "`policy.fail-on`"),
        ("[limits]\ndepth = 0", "`limits.depth`"),
        ("[limits]\nmemory = 'much'", "[limits]: 'much' is not a size"),
        ("[limits]\nmemory = '63M'", "[limits]: a worker needs 64 MiB of memory at least"),
        ("[limits]\ncpu-seconds = -1", "`limits.cpu-seconds`"),
        ("[limits]\ncpu-seconds = nan", "`limits.cpu-seconds`"),
        ("policy = 3", "`policy`"),
        ("[policy", "is not TOML"),
    ],
)
def test_a_mistake_names_file_key_and_what_is_allowed(tmp_path: Path, text: str, says: str) -> None:
    assert says in complaint(tmp_path, text)


@pytest.mark.parametrize("missing", ["artifact", "claim", "reason", "owner", "expires"])
def test_an_acceptance_needs_all_its_keys(tmp_path: Path, missing: str) -> None:
    kept = [line for line in WHOLE.splitlines() if not line.startswith(missing + " ")]
    assert f"`{missing}`" in complaint(tmp_path, "\n".join(kept))


@pytest.mark.parametrize("expires", ["'soon'", "3", "2027-02-30"])
def test_an_expiry_is_a_day(tmp_path: Path, expires: str) -> None:
    complaint(tmp_path, WHOLE.replace("2027-01-31", expires))


def test_an_empty_reason_is_no_reason(tmp_path: Path) -> None:
    assert "reason" in complaint(tmp_path, WHOLE.replace("loaded in a sandbox only", ""))


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: cannot be read"):
        read(str(tmp_path / "nowhere.toml"))
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigurationError, match="not UTF-8 text"):
        read(str(path))


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("512 MiB", 512 << 20), ("2G", 2 << 30), ("1.5k", 1536), (" 1 tb ", 1 << 40)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert size_of(text) == size


@given(st.text(max_size=20))
def test_any_text_is_a_size_or_a_clear_mistake(text: str) -> None:
    try:
        assert size_of(text) >= 1
    except ConfigurationError as exc:
        assert "size" in str(exc)


def test_the_command_line_is_put_over_the_file() -> None:
    limits, caps = limited(Limits(memory=5), Caps(depth=3), LimitsTable(memory="64M", members=7))
    assert (limits, caps) == (Limits(memory=64 << 20), Caps(depth=3, members=7))


def test_a_claim_nobody_judges_cannot_be_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'load-inert'"):
        demand_claims(["load-inrt"], ["load-inert"], "--must-prove")


def test_the_current_directorys_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    assert found(["models", "/elsewhere", "hf://owner/name", "-"]) == ("probatum.toml", None)


@pytest.mark.parametrize("target", [".", "..", "../repo", "probatum.toml", "link"])
def test_a_file_inside_a_target_is_not_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    written(repo, "")
    (repo / "link").symlink_to(".")
    monkeypatch.chdir(repo)
    path, note = found(["x", target])
    assert path is None
    assert note is not None
    assert "--config probatum.toml" in note


def test_a_link_to_a_file_in_the_target_is_still_the_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repo").mkdir()
    written(tmp_path / "repo", "")
    (tmp_path / "probatum.toml").symlink_to("repo/probatum.toml")
    monkeypatch.chdir(tmp_path)
    assert found(["repo"])[0] is None


def test_a_file_further_up_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert found(["x"]) == (None, None)

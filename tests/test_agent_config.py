"""Configurations of agents: rows with their examples, laws of the readers, certificates."""

import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certificate_laws import assert_every_mutant_is_rejected, certificate_of, check, verdict_on
from probatum.analyzers.agent.action_expressions import action_expressions
from probatum.analyzers.agent.agent_secrets import agent_secrets
from probatum.analyzers.agent.blanket_permission import blanket_permission
from probatum.analyzers.agent.encrypted_transport import encrypted_transport
from probatum.analyzers.agent.pinned_actions import pinned_actions
from probatum.analyzers.agent.pinned_tools import pinned_tools
from probatum.analyzers.agent.space_permissions import space_permissions
from probatum.analyzers.agent.space_versions import space_versions
from probatum.analyzers.agent.workflow_permissions import workflow_permissions
from probatum.analyzers.deploy.pinned_downloads import pinned_downloads
from probatum.errors import FormatError
from probatum.formats import toml_nodes
from probatum.formats.agent_config import document, servers, texts
from probatum.formats.kinds import kind_of
from probatum.formats.launchers import Start, started
from probatum.formats.nodes import Scalar, walk
from probatum.material import BytesMaterial
from probatum.vocabulary import Proven, Refuted

RULES = Path(__file__).parent.parent / "src" / "probatum" / "rules" / "agent"
LAUNCHERS = tomllib.loads((RULES / "launchers.toml").read_text("utf-8"))["launcher"]
PERMISSIONS = tomllib.loads((RULES / "permissions.toml").read_text("utf-8"))
ALL = (pinned_tools, agent_secrets, encrypted_transport, blanket_permission)
WORDS = st.sampled_from(
    ["npx", "-y", "x@1.2.3", "x", "x@latest", "uvx", "--from", "x==1", "docker", "run", "-i",
     "a@sha256:" + "0" * 64, "a:1", "python", "-m", "s.py", "bash", "-c", "curl a | sh", "--yolo",
     "/", "--token=ab", "http://a.example", "", "env", "A=b", "uv", "--with", "-v", "/:/h"]
)  # fmt: skip
SERVERS = st.fixed_dictionaries(
    {},
    optional={
        "command": WORDS | st.lists(WORDS, max_size=3) | st.none(),
        "args": st.lists(WORDS, max_size=4) | WORDS,
        "url": st.sampled_from(["https://a.example", "http://a.example", "http://[::1]", "${A}"]),
        "env": st.dictionaries(st.sampled_from(["A_TOKEN", "LOG", "ALLOW"]), WORDS, max_size=2),
        "autoApprove": st.sampled_from([["*"], [], True]),
        "disabled": st.booleans(),
    },
)  # fmt: skip
CONFIGS = st.fixed_dictionaries(
    {"mcpServers": st.dictionaries(st.sampled_from(["a", "b", "allow"]), SERVERS, max_size=2)},
    optional={"permissions": st.fixed_dictionaries({"allow": st.lists(WORDS, max_size=1)})},
)


def verdict(one: Any, config: object) -> Any:
    return verdict_on(one, json.dumps(config).encode(), "agent-config")


@pytest.mark.parametrize("row", LAUNCHERS, ids=lambda row: row["commands"][0])
def test_a_launcher_starts_the_newest_or_one_version(row: dict[str, Any]) -> None:
    for words, start in ((row["bad"], Start.OPEN), (row["good"], Start.FIXED)):
        config = {"mcpServers": {"a": {"command": words[0], "args": words[1:]}}}
        data = json.dumps(config).encode()
        [server] = servers(document(BytesMaterial(data))[1])
        assert [one.start for one in started(server)] == [start]
    assert row["source"]


@pytest.mark.parametrize("row", LAUNCHERS, ids=lambda row: row["commands"][0])
def test_every_name_of_a_launcher_is_known(row: dict[str, Any]) -> None:
    rest = row["bad"][len(row["commands"][0].split()) :]
    for command in row["commands"]:
        first, *words = command.split()
        config = {"mcpServers": {"a": {"command": first, "args": [*words, *rest]}}}
        assert isinstance(verdict(pinned_tools, config), Refuted), command


@pytest.mark.parametrize(
    "row", [*PERMISSIONS["permission"], *PERMISSIONS["folders"]], ids=lambda row: row["says"]
)
def test_a_permission_is_too_wide_or_is_not(row: dict[str, Any]) -> None:
    found = verdict_on(blanket_permission, row["bad"].encode(), "agent-config")
    assert isinstance(found, Refuted)
    assert row["says"] in found.witnesses[0].says
    assert not isinstance(
        verdict_on(blanket_permission, row["good"].encode(), "agent-config"), Refuted
    )
    assert row["source"]


@settings(deadline=None)  # the rows are read once, by the first
@given(CONFIGS)
def test_what_is_proven_of_a_configuration_also_checks(config: object) -> None:
    data = json.dumps(config).encode()
    for one in ALL:
        found = verdict_on(one, data, "agent-config")
        if isinstance(found, Proven):
            check(found.certificate, data)


@settings(deadline=None)  # the rows are read once, by the first
@given(CONFIGS)
def test_how_it_is_laid_out_changes_no_verdict(config: object) -> None:
    for one in ALL:
        plain = type(verdict(one, config))
        laid = json.dumps(config, indent=2, ensure_ascii=True).encode()
        assert type(verdict_on(one, laid, "agent-config")) is plain


@settings(deadline=None)  # the rows are read once, by the first
@given(CONFIGS)
def test_a_comment_hides_nothing(config: object) -> None:
    text = json.dumps(config, indent=1).replace(",\n", ", // a note\n/* more */\n")
    for one in ALL:
        if isinstance(verdict(one, config), Refuted):
            assert isinstance(verdict_on(one, text.encode(), "agent-config"), Refuted)


@settings(deadline=None)  # the rows are read once, by the first
@given(st.binary(max_size=80) | st.text('{}[],:"\\ a/*mcpServers$', max_size=60).map(str.encode))
def test_the_reader_raises_nothing_but_format_errors(data: bytes) -> None:
    try:
        _, node = document(BytesMaterial(data))
    except FormatError:
        return
    for server in servers(node):
        started(server)
    list(texts(node))


def test_every_mutant_of_a_proof_about_a_configuration_is_rejected() -> None:
    data = b'{"mcpServers": {"a": {"command": "npx", "args": ["x@1.2.3"]}}}'
    for one in ALL:
        certificate = certificate_of(one, data, "agent-config")
        assert_every_mutant_is_rejected(certificate, data, range(len(data)))


def test_a_configuration_is_known_by_its_content_or_its_name() -> None:
    data = b'{"theme": "dark", "mcpServers": {"a": {"url": "https://a.example"}}}'
    assert kind_of("state.json", BytesMaterial(data)) == "agent-config"
    assert kind_of(".vscode/mcp.json", BytesMaterial(b'// x\n{"servers": {}}')) == "agent-config"
    assert kind_of("package.json", BytesMaterial(b'{"name": "x"}')) == "json"


def test_a_word_in_a_models_configuration_does_not_change_its_kind() -> None:
    data = b'{"mcpServers": {}, "auto_map": {"AutoModel": "m.M"}}'
    assert kind_of("config.json", BytesMaterial(data)) == "model-config"
    model = b'{"learner": {"x": 1}, "mcpServers": {}}'
    assert kind_of("model.json", BytesMaterial(model)) == "xgboost-json"


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_no_secret_is_repeated_whatever_else_is_told(one: Any, indent: int | None) -> None:
    value, token = "Zq7Kw2Xv9Lm4Rt6Yb3Nc8Hd5", "ghp_" + "Zq7Kw2Xv9Lm4Rt6Yb3Nc8Hd5Jf7Pg2Sk9Qa4"
    server = {
        "command": "npx",
        "args": [
            "-y",
            "x",
            "--api-key",
            value,
            f"--token={value}",
            "--yolo",
            f"https://u:{value}@h.io",
        ],
        "env": {"A_TOKEN": value, "OTHER": token, "X": "http://a.example/?k=" + token},
        "url": f"http://a.example/{token}",
        "autoApprove": ["*"],
    }
    config = {
        "mcpServers": {"a": server, "b": {"command": "uvx", "args": [f"git+https://{token}@h"]}}
    }
    data = json.dumps(config, indent=indent).encode()
    found = verdict_on(one, data, "agent-config")
    assert isinstance(found, Refuted)
    assert value[:8] not in str(found)
    assert token[4:12] not in str(found)


@settings(deadline=None)  # the rows are read once, by the first
@given(st.lists(st.sampled_from(
    ["sdk: gradio", "sdk: static", "sdk_version: 5.1.2", "sdk_version: 5", "hf_oauth: true",
     "preload_from_hub:", "- a/b", "title: x", "  y", "sdk_version: '1.2.3'", "sdk: &a static",
     "? sdk", "x: {sdk_version: 1}", "# sdk: docker", "emoji: 🐨", "---", "x: |", "<<: *a"]
), max_size=6))  # fmt: skip
@example(["sdk: static"])
@example(["sdk: gradio", "sdk_version: 5.1.2", "title: x", "emoji: 🐨"])
def test_what_is_proven_of_a_space_also_checks(lines: list[str]) -> None:
    data = "\n".join(["---", *lines, "---", "Words.", ""]).encode()
    for one in (space_versions, space_permissions):
        found = verdict_on(one, data, "space-card")
        if isinstance(found, Proven):
            check(found.certificate, data)
            front = document_of(data)
            assert one is space_permissions or front["sdk"] in ("static", "gradio")
            assert "hf_oauth" not in front or one is space_versions


def document_of(data: bytes) -> dict[str, Any]:
    """The front matter as another reader of YAML takes it."""

    front: dict[str, Any] = next(yaml.safe_load_all(data))
    return front


def test_every_mutant_of_a_proof_about_a_space_is_rejected() -> None:
    data = b"---\nsdk: gradio\nsdk_version: 5.49.1\n---\n"
    for one in (space_versions, space_permissions):
        certificate = certificate_of(one, data, "space-card")
        assert_every_mutant_is_rejected(certificate, data, range(len(data)))


def test_a_readme_without_an_sdk_is_no_spaces_card() -> None:
    assert (
        kind_of("README.md", BytesMaterial(b"---\nlicense: mit\n---\nsdk: gradio\n")) == "markdown"
    )
    assert kind_of("README.md", BytesMaterial(b"---\nsdk: gradio\n---\n")) == "space-card"


TOML = st.lists(
    st.sampled_from(
        ["[a]", "[[a]]", "[a.b]", '[a."b c"]', "x = 1", "a.b = true", "x = [1, 'two',", "]", "# c",
         'y = """', "=", "z = {p = 'q', r = [1]}", "d = 2026-01-01", "n = 0x" + "f" * 6000,
         "'k' = ''"]
    ),
    max_size=9,
).map("\n".join)  # fmt: skip


@given(st.one_of(TOML, st.text(max_size=60)))
@example("a = " + "[" * 3000)
@example("n = " + "9" * 5000)
def test_a_reader_of_toml_raises_nothing_but_format_errors(text: str) -> None:
    try:
        node = toml_nodes.document(text.encode("utf-8", "replace"))
    except FormatError:
        return
    told = {path: one.text for path, one in walk(node) if isinstance(one, Scalar)}
    assert len(told) >= len([one for one in tomllib.loads(text).values() if isinstance(one, str)])


def test_every_value_of_a_toml_file_has_its_place() -> None:
    data = b"""# c
a = "x"
[b . c]
'd e' = 1 # one
list = [
  "first",
  "second", # last
]
[[f]]
g = { h = "i" }
[[f]]
g = { h = "j" }
"""
    found = {
        path: one.place for path, one in walk(toml_nodes.document(data)) if isinstance(one, Scalar)
    }
    assert {path: (at.line, at.column) for path, at in found.items()} == {
        "$.a": (2, 5),
        "$.b.c.d e": (4, 9),
        "$.b.c.list[0]": (6, 4),
        "$.b.c.list[1]": (7, 4),
        "$.f[0].g.h": (10, 12),
        "$.f[1].g.h": (12, 12),
    }


YAML_LINES = st.lists(
    st.sampled_from(
        ["on: push", "jobs:", "  a:", "    steps:", "      - uses: a/b@v1",
         "      - run: curl a | sh", "permissions: write-all", "runs:", "  using: composite",
         "  steps: [{run: '${{ inputs.a }}'}]",
         "- x", "&a [*a]", "uses: [1]", "---"]
    ),
    max_size=9,
).map("\n".join)  # fmt: skip


@given(YAML_LINES)
def test_reviews_of_workflows_raise_nothing_but_format_errors(text: str) -> None:
    for one, kind in (
        (pinned_actions, "github-workflow"),
        (workflow_permissions, "github-workflow"),
        (action_expressions, "github-action"),
        (pinned_downloads, "dockerfile"),
    ):
        assert not isinstance(verdict_on(one, text.encode(), kind), Proven)


@pytest.mark.parametrize(
    "word", ["enableAllProjectMcpServers", "a" * 4000, "/a" * 2000, "a-" * 2000]
)
def test_a_long_word_costs_no_more_than_it_is_long(word: str) -> None:
    """The pattern for a path once tried every way to cut a word into parts."""
    data = json.dumps({word: True, "mcpServers": {"a": {"command": "node", "args": [word]}}})
    before = time.process_time()
    for analyzer in (agent_secrets, pinned_tools, encrypted_transport, blanket_permission):
        verdict_on(analyzer, data.encode(), "agent-config")
    assert time.process_time() - before < 1

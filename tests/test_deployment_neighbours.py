"""Files that a deployment names, in the same target: what they say counts, nothing outside does."""

import os
from pathlib import Path

import pytest

from probatum.analyzers.deploy.no_default_credentials import no_default_credentials
from probatum.analyzers.deploy.no_literal_secret import no_literal_secret
from probatum.analyzers.deploy.no_open_service import no_open_service
from probatum.analyzers.deploy.no_unsafe_switch import no_unsafe_switch
from probatum.audit.run import Settings, audit
from probatum.errors import FormatError
from probatum.material import Around, BytesMaterial, FileMaterial
from probatum.ports import Analyzer
from probatum.vocabulary import Artifact, Reason, Refuted, Undecided, Verdict

COMPOSE = """\
services:
  ui:
    image: ghcr.io/open-webui/open-webui:v0.6.5
    env_file:
      - ./ui.env # who may come in
    ports: ["3000:8080"]
"""


def on(
    analyzer: Analyzer,
    text: str,
    files: dict[str, str],
    kind: str = "compose",
    name: str = "x",
    beside: frozenset[str] = frozenset(),
) -> Verdict:
    around = {path: said.encode() for path, said in files.items()}
    material = BytesMaterial(text.encode(), beside, around=around)
    return analyzer.judge(Artifact(name=name, kind=kind, size=material.size), material)


def test_what_an_env_file_sets_counts_and_is_told_with_its_place() -> None:
    verdict = on(no_open_service, COMPOSE, {"ui.env": "# ui\nWEBUI_AUTH=False\n"})
    assert isinstance(verdict, Refuted)
    assert str(verdict.witnesses[0].place) == "ui.env:2:1"


def test_an_env_file_that_is_not_at_hand_decides() -> None:
    verdict = on(no_open_service, COMPOSE, {})
    assert isinstance(verdict, Undecided)
    assert "./ui.env" in verdict.detail


def test_the_environment_of_the_service_wins_over_its_files() -> None:
    own = COMPOSE + "    environment:\n      WEBUI_AUTH: 'True'\n"
    verdict = on(no_open_service, own, {"ui.env": "WEBUI_AUTH=False\n"})
    assert isinstance(verdict, Undecided)


def test_a_later_env_file_wins_over_an_earlier_one() -> None:
    two = COMPOSE.replace("- ./ui.env", "- {path: a.env}\n      - path: b.env")
    open_last = {"a.env": "WEBUI_AUTH=True", "b.env": "export WEBUI_AUTH='false'"}
    assert isinstance(on(no_open_service, two, open_last), Refuted)
    open_first = {"a.env": "WEBUI_AUTH=false", "b.env": "WEBUI_AUTH=true"}
    assert isinstance(on(no_open_service, two, open_first), Undecided)


def test_a_key_in_an_env_file_closes_the_service() -> None:
    text = (
        "services:\n  q:\n    image: qdrant/qdrant\n    env_file: q.env\n    ports: ['6333:6333']\n"
    )
    assert isinstance(on(no_open_service, text, {"q.env": "A=1\n"}), Refuted)
    closed = on(no_open_service, text, {"q.env": "QDRANT__SERVICE__API_KEY=abc\n"})
    assert isinstance(closed, Undecided)


def test_compose_reads_the_env_beside_it_for_its_own_variables() -> None:
    text = "services:\n  o:\n    image: ollama/ollama\n    ports: ['${BIND}:11434:11434']\n"
    assert isinstance(on(no_open_service, text, {}), Undecided)
    verdict = on(no_open_service, text, {".env": "BIND=0.0.0.0\n"})
    assert isinstance(verdict, Refuted)
    assert "the variable BIND of .env:1" in verdict.witnesses[0].says
    assert isinstance(on(no_open_service, text, {".env": "BIND=127.0.0.1\n"}), Undecided)


def test_a_secret_of_another_file_is_not_told_again() -> None:
    text = (
        "services:\n  o:\n    image: a/b\n    env_file: .env\n    environment:\n      - HF_TOKEN\n"
    )
    text += "      - API_TOKEN=${HF_TOKEN}\n"
    secret = {".env": "HF_TOKEN=hf_" + "aBcDeFgHiJ" * 4 + "\n"}
    assert isinstance(on(no_literal_secret, text, secret), Undecided)


def test_a_default_password_of_another_file_is_told_where_it_is_used() -> None:
    text = "services:\n  m:\n    image: minio/minio\n    environment:\n"
    text += "      MINIO_ROOT_PASSWORD: ${PASSWORD}\n"
    verdict = on(no_default_credentials, text, {".env": "PASSWORD=minioadmin\n"})
    assert isinstance(verdict, Refuted)
    assert verdict.witnesses[0].place.line == 5
    assert "PASSWORD of .env:1" in verdict.witnesses[0].says


UNIT = """\
[Service]
Environment=OLLAMA_HOST=127.0.0.1
EnvironmentFile=-ollama.conf
ExecStart=/usr/bin/ollama serve
"""


def test_the_file_of_a_unit_overrides_what_the_unit_sets() -> None:
    verdict = on(no_open_service, UNIT, {"ollama.conf": "OLLAMA_HOST=0.0.0.0\n"}, "systemd-unit")
    assert isinstance(verdict, Refuted)
    assert verdict.witnesses[0].place.part == "ollama.conf"
    assert isinstance(on(no_open_service, UNIT, {"ollama.conf": ""}, "systemd-unit"), Undecided)


def test_a_unit_s_variables_are_put_into_its_command() -> None:
    unit = (
        '[Service]\nEnvironment="HOST=0.0.0.0" PORT=1\nExecStart=/v/bin/vllm serve m --host $HOST\n'
    )
    assert isinstance(on(no_open_service, unit, {}, "systemd-unit"), Refuted)


SCRIPT = """\
#!/usr/bin/env bash
set -euo pipefail
source ./serve.env
exec mlflow server --host "$HOST" --port "${PORT:-5000}"
"""


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("HOST=0.0.0.0\n", Refuted),
        ("# a comment\nexport HOST='0.0.0.0' # all\nset -e\n", Refuted),
        ("HOST=127.0.0.1\n", Undecided),
        ("PORT=1\n", Undecided),
        ("HOST=$(hostname -i)\n", Undecided),
        ("HOST=0.0.0.0\nunset HOST\n", Undecided),
    ],
)
def test_a_script_reads_what_it_sources(said: str, verdict: type) -> None:
    assert isinstance(on(no_open_service, SCRIPT, {"serve.env": said}, "launcher"), verdict)


ARRAY = "ARGS=(--host 0.0.0.0)\n"
STARTED = 'mlflow server "${ARGS[@]}"'


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('HOST=0.0.0.0\nmlflow server --host "$HOST"\n', Refuted),
        ("HOST=${HOST:-0.0.0.0}\nmlflow server --host $HOST\n", Refuted),
        ("readonly HOST=0.0.0.0\nmlflow server --host=${HOST}\n", Refuted),
        ("A=0.0.0.0\nHOST=$A\nmlflow server --host $HOST\n", Refuted),
        ("ARGS='--host 0.0.0.0 --port 1'\nmlflow server $ARGS\n", Refuted),
        ("ARGS=(\n  --host 0.0.0.0 # all\n)\nmlflow server \"${ARGS[@]}\"\n", Refuted),
        (f"{ARRAY}ARGS+=(--app-name basic-auth)\n{STARTED}", Undecided),
        (f"{ARRAY}if [ $A ]; then\n  ARGS+=(--app-name x)\nfi\n{STARTED}", Undecided),
        ("HOST=127.0.0.1\nif [ $A ]; then HOST=::; fi\nmlflow server --host $HOST\n", Undecided),
        ("HOST=$1\nmlflow server --host $HOST\n", Undecided),
        ("HOST=0.0.0.0\nread HOST\nmlflow server --host $HOST\n", Undecided),
        ("HOST=0.0.0.0\nfor HOST in a b; do mlflow server --host $HOST; done\n", Undecided),
        ("HOST=0.0.0.0 true\nmlflow server --host $HOST\n", Undecided),
    ],
)  # fmt: skip
def test_a_variable_of_a_script_counts_where_it_can_be_read(text: str, verdict: type) -> None:
    assert isinstance(on(no_open_service, text, {}, "launcher"), verdict)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("export OLLAMA_HOST=0.0.0.0\nollama serve\n", Refuted),
        ("OLLAMA_HOST=0.0.0.0\nexport OLLAMA_HOST\nollama serve\n", Refuted),
        ("set -a\n. ./ollama.env\nset +a\nollama serve\n", Refuted),
        ("declare -x OLLAMA_HOST=0.0.0.0\nollama serve\n", Refuted),
        ("OLLAMA_HOST=0.0.0.0 ollama serve\n", Refuted),
        ("OLLAMA_HOST=0.0.0.0\nollama serve\n", Undecided),
        (". ./ollama.env\nollama serve\n", Undecided),
    ],
)
def test_only_what_is_exported_is_in_a_program_s_environment(text: str, verdict: type) -> None:
    files = {"ollama.env": "OLLAMA_HOST=0.0.0.0\n"}
    assert isinstance(on(no_open_service, text, files, "launcher"), verdict)


def test_docker_run_reads_its_env_file() -> None:
    text = "docker run --env-file=ui.env -p 80:8080 ghcr.io/open-webui/open-webui:main\n"
    assert isinstance(on(no_open_service, text, {}, "launcher"), Undecided)
    verdict = on(no_open_service, text, {"ui.env": "WEBUI_AUTH=False"}, "launcher")
    assert isinstance(verdict, Refuted)


def test_what_is_proven_rests_on_no_other_file() -> None:
    text = "services:\n  a:\n    image: x\n    env_file: a.env\n"
    verdict = on(no_unsafe_switch, text, {"a.env": "A=1\n"})
    assert isinstance(verdict, Undecided)


# --- on the disk


def around(folder: Path, *exclude: str) -> Around:
    return Around(os.fsencode(folder), exclude)


def test_a_neighbour_lies_in_the_folder_that_is_judged(tmp_path: Path) -> None:
    inner = tmp_path / "top" / "deploy"
    inner.mkdir(parents=True)
    (tmp_path / "outside.env").write_text("A=1")
    (tmp_path / "top" / ".env").write_text("B=2")
    (inner / "compose.yaml").write_text("x")
    (inner / "link.env").symlink_to(tmp_path / "outside.env")
    (inner / "folder").symlink_to(tmp_path)
    with FileMaterial(str(inner / "compose.yaml"), around=around(tmp_path / "top")) as material:
        assert material.neighbour("../.env") == b"B=2"
        assert material.neighbour("./../deploy/compose.yaml") == b"x"
        for path in (
            "../../outside.env", "/etc/hostname", "~/.env", "", ".", "..", "link.env", "no.env",
            "folder/outside.env", "../deploy", "a\0b", "../../top/.env",
        ):  # fmt: skip
            with pytest.raises(FormatError):
                material.neighbour(path)


def test_what_is_excluded_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.env").write_text("A=1")
    (tmp_path / "compose.yaml").write_text("x")
    path = str(tmp_path / "compose.yaml")
    for pattern in ("*.env", "secret", "secret/a.env"):
        with FileMaterial(path, around=around(tmp_path, pattern)) as material:
            with pytest.raises(FormatError) as caught:
                material.neighbour("secret/a.env")
            assert caught.value.reason == Reason.NOT_ANALYSED


def test_a_file_alone_has_no_neighbours(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with FileMaterial(str(tmp_path / "a")) as material, pytest.raises(FormatError):
        material.neighbour("a")


def test_a_neighbour_that_is_too_large_or_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "big").write_bytes(b"#" * ((1 << 20) + 1))
    os.mkfifo(tmp_path / "pipe")
    with FileMaterial(str(tmp_path / "a"), around=around(tmp_path)) as material:
        for path in ("big", "pipe"):
            with pytest.raises(FormatError):
                material.neighbour(path)


def test_an_audit_of_a_folder_judges_them_together(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "ui.env").write_text("WEBUI_AUTH=False\n")
    whole = audit([str(tmp_path)], Settings(jobs=1))
    alone = audit([str(tmp_path / "compose.yaml")], Settings(jobs=1))
    for report, wanted in ((whole, Refuted), (alone, Undecided)):
        (verdict,) = (
            one.verdict
            for one in report.findings
            if one.claim == "no-open-service" and one.artifact.name.endswith("compose.yaml")
        )
        assert isinstance(verdict, wanted)

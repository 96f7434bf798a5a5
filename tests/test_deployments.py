"""Deployments: every rule row has its examples, laws of the readers, forged certificates."""

import hashlib
import random
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tools.case_pages import cases_of

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.deploy.no_default_credentials import no_default_credentials
from probatum.analyzers.deploy.no_host_takeover import no_host_takeover
from probatum.analyzers.deploy.no_literal_secret import no_literal_secret
from probatum.analyzers.deploy.no_open_service import no_open_service
from probatum.analyzers.deploy.no_unsafe_switch import no_unsafe_switch
from probatum.analyzers.deploy.pinned_images import pinned_images
from probatum.deploy import compose, rules, verdicts
from probatum.errors import FormatError
from probatum.formats.kinds import kind_of
from probatum.formats.kinds_deploy import TEXT_FORMS, YAML_FORMS
from probatum.material import BytesMaterial
from probatum.ports import Analyzer
from probatum.vocabulary import Certificate, Proven, Refuted, Undecided, Verdict

PAGES = Path(__file__).with_name("cases")
ROWS = [
    *(("no-open-service", row.id) for row in rules.servers()),
    *(("no-host-takeover", row.id) for row in rules.grants()),
    *(
        (claim, row.id)
        for claim in ("no-unsafe-switch", "no-default-credentials")
        for row in rules.choices(claim)
    ),
    ("pinned-images", "image-without-digest"),
    ("no-literal-secret", "secret-in-clear"),
]
PROVING = [no_open_service, no_host_takeover, no_unsafe_switch, pinned_images]
ANALYZERS = [*PROVING, no_default_credentials, no_literal_secret]
HONEST = b"""services:
  app:
    image: qdrant/qdrant@sha256:DIGEST
    ports:
      - "127.0.0.1:6333:6333"
    volumes:
      - data:/qdrant/storage
volumes:
  data:
""".replace(b"DIGEST", b"0" * 64)


@pytest.mark.parametrize(("page", "row"), ROWS)
def test_every_rule_row_has_a_bad_and_a_good_example(page: str, row: str) -> None:
    text = PAGES.joinpath(f"{page}.md").read_text("utf-8")
    found = [case for case in cases_of(page, text) if case.heading.endswith(f"({row})")]
    said = [one for case in found for one in case.expected]
    others = {one.id for one in rules.servers() if one.asks}  # the application's code decides
    assert row in others or any(one.verdict == "refuted" and row in one.words for one in said)
    assert any(one.verdict != "refuted" for one in said)


@pytest.mark.parametrize("analyzer", PROVING, ids=lambda one: str(one.id))
def test_every_mutant_of_a_proof_is_rejected(analyzer: Analyzer) -> None:
    certificate = certificate_of(analyzer, HONEST, "compose")
    assert_every_mutant_is_rejected(certificate, HONEST, range(len(HONEST)))


ATTACKS = [
    "services: {a: {image: x, ports: ['1:1']}}",
    'services: {a: {image: x, "\\x70orts": ["1:1"]}}',
    "services:\n  a:\n    image: x\n    ports:\n      - 127.0.0.1:1:1\n      - 2:2\n",
    "services:\n  a:\n    image: x\n    ports:\n      - 127.0.0.1:1:1\n\n# c\n      - 2:2\n",
    "services:\n  a:\n    image: x\n    ports: &p\n      - 127.0.0.1:1:1\n",
    "services:\n  a:\n    image: x\n    ? ports\n    : [2:2]\n",
    "services:\n  a:\n    image: x\n    !!binary cG9ydHM=: [2:2]\n",
    "%TAG ! tag:yaml.org,2002:\n---\nservices:\n  a:\n    image: x\n    !binary cG9ydHM=: [2:2]\n",
    "services:\n  a:\n    image: x\n    network_mode: ${MODE}\n",
    "services:\n  a:\n    image: x\n    networks: [n]\nnetworks:\n  n: {name: host}\n",
    "services:\n  a:\n    image: x # c\u2028    ports: [2:2]\n",
    "services:\n  a:\n    image: x # c\r    ports: [2:2]\n",
    "services:\n  a:\n    image: x\n    'po\\\nrts': [2:2]\n",
    "services:\n  a:\n    extends: {file: b, service: a}\n",
    "services:\n  a: {image: x}\n---\n apiVersion: v1\n kind: Pod\n spec: {hostNetwork: true}\n",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_nothing_that_may_open_a_port_is_proven(text: str) -> None:
    data = text.encode()
    assert not isinstance(verdict_on(no_open_service, data, "compose"), Proven)
    certificate = certificate_of(no_open_service, HONEST, "compose")
    digest = hashlib.sha256(data).hexdigest()
    forged = certificate.facts | {"size": len(data), "sha256": digest}
    assert_rejected(Certificate("deployment", forged), data, text)


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  a:\n    image: x\n    volumes:\n      - da:/d\n      - /:/h\n",
        "services:\n  a:\n    image: x\n    volumes:\n      - da:/d\n\n      - ../..:/h\n",
        "services:\n  a:\n    image: x\n    volumes: ['/:/h']\n",
        "services:\n  a:\n    image: x\n    volumes:\n      - c:/x:/h\n",
        "services:\n  a:\n    image: x\nvolumes:\n  da:\n    driver_opts: {device: /}\n",
        "services:\n  a:\n    image: x\n    secrets: [s]\nsecrets: {s: {file: /}}\n",
        "services:\n  a:\n    image: x\n    'priv'ileged: true\n",
        "services:\n  a:\n    image: x\n    devices:\n      - /dev/sda\n",
    ],
)
def test_nothing_that_may_hand_over_the_host_is_proven(text: str) -> None:
    data = text.encode()
    assert not isinstance(verdict_on(no_host_takeover, data, "compose"), Proven)


KEYS = st.sampled_from(
    ["services", "image", "ports", "command", "entrypoint", "environment", "volumes", "privileged",
     "network_mode", "networks", "extends", "a", "cap_add", "pid", "secrets", "driver", "host_ip"]
)  # fmt: skip
VALUES = st.sampled_from(
    ["ollama/ollama", "vllm/vllm-openai", "8000:8000", "127.0.0.1:1:1", "host", "${X}", "${X:-1}",
     "--api-key", "sh -c 'ollama serve'", "'", "A=1", "WEBUI_AUTH=False", "/:/x", "true", ""]
) | st.sampled_from([None, True, 1])  # fmt: skip
UNHURRIED = settings(suppress_health_check=[HealthCheck.too_slow])
DOCUMENTS = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5)
)


def services(value: object) -> dict[str, object]:
    return {"services": {"a": value, "b": {"image": "ollama/ollama"}}}


@UNHURRIED
@given(DOCUMENTS)
def test_the_reader_raises_nothing_but_format_errors(value: object) -> None:
    for document in (value, services(value)):
        try:
            compose.read(yaml.safe_dump(document).encode())
        except FormatError:
            continue


@UNHURRIED
@given(DOCUMENTS, st.sampled_from(ANALYZERS))
def test_what_is_proven_also_checks(value: object, analyzer: Analyzer) -> None:
    data = yaml.safe_dump(services(value)).encode()
    verdict = verdict_on(analyzer, data, "compose")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@UNHURRIED
@given(st.dictionaries(KEYS, DOCUMENTS, max_size=5), st.sampled_from(ANALYZERS), st.randoms())
def test_order_style_and_anchors_change_no_verdict(
    value: dict[str, object], analyzer: Analyzer, order: random.Random
) -> None:
    shuffled = list(value.items())
    order.shuffle(shuffled)
    forms = [
        yaml.safe_dump(services(value), sort_keys=False, default_flow_style=False),
        yaml.safe_dump(services(value), sort_keys=False, default_flow_style=True),
        yaml.safe_dump(services(dict(shuffled)), sort_keys=False),
        yaml.safe_dump(services(value)).replace("services:", "x: &x {}\nservices:", 1),
    ]
    said = {outcome(verdict_on(analyzer, one.encode(), "compose")) for one in forms}
    assert len(said - {"proven"}) <= 1, said


def outcome(verdict: Verdict) -> str:
    """The verdict; what is not refuted may be proven in one form and undecided in another."""
    match verdict:
        case Refuted(witnesses):
            rules = sorted(
                found[0] for one in witnesses if (found := re.findall(r"\[(.*?):", str(one)))
            )
            return f"refuted {rules}"
        case Undecided(detail=detail) if "that is no proof" in detail:
            return "proven"
        case Undecided(reason=reason):
            return f"undecided {reason}"
    return "proven"


PLAIN = {
    "kubernetes": b"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: m\n"
    b"      image: a/b@sha256:" + b"0" * 64 + b"\n",
    "dockerfile": b"FROM a/b@sha256:" + b"0" * 64 + b" AS x\nRUN make \\\n  all\nFROM scratch\n",
}


@pytest.mark.parametrize("kind", PLAIN)
def test_every_mutant_of_a_digest_s_proof_is_rejected(kind: str) -> None:
    data = PLAIN[kind]
    certificate = certificate_of(pinned_images, data, kind)
    assert_every_mutant_is_rejected(certificate, data, range(len(data)))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("dockerfile", "FROM a/b@sha256:{0}\nFROM c:latest\n"),
        ("dockerfile", "FROM a/b@sha256:{0}\nFR\\\nOM c:latest\n"),
        ("dockerfile", "FROM a/b@sha256:{0}\nFR\\\n# c\n\nOM c:latest\n"),
        ("dockerfile", "# escape=`\nFROM a/b@sha256:{0}\nFR`\nOM c:latest\n"),
        ("dockerfile", "# syntax=a/b\nFROM a/b@sha256:{0}\n"),
        ("dockerfile", "FROM a/b@sha256:{0}\nCOPY --from=c:latest /a /\n"),
        ("dockerfile", "FROM a/b@sha256:{0}\nRUN --mount=type=bind,from=c x\n"),
        ("dockerfile", "FROM a/b@sha256:{0}\u2028FROM c\n"),
        ("compose", "services:\n  a:\n    image: a/b@sha256:{0}\n  b: {{image: c}}\n"),
        ("compose", "services:\n  a:\n    image: a/b@sha256:{0}\n  b:\n    image:\n      c\n"),
        ("compose", "services:\n  a:\n    image: a/b@sha256:{0}\n    build: .\n"),
        ("compose", "services:\n  a:\n    image: a/b@sha256:{0}\nmodels:\n  m: {{model: c}}\n"),
        (
            "kubernetes",
            "kind: Pod\nspec:\n  containers:\n    - image: a@sha256:{0}\n    - image: b\n",
        ),
        ("kubernetes", "kind: Thing\nspec:\n  containers:\n    - image: a@sha256:{0}\n"),
        ("kubernetes", "kind: Pod\n---\nkind: &k Thing\nrepository: x\n# {0}\n"),
    ],
)
def test_nothing_that_names_another_image_is_proven(kind: str, text: str) -> None:
    data = text.format("0" * 64).encode()
    assert not isinstance(verdict_on(pinned_images, data, kind), Proven)
    facts = certificate_of(pinned_images, PLAIN.get(kind, HONEST), kind).facts
    forged = facts | {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert_rejected(Certificate("deployment", forged), data, text)


@pytest.mark.parametrize(
    "command",
    [
        "--trust-remote-code", "--trust_remote_code", "--tru", "--trust-'remote'-code",
        "--config x", "{--t,--u}rust", "sh -c 'a'", "/bin/bash x", "env -S a -c b",
        "${ARGS}", "--{t,}rust", "\"--tr\\x75st\"",
    ],
)  # fmt: skip
def test_no_command_that_may_trust_remote_code_is_proven(command: str) -> None:
    text = f"services:\n  a:\n    image: x\n    command: {command}\n"
    assert not isinstance(verdict_on(no_unsafe_switch, text.encode(), "compose"), Proven)


LINES = st.lists(
    st.sampled_from(
        """FROM a|FROM a AS b|COPY --from=b x y|ENV A=b|ENV A b c|CMD ["vllm"]|# c||<<EOF|EOF
        CMD vllm serve --host 0.0.0.0|RUN a \\|ENTRYPOINT sh -c 'x'|[Service]
        ExecStart=-/bin/sh x \\
        ExecStart=ollama serve|Environment="A=b" 'C=d|A=1|export A="$(x)"|docker run -p 1:1 -e A
        docker run -it --rm|x=${Y:-z} vllm serve|if a; then|fi|kind: Pod|apiVersion: v1|spec:
          containers:|  - image: a|{{ if x }}|{{ end }}|image: {repository: a, tag: 1}
        service: {type: NodePort}|model_list: []|general_settings:|  master_key: x
        '|"|\\|é""".replace("\n        ", "|").split("|")
    ),
    max_size=12,
).map("\n".join)


@given(LINES, st.sampled_from(sorted(verdicts.READERS)))
def test_no_reader_raises_anything_but_format_errors(text: str, kind: str) -> None:
    for analyzer in ANALYZERS:
        if kind not in analyzer.accepts:
            continue
        verdict = verdict_on(analyzer, text.encode(), kind)
        if isinstance(verdict, Proven):
            check(verdict.certificate, text.encode())


@given(st.binary(max_size=60), st.sampled_from(sorted(verdicts.READERS)))
def test_no_reader_raises_anything_but_format_errors_on_bytes(data: bytes, kind: str) -> None:
    try:
        verdicts.READERS[kind](data)
    except FormatError:
        return


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        ("compose", "compose.yaml", b"services:\n  a:\n    image: x\n"),
        ("compose", "a.yml", b"x-a: &a\n" + b"# c\n" * 2000 + b"services:\n  a:\n    build: .\n"),
        ("compose", "a.yml", b'{"services": {"a": {"image": "x"}}}'),
        ("yaml", "a.yml", b"services:\n  - a\n"),
        ("kubernetes", "pod.yaml", b"kind: Pod\napiVersion: v1\n"),
        (
            "helm-template",
            "templates/pod.yaml",
            b"{{ if x }}\nkind: Pod\napiVersion: v1\n{{ end }}",
        ),
        ("helm-values", "values.yaml", b"a: 1\n"),
        ("helm-values", "values-prod.yml", b"a: 1\n"),
        ("litellm-config", "c.yaml", b"model_list: []\n"),
        ("systemd-unit", "x.service", b"[Unit]\nA=b\n[Service]\nExecStart=/x\n"),
        ("systemd-unit", "override.conf", b"[Service]\nEnvironment=A=b\n"),
        ("text", "x.service", b"[Service]\nsome words\n"),
        ("dockerfile", "Dockerfile", b"# c\nARG A=1\nFROM a\n"),
        ("dockerfile", "gpu.Dockerfile", b"FROM a\n"),
        ("dockerfile", "Containerfile.cuda", b"from a\n"),
        ("dockerfile", "Dockerfile", b"FR\\\nOM a\n"),
        ("text", "a.dockerfile.txt", b"some words\n"),
        ("compose", "docker-compose.yml", b'"s\\x65rvices": {}\n'),
        ("env-file", ".env", b"A=1\n\n# c\nexport B='2'\n"),
        ("env-file", "prod.env", b"A=1\n"),
        ("text", ".env", b"some words\n"),
        ("mlflow-auth", "basic_auth.ini", b"[mlflow]\nadmin_username = a\n"),
        ("github-action", "tools/action.yml", b"name: a\nruns:\n  using: composite\n"),
        ("agent-config", ".claude/settings.json", b'{"permissions": {}}'),
        ("agent-config", "settings.json", b'{"permissions": {"defaultMode": "plan"}}'),
        ("json", "settings.json", b'{"permissions": {}}'),
        ("agent-config", ".codex/config.toml", b'model = "x"\n'),
        ("agent-config", "config.toml", b'[mcp_servers.a]\nurl = "x"\n'),
        ("text", "config.toml", b"[tool]\na = 1\n"),
        ("quadlet", "vllm.container", b"[Unit]\nA=b\n\n[Container]\nImage=x\n"),
        ("text", "notes.container", b"some words\n"),
        ("makefile", "Makefile", b"up:\n\tdocker run x\n"),
        ("makefile", "deploy.mk", b"up:\n\tvllm serve m\n"),
        ("text", "Makefile", b"all:\n\tcc x.c\n"),
        ("procfile", "Procfile", b"web: gunicorn app\n# c\n"),
        ("text", "Procfile", b"some words\n"),
        ("jupyter-config", "jupyter_server_config.py", b"c.ServerApp.ip = '*'\n"),
        ("python", "jupyter_server_config.py", b"x = 1\n"),
        ("jupyter-config-json", "jupyter_notebook_config.json", b'{"NotebookApp": {}}'),
        ("model-config", "jupyter_config.json", b'{"auto_map": {}}'),
        ("launcher", "run.sh", b"#!/bin/sh\nexec vllm serve m\n"),
        ("launcher", "run.sh", b"docker run x\n"),
        ("shell-script", "run.sh", b"echo hello\n"),
        ("python", "x", b"#!/usr/bin/env python\n# vllm serve\n"),
        ("model-config", "config.json", b'{"services": {"a": {"image": "x"}}}'),
    ],
)
def test_a_file_of_a_deployment_is_known_by_what_it_says(kind: str, name: str, data: bytes) -> None:
    assert kind_of(name, BytesMaterial(data)) == kind


def test_every_form_of_file_is_asked_what_its_plain_form_is_asked() -> None:
    from probatum.catalog import accepting

    for forms, plain in (
        (YAML_FORMS, "yaml"),
        (TEXT_FORMS, "text"),
        ({"launcher"}, "shell-script"),
        ({"jupyter-config"}, "python"),
        ({"jupyter-config-json"}, "model-config"),
    ):
        wanted = {one.claim.id for one in accepting(plain)}
        for form in forms:
            assert wanted <= {one.claim.id for one in accepting(form)}, form


def broken_samples() -> list[tuple[str, str, bytes]]:
    """Claim, kind and bytes of every sample on the case pages that is refuted."""
    found = []
    for claim in sorted({page for page, _ in ROWS}):
        for case in cases_of(claim, PAGES.joinpath(f"{claim}.md").read_text("utf-8")):
            data = case.text.encode()
            kind = kind_of(case.options["name"], BytesMaterial(data))
            broken = any(one.verdict == "refuted" for one in case.expected)
            if broken and rules.absent(claim, kind) is not None:
                found.append((claim, kind, data))
    return found


@pytest.mark.parametrize(("claim", "kind", "data"), broken_samples())
def test_the_checker_accepts_nothing_that_is_refuted(claim: str, kind: str, data: bytes) -> None:
    digest = hashlib.sha256(data).hexdigest()
    facts = {"claim": claim, "kind": kind, "size": len(data), "sha256": digest}
    assert_rejected(Certificate("deployment", facts), data, data.decode())


@pytest.mark.parametrize("row", rules.choices("no-unsafe-switch"), ids=lambda row: str(row.id))
def test_no_name_of_an_unsafe_switch_can_stand_in_what_is_proven(row: rules.Choice) -> None:
    for name in (*row.env, *row.flag, row.command):
        text = f"services:\n  a:\n    image: x\n    command: y {name} 1\n"
        assert not name or not isinstance(
            verdict_on(no_unsafe_switch, text.encode(), "compose"), Proven
        )


@pytest.mark.parametrize(
    "directive", ["# syntax=x", "#!/x\n# syntax = x", "// syntax=x", '{"syntax": "x"}', "#escape=`"]
)
def test_no_dockerfile_with_another_reader_is_proven(directive: str) -> None:
    data = directive.encode() + b"\n" + PLAIN["dockerfile"]
    assert not isinstance(verdict_on(pinned_images, data, "dockerfile"), Proven)
    digest = hashlib.sha256(data).hexdigest()
    facts = {"claim": "pinned-images", "kind": "dockerfile", "size": len(data), "sha256": digest}
    assert_rejected(Certificate("deployment", facts), data, directive)


def test_a_hardened_pod_is_proven() -> None:
    text = """apiVersion: apps/v1
kind: Deployment
metadata: {name: m}
spec:
  template:
    spec:
      automountServiceAccountToken: false
      containers:
        - name: m
          image: a/b
          securityContext:
            privileged: false
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]
            seccompProfile:
              type: RuntimeDefault
"""
    certificate_of(no_host_takeover, text.encode(), "kubernetes")
    worse = text.replace("drop: [ALL]", "drop: [ALL]\n              add: [SYS_ADMIN]")
    assert isinstance(verdict_on(no_host_takeover, worse.encode(), "kubernetes"), Refuted)
    digest = hashlib.sha256(worse.encode()).hexdigest()
    facts = {
        "claim": "no-host-takeover",
        "kind": "kubernetes",
        "size": len(worse),
        "sha256": digest,
    }
    assert_rejected(Certificate("deployment", facts), worse.encode(), worse)

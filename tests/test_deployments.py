"""Deployments: every rule row has its examples, laws of the readers, forged certificates."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.deploy.no_host_takeover import no_host_takeover
from probatum.analyzers.deploy.no_open_service import no_open_service
from probatum.deploy import compose, rules
from probatum.errors import FormatError
from probatum.vocabulary import Certificate, Proven, Refuted, Undecided, Verdict
from test_cases import cases_of

PAGES = Path(__file__).with_name("cases")
ROWS = [("no-open-service", row.id) for row in rules.servers()] + [
    ("no-host-takeover", row.id) for row in rules.grants()
]
ANALYZERS = [no_open_service, no_host_takeover]
HONEST = b"""services:
  app:
    image: qdrant/qdrant
    ports:
      - "127.0.0.1:6333:6333"
    volumes:
      - data:/qdrant/storage
volumes:
  data:
"""


@pytest.mark.parametrize(("page", "row"), ROWS)
def test_every_rule_row_has_a_bad_and_a_good_example(page: str, row: str) -> None:
    text = PAGES.joinpath(f"{page}.md").read_text("utf-8")
    found = [case for case in cases_of(page, text) if case.heading.endswith(f"({row})")]
    said = [one for case in found for one in case.expected]
    assert any(one.verdict == "refuted" and row in one.words for one in said)
    assert any(one.verdict != "refuted" for one in said)


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: str(one.id))
def test_every_mutant_of_a_proof_is_rejected(analyzer: object) -> None:
    certificate = certificate_of(analyzer, HONEST, "compose")  # type: ignore[arg-type]
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
]


@pytest.mark.parametrize("text", ATTACKS)
def test_nothing_that_may_open_a_port_is_proven(text: str) -> None:
    data = text.encode()
    assert not isinstance(verdict_on(no_open_service, data, "compose"), Proven)
    certificate = certificate_of(no_open_service, HONEST, "compose")
    import hashlib

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
DOCUMENTS = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5)
)


def services(value: object) -> dict[str, object]:
    return {"services": {"a": value, "b": {"image": "ollama/ollama"}}}


@given(DOCUMENTS)
def test_the_reader_raises_nothing_but_format_errors(value: object) -> None:
    for document in (value, services(value)):
        try:
            compose.read(yaml.safe_dump(document).encode())
        except FormatError:
            continue


@given(DOCUMENTS, st.sampled_from(ANALYZERS))
def test_what_is_proven_also_checks(value: object, analyzer: object) -> None:
    data = yaml.safe_dump(services(value)).encode()
    verdict = verdict_on(analyzer, data, "compose")  # type: ignore[arg-type]
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.dictionaries(KEYS, DOCUMENTS, max_size=5), st.sampled_from(ANALYZERS), st.randoms())
def test_order_style_and_anchors_change_no_verdict(
    value: dict[str, object], analyzer: object, random: object
) -> None:
    shuffled = list(value.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    forms = [
        yaml.safe_dump(services(value), sort_keys=False, default_flow_style=False),
        yaml.safe_dump(services(value), sort_keys=False, default_flow_style=True),
        yaml.safe_dump(services(dict(shuffled)), sort_keys=False),
        yaml.safe_dump(services(value)).replace("services:", "x: &x {}\nservices:", 1),
    ]
    said = {outcome(verdict_on(analyzer, one.encode(), "compose")) for one in forms}  # type: ignore[arg-type]
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

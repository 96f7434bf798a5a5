"""Files of settings that a deployment names, and manifests that lie beside one another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.analyzers.deploy.no_open_service import no_open_service
from probatum.analyzers.deploy.no_unsafe_switch import no_unsafe_switch
from probatum.errors import FormatError
from probatum.vocabulary import Refuted, Undecided, Verdict
from test_deployment_neighbours import on

LITELLM = """\
services:
  proxy:
    image: ghcr.io/berriai/litellm:v1.83.7
    command: --config /app/litellm.yaml
    volumes: ["./conf/litellm.yaml:/app/litellm.yaml:ro"]
    ports: ["4000:4000"]
"""
KEYED = "model_list: []\ngeneral_settings:\n  master_key: os.environ/KEY\n"
REDIS = """\
services:
  cache:
    image: redis:7
    command: redis-server /etc/redis/redis.conf
    volumes: ["./redis:/etc/redis"]
    ports: ["6379:6379"]
"""
VLLM = """\
services:
  llm:
    image: vllm/vllm-openai:v0.14.0
    command: --config /etc/vllm/serve.yaml
    configs:
      - source: serve
        target: /etc/vllm/serve.yaml
    ports: ["8000:8000"]
configs:
  serve:
    content: |
      model: org/model
      trust-remote-code: true
"""


def says(verdict: Verdict) -> str:
    if isinstance(verdict, Refuted):
        one = verdict.witnesses[0]
        return f"{one.says} @ {one.place} {[f'{each.says} @ {each.place}' for each in one.steps]}"
    return getattr(verdict, "detail", "")


def test_a_file_of_settings_that_sets_no_key_leaves_the_server_open() -> None:
    verdict = on(no_open_service, LITELLM, {"conf/litellm.yaml": "model_list: []\n"})
    assert isinstance(verdict, Refuted)
    assert "its settings in /app/litellm.yaml are read with it" in says(verdict)


def test_a_file_of_settings_that_sets_a_key_leaves_it_undecided() -> None:
    verdict = on(no_open_service, LITELLM, {"conf/litellm.yaml": KEYED})
    assert isinstance(verdict, Undecided)
    assert "the variable KEY" in verdict.detail


def test_a_file_of_settings_that_is_not_at_hand_decides() -> None:
    verdict = on(no_open_service, LITELLM, {})
    assert isinstance(verdict, Undecided)
    assert "--config" in verdict.detail


def test_a_file_of_settings_is_known_by_its_place_inside_too() -> None:
    text = LITELLM.replace("    command: --config /app/litellm.yaml\n", "").replace(
        "/app/litellm.yaml", "/app/config.yaml"
    )
    assert isinstance(on(no_open_service, text, {}), Undecided)
    assert isinstance(on(no_open_service, text, {"conf/litellm.yaml": KEYED}), Undecided)
    assert isinstance(on(no_open_service, text, {"conf/litellm.yaml": "a: b\n"}), Refuted)


@pytest.mark.parametrize(
    ("conf", "wanted"),
    [
        ("port 6379\nmaxmemory 1gb\n", Refuted),
        ("requirepass s3cret-of-ours\n", Undecided),
        ("# requirepass x\nprotected-mode no\n", Refuted),
        ("protected-mode yes\n", Undecided),
        ("bind 127.0.0.1 -::1\n", Undecided),
        ("bind 127.0.0.1 10.0.0.5\n", Refuted),
        ("include /etc/redis/more.conf\n", Undecided),
        ("user default on >s3cret ~* +@all\n", Undecided),
        ("\x00\xff", Undecided),
    ],
)
def test_redis_is_judged_with_the_configuration_in_the_folder_it_is_given(
    conf: str, wanted: type
) -> None:
    if conf == "\x00\xff":
        verdict = on(no_open_service, REDIS, {"redis/other.conf": conf})
    else:
        verdict = on(no_open_service, REDIS, {"redis/redis.conf": conf})
    assert isinstance(verdict, wanted), says(verdict)


def test_options_of_a_file_count_as_options_and_the_command_line_wins() -> None:
    assert isinstance(on(no_open_service, VLLM, {}), Refuted)
    verdict = on(no_unsafe_switch, VLLM, {})
    assert isinstance(verdict, Refuted)
    assert "--trust-remote-code" in says(verdict)
    local = VLLM.replace("trust-remote-code: true", "host: 127.0.0.1")
    assert isinstance(on(no_open_service, local, {}), Undecided)
    wins = local.replace("serve.yaml\n    configs", "serve.yaml --host 0.0.0.0\n    configs")
    assert isinstance(on(no_open_service, wins, {}), Refuted)
    off = VLLM.replace("trust-remote-code: true", "trust-remote-code: false")
    assert isinstance(on(no_unsafe_switch, off, {}), Undecided)


@given(st.text(max_size=60) | st.sampled_from([KEYED, "a: &a [*a]", "bind", "? []: 1", "- - {"]))
def test_whatever_a_file_of_settings_holds_there_is_a_verdict(said: str) -> None:
    files = {"conf/litellm.yaml": said, "redis/redis.conf": said, "j.py": said}
    for text in (LITELLM, REDIS, VLLM.replace("model: org/model", said.replace("\n", "\n      "))):
        try:
            assert on(no_open_service, text, files) is not None
        except FormatError:
            continue  # the file itself is none any more


def test_a_script_names_a_file_of_its_own_folder() -> None:
    text = "#!/bin/sh\nexec mongod --config ./mongod.conf --bind_ip_all\n"
    open_one = on(no_open_service, text, {"mongod.conf": "net: {port: 27017}\n"}, "launcher")
    assert isinstance(open_one, Refuted)
    asks = {"mongod.conf": "security:\n  authorization: enabled\n"}
    assert isinstance(on(no_open_service, text, asks, "launcher"), Undecided)


def test_a_mounted_configuration_of_jupyter_may_open_it() -> None:
    text = (
        "services:\n  lab:\n    image: jupyter/base-notebook\n    ports: ['8888:8888']\n"
        "    volumes: ['./j.py:/etc/jupyter/jupyter_server_config.py']\n"
    )
    assert isinstance(on(no_open_service, text, {}), Undecided)
    verdict = on(no_open_service, text, {"j.py": "c.IdentityProvider.token = ''\n"})
    assert isinstance(verdict, Refuted)
    assert str(verdict.witnesses[0].place) == "j.py:1:1"


def test_a_variable_in_a_file_of_settings_stays_open() -> None:
    text = (
        "services:\n  es:\n    image: elasticsearch:7.17.0\n    ports: ['9200:9200']\n"
        "    volumes: ['./es.yml:/usr/share/elasticsearch/config/elasticsearch.yml']\n"
    )
    verdict = on(no_open_service, text, {"es.yml": "xpack.security.enabled: ${SEC}\n"})
    assert isinstance(verdict, Undecided)
    assert "the variable SEC" in verdict.detail
    shut = on(no_open_service, text, {"es.yml": "xpack:\n  security:\n    enabled: true\n"})
    assert isinstance(shut, Undecided)
    assert isinstance(on(no_open_service, text, {"es.yml": "cluster.name: a\n"}), Refuted)


POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: qdrant, namespace: rag}
spec:
  template:
    metadata: {labels: {app: qdrant}}
    spec:
      containers:
        - name: qdrant
          image: qdrant/qdrant:v1.12.0
          ports: [{containerPort: 6333}]
          volumeMounts:
            - {name: conf, mountPath: /qdrant/config/production.yaml, subPath: production.yaml}
      volumes:
        - name: conf
          configMap: {name: qdrant}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: qdrant, namespace: rag}
spec:
  type: LoadBalancer
  selector: {app: qdrant}
  ports: [{port: 6333}]
"""
MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: qdrant}
data:
  production.yaml: |
    service:
      host: 0.0.0.0
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: inner}
spec:
  podSelector: {matchLabels: {app: qdrant}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: api}}}]
"""


def in_folder(files: dict[str, str], own: str = POD) -> Verdict:
    return on(no_open_service, own, files, "kubernetes", beside=frozenset(files))


def test_a_service_in_another_manifest_of_the_folder_leads_to_the_pod() -> None:
    verdict = in_folder({"service.yaml": SERVICE, "config.yaml": MAP})
    assert isinstance(verdict, Refuted)
    assert str(verdict.witnesses[0].place) == "service.yaml:5:9"
    assert "production.yaml are read with it" in says(verdict)
    assert isinstance(in_folder({"config.yaml": MAP}), Undecided)


def test_what_the_config_map_says_counts() -> None:
    asks = MAP.replace("host: 0.0.0.0", "api_key: of-our-own-1")
    assert isinstance(in_folder({"service.yaml": SERVICE, "config.yaml": asks}), Undecided)
    assert isinstance(in_folder({"service.yaml": SERVICE}), Undecided)  # its settings are unknown


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (("namespace: rag", "namespace: other"), Undecided),
        (("app: qdrant", "app: another"), Undecided),
        (("type: LoadBalancer", "type: ClusterIP"), Undecided),
        (("type: LoadBalancer", "type: NodePort"), Refuted),
        (("ports:", "loadBalancerSourceRanges: [10.1.2.0/24]\n  ports:"), Undecided),
        (("ports:", "loadBalancerSourceRanges: [0.0.0.0/0]\n  ports:"), Refuted),
    ],
)
def test_the_service_must_lead_there(change: tuple[str, str], wanted: type) -> None:
    verdict = in_folder({"service.yaml": SERVICE.replace(*change), "config.yaml": MAP})
    assert isinstance(verdict, wanted), says(verdict)


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (POLICY, Undecided),
        (POLICY.replace("app: qdrant", "app: other"), Refuted),
        (POLICY.replace("[{podSelector: {matchLabels: {app: api}}}]", "[]"), Refuted),
        (POLICY.replace("ingress:", "policyTypes: [Egress]\n  ingress:"), Refuted),
        (POLICY.partition("  ingress:")[0], Undecided),
    ],
)
def test_a_network_policy_of_the_pod_may_keep_others_out(policy: str, wanted: type) -> None:
    files = {"service.yaml": SERVICE, "config.yaml": MAP, "policy.yaml": policy}
    verdict = in_folder(files)
    assert isinstance(verdict, wanted), says(verdict)


def test_a_broken_manifest_beside_it_changes_nothing() -> None:
    files = {"service.yaml": SERVICE, "config.yaml": MAP, "broken.yaml": "apiVersion: [\n"}
    assert isinstance(in_folder(files), Refuted)

"""Which file of a deployment a text is: by what it says, and by its name where that cannot tell.

Only text without a format of its own, YAML and shell scripts are looked at, so that no name and no
content takes another kind's claims away from a file.
"""

import re
from functools import cache

from probatum.formats.kinds_seen import Seen
from probatum.formats.patterns import Later

YAML_FORMS = frozenset(
    {"compose", "kubernetes", "helm-values", "helm-template", "litellm-config", "github-workflow",
     "github-action"}
)  # fmt: skip
"""Kinds that are YAML first, and are asked all that YAML is asked."""
TEXT_FORMS = frozenset(
    {"dockerfile", "env-file", "systemd-unit", "mlflow-auth", "quadlet", "makefile", "procfile"}
)
"""Kinds that are plain text first, and are asked all that plain text is asked."""

_LOOKED_AT = 1 << 18
_KEY = r"^[\"']?{}[\"']?[ \t]*:"
_FLOW = r"^\{{[^\n]*[\"']?\b{}[\"']?[ \t]*:"


def _has(*keys: str) -> Later[str]:
    """All of these keys, at the top of a YAML document."""
    either = (f"(?m:{_KEY.format(key)}|{_FLOW.format(key)})" for key in keys)
    return Later("".join(rf"(?=[\s\S]*?{one})" for one in either))


_COMPOSE = _has("services")
_COMPOSE_NAME = Later(r"(?:docker-|podman-)?compose(?:[._-][\w.-]+)?\.ya?ml")
_COMPOSE_PART = Later(
    r"(?m)(?:^[ \t]+|[{,]\s*)[\"']?(?:image|build|extends|container_name)[\"']?[ \t]*:"
)
_KUBERNETES = _has("apiVersion", "kind")
_WORKFLOW = _has("on", "jobs")
_LITELLM = Later(r"(?m)^[\"']?(?:model_list|litellm_settings)[\"']?[ \t]*:")
_ACTION = _has("runs")
_TEMPLATE = Later(r"\{\{")
_UNIT = Later(r"(?m)^\[Service\][ \t\r]*$")
_STARTED = Later(r"(?m)^Exec(?:Start|StartPre|StartPost)[ \t]*=|^Environment(?:File)?[ \t]*=")
_DOCKER_NAME = Later(r"(?:.*[._-])?(?:dockerfile|containerfile)(?:[._-].*)?")
_DOCKERFILE = Later(
    r"(?:[ \t]*(?:#[^\n]*)?\r?\n|[ \t]*ARG[ \t][^\n]*\n)*[ \t]*FROM[ \t]+\S+", re.IGNORECASE
)
_MLFLOW = Later(r"(?m)^\[mlflow\][ \t\r]*$")
_ENV_NAME = Later(r"\.env(?:\.[\w.-]+)?|[\w.-]+\.env")
_ENV_LINE = Later(r"\s*(?:#.*|(?:export\s+)?[A-Za-z_]\w*\s*=.*)?")
_QUADLET = Later(r"(?m)^\[Container\][ \t\r]*$")
_MAKE_NAME = Later(r"(?:gnu)?makefile(?:\.[\w-]+)?|.+\.mk")
_PROC_NAME = Later(r"procfile(?:\.[\w-]+)?")
_PROCESS = Later(r"\s*(?:#.*|[\w-]+\s*:\s*\S.*)?")
_JUPYTER_NAME = Later(r"jupyter(?:_(?:server|notebook|lab))?_config\.(?:py|json)")
_JUPYTER = Later(r"\b(?:ServerApp|NotebookApp|IdentityProvider|PasswordIdentityProvider)\b")
_CONTAINERS = (
    r"\b(?:docker|podman|nerdctl)\s+(?:container\s+)?(?:run|create)\b|\bminio\s+server\b"
    r"|vllm\.entrypoints|sglang\.launch_server"
)


def is_deployment(seen: Seen) -> bool:
    """Whether `deployment_kind` knows what it is."""
    return _found(seen) is not None


def deployment_kind(seen: Seen) -> str:
    """The kind of a file of a deployment."""
    return str(_found(seen))


def _found(seen: Seen) -> str | None:
    # Before most expressions stands what they cannot do without: few texts have any compiled.
    if seen.text is not None and "jupyter" in seen.base and _JUPYTER_NAME.fullmatch(seen.base):
        return _jupyter(seen)
    if seen.text is None or seen.promise not in (None, "text", "yaml", "shell-script"):
        return None
    if seen.promise == "yaml":
        return _yaml(seen, _text(seen))
    if seen.promise == "shell-script":
        return "launcher" if launches(seen) else None
    if "[Service]" in seen.text and _UNIT.search(seen.text) and _STARTED.search(seen.text):
        return "systemd-unit"
    if seen.base.endswith(".container") and _QUADLET.search(seen.text):
        return "quadlet"
    if _is_makefile(seen.base) and launches(seen):
        return "makefile"
    if seen.base.startswith("procfile") and _PROC_NAME.fullmatch(seen.base):
        return "procfile" if all(map(_PROCESS.fullmatch, _text(seen).splitlines())) else None
    if "[mlflow]" in seen.text and _MLFLOW.search(seen.text) and "admin_" in seen.text:
        return "mlflow-auth"
    if seen.base in ("dockerfile", "containerfile"):  # however the first word is spelled
        return "dockerfile"
    if "file" in seen.base and _DOCKER_NAME.fullmatch(seen.base) and _DOCKERFILE.match(_text(seen)):
        return "dockerfile"
    if ".env" in seen.base and _ENV_NAME.fullmatch(seen.base):
        return "env-file" if all(map(_ENV_LINE.fullmatch, _text(seen).splitlines())) else None
    return None


def _is_makefile(base: str) -> bool:
    likely = "makefile" in base or base.endswith(".mk")
    return likely and _MAKE_NAME.fullmatch(base) is not None


def _jupyter(seen: Seen) -> str | None:
    if not _JUPYTER.search(_text(seen)):
        return None
    return "jupyter-config" if seen.base.endswith(".py") else "jupyter-config-json"


def _text(seen: Seen) -> str:
    if seen.size <= len(seen.head):
        return seen.text or ""
    return seen.material.read(0, _LOOKED_AT).decode("utf-8", "replace")


def _yaml(seen: Seen, text: str) -> str | None:
    if _KUBERNETES.match(text):
        return "helm-template" if _TEMPLATE.search(text) else "kubernetes"
    if (_COMPOSE.match(text) and _COMPOSE_PART.search(text)) or _COMPOSE_NAME.fullmatch(seen.base):
        return "compose"
    if seen.base in ("action.yml", "action.yaml") and _ACTION.match(text):
        return "github-action"
    if _LITELLM.search(text):
        return "litellm-config"
    if _is_values(seen):
        return "helm-values"
    # In a folder, its name says so; a file alone has none.
    return "github-workflow" if "/" not in seen.inside and _WORKFLOW.match(text) else None


def _is_values(seen: Seen) -> bool:
    """Helm reads `values.yaml` beside `Chart.yaml`; others only by what a command line says."""
    return bool(re.fullmatch(r"values(?:[._-][\w.-]+)?\.ya?ml", seen.base))


def launches(seen: Seen) -> bool:
    """Whether a shell script starts something that is known to serve models, or a container."""
    return seen.text is not None and bool(_launches().search(_text(seen)))


@cache
def _launches() -> re.Pattern[str]:
    """What starts a container, or a server that has a row in `rules/deploy/servers.toml`."""
    # Every audit imports this module, and few meet a shell script.
    import tomllib
    from importlib.resources import files

    rows = files("probatum.rules").joinpath("deploy/servers.toml").read_text("utf-8")
    starts = {one for row in tomllib.loads(rows)["server"] for one in row.get("commands", ())}
    return re.compile("|".join((_CONTAINERS, *map(_start, sorted(starts)))))


def _start(command: str) -> str:
    """A plain word alone stands in other lines too: behind a program's name stands an option."""
    words = [re.escape(one).replace(r"\*", r"\S*") for one in command.split()]
    words = [r"python[\d.]*" if one == "python" else one for one in words]
    ends = r"\b" if len(words) > 1 or "-" in command else r"\s+-"
    return r"(?<![\w.-])" + r"\s+".join(words) + ends

"""Reads YAML that sets what one service does: LiteLLM's configuration, the values of a Helm chart.

Sources: docs.litellm.ai/docs/proxy/configs; helm.sh/docs/chart_best_practices/values.
"""

from collections.abc import Iterator

from probatum.deploy.command_lines import capability
from probatum.deploy.model import EVERYTHING, Deployment, Gap, Grant, Reach, Service
from probatum.errors import FormatError
from probatum.formats.nodes import Mapping, Node, Scalar, boolean, items, text, walk
from probatum.formats.values import Value, interpolated, templated
from probatum.formats.yaml_nodes import documents
from probatum.vocabulary import Place

_TOLD = frozenset({"environment", "command"})
_ELSEWHERE = "os.environ/"
_OF_HOST = {"hostPID": "pid host", "hostIPC": "ipc host", "hostNetwork": "network host"}


def read_litellm(data: bytes) -> Deployment:
    """LiteLLM's own configuration. Raises: FormatError."""
    services = tuple(_litellm(one) for one in documents(data) if isinstance(one, Mapping))
    return Deployment(services=services)


def _litellm(root: Mapping) -> Service:
    environment = {path: setting(one) for path, one in scalars(root)}
    for path, value in tuple(environment.items()):
        if path.startswith("environment_variables."):
            environment[path.partition(".")[2]] = value
    key = environment.get("general_settings.master_key")
    if key is None and "LITELLM_MASTER_KEY" not in environment:
        key = Value("", root.place, "the variable LITELLM_MASTER_KEY")
    if key is not None:
        environment["LITELLM_MASTER_KEY"] = key
    return Service(name="the proxy", place=root.place, environment=environment, on_host=True)


def setting(node: Scalar) -> Value:
    """The value of a setting, which a variable may hold (`os.environ/NAME`, `${NAME}`)."""
    if node.text.startswith(_ELSEWHERE):
        return Value("", node.place, f"the variable {node.text.removeprefix(_ELSEWHERE)}")
    return (
        interpolated(node.text, node.place) if "${" in node.text else Value(node.text, node.place)
    )


def scalars(root: Mapping) -> Iterator[tuple[str, Scalar]]:
    """Every value below, with its path (`general_settings.master_key`)."""
    for path, node in walk(root, ""):
        if isinstance(node, Scalar) and text(node) is not None:
            yield path.lstrip("."), node


def read_values(data: bytes) -> Deployment:
    """The values of a Helm chart: what they ask for; what comes of it its templates say.

    Raises: FormatError.
    """
    found = documents(data)
    services = tuple(one for root in found if isinstance(root, Mapping) for one in _charted(root))
    images = tuple(one.image for one in services if one.image is not None)
    gap = Gap("the templates of the chart", Place(line=1), EVERYTHING)
    return Deployment(services=services, images=images, gaps=(gap,))


def _charted(root: Mapping) -> Iterator[Service]:
    """A service for every image, with what stands beside it and above it."""
    grants = tuple(_grants(root))
    settings = {path: templated(one.text, one.place) for path, one in scalars(root)}
    for path, one in scalars(root):
        if path.endswith((".yaml", ".yml")) and not one.plain:
            settings |= {f"{path}.{key}": value for key, value in _within(one)}
    images = list(_images(root, root))
    for image, beside in images:
        environment = settings | dict(_environment(beside)) | dict(_environment(root))
        yield Service(
            name=image.text or "the chart", place=image.place, image=image,
            environment=environment, reaches=tuple(_reaches(root, beside)), grants=grants,
            gaps=(Gap("the templates of the chart", image.place, _TOLD),),
        )  # fmt: skip
    if not images:
        place = root.place
        yield Service(name="the chart", place=place, environment=settings, grants=grants)


def _within(file: Scalar) -> Iterator[tuple[str, Value]]:
    """The settings of a file that stands in the values as text; nothing where it is no YAML."""
    try:
        found = documents(file.text.encode("utf-8", "replace"))
    except FormatError:
        return
    for root in found:
        for path, one in scalars(root) if isinstance(root, Mapping) else ():
            yield path, templated(one.text, file.place)


def _images(node: Node, beside: Mapping) -> Iterator[tuple[Value, Mapping]]:
    if not isinstance(node, Mapping):
        return
    repository, tag = node.get("repository"), node.get("digest") or node.get("tag")
    if isinstance(repository, Scalar) and text(repository):
        registry = text(node.get("registry"))
        name = f"{registry}/{repository.text}" if registry else repository.text
        if text(tag):
            name += f"{'@' if text(node.get('digest')) else ':'}{text(tag)}"
        yield templated(name, repository.place), beside
        return
    for one in node.entries:
        if one.key.text == "image" and isinstance(one.value, Scalar) and text(one.value):
            yield templated(one.value.text, one.value.place), node
        else:
            yield from _images(one.value, node)


def _environment(node: Mapping) -> Iterator[tuple[str, Value]]:
    for key in ("env", "extraEnv", "extraEnvVars", "environment", "envVars"):
        found = node.get(key)
        for one in found.entries if isinstance(found, Mapping) else ():
            if isinstance(one.value, Scalar) and text(one.value) is not None:
                yield one.key.text, templated(one.value.text, one.value.place)
        for each in items(found):
            name = text(each.get("name")) if isinstance(each, Mapping) else None
            value = each.get("value") if isinstance(each, Mapping) else None
            if name and isinstance(value, Scalar):
                yield name, templated(value.text, value.place)


def _reaches(root: Mapping, beside: Mapping) -> Iterator[Reach]:
    for node in (beside, root):
        kind = node.get("service", "type")
        if isinstance(kind, Scalar) and kind.text in ("NodePort", "LoadBalancer"):
            says = f"its Service leads to it from outside of the cluster ({kind.text})"
            yield Reach("", kind.place, says)
            return
        ingress = node.get("ingress", "enabled")
        if ingress is not None and boolean(ingress) is True:
            yield Reach(
                "", ingress.place, "an Ingress leads to it, and may ask who calls", surely=False
            )
            return


def _grants(root: Mapping) -> Iterator[Grant]:
    for path, node in walk(root, ""):
        key = path.rpartition(".")[2]
        if key == "privileged" and boolean(node) is True:
            yield Grant("privileged", node.place)
        elif key in _OF_HOST and boolean(node) is True:
            yield Grant(_OF_HOST[key], node.place)
        elif path.endswith("capabilities.add"):
            for one in items(node):
                yield Grant(f"cap {capability(text(one) or '')}", one.place)

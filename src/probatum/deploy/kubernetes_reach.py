"""Who reaches a pod: its node's ports, the Services that select it, the routes that lead to them.

What stands between counts where it is known: a NetworkPolicy of the pod, the addresses that a load
balancer is restricted to, an Ingress that asks by itself.

Sources: kubernetes.io/docs: Service v1, Ingress v1, NetworkPolicy v1, PodSpec v1 (hostNetwork,
hostPort); docs.ray.io, KubeRay.
"""

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from probatum.deploy.command_lines import is_local
from probatum.deploy.model import Reach
from probatum.formats.nodes import Mapping, Scalar, boolean, entries, items, text, walk

_ROUTES = ("Ingress", "HTTPRoute", "VirtualService", "IngressRoute")
_AUTH = re.compile(r"auth|oauth|forward|middleware|whitelist|allow", re.IGNORECASE)


class Pod(Struct, frozen=True):
    """A pod's spec, with the labels by which a Service finds it."""

    name: str
    spec: Mapping
    labels: dict[str, str]
    namespace: str | None = None


def reaches(pod: Pod, node: Mapping, objects: tuple[Mapping, ...]) -> Iterator[Reach]:
    """Every way in from other machines, to the container `node` of the pod."""
    services = [*_by_services(pod, node, objects), *_by_ray(objects, pod)]
    policy = next((one for one in objects if _keeps_out(one, pod)), None)
    if policy is not None:
        services = [_behind(one, policy) for one in services]
    found = [*_by_host(pod, node), *services]
    yield from found
    if not found:
        says = "every pod of the cluster reaches it, unless a NetworkPolicy keeps them out"
        yield Reach("", node.place, says, surely=False)


def _by_host(pod: Pod, node: Mapping) -> Iterator[Reach]:
    network = pod.spec.get("hostNetwork")
    if isinstance(network, Scalar) and boolean(network) is not False:
        says = "it is on the network of its node"
        yield Reach("", network.place, says, surely=boolean(network) is True)
    for one in items(node.get("ports")):
        port = one.get("hostPort") if isinstance(one, Mapping) else None
        if not isinstance(one, Mapping) or port is None or is_local(text(one.get("hostIP")) or ""):
            continue
        inner = text(one.get("containerPort")) or ""
        yield Reach(inner, port.place, f"hostPort {text(port)} of its node leads to it")


def _by_ray(objects: tuple[Mapping, ...], pod: Pod) -> Iterator[Reach]:
    for whole in objects:
        for _, one in walk(whole):
            kind = one.get("serviceType") if isinstance(one, Mapping) else None
            own = isinstance(one, Mapping) and one.get("template", "spec") is pod.spec
            if own and isinstance(kind, Scalar) and kind.text in ("NodePort", "LoadBalancer"):
                says = f"KubeRay's Service leads to it from outside of the cluster ({kind.text})"
                yield Reach("", kind.place, says)


def _keeps_out(policy: Mapping, pod: Pod) -> bool:
    """Whether a NetworkPolicy says who may come to the pod, and does not say everybody."""
    if text(policy.get("kind")) != "NetworkPolicy" or not _together(policy, pod):
        return False
    wanted = entries(policy.get("spec", "podSelector", "matchLabels"))
    if any(pod.labels.get(one.key.text) != text(one.value) for one in wanted):
        return False
    types = [text(one) for one in items(policy.get("spec", "policyTypes"))]
    if types and "Ingress" not in types:
        return False
    rules = items(policy.get("spec", "ingress"))
    return not any(isinstance(one, Mapping) and not items(one.get("from")) for one in rules)


def _behind(reach: Reach, policy: Mapping) -> Reach:
    name = text(policy.get("metadata", "name")) or ""
    says = f"{reach.says}, unless the NetworkPolicy {name} keeps them out"
    return replace(reach, says=says, surely=False)


def _together(one: Mapping, pod: Pod) -> bool:
    """Whether both are in one namespace, as far as is said."""
    other = text(one.get("metadata", "namespace"))
    return other is None or pod.namespace is None or other == pod.namespace


def _by_services(pod: Pod, node: Mapping, objects: tuple[Mapping, ...]) -> Iterator[Reach]:
    for one in objects:
        selector = entries(one.get("spec", "selector"))
        if text(one.get("kind")) != "Service" or not selector or not _together(one, pod):
            continue
        if any(pod.labels.get(each.key.text) != text(each.value) for each in selector):
            continue
        for port in items(one.get("spec", "ports")):
            if isinstance(port, Mapping):
                yield _through(one, port, _inner(port, node), objects)


def _through(service: Mapping, port: Mapping, inner: str, objects: tuple[Mapping, ...]) -> Reach:
    kind, name = service.get("spec", "type"), text(service.get("metadata", "name")) or ""
    outside = service.get("spec", "externalIPs")
    if isinstance(kind, Scalar) and kind.text in ("NodePort", "LoadBalancer"):
        says = f"the Service {name} leads to it from outside of the cluster ({kind.text})"
        ranges = service.get("spec", "loadBalancerSourceRanges")
        if items(ranges) and not any(text(each) == "0.0.0.0/0" for each in items(ranges)):
            return Reach(inner, kind.place, f"{says}, from some addresses only", surely=False)
        return Reach(inner, kind.place, says)
    if outside is not None:
        return Reach(
            inner, outside.place, f"the Service {name} has addresses outside of the cluster"
        )
    for one in objects:
        routes = text(one.get("kind")) in _ROUTES
        if routes and any(isinstance(each, Scalar) and each.text == name for _, each in walk(one)):
            return _routed(one, inner)
    says = (
        f"every pod of the cluster reaches it by the Service {name}, unless a NetworkPolicy forbids"
    )
    return Reach(inner, port.place, says, surely=False)


def _routed(route: Mapping, inner: str) -> Reach:
    kind = text(route.get("kind"))
    told = [one.key.text for one in entries(route.get("metadata", "annotations"))]
    asks = kind != "Ingress" or any(_AUTH.search(one) for one in told)
    says = f"the {kind} {text(route.get('metadata', 'name')) or ''} leads to it"
    if asks:
        says += ", and may ask who calls"
    return Reach(inner, route.place, says, surely=not asks)


def _inner(port: Mapping, node: Mapping) -> str:
    """The number of the container's port behind a Service's."""
    target = text(port.get("targetPort")) or text(port.get("port")) or ""
    for one in items(node.get("ports")):
        if isinstance(one, Mapping) and text(one.get("name")) == target:
            return text(one.get("containerPort")) or ""
    return target if target.isdigit() else ""

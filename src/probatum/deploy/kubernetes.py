"""Reads Kubernetes manifests: the containers of every pod, and who reaches them in the same file.

Whatever holds a pod's spec is looked into, custom kinds too. A Helm template is read with each of
its `{{ }}` as a value that nobody knows.

Sources: kubernetes.io/docs: PodSpec v1, Service v1, Ingress v1, Pod Security Standards, Configure a
Security Context; helm.sh/docs/chart_template_guide.
"""

import base64
import re
from collections.abc import Iterator

from msgspec.structs import replace

from probatum.deploy.command_lines import capability, simple
from probatum.deploy.kubernetes_reach import Pod, reaches
from probatum.deploy.model import EVERYTHING, Deployment, File, Gap, Grant, Reach, Service
from probatum.deploy.near import NOTHING, Near
from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Mapping, Node, Scalar, boolean, entries, items, text, walk
from probatum.formats.shell import Command
from probatum.formats.values import Value, templated
from probatum.formats.yaml_nodes import documents
from probatum.vocabulary import Place, Reason

_UNKNOWN = "\ue000"
_TEMPLATE = re.compile(r"\{\{(?:[^{}]|\}(?!\})|\{(?!\{)|(?!))*+\}\}")
_OWN_LINE = re.compile(r"(?m)^[ \t]*+(?:\{\{(?:[^{}]|\}(?!\})|\{(?!\{)|(?!))*+\}\}[ \t]*+|(?!))++$")
_OF_HOST = {"hostPID": "pid host", "hostIPC": "ipc host", "hostNetwork": "network host"}
_LISTS = ("initContainers", "containers", "ephemeralContainers")
_JOINED = frozenset(
    {"Service", "Ingress", "HTTPRoute", "VirtualService", "IngressRoute", "ConfigMap", "Secret",
     "NetworkPolicy"}
)  # fmt: skip
"""Kinds whose objects count for a pod though they stand in another file of its folder."""


def read(data: bytes, near: Near = NOTHING) -> Deployment:
    """Raises: FormatError."""
    objects = tuple(_objects(documents(data)))
    known = (*objects, *_beside(data, near))
    services = tuple(one for each in objects for one in _started(each, known))
    images = tuple(one.image for one in services if one.image is not None)
    texts = tuple(one for each in objects for one in _kept(each).items())
    return Deployment(
        services=services, images=images, gaps=tuple(_elsewhere(objects)), texts=texts
    )


def _beside(own: bytes, near: Near) -> Iterator[Mapping]:
    """What the other manifests of the folder define, which `kubectl apply -f .` takes together."""
    for name, data in near.beside((".yaml", ".yml")):
        if data == own or b"apiVersion" not in data:
            continue
        try:
            found = documents(data, name)
        except FormatError:
            continue
        yield from (one for one in _objects(found) if text(one.get("kind")) in _JOINED)


def read_template(data: bytes) -> Deployment:
    """A Helm template. Raises: FormatError; UNSUPPORTED where it is no YAML without its values."""
    source = utf8(data)
    source = _OWN_LINE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), source)
    source = _TEMPLATE.sub(_unknown, source)
    try:
        found = read(source.encode())
    except FormatError as exc:
        says = f"what it says depends on its values: {exc.detail}"
        raise FormatError(Reason.UNSUPPORTED, says, exc.place) from exc
    gap = Gap("the values that the template is given", Place(line=1), EVERYTHING)
    return Deployment(services=found.services, images=found.images, gaps=(*found.gaps, gap))


def _unknown(found: re.Match[str]) -> str:
    """As many bytes, so that everything keeps its place."""
    lines = found[0].count("\n")
    wide, rest = divmod(len(found[0].encode()) - lines, 3)
    return _UNKNOWN * wide + "x" * (rest if wide else 0)


def _value(node: Scalar) -> Value:
    if _UNKNOWN in node.text:
        return Value("", node.place, "a template")
    return templated(node.text, node.place)


def _objects(found: tuple[Node, ...]) -> Iterator[Mapping]:
    for one in found:
        if not isinstance(one, Mapping):
            continue
        if text(one.get("kind")) == "List":
            yield from (each for each in items(one.get("items")) if isinstance(each, Mapping))
        else:
            yield one


def _elsewhere(objects: tuple[Mapping, ...]) -> Iterator[Gap]:
    for one in objects:
        kind = one.get("kind")
        if isinstance(kind, Scalar) and kind.text in ("Kustomization", "HelmRelease", "HelmChart"):
            yield Gap(f"what the {kind.text} brings in", kind.place, EVERYTHING)


def _kept(whole: Mapping | None) -> dict[str, Value]:
    """What a ConfigMap or a Secret holds; of a Secret the letters behind the base64."""
    found: dict[str, Value] = {}
    if whole is None or text(whole.get("kind")) not in ("ConfigMap", "Secret"):
        return found
    for key in ("data", "stringData"):
        for one in entries(whole.get(key)):
            if isinstance(one.value, Scalar):
                value = _value(one.value)
                if key == "data" and text(whole.get("kind")) == "Secret":
                    value = replace(value, text=_decoded(value.text))
                found[one.key.text] = value
    return found


def _decoded(said: str) -> str:
    try:
        return base64.b64decode(said, validate=True).decode("utf-8")
    except ValueError:
        return ""


def _named(kind: str, name: str | None, objects: tuple[Mapping, ...]) -> Mapping | None:
    """The ConfigMap or Secret of this name, if it stands in the same file."""
    kinds = {"configMapRef": "ConfigMap", "configMapKeyRef": "ConfigMap"}
    wanted = kinds.get(kind, "Secret")
    for one in objects:
        if text(one.get("kind")) == wanted and text(one.get("metadata", "name")) == name:
            return one
    return None


def _started(whole: Mapping, objects: tuple[Mapping, ...]) -> Iterator[Service]:
    name = text(whole.get("metadata", "name")) or text(whole.get("kind")) or ""
    namespace = text(whole.get("metadata", "namespace"))
    for _, node in walk(whole):
        spec = node.get("spec") if isinstance(node, Mapping) else None
        if not isinstance(spec, Mapping) or not items(spec.get("containers")):
            continue
        labels = entries(node.get("metadata", "labels") if isinstance(node, Mapping) else None)
        pod = Pod(name, spec, {one.key.text: text(one.value) or "" for one in labels}, namespace)
        start = _of_ray(whole, node) if isinstance(node, Mapping) else ()
        for one in (each for key in _LISTS for each in items(spec.get(key))):
            if isinstance(one, Mapping):
                yield _service(pod, one, objects, start)
    for _, node in walk(whole):
        if isinstance(node, Mapping) and node.get("modelFormat") is not None:
            yield _served_model(node, name, objects)


def _of_ray(whole: Mapping, node: Mapping) -> Command:
    """The words by which KubeRay starts the head whose `template` the node is; none of others."""
    head = next((one for _, one in walk(whole) if _is_head(one, node)), None)
    if not isinstance(head, Mapping):
        return ()
    place = head.place
    words = [Value(one, place) for one in ("ray", "start", "--head")]
    for one in entries(head.get("rayStartParams")):
        if isinstance(one.value, Scalar):
            words += [Value(f"--{one.key.text}", one.key.place), _value(one.value)]
    return tuple(words)


def _is_head(one: Node, node: Mapping) -> bool:
    return (
        isinstance(one, Mapping)
        and one.get("rayStartParams") is not None
        and one.get("template") is node
        and text(one.get("groupName")) is None  # which workers have
    )


def _served_model(node: Mapping, name: str, objects: tuple[Mapping, ...]) -> Service:
    """What KServe starts for a format of models: a server of its own choice, with these words."""
    words = tuple(_value(one) for one in items(node.get("args")) if isinstance(one, Scalar))
    kind = text(node.get("modelFormat", "name")) or "a model"
    says = "every pod of the cluster reaches it, unless a NetworkPolicy keeps them out"
    return Service(
        name=name,
        place=node.place,
        image=Value("", node.place, f"KServe, which serves {kind}"),
        commands=((Value(f"KServe's server of {kind}", node.place), *words),) if words else (),
        environment=dict(_environment(node.get("env"), objects)),
        reaches=(Reach("", node.place, says, surely=False),),
    )


def _service(pod: Pod, node: Mapping, objects: tuple[Mapping, ...], start: Command = ()) -> Service:
    image = node.get("image")
    parts = (*items(node.get("command")), *items(node.get("args")))
    words = tuple(_value(one) for one in parts if isinstance(one, Scalar))
    kept, gaps = _env_from(node.get("envFrom"), objects)
    return Service(
        name=text(node.get("name")) or pod.name,
        place=node.place,
        image=_value(image) if isinstance(image, Scalar) and text(image) else None,
        commands=(*((start,) if start else ()), *(line for line in simple(words) if line)),
        environment=kept | dict(_environment(node.get("env"), objects)),
        reaches=tuple(reaches(pod, node, objects)),
        grants=(*_of_pod(pod.spec), *_of_container(node)),
        mounts=tuple(_mounts(pod.spec, node)),
        user=_user(pod.spec, node),
        files=tuple(_files(pod.spec, node, objects)),
        gaps=gaps,
    )


def _env_from(
    node: Node | None, objects: tuple[Mapping, ...]
) -> tuple[dict[str, Value], tuple[Gap, ...]]:
    """What each ConfigMap and Secret sets, one over the other; and those not in the file."""
    found: dict[str, Value] = {}
    gaps = []
    for one in items(node):
        told = [each for each in entries(one) if each.key.text in ("configMapRef", "secretRef")]
        kind = told[0].key.text if told else ""
        name = (
            text(told[0].value.get("name")) if told and isinstance(told[0].value, Mapping) else None
        )
        kept = _named(kind, name, objects)
        if kept is None:
            says = f"variables that are kept elsewhere (envFrom {name or ''})"
            gaps.append(Gap(says, one.place, frozenset({"environment"})))
        prefix = (text(one.get("prefix")) or "") if isinstance(one, Mapping) else ""
        found |= {prefix + key: value for key, value in _kept(kept).items()}
    return found, tuple(gaps)


def _environment(
    node: Node | None, objects: tuple[Mapping, ...] = ()
) -> Iterator[tuple[str, Value]]:
    for one in items(node):
        name = text(one.get("name")) if isinstance(one, Mapping) else None
        if name is None or not isinstance(one, Mapping):
            continue
        value, source = one.get("value"), one.get("valueFrom")
        if isinstance(value, Scalar):
            yield name, _value(value)
        elif isinstance(source, Mapping) and source.entries:
            kind = source.entries[0]
            told = text(kind.value.get("name")) if isinstance(kind.value, Mapping) else None
            key = text(kind.value.get("key")) if isinstance(kind.value, Mapping) else None
            kept = _kept(_named(kind.key.text, told, objects)).get(key or "")
            if kept is not None:
                yield name, kept
                continue
            yield name, Value("", kind.key.place, f"{kind.key.text} {told or ''}".strip())
        else:
            yield name, Value("", one.place)


def _of_pod(spec: Mapping) -> Iterator[Grant]:
    for key, what in _OF_HOST.items():
        yield from _switched(spec.get(key), what)
    users = spec.get("hostUsers")
    if boolean(users) is True and users is not None:
        yield Grant("userns host", users.place)
    yield from _profile(spec.get("securityContext"))


def _of_container(node: Mapping) -> Iterator[Grant]:
    context = node.get("securityContext")
    if not isinstance(context, Mapping):
        return
    yield from _switched(context.get("privileged"), "privileged")
    yield from _switched(context.get("windowsOptions", "hostProcess"), "privileged")
    for one in items(context.get("capabilities", "add")):
        yield Grant(f"cap {capability(text(one) or '')}", one.place)
    proc = context.get("procMount")
    if proc is not None and text(proc) == "Unmasked":
        yield Grant("security systempaths:unconfined", proc.place)
    yield from _profile(context)


def _user(spec: Mapping, node: Mapping) -> Value | None:
    """Who the container runs as: what it says itself, else what its pod says."""
    for of in (node, spec):
        user = of.get("securityContext", "runAsUser")
        if isinstance(user, Scalar):
            return _value(user)
    for of in (node, spec):
        other = of.get("securityContext", "runAsNonRoot")
        if isinstance(other, Scalar) and boolean(other) is True:
            return Value("another than root", other.place)
    return None


def _profile(context: Node | None) -> Iterator[Grant]:
    for key, name in (("seccompProfile", "seccomp"), ("appArmorProfile", "apparmor")):
        kind = context.get(key, "type") if isinstance(context, Mapping) else None
        if kind is not None and text(kind) == "Unconfined":
            yield Grant(f"security {name}:unconfined", kind.place)


def _switched(node: Node | None, what: str) -> Iterator[Grant]:
    if isinstance(node, Scalar) and boolean(node) is not False:
        yield Grant(what, node.place, "" if boolean(node) else _value(node).open or "its value")


def _mounts(spec: Mapping, node: Mapping) -> Iterator[Value]:
    mounts = [one for one in items(node.get("volumeMounts")) if isinstance(one, Mapping)]
    used = {text(one.get("name")) for one in mounts}
    for one in items(spec.get("volumes")):
        path = one.get("hostPath", "path") if isinstance(one, Mapping) else None
        if isinstance(one, Mapping) and isinstance(path, Scalar) and text(one.get("name")) in used:
            yield _value(path)
    for each in sorted({text(one.get("mountPath")) or "" for one in mounts}):
        if "." in each.rpartition("/")[2]:  # a file, of a ConfigMap as a rule
            yield Value(each.lstrip("/"), node.place)


def _files(spec: Mapping, node: Mapping, objects: tuple[Mapping, ...]) -> Iterator[File]:
    """What ConfigMaps and Secrets that are known put into the container."""
    volumes = {text(one.get("name")): one for one in items(spec.get("volumes"))
               if isinstance(one, Mapping)}  # fmt: skip
    for mount in items(node.get("volumeMounts")):
        volume = volumes.get(text(mount.get("name"))) if isinstance(mount, Mapping) else None
        if not isinstance(mount, Mapping) or volume is None:
            continue
        path, within = text(mount.get("mountPath")) or "", text(mount.get("subPath"))
        for name, value in _held(volume, objects):
            if within is None:
                yield File(f"{path.rstrip('/')}/{name}", value, held=True)
            elif within == name:
                yield File(path, value, held=True)


def _held(volume: Mapping, objects: tuple[Mapping, ...]) -> Iterator[tuple[str, Value]]:
    """The files of a volume, each under the name that it has there."""
    for kind, key in (("configMap", "name"), ("secret", "secretName")):
        source = volume.get(kind)
        if not isinstance(source, Mapping):
            continue
        kept = _kept(_named(f"{kind}Ref", text(source.get(key)), objects))
        told = [one for one in items(source.get("items")) if isinstance(one, Mapping)]
        paths = {text(one.get("key")): text(one.get("path")) for one in told}
        for name, value in kept.items():
            if (not told or name in paths) and value.sure:
                yield paths.get(name) or name, value

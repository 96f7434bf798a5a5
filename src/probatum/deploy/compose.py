"""Reads Compose files: what each service is, who reaches it, what of the host it is handed.

Sources: the Compose specification (docs.docker.com/reference/compose-file): services, networks,
volumes, fragments, extension, include, interpolation.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from functools import partial

from msgspec.structs import replace

from probatum.deploy.baked import of_arguments
from probatum.deploy.command_lines import capability, is_local, published, simple
from probatum.deploy.model import EVERYTHING, Deployment, File, Gap, Grant, Reach, Service
from probatum.deploy.near import NOTHING, Near
from probatum.errors import FormatError
from probatum.formats.nodes import Mapping, Node, Scalar, boolean, entries, items, text
from probatum.formats.values import Value, Variables, interpolated
from probatum.formats.yaml_nodes import documents
from probatum.vocabulary import Place, Reason

_OF_HOST = ("pid", "ipc", "uts", "userns_mode", "cgroup")
_ELSEWHERE = {"include": "another Compose file, which is included"}
_SERVICE_ELSEWHERE = {
    "extends": ("what it extends", EVERYTHING),
    "provider": ("a program on the host, which is started instead", EVERYTHING),
}


Told = Callable[[str, Place], Value]
"""The value of a text, with the variables that are known put in."""


def read(data: bytes, near: Near = NOTHING) -> Deployment:
    """Raises: FormatError, MALFORMED where this is no Compose file."""
    told = partial(interpolated, known=_own_variables(near))
    found = documents(data)
    root = found[0] if len(found) == 1 else None
    if not isinstance(root, Mapping) or not isinstance(root.get("services"), Mapping):
        raise FormatError(Reason.MALFORMED, "no mapping `services` at its top")
    gaps = tuple(
        Gap(_ELSEWHERE[one.key.text], one.key.place, EVERYTHING)
        for one in root.entries
        if one.key.text in _ELSEWHERE
    )
    services = tuple(
        _service(one.key, one.value, root, told, near)
        for one in entries(root.get("services"))
        if isinstance(one.value, Mapping)
    )
    images = tuple(one.image for one in services if one.image is not None)
    builds = (
        one.value.get("build", "args")
        for one in entries(root.get("services"))
        if isinstance(one.value, Mapping)
    )
    texts = tuple(one for node in builds for one in _environment(node, told))
    return Deployment(
        services=_joined(services, root), images=images, gaps=gaps, texts=texts,
        baked=tuple(of_arguments(texts)),
    )  # fmt: skip


def _own_variables(near: Near) -> Variables:
    """Those of the `.env` that lies beside a Compose file, which Compose reads unasked."""
    try:
        return near.variables(".env")
    except FormatError:
        return {}


def _service(key: Scalar, node: Mapping, root: Mapping, told: Told, near: Near) -> Service:
    image, build = node.get("image"), node.get("build")
    words = (*_words(node.get("entrypoint"), told), *_words(node.get("command"), told))
    of_files, gaps = _of_files(node.get("env_file"), near, told)
    return Service(
        name=key.text,
        place=key.place,
        image=_value(image, told) if isinstance(image, Scalar) and text(image) else None,
        built=None if build is None else build.place,
        commands=tuple(line for line in simple(words) if line),
        environment=of_files | dict(_environment(node.get("environment"), told)),
        reaches=tuple(_reaches(node, root, told)),
        grants=tuple(_grants(node, told)),
        mounts=tuple(_mounts(node, root, told)),
        user=_user(node.get("user"), told),
        files=tuple(_files(node, root, told)),
        gaps=(*gaps, *_gaps(node)),
    )


def _of_files(node: Node | None, near: Near, told: Told) -> tuple[dict[str, Value], list[Gap]]:
    """What the files of `env_file` set, each over the one before; those that are not at hand."""
    found: dict[str, Value] = {}
    gaps = []
    for one in items(node) or ((node,) if node is not None else ()):
        path = one.get("path") if isinstance(one, Mapping) else one
        if not isinstance(path, Scalar):
            continue
        name = _value(path, told)
        try:
            if not name.sure:
                raise FormatError(Reason.UNRESOLVED, f"{name.open} says which")
            found |= near.variables(name.text)
        except FormatError as exc:
            says = f"a file of variables (env_file {name.text[:80]}: {exc.detail})"
            gaps.append(Gap(says, path.place, frozenset({"environment"})))
    return found, gaps


def _value(node: Scalar, told: Told) -> Value:
    return told(node.text, node.place)


def _words(node: Node | None, told: Told) -> Iterator[Value]:
    for one in items(node):
        if isinstance(one, Scalar):
            yield _value(one, told)
    if isinstance(node, Scalar) and text(node):
        try:
            words = shlex.split(node.text.replace("\n", " "))
        except ValueError as exc:
            raise FormatError(Reason.MALFORMED, f"a command: {exc}", node.place) from exc
        yield from (told(word, node.place) for word in words)


def _environment(node: Node | None, told: Told) -> Iterator[tuple[str, Value]]:
    for entry in entries(node):
        value = entry.value
        if isinstance(value, Scalar) and text(value) is not None:
            yield entry.key.text, _value(value, told)
        else:
            yield entry.key.text, _handed_on(entry.key.text, entry.key.place, told)
    for one in items(node):
        name, equals, said = (text(one) or "").partition("=")
        if equals:
            yield name, told(said, one.place)
        elif name:
            yield name, _handed_on(name, one.place, told)


def _handed_on(name: str, place: Place, told: Told) -> Value:
    is_name = re.fullmatch(r"[A-Za-z_]\w*", name) is not None
    return told(f"${{{name}}}", place) if is_name else Value("", place, f"the variable {name}")


def _reaches(node: Mapping, root: Mapping, told: Told) -> Iterator[Reach]:
    for one in items(node.get("ports")):
        if isinstance(one, Mapping):
            yield from _long_port(one, told)
        elif isinstance(one, Scalar):
            yield from published(_value(one, told))
    ports = node.get("ports")
    if isinstance(ports, Scalar) and text(ports):
        yield from published(_value(ports, told))
    mode = node.get("network_mode") or node.get("net")
    if isinstance(mode, Scalar):
        value = _value(mode, told)
        if value.text == "host":
            yield Reach("", mode.place, "it is on the network of its host")
        elif not value.sure or value.text not in ("bridge", "none", "private"):
            yield Reach("", mode.place, f"it is on the network {mode.text}", surely=False)
    for name, place in _networks(node):
        defined = root.get("networks", name)
        if isinstance(defined, Mapping) and _leads_out(defined):
            says = f"its network {name} is defined elsewhere, or no bridge"
            yield Reach("", place, says, surely=False)


def _long_port(node: Mapping, told: Told) -> Iterator[Reach]:
    target, address = node.get("target"), node.get("host_ip")
    said = told(text(address) or "", node.place)
    if is_local(said.text):
        return
    inner = told(text(target) or "", node.place)
    if said.open and not said.default:
        yield Reach(inner.text, node.place, f"the address is for {said.open} to say", surely=False)
    else:
        says = f"its port {inner.text} is published for other machines"
        yield Reach(inner.text, node.place, says)


def _networks(node: Mapping) -> Iterator[tuple[str, Place]]:
    networks = node.get("networks")
    for entry in entries(networks):
        yield entry.key.text, entry.key.place
    for one in items(networks):
        yield text(one) or "", one.place


def _leads_out(network: Mapping) -> bool:
    driver = network.get("driver")
    return network.get("external") is not None or (
        driver is not None and text(driver) not in ("bridge", "none")
    )


def _grants(node: Mapping, told: Told) -> Iterator[Grant]:
    privileged = node.get("privileged")
    if privileged is not None and boolean(privileged) is not False:
        open = "" if boolean(privileged) else f"the value {text(privileged)}"
        yield Grant("privileged", privileged.place, open)
    for key in _OF_HOST:
        mode = node.get(key)
        if isinstance(mode, Scalar):
            value = _value(mode, told)
            if value.text == "host" or not value.sure:
                what = f"{key.removesuffix('_mode')} host"
                yield Grant(what, mode.place, "" if value.sure else value.open)
    network = node.get("network_mode") or node.get("net")
    if isinstance(network, Scalar) and _value(network, told).text == "host":
        yield Grant("network host", network.place)
    for one in items(node.get("cap_add")):
        yield Grant(f"cap {capability(text(one) or '')}", one.place)
    for one in items(node.get("security_opt")):
        yield Grant(f"security {(text(one) or '').replace('=', ':')}", one.place)
    for one in items(node.get("devices")):
        yield Grant(f"device {(text(one) or '').partition(':')[0]}", one.place)
    socket = node.get("use_api_socket")
    if socket is not None and boolean(socket) is not False:
        yield Grant("api-socket", socket.place)


def _mounts(node: Mapping, root: Mapping, told: Told) -> Iterator[Value]:
    for one in items(node.get("volumes")):
        if isinstance(one, Mapping):
            source = one.get("source")
            if isinstance(source, Scalar):
                yield _of_volume(_value(source, told), root, told)
        elif isinstance(one, Scalar):
            value = _value(one, told)
            yield _of_volume(replace(value, text=value.text.partition(":")[0]), root, told)
    for kind in ("secrets", "configs"):
        for entry in entries(root.get(kind)):
            file = entry.value.get("file") if isinstance(entry.value, Mapping) else None
            if node.get(kind) is not None and isinstance(file, Scalar):
                yield _value(file, told)


def _user(node: Node | None, told: Told) -> Value | None:
    return _value(node, told) if isinstance(node, Scalar) and text(node) else None


def _files(node: Mapping, root: Mapping, told: Told) -> Iterator[File]:
    """What lies where in the container: folders and files of the host, and configs."""
    for one in items(node.get("volumes")):
        if isinstance(one, Mapping):
            source, target = one.get("source"), text(one.get("target"))
            if isinstance(source, Scalar) and target:
                yield File(target, _value(source, told))
        elif isinstance(one, Scalar):
            value = _value(one, told)
            source_text, colon, rest = value.text.partition(":")
            if colon:
                yield File(rest.partition(":")[0], replace(value, text=source_text))
    for one in items(node.get("configs")):
        name = text(one.get("source")) if isinstance(one, Mapping) else text(one)
        target = text(one.get("target")) if isinstance(one, Mapping) else None
        kept = root.get("configs", name or "")
        for key in ("content", "file"):
            said = kept.get(key) if isinstance(kept, Mapping) else None
            if isinstance(said, Scalar):
                yield File(target or f"/{name}", _value(said, told), held=key == "content")


def _of_volume(value: Value, root: Mapping, told: Told) -> Value:
    """The folder of the host behind a volume that is named here and bound to one."""
    options = root.get("volumes", value.text, "driver_opts", "device")
    return _value(options, told) if isinstance(options, Scalar) else value


def _gaps(node: Mapping) -> Iterator[Gap]:
    for entry in node.entries:
        if entry.key.text in _SERVICE_ELSEWHERE:
            says, of = _SERVICE_ELSEWHERE[entry.key.text]
            yield Gap(f"{says} ({entry.key.text})", entry.key.place, of)
    for entry in node.entries:
        if entry.value.tag in ("!reset", "!override"):
            yield Gap(
                f"another file, which {entry.key.text} overrides", entry.key.place, EVERYTHING
            )


def _joined(services: tuple[Service, ...], root: Mapping) -> tuple[Service, ...]:
    """Services that share the network of another are reached through its ports."""
    by_name = {one.name: one for one in services}
    found = []
    for one in services:
        mode = text(root.get("services", one.name, "network_mode"))
        other = by_name.get((mode or "").removeprefix("service:")) if mode else None
        if other is not None and mode != other.name:
            one = replace(one, reaches=other.reaches)
        found.append(one)
    return tuple(found)

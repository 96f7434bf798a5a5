"""Puts into each service what its files of settings say, where these lie in the same target.

`vllm serve --config`, a `redis.conf` that is mounted, a key of a ConfigMap: whether a server asks
who calls stands there as often as on its command line. A row of `servers.toml` says which option or
path names such a file, and how it is read. What cannot be had stays what the verdict rests on.

Sources: docs.vllm.ai, "Engine and server arguments" (--config); redis.io/docs, "Redis
configuration"; docs.litellm.ai/docs/proxy/configs; qdrant.tech/documentation/guides/configuration;
elastic.co/guide, "Configuring Elasticsearch"; mongodb.com/docs/manual, "Configuration File".
"""

import posixpath
import re
from collections.abc import Callable

from msgspec.structs import replace

from probatum.deploy import jupyter
from probatum.deploy.asked import flag, is_read, started
from probatum.deploy.command_lines import is_local
from probatum.deploy.model import Deployment, File, Service
from probatum.deploy.near import Near
from probatum.deploy.rules import Server, Setting, servers
from probatum.deploy.settings_files import scalars, setting
from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Mapping
from probatum.formats.values import Value
from probatum.formats.yaml_nodes import documents
from probatum.vocabulary import Place, Reason

_LINE = re.compile(r"(?m)^[ \t]*([A-Za-z][\w-]*)[ \t]+([^\n]*?)[ \t]*$")
_ELSEWHERE = frozenset({"include", "user", "loadmodule"})
_ON = frozenset({"true", "yes", "on"})

Settings = dict[str, Value]


def configured(deployment: Deployment, near: Near) -> Deployment:
    """The deployment, in which every service has the settings of the files that it is given."""
    services = tuple(_configured(one, near) for one in deployment.services)
    return replace(deployment, services=services)


def _configured(service: Service, near: Near) -> Service:
    for server in servers():
        for one in server.elsewhere:
            words = started(service, server) if one.reads else None
            if words is not None:
                service = _with(service, server, words, one, near)
    return service


def _with(
    service: Service, server: Server, words: tuple[Value, ...], one: Setting, near: Near
) -> Service:
    """The service with what the file of this setting says; as it was where it cannot be had."""
    named = _named(service, words, one)
    if named is None or is_read(service, named):
        return service
    try:
        settings = _settings(service, named, one, near)
    except FormatError:
        return service
    if one.reads == "options":
        commands = tuple(_lengthened(line, settings) if line is words else line
                         for line in service.commands)  # fmt: skip
        service = replace(service, commands=commands)
    else:
        service = replace(service, environment=settings | service.environment)
    also = [one.source for one in service.files if one.path == named.text]
    return replace(service, read=(*service.read, named, *also))


def _named(service: Service, words: tuple[Value, ...], one: Setting) -> Value | None:
    """What the service calls the file; None where it names none, or a variable does."""
    if one.flag:
        found = flag(words, one.flag)
        return found if found is not None and found.sure and found.text else None
    inside = (replace(file.source, text=file.path) for file in service.files)
    named = (*words[1:], *inside) if one.mount else ()
    return next((each for each in named if each.text.endswith(one.mount)), None)


def _settings(service: Service, named: Value, one: Setting, near: Near) -> Settings:
    read = _FORMS[one.reads]
    file = _inside(service, named.text)
    if file is not None and file.held:
        found = read(file.source.text.encode("utf-8", "surrogatepass"), "x")
        return {key: replace(value, place=file.source.place) for key, value in found.items()}
    if file is None and not service.on_host:
        raise FormatError(Reason.OUTSIDE_TARGET, "a file of the image")
    path = named.text if file is None else file.source.text
    return read(near.read(path), posixpath.normpath(path))


def _inside(service: Service, path: str) -> File | None:
    """What of the deployment the service finds at this path, a folder's files included."""
    for one in service.files:
        if one.path == path or (not path.startswith("/") and one.path.endswith(f"/{path}")):
            return one if one.held or one.source.text.startswith((".", "/")) else None
    for one in service.files:
        folder = one.path.rstrip("/") + "/"
        if path.startswith(folder) and one.source.text.startswith("."):
            within = posixpath.join(one.source.text, path.removeprefix(folder))
            return File(path, replace(one.source, text=within))
    return None


def _lengthened(words: tuple[Value, ...], settings: Settings) -> tuple[Value, ...]:
    """The command line with the file's options before its own, which count more."""
    more: list[Value] = []
    for key, value in settings.items():
        if value.text.lower() != "false":
            more.append(Value(f"--{key}", value.place))
            more += [] if value.text.lower() in _ON else [value]
    at = next((at for at, one in enumerate(words) if one.text.startswith("-")), len(words))
    return (*words[:at], *more, *words[at:])


def _yaml(data: bytes, part: str) -> Settings:
    return {
        path: setting(one)
        for root in documents(data, part)
        for path, one in (scalars(root) if isinstance(root, Mapping) else ())
    }


def _words(data: bytes, part: str) -> Settings:
    """`name value`, a line each, as Redis is configured."""
    found: Settings = {}
    source = utf8(data)
    for one in _LINE.finditer(source):
        place = Place(line=source.count("\n", 0, one.start(1)) + 1, column=1, part=part)
        if one[1].lower() in _ELSEWHERE:
            raise FormatError(Reason.UNRESOLVED, f"`{one[1]}` says more elsewhere", place)
        said = one[2].strip("\"'")
        if one[1].lower() == "bind":
            addresses = [each.removeprefix("-") for each in said.split()]
            said = next((each for each in addresses if not is_local(each)), "127.0.0.1")
        found[one[1].lower()] = Value(said, place)
    return found


def _jupyter(data: bytes, part: str) -> Settings:
    (service,) = jupyter.read(data, part).services
    return {name: one for name, one in service.environment.items() if one.sure}


_FORMS: dict[str, Callable[[bytes, str], Settings]] = {
    "yaml": _yaml,
    "options": _yaml,
    "words": _words,
    "jupyter": _jupyter,
}

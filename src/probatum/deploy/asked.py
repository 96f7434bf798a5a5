"""Asks one service what it is and how it is set: flags, variables, mounts, version of its image."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec.structs import replace

from probatum.deploy.command_lines import is_local
from probatum.deploy.model import Service
from probatum.deploy.rules import Server, Setting, servers
from probatum.formats.values import Value
from probatum.vocabulary import Place

_OPTIONS = re.compile(r"ARG|OPT|FLAG|EXTRA|PARAM", re.IGNORECASE)
_ARGUMENTS = re.compile(r"(?:^|_)(?:ARGS?|ARGUMENTS|FLAGS|OPTIONS|OPTS)$", re.IGNORECASE)
_ONE_VALUE = re.compile(
    r"^the variable \w*(?:model|name|path|dir|repo|file|port|host|url|tag|id)\w*$", re.IGNORECASE
)
_PYTHON = re.compile(r"(?:pypy|python)[\d.]*")


def is_image(image: Value | None, names: tuple[str, ...]) -> bool:
    """Whether the image's repository ends like one of the names, whatever its registry and tag."""
    if image is None or not image.text:
        return False
    path = repository(image.text).lower()
    return any(path == one or path.endswith(f"/{one}") for one in names)


def repository(image: str) -> str:
    """The name of an image without its digest and tag."""
    path = image.partition("@")[0]
    head, colon, tail = path.rpartition(":")
    return head if colon and "/" not in tail else path


def tag(image: str) -> str:
    """The tag of an image; empty where it has none."""
    path = image.partition("@")[0]
    return path.removeprefix(repository(image)).removeprefix(":")


def is_before(image: Value, version: str) -> bool | None:
    """Whether the image's tag names an earlier version; None where it names none."""
    own = _version(tag(image.text))
    return None if own is None else own < (_version(version) or ())


def _version(text: str) -> tuple[int, ...] | None:
    found = re.match(r"v?(\d+(?:\.\d+)*)", text)
    return tuple(int(one) for one in found[1].split(".")) if found else None


def command_of(service: Service, starts: tuple[str, ...]) -> tuple[Value, ...] | None:
    """The command line of the service that begins with one of these; None if none does.

    A `*` in one of them stands for any letters.
    """
    for words in service.commands:
        said = tuple(one.text for one in _normal(words))
        for start in starts:
            wanted = tuple(start.split())
            if len(said) >= len(wanted) and all(map(fnmatchcase, said, wanted)):
                return words
    return None


def started(service: Service, server: Server) -> tuple[Value, ...] | None:
    """The words that start this server in the service; None if it is none."""
    words = command_of(service, server.commands)
    if words is not None:
        return words if all(flag(words, one) is not None for one in server.needs) else None
    if is_image(service.image, server.images):
        others = [
            one
            for one in servers()
            if one.images == server.images and one.ports != server.ports and one.commands
        ]
        told = any(command_of(service, one.commands) is not None for one in others)
        return None if told else next(iter(service.commands), ())
    told = any(name in service.environment for name in server.variables)
    return () if told and service.image is None and not service.commands else None


def _normal(words: tuple[Value, ...]) -> tuple[Value, ...]:
    """With a bare name for the program, and `python -m` without the options between."""
    if not words:
        return words
    first = words[0].text.rpartition("/")[2]
    rest = list(words[1:])
    if _PYTHON.fullmatch(first):
        first = "python"
        while rest and re.fullmatch(r"-[bBdEiIOPsSuvx]+", rest[0].text):
            rest.pop(0)
    return (replace(words[0], text=first), *rest)


def flag(words: tuple[Value, ...], name: str) -> Value | None:
    """What the last `--name value` or `--name=value` says; underscores are dashes."""
    wanted = _dashed(name)
    found = None
    for at, word in enumerate(words):
        key, equals, said = word.text.partition("=")
        if _dashed(key) != wanted:
            continue
        if equals:
            found = replace(word, text=said)
        elif at + 1 < len(words) and not words[at + 1].text.startswith("--"):
            found = words[at + 1]
        else:
            found = replace(word, text="")
    return found


def option_lines(service: Service) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """The command lines of the service, and those that variables hold (`EXTRA_ARGS: --flag`).

    Each with what says it.
    """
    yield from ((f"{service.name} is started with", words) for words in service.commands)
    for name, value in service.environment.items():
        if _ARGUMENTS.search(name) and value.sure and value.text.lstrip().startswith("-"):
            words = tuple(replace(value, text=word) for word in value.text.split())
            yield f"{name} of {service.name} holds", words


def _dashed(name: str) -> str:
    return name.replace("_", "-") if name.startswith("--") else name


def hidden(words: tuple[Value, ...]) -> str:
    """What else says words of this command line; empty where nothing does.

    A variable behind an option is its value, and one that is called like a value is one.
    """
    for before, one in zip((None, *words), words, strict=False):
        if one.open and not one.text and not _is_value(before, one):
            return one.open
    return ""


def _is_value(before: Value | None, one: Value) -> bool:
    if _OPTIONS.search(one.open):
        return False
    behind = before is not None and before.text.startswith("-") and "=" not in before.text
    return behind or bool(_ONE_VALUE.search(one.open))


def said(service: Service, words: tuple[Value, ...], setting: Setting) -> Value | None:
    """What the service says to this setting; None if nothing, an open value if elsewhere."""
    if setting.flag:
        found = flag(words, setting.flag)
        if found is None and (more := hidden(words)):
            return Value("", words[0].place, more)
        return found or _gap(service, "command")
    if setting.env:
        return _variable(service, setting.env) or _gap(service, "environment")
    inside = (Value(one.path, one.source.place) for one in service.files)
    files = (*service.mounts, *inside, *words[1:])
    return next((one for one in files if one.text.endswith(setting.mount)), None)


def _variable(service: Service, name: str) -> Value | None:
    """A variable, or a setting of this name further down in a file of settings."""
    found = service.environment.get(name)
    if found is None and "." in "".join(service.environment):
        ends = f".{name}"
        found = next((one for key, one in service.environment.items() if key.endswith(ends)), None)
    return found


def _gap(service: Service, of: str) -> Value | None:
    for one in service.gaps:
        if of in one.of:
            return Value("", one.place, one.says)
    return None


def fits(value: Value, setting: Setting) -> bool | None:
    """Whether the value is one that the setting means; None where that is decided elsewhere."""
    if value.open and not value.text:
        return None
    wanted = setting.values
    if setting.switch:
        return value.text.strip("'\" ").lower() not in ("false", "0", "no", "off")
    if wanted is None:
        return bool(value.text.strip("'\" ")) or bool(setting.mount)
    return value.text.strip("'\" ").lower() in wanted


def is_read(service: Service, file: Value) -> bool:
    """Whether this file's settings are among those of the service already."""
    path = file.text.lstrip("/")  # a mount that is none of the host is written without one
    return any(one.text.lstrip("/") == path for one in service.read)


def address(service: Service, words: tuple[Value, ...], server: Server) -> tuple[str, Value | None]:
    """`everywhere`, `loopback`, or what says it elsewhere; and the value that says so."""
    for setting in server.bind:
        value = said(service, words, setting)
        if value is None or any(value.place is gap.place for gap in service.gaps):
            continue  # what stands elsewhere may say so; nobody publishes what only he can reach
        if not value.sure:
            return value.open, value
        if setting.switch and (not value.text or value.text.startswith("-")):
            return "everywhere", value
        if value.text:
            return ("loopback" if is_local(_host(value.text)) else "everywhere"), value
    for setting in server.elsewhere:
        value = said(service, words, setting) if setting.flag else None
        if value is not None and not is_read(service, value):
            return f"what {setting.flag} names", value
    own = is_image(service.image, server.images)
    return (server.image_listens if own else server.listens), None


def _host(text: str) -> str:
    """The host of `host`, `host:port` or `http://host:port`."""
    bare = text.strip("'\"").partition("://")[2] or text.strip("'\"")
    bare = bare.partition("/")[0]
    if bare.startswith("["):
        return bare.partition("]")[0] + "]"
    return bare.partition(":")[0] if bare.count(":") == 1 else bare


def ports(words: tuple[Value, ...], server: Server) -> frozenset[str] | None:
    """Where it listens; None where that is said elsewhere."""
    told = [one for name in server.port if (one := flag(words, name)) is not None]
    if any(not one.sure for one in told):
        return None
    return frozenset(one.text for one in told) | (
        frozenset(server.ports) if len(server.ports) > 1 or not told else frozenset()
    )


def place_of(service: Service, words: tuple[Value, ...]) -> Place:
    """Where it is said what the service is."""
    if service.image is not None:
        return service.image.place
    return words[0].place if words else service.place

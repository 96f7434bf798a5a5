"""Reads command lines: what program is meant behind its wrappers, and what `docker run` starts.

Sources: docs.docker.com/reference/cli/docker/container/run; podman-run(1); nohup, env, sudo, exec
in POSIX.1-2024 and their manuals.
"""

# ruff: noqa: SIM905  (a list of options reads better as words)

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from probatum.deploy.model import File, Gap, Grant, Reach, Service
from probatum.deploy.near import NOTHING, Near
from probatum.errors import FormatError
from probatum.formats.shell import Command, commands
from probatum.formats.values import Value
from probatum.vocabulary import Place

_WRAPPERS = frozenset("exec nohup sudo time nice command setsid tini dumb-init stdbuf".split())
_RUNNERS = {("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("conda", "run"), ("tini", "--")}
_SHELLS = frozenset("sh bash dash zsh ash ksh".split())
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=")
_SWITCHES = frozenset(
    """-d -i -t -P --detach --interactive --tty --rm --privileged --init --publish-all --read-only
    --no-healthcheck --oom-kill-disable --sig-proxy --quiet -q --use-api-socket --replace
    --disable-content-trust --tls-verify""".split()
)
_OF_HOST = {"--pid": "pid", "--ipc": "ipc", "--uts": "uts", "--userns": "userns"}
_LOCAL = frozenset("127.0.0.1 localhost ::1 [::1]".split())


def is_local(address: str) -> bool:
    """Whether only the same machine reaches what listens at this address."""
    return address in _LOCAL or address.startswith("127.")


def simple(words: Command) -> Iterator[Command]:
    """The command that the words are, or those that they have a shell run (`sh -c '...'`)."""
    words = unwrapped(words)
    names = [one.text for one in words]
    if names and names[0].rpartition("/")[2] in _SHELLS:
        for at, name in enumerate(names[1:-1], 1):
            if re.fullmatch(r"-[a-z]*c[a-z]*", name):
                yield from _script(words[at + 1])
                return
    yield words


def _script(script: Value) -> Iterator[Command]:
    for one in commands(script.text, lambda _: script.place):
        yield from simple(one)


def unwrapped(words: Command) -> Command:
    """The words from the program on: without assignments, `exec`, `sudo`, `uv run` and the like."""
    while words:
        first = words[0].text.rpartition("/")[2]
        pair = (first, words[1].text) if len(words) > 1 else ("", "")
        if _ASSIGNMENT.match(words[0].text):
            words = words[1:]
        elif first in _WRAPPERS or first == "env":
            words = words[1:]
            while words and words[0].text.startswith("-"):
                words = words[2:] if words[0].text in ("-u", "-n", "-g") else words[1:]
        elif pair in _RUNNERS:
            words = words[2:]
            while words and words[0].text.startswith("-"):
                words = words[1:]
        else:
            break
    return words


def assigned(words: Command) -> dict[str, Value]:
    """The environment that the command line sets for its program (`A=1 env B=2 program`)."""
    found: dict[str, Value] = {}
    for word in words:
        name = _ASSIGNMENT.match(word.text)
        if name is not None:
            found[name[1]] = replace(word, text=word.text[name.end() :])
        elif word.text.rpartition("/")[2] not in _WRAPPERS | {"env"}:
            break
    return found


def container(words: Command, near: Near = NOTHING) -> Service | None:
    """The service that `docker run` or `podman run` starts; None if this is no such command."""
    names = [one.text for one in words[:3]]
    if not names or names[0].rpartition("/")[2] not in ("docker", "podman", "nerdctl"):
        return None
    verbs = names[1:] if names[1:2] != ["container"] else names[2:]
    if not verbs or verbs[0] not in ("run", "create"):
        return None
    rest = words[len(names) - len(verbs) + 1 :] if names[1:2] == ["container"] else words[2:]
    return _Run(words[0].place, rest, near).service()


class _Run:
    """The options of `docker run`, one by one."""

    def __init__(self, place: Place, words: Command, near: Near) -> None:
        self._place = place
        self._near = near
        self._of_files: dict[str, Value] = {}
        self._words = list(words)
        self._environment: dict[str, Value] = {}
        self._reaches: list[Reach] = []
        self._grants: list[Grant] = []
        self._mounts: list[Value] = []
        self._files: list[File] = []
        self._gaps: list[Gap] = []
        self._entry: list[Value] = []
        self._name = ""
        self._user: Value | None = None

    def service(self) -> Service | None:
        while self._words and self._words[0].text.startswith("-"):
            self._option(self._words.pop(0))
        if not self._words:
            return None
        image = self._words.pop(0)
        lines = tuple(simple((*self._entry, *self._words))) if self._words or self._entry else ()
        return Service(
            name=self._name or image.text or image.open, place=self._place, image=image,
            commands=tuple(line for line in lines if line),
            environment=self._of_files | self._environment,
            reaches=tuple(self._reaches), grants=tuple(self._grants), mounts=tuple(self._mounts),
            user=self._user, files=tuple(self._files), gaps=tuple(self._gaps),
        )  # fmt: skip

    def _option(self, word: Value) -> None:
        name, equals, said = word.text.partition("=")
        if name in _SWITCHES or re.fullmatch(r"-[ditPq]{2,}", name):
            if name == "--privileged" and said != "false":
                self._grants.append(Grant("privileged", word.place))
            if name in ("-P", "--publish-all"):
                self._reaches.append(Reach("", word.place, "every port is published (-P)"))
            return
        if equals:
            value = replace(word, text=said)
        elif re.fullmatch(r"-[dit]+[pev]", name) and self._words:
            value, name = self._words.pop(0), f"-{name[-1]}"
        elif re.match(r"-[pvePwulhmc].", name):
            value, name = replace(word, text=word.text[2:]), name[:2]
        elif self._words:
            value = self._words.pop(0)
        else:
            return
        self._valued(name, value)

    def _valued(self, name: str, value: Value) -> None:
        if name in ("-p", "--publish"):
            self._reaches.extend(published(value))
        elif name in ("-e", "--env"):
            key, equals, said = value.text.partition("=")
            asked = replace(value, text=said)
            if not equals:
                asked = Value("", value.place, f"the variable {key}")
            self._environment[key] = asked
        elif name in ("--network", "--net") and value.text == "host":
            self._grants.append(Grant("network host", value.place))
            self._reaches.append(Reach("", value.place, "it is on the network of its host"))
        elif name in _OF_HOST and value.text == "host":
            self._grants.append(Grant(f"{_OF_HOST[name]} host", value.place))
        elif name == "--cap-add":
            self._grants.append(Grant(f"cap {_capability(value.text)}", value.place))
        elif name == "--security-opt":
            what = f"security {value.text.replace('=', ':')}"
            self._grants.append(Grant(what, value.place))
        elif name == "--env-file":
            self._file(value)
        elif name == "--device":
            self._grants.append(Grant(f"device {value.text.partition(':')[0]}", value.place))
        elif name in ("-v", "--volume"):
            source, _, target = value.text.partition(":")
            self._mounts.append(replace(value, text=source))
            self._files.append(File(target.partition(":")[0], self._mounts[-1]))
        elif name == "--mount":
            found = re.search(r"(?:^|,)(?:source|src)=([^,]*)", value.text)
            inside = re.search(r"(?:^|,)(?:target|destination|dst)=([^,]*)", value.text)
            self._mounts.append(replace(value, text=found[1] if found else ""))
            self._files.append(File(inside[1] if inside else "", self._mounts[-1]))
        elif name == "--name":
            self._name = value.text
        elif name in ("-u", "--user"):
            self._user = value
        elif name == "--entrypoint":
            self._entry = [value]

    def _file(self, name: Value) -> None:
        try:
            self._of_files |= self._near.variables(name.text)
        except FormatError as exc:
            says = f"a file of variables ({name.text[:80] or name.open}: {exc.detail})"
            self._gaps.append(Gap(says, name.place, frozenset({"environment"})))


def capability(name: str) -> str:
    """A capability's name as the kernel calls it, without `CAP_`."""
    return name.upper().removeprefix("CAP_")


_capability = capability


def published(value: Value) -> Iterable[Reach]:
    """What `[[address:][host port]:]port[/protocol]` lets in; nothing if only the same machine."""
    if not value.sure:
        port = value.text.rpartition(":")[2]
        says = f"whether it is published for other machines is for {value.open} to say"
        return (Reach(port if port.isdigit() else "", value.place, says, surely=False),)
    text = value.text.partition("/")[0]
    address, port = _address(text)
    if is_local(address):
        return ()
    says = f"its port is published for other machines: {value.text}"
    return (Reach(port, value.place, says + (f" ({value.open})" if value.open else "")),)


def _address(text: str) -> tuple[str, str]:
    """The address at which a port is published (empty: every one), and the port inside."""
    if text.startswith("["):
        address, _, rest = text.partition("]")
        return address + "]", rest.rpartition(":")[2]
    parts = text.split(":")
    return (":".join(parts[:-2]), parts[-1])

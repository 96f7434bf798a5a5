"""Reads systemd units: what `ExecStart=` starts, with which environment.

Sources: systemd.service(5) (command lines), systemd.exec(5) (Environment=, EnvironmentFile=),
systemd.syntax(7), systemd.unit(5) (specifiers, drop-ins).
"""

import re
import shlex
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from probatum.deploy.command_lines import container, simple
from probatum.deploy.model import Deployment, Gap, Service
from probatum.deploy.near import NOTHING, Near
from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.shell import Command, commands
from probatum.formats.values import Value, resolved
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Place, Reason

_SPECIFIER = re.compile(r"%[a-zA-Z]")
_OF_SYSTEM = re.compile(r"\b(?:multi-user|graphical)\.target\b")
_TRUE = frozenset({"1", "yes", "true", "on"})
_STARTS = ("ExecStart", "ExecStartPre", "ExecStartPost")


class Line(Struct, frozen=True):
    """`key=value`, with the place of the value; continued lines are joined."""

    key: str
    value: str
    at: int


def read(data: bytes, near: Near = NOTHING) -> Deployment:
    """Raises: FormatError."""
    source = utf8(data)
    spots = Spots(source)
    environment: dict[str, Value] = {}
    of_files: dict[str, Value] = {}
    started: list[Command] = []
    gaps: list[Gap] = []
    for line in lines(source):
        place = spots.place(line.at)
        if line.key == "Environment":
            environment |= dict(_assigned(line.value, place))
        elif line.key == "EnvironmentFile":
            try:
                of_files |= near.variables(line.value.removeprefix("-").strip())
            except FormatError as exc:
                says = f"a file of variables ({line.value[:80]}: {exc.detail})"
                gaps.append(Gap(says, place, frozenset({"environment"})))
        elif line.key in _STARTS:
            started += _started(line, spots)
    user = _user(source, spots)
    environment |= of_files  # which override what the unit itself sets, wherever they stand
    known = tuple(tuple(resolved(word, environment) for word in each) for each in started)
    found = _deployment(environment, known, tuple(gaps), near)
    services = (replace(one, user=user) if one.on_host else one for one in found.services)
    return replace(found, services=tuple(services))


def _user(source: str, spots: Spots) -> Value | None:
    """Who it runs as; nobody knows where it may be a unit of some user's own."""
    told = {line.key: line for line in lines(source)}
    dynamic, user = told.get("DynamicUser"), told.get("User")
    if user is not None and user.value.strip():
        return Value(user.value.strip(), spots.place(user.at))
    if dynamic is not None and dynamic.value.strip().lower() in _TRUE:
        return Value("a user of its own", spots.place(dynamic.at))
    wanted, start = told.get("WantedBy"), told.get("ExecStart")
    if wanted is None or start is None or not _OF_SYSTEM.search(wanted.value):
        return None
    return Value("root", spots.place(start.at), "systemd, since no User= is set", default=True)


def _deployment(
    environment: dict[str, Value],
    started: tuple[Command, ...],
    gaps: tuple[Gap, ...],
    near: Near,
) -> Deployment:
    services = [one for each in started if (one := container(each, near)) is not None]
    others = tuple(each for each in started if container(each) is None)
    if others or not services:
        place = others[0][0].place if others else Place(line=1)
        if not others and environment:
            place = next(iter(environment.values())).place
        services.append(
            Service(
                name="the unit", place=place, commands=others, environment=environment, gaps=gaps,
                on_host=True,
            )
        )  # fmt: skip
    images = tuple(one.image for one in services if one.image is not None)
    return Deployment(services=tuple(services), images=images)


def lines(source: str) -> Iterator[Line]:
    """Every line that sets something, of whatever section."""
    for found in re.finditer(
        r"(?m)^[ \t]*([A-Za-z]\w*)[ \t]*=[ \t]*((?:[^\n]*\\\r?\n)*[^\n]*)", source
    ):
        yield Line(
            found[1], re.sub(r"\\\r?\n", lambda one: " " * len(one[0]), found[2]), found.start(2)
        )


def _assigned(value: str, place: Place) -> Iterator[tuple[str, Value]]:
    try:
        words = shlex.split(value)
    except ValueError as exc:
        raise FormatError(Reason.MALFORMED, f"Environment: {exc}", place) from exc
    for word in words:
        name, equals, said = word.partition("=")
        if equals:
            special = _SPECIFIER.search(said)
            yield name, Value(said, place, f"the specifier {special[0]}" if special else "")


def _started(line: Line, spots: Spots) -> Iterator[Command]:
    bare = line.value.lstrip("-@:+!|")
    start = line.at + len(line.value) - len(bare)
    for one in commands(bare, lambda at: spots.place(start + at)):
        yield from (each for each in simple(one) if each)

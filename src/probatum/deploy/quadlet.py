"""Reads Quadlet units (`.container`): what `podman run` is told, under other names.

Source: podman-systemd.unit(5), Container units.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from probatum.deploy.command_lines import container
from probatum.deploy.model import Deployment, Gap
from probatum.deploy.near import NOTHING, Near
from probatum.deploy.systemd import Line, lines
from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.shell import commands
from probatum.formats.values import Value
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Reason

_OPTIONS = {
    "PublishPort": "--publish",
    "Volume": "--volume",
    "Mount": "--mount",
    "EnvironmentFile": "--env-file",
    "Network": "--network",
    "AddDevice": "--device",
    "UserNS": "--userns",
    "Entrypoint": "--entrypoint",
    "ContainerName": "--name",
    "User": "--user",
}
_MANY = {"Environment": "--env", "AddCapability": "--cap-add"}
_SECTION = re.compile(r"(?ms)^[ \t]*\[Container\][ \t\r]*$(.*?)(?=^[ \t]*\[|\Z)")
_TRUE = frozenset({"true", "yes", "on", "1"})


def read(data: bytes, near: Near = NOTHING) -> Deployment:
    """Raises: FormatError."""
    source = utf8(data)
    spots = Spots(source)
    words = [Value("podman", spots.place(0)), Value("run", spots.place(0))]
    image: list[Value] = []
    behind: list[Value] = []
    gaps = []
    for section in _SECTION.finditer(source):
        for line in lines(section[1]):
            line = replace(line, at=line.at + section.start(1))
            if line.key == "Image":
                image = [Value(line.value.strip(), spots.place(line.at))]
                if image[0].text.endswith((".image", ".build")):
                    says = f"another unit, which names the image ({image[0].text[:80]})"
                    gaps.append(Gap(says, image[0].place, frozenset({"image"})))
            elif line.key == "Exec":
                behind = list(_words(line, spots))
            else:
                words += _told(line, spots)
    one = container((*words, *image, *behind), near) if image else None
    if one is None:
        raise FormatError(Reason.MALFORMED, "no Image under [Container]")
    one = replace(one, place=image[0].place, gaps=(*one.gaps, *gaps))
    return Deployment(services=(one,), images=tuple(image) if not gaps else ())


def _told(line: Line, spots: Spots) -> Iterator[Value]:
    place = spots.place(line.at)
    said = line.value.strip()
    if line.key in _OPTIONS:
        if line.key == "EnvironmentFile":
            said = said.removeprefix("-")
        yield from (Value(_OPTIONS[line.key], place), Value(said, place))
    elif line.key in _MANY:
        for word in _words(line, spots):
            yield from (Value(_MANY[line.key], word.place), word)
    elif line.key == "PodmanArgs":
        yield from _words(line, spots)
    elif line.key == "SecurityLabelDisable" and said.lower() in _TRUE:
        yield from (Value("--security-opt", place), Value("label:disable", place))
    elif line.key == "SeccompProfile":
        yield from (Value("--security-opt", place), Value(f"seccomp:{said}", place))


def _words(line: Line, spots: Spots) -> Iterator[Value]:
    for one in commands(line.value, lambda at: spots.place(line.at + at)):
        yield from one

"""Reads shell scripts that start services: each command, with what was exported before it.

Sources: POSIX.1-2024, XCU 2.9.1 (simple commands), `export`.
"""

import re

from msgspec.structs import replace

from probatum.deploy.command_lines import assigned, container, simple
from probatum.deploy.model import EVERYTHING, Deployment, Gap, Service, Value
from probatum.deploy.shell import Command, commands
from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Reason

_MOST = 5_000


def read(data: bytes) -> Deployment:
    """Raises: FormatError."""
    source = utf8(data).replace("\r\n", "\n")
    spots = Spots(source)
    exported: dict[str, Value] = {}
    services: list[Service] = []
    gaps: list[Gap] = []
    for words in commands(source, spots.place):
        if len(services) >= _MOST:
            raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} commands", words[0].place)
        first = words[0].text
        if first in (".", "source") and len(words) > 1:
            says = f"another script ({words[1].text or words[1].open})"
            gaps.append(Gap(says, words[0].place, EVERYTHING))
        own = assigned(words[1:] if first == "export" else words)
        if first == "export" or len(own) == len(words):
            exported |= own
            continue
        services += _services(words, exported | own)
    images = tuple(one.image for one in services if one.image is not None)
    return Deployment(services=tuple(services), images=images, gaps=tuple(gaps))


def _services(words: Command, environment: dict[str, Value]) -> list[Service]:
    found = []
    for line in simple(words):
        if not line:
            continue
        one = container(line)
        if one is None:
            name = re.sub(r".*/", "", line[0].text) or "a command"
            one = Service(name=name, place=line[0].place, commands=(line,), on_host=True)
            one = replace(one, environment=environment)
        found.append(one)
    return found

"""Reads files of variables (`.env`), and settings that are files of `key = value`.

Sources: docs.docker.com/compose/how-tos/environment-variables/variable-interpolation (syntax);
mlflow/server/auth/basic_auth.ini.
"""

import re

from probatum.deploy.model import Deployment, Service
from probatum.formats.bounds import utf8
from probatum.formats.values import Value, interpolated
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Place

_LINE = re.compile(r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.]*)[ \t]*=([^\n]*)")

_SETS = re.compile(
    r"\s*(?:#.*|(?:set\s+[-+][eu]+(?:o\s+pipefail)?|export(?:\s+[A-Za-z_]\w*)+"
    r"|(?:export\s+)?[A-Za-z_]\w*=(?:'[^']*'|\"(?:[^\"\\$`]|\\.|\$\{?\w)*\"|[^\s'\"`;&|()]*))\s*(?:#.*)?)?"
)


def read(data: bytes) -> Deployment:
    """Raises: FormatError."""
    environment = variables(data)
    service = Service(name="this file", place=Place(line=1), environment=environment, on_host=True)
    return Deployment(services=(service,))


def variables(data: bytes, part: str = "") -> dict[str, Value]:
    """What each line sets; with `part`, as places of that file. Raises: FormatError."""
    source = utf8(data)
    spots = Spots(source)
    found = {}
    for one in _LINE.finditer(source):
        place = spots.place(one.start(1))
        if part:
            place = Place(line=place.line, column=place.column, part=part)
        found[one[1]] = _value(one[2].strip(), place)
    return found


def exported(data: bytes) -> frozenset[str]:
    """What a script exports."""
    return frozenset(re.findall(r"(?m)^[ \t]*export[ \t]+([A-Za-z_]\w*)", utf8(data)))


def is_plain(data: bytes) -> bool:
    """Whether a script does nothing but set variables."""
    return all(_SETS.fullmatch(line) for line in utf8(data).splitlines())


def _value(said: str, place: Place) -> Value:
    quoted = re.match(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"", said)
    if quoted is not None and quoted[1] is not None:
        return Value(quoted[1], place)
    if quoted is not None:
        return interpolated(quoted[2], place)
    return interpolated(re.sub(r"(?:^|\s)#.*", "", said).strip(), place)

"""Reads files of variables (`.env`), and settings that are files of `key = value`.

Sources: docs.docker.com/compose/how-tos/environment-variables/variable-interpolation (syntax);
mlflow/server/auth/basic_auth.ini.
"""

import re

from probatum.deploy.model import Deployment, Service, Value
from probatum.deploy.variables import interpolated
from probatum.formats.bounds import utf8
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Place

_LINE = re.compile(r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.]*)[ \t]*=[ \t]*([^\n]*?)[ \t\r]*$")


def read(data: bytes) -> Deployment:
    """Raises: FormatError."""
    source = utf8(data)
    spots = Spots(source)
    environment = {
        one[1]: _value(one[2], spots.place(one.start(1))) for one in _LINE.finditer(source)
    }
    service = Service(name="this file", place=Place(line=1), environment=environment, on_host=True)
    return Deployment(services=(service,))


def _value(said: str, place: Place) -> Value:
    quoted = re.match(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"", said)
    if quoted is not None and quoted[1] is not None:
        return Value(quoted[1], place)
    if quoted is not None:
        return interpolated(quoted[2], place)
    return interpolated(re.sub(r"(?:^|\s)#.*", "", said).strip(), place)

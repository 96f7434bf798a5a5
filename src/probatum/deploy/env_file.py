"""Reads files of variables (`.env`), and settings that are files of `key = value`.

Sources: docs.docker.com/compose/how-tos/environment-variables/variable-interpolation (syntax);
mlflow/server/auth/basic_auth.ini.
"""

import re

from probatum.deploy.model import Deployment, Service, Value
from probatum.deploy.variables import interpolated
from probatum.errors import FormatError
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Place, Reason

_LINE = re.compile(r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.]*)[ \t]*=[ \t]*([^\n]*?)[ \t\r]*$")


def read(data: bytes) -> Deployment:
    """Raises: FormatError."""
    try:
        source = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise FormatError(Reason.MALFORMED, "not UTF-8", Place(offset=exc.start)) from exc
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

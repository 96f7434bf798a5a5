"""Files of variables that a deployment names, and that lie in the same target."""

import posixpath

from probatum.deploy import env_file
from probatum.deploy.model import Value
from probatum.errors import FormatError
from probatum.ports import Material, Neighbourly
from probatum.vocabulary import Reason


class Near:
    """The other files of the target that a material lies in; none where nothing is known of it."""

    def __init__(self, material: Material | None = None) -> None:
        self._material = material

    def variables(self, path: str) -> dict[str, Value]:
        """What the file sets. Raises: FormatError where it cannot be read."""
        return env_file.variables(self._read(path), posixpath.normpath(path))

    def assignments(self, path: str) -> tuple[dict[str, Value], frozenset[str]]:
        """What a script sets that does nothing else, and what of it it exports.

        Raises: FormatError, if it does more.
        """
        data = self._read(path)
        if not env_file.is_plain(data):
            raise FormatError(Reason.UNSUPPORTED, "it does more than to set variables")
        return env_file.variables(data, posixpath.normpath(path)), env_file.exported(data)

    def _read(self, path: str) -> bytes:
        if not isinstance(self._material, Neighbourly):
            raise FormatError(Reason.OUTSIDE_TARGET, "only this file was named")
        return self._material.neighbour(path)


NOTHING = Near()

"""Files that a deployment names or lies beside, in the same target."""

import posixpath
from collections.abc import Iterator

from probatum.deploy import env_file
from probatum.errors import FormatError
from probatum.formats.values import Value
from probatum.ports import Material, Neighbourly
from probatum.vocabulary import Reason

_MOST = 60


class Near:
    """The other files of the target that a material lies in; none where nothing is known of it."""

    def __init__(self, material: Material | None = None) -> None:
        self._material = material

    def variables(self, path: str) -> dict[str, Value]:
        """What the file sets. Raises: FormatError where it cannot be read."""
        return env_file.variables(self.read(path), posixpath.normpath(path))

    def assignments(self, path: str) -> tuple[dict[str, Value], frozenset[str]]:
        """What a script sets that does nothing else, and what of it it exports.

        Raises: FormatError, if it does more.
        """
        data = self.read(path)
        if not env_file.is_plain(data):
            raise FormatError(Reason.UNSUPPORTED, "it does more than to set variables")
        return env_file.variables(data, posixpath.normpath(path)), env_file.exported(data)

    def beside(self, ends: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        """The files beside this one whose names end so, as far as they can be read."""
        names = self._material.beside if self._material is not None else frozenset()
        for name in sorted(one for one in names if one.endswith(ends))[:_MOST]:
            try:
                yield name, self.read(name)
            except FormatError:
                continue  # a name of the target's root, a folder, or a file that is excluded

    def read(self, path: str) -> bytes:
        """A file of the target. Raises: FormatError where it cannot be had."""
        if not isinstance(self._material, Neighbourly):
            raise FormatError(Reason.OUTSIDE_TARGET, "only this file was named")
        return self._material.neighbour(path)


NOTHING = Near()

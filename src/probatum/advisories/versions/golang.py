"""Keys of Go's versions: of modules, with pseudo-versions and `+incompatible`, and of Go itself.

A module's versions are semantic ones with a `v`, which advisories leave out. Go's own releases
(`go1.21rc2`, `1.21`) are placed where the vulnerability database places them: `1.21.0-rc.2`.

Source: go.dev/ref/mod, "Versions" and "Pseudo-versions"; go.dev/doc/security/vuln/database.
"""

import re

from probatum.advisories.versions import semver
from probatum.advisories.versions.numbers import bounded

_RELEASE = re.compile(r"(?:go)?([0-9]+\.[0-9]+)(\.[0-9]+)?(?:(beta|rc)([0-9]+))?", re.ASCII)
_INCOMPATIBLE = "incompatible"


def key(text: str) -> bytes:
    """Bytes that compare as Go orders versions. Raises: FormatError."""
    found = _RELEASE.fullmatch(bounded(text))
    if found is None:
        return semver.key(text)
    minor, patch, kind, count = found.groups()
    before = f"-{kind}.{count}" if kind else ""
    return semver.key(f"{minor}{patch or '.0'}{before}")


def label(text: str) -> str:
    """The build metadata of a version. `+incompatible` is none: it is about a module's path."""
    found = semver.label(text)
    return "" if found == _INCOMPATIBLE else found

"""What the metadata of an installed Python distribution declares as its licence.

The expression of PEP 639 comes first, then the older field where it is a name and not a whole text,
then the classifier. Source: packaging.python.org, "Core metadata specifications".
"""

import re

from probatum.bom.licenses import spelled
from probatum.formats.bounds import region
from probatum.ports import Material

KIND = "distribution-metadata"
_LARGEST = 1 << 20
_LONGEST = 80
_HEADER = re.compile(r"(License-Expression|License|Classifier)[ \t]*:[ \t]*(.+?)[ \t\r]*\Z", re.I)
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "GNU Affero General Public License v3": "AGPL-3.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_GIVEN = "License :: "


def license(material: Material) -> str:
    """The licence; empty where none is declared. Raises: FormatError."""
    data = region(material, 0, min(material.size, _LARGEST))
    said: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").split("\n"):
        if not line.strip():
            break
        found = _HEADER.match(line)
        if found is None:
            continue
        name, value = found[1].lower(), found[2]
        if name != "classifier":
            said.setdefault(name, value)
        elif value.startswith(_GIVEN):
            said.setdefault(name, value.rpartition(" :: ")[2])
    older = said.get("license", "")
    if len(older) > _LONGEST or older.upper() == "UNKNOWN":
        older = ""
    classified = said.get("classifier", "")
    classified = _CLASSIFIERS.get(classified, classified)
    return spelled(said.get("license-expression") or older or classified)

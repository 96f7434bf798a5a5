"""Decides whether importing the code that a configuration names runs nothing but definitions.

Where `auto_map` or `custom_pipelines` name a class, `no-remote-code` is refuted: a loader that is
told to trust the repository imports its file. This claim says what that import runs. It says
nothing of what follows: the class is made, and its constructor runs.

- **Proven**: nothing is named, or classes in files of the artifact's own folder; everything that
  importing these files and those that they import evaluates is admitted by a row of
  `rules/own_code.toml`: definitions, constants, bases of libraries whose hooks run nothing that the
  class defines. What the loader imports besides, because a line of a function names it, is a
  library of the rows too. The certificate has the digest of each file; `check/named_code.py` reads
  them again and follows them in another way.
- **Undecided**: a statement, a decorator, a base, a library without a row, and its line
  (`unresolved`); a class of another repository; any other field that names code; a folder that is
  not at hand, as on a hub or in an archive.

Assumed: the loader copies the files to a package of their own before it imports them, as
transformers does, and no import finds others in their place.

Sources: transformers 4.57.6 and 5.23.0, `dynamic_module_utils.py`, `modeling_utils.py`,
`configuration_utils.py`.
"""

import hashlib

from probatum.errors import FormatError
from probatum.formats.named_code import imported, modules
from probatum.formats.own_folder import Prevents
from probatum.material import folders_of
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Place,
    Proven,
    Reason,
    Undecided,
    Verdict,
)

NAMED_CODE_INERT = Claim(
    "named-code-inert",
    "Importing the code that this configuration names runs nothing but definitions.",
)
_MOST = 16 << 20
_STEP = 1 << 20


@analyzer(
    id="named-code",
    claim=NAMED_CODE_INERT,
    accepts={"model-config", "tokenizer-config", "jupyter-config-json"},
)
def named_code(artifact: Artifact, material: Material) -> Verdict:
    """Follow the import of each file that is named."""
    if material.size > _MOST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} bytes, which are not all read")
    data = b"".join(material.read(at, _STEP) for at in range(0, material.size, _STEP))
    names, place = modules(data)
    digests: dict[str, str] = {}
    if names:
        folders = folders_of(material.beside) if artifact.parent is None else ()
        try:
            digests = imported(folders, names)
        except Prevents as exc:
            return Undecided(Reason.UNRESOLVED, str(exc), place or Place())
    facts = {
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "folder": digests,
    }
    return Proven(Certificate("named_code", facts), _assumed(digests))


def _assumed(digests: dict[str, str]) -> tuple[str, ...]:
    if not digests:
        return ()
    return (
        f"a loader copies {', '.join(sorted(digests))} to a package of their own and imports them "
        "there, no path of the process leads into this folder, and what they import of libraries "
        "is as published",
    )

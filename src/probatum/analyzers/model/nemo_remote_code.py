"""Decides whether a NeMo archive's configuration asks its loader to import code by name.

`restore_from` reads `model_config.yaml` from the tar and builds the model from it: `target` (or
`_target_`, or the older `cls`) names a class by its path, which is imported and called with the
keys beside it (CVE-2025-23304).

- **Proven**: the text contains no such key, tag, resolver or backslash, so it names nothing.
  `check/nemo_config.py` looks again.
- **Refuted**: a name in Python's standard library, or a tag that builds Python objects.
- **Undecided**: any other name, nearly every honest archive: NeMo's own classes are named there.

The weights in the archive are artifacts of their own, judged by themselves.

Sources: NeMo core/classes/common.py; hydra instantiate; `formats/yaml_names.py` for the scan.
"""

import hashlib

from probatum.claims import NO_REMOTE_CODE
from probatum.errors import FormatError
from probatum.formats import tar
from probatum.formats.bounds import region
from probatum.formats.yaml_names import named
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Refuted, Verdict

CONFIG = "model_config.yaml"
LARGEST = 16 << 20


@analyzer(id="nemo-remote-code", claim=NO_REMOTE_CODE, accepts={"nemo"})
def nemo_remote_code(artifact: Artifact, material: Material) -> Verdict:
    """Scans model_config.yaml for names that the loader imports."""
    entry = _config(material)
    data = region(material, entry.data, entry.size)
    found = named(data, CONFIG)
    if found.witnesses:
        return Refuted(found.witnesses)
    if found.open:
        return found.open[0]
    facts = {"size": material.size, "config_sha256": hashlib.sha256(data).hexdigest()}
    return Proven(Certificate("nemo_config", facts))


def _config(material: Material) -> tar.Entry:
    listing = tar.listing(material)
    if listing.doubts:
        raise FormatError(Reason.PARSER_DIFFERENTIAL, listing.doubts[0].says)
    found = [one for one in listing.entries if one.name.rpartition("/")[2] == CONFIG]
    if len(found) != 1 or found[0].type not in (b"0", b"\0"):
        detail = f"{CONFIG} is not one plain file in the archive, but {len(found)}"
        raise FormatError(Reason.MALFORMED, detail)
    if found[0].size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"{CONFIG} is larger than {LARGEST} bytes")
    return found[0]

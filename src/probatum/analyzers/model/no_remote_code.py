"""Decides whether a JSON or YAML configuration asks its loader to import or run code by name.

JSON, whatever its name: every object at every depth is searched for the fields by which a loader
is told to import something: `auto_map` (also of another repository, `other/repo--file.Class`),
`custom_pipelines`, Hydra's `_target_` and its like, the components of a diffusers
`model_index.json`, the types of a sentence-transformers `modules.json`, PEFT's `auto_mapping`,
a class path of Keras, LangChain or jsonpickle, the activation of a sentence-transformers layer,
an attention kernel of the hub. A dotted name under any key that ends like theirs (`…_class`,
`…_type`, `…_fn`) is open as well.

- **Proven**: no such field, or only classes of the loader's own library. `check/remote_code.py`
  parses again and searches by itself.
- **Refuted**: a class in a file of a repository, or a name in Python's standard library, or a
  YAML tag that builds Python objects; the witness gives the line and the path of the key. Loaders
  that ask for `trust_remote_code` refuse without it; then the claim is broken all the same,
  because the configuration does ask.
- **Undecided**: any other name (`unresolved`); a key that stands twice, NaN, and deep nesting,
  which readers take differently (`parser-differential`).

YAML is scanned as text (`formats/yaml_names.py`): one spelling more than the scan knows, such as
a backslash or a resolver, leaves it undecided, and so does a value of any key that could be the
name of something to import. What a task runner would start (`run:`, `script:`) is no loader's.

Sources: `rules/remote_code.toml`; CVE-2025-23304; RFC 8259; YAML 1.2.2.
"""

import hashlib
import re

from probatum.claims import NO_REMOTE_CODE
from probatum.errors import FormatError
from probatum.formats import kinds_inventory as inventories
from probatum.formats.kinds_deploy import YAML_FORMS
from probatum.formats.repository_config import Located, located
from probatum.formats.yaml_names import named
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Excerpt,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

_MOST = 64 << 20
_STEP = 1 << 20
_YAML = YAML_FORMS | inventories.YAML_FORMS | {"yaml"}
_SWITCH = re.compile(r"trust[_-]remote[_-]code|auto_map|custom_pipelines")


@analyzer(
    id="no-remote-code",
    claim=NO_REMOTE_CODE,
    accepts={
        "model-config",
        "tokenizer-config",
        "json",
        "agent-config",
        "jupyter-config-json",
        "served-version",
        "yaml",
        "compose",
        "kubernetes",
        "helm-values",
        "helm-template",
        "litellm-config",
        "github-workflow",
        "github-action",
        *inventories.YAML_FORMS,
    },
)
def no_remote_code(artifact: Artifact, material: Material) -> Verdict:
    """Search the whole document."""
    if material.size > _MOST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} bytes, which are not all read")
    data = b"".join(material.read(at, _STEP) for at in range(0, material.size, _STEP))
    format = "yaml" if artifact.kind in _YAML else "json"
    verdict = _yaml(data) if format == "yaml" else _json(data)
    if verdict is not None:
        return verdict
    facts = {
        "format": format,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return Proven(Certificate("remote_code", facts))


def _json(data: bytes) -> Verdict | None:
    found = located(data)
    sure = tuple(_witness(one, data) for one in found if one.named.surely)
    if sure:
        return Refuted(sure[:100])
    for one in found:
        return Undecided(Reason.UNRESOLVED, f"{one.named.key}: {one.named.says}", one.place)
    return None


def _witness(one: Located, data: bytes) -> Witness:
    at = one.place.offset or 0
    steps = (Step("a loader reads this field", one.place), Step(one.named.says))
    excerpt = Excerpt(at, data[at : at + 120], text=True)
    return Witness(f"{one.named.key}: {one.named.says}", one.place, steps, excerpt)


def _yaml(data: bytes) -> Verdict | None:
    found = named(data, "")
    if found.witnesses:
        return Refuted(found.witnesses)
    if found.open:
        return found.open[0]
    for number, line in enumerate(data.decode().splitlines(), 1):
        if _SWITCH.search(line):
            detail = f"it speaks of code from a repository: {line.strip()[:120]}"
            return Undecided(Reason.UNRESOLVED, detail, Place(line=number))
    return None

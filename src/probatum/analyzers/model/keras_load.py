"""Decides whether loading a Keras v3 archive (`.keras`) runs anything its author chose.

Keras builds a model by walking `config.json`: for each dictionary with a `class_name` it finds a
class or function by `module` and name, and calls its `from_config`; putting a Functional model
together then calls each layer.

- **Proven**: every name is one of Keras's own layers, initialisers, losses and so on, each listed
  by its full module and class (never by a prefix) and reviewed to compute and allocate only; no
  Lambda, no function beyond Keras's activations, losses and metrics, no registered custom name,
  no path to open. `check/keras_archive.py` walks the description again. The weights and assets in
  the archive are artifacts of their own, judged by themselves.
- **Refuted**: marshalled Python code (a Lambda); a name in Python's standard library, which Keras
  3.0 to 3.8 imports and calls (CVE-2025-1550); one of Keras's own functions that reaches outside
  (CVE-2025-8747, CVE-2025-9906); a pickled torch module; a file or SavedModel opened by path
  (CVE-2025-12058). A Lambda is refuted although Keras 3 refuses it by default: `safe_mode=False`
  and Keras before 2.13 run it, and the file's author chose it.
- **Undecided**: a class of somebody else's library or of the author's own, named.

Sources: keras/src/saving/serialization_lib.py (Keras 3.15); the advisories named above.
"""

from probatum.claims import LOAD_INERT
from probatum.formats import keras_archive, keras_config
from probatum.formats.zip_text import another_s
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Verdict

ASSUMPTIONS = (
    "the loading process has registered no custom object under a name that this file uses",
    "the members beside config.json (weights, assets) are judged as artifacts of their own",
)


@analyzer(id="keras-load", claim=LOAD_INERT, accepts={"keras"})
def keras_load(artifact: Artifact, material: Material) -> Verdict:
    """Walks config.json and judges every object it asks Keras to build."""
    described = keras_archive.description(material)
    against = keras_config.not_inert(described.found)
    if against is None:
        against = another_s(described.strangers)
    if against is not None:
        return against
    return Proven(_certificate(described, material.size), ASSUMPTIONS)


def _certificate(described: keras_archive.Description, size: int) -> Certificate:
    facts = {
        "claim": LOAD_INERT.id,
        "size": size,
        "directory": described.directory,
        "directory_sha256": described.directory_sha256,
        "config_sha256": described.config_sha256,
        "objects": described.found.objects,
    }
    return Certificate("keras_archive", facts)

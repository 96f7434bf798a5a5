"""Decides whether a Keras v3 archive (`.keras`) makes its loader open anything else.

A layer can ask for a file by path: the `vocabulary` of StringLookup, IntegerLookup and
TextVectorization (a local path, or an address that TensorFlow's file systems understand:
CVE-2025-12058) and the `filepath` of TFSMLayer.

- **Proven**: every object is one of Keras's own that opens nothing, and no vocabulary is a path.
  `check/keras_archive.py` walks the description again.
- **Refuted**: a path, at the layer that opens it.
- **Undecided**: an object that is not Keras's own, or code, could open anything.

Sources: keras/src/layers/preprocessing/index_lookup.py and keras/src/export/tfsm_layer.py.
"""

from probatum.claims import SELF_CONTAINED
from probatum.formats import keras_archive, keras_config
from probatum.formats.zip_text import another_s
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Verdict

ASSUMPTIONS = (
    "the loading process has registered no custom object under a name that this file uses",
    "the members beside config.json (weights, assets) are judged as artifacts of their own",
)


@analyzer(id="keras-self-contained", claim=SELF_CONTAINED, accepts={"keras"})
def keras_self_contained(artifact: Artifact, material: Material) -> Verdict:
    """Walks config.json and looks for what opens a file."""
    described = keras_archive.description(material)
    against = keras_config.not_contained(described.found)
    if against is None:
        against = another_s(described.strangers)
    if against is not None:
        return against
    return Proven(_certificate(described, material.size), ASSUMPTIONS)


def _certificate(described: keras_archive.Description, size: int) -> Certificate:
    facts = {
        "claim": SELF_CONTAINED.id,
        "size": size,
        "directory": described.directory,
        "directory_sha256": described.directory_sha256,
        "config_sha256": described.config_sha256,
        "objects": described.found.objects,
    }
    return Certificate("keras_archive", facts)

"""Decides whether loading an HDF5 file (weights, or a whole legacy Keras model) runs anything.

A whole Keras model carries its description as the attribute `model_config` of the root group
(and `training_config`), and Keras builds an object for every `class_name` in it. Unlike the
`.keras` format, Keras before 3.11.3 takes marshalled code from a Lambda here whatever
`safe_mode` says (CVE-2025-9905). A file of weights alone carries no description: nothing is built.

- **Proven**: every object of the file was walked; no link, dataset or driver reaches another
  file, no filter needs a plug-in, and the description, if any, names Keras's own objects only.
  `check/hdf5_file.py` walks the file again with a reader of its own.
- **Refuted**: marshalled code, a way out of Keras's names, a pickled module (as for
  `keras-load`), or a link, external or virtual dataset that opens another file.
- **Undecided**: an unknown class, a filter that needs a plug-in, a structure that is not read
  here (dense storage, newer chunk indexes), a file of PyTables (which unpickles attributes).

Sources: HDF5 File Format Specification 3.0; keras/src/legacy/saving/legacy_h5_format.py.
"""

from probatum.claims import LOAD_INERT
from probatum.formats import hdf5, hdf5_keras, keras_config
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Reason, Refuted, Undecided, Verdict

ASSUMPTIONS = (
    "the loader is Keras or h5py: PyTables unpickles attributes of any file it opens",
    "the loading process has registered no custom object under a name that this file uses",
)


@analyzer(id="hdf5-load", claim=LOAD_INERT, accepts={"hdf5"})
def hdf5_load(artifact: Artifact, material: Material) -> Verdict:
    """Walks the file and the model description in it."""
    found = hdf5.walked(material)
    described = hdf5_keras.described(found)
    witnesses = described.witnesses + found.outside
    if witnesses:
        return Refuted(witnesses)
    if found.open:
        return found.open[0]
    if found.plugins:
        first = found.plugins[0]
        return Undecided(Reason.UNRESOLVED, first.says, first.place)
    against = keras_config.not_inert(described)
    if against is not None:
        return against
    facts = hdf5_keras.facts(LOAD_INERT.id, material, found, described)
    return Proven(Certificate("hdf5_file", facts), ASSUMPTIONS)

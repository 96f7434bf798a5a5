"""Decides whether an HDF5 file makes its reader open anything else.

HDF5 can point outside in four ways: an external link (another file, opened when the name is
visited), external raw data (a dataset whose bytes lie in other files), a virtual dataset (pieces
of other files), and a filter that is not compiled in (a shared library is looked for). A Keras
description inside can name a vocabulary file or another model besides.

- **Proven**: every object was walked, and there is none of these. `check/hdf5_file.py` walks the
  file again with a reader of its own.
- **Refuted**: each such place, with the path it opens.
- **Undecided**: structures that are not read here, or described objects nobody has reviewed.

Source: HDF5 File Format Specification 3.0, IV.A.2.g, h, i, l.
"""

from probatum.claims import SELF_CONTAINED
from probatum.formats import hdf5, hdf5_keras, keras_config
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Refuted, Verdict


@analyzer(id="hdf5-self-contained", claim=SELF_CONTAINED, accepts={"hdf5"})
def hdf5_self_contained(artifact: Artifact, material: Material) -> Verdict:
    """Looks for every way out of the file."""
    found = hdf5.walked(material)
    described = hdf5_keras.described(found)
    ways = found.outside + found.plugins + described.outside
    if ways:
        return Refuted(ways)
    if found.open:
        return found.open[0]
    against = keras_config.not_contained(described)
    if against is not None:
        return against
    facts = hdf5_keras.facts(SELF_CONTAINED.id, material, found, described)
    return Proven(Certificate("hdf5_file", facts))

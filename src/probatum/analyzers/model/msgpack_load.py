"""Decides whether loading a MessagePack file (Flax parameters) runs anything.

MessagePack has no code: a file is maps, lists, texts, numbers, and extension types that a
reader's hook turns into values. Flax knows three (arrays, complex numbers, array scalars).

- **Proven**: the whole file is one value, with no extension type but Flax's and the time stamp,
  each array of a plain numeric dtype with a buffer that fills it. `check/msgpack_file.py` walks
  the file again.
- **Refuted**: never; nothing in the format runs by itself.
- **Undecided**: an extension type or dtype nobody has reviewed; a map as msgpack-numpy writes
  it (that library unpickles object arrays); bytes after the value.

Sources: msgpack specification; flax/serialization.py (`_msgpack_ext_unpack`); msgpack_numpy.
"""

from probatum.claims import LOAD_INERT
from probatum.formats import msgpack
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Verdict

ASSUMPTIONS = (
    "the reader is flax.serialization, or msgpack with hooks for Flax's extension types alone",
)


@analyzer(id="msgpack-load", claim=LOAD_INERT, accepts={"msgpack"})
def msgpack_load(artifact: Artifact, material: Material) -> Verdict:
    """Walks every value."""
    found = msgpack.walked(material)
    if found.open:
        return found.open[0]
    facts = {
        "size": material.size,
        "values": found.values,
        "extensions": found.extensions,
        "structure_sha256": found.structure_sha256,
    }
    return Proven(Certificate("msgpack_file", facts), ASSUMPTIONS)

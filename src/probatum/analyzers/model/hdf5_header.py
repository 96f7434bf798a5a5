"""Decides whether the parts of an HDF5 file lie inside it and apart from each other.

Walked are the superblock, every object header with its continuation blocks, groups, heaps and
the B-trees of chunks; each part's bytes are marked, and so are the bytes of every dataset.

- **Proven**: each part is where its pointer says, inside the file, and no two share a byte.
  `check/hdf5_file.py` marks them again with a reader of its own.
- **Refuted**: a pointer past the end, a wrong signature, or two parts that overlap.
- **Undecided**: the file is cut short before its superblock, has structures not read here, or
  keeps a part in another file or behind a filter that is not compiled in.

Not judged: the checksums of version 2 headers (HDF5 itself refuses a wrong one), and whether a
dataset's size fits its type and shape.

Source: HDF5 File Format Specification 3.0.
"""

from itertools import pairwise

from probatum.claims import HEADER_SOUND
from probatum.formats import hdf5, hdf5_keras
from probatum.formats.bounds import Broken
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)


@analyzer(id="hdf5-header", claim=HEADER_SOUND, accepts={"hdf5"})
def hdf5_header(artifact: Artifact, material: Material) -> Verdict:
    """Marks every part of the file and looks for two that meet."""
    try:
        found = hdf5.walked(material)
    except Broken as exc:
        return Refuted((exc.witness,))
    overlap = _overlap(found)
    if overlap is not None:
        return Refuted((overlap,))
    if found.open:
        return found.open[0]
    ways = found.outside + found.plugins
    if ways:
        detail = f"a part of it lies elsewhere: {ways[0].says}"
        return Undecided(Reason.OUTSIDE_TARGET, detail, ways[0].place)
    facts = hdf5_keras.facts(HEADER_SOUND.id, material, found, None)
    return Proven(Certificate("hdf5_file", facts))


def _overlap(found: hdf5.Hdf5) -> Witness | None:
    marked = sorted(one for one in found.structure + found.data if one.end > one.start)
    for one, other in pairwise(marked):
        if other.start < one.end:
            says = f"{other.what} begins at {other.start}, inside {one.what}, which ends {one.end}"
            return Witness(says, Place(offset=other.start))
    return None

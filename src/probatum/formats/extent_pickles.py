"""Pickles and numpy arrays, followed to their end (see `extents`)."""

from typing import Any

from probatum.errors import FormatError
from probatum.formats import pickle_evidence as evidence
from probatum.formats.bounds import digest
from probatum.formats.pickle_streams import Streams, streams
from probatum.formats.uncovered import demand_end
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

Facts = dict[str, Any]


def pickle_facts(kind: str, material: Material) -> Facts:
    """Streams, each up to its STOP."""
    return _streams(streams(kind, material), material)


def npy_facts(kind: str, material: Material) -> Facts:
    """A header, then the array (or its pickle)."""
    from probatum.formats import npy  # its expressions take long to compile

    found = npy.header(material)
    facts = {"header": digest(material, 0, found.data), "data": found.data}
    if found.objects:
        return {**facts, **_streams(streams("pickle", material, found.data), material)}
    if found.end <= material.size:
        demand_end(found.end, material, "the array")
    else:
        raise FormatError(Reason.TRUNCATED, "the file ends inside its array")
    return {**facts, "claim": "header-sound", "size": material.size, "pickle": None}


def _streams(found: Streams, material: Material) -> Facts:
    arrays = any(one.how == "array" for run in found.runs for one in run.effects)
    for run in found.runs:
        if run.broken is not None:
            raise run.broken
        if arrays and (run.problems or run.refuted):
            says = "where joblib's arrays lie depends on steps that are not resolved"
            raise FormatError(Reason.UNRESOLVED, says, Place(offset=run.start))
    end = found.runs[-1].end
    if found.trailing is not None and not (end < material.size and found.trailing.place.offset):
        raise found.trailing
    demand_end(end, material, "the end of the pickle")
    return {"arrays": arrays, "streams": evidence.stream_digests(found, material)}

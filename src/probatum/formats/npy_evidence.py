"""Verdicts about a numpy array file: its header, and the pickle of its objects if it has any."""

import hashlib
from collections.abc import Callable

import msgspec

from probatum.errors import FormatError
from probatum.formats.npy import NpyHeader, header
from probatum.formats.pickle_streams import Streams, streams
from probatum.material import SliceMaterial
from probatum.ports import Material
from probatum.vocabulary import (
    Certificate,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
)

Judge = Callable[[Streams, Material], Verdict]


def array_verdict(claim: str, material: Material, judge: Judge) -> Verdict:
    """Proven for plain numbers and text; for objects, what `judge` says of their one pickle."""
    found = header(material)
    if not found.objects:
        return plain_verdict(claim, found, material)
    objects = SliceMaterial(material, found.data, material.size - found.data)
    read = streams("pickle", objects)
    if len(read.runs) > 1 or read.trailing is not None:
        place = Place(offset=found.data + read.runs[0].end)
        return Undecided(
            Reason.PARSER_DIFFERENTIAL, "bytes follow the pickle of the array's objects", place
        )
    match judge(read, objects):
        case Proven(certificate, assumptions):
            return Proven(_certificate(claim, found, material, certificate), assumptions)
        case Refuted(witnesses):
            return Refuted(
                tuple(
                    msgspec.structs.replace(
                        witness,
                        place=_moved(witness.place, found.data),
                        steps=tuple(
                            Step(step.says, _moved(step.place, found.data))
                            for step in witness.steps
                        ),
                        excerpt=witness.excerpt
                        and msgspec.structs.replace(
                            witness.excerpt, start=witness.excerpt.start + found.data
                        ),
                    )
                    for witness in witnesses
                )
            )
        case Undecided(reason, detail, place):
            return Undecided(reason, detail, _moved(place, found.data))


def plain_verdict(claim: str, found: NpyHeader, material: Material) -> Verdict:
    """Proven if the array's bytes are exactly the rest of the file."""
    if found.end > material.size:
        raise FormatError(
            Reason.TRUNCATED,
            f"the array needs {found.end} bytes, the file has {material.size}",
            Place(offset=found.data),
        )
    if found.end < material.size:
        raise FormatError(
            Reason.PARSER_DIFFERENTIAL, "bytes follow the array", Place(offset=found.end)
        )
    return Proven(_certificate(claim, found, material, None))


def _certificate(
    claim: str, found: NpyHeader, material: Material, inner: Certificate | None
) -> Certificate:
    return Certificate(
        "npy",
        {
            "claim": claim,
            "size": material.size,
            "header": hashlib.sha256(material.read(0, found.data)).hexdigest(),
            "data": found.data,
            "pickle": inner and inner.facts,
        },
    )


def _moved(place: Place, by: int) -> Place:
    if place.offset is None:
        return place
    return Place(offset=place.offset + by, line=place.line, part=place.part)

"""Names the operators of an OpenVINO model: the layers of its XML, bodies of If and Loop included.

Sources: "Model Format" and "Operation sets" in OpenVINO's documentation; `ir_frontend` and
`xml_util` of OpenVINO 2026 (`version` of a layer is the name of its operation set).
"""

import re

from msgspec import Struct

from probatum.formats.xml import Element, Instruction, parts
from probatum.ports import Material
from probatum.vocabulary import Place, Reason, Undecided

OWN_SET = re.compile(r"opset[1-9][0-9]?")


class Survey(Struct, frozen=True):
    """`foreign` are (type, version) of layers that are none of OpenVINO's own operation sets."""

    elements: int
    foreign: tuple[tuple[str, str, Place], ...]
    odd: Undecided | None


def survey(material: Material) -> Survey:
    """What the model asks for. Raises as `xml.parts` does."""
    count, odd = 0, None
    foreign: dict[tuple[str, str], Place] = {}
    for part in parts(material):
        if odd is None and (isinstance(part, Instruction) or part.space):
            odd = _odd(part)
        if isinstance(part, Element):
            count += 1
            version = part.attributes.get("version", "")
            if part.name == "layer" and not OWN_SET.fullmatch(version):
                foreign.setdefault((part.attributes.get("type", ""), version), part.place)
    found = tuple((type, version, at) for (type, version), at in foreign.items())
    return Survey(count, found, odd)


def _odd(part: Element | Instruction) -> Undecided:
    if isinstance(part, Instruction):
        says = f"the instruction <?{part.target[:80]}?> is for another program"
    else:
        says = f"the element {part.name[:80]!r} of {part.space[:80]!r} is none of OpenVINO's"
    return Undecided(Reason.UNRESOLVED, says, part.place)

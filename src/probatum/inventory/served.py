"""Reads what answers of a serving endpoint say of its version: of vLLM, Ollama and others.

They are handed in as files, as a monitor or a colleague has saved them; nobody is asked. What else
is installed where it serves, an answer does not tell.

Source: `rules/served_versions.toml`, where each row names its own.
"""

from probatum.components import Component, Inventory
from probatum.formats import json_nodes
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Mapping
from probatum.formats.served_versions import LARGEST, answers
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Place


def read(name: str, material: Material) -> Inventory:
    """Raises: FormatError."""
    data = whole(material, LARGEST)
    root, told = json_nodes.document(data), Told()
    for one in answers(name.rpartition("!/")[2], utf8(data)):
        found = root.get(*one.at) if isinstance(root, Mapping) else None
        place = found.place if found is not None else Place()
        told.add(
            Component(ecosystem=one.ecosystem, name=one.name, version=one.version, place=place)
        )
    return told.inventory()

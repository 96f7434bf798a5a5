"""Reads what files of model repositories name: the software that wrote them, and other models.

A configuration says by which version of transformers it was saved, and of which model it is made:
none of that is installed, it is evidence of where a model comes from. What a Space is built with
is: the hub installs it.

Sources: transformers `configuration_utils.py` (`transformers_version`, `_name_or_path`); peft
`config.py` (`base_model_name_or_path`, `revision`); diffusers `configuration_utils.py`
(`_diffusers_version`); docs.ollama.com, "Modelfile Reference" (FROM, ADAPTER);
huggingface.co/docs/hub/spaces-config-reference (`sdk`, `sdk_version`).
"""

import re

from probatum.components import Component, Inventory
from probatum.formats import json_nodes
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Mapping, entries, text
from probatum.formats.space_card import card
from probatum.formats.yaml_nodes import Spots
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Place

_WRITERS = {
    "transformers_version": "transformers", "_diffusers_version": "diffusers",
    "peft_version": "peft",
}  # fmt: skip
_SDKS = frozenset({"gradio", "streamlit"})
_MODELS = frozenset({"_name_or_path", "base_model_name_or_path"})
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_FROM = re.compile(r"(?mi)^[ \t]*(FROM|ADAPTER)[ \t]+([^\r\n]*?)[ \t\r]*$")
_HUB = re.compile(r"(?:https?://)?(?:hf\.co|huggingface\.co)/([^:@\s]+)(?:[:@](\S+))?\Z")
_PULLED = re.compile(r"([\w.-]+(?:/[\w.-]+)*)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?\Z", re.A)
_FILE = re.compile(r"[./~]|[A-Za-z]:\\|.*\.(?:gguf|bin|safetensors)\Z", re.IGNORECASE)


def config(name: str, material: Material) -> Inventory:
    """A `config.json` or `adapter_config.json`. Raises: FormatError."""
    told = Told()
    root = json_nodes.document(whole(material))
    revision = text(root.get("revision")) if isinstance(root, Mapping) else None
    for one in entries(root):
        said = text(one.value)
        if one.key.text in _WRITERS and said:
            told.add(_software(_WRITERS[one.key.text], said, one.key.place))
        elif one.key.text in _MODELS and said and _REPOSITORY.fullmatch(said):
            is_base = one.key.text == "base_model_name_or_path"
            wanted = (revision or "") if is_base else ""
            told.add(_model("Hugging Face", said, wanted, one.value.place))
    return told.inventory()


def space(name: str, material: Material) -> Inventory:
    """The front matter of a Space, whose SDK the hub installs. Raises: FormatError."""
    told = Told()
    _, front = card(material)
    sdk, version = text(front.get("sdk")) or "", front.get("sdk_version")
    said = text(version)
    if sdk in _SDKS and version is not None and said:
        told.add(Component(ecosystem="PyPI", name=sdk, version=said, place=version.place))
    elif sdk in _SDKS and front.get("sdk") is not None:
        told.add(Component(ecosystem="PyPI", name=sdk, place=front.entries[0].key.place))
    return told.inventory()


def modelfile(name: str, material: Material) -> Inventory:
    """Ollama's `Modelfile`. Raises: FormatError."""
    source = utf8(whole(material))
    place, told = Spots(source).place, Told()
    for found in _FROM.finditer(source):
        said, at = found[2].strip("\"'"), place(found.start(2))
        hub, pulled = _HUB.match(said), _PULLED.match(said)
        if _FILE.match(said):
            continue  # a file beside this one, an artifact of its own
        if hub is not None:
            told.add(_model("Hugging Face", hub[1].strip("/"), hub[2] or "", at))
        elif pulled is not None:
            digest = (pulled[3],) if pulled[3] else ()
            told.add(_model("Ollama", pulled[1], pulled[2] or "", at, digest))
        else:
            told.miss(at, f"what the model is made from: {said[:120]}")
    return told.inventory()


def _software(name: str, version: str, place: Place) -> Component:
    groups = ("written by",)
    return Component(ecosystem="PyPI", name=name, version=version, place=place, groups=groups)


def _model(
    ecosystem: str, name: str, wanted: str, place: Place, hashes: tuple[str, ...] = ()
) -> Component:
    """A model by its name; a tag or a branch is no version, since it can be moved."""
    commit = re.fullmatch(r"[0-9a-f]{40}", wanted) is not None
    return Component(
        ecosystem=ecosystem,
        name=name,
        version=wanted if commit else "",
        place=place,
        wanted="" if commit else wanted,
        hashes=hashes,
        groups=("made from",),
    )

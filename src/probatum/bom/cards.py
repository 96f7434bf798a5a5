"""What a README's front matter says of the model or the data set that it lies beside.

Sources: huggingface.co/docs/hub/model-cards and /datasets-cards (metadata).
"""

from msgspec import Struct

from probatum.formats import front_matter
from probatum.formats.bills import DATA, MODEL
from probatum.formats.nodes import Mapping, Node, items, text
from probatum.ports import Material

_OF_MODELS = ("pipeline_tag", "base_model", "library_name", "model-index", "model_name", "widget")
_OF_DATA = (
    "dataset_info", "task_categories", "size_categories", "annotations_creators", "task_ids",
    "source_datasets", "pretty_name",
)  # fmt: skip


class Named(Struct, frozen=True):
    """Something that a card names, and the line that it stands in."""

    name: str
    line: int


class Card(Struct, frozen=True, kw_only=True):
    """`about`: MODEL or DATA, or empty where the card does not show which."""

    about: str = ""
    license: str = ""
    task: str = ""
    library: str = ""
    bases: tuple[Named, ...] = ()
    datasets: tuple[Named, ...] = ()


def card(material: Material) -> Card | None:
    """The card; None where the file has no front matter. Raises: FormatError."""
    _, front = front_matter.read(material)
    if front is None or front.get("sdk") is not None:  # the card of a Space
        return None
    return Card(
        about=_about(front),
        license=_license(front),
        task=text(front.get("pipeline_tag")) or "",
        library=text(front.get("library_name")) or "",
        bases=_named(front.get("base_model")),
        datasets=_named(front.get("datasets")),
    )


def _about(front: Mapping) -> str:
    if any(front.get(key) is not None for key in _OF_MODELS):
        return MODEL
    return DATA if any(front.get(key) is not None for key in _OF_DATA) else ""


def _license(front: Mapping) -> str:
    """The licence that is declared; `other` stands for one that has a name of its own."""
    node = front.get("license")
    said = text(items(node)[0]) if items(node) else text(node)
    if said in ("other", "unknown"):
        return text(front.get("license_name")) or ""
    return said or ""


def _named(node: Node | None) -> tuple[Named, ...]:
    nodes = items(node) or ((node,) if node is not None else ())
    return tuple(Named(name, one.place.line or 0) for one in nodes if (name := text(one)))

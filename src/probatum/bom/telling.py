"""What each file of a target tells for a bill: its digest, and by its kind more.

A file is read like any other hostile one: what it does not tell is a reason, never an error.
"""

import posixpath
import re
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from probatum.bom import metadata
from probatum.bom.cards import Card, card
from probatum.bom.configs import NAMES, Config, config
from probatum.bom.weights import KINDS as WEIGHTS
from probatum.bom.weights import Weights, digests, weights
from probatum.components import Inventory
from probatum.deploy.model import Deployment
from probatum.deploy.verdicts import READERS
from probatum.errors import FormatError
from probatum.formats.bounds import region
from probatum.inventory.reading import KINDS, inventory_of, with_needs
from probatum.ports import Material
from probatum.vocabulary import Artifact

_LARGEST = 1 << 20
# Beside what it downloads into a folder, the hub's client writes the commit of each file.
_DOWNLOADED = ".cache/huggingface/download/"
_COMMIT = re.compile(rb"([0-9a-f]{40})\r?\n")
Answer = TypeVar("Answer")
CONFIGURATIONS = frozenset({"model-config", "json"})


class Told(Struct, frozen=True, kw_only=True):
    """One file of the target with what it tells; `troubles` say what it does not, and why.

    `license` is that of the distribution whose metadata it is. `templates` are the digests of the
    chat templates that it holds, by their names, `tensors` those of its tensors, None where they
    are not told. `commit` is the one that the hub's client says it downloaded a file at.
    """

    artifact: Artifact
    weights: Weights | None = None
    config: Config | None = None
    card: Card | None = None
    inventory: Inventory | None = None
    deployment: Deployment | None = None
    license: str = ""
    templates: tuple[tuple[str, str], ...] = ()
    tensors: tuple[tuple[str, str], ...] | None = None
    commit: str = ""
    troubles: tuple[str, ...] = ()


def told(
    artifact: Artifact,
    material: Material,
    templates: tuple[tuple[str, str], ...] = (),
    *,
    is_covered: bool = False,
    is_near: bool = True,
) -> Told:
    """What one file tells; one that is covered leaves the packages to what covers it.

    The tensors of a file that is not near are not read.
    """
    kind, name = artifact.kind, artifact.name
    base = posixpath.basename(name)
    troubles: list[str] = []

    def asked(what: str, applies: bool, ask: Callable[[], Answer | None]) -> Answer | None:
        try:
            return ask() if applies else None
        except FormatError as exc:
            troubles.append(f"the {what} of {name} is not known: {exc.detail}")
            return None

    if artifact.digest is None:
        troubles.append(f"the SHA-256 of {name} is not known: it is not read whole")
    header = asked("header", kind in WEIGHTS, lambda: weights(kind, material))
    return Told(
        artifact=artifact,
        templates=templates,
        weights=header,
        tensors=asked(
            "tensors", header is not None and is_near, lambda: digests(name, kind, material)
        ),
        commit=asked("commit", _DOWNLOADED in name, lambda: _commit(name, material)) or "",
        config=asked(
            "configuration",
            kind in CONFIGURATIONS and base in NAMES,
            lambda: config(material),
        ),
        card=asked(
            "front matter",
            kind == "markdown" and base.lower() == "readme.md",
            lambda: card(material),
        ),
        inventory=asked(
            "content",
            kind in KINDS and not is_covered,
            lambda: with_needs(kind, inventory_of(kind, name, material), material),
        ),
        deployment=asked(
            "content",
            kind in READERS,
            lambda: READERS[kind](region(material, 0, min(material.size, _LARGEST))),
        ),
        license=asked("licence", kind == metadata.KIND, lambda: metadata.license(material)) or "",
        troubles=tuple(troubles),
    )


def _commit(name: str, material: Material) -> str:
    found = _COMMIT.match(material.read(0, 64)) if name.endswith(".metadata") else None
    return found[1].decode() if found is not None else ""

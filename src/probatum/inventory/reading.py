"""Says what an artifact names as its components, by its kind.

`inventory_of` asks the reader that a table names. To add a format, write one module with
a function `(name, material) -> Inventory`, which raises nothing but FormatError on hostile bytes,
and its line in `_READERS`; a kind of its own stands in `formats/kinds_inventory.py`.
"""

import importlib

from probatum.components import Inventory
from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Reason

_READERS = {
    "requirements": "requirements.read",
    "python-manifest": "pyproject.read",
    "setup-cfg": "setup_cfg.read",
    "poetry-lock": "python_locks.poetry",
    "uv-lock": "python_locks.uv",
    "pdm-lock": "python_locks.pdm",
    "pylock": "python_locks.pylock",
    "python-environment": "distributions.environment",
    "distribution-metadata": "distributions.read",
    "pipfile": "pipenv.pipfile",
    "pipfile-lock": "pipenv.lock",
    "npm-lock": "npm.lock",
    "pnpm-lock": "npm.pnpm",
    "yarn-lock": "yarn.read",
    "bun-lock": "bun.read",
    "go-mod": "go_mod.read",
    "cargo-lock": "cargo.read",
    "conda-environment": "conda.environment",
    "conda-lock": "conda.lock",
    "pixi-lock": "conda.pixi",
    "dpkg-status": "system_packages.debian",
    "apk-installed": "system_packages.alpine",
}

_MENTIONS = {
    "dockerfile": "installs.dockerfile",
    "launcher": "installs.script",
    "shell-script": "installs.script",
    "makefile": "installs.makefile",
    "notebook": "installs.notebook",
    "github-workflow": "installs.github_workflow",
    "space-card": "models.space",
    "served-version": "served.read",
    "model-config": "models.config",
    "modelfile": "models.modelfile",
}

KINDS = frozenset(_READERS)
"""The kinds of artifacts that are there to name components, all of them."""
MENTIONING = frozenset(_MENTIONS)
"""The kinds that name some among other things: nothing holds of all that is there in the end."""


NOT_INSTALLED = frozenset({"model-config", "modelfile"})
"""Those that say what something was made with, or of: it is not what will run."""


def inventory_of(kind: str, name: str, material: Material) -> Inventory:
    """The components that an artifact of one of `KINDS` or `MENTIONING` names.

    `name` is the artifact's. Other files that it includes are asked of the material. Raises:
    FormatError where nothing can be told of the whole: no such kind, or it breaks its format.
    """
    known = _READERS.get(kind) or _MENTIONS.get(kind)
    if known is None:
        raise FormatError(Reason.UNSUPPORTED, f"files of kind {kind} name no components")
    module, _, function = known.partition(".")
    read = getattr(importlib.import_module(f"probatum.inventory.{module}"), function)
    inventory: Inventory = read(name, material)
    return inventory


def with_needs(kind: str, inventory: Inventory, material: Material) -> Inventory:
    """The inventory with what its components need of each other, where that is dear to tell.

    Lock files tell it at once; of an environment it is asked only where it matters. Raises:
    FormatError.
    """
    if kind != "python-environment":
        return inventory
    from probatum.inventory import distributions

    return distributions.with_needs(inventory, material)

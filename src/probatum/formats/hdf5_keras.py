"""The Keras description inside an HDF5 file, and the facts that its certificates carry."""

from typing import Any

from probatum.formats import hdf5, keras_config
from probatum.formats.strict_json import parsed
from probatum.ports import Material


def described(found: hdf5.Hdf5) -> keras_config.Reached:
    """What building the model described in the root's attributes reaches; nothing without one."""
    return keras_config.together(
        keras_config.reached(parsed(text, name), name) for name, text in sorted(found.texts.items())
    )


def facts(
    claim: str, material: Material, found: hdf5.Hdf5, built: keras_config.Reached | None
) -> dict[str, Any]:
    """The facts of a certificate for `hdf5_file`."""
    return {
        "claim": claim,
        "size": material.size,
        "objects": found.objects,
        "built": 0 if built is None else built.objects,
        "structure_sha256": hdf5.structure_sha256(material, found),
    }

"""Reads the description in a Keras v3 archive (a zip) as Keras itself does, under bounds."""

from msgspec import Struct

from probatum.formats import keras_config
from probatum.formats.strict_json import parsed
from probatum.formats.zip_text import member
from probatum.ports import Material

CONFIG = "config.json"


class Description(Struct, frozen=True):
    """What a proof about a Keras archive rests on: its directory and its config.json."""

    found: keras_config.Reached
    directory: int
    directory_sha256: str
    config_sha256: str
    strangers: tuple[str, ...]


def description(material: Material) -> Description:
    """The description that Keras builds the model of this archive from, and what it reaches.

    Raises: FormatError, PARSER_DIFFERENTIAL where a name stands twice in the directory.
    """
    config = member(material, CONFIG)
    found = keras_config.reached(parsed(config.data, CONFIG), CONFIG)
    return Description(
        found,
        config.directory,
        config.directory_sha256,
        config.data_sha256,
        config.strangers,
    )

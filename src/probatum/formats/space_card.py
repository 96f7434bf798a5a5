"""Reads the front matter of a Space's README: what the hub builds and fetches, and may do.

Source: huggingface.co/docs/hub/spaces-config-reference.
"""

import re

from probatum.errors import FormatError
from probatum.formats import yaml_nodes
from probatum.formats.nodes import Mapping
from probatum.ports import Material
from probatum.vocabulary import Reason

_LARGEST = 4 << 20
_FRONT = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n.*?(?=\n---[ \t]*(?:\r?\n|\Z))", re.DOTALL)


def card(material: Material) -> tuple[bytes, Mapping]:
    """The bytes of the whole file, and its front matter. Raises: FormatError."""
    if material.size > _LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {_LARGEST} bytes, which are not all read")
    data = b"".join(material.read(at, 1 << 20) for at in range(0, material.size, 1 << 20))
    front = _FRONT.match(data)
    if front is None:
        raise FormatError(Reason.MALFORMED, "its front matter does not end")
    documents = yaml_nodes.documents(front[0] + b"\n")
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        raise FormatError(Reason.MALFORMED, "its front matter is no mapping")
    return data, documents[0]

"""Opens a tokenizer's configuration into its chat templates, each an artifact of its own.

`chat_template` is one template, or a list of `{"name": …, "template": …}`, of which a caller
chooses one; `chat_template.json` and `processor_config.json` of a processor have the same field.

Sources: transformers tokenization_utils_base.py (from_pretrained, get_chat_template),
processing_utils.py (get_processor_dict).
"""

from collections.abc import Iterator
from typing import Any

from probatum.errors import FormatError
from probatum.formats.member import Member
from probatum.formats.strict_json import parsed
from probatum.material import BytesMaterial
from probatum.ports import Material
from probatum.vocabulary import Reason

_MOST = 64 << 20
_STEP = 1 << 20


def members(material: Material) -> Iterator[Member]:
    """The templates. Raises: FormatError where the configuration is no JSON."""
    if material.size > _MOST:
        raise FormatError(Reason.OVER_LIMIT, f"a configuration of more than {_MOST} bytes")
    data = b"".join(material.read(at, _STEP) for at in range(0, material.size, _STEP))
    value = parsed(data, "the configuration")
    for name, text in _templates(value.get("chat_template") if isinstance(value, dict) else None):
        content = BytesMaterial(text.encode("utf-8", "surrogatepass"))
        yield Member(name, content, "chat-template")


def _templates(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield "chat_template", value
    entries = value if isinstance(value, list) else []
    if isinstance(value, dict):
        entries = [{"name": name, "template": text} for name, text in value.items()]
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("template"), str):
            yield f"chat_template.{entry.get('name')}", entry["template"]

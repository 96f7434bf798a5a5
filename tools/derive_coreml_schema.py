"""Derives `rules/coreml_schema.toml` from the descriptors that coremltools carries.

Usage: python tools/derive_coreml_schema.py FOLDER_OF_coremltools VERSION (needs protobuf)
"""

import importlib
import sys
import types
from typing import Any

_PREFIX = "CoreML.Specification."
_MESSAGE, _STRING, _BYTES = 11, 9, 12
_FIXED = {2: "f", 7: "f", 15: "f", 1: "e", 6: "e", 16: "e"}


def main(folder: str, version: str) -> None:
    for name, path in (("coremltools", folder), ("coremltools.proto", f"{folder}/proto")):
        package = types.ModuleType(name)
        package.__path__ = [path]
        sys.modules[name] = package
    model = importlib.import_module("coremltools.proto.Model_pb2").Model.DESCRIPTOR
    print("# Made by tools/derive_coreml_schema.py: change that, not this.")
    print(f'source = "coremltools {version}, the descriptors of Model.proto and what it imports"')
    print("\n# Fields: a number, then n(umber), f(our), e(ight bytes), s(tring), y (bytes) or")
    print("# :message; * may repeat.\n[messages]")
    found: dict[str, Any] = {}
    _collect(model, found)
    for name, message in sorted(found.items()):
        print(f'"{name}" = "{" ".join(map(_spelled, message.fields))}"')


def _collect(message: Any, found: dict[str, Any]) -> None:
    name = message.full_name.removeprefix(_PREFIX)
    if name in found:
        return
    found[name] = message
    for field in message.fields:
        if field.message_type is not None:
            _collect(field.message_type, found)


def _spelled(field: Any) -> str:
    kind = {_STRING: "s", _BYTES: "y"} | _FIXED
    said = kind.get(field.type, "n")
    if field.type == _MESSAGE:
        said = ":" + field.message_type.full_name.removeprefix(_PREFIX)
    return f"{field.number}{said}{'*' if field.is_repeated else ''}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

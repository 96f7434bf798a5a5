"""Derives `rules/tflite_schema.toml` from the code that flatc made of TFLite's schema.

Usage: python tools/derive_tflite_schema.py FOLDER_OF_THE_PACKAGE_tflite VERSION
"""

import re
import sys
from pathlib import Path

_SIZES = {"Bool": 1, "Uint8": 1, "Int8": 1, "Int16": 2, "Uint16": 2, "Int32": 4, "Uint32": 4}
_SIZES |= {"Float32": 4, "Int64": 8, "Uint64": 8, "Float64": 8}
_METHOD = re.compile(
    r"    def (\w+)\(self.*?\):\n(.*?)(?=\n    # |\n    def |\Z|\ndef )", re.DOTALL
)
# A deprecated field has no accessor. All of the schema's are numbers of 32 bits.
_DEPRECATED = "4"
_NOT_BUILTIN = ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES")


def main(folder: Path, version: str) -> None:
    enums, tables = {}, {}
    for file in sorted(folder.glob("*.py")):
        text = file.read_text("utf-8")
        if "_tab" in text:
            tables[file.stem] = _slots(text)
        elif re.search(r"^class \w+\(object\):\n    \w+ = ", text, re.MULTILINE):
            enums[file.stem] = re.findall(r"^    (\w+) = (\d+)$", text, re.MULTILINE)
    print("# Made by tools/derive_tflite_schema.py: change that, not this.")
    print(f'source = "TFLite schema.fbs, as in the package tflite {version}"')
    print("\n# Builtin operators that compute on memory, by number; not CUSTOM and DELEGATE.")
    print("[builtins]")
    for name, number in enums["BuiltinOperator"]:
        if name not in _NOT_BUILTIN:
            print(f"{number} = {_quoted(name)}")
    print("\n# Members of each union, by type number.\n[unions]")
    for name in ("BuiltinOptions", "BuiltinOptions2", "QuantizationDetails", "SparseIndexVector"):
        members = [one for one, _ in enums[name]]
        print(f"{name} = [{', '.join(map(_quoted, members))}]")
    print(
        "\n# Fields by slot: bytes of a number, s for text, a table, [of these], ?union.\n[tables]"
    )
    for name, slots in tables.items():
        print(f"{name} = [{', '.join(map(_quoted, slots))}]")


def _quoted(text: str) -> str:
    return f'"{text}"'


def _slots(text: str) -> list[str]:
    found: dict[int, str] = {}
    for name, body in _METHOD.findall(text):
        offset = re.search(r"_tab\.Offset\((\d+)\)", body)
        if offset is None or name.endswith(("Length", "IsNone", "AsNumpy")):
            continue
        found[(int(offset[1]) - 4) // 2] = _kind(name, body)
    return [found.get(slot, _DEPRECATED) for slot in range(max(found, default=-1) + 1)]


def _kind(name: str, body: str) -> str:
    scalar = re.search(r"number_types\.(\w+)Flags, o \+ self", body)
    element = re.search(r"number_types\.(\w+)Flags, a \+ ", body)
    inner = re.search(r"obj = (\w+)\(\)", body)
    if "_tab.Union(" in body:
        return {"Details": "?QuantizationDetails"}.get(
            name, f"?{name if name.startswith('Builtin') else 'SparseIndexVector'}"
        )
    if element:
        return f"[{_SIZES[element[1]]}]"
    if inner:
        return f"[{inner[1]}]" if "_tab.Vector(" in body else inner[1]
    if "_tab.String(" in body:
        return "[s]" if "_tab.Vector(" in body else "s"
    if scalar:
        return str(_SIZES[scalar[1]])
    raise SystemExit(f"{name} is of a kind that is not known:\n{body}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

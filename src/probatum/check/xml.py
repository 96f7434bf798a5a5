"""Re-derives that an OpenVINO or PMML document leads nowhere else and asks for no foreign code.

Facts: `claim` (`self-contained` or `load-inert`), `kind` (`openvino-xml` or `pmml`), `size` (bytes
of the file), `sha256` (hex, of all of it), `elements` (how many). The analyser lets expat parse;
this check cuts the text into tags with one expression that knows no document types and no
instructions, and keeps its own stacks of names and namespaces.
"""

import hashlib
import html
import re
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from probatum.errors import Rejected

# `|(?!)` keeps a repetition that fails from moving the end: docs/decisions/0024.
_NAME = r"[^\W\d][\w.\-]*+(?::[^\W\d][\w.\-]*+)?"
_ATTRIBUTE = re.compile(rf"\s+({_NAME})\s*=\s*(\"[^\"<]*+\"|'[^'<]*+')")
_TOKEN = re.compile(
    r"(?P<text>[^<]++)|<!--(?:(?!--).|(?!))*+-->|<!\[CDATA\[(?:(?!]]>).|(?!))*+]]>|"
    rf"<(?P<close>/?)(?P<name>{_NAME})(?P<attributes>(?:\s+{_NAME}\s*=\s*(?:\"[^\"<]*+\"|'[^'<]*+')|(?!))*+)"
    r"\s*+(?P<empty>/?)>",
    re.DOTALL,
)
_HEAD = re.compile(
    r"<\?xml\s+version\s*=\s*[\"']1\.[01][\"']"
    r"(?:\s+encoding\s*=\s*[\"'](?i:utf-?8|us-ascii|ascii)[\"'])?"
    r"(?:\s+standalone\s*=\s*[\"'](?:yes|no)[\"'])?\s*\?>"
)
_REFERENCE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_CONTROL = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ufffe\\uffff]")
_XML = "http://www.w3.org/XML/1998/namespace"
_FUNCTIONS = {
    "+", "-", "*", "/", "min", "max", "sum", "avg", "median", "product", "log10", "ln", "sqrt",
    "abs", "exp", "pow", "threshold", "floor", "ceil", "round", "modulo", "isMissing",
    "isNotMissing", "isValid", "isNotValid", "equal", "notEqual", "lessThan", "lessOrEqual",
    "greaterThan", "greaterOrEqual", "and", "or", "not", "isIn", "isNotIn", "if", "uppercase",
    "lowercase", "stringLength", "substring", "trimBlanks", "concat", "replace", "matches",
    "formatNumber", "formatDatetime", "dateDaysSinceYear", "dateSecondsSinceYear",
    "dateSecondsSinceMidnight", "normalCDF", "normalPDF", "stdNormalCDF", "stdNormalPDF",
    "normalIDF", "stdNormalIDF", "erf", "expm1", "hypot", "ln1p", "rint", "sin", "asin", "sinh",
    "cos", "acos", "cosh", "tan", "atan", "tanh",
}  # fmt: skip


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected at the first step that fails."""
    _demand(
        isinstance(facts, dict) and set(facts) == {"claim", "kind", "size", "sha256", "elements"},
        "the facts' names",
    )
    _demand(facts["claim"] in ("self-contained", "load-inert"), "the claim")
    _demand(facts["kind"] in ("openvino-xml", "pmml"), "the kind")
    _demand(type(facts["size"]) is int and facts["size"] == size <= 256 << 20, "the size")
    # 1. The facts are about these bytes, which are UTF-8 without control characters.
    data = b"".join(read(at, min(1 << 20, size - at)) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as exc:
        raise Rejected("the XML is not UTF-8") from exc
    _demand(_CONTROL.search(text) is None, "a control character")
    # 2. It is one tree of tags, with no document type and no instruction.
    head = _HEAD.match(text)
    document = _Document(facts["kind"])
    document.run(text, head.end() if head else 0)
    _demand(type(facts["elements"]) is int, "the elements are no whole number")
    _demand(document.elements == facts["elements"], "the number of elements differs")
    # 3. For load-inert: every layer is of OpenVINO's own sets, every function known.
    if facts["claim"] == "load-inert":
        _demand(document.sets <= {f"opset{n}" for n in range(1, 100)}, "a foreign layer")
        named = {name for name in document.defined if "." not in name}
        _demand(document.applied <= _FUNCTIONS | named, "an unknown function")


@cache
def _elements() -> frozenset[str]:
    text = (files("probatum.rules") / "pmml_elements.toml").read_text("utf-8")
    return frozenset(tomllib.loads(text)["elements"])


class _Document:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.elements = 0
        self.sets: set[str] = set()
        self.applied: set[str] = set()
        self.defined: set[str] = set()

    def run(self, text: str, at: int) -> None:
        stack: list[tuple[str, dict[str, str]]] = [("", {"": "", "xml": _XML})]
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise Rejected(f"what stands at character {at} is no tag, text or comment")
            at = token.end()
            if token["name"] is None:
                said = token["text"] or ""
                _demand(len(stack) > 1 or not token[0].startswith("<!["), "data outside")
                _demand(len(stack) > 1 or not said.strip(" \t\r\n"), "text outside the root")
                _demand(_REFERENCE.search(said) is None and "]]>" not in said, "a reference")
            elif token["close"]:
                _demand(len(stack) > 1 and stack.pop()[0] == token["name"], "a tag closed amiss")
                _demand(not token["attributes"] and not token["empty"], "a closing tag")
            else:
                _demand(len(stack) > 1 or self.elements == 0, "two roots")
                spaces = self._element(token["name"], token["attributes"], stack)
                if not token["empty"]:
                    stack.append((token["name"], spaces))
                _demand(len(stack) <= 502, "too many levels")
        _demand(len(stack) == 1 and self.elements > 0, "the tree does not end")

    def _element(
        self, name: str, spelled: str, stack: list[tuple[str, dict[str, str]]]
    ) -> dict[str, str]:
        self.elements += 1
        pairs = [(key, value[1:-1]) for key, value in _ATTRIBUTE.findall(spelled)]
        _demand(all(_REFERENCE.search(value) is None for _, value in pairs), "a reference")
        values = {key: html.unescape(value) for key, value in pairs}
        _demand(len(values) == len(pairs), "an attribute stands twice")
        parent, spaces = stack[-1]
        declared = {k: v for k, v in values.items() if k == "xmlns" or k.startswith("xmlns:")}
        if declared:
            spaces = spaces | {k.partition(":")[2]: v for k, v in declared.items()}
            _demand(not {"xml", "xmlns"} & set(spaces) - {"xml"}, "a name that is kept")
            _demand(spaces["xml"] == _XML, "the namespace of xml")
        prefixes = {key.rpartition(":")[0] for key in values if key not in declared}
        _demand(prefixes - {""} <= set(spaces), "a prefix that is not declared")
        locals_ = [key.rpartition(":")[2] for key in values if key not in declared]
        _demand(len(set(locals_)) == len(locals_), "two attributes of one local name")
        prefix, _, local = name.rpartition(":")
        _demand(prefix in spaces, "a prefix that is not declared")
        here = {k.rpartition(":")[2]: v for k, v in values.items() if k not in declared}
        self._judge(spaces[prefix], local, parent.rpartition(":")[2], here)
        return spaces

    def _judge(self, space: str, name: str, parent: str, values: dict[str, str]) -> None:
        _demand(space != "http://www.w3.org/2001/XInclude", "another document is included")
        if self.kind == "openvino-xml":
            _demand(space == "", "an element of another namespace")
            if name == "layer":
                self.sets.add(values.get("version", ""))
            return
        if parent != "row":  # the cells of a row are named after their columns
            _demand(space.startswith("http://www.dmg.org/PMML-"), "another namespace")
            _demand(name in _elements(), "an element that PMML does not define")
        _demand(name != "TableLocator" or parent == "row", "a table elsewhere")
        describes = parent in ("Header", "MiningBuildTask", "Application", "row")
        _demand(name != "Extension" or describes, "an extension")
        if name == "Apply":
            self.applied.add(values.get("function", ""))
        if name == "DefineFunction":
            self.defined.add(values.get("name", ""))


def _demand(holds: bool, step: str) -> None:
    if not holds:
        raise Rejected(step)

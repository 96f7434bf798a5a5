"""Names what a PMML document calls: functions, extensions, tables elsewhere.

Sources: PMML 4.4.1, "Built-in functions", "Functions" (DefineFunction, Apply), "Extension
Mechanism", "Taxonomy" (TableLocator); JPMML-Evaluator's README ("user-defined functions": a
function name with dots is a Java class).
"""

import tomllib
from functools import cache
from importlib.resources import files

from msgspec import Struct

from probatum.formats.xml import Element, Instruction, parts
from probatum.ports import Material
from probatum.vocabulary import Place, Reason, Undecided

SPACE = "http://www.dmg.org/PMML-"
BUILTIN = frozenset(
    {
        "+", "-", "*", "/", "min", "max", "sum", "avg", "median", "product", "log10", "ln",
        "sqrt", "abs", "exp", "pow", "threshold", "floor", "ceil", "round", "modulo", "isMissing",
        "isNotMissing", "isValid", "isNotValid", "equal", "notEqual", "lessThan", "lessOrEqual",
        "greaterThan", "greaterOrEqual", "and", "or", "not", "isIn", "isNotIn", "if", "uppercase",
        "lowercase", "stringLength", "substring", "trimBlanks", "concat", "replace", "matches",
        "formatNumber", "formatDatetime", "dateDaysSinceYear", "dateSecondsSinceYear",
        "dateSecondsSinceMidnight", "normalCDF", "normalPDF", "stdNormalCDF", "stdNormalPDF",
        "normalIDF", "stdNormalIDF", "erf", "expm1", "hypot", "ln1p", "rint", "sin", "asin",
        "sinh", "cos", "acos", "cosh", "tan", "atan", "tanh",
    }
)  # fmt: skip
"""Functions that PMML 4.4 itself defines."""

_DESCRIBING = ("Header", "MiningBuildTask", "Application")


@cache
def elements() -> frozenset[str]:
    """The names of the elements that PMML 4.4 defines."""
    text = (files("probatum.rules") / "pmml_elements.toml").read_text("utf-8")
    return frozenset(tomllib.loads(text)["elements"])


class Survey(Struct, frozen=True):
    """`calls` are functions neither built in nor defined in the document; `odd` is the first thing
    that another program has to interpret."""

    elements: int
    calls: tuple[tuple[str, Place], ...]
    odd: Undecided | None


def survey(material: Material) -> Survey:
    """What the document calls. Raises as `xml.parts` does."""
    count, defined, odd = 0, set[str](), None
    applied: dict[str, Place] = {}
    for part in parts(material):
        if odd is None:
            odd = _odd(part)
        if isinstance(part, Element):
            count += 1
            if part.name == "DefineFunction":
                defined.add(part.attributes.get("name", ""))
            name = part.attributes.get("function")
            if part.name == "Apply":
                applied.setdefault(name or "", part.place)
    calls = tuple(
        (name, at)
        for name, at in applied.items()
        # A name with dots may be loaded as a class even where the document defines it.
        if name not in BUILTIN and (name not in defined or "." in name)
    )
    return Survey(count, calls, odd)


def _odd(part: Element | Instruction) -> Undecided | None:
    if isinstance(part, Instruction):
        says = f"the instruction <?{part.target[:80]}?> is for another program"
        return Undecided(Reason.UNRESOLVED, says, part.place)
    if part.parent == "row":  # a cell, named after its column
        return None
    if not part.space.startswith(SPACE) or part.name not in elements():
        says = f"the element {part.name[:80]!r} of {part.space[:80]!r} is none of PMML's"
        return Undecided(Reason.UNSUPPORTED, says, part.place)
    if part.name == "Extension" and part.parent not in _DESCRIBING:
        says = f"an Extension {part.attributes.get('name', '')[:80]!r} is for its vendor to read"
        return Undecided(Reason.UNRESOLVED, says, part.place)
    if part.name == "TableLocator":
        says = "a TableLocator says where a table lies, in its vendor's way"
        return Undecided(Reason.UNRESOLVED, says, part.place)
    return None

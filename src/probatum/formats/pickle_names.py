"""The stack, the memo and the names: what an import finds.

Every import is either admitted by a summary (and recorded as an Effect) or a Problem.
"""

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import Final

from probatum.formats import effects
from probatum.formats.effects import Row
from probatum.formats.importable import importable
from probatum.formats.own_classes import OwnClasses
from probatum.formats.own_folder import Prevents
from probatum.formats.own_rules import is_reserved
from probatum.formats.pickle_findings import Danger, Effect, Problem, Stored, View
from probatum.formats.pickle_loaders import scripted
from probatum.formats.pickle_opcodes import NAMES
from probatum.formats.pickle_values import (
    BIG,
    BLOB,
    BYTEARRAY,
    COMPLEX,
    FLOAT,
    VAGUE,
    Instance,
    Name,
    Scalar,
    Unknown,
    Value,
)
from probatum.vocabulary import Reason


class Underflow(Exception):
    """An opcode found too little on the stack."""


_ALWAYS_LOADED: Final = frozenset({"builtins", "_codecs", "sys"})
BUILT: Final[dict[str, Value]] = {
    "bytes": BLOB,
    "str": VAGUE,
    "int": BIG,
    "float": FLOAT,
    "complex": COMPLEX,
    "bytearray": BYTEARRAY,
    "bool": True,
    "none": None,
    "data": Scalar("data"),
}
_MOST_PROBLEMS: Final = 64


class Names:
    """The state of a run, and the steps that look names up."""

    def __init__(self, loader: str, beside: frozenset[str], own: OwnClasses | None = None) -> None:
        self.loader = loader
        self.beside = beside
        self.own = own
        self.stack: list[Value] = []
        self.marks: list[list[Value]] = []
        self.memo: dict[int, Value] = {}
        self.protocol = 0
        self.at = 0
        self.effects: list[Effect] = []
        self.dangers: list[Danger] = []
        self.problems: list[Problem] = []
        self.basis: set[str] = set()
        self.last_use = -1
        self.storages: list[Stored] = []
        self.views: list[View] = []
        self._stored: dict[int, tuple[int, Instance]] = {}

    # Bookkeeping

    def problem(self, reason: Reason, detail: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(self.at, reason, detail))

    def unknown(self, *parts: Value) -> Unknown:
        return Unknown(self.at, parts)

    def pop_mark(self) -> list[Value]:
        if not self.marks:
            raise Underflow
        items, self.stack = self.stack, self.marks.pop()
        return items

    def admit(self, opcode: int, how: str, row: Row) -> None:
        self.effects.append(Effect(self.at, NAMES[opcode], how, row.name))
        self.basis.add(row.basis)
        passive = row.returns in BUILT or row.name == "numpy:dtype"
        if how in ("call", "new", "build") and not passive:
            self.last_use = self.at

    # Names

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(module) is str and type(name) is str:
            self.stack.append(self.find(module, name, 0x93))
        else:
            self.problem(Reason.UNRESOLVED, "a global whose name is no constant")
            self.stack.append(self.unknown())

    def find(self, module: str, name: str, opcode: int) -> Value:
        written = module
        if self.protocol < 3:
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[module, name]
            else:
                module = IMPORT_MAPPING.get(module, module)
        full = f"{module}:{name}"
        if self._shadowed(module) or self._shadowed(written):
            return self._own(full, opcode, is_plain=module == written and "." not in name)
        row = scripted(full) if self.loader == "torchscript" else None
        row = row or effects.row(full)
        if row is None or ("." in name and self.protocol < 4):
            self._unsummarised(full, module, opcode)
            return Name(full, None, self.at)
        self.admit(opcode, "import", row)
        return Name(full, row, self.at)

    def _own(self, full: str, opcode: int, *, is_plain: bool) -> Name:
        """What a file beside the artifact defines, if nothing else can be meant by the name."""
        module, _, name = full.partition(":")
        package = module.partition(".")[0]
        says = "a file beside this one could be imported in its place"
        if is_plain and not (is_reserved(package) or package in effects.packages()):
            try:
                row = self.own.row(module, name) if self.own is not None else None
            except Prevents as exc:
                row, says = None, str(exc)
            if row is not None:
                self.admit(opcode, "import", row)
                return Name(full, row, self.at)
        self.problem(Reason.UNRESOLVED, f"{shown(full)}: {says}")
        return Name(full, None, self.at)

    def _unsummarised(self, full: str, module: str, opcode: int) -> None:
        imported = effects.dangerous_imports().get(module)
        if imported:
            self.dangers.append(Danger(self.at, NAMES[opcode], full, self.at, imported, ""))
        self.problem(Reason.MISSING_SUMMARY, f"no effect summary for {shown(full)}")

    def _shadowed(self, module: str) -> bool:
        package = module.partition(".")[0]
        if not self.beside or package in _ALWAYS_LOADED:
            return False
        return package in importable(self.beside)


def shown(name: str) -> str:
    shown = ascii(name)[1:-1]
    return shown if len(shown) <= 160 else shown[:150] + "…"

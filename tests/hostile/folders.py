"""Folders whose own code a pickle names: honest ones, hostile ones, and what loading them fires.

Everything is written as text and inert: the only thing that a hostile module does is `PAYLOAD`,
which the audit hook of the forked child stops before it has done anything.
"""

import ast
import gc
import importlib.util
import marshal
import os
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assemble import assembled

PAYLOAD = "__import__('os').system('true')"
_FIRED = 77

HONEST = '''"""A model of a small repository."""

import logging
from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from typing import Dict, Generic, List, NamedTuple, Optional, TypeVar

from layers import Block, size_of

logger = logging.getLogger(__name__)
T = TypeVar("T")
SIZES = {"small": (1, 2), "big": [3, 4 * 2]}
__all__ = ["Net"]


class Mode(str, Enum):
    """How it runs."""

    TRAIN = "train"
    TEST = "test"

    def other(self):
        return Mode.TEST


class Point(NamedTuple):
    x: int
    y: int = 2


@dataclass
class Config:
    hidden: int = 8
    names: List[str] = field(default_factory=list)
    mode: Optional[Mode] = None

    def double(self, times: int = 2) -> int:
        return self.hidden * times


class Base(ABC, Generic[T]):
    kind = "base"

    @abstractmethod
    def run(self, x: T) -> T:
        """Run it."""


class Net(Base[int] if False else Base):
    limit: int = 3

    def __init__(self, config=None, *, size=SIZES):
        self.config = config
        self._hidden = size_of(config)

    @property
    def hidden(self):
        return self._hidden

    @hidden.setter
    def hidden(self, value):
        self._hidden = value

    @staticmethod
    def of(value):
        return Net(value)

    def run(self, x):
        return eval(x)


class Items(list):
    def first(self):
        return self[0]


class Table(dict):
    pass


def helper(x, y=Block):
    return x


if __name__ == "__main__":
    print(Net())
'''.replace("Base[int] if False else Base", "Base")

LAYERS = """
class Block:
    width = 4

    def run(self, x):
        return x


def size_of(config):
    return 1
"""


def _made(name: str) -> str:
    return f"PROTO 4\nGLOBAL modeling {name}\nEMPTY_TUPLE\nNEWOBJ\n"


_STATE = "EMPTY_DICT\nSHORT_BINUNICODE 'hidden'\nBININT1 1\nSETITEM\n"

PROGRAMS = {
    "named": "PROTO 2\nGLOBAL modeling Net\nSTOP",
    "made": _made("Net") + "STOP",
    "built": _made("Net") + _STATE + "BUILD\nSTOP",
    "built of slots": _made("Net") + "NONE\n" + _STATE + "TUPLE2\nBUILD\nSTOP",
    "rebuilt": "PROTO 2\nGLOBAL copyreg _reconstructor\nGLOBAL modeling Net\n"
    "GLOBAL builtins object\nNONE\nTUPLE3\nREDUCE\n"
    + _STATE.replace("SHORT_BINUNICODE", "BINUNICODE")
    + "BUILD\nSTOP",
    "a key": "PROTO 4\nEMPTY_DICT\n" + _made("Net") + "BININT1 1\nSETITEM\nSTOP",
    "called": "PROTO 4\nGLOBAL modeling Net\nEMPTY_TUPLE\nREDUCE\nSTOP",
    "an old instance": "MARK\nINST modeling Net\nSTOP",
    "an old instance of something": "MARK\nBININT1 1\nINST modeling Net\nSTOP",
    "dropped": _made("Net") + "POP\nNONE\nSTOP",
    "a configuration": _made("Config") + _STATE + "BUILD\nSTOP",
    "appended": _made("Items") + "BININT1 1\nAPPEND\nMARK\nBININT1 2\nBININT1 3\nAPPENDS\nSTOP",
    "filled": _made("Table") + "SHORT_BINUNICODE 'k'\nBININT1 1\nSETITEM\nMARK\nBININT1 2\n"
    "BININT1 3\nSETITEMS\nSTOP",
    "a member": "PROTO 4\nGLOBAL modeling Mode\nSHORT_BINUNICODE 'train'\nTUPLE1\nREDUCE\nSTOP",
    "no member": "PROTO 4\nGLOBAL modeling Mode\nSHORT_BINUNICODE 'none'\nTUPLE1\nREDUCE\nSTOP",
    "a tuple": "PROTO 4\nGLOBAL modeling Point\nBININT1 1\nBININT1 2\nTUPLE2\nNEWOBJ\nSTOP",
    "a function": "PROTO 4\nGLOBAL modeling helper\nSTOP",
    "a layer": "PROTO 4\nGLOBAL layers Block\nEMPTY_TUPLE\nNEWOBJ\nSTOP",
}

INERT = (
    "named", "made", "built", "rebuilt", "dropped", "an old instance", "a configuration",
    "appended", "filled",    "a member", "no member", "a tuple", "a function", "a layer",
)  # fmt: skip
"""The programs that load the honest folder by admitted steps alone."""


def program(name: str) -> bytes:
    return assembled(PROGRAMS[name])


def written(folder: Path, files: dict[str, str | bytes]) -> Path:
    """The folder, with these files in it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def fires(folder: Path, data: bytes) -> bool:
    """Whether loading the pickle with the folder first on the path runs the payload."""
    child = os.fork()
    if child == 0:
        _load(folder, data)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == _FIRED


def _load(folder: Path, data: bytes) -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.system":
            os._exit(_FIRED)

    try:
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(folder))
        for name in [one.name for one in folder.iterdir()]:
            sys.modules.pop(name.partition(".")[0], None)
        os.dup2(os.open(os.devnull, os.O_RDWR), 2)
        sys.addaudithook(hook)
        for loads in (pickle.loads, vars(pickle)["_loads"]):
            try:
                found = loads(data)
                del found
            except BaseException:
                pass
            gc.collect()
    finally:
        os._exit(0)


def mutants(source: str) -> Iterator[str]:
    """The source with the payload in every place that an expression, statement or hook can have."""
    count = sum(isinstance(node, ast.expr) for node in ast.walk(ast.parse(source)))
    for at in range(count):
        yield from _with_expression(source, at)
    bodies = sum(bool(getattr(node, "body", None)) for node in ast.walk(ast.parse(source)))
    for at in range(bodies):
        for statement in _STATEMENTS:
            yield from _with_statement(source, at, statement)


_STATEMENTS = (
    PAYLOAD,
    f"assert {PAYLOAD}",
    f"x = [y for y in [1] if {PAYLOAD}]",
    f"def f(x: {PAYLOAD}): pass",
    f"class X:\n    y = {PAYLOAD}",
    f"class M(type):\n    def __new__(*a):\n        {PAYLOAD}\nclass Y(metaclass=M): pass",
    f"with {PAYLOAD}: pass",
    f"lambda x={PAYLOAD}: x",
    "from evil import *",
    "import evil",
    "from evil import Block",
    "property = staticmethod = dataclass = Base = list = dict = Enum = __import__",
    *(
        f"def {name}(self=None, *a, **k):\n    {PAYLOAD}"
        for name in [
            "__setstate__",
            "__new__",
            "__del__",
            "__getattr__",
            "__getattribute__",
            "__setattr__",
            "__init__",
            "__init_subclass__",
            "__class_getitem__",
            "__set_name__",
            "__hash__",
            "__eq__",
            "__setitem__",
            "append",
            "extend",
            "__getinitargs__",
            "__reduce__",
            "_missing_",
            "_generate_next_value_",
            "__signature__",
            "__prepare__",
            "__mro_entries__",
            "__getstate__",
            "__call__",
            "__iter__",
            "__len__",
            "__bool__",
            "__repr__",
            "__format__",
            "__instancecheck__",
            "__subclasshook__",
            "__dir__",
            "__text_signature__",
            "mro",
            "__post_init__",
            "__wrapped__",
            "__isabstractmethod__",
            "__annotate__",
        ]
    ),
    f"@property\ndef __dict__(self):\n    {PAYLOAD}",
    f"@property\ndef __class__(self):\n    {PAYLOAD}",
    f"@property\ndef __setstate__(self):\n    {PAYLOAD}",
    f"@property\ndef hidden(self): pass\n@hidden.setter\ndef hidden(self, x):\n    {PAYLOAD}",
    "__slots__ = ('hidden',)",
    "__builtins__ = {}",
    "__path__ = ['x']",
    "global Net\nNet = __import__('evil').Evil",
    "Net = Config",
    "del Net",
)


def _with_expression(source: str, at: int) -> Iterator[str]:
    tree = ast.parse(source)
    counted = [0]

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            if isinstance(node, ast.expr):
                counted[0] += 1
                if counted[0] == at + 1:
                    return ast.parse(PAYLOAD, mode="eval").body
            return self.generic_visit(node)

    yield from _unparsed(Replace().visit(tree))


def _with_statement(source: str, at: int, statement: str) -> Iterator[str]:
    tree = ast.parse(source)
    having = [node for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]
    if at < len(having):
        body = vars(having[at])["body"]
        for place in {0, len(body)}:
            tree = ast.parse(source)
            having = [one for one in ast.walk(tree) if isinstance(getattr(one, "body", None), list)]
            vars(having[at])["body"][place:place] = ast.parse(statement).body
            yield from _unparsed(tree)


def _unparsed(tree: ast.AST) -> Iterator[str]:
    try:
        yield ast.unparse(tree)
    except ValueError:  # an expression where only a name can stand
        return


EVIL: dict[str, str | bytes] = {
    "evil.py": f"class Evil:\n    def __setstate__(self, state):\n        {PAYLOAD}\n"
    f"Block = Evil\ndef __getattr__(name):\n    {PAYLOAD}\n"
}
"""A module without rules for what it holds, which most mutants have no reason to import."""


def attacks() -> dict[str, dict[str, str | bytes]]:
    """Folders in which something else is run than the honest source, or where it runs more."""
    whole = HONEST.replace("from layers import Block, size_of", "Block = size_of = None")
    signed = f"    @property\n    def __signature__(self):\n        {PAYLOAD}\n\n    def double"
    back = whole.replace("class Base(ABC, Generic[T]):", "import back\nclass Base:")
    alone = {
        "an import in a condition": whole + "\nif logger:\n    import evil\n",
        "an annotation that runs": whole + f"\nx: {PAYLOAD} = 1\n",
        "a signature that a dataclass asks for": whole.replace("    def double", signed)
        + f"\n{PAYLOAD}",
        "a coding that ends a comment": "# coding: utf-7\n" + whole + "#+AAo-" + PAYLOAD,
        "a coding on the second line": "\n# coding=utf_7\n# coding: utf-8\n#+AAo-"
        + f"{PAYLOAD}\n{whole}",
        "a carriage return in a comment": f"# \r{PAYLOAD}\n{whole}",
        "a rebound class": whole + "\nfrom evil import Evil as Net\n",
        "a module that is imported back": back,
        "a base that is told of its children": _derived(whole, "Net", "H"),
        "a base that is filled by its own code": _derived(whole, "Net", "Filled"),
        "a base that appends by its own code": _derived(whole, "Items", "Appending, list"),
        "a base with a finalizer": _derived(whole, "Net", "Final"),
        "a base that looks for what is not there": _derived(whole, "Net", "Looking"),
    }
    files: dict[str, str | bytes] = {
        "evil.py": f"{PAYLOAD}\nclass Evil: pass\n",
        "back.py": f"import modeling\nmodeling.Net = 1\n{PAYLOAD}",
        "layers.py": LAYERS + _BASES,
    }
    around: dict[str, dict[str, str | bytes]] = {
        "a package before the module": {"modeling.py": HONEST, "modeling/__init__.py": PAYLOAD},
        "a package that runs": {
            "modeling/__init__.py": HONEST,
            "layers/__init__.py": f"{LAYERS}\n{PAYLOAD}",
            "layers.py": LAYERS,
        },
        "a library's name": {"modeling.py": HONEST, "dataclasses.py": PAYLOAD},
        "a library's name in a package": {
            "modeling.py": HONEST,
            "dataclasses/__init__.py": PAYLOAD,
        },
        "a submodule in the place of a name": {
            "modeling/__init__.py": whole.replace("\nT = ", "\nfrom modeling import Base\nT = "),
            "modeling/Base.py": PAYLOAD,
        },
        "compiled code beside the source": {
            "modeling.py": HONEST,
            f"__pycache__/modeling.{sys.implementation.cache_tag}.pyc": _compiled(PAYLOAD),
        },
    }
    found = {name: {"modeling.py": source} for name, source in alone.items()} | around
    return {name: files | dict(own) for name, own in found.items()}


_BASES = "".join(
    f"\nclass {name}:\n    def {hook}:\n        {PAYLOAD}\n"
    for name, hook in (
        ("H", "__init_subclass__(cls)"),
        ("Filled", "__setstate__(self, state)"),
        ("Appending", "extend(self, items)"),
        ("Final", "__del__(self)"),
        ("Looking", "__getattr__(self, name)"),
    )
)


def _derived(source: str, name: str, bases: str) -> str:
    first = bases.partition(",")[0]
    source = source.replace("Block = ", f"from layers import {first}\nBlock = ")
    return re.sub(rf"class {name}\(\w+\)", f"class {name}({bases})", source)


def _compiled(source: str) -> bytes:
    """A cached module that is not compared with its source (PEP 552)."""
    code = marshal.dumps(compile(source, "modeling.py", "exec"))
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + code

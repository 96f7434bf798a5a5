"""Constructs in a library's source that the deriver must not read as inert: a made-up library."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.derive_effects import Reviewed, derived
from tools.effects.classes import Classes
from tools.effects.modules import Modules
from tools.effects.sources import Release

NOTHING = Reviewed({}, {})


def release(version: str, texts: dict[str, str]) -> Release:
    return Release("sample", version, "0" * 64, texts, frozenset({"sample"}))


def outcome(*releases: dict[str, str], reviewed: Reviewed = NOTHING) -> str:
    """`plain`, or the reason why `sample:C` is refused, over releases of the library."""
    every = [release(str(n), texts) for n, texts in enumerate(releases)]
    one = derived(("sample",), every, reviewed, [])["sample:C"]
    return one.refused or next(iter(one.shapes.values()))


BODIES = [
    "locals()['__del__'] = f",
    "vars()['__setstate__'] = f",
    "table = locals(); table['__del__'] = f",
    "made = exec('def __del__(self): pass')",
    "made = sys._getframe().f_locals.update(__del__=f)",
    "x = (__del__ := f)",
    "x: (__del__ := f) = 1",
    "table[(__del__ := f)] = 1",
    "if (__setstate__ := f): pass",
    "for __setattr__ in [f]: pass",
    "for x in [__getattr__ := f]: pass",
    "def m(self, a=(__del__ := f)): pass",
    "def m(self, *, a=(__del__ := f)): pass",
    "def m(self) -> (__del__ := f): pass",
    "@(__del__ := f)\n    def m(self): pass",
    "class Inner((__del__ := f)): pass",
    "x = lambda a=(__del__ := f): a",
    "import x as __del__",
    "from x import *",
    "from x import y as __setstate__",
    "a, *__del__ = f",
    "[__del__] = [f]",
    "__del__ += f",
    "match f:\n        case __del__: pass",
    "try:\n        pass\n    except* E:\n        def __del__(self): pass",
    "try:\n        pass\n    except E as __del__: pass",
    "with f as __del__: pass",
    "while f:\n        __del__ = f",
    "if f:\n        for x in f:\n            def __del__(self): pass",
    "__del__: object = f",
    "async def __del__(self): pass",
    "class __del__: pass",
    "x.update(a=(__del__ := f))",
]


@pytest.mark.parametrize("body", BODIES)
def test_a_hook_is_seen_however_the_class_body_binds_it(body: str) -> None:
    assert outcome({"sample": f"class C:\n    {body}\n"}) != "plain"


@pytest.mark.parametrize(
    "body",
    [
        "table = {}\n    table['x'] = 1",
        "x = y = 1",
        "a, b = 1, 2",
        "assert f",
        "for p in ['a']:\n        table.pop(p)",
        "def m(self):\n        __del__ = locals()",
        "x = lambda: (__del__ := 1)",
        "x = property(f)",
        "__call__ = __eq__ = f",
    ],
)
def test_what_unpickling_does_not_run_is_left_alone(body: str) -> None:
    assert outcome({"sample": f"class C:\n    {body}\n"}) == "plain"


AFTERWARDS = [
    "C = wrap(C)",
    "C, D = wrap(C), 1",
    "[C] = [Other]",
    "C += 1",
    "for C in (Other,): pass",
    "with f as C: pass",
    "x = (C := Other)",
    "try: pass\nexcept E as C: pass",
    "del C",
    "from .other import *",
    "from outside import *",
    "def put():\n    global C\n    C = Other\nx = put()",
    "globals()['C'] = Other",
    "globals().update(C=Other)",
    "x = globals().setdefault('C', Other)",
    "vars().update(C=Other)",
    "x = exec('class C: pass')",
    "import sys\nsys.modules[__name__] = Lazy()",
    "import sys\nsys.modules[__name__].__class__ = Lazy",
    "match f:\n    case C: pass",
    "match f:\n    case {**C}: pass",
    "match f:\n    case 1:\n        class C: pass",
    "if __name__ != '__main__':\n    class C: pass",
    "if __name__ == '__main__':\n    pass\nelse:\n    class C: pass",
    "try: pass\nexcept* E:\n    class C: pass",
    "C.__del__ = f",
    "C.__del__, x = f, 1",
    "C.__del__: object = f",
    "for C.__del__ in [f]: pass",
    "with f as C.__setstate__: pass",
    "x = [f for C.__del__ in [f]]",
    "setattr(C, '__del__', f)",
    "for hook in hooks:\n    setattr(C, hook, f)",
    "x = setattr(C, name, f)",
    "x = type.__setattr__(C, '__del__', f)",
    "x = C.__setattr__('__del__', f)",
    "import sample\nsample.C.__del__ = f",
    "def patch():\n    C.__setstate__ = f\nx = patch()",
    "def patch():\n    def inner():\n        setattr(C, '__del__', f)\n    inner()\nx = patch()",
    "C.__bases__ = (Other,)",
    "def patch(cls): cls.__del__ = f\npatch(C)",
    "def patch(cls): cls.__del__ = f\nx = patch(C)",
    "def _register(cls): cls.__del__ = f\n_register(C)",
    "def patch(classes): ...\nx = patch([{'c': C}])",
    "def patch(cls): ...\nx = patch(cls=C)",
    "def patch(*classes): ...\nx = patch(*[C])",
]


@pytest.mark.parametrize("line", AFTERWARDS)
def test_a_class_that_is_replaced_or_patched_in_its_module_is_refused(line: str) -> None:
    texts = {"sample": f"class C: pass\n{line}\n", "sample.other": "class C: pass\n"}
    assert outcome(texts) != "plain"


@pytest.mark.parametrize(
    "text",
    [
        "import sample\nsample.C = Other\n",
        "import sample as s\nsetattr(s, 'C', Other)\n",
        "import sample\ndef later():\n    sample.C = Other\nlater()\n",
        "import sample\nsample.C.__del__ = f\n",
        "from . import C as D\nD.__setstate__ = f\n",
        "from . import C as D\nx = patch(D)\n",
        "from . import C as D\nE = D\nsetattr(E, name, f)\n",
        "import sample\nsetattr(sample.C, '__del__', f)\n",
    ],
)
def test_a_class_that_another_module_replaces_or_patches_is_refused(text: str) -> None:
    assert outcome({"sample": "class C: pass\n", "sample.other": text}) != "plain"


@pytest.mark.parametrize(
    "text",
    [
        "class B:\n    def __class_getitem__(cls, key): return Other\nclass C(B[int]): pass\n",
        "class A:\n    __class_getitem__ = f\nclass B(A): pass\nclass C(B[int]): pass\n",
        "class B: pass\nB, x = make(), 1\nclass C(B): pass\n",
        "from .other import B\nfrom .third import *\nclass C(B): pass\n",
        "from . import lazy\nclass C(lazy.B): pass\n",
        "class C(*bases): pass\n",
        "class C(**options): pass\n",
        "class C(metaclass=make()): pass\n",
        "class M(type): pass\nclass B(metaclass=M): pass\nclass C(B): pass\n",
        "import dataclasses\n@dataclasses.dataclass(**options)\nclass C: pass\n",
        "import dataclasses\n@dataclasses.dataclass(weakref_slot=True)\nclass C: pass\n",
        "import dataclasses\n@dataclasses.make_dataclass\nclass C: pass\n",
    ],
)
def test_a_class_whose_making_may_run_other_code_is_refused(text: str) -> None:
    others = {
        "sample.other": "class B: pass\n",
        "sample.third": "class B:\n    def __del__(self): pass\n",
        "sample.lazy": "def __getattr__(name): return Other\n",
    }
    assert outcome({"sample": text} | others) != "plain"


def test_a_release_that_passes_on_another_class_of_the_name_counts() -> None:
    plain = {"sample": "class C: pass\n"}
    hooked = {
        "sample": "from .new import C\n",
        "sample.new": "class C:\n    def __del__(self): pass\n",
    }
    moved = {"sample": "from .new import C\n", "sample.new": "class C: pass\n"}
    assert outcome(plain, moved) == "plain"
    assert "__del__" in outcome(plain, hooked)
    assert "unclear" in outcome(plain, {"sample": "def __getattr__(name): return make(name)\n"})
    assert "unclear" in outcome(plain, {"sample": "C = make()\n"})
    assert "elsewhere" in outcome(plain, {"sample": "from outside import C\n"})
    assert outcome(plain, {"sample": "x = 1\n"}) == "plain"


def test_a_reviewed_hook_says_nothing_of_another_family_beside_it() -> None:
    """Who read A.__setstate__ read what A inherits, but not the B of a class C(A, B)."""
    hook = "    def __setstate__(self, s): super().__setstate__(s)\n"
    beside = {"sample": f"class B:\n{hook}class A:\n{hook}class C(A, B): pass\n"}
    inherited = {"sample": f"class B:\n{hook}class A(B):\n{hook}class C(A): pass\n"}
    digest = Classes(Modules(release("1", beside))).facts("sample", "C").hooks[0].sha256
    shapes = {(f"sample:{cls}.__setstate__", digest): f"shape {cls}" for cls in "AB"}
    assert "two families" in outcome(beside, reviewed=Reviewed(shapes, {}))
    assert outcome(inherited, reviewed=Reviewed(shapes, {})) == "shape A"


def test_a_patch_that_was_read_does_not_refuse_the_class() -> None:
    texts = {"sample": "class C: pass\ndef later():\n    C.__setstate__ = f\n"}
    assert "patched" in outcome(texts)
    assert (
        outcome(texts, reviewed=Reviewed({}, {}, frozenset({"sample:C.__setstate__"}))) == "plain"
    )

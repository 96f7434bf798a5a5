"""The deriver refuses every class that unpickling could make run code, and says why."""

import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.derive_effects import Reviewed, derived, written
from tools.effects.bodies import Refused
from tools.effects.classes import Classes
from tools.effects.modules import Modules
from tools.effects.sources import Release, from_wheel, is_library

NOTHING = Reviewed({}, {})


def release(version: str = "1.0", **texts: str) -> Release:
    modules = {name.replace("__", "."): text for name, text in texts.items()}
    return Release("sample", version, "0" * 64, modules, frozenset({"sample"}))


def outcome(text: str, name: str = "C", **others: str) -> str:
    """`plain`, or the reason why `sample:C` is refused."""
    found = derived(("sample",), [release(sample=text, **others)], NOTHING, [])
    one = found[f"sample:{name}"]
    return one.refused or next(iter(one.shapes.values()))


def test_a_class_without_hooks_is_plain() -> None:
    assert outcome("class C:\n    x = 1\n    def __init__(self): self.x = 2\n") == "plain"


@pytest.mark.parametrize(
    "hook",
    ["__new__", "__del__", "__setattr__", "__getattr__", "__getattribute__", "__setstate__",
     "__init_subclass__", "__slots__", "__class__", "__dict__"],
)  # fmt: skip
def test_a_class_with_a_hook_is_refused(hook: str) -> None:
    assert hook in outcome(f"class C:\n    def {hook}(self, *a): pass\n")
    assert hook in outcome(f"class C:\n    {hook} = print\n")
    assert hook in outcome(f"class C:\n    if True:\n        def {hook}(self, *a): pass\n")
    assert hook in outcome(f"class B:\n    {hook} = print\nclass C(B): pass\n")
    assert hook in outcome(f"class C:\n    (a, {hook}) = (1, print)\n")


def test_a_base_from_another_module_is_followed() -> None:
    base = "class Base:\n    def __del__(self): pass\n"
    assert "__del__" in outcome(
        "from .other import Base\nclass C(Base): pass\n", sample__other=base
    )
    assert "__del__" in outcome(
        "from . import other\nclass C(other.Base): pass\n", sample__other=base
    )
    assert "__del__" in outcome(
        "import sample.other\nclass C(sample.other.Base): pass\n", sample__other=base
    )
    assert "__del__" in outcome(
        "from sample.other import *\nclass C(Base): pass\n", sample__other=base
    )
    renamed = "from .other import Base as _B\nAlias = _B\nclass C(Alias): pass\n"
    assert "__del__" in outcome(renamed, sample__other=base)


def test_a_base_that_is_not_in_the_source_is_refused() -> None:
    assert "outside" in outcome("from ctypes import Structure\nclass C(Structure): pass\n")
    assert "unresolved" in outcome("class C(make()): pass\n")
    assert "unresolved" in outcome("class C(nowhere): pass\n")
    assert "outside" in outcome("class C(dict): pass\n")


def test_a_base_that_depends_on_a_condition_is_refused() -> None:
    chosen = (
        "try:\n    from a import B\nexcept ImportError:\n    from b import B\nclass C(B): pass\n"
    )
    assert "unresolved" in outcome(chosen)
    assert "condition" in outcome("class C: pass\nclass C: pass\n")
    assert "condition" in outcome("if x:\n    class C: pass\n")


def test_metaclasses_keywords_and_decorators_are_refused() -> None:
    assert outcome("from abc import ABCMeta\nclass C(metaclass=ABCMeta): pass\n") == "plain"
    assert outcome("class M(type): pass\nclass C(metaclass=M): pass\n") == "metaclass"
    assert outcome("class C(key=1): pass\n") == "class keywords"
    assert "decorator" in outcome("def d(c): return c\n@d\nclass C: pass\n")
    assert (
        outcome("from dataclasses import dataclass\n@dataclass\nclass C:\n    x: int\n") == "plain"
    )
    slotted = "from dataclasses import dataclass\n@dataclass(slots=True)\nclass C:\n    x: int\n"
    assert "slots" in outcome(slotted)
    named_like_one = "def dataclass(c): return c\n@dataclass\nclass C: pass\n"
    assert "decorator" in outcome(named_like_one)


def test_a_class_patched_after_its_body_is_refused() -> None:
    assert "patched" in outcome("class C: pass\nC.__setstate__ = print\n")
    assert "patched" in outcome("class C: pass\nsetattr(C, '__del__', print)\n")
    assert "patched" in outcome(
        "class C: pass\n", sample__other="from . import C\nC.__del__ = print\n"
    )


def test_a_body_or_a_module_that_computes_is_refused() -> None:
    assert "computes" in outcome("class C:\n    locals().update(x=1)\n")
    assert "computes" in outcome("class C:\n    with x: pass\n")
    assert "imported" in outcome("launch()\nclass C: pass\n")
    assert outcome("class C:\n    table = {}\n    table.update(a=1)\n") == "plain"


def test_a_reviewed_hook_gives_its_shape_and_a_changed_one_is_refused() -> None:
    text = "class C:\n    def __setstate__(self, state):\n        self.x = {}\n"
    first = release("1", sample=text.format("state"))
    hook = Classes(Modules(first)).facts("sample", "C").hooks[0]
    reviewed = Reviewed({("sample:C.__setstate__", hook.sha256): "special"}, {})
    assert derived(("sample",), [first], reviewed, [])["sample:C"].shapes == {"1": "special"}
    commented = release("2", sample=text.format("state  # the same"))
    assert derived(("sample",), [commented], reviewed, [])["sample:C"].refused == ""
    changed = release("3", sample=text.format("open(state)"))
    assert (
        "__setstate__" in derived(("sample",), [first, changed], reviewed, [])["sample:C"].refused
    )


def test_an_alias_that_was_read_stands_for_its_class() -> None:
    text = "try:\n    from other import B\nexcept ImportError:\n    B = object\nclass C(B): pass\n"
    base = Release("other", "1", "0" * 64, {"other": "class B: pass\n"}, frozenset())
    reviewed = Reviewed({}, {"sample:B": "other:B"})
    assert derived(("sample",), [release(sample=text)], reviewed, [base])["sample:C"].refused == ""


def test_a_circle_of_bases_is_refused() -> None:
    with pytest.raises(Refused):
        Classes(Modules(release(sample="class A(B): pass\nclass B(A): pass\n"))).facts(
            "sample", "A"
        )


def test_a_wheel_is_read_without_importing_it(tmp_path: Path) -> None:
    wheel = tmp_path / "sample-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("sample/__init__.py", "raise SystemExit('imported')\n")
        archive.writestr("sample/models.py", "class C: pass\n")
        archive.writestr("sample/tests/test_c.py", "class T: pass\n")
        archive.writestr("sample-1.0.dist-info/METADATA", "Name: sample\nVersion: 1.0\n\n")
        archive.writestr("sample-1.0.dist-info/RECORD", "")
    found = from_wheel(wheel)
    assert (found.distribution, found.version) == ("sample", "1.0")
    kept = derived(("sample",), [found], NOTHING, [])
    assert list(kept) == ["sample.models:C"]
    assert '"sample.models:C": {"shape": "plain"' in written([found], kept)
    assert not is_library("sample.tests.test_c")

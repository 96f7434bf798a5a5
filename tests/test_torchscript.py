"""What the analyser of TorchScript archives and its checker promise beyond the case page.

Each attack below that says "live" was seen to run by torch 2.13.0 (`torch.jit.load`), with an
inert file name.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assemble import assembled
from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.model.torchscript_load import torchscript_load
from probatum.formats.torchscript_pickle import rules
from probatum.vocabulary import Certificate, Proven, Refuted, Undecided, Verdict
from torch_archives import NET, archive, script, with_setstate

PLAIN = "class Net(Module):\n  __parameters__ = []\n  kept : Final[int] = 3\n"
SOUND = script(PLAIN)


def load(data: bytes, kind: str = "torchscript") -> Verdict:
    return verdict_on(torchscript_load, data, kind)


def test_every_mutant_of_a_certificate_is_rejected() -> None:
    certificate = certificate_of(torchscript_load, SOUND, "torchscript")
    assert_every_mutant_is_rejected(
        certificate, SOUND, range(SOUND.index(b"PK\x01\x02"), len(SOUND))
    )


def test_every_mutant_of_a_pickles_certificate_is_rejected() -> None:
    pickle = assembled(NET.format(state="EMPTY_DICT"))
    certificate = certificate_of(torchscript_load, pickle, "torchscript-pickle")
    assert_every_mutant_is_rejected(certificate, pickle, range(len(pickle)))


def test_every_mutant_of_a_source_files_certificate_is_rejected() -> None:
    source = PLAIN.encode()
    certificate = certificate_of(torchscript_load, source, "torchscript-code")
    assert_every_mutant_is_rejected(certificate, source, range(len(source)))


LIVE = [
    with_setstate('_0 = torch.save(state, "inert")'),
    with_setstate('_0 = torch.autograd.save(state, "inert")'),
    with_setstate("m = torch.save", 'm(state, "inert")'),
    with_setstate("len = torch.save", 'len(state, "inert")'),
    with_setstate('getattr(torch, "save")(state, "inert")'),
    with_setstate("_0 = (self).other()", more=(
        '  def other(self: __torch__.Net) -> NoneType:\n    _0 = torch.save(1, "inert")\n'
        "    return None\n"
    )),
    script(
        "class Net(Module):\n  def f(self: __torch__.Net,\n"
        '    x: Tensor=torch.from_file("inert", True, 4)) -> int:\n    return 1\n'
    ),
    script('class Net(Module):\n  a : Final[Tensor] = torch.from_file("inert", True, 4)\n'),
    script(
        "class Net(Module):\n"
        '  a : Final[int] = torch.len(torch.from_file("inert", True, 4))\n'
    ),
    script(
        "class Net(Module):\n  def f(self: __torch__.Net) -> int:\n"
        '    def g(x: Tensor=torch.from_file("inert", True, 4)) -> int:\n      return 1\n'
        "    return 1\n"
    ),
]  # fmt: skip


@pytest.mark.parametrize("data", LIVE)
def test_a_live_attack_is_never_proven(data: bytes) -> None:
    assert not isinstance(load(data), Proven)
    facts = certificate_of(torchscript_load, SOUND, "torchscript").facts
    assert_rejected(Certificate("torchscript", facts | {"size": len(data)}), data, "an attack")


@pytest.mark.parametrize("index", [0, 1, 2, 3, 6, 7, 8])
def test_a_plain_attack_is_refuted_with_its_line(index: int) -> None:
    verdict = load(LIVE[index])
    assert isinstance(verdict, Refuted)
    assert verdict.witnesses[0].place.line is not None
    assert verdict.witnesses[0].place.part == "code/__torch__.py"


@pytest.mark.parametrize(
    "statement",
    [
        "print(1)",
        'ops.image.write_file("x", 1)',
        'ops.prim.Print("x")',
    ],
)
def test_other_effects_are_refuted_too(statement: str) -> None:
    assert isinstance(load(with_setstate(statement)), Refuted)


@pytest.mark.parametrize(
    "statements",
    [
        ["if torch.__not__(True):", "  print(1)"],
        ["return None", "print(1)"],
        ['ops.prim.RaiseException("x")', "print(1)"],
        ["_0 = [print][0]", "_0(1)"],
        ["print = len", "print(1)"],
        ["self = state", "self.save()"],
        ["for len in [torch.save]:", '  len(1, "x")'],
        ["x = torch", 'x.save(1, "x")'],
        ["x = ops", 'x.image.write_file("x", 1)'],
        ["x = state.save", 'x("inert")'],
        ['_0 = torch.save.save(1, "x")'],
        ["_0 = __torch__.other.function(1)"],
        ["_0 = fork(1)"],
        ["x = [torch.save for y in state]"],
        ["x = lambda: 1"],
        ["with state:", "  pass"],
        ["state.other()"],
        ["_0 = ops.mylib.do_it(1)"],
        ["_0 = torch.warn(1, 2)"],
    ],
)
def test_what_is_not_known_to_be_pure_is_undecided(statements: list[str]) -> None:
    assert isinstance(load(with_setstate(*statements)), Undecided)


def test_a_first_argument_of_another_name_does_not_hide_a_value() -> None:
    data = script(
        "class Net(Module):\n  def __getstate__(self: __torch__.Net) -> Tensor:\n    return 1\n"
        "  def save(self: __torch__.Net) -> int:\n    return 1\n"
        "  def __setstate__(me: __torch__.Net,\n    self: Tensor) -> NoneType:\n"
        '    _0 = self.save("inert")\n    return None\n',
        "NONE",
    )
    assert isinstance(load(data), Undecided)


def test_a_class_that_no_pickle_names_refutes_nothing() -> None:
    other = PLAIN + 'class Other(Module):\n  a : Final[Tensor] = torch.from_file("inert")\n'
    assert isinstance(load(script(other)), Undecided)


def test_a_library_operator_may_be_folded_wherever_it_stands() -> None:
    body = "  def forward(self: __torch__.Net) -> int:\n    return ops.{}.op(1)\n"
    assert isinstance(load(script(PLAIN + body.format("mylib"))), Undecided)
    assert isinstance(load(script(PLAIN + body.format("quantized"))), Proven)


@pytest.mark.parametrize(
    "text",
    [
        "class Net(Module):\n\t__parameters__ = []\n",
        "class Net(Module):\n  a : str = 'x'\n",
        'class Net(Module):\n  a : str = """x"""\n',
        'class Net(Module):\n  a : str = f"{1}"\n',
        "class Net(Module):\n  a : int = 1; b : int = 2\n",
        "class Net(Module):\n  a : int = \\\n1\n",
        "class Net(Module):\n  # comment\n  pass\n",
        "class N\u00e9t(Module):\n  pass\n",
        "print(1)\n",
        "if 1:\n  class Net(Module):\n    pass\n",
        "class Net(Module):\n  a = b = 1\n",
        "class Net(Module):\n  @dataclass\n  def f(self) -> int:\n    return 1\n",
        "class Net(Module):\n  __properties__ = []\n",
        "class Net(Module):\n  pass\nclass Net(Module):\n  pass\n",
        "class Net(Module):\n  a : int = " + "(" * 500 + "1" + ")" * 500 + "\n",
        "class Net(Module):\n  a : int = " + "-" * 5000 + "1\n",
    ],
)
def test_odd_sources_are_not_proven(text: str) -> None:
    for data, kind in ((script(text), "torchscript"), (text.encode(), "torchscript-code")):
        assert not isinstance(load(data, kind), Proven)
        facts = {"part": "code", "size": len(data), "sha256": ""}
        assert_rejected(Certificate("torchscript", facts), data, text)


_PIECES = st.sampled_from(
    [
        *("torch.zeros([1])", 'torch.save(1, "x")', "state", "self.training", "(self).other()"),
        *("print(1)", "ops.prim.dtype(state)", "ops.lib.op(1)", "len(state)", "state.size()"),
        *("torch.autograd.zeros([1])", "state.other()", "annotate(List[int], [])", "1 + state"),
        *("state[0]", "torch", "torch.zeros", "CONSTANTS.c0", "uninitialized(Tensor)", "getattr"),
    ]
)


@settings(max_examples=200)
@given(st.lists(_PIECES, max_size=3), _PIECES, st.booleans())
def test_prover_and_checker_agree_on_any_setstate(
    statements: list[str], more: str, default: bool
) -> None:
    other = f"  def other(self: __torch__.Net) -> int:\n    return {more}\n"
    if default:
        other = f"  def other(self: __torch__.Net, x: int={more}) -> int:\n    return 1\n"
    data = with_setstate(*[f"_0 = {one}" for one in statements], more=other)
    verdict = load(data)
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)
    else:
        facts = certificate_of(torchscript_load, SOUND, "torchscript").facts
        assert_rejected(Certificate("torchscript", facts | {"size": len(data)}), data, "undecided")


def derived_facts(data: bytes) -> dict[str, object]:
    """The facts that a too trusting prover would write for a source file."""
    import hashlib

    return {"part": "code", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@settings(max_examples=300)
@given(st.lists(_PIECES, max_size=3), _PIECES, st.booleans())
def test_the_checker_accepts_no_source_that_the_prover_does_not(
    statements: list[str], more: str, default: bool
) -> None:
    lines = "".join(f"    _0 = {one}\n" for one in statements)
    argument = f", x: int={more}" if default else ""
    source = (
        f"class Net(Module):\n  def __setstate__(self: __torch__.Net{argument}) -> int:\n"
        f"{lines}    return {more}\n  def other(self: __torch__.Net) -> int:\n    return 1\n"
    ).encode()
    verdict = load(source, "torchscript-code")
    made = Certificate("torchscript", derived_facts(source))
    if isinstance(verdict, Proven):
        check(made, source)
    else:
        assert_rejected(made, source, str(verdict))


@pytest.mark.parametrize(
    "stream",
    [
        "GLOBAL os system\nBINUNICODE 'x'\nTUPLE1\nREDUCE",
        "BINUNICODE 'os'\nBINUNICODE 'system'\nSTACK_GLOBAL",
        "MARK\nBINUNICODE 'x'\nINST os system",
        "GLOBAL torch.distributed.rpc rref\nEMPTY_TUPLE\nREDUCE",
        "GLOBAL __torch__.torch.classes.mylib Reader",
        "GLOBAL __main__ Net",
        "EXT1 1",
        "PROTO 2\nNONE",
        "SHORT_BINUNICODE 'x'",
    ],
)
def test_a_pickle_beyond_the_unpicklers_words_is_not_proven(stream: str) -> None:
    pickle = assembled(f"PROTO 2\n{stream}\nSTOP")
    assert isinstance(load(pickle, "torchscript-pickle"), Undecided)
    assert isinstance(load(script(PLAIN, pickle=pickle)), Undecided)
    facts = {"part": "pickle", "size": len(pickle), "sha256": "", "classes": []}
    assert_rejected(Certificate("torchscript", facts), pickle, stream)


@given(st.binary(max_size=120))
def test_the_readers_raise_only_format_errors_on_any_bytes(data: bytes) -> None:
    for kind in ("torchscript", "torchscript-pickle", "torchscript-code"):
        verdict = load(data, kind)
        if isinstance(verdict, Proven):
            check(verdict.certificate, data)
    load(b"\x80\x02" + data, "torchscript-pickle")


def test_the_reviewed_names_reach_nothing_by_name() -> None:
    names = rules()["pickle"]["names"].split()
    assert {name.partition(":")[0] for name in names} == {
        "torch", "torch._utils", "torch.jit._pickle", "collections", "builtins",
    }  # fmt: skip
    assert not set(rules()["effects"]) & set(rules()["code"]["operators"].split())


def test_a_script_without_its_constants_is_none() -> None:
    data = archive({"data.pkl": assembled(NET.format(state="EMPTY_DICT")), "version": b"3\n"})
    assert not isinstance(load(data), Proven)

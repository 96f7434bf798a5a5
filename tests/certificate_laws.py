"""The laws that every certificate obeys, tried on one proven sample."""

import os
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from probatum.errors import FormatError, Rejected
from probatum.material import Beside, BytesMaterial, Folder
from probatum.ports import Analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Undecided, Verdict

_STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 1 << 70, 1.5, "", "x", [], [[]], {}, {"a": 1}, [None], ["x"], [0, 1],
)  # fmt: skip


def verdict_on(analyzer: Analyzer, data: bytes, kind: str, beside: Iterable[str] = ()) -> Verdict:
    """The analyser's verdict on `data`, a FormatError told as Undecided as `audit.judge` does."""
    artifact = Artifact(name="sample", kind=kind, size=len(data))
    try:
        return analyzer.judge(artifact, BytesMaterial(data, frozenset(beside)))
    except FormatError as exc:
        return Undecided(exc.reason, exc.detail, exc.place)


def beside(folder: Path) -> Beside:
    """What a file of this folder has beside it."""
    around = Folder(str(folder), os.path.realpath(folder))
    return Beside.of(frozenset(os.listdir(folder)), (around,))  # noqa: PTH208


def certificate_of(analyzer: Analyzer, data: bytes, kind: str) -> Certificate:
    """The certificate on a sample that is proven, checked once."""
    verdict = verdict_on(analyzer, data, kind)
    assert isinstance(verdict, Proven), verdict
    check(verdict.certificate, data)
    return verdict.certificate


def check(certificate: Certificate, data: bytes) -> None:
    """Raises Rejected where the certificate does not hold for `data`."""
    checker = import_module(f"probatum.check.{certificate.checker}")
    material = BytesMaterial(data)
    checker.holds(certificate.facts, material.read, material.size)


def assert_rejected(certificate: Certificate, data: bytes, why: str) -> None:
    """Any other exception than Rejected is a failure too."""
    try:
        check(certificate, data)
    except Rejected:
        return
    raise AssertionError(f"the checker accepts {why}")


def assert_every_mutant_is_rejected(certificate: Certificate, data: bytes, bound: range) -> None:
    """No fact and no byte of the bound region may change under a certificate."""
    for facts in mutants(certificate.facts):
        if isinstance(facts, dict) and repr(facts) != repr(certificate.facts):
            mutant = Certificate(certificate.checker, facts)
            assert_rejected(mutant, data, f"the facts {facts!r}")
    for at in bound:
        for flip in (0x01, 0x80, 0xFF):
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            assert_rejected(certificate, changed, f"byte {at} xor {flip}")
    assert_rejected(certificate, data + b"\0", "a byte more")
    assert_rejected(certificate, data[:-1], "a byte less")


def mutants(value: Any) -> Iterator[Any]:
    """Every value that differs from `value` in one field, at any depth."""
    yield from _STRANGE
    match value:
        case bool() | None:
            pass
        case int():
            yield from (value + 1, value - 1, float(value), str(value))
        case str():
            yield from (value + "x", value[:-1], value.swapcase())
        case list():
            yield from (value[1:], value[:-1], [*value, *value[-1:]], value[::-1])
            for at, one in enumerate(value):
                yield from ([*value[:at], other, *value[at + 1 :]] for other in mutants(one))
        case dict():
            yield {**value, "another": 1}
            for key, one in value.items():
                yield {other: value[other] for other in value if other != key}
                yield from ({**value, key: other} for other in mutants(one))

"""What every checker owes: whatever the facts and the bytes are, it rejects them or it holds.

Samples are what the case pages prove. A checker that no page proves anything with fails here.
"""

import hashlib
import importlib
import json
import pickle
import random
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tools.case_pages import cases

from bytes_of_text import built
from certificate_laws import mutants
from known_advisories import known
from known_lists import known_lists, resting
from probatum.audit.judge import judged
from probatum.audit.plan import plan
from probatum.cli import index
from probatum.errors import Rejected
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Proven
from test_cases import _sample

_SAMPLES = 3
_LARGEST = 1 << 16
_ROUTE = """--- app.py
from fastapi import FastAPI
app = FastAPI()
@app.get("/note")
def note(name: str):
    return name.strip()
def run(command):
    exec(command)
"""
# Checkers that are given the kind of the artifact, which samples here are all of, and what is
# installed.
_INFORMED = {
    "no_known_vulnerability": ("requirements", known),
    "not_listed": ("package-url", known_lists),
    "vulnerable_code": ("python-program", known),
}
Sample = tuple[dict[str, Any], bytes]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["load-inert", "header-sound", "self-contained", "pickle", "zip", "0" * 64]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@cache
def samples() -> dict[str, list[Sample]]:
    """The smallest proofs of each checker: the facts, and the bytes that they are about."""
    found: dict[str, list[Sample]] = defaultdict(list)
    for case in cases():
        if case.wrong or all(one.verdict != "proven" for one in case.expected):
            continue
        artifact, material = _sample(case)
        data = material.read(0, material.size)
        for analyzer in plan(artifact) if len(data) <= _LARGEST else ():
            verdict = judged(analyzer, artifact, material, resting(analyzer))
            if isinstance(verdict, Proven):
                certificate = verdict.certificate
                kind = _INFORMED.get(certificate.checker, (artifact.kind,))[0]
                if artifact.kind == kind:
                    found[certificate.checker].append((certificate.facts, data))
    for data in (_array("'<f8'", bytes(24)), _array("'|O'", pickle.dumps([1, "x", None]))):
        material = BytesMaterial(data)
        for analyzer in plan(Artifact(name="sample.npy", kind="npy", size=len(data))):
            verdict = judged(analyzer, Artifact(name="x.npy", kind="npy", size=len(data)), material)
            if isinstance(verdict, Proven):
                found[verdict.certificate.checker].append((verdict.certificate.facts, data))
    route = built("project", _ROUTE)
    project = Artifact(name=".", kind="python-project", size=len(route))
    for analyzer in plan(project):
        verdict = judged(analyzer, project, BytesMaterial(route))
        entries = None if isinstance(verdict, Proven) else verdict.entries
        if entries is not None and entries.certificate is not None:
            found["entry_points"].append((entries.certificate.facts, route))
    promise = {"digest": f"sha256:{hashlib.sha256(b'promised').hexdigest()}", "size": 8}
    found["digest_matches"].append((promise, b"promised"))
    return {name: _several(many) for name, many in found.items()}


def _array(descr: str, content: bytes) -> bytes:
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (3,), }}".encode().ljust(117)
    return b"\x93NUMPY\x01\x00" + (len(head) + 1).to_bytes(2, "little") + head + b"\n" + content


def _several(many: list[Sample]) -> list[Sample]:
    """Small proofs of claims that differ, before others."""
    by_claim: dict[str, list[Sample]] = defaultdict(list)
    for one in sorted(many, key=lambda one: len(one[1])):
        chosen = [str(one[0].get(name)) for name in ("claim", "form", "format", "part", "loader")]
        by_claim[" ".join((*chosen, str("pickle" in one[0] and one[0]["pickle"] is None)))].append(
            one
        )
    firsts = [group[len(group) // 2] for group in by_claim.values()]
    return [*firsts, *(many[0],)][: max(_SAMPLES, len(firsts))]


def _outcome(checker: str, facts: Any, data: bytes, size: int | None = None) -> str:
    """`holds` or `rejected`; anything else that comes out of a checker is a failure."""
    module = importlib.import_module(f"probatum.check.{checker}")
    getattr(module, "_last", []).clear()
    kind, installed = _INFORMED.get(checker, ("", tuple))
    more = (kind, installed()) if checker in _INFORMED else ()
    try:
        module.holds(facts, BytesMaterial(data).read, len(data) if size is None else size, *more)
    except Rejected:
        return "rejected"
    return "holds"


@pytest.mark.parametrize("checker", index.checkers())
def test_a_checker_holds_what_the_case_pages_prove(checker: str) -> None:
    assert checker in samples(), f"no case page proves anything by {checker}"
    for facts, data in samples()[checker]:
        assert _outcome(checker, facts, data) == "holds"


@pytest.mark.parametrize("checker", index.checkers())
def test_changed_facts_are_rejected(checker: str) -> None:
    for facts, data in samples()[checker]:
        changed = [
            one for one in mutants(facts) if isinstance(one, dict) and repr(one) != repr(facts)
        ]
        for mutant in random.Random(0).sample(changed, min(150, len(changed))):
            assert _outcome(checker, mutant, data) == "rejected", mutant


@pytest.mark.parametrize("checker", index.checkers())
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.text(max_size=8), json_values), st.binary(max_size=64))
def test_arbitrary_facts_about_arbitrary_bytes_are_rejected(
    checker: str, facts: dict[str, Any], data: bytes
) -> None:
    assert _outcome(checker, facts, data) == "rejected"


@pytest.mark.parametrize("checker", index.checkers())
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_facts_of_the_right_names_with_arbitrary_values_are_rejected(
    checker: str, data: st.DataObject
) -> None:
    for facts, content in samples()[checker][:2]:
        drawn = {
            # Another claim may well be true of the same bytes.
            name: data.draw(json_values) if name != "claim" and data.draw(st.booleans()) else value
            for name, value in facts.items()
        }
        same = json.dumps(drawn, sort_keys=True) == json.dumps(facts, sort_keys=True)
        assert _outcome(checker, drawn, content) == ("holds" if same else "rejected")


class _AnyDigest(str):
    """Equal to every digest, so that changed bytes come past the comparison of digests."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return super().__hash__()


class _AnyState:
    """A hash that has seen whatever one asks for."""

    def __init__(self, *_: object, **__: object) -> None: ...
    def update(self, _: object) -> None: ...
    def copy(self) -> "_AnyState":
        return self

    def digest(self) -> bytes:
        return bytes(32)

    def hexdigest(self) -> str:
        return _AnyDigest("0" * 64)


@pytest.mark.parametrize("checker", index.checkers())
def test_changed_bytes_are_rejected_or_followed_to_their_end(
    checker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the digests too, where only the reader itself stands between it and the bytes."""
    for facts, data in samples()[checker]:
        for mutant in _changed(data):
            _outcome(checker, facts, mutant)
    monkeypatch.setattr(hashlib, "sha256", _AnyState)
    for facts, data in samples()[checker]:
        for mutant in _changed(data):
            _outcome(checker, {**facts, **_sized(facts, mutant)}, mutant)
            _outcome(checker, facts, mutant, len(data))


def _sized(facts: dict[str, Any], data: bytes) -> dict[str, int]:
    return {"size": len(data)} if "size" in facts else {}


def _changed(data: bytes) -> Iterator[bytes]:
    chance = random.Random(len(data))
    yield from (b"", data[:1], data[: len(data) // 2], data[:-1], data + b"\0", data * 2)
    for _ in range(120):
        if not data:
            return
        at, changed = chance.randrange(len(data)), bytearray(data)
        match chance.randrange(5):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at : at + 4] = chance.choice((bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff"))
            case 2:
                del changed[at : at + chance.randrange(1, 9)]
            case 3:
                changed[at:at] = changed[at : at + chance.randrange(1, 17)]
            case 4:
                changed[at] = chance.randrange(256)
        yield bytes(changed)

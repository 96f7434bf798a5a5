"""The claim `kind-is-understood` and its certificates."""

import pickle
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import assert_every_mutant_is_rejected, certificate_of, check, verdict_on
from probatum.analyzers.model.kind_is_understood import kind_is_understood
from probatum.check.kind import concerns
from probatum.vocabulary import Artifact, Proven, Reason, Refuted, Undecided


def png() -> bytes:
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", b"x"),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


PROVEN = [
    (b"", "empty"),
    (b"License: some words.\n", "text"),
    (b"Important things first", "text"),
    ("Grüße\n".encode(), "markdown"),
    (b'{"a": [1, 2.5, null]}', "json"),
    (png(), "image"),
]


@pytest.mark.parametrize(("data", "kind"), PROVEN)
def test_a_plain_file_is_proven_and_every_mutant_of_the_proof_is_rejected(
    data: bytes, kind: str
) -> None:
    certificate = certificate_of(kind_is_understood, data, kind)
    if data:
        assert_every_mutant_is_rejected(certificate, data, range(len(data)))


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"\x00\x01\x02", "unknown", Reason.UNKNOWN_KIND),
        (b"cat\ndog\n", "text", Reason.PARSER_DIFFERENTIAL),
        (b"cos\nsystem\n(S'id'\ntR.", "text", Reason.PARSER_DIFFERENTIAL),
        (b"I0x10\n.", "text", Reason.PARSER_DIFFERENTIAL),
        (b"I\n.", "text", Reason.PARSER_DIFFERENTIAL),
        (b"I\x0c0x10\n.", "text", Reason.PARSER_DIFFERENTIAL),
        (b"#!/bin/sh\n", "text", Reason.PARSER_DIFFERENTIAL),
        (b"words", "json", Reason.MALFORMED),
        (b'{"a": 1, "a": 2}', "json", Reason.PARSER_DIFFERENTIAL),
        (b"[" * 100_000, "json", Reason.MALFORMED),
        (png() + b"PK", "image", Reason.PARSER_DIFFERENTIAL),
        (b"GIF89a", "image", Reason.UNSUPPORTED),
    ],
)
def test_what_could_be_something_else_stays_undecided(
    data: bytes, kind: str, reason: Reason
) -> None:
    verdict = verdict_on(kind_is_understood, data, kind)
    assert isinstance(verdict, Undecided)
    assert verdict.reason == reason


@pytest.mark.parametrize(("data", "kind"), [(b"words \x00 words", "text"), (b"words", "image")])
def test_bytes_that_break_the_promise_are_refuted(data: bytes, kind: str) -> None:
    assert isinstance(verdict_on(kind_is_understood, data, kind), Refuted)


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.sampled_from(["text", "json"]))
def test_what_is_proven_also_checks(text: str, kind: str) -> None:
    data = text.encode()
    verdict = verdict_on(kind_is_understood, data, kind)
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists), st.sampled_from([0, 1]))
def test_no_pickle_is_proven_to_be_text(value: object, protocol: int) -> None:
    verdict = verdict_on(kind_is_understood, pickle.dumps(value, protocol), "text")
    assert not isinstance(verdict, Proven)


@pytest.mark.parametrize(
    ("name", "kind"), [("model.safetensors", "json"), ("a/b.PT", "empty"), ("x.gguf", "image")]
)
def test_a_certificate_does_not_speak_of_a_file_under_another_format_s_name(
    name: str, kind: str
) -> None:
    assert concerns({}, Artifact(name=name, kind=kind, size=0))
    assert not concerns({}, Artifact(name="vocab.json", kind="json", size=0))
    assert not concerns({}, Artifact(name="notes", kind="text", size=0))

"""The claim `signed-content`: what is proven also checks, and nothing else is proven."""

import copy
import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certificate_laws import (
    assert_every_mutant_is_rejected,
    assert_rejected,
    certificate_of,
    check,
    verdict_on,
)
from probatum.analyzers.supply.signed_content import signed_content
from probatum.errors import Rejected
from probatum.formats.signed_files import Other
from probatum.formats.sigstore_bundle import pre_authentication_before_1
from probatum.vocabulary import Certificate, Proven, Reason, Refuted, Undecided, Verdict
from signed_folders import (
    FILES,
    KEY,
    OTHER_KEY,
    bundle_of,
    folder,
    listing,
    statement,
    trust,
)

SAMPLE = folder(bundle_of())
DIGESTS = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}


def judge(data: bytes) -> Verdict:
    """The verdict; whatever is proven must check, and nothing else may."""
    verdict = verdict_on(signed_content, data, "signed-folder")
    if isinstance(verdict, Proven):
        check(verdict.certificate, data)
    else:
        assert_rejected(_facts_of(data), data, f"what is {verdict}")
    return verdict


def _facts_of(data: bytes) -> Certificate:
    """The certificate that the folder would have if it were proven."""
    line = data.split(b"\n")[1]
    said, start = json.loads(line), len(b"signed-folder 1\n") + len(line) + 1
    about = json.dumps([said[name] for name in ("single", "ignore", "files", "others")])
    bound = about.encode() + b"\n" + data[start : start + said["signature"]]
    facts = {"size": len(data), "head": hashlib.sha256(bound).hexdigest()}
    return Certificate("model_signature", facts)


def assert_refuted(data: bytes, *words: str) -> None:
    verdict = judge(data)
    assert isinstance(verdict, Refuted), verdict
    for word in words:
        assert word in str(verdict), verdict


def assert_undecided(data: bytes, reason: Reason) -> None:
    verdict = judge(data)
    assert isinstance(verdict, Undecided), verdict
    assert verdict.reason == reason, verdict


def test_a_folder_that_is_what_its_signature_lists_is_proven() -> None:
    verdict = judge(SAMPLE)
    assert isinstance(verdict, Proven)
    assert verdict.certificate == _facts_of(SAMPLE)
    assert isinstance(verdict, Proven)
    assert len(verdict.assumptions) == 1
    assert "Signed by the key sha256:" in verdict.assumptions[0]


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["P-384", "P-521", "Ed25519"],
)
def test_every_kind_of_key_that_models_are_signed_with_is_known(key: Any) -> None:
    assert isinstance(judge(folder(bundle_of(key=key), trusted=trust(key))), Proven)


def test_one_of_several_trusted_keys_is_enough() -> None:
    assert isinstance(judge(folder(bundle_of(), trusted=trust(OTHER_KEY, KEY))), Proven)


def test_what_model_signing_signed_before_its_version_1_is_known() -> None:
    older = bundle_of(signable=pre_authentication_before_1)
    assert isinstance(judge(folder(older)), Proven)


def test_the_older_statement_lists_its_files_as_subjects() -> None:
    subjects = [{"name": name, "digest": {"sha256": DIGESTS[name]}} for name in FILES]
    said = statement() | {
        "subject": subjects,
        "predicateType": "https://model_signing/Digests/v0.1",
        "predicate": {"unused": ""},
    }
    assert isinstance(judge(folder(bundle_of(said))), Proven)
    assert_refuted(folder(bundle_of(said), FILES | {"b": b""}), "does not list")


def test_a_signature_by_another_key_is_refuted() -> None:
    assert_refuted(folder(bundle_of(key=OTHER_KEY)), "not by a trusted key")
    named = bundle_of(key=OTHER_KEY, material={"publicKey": {"hint": "ab" * 32}})
    assert_refuted(folder(named), "another key, which it calls", "abab")


def test_a_statement_changed_after_it_was_signed_is_refuted() -> None:
    bundle = bundle_of()
    other = bundle_of(statement(FILES | {"a.txt": b"two\n"}))
    bundle["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"]
    assert_refuted(folder(bundle, FILES | {"a.txt": b"two\n"}), "not by a trusted key")


def test_the_bundle_does_not_choose_whom_to_trust() -> None:
    from signed_folders import b64, pem

    own = {"publicKey": {"rawBytes": b64(pem(OTHER_KEY).encode())}}
    assert_refuted(folder(bundle_of(key=OTHER_KEY, material=own)), "not by a trusted key")


def test_nobody_named_is_nobody_trusted() -> None:
    assert_undecided(folder(bundle_of(), trusted={}), Reason.UNRESOLVED)


def test_a_changed_byte_is_refuted_by_the_file_that_has_it() -> None:
    changed = FILES | {"sub/w.bin": bytes(2999) + b"\1"}
    assert_refuted(folder(bundle_of(), changed), "sub/w.bin", "the signature lists sha256:")


def test_a_file_that_is_missing_or_more_is_refuted() -> None:
    fewer = {name: data for name, data in FILES.items() if name != "empty"}
    assert_refuted(folder(bundle_of(), fewer), "empty", "not there")
    assert_refuted(folder(bundle_of(), FILES | {"z": b""}), "does not list")


def test_a_name_spelled_in_another_way_is_another_file_and_that_is_said() -> None:
    name = "caf\u00e9.bin"
    signed = bundle_of(statement({name: b"x"}))
    assert isinstance(judge(folder(signed, {name: b"x"})), Proven)
    assert_refuted(folder(signed, {unicodedata.normalize("NFD", name): b"x"}), "another way")
    assert_refuted(folder(signed, {"CAF\u00c9.bin": b"x"}), "another way")


def test_what_the_signature_ignores_is_said_not_to_be_signed() -> None:
    signed = bundle_of(statement(ignore_paths=["cache", ".git"]))
    verdict = judge(
        folder(signed, FILES | {"cache/x.bin": b"1", "cache/y": b"2", ".git/HEAD": b""})
    )
    assert isinstance(verdict, Proven)
    assert "ignores 'cache', where 2 files lie" in str(verdict.assumptions)
    assert "ignores '.git', where one file lies" in str(verdict.assumptions)
    assert_refuted(folder(signed, FILES | {"cached": b""}), "cached", "does not list")
    assert_refuted(folder(signed, FILES | {"sub/cache/x": b""}), "sub/cache/x")
    assert_refuted(folder(signed, FILES | {"sub/.git/x": b""}), "sub/.git/x")


def test_code_where_the_signature_looks_away_is_named() -> None:
    said = bundle_of(statement(ignore_paths=["cache"]))
    held = FILES | {"cache/notes.txt": b"", "cache/b.PY": b"import os", "cache/w.bin": b""}
    verdict = judge(folder(said, held))
    assert isinstance(verdict, Proven)
    assert verdict.assumptions[1] == (
        "The signature ignores 'cache', where 3 files lie of which nothing is signed; among them "
        "code, or what may hold it: 'cache/b.PY', 'cache/w.bin'."
    )


def test_what_is_ignored_is_a_path_and_no_pattern() -> None:
    said = bundle_of(statement(ignore_paths=["*.py", "sub/*"]))
    assert_refuted(folder(said, FILES | {"a.py": b"import os"}), "a.py")
    assert_refuted(folder(said, FILES | {"sub/x": b""}), "sub/x")
    for everything in ("", "/", "./", "..", "sub/.."):
        odd = bundle_of(statement(ignore_paths=[everything]))
        verdict = judge(folder(odd, FILES | {"a.py": b"import os"}))
        assert not isinstance(verdict, Proven)


def test_what_the_user_ignores_is_said_and_what_is_listed_is_still_compared() -> None:
    data = folder(bundle_of(), FILES | {"log": b"1"}, ignore=("log", "sub"))
    verdict = judge(data)
    assert isinstance(verdict, Proven)
    assert "The user ignores 'log'" in str(verdict.assumptions)
    changed = FILES | {"log": b"1", "sub/w.bin": b""}
    assert_refuted(folder(bundle_of(), changed, ignore=("log", "sub")), "sub/w.bin")


def test_a_link_is_refuted_unless_the_signature_follows_links() -> None:
    follows = bundle_of(statement(allow_symlinks=True))
    assert isinstance(judge(folder(follows, links=("a.txt",))), Proven)
    assert_refuted(folder(bundle_of(), links=("a.txt",)), "a.txt", "link")
    away = (Other("out", "a link to /etc", is_link=True),)
    assert_refuted(folder(bundle_of(), others=away), "a link to /etc")
    assert_undecided(folder(follows, others=away), Reason.OUTSIDE_TARGET)


def test_what_is_no_file_is_neither_listed_nor_passed_over() -> None:
    pipe = (Other("pipe", "neither a file nor a folder"),)
    assert_undecided(folder(bundle_of(), others=pipe), Reason.OUTSIDE_TARGET)
    assert isinstance(judge(folder(bundle_of(), others=pipe, ignore=("pipe",))), Proven)


def test_what_is_listed_must_be_a_file_even_where_it_is_ignored() -> None:
    files = {name: data for name, data in FILES.items() if name != "a.txt"}
    signed = bundle_of(statement(ignore_paths=["a.txt"]))
    for other in (Other("a.txt", "a pipe"), Other("a.txt", "a link", is_link=True)):
        assert not isinstance(judge(folder(signed, files, others=(other,))), Proven)
    assert_refuted(folder(signed, files), "a.txt", "not there")
    assert isinstance(judge(folder(signed)), Proven)


def test_a_model_of_one_file_is_called_by_its_name_or_by_a_dot() -> None:
    for called in ("m.bin", "."):
        signed = bundle_of(statement({called: b"x"}))
        assert isinstance(judge(folder(signed, {"m.bin": b"x"}, single="m.bin")), Proven)
    assert_refuted(folder(bundle_of(statement({".": b"x"})), {"m.bin": b"x"}), "m.bin")


@pytest.mark.parametrize("size", [1000, 1000.0, 7000])
def test_shards_cover_each_file_whole(size: float) -> None:
    files = {name: data for name, data in FILES.items() if data}
    signed = bundle_of(statement(files, shard_size=size))
    assert isinstance(judge(folder(signed, files)), Proven)
    verdict = judge(folder(signed, files | {"sub/__init__.py": b""}))
    assert isinstance(verdict, Proven)
    assert "'sub/__init__.py' is empty" in str(verdict.assumptions)
    assert_refuted(folder(signed, files | {"sub/x.py": b"1"}), "sub/x.py")
    assert_refuted(folder(signed, files | {"sub/w.bin": bytes(3001)}), "3001 bytes")
    assert_refuted(folder(signed, files | {"sub/w.bin": bytes(2999)}), "2999 bytes")


def _shards(*names: str) -> dict[str, Any]:
    return listing(*((name, "ab" * 32) for name in names), method="shards", shard_size=10)


@pytest.mark.parametrize(
    "names",
    [
        ("f:0:10", "f:11:12"), ("f:0:10", "f:0:10"), ("f:10:12",), ("f:0:5", "f:5:9"),
        ("f:0:0",), ("f:0:11",), ("f:0:-1",), ("f:00:10",), ("f:0:+9",), ("f:0:1_0",),
        ("f:0:\u0665",), ("f:0:9.0",), ("f",), (":0:9",), ("f:9",), ("f:0:10", "f:10:10"),
    ],
)  # fmt: skip
def test_shards_that_leave_a_gap_overlap_or_are_misnamed_are_undecided(
    names: tuple[str, ...],
) -> None:
    assert_undecided(folder(bundle_of(_shards(*names)), {"f": bytes(10)}), Reason.MALFORMED)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "10", None, 1e300])
def test_a_size_of_shards_that_is_none_is_undecided(size: Any) -> None:
    said = statement({"f": b"x"}, method="shards")
    said["predicate"]["serialization"]["shard_size"] = size
    said["predicate"]["resources"][0]["name"] = "f:0:1"
    assert_undecided(folder(bundle_of(said), {"f": b"x"}), Reason.MALFORMED)


@pytest.mark.parametrize(
    "name", ["/a", "a//b", "./a", "a/.", "a/", "../a", "a/../b", "a\\b", "\\a", ".."]
)
def test_a_name_that_means_another_file_to_another_reader_is_undecided(name: str) -> None:
    signed = bundle_of(listing((name, "ab" * 32)))
    assert_undecided(folder(signed), Reason.PARSER_DIFFERENTIAL)
    if name != "a/":  # a folder may be ignored by such a name
        ignoring = bundle_of(statement(ignore_paths=[name]))
        assert_undecided(folder(ignoring), Reason.PARSER_DIFFERENTIAL)


def test_a_file_listed_twice_is_undecided() -> None:
    twice = listing(("a.txt", DIGESTS["a.txt"]), ("a.txt", "ab" * 32))
    assert_undecided(folder(bundle_of(twice)), Reason.PARSER_DIFFERENTIAL)


@pytest.mark.parametrize("name", ["", "a\0b", None, 7, ["a"]])
def test_a_name_that_is_none_is_undecided(name: Any) -> None:
    assert_undecided(folder(bundle_of(listing((name, "ab" * 32)))), Reason.MALFORMED)


def test_a_digest_of_another_kind_is_undecided() -> None:
    for digest in ("", "ab", "AB" * 32, "zz" * 32, "ab" * 33):
        said = statement()
        said["predicate"]["resources"][0]["digest"] = digest
        assert_undecided(folder(bundle_of(said)), Reason.MALFORMED)
    said = statement()
    said["predicate"]["resources"][0]["algorithm"] = "blake2b"
    assert_undecided(folder(bundle_of(said)), Reason.MALFORMED)
    for kind in ("md5", "sha1", "sha512", "sha256-sharded-1", None, 1, [], {}):
        assert_undecided(folder(bundle_of(statement({}, hash_type="sha256") | {
            "predicate": statement()["predicate"]
            | {"serialization": {"method": "files", "hash_type": kind, "allow_symlinks": False}}
        })), Reason.UNSUPPORTED)  # fmt: skip


def test_blake2b_is_known() -> None:
    signed = bundle_of(statement(hash_type="blake2b"))
    assert isinstance(judge(folder(signed)), Proven)
    assert_refuted(folder(signed, FILES | {"a.txt": b"two\n"}), "blake2b")


def test_the_digest_of_the_digests_must_be_right() -> None:
    said = statement()
    said["subject"][0]["digest"]["sha256"] = "ab" * 32
    assert_undecided(folder(bundle_of(said)), Reason.MALFORMED)


def test_an_empty_list_of_files_is_undecided() -> None:
    assert_undecided(folder(bundle_of(statement({})), {}), Reason.MALFORMED)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.pop("dsseEnvelope"),
        lambda b: b.pop("verificationMaterial"),
        lambda b: b.update(verificationMaterial={}),
        lambda b: b["verificationMaterial"].update(certificate={"rawBytes": ""}),
        lambda b: b["dsseEnvelope"].update(signatures=[]),
        lambda b: b["dsseEnvelope"]["signatures"].append(b["dsseEnvelope"]["signatures"][0]),
        lambda b: b["dsseEnvelope"].update(payload=b["dsseEnvelope"]["payload"] + "\n"),
        lambda b: b["dsseEnvelope"].update(payload=b["dsseEnvelope"]["payload"].rstrip("=") + "!"),
        lambda b: b["dsseEnvelope"]["signatures"][0].update(sig=7),
    ],
)
def test_a_bundle_without_one_meaning_is_undecided(change: Change) -> None:
    bundle = copy.deepcopy(bundle_of())
    change(bundle)
    assert_undecided(folder(bundle), Reason.MALFORMED)


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"),
        lambda b: b["dsseEnvelope"].update(payloadType="application/json"),
        lambda b: b.update(messageSignature={}),
    ],
)
def test_a_bundle_of_another_kind_is_undecided(change: Change) -> None:
    bundle = copy.deepcopy(bundle_of())
    change(bundle)
    assert_undecided(folder(bundle), Reason.UNSUPPORTED)


@pytest.mark.parametrize("key", ["media_type", "MediaType", "dsse_envelope", "DSSEENVELOPE"])
def test_a_field_spelled_as_protobuf_also_takes_it_is_undecided(key: str) -> None:
    assert_undecided(folder(bundle_of() | {key: {}}), Reason.PARSER_DIFFERENTIAL)


def test_a_key_that_stands_twice_is_undecided() -> None:
    text = json.dumps(bundle_of()).encode()
    twice = text.replace(b'{"mediaType"', b'{"mediaType": "x", "mediaType"')
    assert_undecided(folder(twice), Reason.PARSER_DIFFERENTIAL)
    said = json.dumps(statement()).encode()
    twice = said.replace(b'{"_type"', b'{"_type": "x", "_type"')
    assert_undecided(folder(bundle_of(twice)), Reason.PARSER_DIFFERENTIAL)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b"1e999"])
def test_what_is_no_bundle_or_statement_is_undecided(data: bytes) -> None:
    assert isinstance(judge(folder(data)), Undecided)
    assert isinstance(judge(folder(bundle_of(data))), Undecided)


def test_every_mutant_of_a_certificate_is_rejected() -> None:
    certificate = certificate_of(signed_content, SAMPLE, "signed-folder")
    assert_every_mutant_is_rejected(certificate, SAMPLE, range(0, len(SAMPLE), 131))


def test_the_checker_says_no_to_whatever_is_no_signed_folder() -> None:
    for data in (b"", b"signed-folder 1\n", b"signed-folder 1\n{}\n", b"signed-folder 1\n[]\n"):
        with pytest.raises(Rejected):
            check(Certificate("model_signature", {"size": len(data), "head": ""}), data)


_STRANGE: tuple[Any, ...] = (None, True, -1, 1.5, "", "x", "..", [], {}, [[]], {"a": 1}, 1 << 70)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (object or list, key) below a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_strange_in_a_signature_what_is_proven_checks_and_nothing_crashes(
    data: st.DataObject,
) -> None:
    said = copy.deepcopy(statement(ignore_paths=["cache"]))
    bundle = bundle_of(said)
    changed = data.draw(st.sampled_from([said, bundle]))
    place, key = data.draw(st.sampled_from(list(_places(changed))))
    if isinstance(place, dict) and data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(st.sampled_from(_STRANGE))
    sample = folder(bundle_of(said) if changed is said else bundle)
    verdict = verdict_on(signed_content, sample, "signed-folder")
    with suppress(Rejected):
        check(_facts_of(sample), sample)
    if isinstance(verdict, Proven):
        check(verdict.certificate, sample)


def _says_nothing(at: int) -> bool:
    """The end of a line of the trusted key, or the name of a field that nobody asks for."""
    near, hint = SAMPLE[max(0, at - 1) : at + 2], SAMPLE.find(b'"hint"')
    return b"\\n" in near or hint <= at < hint + 6


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
@example(217, 1)
def test_no_changed_byte_is_proven_or_crashes(at: int, flip: int) -> None:
    changed = bytearray(SAMPLE)
    changed[at] ^= flip
    begins = SAMPLE.find(b"\n", SAMPLE.find(b'"signatures"'))
    verdict = verdict_on(signed_content, bytes(changed), "signed-folder")
    if isinstance(verdict, Proven):  # a byte that says nothing, such as one between two files
        check(verdict.certificate, bytes(changed))
        said_nothing = changed[at] in b" \n" or SAMPLE[at : at + 1] in b' \n-"}'
        assert said_nothing or at > begins or _says_nothing(at)

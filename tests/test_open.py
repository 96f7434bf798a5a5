"""Opening: every member becomes an artifact, and no archive unfolds beyond its caps."""

import bz2
import functools
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.analyzers.model.fully_opened import fully_opened
from probatum.audit import open as opening
from probatum.audit.open import opened
from probatum.audit.opened import Caps, Opened
from probatum.formats.kinds import CONTAINERS
from probatum.material import BytesMaterial, FileMaterial
from probatum.vocabulary import Proven, Reason

PICKLE = pickle.dumps({"a": [1, 2, 3]})
SMALL = Caps(member_size=1 << 20, total_size=4 << 20, members=50)


def artifacts(data: bytes, name: str = "sample", caps: Caps = SMALL) -> list[Opened]:
    return list(opened(name, BytesMaterial(data), caps))


def told(data: bytes, name: str = "sample", caps: Caps = SMALL) -> list[tuple[str, str]]:
    return [(one.artifact.name, one.artifact.kind) for one in artifacts(data, name, caps)]


def troubles(data: bytes, caps: Caps = SMALL) -> set[Reason]:
    return {one.trouble.reason for one in artifacts(data, caps=caps) if one.trouble}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return held.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, data in members.items():
            one = tarfile.TarInfo(name)
            one.size = len(data)
            archive.addfile(one, io.BytesIO(data))
    return held.getvalue()


def test_every_container_has_an_opener() -> None:
    assert opening._CONTAINERS.keys() == CONTAINERS
    for module in opening._CONTAINERS.values():
        assert callable(import_module(module).unfold)
    for module in opening._EMBEDDING.values():
        assert callable(import_module(module).members)


def test_members_of_members_come_depth_first() -> None:
    inner = zipped({"m/data.pkl": PICKLE, "m/data/0": bytes(99)}, zipfile.ZIP_STORED)
    data = zipped({"a.tar.gz": gzip.compress(tarred({"w.pt": inner})), "README.md": b"# hi"})
    assert told(data) == [
        ("sample", "zip"),
        ("sample!/a.tar.gz", "gzip"),
        ("sample!/a.tar.gz!/a.tar", "tar"),
        ("sample!/a.tar.gz!/a.tar!/w.pt", "torch-zip"),
        ("sample!/a.tar.gz!/a.tar!/w.pt!/m/data.pkl", "torch-pickle"),
        ("sample!/README.md", "markdown"),
    ]


def test_an_artifact_tells_its_parent_size_and_digest() -> None:
    whole, member = artifacts(zipped({"a.pkl": PICKLE}))
    assert member.artifact.parent == whole.artifact.name
    assert member.artifact.size == len(PICKLE) == member.material.size
    assert member.material.read(0, 99) == PICKLE
    assert str(member.artifact.digest).startswith("sha256:")
    (undigested, _) = artifacts(zipped({"a.pkl": PICKLE}), caps=Caps(digest_size=0))
    assert undigested.artifact.digest is None


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, bz2.compress, lzma.compress, zlib.compress],
    ids=lambda pack: pack.__module__,
)
def test_a_compressed_file_holds_one_content(pack) -> None:  # type: ignore[no-untyped-def]
    assert told(pack(PICKLE), "m.joblib")[1] == ("m.joblib!/m.joblib", "pickle")
    assert told(pack(PICKLE), "m.pkl.gz")[1] == ("m.pkl.gz!/m.pkl", "pickle")


@pytest.mark.parametrize("extra", ["zstandard", "lz4.frame"])
def test_the_archives_extra_opens_more(extra: str) -> None:
    library = pytest.importorskip(extra)
    assert told(library.compress(PICKLE), "m.pkl.zst")[1] == ("m.pkl.zst!/m.pkl", "pickle")
    assert Reason.TRUNCATED in troubles(library.compress(PICKLE)[:-2])


def test_a_7z_archive_is_opened() -> None:
    py7zr = pytest.importorskip("py7zr")
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w") as archive:
        archive.writestr(PICKLE, "a.pkl")
        archive.writestr(b"# hi", "d/README.md")
    names = told(held.getvalue())
    assert names == [
        ("sample", "7z"),
        ("sample!/a.pkl", "pickle"),
        ("sample!/d/README.md", "markdown"),
    ]


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("zstandard", "lz4", "lz4.frame"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    for magic in (b"\x28\xb5\x2f\xfd\x00", b"\x04\x22\x4d\x18\x40"):
        whole = artifacts(magic)[0]
        assert whole.trouble is not None
        assert whole.trouble.reason == Reason.MISSING_EXTRA
        assert "probatum[archives]" in whole.trouble.detail


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_are_all_opened_under_names_of_their_own() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.pkl", PICKLE)
        archive.writestr("a.pkl", b"cos\nsystem\n(S'x'\ntR.")
    assert told(held.getvalue())[1:] == [
        ("sample!/a.pkl", "pickle"),
        ("sample!/a.pkl#2", "pickle"),
    ]


def test_a_name_with_control_characters_prints_on_one_line() -> None:
    assert told(zipped({"a\n\x1b[31m.txt": b"x"}))[1][0] == "sample!/a\\n\\x1b[31m.txt"


def test_a_folder_entry_with_content_is_a_member() -> None:
    assert told(zipped({"a/": PICKLE}))[1] == ("sample!/a/", "pickle")


def test_a_program_hidden_among_tensors_is_opened() -> None:
    data = zipped(
        {"m/data.pkl": PICKLE, "m/data/0": bytes(99), "m/data/1": b"\x7fELF" + bytes(99)},
        zipfile.ZIP_STORED,
    )
    assert [kind for _, kind in told(data)] == ["torch-zip", "torch-pickle", "elf"]


def test_a_link_in_an_archive_is_said_and_not_followed() -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        one = tarfile.TarInfo("a")
        one.type, one.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(one)
    member = artifacts(held.getvalue())[1]
    assert member.artifact.kind == "unknown"
    assert member.trouble is not None
    assert member.trouble.reason == Reason.OUTSIDE_TARGET


def test_a_git_lfs_pointer_is_said_to_be_one() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
    (whole,) = artifacts(pointer, "model.safetensors")
    assert whole.trouble is not None
    assert whole.trouble.reason == Reason.OUTSIDE_TARGET


def test_a_stream_cut_short_is_trouble_of_the_file_and_of_its_content() -> None:
    whole, content = artifacts(gzip.compress(b"x" * 99)[:-8])
    assert whole.trouble is not None
    assert content.trouble is not None
    assert whole.trouble.reason == content.trouble.reason == Reason.TRUNCATED


# --- bombs ----------------------------------------------------------------------------------


def nested(pack, times: int, core: bytes) -> bytes:  # type: ignore[no-untyped-def]
    for _ in range(times):
        core = pack(core)
    return core


def overlapping_zip(count: int, size: int) -> bytes:
    """Many directory entries for one deflated member (after Fifield's bomb)."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packed.compress(bytes(size)) + packed.flush()
    crc = zlib.crc32(bytes(size))
    head = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, crc, len(body), size, 1, 0)
    data = b"PK\x03\x04" + head + b"a" + body
    record = b"PK\x01\x02\x14\0" + head + struct.pack("<HHHII", 0, 0, 0, 0, 0) + b"a"
    records = record * count
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(records), len(data), 0)
    return data + records + b"PK\x05\x06" + end


BOMBS = {
    "zeros": gzip.compress(bytes(30 << 20)),
    "zeros in xz": lzma.compress(bytes(30 << 20)),
    "zeros in bzip2": bz2.compress(bytes(30 << 20)),
    "zeros in a zip": zipped({"a": bytes(30 << 20)}),
    "a bomb of bombs": gzip.compress(gzip.compress(bytes(30 << 20))),
    "many members": zipped({str(number): b"x" for number in range(99)}),
    "many zeros": zipped({str(number): bytes(900_000) for number in range(9)}),
    "one member many times": overlapping_zip(40, 900_000),
    "deep": nested(gzip.compress, 20, b"x"),
    "deep zips": nested(lambda data: zipped({"a": data}), 20, b"x"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_stopped_by_the_caps(name: str) -> None:
    tracemalloc.start()
    try:
        assert Reason.OVER_LIMIT in troubles(BOMBS[name])
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("extra", ["zstandard", "lz4.frame"])
def test_a_bomb_of_an_extra_is_stopped_too(extra: str) -> None:
    library = pytest.importorskip(extra)
    assert Reason.OVER_LIMIT in troubles(library.compress(bytes(50 << 20)))


def test_a_7z_bomb_is_stopped() -> None:
    py7zr = pytest.importorskip("py7zr")
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w") as archive:
        archive.writestr(bytes(30 << 20), "a")
    assert Reason.OVER_LIMIT in troubles(held.getvalue())


def test_a_zip_that_holds_itself_ends() -> None:
    """A quine stands in for any endless nesting: each level is one container deeper."""
    levels = artifacts(nested(lambda data: zipped({"a.zip": data}), 30, b"x"), caps=Caps(depth=5))
    assert len(levels) == 6
    assert levels[-1].trouble is not None
    assert levels[-1].trouble.reason == Reason.OVER_LIMIT


def test_a_small_cap_on_the_ratio_holds_beyond_what_is_free() -> None:
    bomb = gzip.compress(bytes(80 << 20))
    assert troubles(bomb, Caps(ratio=10)) == {Reason.OVER_LIMIT}
    assert not troubles(bomb, Caps(ratio=10_000))


@pytest.mark.parametrize("size", [b"\x80" + b"\xff" * 11, b"77777777777\0"])
def test_a_tar_that_claims_too_much_is_not_believed(size: bytes) -> None:
    block = bytearray(tarred({"a": b"x"})[:512])
    block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    assert troubles(bytes(block) + bytes(1024)) & {Reason.TRUNCATED, Reason.MALFORMED}


# --- laws -----------------------------------------------------------------------------------


def samples() -> Iterator[bytes]:
    yield zipped({"a.pkl": PICKLE, "b.txt": b"text"})
    yield zipped({"m/data.pkl": PICKLE, "m/data/0": bytes(64)}, zipfile.ZIP_STORED)
    yield zipped({"a": b"x" * 99}, zipfile.ZIP_BZIP2)
    yield zipped({"a": b"x" * 99}, zipfile.ZIP_LZMA)
    yield tarred({"a.pkl": PICKLE, "x" * 150: b"y"})
    for pack in (gzip.compress, bz2.compress, lzma.compress, zlib.compress):
        yield pack(tarred({"a.pkl": PICKLE}))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(samples())), st.data())
def test_changed_archives_are_opened_or_said_not_to_be(data: bytes, drawn: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(drawn.draw(st.integers(1, 6))):
        at = drawn.draw(st.integers(0, len(changed) - 1))
        changed[at] = drawn.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    cut = drawn.draw(st.none() | st.integers(0, len(changed)))
    found = artifacts(bytes(changed[:cut]))
    names = [one.artifact.name for one in found]
    assert len(set(names)) == len(names) >= 1


MAGICS = [
    *(b"PK\x03\x04", b"\x1f\x8b\x08\0", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"GGUF"),
    *(b"\x04\x22\x4d\x18", b"7z\xbc\xaf\x27\x1c\0\4", b"x\x9c", b"\x80\x02", b"", b"\x93NUMPY"),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MAGICS), st.binary(max_size=600))
def test_any_bytes_are_opened_or_said_not_to_be(magic: bytes, data: bytes) -> None:
    assert artifacts(magic + data)


@functools.cache
def seven() -> bytes:
    py7zr = pytest.importorskip("py7zr")
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w") as archive:
        archive.writestr(PICKLE, "a.pkl")
    return held.getvalue()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(6), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_changed_7z_archive_is_opened_or_said_not_to_be(changes: list[tuple[int, int]]) -> None:
    changed = bytearray(seven())
    for at, byte in changes:
        changed[6 + at % (len(changed) - 6)] = byte
    assert artifacts(bytes(changed))


def test_a_stored_member_that_was_read_whole_has_the_digest_it_would_have_alone(
    tmp_path: Path,
) -> None:
    data = bytes(range(256)) * 4
    file = tmp_path / "stored.zip"
    file.write_bytes(zipped({"a.bin": data, "b.bin": data[1:]}, zipfile.ZIP_STORED))
    with FileMaterial(str(file)) as whole:
        found = opened(file.name, whole, SMALL)
        archive = next(found).artifact
        assert isinstance(fully_opened.judge(archive, whole), Proven)
        assert len(whole.digests) == 2
        digests = [one.artifact.digest for one in found]
    assert digests == [f"sha256:{sha256(each).hexdigest()}" for each in (data, data[1:])]

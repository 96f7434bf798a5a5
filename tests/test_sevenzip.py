"""The 7z reader, against archives that py7zr wrote."""

import io
import os
from pathlib import Path

import pytest

from probatum.audit.open import opened
from probatum.audit.opened import Caps, Opened
from probatum.errors import FormatError
from probatum.formats import sevenzip
from probatum.material import BytesMaterial
from probatum.vocabulary import Reason

py7zr = pytest.importorskip("py7zr")

LZMA2 = {"id": py7zr.FILTER_LZMA2, "preset": 1}
CHAINS = {
    "lzma2": [LZMA2],
    "lzma": [{"id": py7zr.FILTER_LZMA, "preset": 1}],
    "bzip2": [{"id": py7zr.FILTER_BZIP2}],
    "deflate": [{"id": py7zr.FILTER_DEFLATE}],
    "copy": [{"id": py7zr.FILTER_COPY}],
    "delta": [{"id": py7zr.FILTER_DELTA, "dist": 3}, LZMA2],
    "x86": [{"id": py7zr.FILTER_X86}, LZMA2],
    "arm": [{"id": py7zr.FILTER_ARM}, LZMA2],
}
CONTENTS = {"a.txt": b"some text\n" * 50, "b/c.bin": os.urandom(3000), "e": b""}


def packed(chain: list[dict[str, int]] | None = None, **options: object) -> bytes:
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w", filters=chain, **options) as archive:
        for name, data in CONTENTS.items():
            archive.writestr(data, name)
    return held.getvalue()


def members(data: bytes) -> list[Opened]:
    return list(opened("x.7z", BytesMaterial(data), Caps()))


@pytest.mark.parametrize("name", CHAINS)
def test_members_are_unfolded_whatever_the_method(name: str) -> None:
    whole, *found = members(packed(CHAINS[name]))
    assert whole.trouble is None
    assert {one.artifact.name: one.material.read(0, one.material.size) for one in found} == {
        f"x.7z!/{name}": data for name, data in CONTENTS.items()
    }
    assert all(one.trouble is None for one in found)


def test_an_archive_that_was_added_to_has_several_folders(tmp_path: Path) -> None:
    path = tmp_path / "x.7z"
    path.write_bytes(packed())
    with py7zr.SevenZipFile(path, "a") as archive:
        archive.writestr(b"later", "later.txt")
    assert len(sevenzip.archive(BytesMaterial(path.read_bytes())).folders) == 2
    assert len(members(path.read_bytes())) == 5


def test_a_link_in_a_7z_is_said_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w") as archive:
        archive.write(tmp_path / "link", "link")
    link = members(held.getvalue())[1]
    assert link.trouble is not None
    assert link.trouble.reason == Reason.OUTSIDE_TARGET


@pytest.mark.parametrize("header", [False, True])
def test_an_encrypted_archive_is_said_to_be(header: bool) -> None:
    found = members(packed(password="secret", header_encryption=header))
    assert Reason.ENCRYPTED in {one.trouble.reason for one in found if one.trouble}


def test_a_method_that_is_not_known_is_said() -> None:
    found = members(packed([{"id": py7zr.FILTER_ZSTD}]))
    assert Reason.UNSUPPORTED in {one.trouble.reason for one in found if one.trouble}


def test_a_header_cut_short_is_a_fault_of_the_format() -> None:
    data = packed()
    for size in range(0, len(data), 7):
        with pytest.raises(FormatError):
            sevenzip.archive(BytesMaterial(data[:size]))

"""Which archive or compressed stream a file is."""

import re
import zlib

from probatum.formats.kinds_seen import Seen
from probatum.formats.patterns import Later

ZIPS = frozenset({"zip", "torch-zip", "torchscript", "npz", "keras", "skops", "mar"})
TARS = frozenset({"tar", "torch-tar", "nemo"})
_PLAIN_TAIL = 22 + 0xFFFF
BZIP2 = Later(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")
_LZMA_ALONE = Later(rb"[\x00-\xe0]\0\0[\x00-\xff]{2}(\xff{8}|[\x00-\xff]{5}\0\0\0)\0", re.DOTALL)
ZSTD = Later(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)


def zip_ends_it(seen: Seen) -> bool:
    """A ZIP behind bytes of no other format: what zipfile and its like would open."""
    tail = seen.material.read(max(0, seen.size - _PLAIN_TAIL), _PLAIN_TAIL)
    # A byte alone is found ten times as fast, and text has none such.
    return b"\x05" in tail and b"PK\x05\x06" in tail and bool(seen.zip_names)


def zip_kind(seen: Seen) -> str:
    """Which loader the ZIP is for, by the names of its members."""
    names = seen.zip_names
    if names is None:
        kept = seen.promise in ZIPS
        return seen.promise if kept and seen.promise else "zip"
    # Keras opens by this suffix alone, whatever else lies in the archive.
    if seen.promise == "keras" and "config.json" in names:
        return "keras"
    bases = {name.rpartition("/")[2] for name in names}
    if _is_script(names, bases):
        return "torchscript"
    if "data.pkl" in bases or any("/.data/" in name for name in names):
        return "torch-zip"
    if "MAR-INF/MANIFEST.json" in names:
        return "mar"
    if "schema.json" in names:
        return "skops"
    if "config.json" in names and ("metadata.json" in names or "model.weights.h5" in names):
        return "keras"
    if "model_config.yaml" in bases and any(name.endswith(".ckpt") for name in names):
        return "zip"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return seen.promise if seen.promise in ("npz", "keras", "skops", "mar") else "zip"


def _is_script(names: tuple[str, ...], bases: set[str]) -> bool:
    """Whether torch.load hands the archive to TorchScript's reader instead of unpickling it.

    It goes by `constants.pkl` in the archive's own folder, which is the first member's; a file of
    that name elsewhere changes nothing. Source: torch/serialization.py `_is_torchscript_zip`.
    """
    if names and names[0].partition("/")[0] + "/constants.pkl" in names:
        return True
    legacy = "model.json" in bases and any("/code/" in name for name in names)
    return legacy and "data.pkl" not in bases


def tar_kind(seen: Seen) -> str:
    """Which loader the tar is for, by the names of its first members."""
    names = {name.removeprefix("./") for name in seen.tar_names}
    if {"pickle", "storages", "tensors"} <= names:
        return "torch-tar"
    if "model_config.yaml" in names:
        return "nemo"
    return "nemo" if seen.base.endswith(".nemo") else "tar"


def is_zlib(seen: Seen) -> bool:
    """No magic number, so the first bytes are tried: text may begin with the same two.

    joblib unfolds whatever begins with `x`, and deflated data can be all text.
    """
    head = seen.head
    if head[0] & 0x8F != 8 or int.from_bytes(head[:2], "big") % 31:
        return False
    try:
        return bool(zlib.decompressobj().decompress(head, 64)) and (
            seen.text is None or head[:1] == b"x"
        )
    except zlib.error:
        return False


def is_old_joblib(seen: Seen) -> bool:
    """Two letters, a length that joblib gives to `int(…, 16)` as it stands, and a zlib stream."""
    try:
        return seen.head[:2] == b"ZF" and int(seen.head[2:21], 16) >= 0
    except ValueError:
        return False


def is_lzma_alone(seen: Seen) -> bool:
    """The older format of LZMA, without a magic number: the first bytes are tried."""
    if not _LZMA_ALONE.match(seen.head):
        return False
    import lzma  # few files begin like that

    try:
        return bool(lzma.LZMADecompressor(lzma.FORMAT_ALONE, 1 << 28).decompress(seen.head, 64))
    except lzma.LZMAError:
        return False

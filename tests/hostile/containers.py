"""Live pickles inside what models come in: archives, arrays, compressed and misnamed files."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec

from hostile.samples import Sample


def around(sample: Sample) -> Iterator[Sample]:
    """The sample in each container that this environment can load it from."""
    yield _in(sample, "zip", "zip", _zip(("model.pkl", sample.data)))
    yield _in(sample, "zip", "zip-misnamed", _zip(("weights.txt", sample.data)))
    yield _in(sample, "zip", "zip-deflated", _zip(("a.pkl", sample.data), how=zipfile.ZIP_DEFLATED))
    yield _in(sample, "zip", "zip-lzma", _zip(("a.pkl", sample.data), how=zipfile.ZIP_LZMA))
    yield _in(sample, "zip", "zip-second", _zip(("a.pkl", b"N."), ("b.pkl", sample.data)))
    yield _in(sample, "zip", "zip-torch", _torch(sample.data))
    yield _in(sample, "zip", "zip-after-text", b"#!/bin/true\n" + _zip(("a.pkl", sample.data)))
    yield _in(sample, "tar", "tar", _tar(sample.data))
    yield _in(sample, "tar", "tar-gz", gzip.compress(_tar(sample.data), mtime=0))
    yield _in(sample, "tar", "tar-bz2", bz2.compress(_tar(sample.data)))
    yield _in(sample, "tar", "tar-xz", lzma.compress(_tar(sample.data)))
    yield _in(sample, "gzip", "gzip", gzip.compress(sample.data, mtime=0))
    yield _in(sample, "bz2", "bz2", bz2.compress(sample.data))
    yield _in(sample, "xz", "xz", lzma.compress(sample.data))
    yield _in(sample, "xz", "lzma-alone", lzma.compress(sample.data, lzma.FORMAT_ALONE))
    yield _in(sample, "zlib", "zlib", zlib.compress(sample.data))
    if find_spec("numpy"):
        yield _in(sample, "npy", "npy", npy(sample.data), kind="npy")
        yield _in(sample, "npy", "npy-2", npy(sample.data, version=2), kind="npy")
        yield _in(sample, "npy", "npy-pickle", sample.data, kind="pickle")
        yield _in(sample, "npy", "npz", _zip(("a.npy", npy(sample.data))))
        yield _in(
            sample, "npy", "npz-member-pickle", _zip(("a.npy", npy(sample.data)), ("b", b"N"))
        )
    if find_spec("joblib"):
        yield _in(sample, "joblib", "joblib-gzip", gzip.compress(sample.data, mtime=0))
        yield _in(sample, "joblib", "joblib-xz", lzma.compress(sample.data))
        yield _in(sample, "joblib", "joblib-zlib", zlib.compress(sample.data))
        yield _in(sample, "joblib", "joblib", sample.data + b"\n", kind="joblib")


def npy(pickled: bytes, version: int = 1) -> bytes:
    """An array file whose elements are objects, pickled."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    width = 2 if version == 1 else 4
    header += b" " * (-(len(header) + 8 + width + 1) % 64) + b"\n"
    size = len(header).to_bytes(width, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + pickled


def _in(sample: Sample, loader: str, name: str, data: bytes, kind: str = "container") -> Sample:
    return replace(
        sample,
        name=f"container/{name}/{sample.name}",
        data=data,
        family="container",
        kind=kind,
        loaders=(loader,),
        offset=None,
    )


def _zip(*members: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, how)
    return file.getvalue()


def _torch(pickled: bytes) -> bytes:
    return _zip(("archive/data.pkl", pickled), ("archive/version", b"I3\n."))


def _tar(pickled: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("model/data.pkl")
        member.size = len(pickled)
        archive.addfile(member, io.BytesIO(pickled))
    return file.getvalue()

"""joblib files: raw, and in each of its compressions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from bench.benign.sample import Sample

NEEDS = ("joblib", "numpy", "lz4")


def _dumped(name: str, what: str, value: Any, **options: Any) -> Sample:
    return Sample(name, what, lambda path: joblib.dump(value, path, **options) and None)


def _value() -> dict[str, Any]:
    return {
        "weights": np.linspace(0, 1, 300).reshape(30, 10),
        "labels": np.array(["a", "b"], object),
        "fortran": np.asfortranarray(np.ones((4, 5), "f4")),
        "empty": np.zeros((0, 2)),
        "plain": [1, "x", None],
    }


def raw() -> Iterator[Sample]:
    for protocol in (2, 3, 4, 5):
        yield _dumped(f"raw-p{protocol}.joblib", "raw arrays", _value(), protocol=protocol)
    yield _dumped("no-arrays.joblib", "no arrays", {"a": [1, 2]})


def compressed() -> Iterator[Sample]:
    for method in ("zlib", "gzip", "bz2", "lzma", "xz", "lz4"):
        yield _dumped(f"{method}.joblib", f"compressed by {method}", _value(), compress=(method, 3))
    yield _dumped("by-level.joblib", "compress=9", _value(), compress=9)
    yield _dumped("by-name.pkl.gz", "compressed because of its name", _value())


def views() -> Iterator[Sample]:
    base = np.arange(100.0)
    value = {"view": base[::2], "again": base, "same": base, "scalar": np.float32(3)}
    yield _dumped("views.joblib", "views and shared arrays", value)
    yield Sample("mapped.joblib", "arrays that were read by memory map", _mapped)


def _mapped(path: Path) -> None:
    first = path.with_suffix(".first")
    joblib.dump({"a": np.arange(10.0)}, first)
    joblib.dump(joblib.load(first, mmap_mode="r"), path)
    first.unlink()


GROUPS = (raw, compressed, views)

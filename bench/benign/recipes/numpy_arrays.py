"""numpy arrays, scalars and generators: pickle, .npy and .npz."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.benign.sample import Sample, every_protocol, pickled

NEEDS = ("numpy",)


def arrays() -> Iterator[Sample]:
    value = {
        "f8": np.linspace(0, 1, 12).reshape(3, 4),
        "f4-fortran": np.asfortranarray(np.ones((2, 3), "f4")),
        "big-endian": np.arange(3, dtype=">i4"),
        "bool": np.array([True, False]),
        "zero": np.zeros((0, 3)),
        "scalar-array": np.array(5),
        "complex": np.array([1j]),
        "text": np.array(["a", "bc"]),
        "bytes": np.array([b"a", b"bc"]),
    }
    yield from every_protocol("arrays", "arrays of many types", value)
    yield from every_protocol("object-array", "an object array", np.array(["a", None, [1]], object))
    times = [np.array(["2020-01-01"], "M8[ns]"), np.array([1], "m8[s]")]
    yield from every_protocol("times", "datetime64 and timedelta64 arrays", times)
    pair = np.zeros(3, [("x", "f4"), ("y", "i4", (2,)), ("s", "U4")])
    yield from every_protocol("structured", "a structured array", pair)
    yield pickled("half.pkl", "float16 and long double", [np.ones(2, "f2"), np.ones(2, "g")])
    yield pickled("matrix.pkl", "a matrix", np.matrix([[1, 2], [3, 4]]))
    yield pickled("masked.pkl", "masked arrays", np.ma.masked_equal([1.0, 2.0], 2.0))


def scalars() -> Iterator[Sample]:
    value = [
        np.float64(1.5),
        np.int32(3),
        np.bool_(True),
        np.str_("x"),
        np.datetime64("2020-01-01"),
    ]
    yield from every_protocol("scalars", "numpy scalars", value)
    kinds = [
        np.float32,
        np.int64,
        np.dtype("f8"),
        np.dtype(">i4"),
        np.dtype("U5"),
        np.dtype(object),
    ]
    yield pickled("dtypes.pkl", "dtypes and scalar types", kinds)
    yield pickled("functions.pkl", "ufuncs by name", {"func": np.log1p, "mean": np.mean})


def generators() -> Iterator[Sample]:
    yield pickled("random-state.pkl", "a RandomState", np.random.RandomState(0))
    yield pickled("generator.pkl", "a Generator (PCG64)", np.random.default_rng(0))
    yield pickled("philox.pkl", "a Generator (Philox)", np.random.Generator(np.random.Philox(0)))
    yield pickled(
        "polynomial.pkl", "polynomials", [np.polynomial.Polynomial([1, 2]), np.poly1d([1])]
    )


def files() -> Iterator[Sample]:
    mixed = np.array([{"a": 1}, "b", 3.5], object)

    def save(value: np.ndarray) -> Sample:
        name = f"{value.dtype.kind}-{value.ndim}d.npy"
        return Sample(name, f"np.save of {value.dtype}", lambda path: np.save(path, value))

    yield save(mixed)
    yield save(np.arange(6.0).reshape(2, 3))
    yield save(np.array([["a"]]))

    def savez(path: Path) -> None:
        np.savez(path, plain=np.arange(3), mixed=mixed)

    def savez_compressed(path: Path) -> None:
        np.savez_compressed(path, plain=np.arange(3), mixed=mixed)

    yield Sample("mixed.npz", "np.savez with an object array", savez)
    yield Sample("compressed.npz", "np.savez_compressed with an object array", savez_compressed)
    yield Sample(
        "dict.npy", "a dict in a 0-d object array", lambda path: np.save(path, {"w": [1, 2]})
    )


GROUPS = (arrays, scalars, generators, files)

"""pandas objects, as `to_pickle` and `pickle` write them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.benign.sample import Sample, pickled

NEEDS = ("pandas",)


def _frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "number": [1.5, 2.5, None],
            "count": [1, 2, 3],
            "flag": [True, False, True],
            "text": ["a", "b", None],
            "when": pd.date_range("2024-01-01", periods=3),
            "kind": pd.Categorical(["x", "y", "x"]),
        }
    )


def frames() -> Iterator[Sample]:
    frame = _frame()
    for protocol in (2, 4, 5):
        yield pickled(f"frame-p{protocol}.pkl", "a DataFrame of six types", frame, protocol)
    for ending in ("pkl", "pkl.gz", "pkl.bz2", "pkl.xz", "pkl.zip"):
        name = f"to-pickle.{ending}"
        yield Sample(name, f"DataFrame.to_pickle to .{ending}", lambda path: frame.to_pickle(path))
    yield pickled("numbers.pkl", "a DataFrame of numbers", frame[["number", "count"]])
    yield pickled("empty.pkl", "an empty DataFrame", pd.DataFrame())
    yield pickled("objects.pkl", "a column of objects", pd.DataFrame({"a": [[1], {"b": 2}, None]}))
    by_kind = frame.set_index(["kind", "count"])
    yield pickled("multi-index.pkl", "a DataFrame with a MultiIndex", by_kind)


def series() -> Iterator[Sample]:
    frame = _frame()
    for column in frame.columns:
        yield pickled(f"series-{column}.pkl", f"a Series: {column}", frame[column])
    nullable: Any = pd.Series([1, None, 3], dtype="Int64")
    yield pickled("series-nullable.pkl", "a nullable integer Series", nullable)
    yield pickled("series-nullable-bool.pkl", "a nullable boolean Series", nullable > 1)
    yield pickled("series-object.pkl", "an object Series", pd.Series(["a", 1], dtype=object))
    yield pickled(
        "series-sparse.pkl", "a sparse Series", pd.Series(pd.arrays.SparseArray([0, 0, 1]))
    )


def indexes() -> Iterator[Sample]:
    yield pickled("index.pkl", "an Index of texts", pd.Index(["a", "b"], name="n"))
    yield pickled("range-index.pkl", "a RangeIndex", pd.RangeIndex(5))
    yield pickled("number-index.pkl", "an Index of numbers", pd.Index([1.5, 2.5]))
    yield pickled("date-index.pkl", "a DatetimeIndex", pd.date_range("2024", periods=3, freq="D"))
    yield pickled(
        "utc-index.pkl", "a DatetimeIndex in UTC", pd.date_range("2024", periods=2, tz="UTC")
    )
    yield pickled("delta-index.pkl", "a TimedeltaIndex", pd.timedelta_range("1D", periods=2))
    yield pickled(
        "period-index.pkl", "a PeriodIndex", pd.period_range("2024-01", periods=2, freq="M")
    )
    yield pickled("interval-index.pkl", "an IntervalIndex", pd.interval_range(0, 3))
    yield pickled("categories.pkl", "a CategoricalIndex", pd.CategoricalIndex(["a", "b", "a"]))
    yield pickled("tuples.pkl", "a MultiIndex", pd.MultiIndex.from_product([["a", "b"], [1, 2]]))


def scalars() -> Iterator[Sample]:
    yield pickled(
        "timestamp.pkl", "Timestamps", [pd.Timestamp("2024-01-01"), pd.Timestamp(0, tz="UTC")]
    )
    yield pickled("timedelta.pkl", "a Timedelta", pd.Timedelta("1D"))
    yield pickled(
        "period.pkl", "a Period and an Interval", [pd.Period("2024-01"), pd.Interval(0, 1)]
    )
    yield pickled("missing.pkl", "NaT and NA", [pd.NaT, pd.NA])
    yield pickled("dtypes.pkl", "dtypes", [pd.CategoricalDtype(["a"]), pd.Int64Dtype()])
    yield pickled("offsets.pkl", "offsets", [pd.offsets.Day(2), pd.offsets.MonthEnd()])
    matrix = pd.DataFrame(np.ones((100, 3)), columns=list("abc"))
    dataset = {"features": matrix, "target": pd.Series(np.arange(100))}
    yield pickled("dataset.pkl", "a dataset: features and target", dataset)


GROUPS = (frames, series, indexes, scalars)

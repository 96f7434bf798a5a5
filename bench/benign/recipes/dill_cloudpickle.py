"""dill and cloudpickle of importable things: both write ordinary pickles for those."""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import date
from typing import Any

import cloudpickle
import dill
import numpy as np

from bench.benign.sample import Sample

NEEDS = ("dill", "cloudpickle", "numpy")


def importable() -> Iterator[Sample]:
    values: dict[str, Any] = {
        "data": {"a": [1, 2.5, "x"], "b": (None, True, {1, 2})},
        "arrays": {"w": np.arange(6.0).reshape(2, 3), "n": np.int64(3)},
        "containers": [OrderedDict(a=1), date(2024, 1, 1)],
    }
    for name, value in values.items():
        yield Sample(f"dill-{name}.pkl", f"{name} by dill", _writer(dill, value))
        yield Sample(
            f"cloudpickle-{name}.pkl", f"{name} by cloudpickle", _writer(cloudpickle, value)
        )


def _writer(library: Any, value: Any) -> Any:
    return lambda path: path.write_bytes(library.dumps(value)) and None


GROUPS = (importable,)

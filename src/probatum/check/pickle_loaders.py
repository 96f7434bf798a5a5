"""What the loaders of torch and joblib make of values in a pickle."""

import re
from math import prod
from typing import Any

from probatum.check.pickle_dtypes import complete, lengths
from probatum.check.pickle_summaries import summary
from probatum.check.pickle_values import DictOf, Made, Named, type_of

_LOCATION = re.compile(r"cpu|meta|mps|(?:cuda|xpu|npu|hpu)(?::[0-9]{1,3})?")


def torch_storage(key: Any, loader: str) -> dict[str, Any] | None:
    """The storage class of a persistent id as torch.save writes it (torch/serialization.py)."""
    length = {"torch-raw": 6, "torch": 5, "torchscript": 5}.get(loader, -1)
    if type(key) is not tuple or len(key) != length or key[0] != "storage":
        return None
    cls, name, location, count = key[1:5]
    if not isinstance(cls, Named) or not re.fullmatch(r"torch.*Storage", cls.name):
        return None
    if type(name) is not str or type(location) is not str or not _LOCATION.fullmatch(location):
        return None
    if not cls.row.get("class") or type(count) is not int or count < 0:
        return None
    view = key[5] if length == 6 else None
    if view is None:
        return cls.row
    fine = type(view) is tuple and len(view) == 3 and {type(part) for part in view} <= {str, int}
    return cls.row if fine else None


def torch_container(key: Any, loader: str) -> Any:
    """The class of a layer saved with its source: torch compares that with its own, and warns.

    It writes a file only for a class with `dump_patches`, which no class of torch.nn.modules has.
    """
    if loader != "torch-raw" or type(key) is not tuple or len(key) != 4 or key[0] != "module":
        return None
    if not isinstance(key[1], Named) or not key[1].row.get("class"):
        return None
    own = key[1].name.startswith("torch.nn.modules.")
    return key[1] if own and type_of(key[2]) == "str" == type_of(key[3]) else None


def joblib_array(value: Any) -> tuple[dict[str, Any], tuple[int, int], bool, bool] | None:
    """(class, (bytes, dimensions), holds references, padded) of the array behind its wrapper."""
    wrapper, array = summary("joblib.numpy_pickle:NumpyArrayWrapper"), summary("numpy:ndarray")
    if not isinstance(value, Made) or value.row is not wrapper or not value.built or array is None:
        return None
    if type(value[-1]) is not DictOf:
        return None
    given = {
        key: item
        for key, item in zip(value[-1][::2], value[-1][1::2], strict=True)
        if type(key) is str
    }
    dtype, shape, cls = complete(given.get("dtype")), given.get("shape"), given.get("subclass")
    if (
        dtype is None
        or shape is None
        or not lengths(shape)
        or not isinstance(cls, Named)
        or cls.row not in (array, summary("numpy:memmap"))
    ):
        return None
    padded = given.get("numpy_array_alignment_bytes") is not None
    return array, (prod(shape) * dtype[0], len(shape)), dtype[1], padded

"""Follows a file by its own format's fields, from its first byte to its last.

`extent` returns the facts that a checker needs to follow it again. Bytes that no field covers
raise `Uncovered`, which says where they lie; a format that is not followed here, or a file that
cannot be, raises FormatError with the missing fact. No tensor is read.

Each family of formats is a module of its own, imported when the first file of it is met, with one
function for each format: `(kind, material) -> facts`.
"""

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Reason

_FOLLOWED = {
    "safetensors": ("headers", "safetensors_facts"),
    "gguf": ("headers", "gguf_facts"),
    "image": ("headers", "png_facts"),
    **dict.fromkeys(("onnx", "coreml", "saved-model"), ("headers", "protobuf_facts")),
    **dict.fromkeys(
        ("zip", "torch-zip", "torchscript", "npz", "keras", "skops", "mar"),
        ("archives", "zip_facts"),
    ),
    **dict.fromkeys(("tar", "torch-tar", "nemo"), ("archives", "tar_facts")),
    **dict.fromkeys(("gzip", "bzip2", "xz", "zlib", "zstd", "lz4"), ("archives", "stream_facts")),
    **dict.fromkeys(("pickle", "joblib"), ("pickles", "pickle_facts")),
    "npy": ("pickles", "npy_facts"),
    "msgpack": ("models", "msgpack_facts"),
    "rds": ("models", "rds_facts"),
    "torch7": ("models", "torch7_facts"),
    **dict.fromkeys(("xgboost-json", "xgboost-ubj"), ("models", "xgboost_facts")),
    "lightgbm-text": ("models", "lightgbm_facts"),
    **dict.fromkeys(("pmml", "openvino-xml"), ("models", "xml_facts")),
}


def extent(kind: str, material: Material) -> dict[str, Any]:
    """What shows that fields cover the whole file. Raises: Uncovered, FormatError."""
    found = _FOLLOWED.get(kind)
    if found is None:
        detail = f"the fields of {kind} are not followed to the end of the file"
        raise FormatError(Reason.UNSUPPORTED, detail)
    return _follower(*found)(kind, material)


@cache
def _follower(module: str, name: str) -> Callable[[str, Material], dict[str, Any]]:
    found: Callable[[str, Material], dict[str, Any]] = getattr(
        importlib.import_module(f"probatum.formats.extent_{module}"), name
    )
    return found

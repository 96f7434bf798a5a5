"""Step 4 of the check of `one-format`: suffixes that are bound to formats, by kind.

A suffix that stands nowhere here is bound to none, and bears any kind.
"""

_ZIPS = "zip torch-zip torchscript npz keras skops mar"
_STREAMS = "gzip bzip2 xz zlib zstd lz4"
_TORCH = "zip torch-zip torchscript tar torch-tar"
_PICKLES = f"pickle joblib torch-raw {_TORCH} {_STREAMS}"
_BOUND = {
    "pkl pickle joblib dill pt pth": _PICKLES,
    "h5 hdf5": "hdf5",
    "gz tgz": "gzip zlib",
    "bz2 tbz2 tbz": "bzip2",
    "xz txz lzma": "xz",
    "zst zstd": "zstd",
    "lz4": "lz4",
    "7z": "7z",
    "png jpg jpeg gif webp bmp tif tiff": "image",
    "rds rdata": "rds gzip bzip2 xz",
    "npy": "npy pickle",
    "npz zip": _ZIPS,
    "keras": "keras zip",
    "skops": "skops zip",
    "mar": "mar zip",
    "nemo": f"nemo tar torch-tar {_STREAMS}",
    "safetensors": "safetensors",
    "gguf": "gguf",
    "onnx": "onnx",
    "pb": "saved-model onnx coreml",
    "tflite": "tflite",
    "mlmodel": "coreml",
    "pmml": "pmml",
    "xml": "openvino-xml pmml",
    "pte": "executorch",
    "msgpack": "msgpack",
    "ubj": "xgboost-ubj",
    "json": "xgboost-json",
    "cbm": "catboost",
    "t7": "torch7",
    "llamafile": "llamafile",
}


def bears(name: str, kind: str) -> bool:
    """Whether an artifact of this name may be of this kind."""
    stem, dot, suffix = name[name.rfind("/") + 1 :].lower().rpartition(".")
    if not dot or not stem:
        return True
    return all(
        kind in kinds.split() for suffixes, kinds in _BOUND.items() if suffix in suffixes.split()
    )

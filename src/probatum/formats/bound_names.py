# ruff: noqa: SIM905  (a list of suffixes reads better as words)
"""Which kinds a file may be of under a suffix that is bound to a format.

Many suffixes of model files are bound to nothing: a `.bin`, `.ckpt` or `.model` can be anything,
and a `.pth.tar` is whatever torch.save wrote.
Where loaders of one suffix read several formats (np.load, torch.load, joblib.load), all fit.
"""

_STREAMS = frozenset("gzip bzip2 xz zlib zstd lz4".split())
_ZIPS = frozenset("zip torch-zip torchscript npz keras skops mar".split())
_TARS = frozenset("tar torch-tar nemo".split())
_PICKLES = frozenset("pickle joblib torch-raw".split())
_TORCH = frozenset("torch-zip torchscript zip torch-tar tar".split())

_FITS: dict[str, frozenset[str]] = {
    **dict.fromkeys("pkl pickle joblib dill".split(), _PICKLES | _STREAMS | _TORCH),
    **dict.fromkeys("pt pth".split(), _PICKLES | _STREAMS | _TORCH),
    **dict.fromkeys("h5 hdf5".split(), frozenset({"hdf5"})),
    **dict.fromkeys("gz tgz".split(), frozenset({"gzip", "zlib"})),  # zlib: joblib before 0.10
    **dict.fromkeys("bz2 tbz2 tbz".split(), frozenset({"bzip2"})),
    **dict.fromkeys("xz txz lzma".split(), frozenset({"xz"})),
    **dict.fromkeys("zst zstd".split(), frozenset({"zstd"})),
    **dict.fromkeys("png jpg jpeg gif webp bmp tif tiff".split(), frozenset({"image"})),
    **dict.fromkeys("rds rdata".split(), frozenset({"rds", "gzip", "bzip2", "xz"})),
    "npy": frozenset({"npy", "pickle"}),
    "npz": _ZIPS,
    "keras": frozenset({"keras", "zip"}),
    "skops": frozenset({"skops", "zip"}),
    "mar": frozenset({"mar", "zip"}),
    "nemo": _TARS | _STREAMS,
    "zip": _ZIPS,
    "lz4": frozenset({"lz4"}),
    "7z": frozenset({"7z"}),
    "safetensors": frozenset({"safetensors"}),
    "gguf": frozenset({"gguf"}),
    "onnx": frozenset({"onnx"}),
    "pb": frozenset({"saved-model", "onnx", "coreml"}),
    "tflite": frozenset({"tflite"}),
    "mlmodel": frozenset({"coreml"}),
    "pmml": frozenset({"pmml"}),
    "xml": frozenset({"openvino-xml", "pmml"}),
    "pte": frozenset({"executorch"}),
    "msgpack": frozenset({"msgpack"}),
    "ubj": frozenset({"xgboost-ubj"}),
    "json": frozenset({"xgboost-json"}),
    "cbm": frozenset({"catboost"}),
    "t7": frozenset({"torch7"}),
    "llamafile": frozenset({"llamafile"}),
}


def bound_suffix(name: str) -> str | None:
    """The suffix of an artifact's name, in lower case, if it is bound to a format."""
    stem, dot, suffix = name.rpartition(".")
    bears = dot and stem and stem[-1] != "/"
    return suffix.lower() if bears and suffix.lower() in _FITS else None


def fits(name: str, kind: str) -> bool:
    """Whether a file of this name may be of this kind."""
    suffix = bound_suffix(name)
    return suffix is None or kind in _FITS[suffix]

# ruff: noqa: SIM905  (a list of suffixes reads better as words)
"""What kind a file's name promises, by the conventions of model repositories."""

_BY_NAME = {
    "tokenizer_config.json": "tokenizer-config",
    # Processors keep the template alone in a file of its own, in the same field.
    "chat_template.json": "tokenizer-config",
    **dict.fromkeys(
        ".mcp.json mcp.json .mcp.jsonc mcp_config.json mcp-config.json mcp_settings.json "
        "cline_mcp_settings.json claude_desktop_config.json mcp_servers.json "
        "mcp.config.json".split(),
        "agent-config",
    ),
    "modules.json": "model-config",
    "model_index.json": "model-config",
    "config_sentence_transformers.json": "model-config",
    "saved_model.pb": "saved-model",
    "mlmodel": "yaml",
    "readme": "markdown",
    "license": "text",
    "dockerfile": "text",
    "makefile": "text",
    ".gitattributes": "text",
    ".gitignore": "text",
}
_BY_SUFFIX = {
    **dict.fromkeys(
        "pkl pickle pk p pt pth bin joblib dill ckpt pdparams pdopt sav".split(), "pickle"
    ),
    **dict.fromkeys("h5 hdf5".split(), "hdf5"),
    **dict.fromkeys("yaml yml".split(), "yaml"),
    **dict.fromkeys("jinja jinja2 j2".split(), "chat-template"),
    **dict.fromkeys("md markdown".split(), "markdown"),
    **dict.fromkeys("py pyi pyw".split(), "python"),
    **dict.fromkeys(
        "sh bash zsh ksh csh fish command bat cmd ps1 psm1 vbs vbe jse wsf hta desktop".split(),
        "shell-script",
    ),
    **dict.fromkeys("engine plan trt".split(), "tensorrt"),
    **dict.fromkeys("rds rdata".split(), "rds"),
    **dict.fromkeys("png jpg jpeg gif webp bmp tif tiff".split(), "image"),
    **dict.fromkeys("txt csv tsv rst cfg ini toml log".split(), "text"),
    **dict.fromkeys("gz tgz".split(), "gzip"),
    **dict.fromkeys("bz2 tbz2 tbz".split(), "bzip2"),
    **dict.fromkeys("xz txz lzma".split(), "xz"),
    **dict.fromkeys("zst zstd".split(), "zstd"),
    **dict.fromkeys("pyc pyo".split(), "pyc"),
    "npy": "npy",
    "npz": "npz",
    "zip": "zip",
    "tar": "tar",
    "lz4": "lz4",
    "7z": "7z",
    "keras": "keras",
    "skops": "skops",
    "nemo": "nemo",
    "mar": "mar",
    "safetensors": "safetensors",
    "gguf": "gguf",
    "onnx": "onnx",
    "pb": "saved-model",
    "tflite": "tflite",
    "mlmodel": "coreml",
    "pmml": "pmml",
    "xml": "openvino-xml",
    "pte": "executorch",
    "msgpack": "msgpack",
    "ubj": "xgboost-ubj",
    "cbm": "catboost",
    "t7": "torch7",
    "llamafile": "llamafile",
    "ipynb": "notebook",
    "json": "json",
}
_CONFIGS = ("_config.json", "-config.json")


def promised(base: str) -> str | None:
    """The kind that a file of this name (without folders, in lower case) should be; None if any."""
    exact = _BY_NAME.get(base)
    if exact is not None:
        return exact
    if base == "config.json" or base.endswith(_CONFIGS):
        return "model-config"
    stem, dot, suffix = base.rpartition(".")
    return _BY_SUFFIX.get(suffix) if dot and stem else None

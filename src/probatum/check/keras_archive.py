"""Re-derives that every object a Keras archive asks for is one of Keras's own, named in the rules.

Facts: `claim` (load-inert or self-contained), `size`, `directory` (offset of the zip directory),
`directory_sha256` (from there to the end), `config_sha256`, `objects` (how many are built).

1. all facts are what these bytes give; 2. `config.json` stands in the archive once, and no other
loader's does; 3. it is JSON without a repeated key; 4. each dictionary with a `class_name` names a
class or function of `probatum/rules/keras_objects.toml` in its own module; 5. no activation is a
foreign name and no vocabulary is a path.
"""

import hashlib
import io
import json
import tomllib
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from probatum.errors import Rejected

_VALUES = (
    "__bytes__",
    "__ellipsis__",
    "__keras_tensor__",
    "__numpy__",
    "__slice__",
    "__tensor__",
    "__tuple__",
    "TensorShape",
)
_MOST = 256 << 20
# What other loaders know their archives by.
_OTHERS = {"schema.json", "MAR-INF/MANIFEST.json", "data.pkl", "constants.pkl"}
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the archive's description asks only for Keras's own objects."""
    try:
        directory, config = _directory_and_config(read, size)
    except _BROKEN as exc:
        raise Rejected(f"step 2: {exc}") from exc
    derived = {
        "claim": "load-inert" if facts.get("claim") == "load-inert" else "self-contained",
        "size": size,
        "directory": directory,
        "directory_sha256": _sha256(read(directory, size - directory)),
        "config_sha256": _sha256(config),
        "objects": _objects(_parsed(config)),
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 1: these are not the bytes that the facts were derived from")


def _directory_and_config(read: Callable[[int, int], bytes], size: int) -> tuple[int, bytes]:
    with zipfile.ZipFile(_File(read, size)) as archive:
        names = archive.namelist()
        if any(name in _OTHERS or _inside(name) in _OTHERS for name in names):
            _reject("step 2: the archive is another loader's too")
        if names.count("config.json") != 1:
            _reject("step 2: config.json does not stand in the archive once")
        with archive.open("config.json") as stream:
            config = stream.read(_MOST + 1)
    if len(config) > _MOST:
        _reject("step 2: config.json is too large")
    return archive.start_dir, config


def _parsed(config: bytes) -> Any:
    try:
        return json.loads(config.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as exc:
        raise Rejected(f"step 3: config.json: {exc}") from exc


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        _reject("step 3: a JSON key stands twice")
    return dict(pairs)


def _objects(config: Any) -> int:
    rules = _rules("keras_objects.toml")
    callables = {name for names in rules["functions"].values() for name in names}
    found, waiting = 0, [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        if not isinstance(value, dict):
            continue
        waiting.extend(value.values())
        for key in ("activation", "recurrent_activation"):
            if isinstance(value.get(key), str) and value[key] not in callables:
                _reject(f"step 5: the activation {value[key]!r}")
        if "class_name" in value:
            _keras_own(value, rules)
            found += 1
    return found


def _keras_own(value: dict[str, Any], rules: dict[str, Any]) -> None:
    name, module, config = value["class_name"], value.get("module"), value.get("config")
    if name in _VALUES:
        return
    if isinstance(config, dict) and isinstance(config.get("vocabulary"), str):
        _reject("step 5: a vocabulary is a path")
    table = rules["classes"]
    if name in ("TFOpLambda", "SlicingOpLambda") and isinstance(config, dict):
        if config.get("function") not in rules["tensorflow"]["functions"]:
            _reject("step 4: a TensorFlow function that is not listed")
        return
    if name == "function":
        name, table = config, rules["functions"]
    if value.get("registered_name") not in (None, name, value["class_name"]):
        _reject("step 4: a registered name that is not Keras's own")
    if module is None or (module == "builtins" and value["class_name"] == "function"):
        own = any(name in names for names in table.values())
    else:
        own = isinstance(module, str) and name in table.get(module, ())
    if not own:
        _reject(f"step 4: {module}.{name} is not among Keras's own")


def _inside(name: str) -> str:
    """The name below one folder, if it stands in one."""
    return name.partition("/")[2] if name.count("/") == 1 else ""


class _File(io.RawIOBase):
    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read, self._size, self._at = read, size, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def read(self, length: int | None = -1) -> bytes:
        left = max(0, self._size - self._at)
        data = self._read(self._at, left if length is None or length < 0 else min(length, left))
        self._at += len(data)
        return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def _rules(name: str) -> dict[str, Any]:
    return tomllib.loads(files("probatum.rules").joinpath(name).read_text("utf-8"))


def _reject(step: str) -> NoReturn:
    raise Rejected(step)

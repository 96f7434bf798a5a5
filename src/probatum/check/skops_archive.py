"""Re-derives that a skops archive builds only what its loaders may build, by the rules.

Facts: `size`, `directory` (offset of the zip directory), `directory_sha256` (from there to the
end), `schema_sha256`, `nodes`.

1. all facts are what these bytes give; 2. `schema.json` stands in the archive once, and no other
loader's does; 3. it is JSON without a repeated key; 4. each dictionary with a `__loader__` names a
class that `probatum/rules/skops_types.toml` lists for that loader, and so does the content of a
function, which is what protocol 0 loads.
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

CLAIM = "load-inert"

_KEYS = ("loader", "module", "class")
_MOST = 256 << 20
# What other loaders know their archives by.
_OTHERS = {"config.json", "MAR-INF/MANIFEST.json", "data.pkl", "constants.pkl"}
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
    """Raises Rejected unless the archive's schema names only what the rules list."""
    try:
        directory, schema = _directory_and_schema(read, size)
    except _BROKEN as exc:
        raise Rejected(f"step 2: {exc}") from exc
    derived = {
        "size": size,
        "directory": directory,
        "directory_sha256": _sha256(read(directory, size - directory)),
        "schema_sha256": _sha256(schema),
        "nodes": _nodes(_parsed(schema)),
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 1: these are not the bytes that the facts were derived from")


def _directory_and_schema(read: Callable[[int, int], bytes], size: int) -> tuple[int, bytes]:
    with zipfile.ZipFile(_File(read, size)) as archive:
        names = archive.namelist()
        if any(name in _OTHERS or _inside(name) in _OTHERS for name in names):
            _reject("step 2: the archive is another loader's too")
        if names.count("schema.json") != 1:
            _reject("step 2: schema.json does not stand in the archive once")
        with archive.open("schema.json") as stream:
            schema = stream.read(_MOST + 1)
    if len(schema) > _MOST:
        _reject("step 2: schema.json is too large")
    return archive.start_dir, schema


def _parsed(schema: bytes) -> Any:
    try:
        return json.loads(schema.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as exc:
        raise Rejected(f"step 3: schema.json: {exc}") from exc


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        _reject("step 3: a JSON key stands twice")
    return dict(pairs)


def _nodes(schema: Any) -> int:
    rules = {name: set(row.split()) for name, row in _rules("skops_types.toml")["loaders"].items()}
    found, waiting = 0, [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        if not isinstance(value, dict):
            continue
        waiting.extend(value.values())
        if "__loader__" in value:
            loader, module, name = (value.get(f"__{key}__") for key in _KEYS)
            if not all(isinstance(one, str) for one in (loader, module, name)):
                _reject("step 4: a node without names")
            if f"{module}.{name}" not in rules.get(str(loader), ()):
                _reject(f"step 4: {loader} may not build {module}.{name}")
            if loader == "FunctionNode" and "content" in value:
                content = value["content"] if isinstance(value["content"], dict) else {}
                old = f"{content.get('module_path')}.{content.get('function')}"
                if old not in rules["FunctionNode"]:
                    _reject("step 4: a function that protocol 0 takes from elsewhere")
            found += 1
    return found


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

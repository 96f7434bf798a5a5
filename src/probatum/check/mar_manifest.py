"""Re-derives that a TorchServe archive's manifest runs nothing of the archive.

Facts: `size`, `directory` (offset of the zip directory), `directory_sha256` (from there to the
end), `manifest_sha256`.

1. all facts are what these bytes give; 2. `MAR-INF/MANIFEST.json` stands in the archive once, no
other loader's does, and nothing that Python could import; 3. it is JSON without a repeated key;
4. its handler is one of TorchServe's own, its runtime is Python, and it has no keys but those that
name no code.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

from probatum.errors import Rejected

CLAIM = "no-remote-code"

_HANDLERS = ("image_classifier", "image_segmenter", "object_detector", "text_classifier")
_OUTER = {"createdOn", "runtime", "archiverVersion", "description", "model"}
_INNER = {"configFile", "description", "extensions", "handler", "modelName", "modelVersion"}
_INNER |= {"serializedFile"}
_MOST = 256 << 20
# What other loaders know their archives by.
_OTHERS = {"schema.json", "data.pkl", "constants.pkl"}
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
    """Raises Rejected unless the manifest names one of TorchServe's own handlers, and no code."""
    try:
        directory, manifest = _directory_and_manifest(read, size)
    except _BROKEN as exc:
        raise Rejected(f"step 2: {exc}") from exc
    derived = {
        "size": size,
        "directory": directory,
        "directory_sha256": _sha256(read(directory, size - directory)),
        "manifest_sha256": _sha256(manifest),
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 1: these are not the bytes that the facts were derived from")
    _names_no_code(_parsed(manifest))


def _names_no_code(manifest: Any) -> None:
    if not isinstance(manifest, dict) or not isinstance(manifest.get("model"), dict):
        _reject("step 4: no model is described")
    model = manifest["model"]
    named = {key for key in ("modelFile", "requirementsFile") if key in model and not model[key]}
    if manifest.keys() - _OUTER or model.keys() - _INNER - named:
        _reject("step 4: a key that is not known")
    if manifest.get("runtime", "python") not in ("python", "python3"):
        _reject("step 4: another runtime")
    if model.get("handler") not in _HANDLERS:
        _reject("step 4: a handler that is not TorchServe's own")


def _directory_and_manifest(read: Callable[[int, int], bytes], size: int) -> tuple[int, bytes]:
    with zipfile.ZipFile(_File(read, size)) as archive:
        names = archive.namelist()
        if any(name in _OTHERS or _inside(name) in _OTHERS for name in names):
            _reject("step 2: the archive is another loader's too")
        endings = (".py", ".pyc", ".pyo", ".pyd", ".so", ".dylib", ".dll", ".pth", ".egg", ".whl")
        if any(name.lower().endswith(endings) for name in names):
            _reject("step 2: the archive holds what a handler may import")
        if names.count("MAR-INF/MANIFEST.json") != 1:
            _reject("step 2: MAR-INF/MANIFEST.json does not stand in the archive once")
        with archive.open("MAR-INF/MANIFEST.json") as stream:
            manifest = stream.read(_MOST + 1)
    if len(manifest) > _MOST:
        _reject("step 2: MAR-INF/MANIFEST.json is too large")
    return archive.start_dir, manifest


def _parsed(manifest: bytes) -> Any:
    try:
        return json.loads(manifest.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as exc:
        raise Rejected(f"step 3: MAR-INF/MANIFEST.json: {exc}") from exc


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        _reject("step 3: a JSON key stands twice")
    return dict(pairs)


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


def _reject(step: str) -> NoReturn:
    raise Rejected(step)

"""Re-derives that a NeMo archive's model_config.yaml names nothing to import.

Facts: `size`, `config_sha256`.

1. the tar holds one plain file called model_config.yaml; 2. it is UTF-8 without a backslash, a
byte order mark or a zero; 3. it has no tag and no resolver; 4. none of the keys by which a class
is named stands in it as a word; 5. the facts are these bytes'.
"""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable
from typing import Any, NoReturn

from probatum.errors import Rejected

CLAIM = "no-remote-code"

_MOST = 16 << 20
_NAMING = re.compile(
    r"(?<![A-Za-z0-9_.])(_target_|target|cls|class_path)(?![A-Za-z0-9_])", re.ASCII
)
_TAG = re.compile(r"(?:^|[\s\[{,])!|tag:yaml", re.MULTILINE)
_RESOLVER = re.compile(r"\$\{\s*[A-Za-z_][A-Za-z0-9_.]*\s*:")


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the configuration names nothing."""
    try:
        with tarfile.open(fileobj=_File(read, size), mode="r:") as archive:
            data = _config(archive)
    except (tarfile.TarError, OSError, ValueError, EOFError, RecursionError) as exc:
        raise Rejected(f"step 1: {exc}") from exc
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Rejected("step 2: not UTF-8") from exc
    if any(one in text for one in ("\\", "\0", "\ufeff")):
        _reject("step 2: a backslash, a zero or a byte order mark")
    if _TAG.search(text) or _RESOLVER.search(text):
        _reject("step 3: a tag or a resolver")
    if _NAMING.search(text):
        _reject("step 4: a key by which a class is named")
    derived = {"size": size, "config_sha256": hashlib.sha256(data).hexdigest()}
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 5: the facts are not those of these bytes")


def _config(archive: tarfile.TarFile) -> bytes:
    found = [one for one in archive if one.name.rpartition("/")[2] == "model_config.yaml"]
    if len(found) != 1 or not found[0].isreg() or found[0].size > _MOST:
        _reject("step 1: model_config.yaml is not one plain file")
    stream = archive.extractfile(found[0])
    data = stream.read(_MOST) if stream is not None else b""
    if len(data) != found[0].size:
        _reject("step 1: model_config.yaml is cut short")
    return data


class _File(io.RawIOBase):
    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read, self._size, self._at = read, size, 0

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


def _reject(step: str) -> NoReturn:
    raise Rejected(step)

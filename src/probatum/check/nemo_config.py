"""Re-derives that a NeMo archive's model_config.yaml names nothing to import.

Facts: `size`, `config_sha256`.

1. the tar holds one plain file called model_config.yaml; 2. it is UTF-8 in which
`check/remote_code.py` finds nothing that names code; 3. the facts are these bytes'.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any, NoReturn

from probatum.check.remote_code import yaml_names_nothing
from probatum.errors import Rejected

CLAIM = "no-remote-code"

_MOST = 16 << 20


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
    yaml_names_nothing(text)
    derived = {"size": size, "config_sha256": hashlib.sha256(data).hexdigest()}
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 3: the facts are not those of these bytes")


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

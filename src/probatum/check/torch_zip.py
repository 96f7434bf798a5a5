"""Re-derives that every storage and tensor of a torch archive lies inside its record.

Facts: `{"loader": "torch" | "torchscript", "size", "root", "structure": sha256 of every byte that
is no stored member's data, "labels": [version, byte order], "pickles": [{"name", "sha256",
"storages", "tensors"}, …]}`, and `"folder": {file: sha256}` as `pickle` has it.

1. every reader of ZIPs sees the same members (`zip_members`), all below one folder, that of the
directory's first; 2. `version` and `byteorder` are ones that torch accepts; 3. each pickle
is stored and takes summarised steps only (`pickle_run.Run`), to its last byte; 4. each storage it
names is a stored record with at least its bytes, and one key is always one type and length; 5. each
tensor over a storage stays inside it; 6. the facts are what was derived.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from probatum.check.pickle_run import Run
from probatum.check.pickle_values import Named
from probatum.check.zip_members import zip_records
from probatum.errors import Rejected

CLAIM = "header-sound"
Read = Callable[[int, int], bytes]
_PICKLES = {"torch": ["data"], "torchscript": ["constants", "data"]}


TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.check.own_code import OwnRows
    from probatum.check.own_folder import Folder

FOLDERS = True
"""`holds` is given the folders in which an import would look first, if any are known."""


def holds(facts: dict[str, Any], read: Read, size: int, folders: "tuple[Folder, ...]" = ()) -> None:
    """Raises: Rejected with the step that fails."""
    loader = facts.get("loader") if isinstance(facts, dict) else None
    if not isinstance(loader, str) or loader not in _PICKLES:
        raise Rejected("0: no such loader")
    own = _own(folders, facts["folder"]) if "folder" in facts else None
    structure = hashlib.sha256()
    members, _ = zip_records(exact(read), size, structure)
    root, records = below_root(members, exact(read), size)
    derived = {
        "loader": loader,
        "size": size,
        "root": root,
        "structure": structure.hexdigest(),
        "labels": labels(records, exact(read)),
        "pickles": [_pickle(name, loader, records, exact(read), own) for name in _PICKLES[loader]],
    }
    if own is not None:
        own.all_used()
        derived["folder"] = facts["folder"]
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        raise Rejected("6: these are not the bytes that the facts were derived from")


def _own(folders: "tuple[Folder, ...]", listed: Any) -> "OwnRows":
    from probatum.check.own_code import OwnRows  # a parser of Python, which few pickles need

    return OwnRows(folders, listed)


def exact(read: Read) -> Read:
    def exact(at: int, length: int) -> bytes:
        data = read(at, length) if at >= 0 and length >= 0 else b""
        if len(data) != length:
            raise Rejected("1: the file is shorter than its parts")
        return data

    return exact


def below_root(members: dict[str, Any], read: Read, size: int) -> tuple[str, dict[str, Any]]:
    first = _first_name(read, size)
    root = first.partition("/")[0]
    records = {}
    for name, member in members.items():
        if not name.startswith(root + "/"):
            raise Rejected("1: a member outside the archive's folder")
        records[name[len(root) + 1 :]] = member
    if len({name.lower() for name in records}) != len(records):
        raise Rejected("1: two names that differ in case alone")
    return root, records


def _first_name(read: Read, size: int) -> str:
    """The name in the directory's first record: the folder it lies in is the archive's own."""
    tail = read(max(0, size - 65557), min(size, 65557))
    end = len(tail) - 22 if tail[-22:-18] == b"PK\5\6" else tail.rfind(b"PK\5\6")
    at = int.from_bytes(tail[end + 16 : end + 20], "little")
    if at == 0xFFFFFFFF:
        place = size - len(tail) + end - 76
        at = int.from_bytes(read(place + 48, 8), "little")
    return read(at + 46, int.from_bytes(read(at + 28, 2), "little")).decode("utf-8", "replace")


def stored(records: dict[str, Any], name: str, read: Read) -> bytes:
    if name not in records or records[name][0]["method"] != 0:
        raise Rejected(f"3: {name!r} is not stored in the archive")
    member, at = records[name]
    return read(at, member["size"])


def labels(records: dict[str, Any], read: Read) -> list[str]:
    name = ".data/version" if ".data/version" in records else "version"
    said = [stored(records, name, read)]
    if not re.fullmatch(rb"([1-9]|10)\n?", said[0]):
        raise Rejected("2: no version that torch reads")
    if "byteorder" in records:
        said.append(stored(records, "byteorder", read))
        if said[1] not in (b"little", b"big"):
            raise Rejected("2: no byte order that torch knows")
    return [one.decode() for one in said]


@cache
def _widths() -> dict[str, dict[str, int]]:
    text = files("probatum.rules").joinpath("torch_storages.toml").read_text("utf-8")
    return tomllib.loads(text)


def _pickle(
    name: str, loader: str, records: dict[str, Any], read: Read, own: "OwnRows | None"
) -> dict[str, Any]:
    data = stored(records, f"{name}.pkl", read)
    run = Run(lambda at, length: data[at : at + length], 0, len(data), loader, own)
    run.to_stop()
    widths = _widths()
    sizes: list[tuple[int, int]] = []
    said: dict[str, tuple[str, int]] = {}
    for _, key, cls, count in run.storages:
        width = widths["storages"].get(cls)
        record, _ = records.get(f"{name}/{key}", ({"method": -1}, 0))
        if width is None or record["method"] != 0 or record["size"] != record["packed"]:
            raise Rejected(f"4: no stored record for the storage {key!r}")
        if count * width > record["size"] or said.setdefault(key, (cls, count)) != (cls, count):
            raise Rejected(f"4: the storage {key!r} is not what its record holds")
        sizes.append((width, count * width))
    for place, arguments in run.views:
        width, length = sizes[place]
        _inside(arguments, width, length, widths["dtypes"])
    return {
        "name": f"{name}.pkl",
        "sha256": hashlib.sha256(data).hexdigest(),
        "storages": len(run.storages),
        "tensors": len(run.views),
    }


def _inside(arguments: Any, width: int, size: int, dtypes: dict[str, int]) -> None:
    """Step 5: offset, sizes and strides are the three that follow the storage."""
    if arguments is None or len(arguments) < 3:
        raise Rejected("5: a storage is handed to something that is no plain tensor")
    offset, sizes, strides = arguments[:3]
    for shape in (sizes, strides):
        if type(shape) is not tuple or not all(type(n) is int and n >= 0 for n in shape):
            raise Rejected("5: no sizes of a tensor")
    if type(offset) is not int or offset < 0 or len(sizes) != len(strides):
        raise Rejected("5: no place of a tensor")
    types = [one.name for one in arguments[3:] if isinstance(one, Named)]
    if types:
        width = dtypes.get(types[0].removeprefix("torch:"), 0) if len(types) == 1 else 0
    last = offset + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
    if not width or (0 not in sizes and (last + 1) * width > size):
        raise Rejected("5: a tensor reaches outside its storage")

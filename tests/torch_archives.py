"""Builds inert torch archives from text: records of one folder, stored, in the order given."""

import io
import zipfile
from collections.abc import Mapping

from assemble import assembled

EMPTY = assembled("PROTO 2\nEMPTY_TUPLE\nSTOP")
TENSOR = """
GLOBAL torch._utils _rebuild_tensor_v2
MARK
MARK
BINUNICODE 'storage'
GLOBAL torch {type}
BINUNICODE '{key}'
BINUNICODE 'cpu'
BININT {count}
TUPLE
BINPERSID
BININT {offset}
BININT {length}
TUPLE1
BININT {step}
TUPLE1
NEWFALSE
NONE
TUPLE
REDUCE
"""
NET = "PROTO 2\nGLOBAL __torch__ Net\nEMPTY_TUPLE\nNEWOBJ\n{state}\nBUILD\nSTOP"


def archive(records: Mapping[str, bytes], root: str = "m") -> bytes:
    """A ZIP of stored members `root/name`."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, data in records.items():
            opened.writestr(zipfile.ZipInfo(f"{root}/{name}"), data)
    return made.getvalue()


def tensor(
    key: str = "0",
    type: str = "FloatStorage",
    count: int = 4,
    offset: int = 0,
    length: int = 4,
    step: int = 1,
) -> bytes:
    """The pickle of one tensor over one storage."""
    opcodes = TENSOR.format(
        key=key, type=type, count=count, offset=offset, length=length, step=step
    )
    return assembled(f"PROTO 2\n{opcodes}\nSTOP")


def saved(pickle: bytes, storage: bytes = bytes(16)) -> bytes:
    """What torch.save writes of one tensor."""
    return archive({"data.pkl": pickle, "data/0": storage, "version": b"3\n"})


def script(source: str, state: str = "EMPTY_DICT", pickle: bytes | None = None) -> bytes:
    """A TorchScript archive whose `data.pkl` fills one object of `__torch__.Net`."""
    pickle = assembled(NET.format(state=state)) if pickle is None else pickle
    records = {"data.pkl": pickle, "constants.pkl": EMPTY, "version": b"3\n"}
    return archive(records | {"code/__torch__.py": source.encode()})


def with_setstate(*statements: str, more: str = "") -> bytes:
    """The same, with a `__setstate__` of these statements."""
    body = "\n".join(f"    {line}" for line in statements)
    return script(
        "class Net(Module):\n"
        "  def __getstate__(self: __torch__.Net) -> Optional[int]:\n    return None\n"
        "  def __setstate__(self: __torch__.Net,\n    state: Optional[int]) -> NoneType:\n"
        f"{body}\n    return None\n{more}",
        "NONE",
    )

"""What torch's and joblib's loaders add to the pickle machine: storages and raw array bytes."""

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

from probatum.formats import effects, tar
from probatum.formats.effects import Row
from probatum.formats.pickle_dtypes import DType, is_shape
from probatum.formats.pickle_opcodes import Read, truncated
from probatum.formats.pickle_values import Box, Instance, Name, Value, complete_dtype, type_of

_WRAPPER: Final = "joblib.numpy_pickle:NumpyArrayWrapper"
FROM_BYTES: Final = "torch.storage:_load_from_bytes"
"""`torch.load(io.BytesIO(bytes), weights_only=False)`: how a bare pickle holds a storage."""
RAW_STREAMS: Final = 5
RAW_VERSION: Final = 1001
RAW_OBJECT: Final = 3
"""Which of the streams of torch's raw format returns the object: the others are compared or
iterated, so they must be data."""
RAW_MAGIC: Final = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""LONG1 0x1950a86a20f9469cfc6c STOP, after PROTO. Source: torch/serialization.py MAGIC_NUMBER."""
_LOCATION: Final = re.compile(r"(?:cpu|meta|mps|(?:cuda|xpu|npu|hpu)(?::[0-9]{1,3})?)\Z").match


def storage(key: Value, loader: str) -> Row | None:
    """The storage class of a torch persistent id.

    Source: torch/serialization.py `_load.persistent_load` (zip: 5 parts) and
    `_legacy_load.persistent_load` (6 parts, the last None or a view).
    """
    length = {"torch": 5, "torch-raw": 6, "torchscript": 5}.get(loader)
    if type(key) is not tuple or len(key) != length or key[0] != "storage":
        return None
    storage, name, location, count = key[1:5]
    known = isinstance(storage, Name) and storage.row is not None and storage.row.is_class
    if not known or not storage.name.startswith("torch") or not storage.name.endswith("Storage"):
        return None
    if type(name) is not str or type(location) is not str or not _LOCATION(location):
        return None
    if type(count) is not int or count < 0 or (length == 6 and not _is_view(key[5])):
        return None
    row: Row = storage.row
    return row


def container(key: Value, loader: str) -> Name | None:
    """The class of a whole layer that old versions of torch saved with its source.

    The loader compares that text with the source it has, and warns where they differ; only for a
    class whose `dump_patches` is true would it write a file, and none of torch's own has that.
    Source: torch/serialization.py `_legacy_load.persistent_load` and `_check_container_source`.
    """
    if loader != "torch-raw" or type(key) is not tuple or len(key) != 4 or key[0] != "module":
        return None
    cls, file, source = key[1:]
    known = isinstance(cls, Name) and cls.row is not None and cls.row.is_class
    if not known or not cls.name.startswith("torch.nn.modules."):
        return None
    named: Name = cls
    return named if type_of(file) == type_of(source) == "str" else None


@lru_cache(4096)
def scripted(name: str) -> Row | None:
    """A class of a TorchScript archive's own code, which its C++ unpickler fills from a state."""
    if not name.startswith("__torch__"):
        return None
    return Row(
        name=name,
        is_class=True,
        call=(),
        new=((),),
        build=("any",),
        attributes={},
        arrays=False,
        items="",
        hash=False,
        returns="",
        data=False,
        basis="",
    )


def _is_view(view: Value) -> bool:
    if type(view) is tuple:
        return len(view) == 3 and all(type(part) in (str, int) for part in view)
    return view is None


def other_reading(head: bytes) -> str:
    """What a loader of pickles takes the file for instead, going by its first 512 bytes.

    Source: torch/serialization.py `_legacy_load`, which unpacks what `tarfile` opens before it
    reads a stream; joblib/numpy_pickle_utils.py `_detect_compressor`, whose prefix for bzip2 is an
    opcode too (that of xz leads no pickle machine to its end).
    """
    if head[:2] == b"BZ":
        return "joblib takes a file that begins with BZ for bzip2"
    if tar.accepted_by_tarfile(head[:512]):
        return "the first block is a tar's header too, and torch.load would unpack the tar"
    return ""


class Wrapped(Struct, frozen=True):
    """An array whose raw bytes joblib wrote between two opcodes.

    Source: joblib/numpy_pickle.py `NumpyArrayWrapper.read_array` (0.10 to 1.5).
    """

    row: Row
    count: int
    dtype: DType
    padded: bool
    dimensions: int

    def end(self, read: Read, offset: int, size: int) -> int:
        """The offset after the raw bytes that begin at `offset`."""
        if self.padded:
            offset += 1 + int.from_bytes(read(offset, 1), "little")
        offset += self.count * self.dtype.itemsize
        if offset > size:
            raise truncated(size)
        return offset

    def instance(self, at: int) -> Instance:
        array = Instance(self.row, (), at)
        array.built = True
        array.dtype = self.dtype
        array.dimensions = self.dimensions
        return array


def is_array_wrapper(value: Value) -> bool:
    """Whether joblib reads an array's bytes where this value was built."""
    return isinstance(value, Instance) and value.row is effects.row(_WRAPPER)


def joblib_array(value: Value) -> Wrapped | None:
    """The array that a completed NumpyArrayWrapper on the stack stands for, or None."""
    row = effects.row("numpy:ndarray")
    if (
        not isinstance(value, Instance)
        or not is_array_wrapper(value)
        or not value.built
        or row is None
    ):
        return None
    state = value.parts[-1]
    if not isinstance(state, Box) or state.dropped:
        return None
    given = dict(zip(state.items[::2], state.items[1::2], strict=True))
    dtype = complete_dtype(given.get("dtype"))
    shape = given.get("shape")
    subclass = given.get("subclass")
    if dtype is None or not is_shape(shape):
        return None
    # `read` gives a plain array for a memmap too: mapping needs a file's name and a mode.
    if not isinstance(subclass, Name) or subclass.row not in (row, effects.row("numpy:memmap")):
        return None
    count = 1
    for length in shape:
        count *= length
    padded = given.get("numpy_array_alignment_bytes") is not None
    return Wrapped(row, count, dtype, padded, len(shape))

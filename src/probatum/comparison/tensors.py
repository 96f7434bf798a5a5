"""One tensor, wherever it lies: its elements in one order, and the digest that they have.

The digest is the sha256 of `<dtype> <sizes>\\n` and the elements, little-endian, the last dimension
fastest: `BF16 4096,4096\\n…`. So it is the same in every container, shard and order. Data types
have the names that safetensors gives them; blocks of a quantised type count as the bytes they are.
"""

import hashlib
from collections.abc import Iterator
from math import prod

from msgspec import Struct

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

PIECE = 1 << 20
_MOST_GATHERED = 256 << 20


class Tensor(Struct, frozen=True, kw_only=True):
    """`size` bytes of elements from `start` of `material`, one after another.

    `width` is the bytes of an element, or 0 where elements are packed. `strides`, in elements, say
    that they lie in another order than their own. `swapped` is the bytes of a big-endian number, of
    which a complex element has two; 0 where none is.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    material: Material
    start: int
    size: int
    width: int = 0
    strides: tuple[int, ...] = ()
    swapped: int = 0

    @property
    def place(self) -> tuple[object, ...]:
        """What two tensors of one file share only if they are one."""
        return self.dtype, self.shape, self.start, self.size, self.strides, self.swapped


def head(dtype: str, shape: tuple[int, ...]) -> bytes:
    """What a digest begins with."""
    return f"{dtype} {','.join(map(str, shape))}\n".encode()


def digest(tensor: Tensor) -> str:
    """The sha256, in hex. Raises: FormatError where the elements cannot be read."""
    state = hashlib.sha256(head(tensor.dtype, tensor.shape))
    for piece in pieces(tensor):
        state.update(piece)
    return state.hexdigest()


def pieces(tensor: Tensor, size: int = PIECE) -> Iterator[bytes]:
    """The elements, little-endian and in their own order, in pieces of `size` bytes.

    Raises: FormatError where they are not all there, or are in an order that costs too much.
    """
    whole = _gathered(tensor) if tensor.strides else None
    size -= size % (tensor.swapped or 1)
    for at in range(0, tensor.size, size):
        length = min(size, tensor.size - at)
        if whole is not None:
            piece = whole[at : at + length]
        else:
            piece = tensor.material.read(tensor.start + at, length)
        if len(piece) != length:
            place = Place(offset=tensor.start + at, part=tensor.name)
            raise FormatError(Reason.TRUNCATED, f"tensor {tensor.name!r} ends too early", place)
        yield _reversed(piece, tensor.swapped) if tensor.swapped > 1 else piece


def contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether the elements lie one after another, the last dimension fastest."""
    step = 1
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if length != 1 and stride != step:
            return prod(shape) == 0
        step *= length
    return True


def _gathered(tensor: Tensor) -> bytes:
    """The elements put into their order, row by row."""
    reach = 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    if max(reach * tensor.width, tensor.size) > _MOST_GATHERED or not tensor.width:
        says = f"tensor {tensor.name!r} is stored in another order, and too large to be put right"
        raise FormatError(Reason.OVER_LIMIT, says, Place(offset=tensor.start, part=tensor.name))
    if tensor.size == 0:
        return b""
    spans = range(0, reach * tensor.width, PIECE)
    read = tensor.material.read
    data = b"".join(read(tensor.start + at, min(PIECE, reach * tensor.width - at)) for at in spans)
    made = bytearray(tensor.size)
    # Of every element, one byte after another: a slice with a step is as fast as a copy.
    for byte in range(tensor.width):
        lane = bytes(data[byte :: tensor.width])
        made[byte :: tensor.width] = b"".join(_rows(lane, tensor.shape, tensor.strides, 0))
    return bytes(made)


def _rows(
    lane: bytes, shape: tuple[int, ...], strides: tuple[int, ...], at: int
) -> Iterator[bytes]:
    """The runs along the last dimension, in order; `lane` has one byte for each element."""
    if len(shape) <= 1:
        length, step = (shape[0], strides[0]) if shape else (1, 1)
        stop = at + (length - 1) * step + 1
        yield lane[at:stop:step] if step else lane[at : at + 1] * length
        return
    for number in range(shape[0]):
        yield from _rows(lane, shape[1:], strides[1:], at + number * strides[0])


def _reversed(piece: bytes, width: int) -> bytes:
    made = bytearray(len(piece))
    for byte in range(width):
        made[byte::width] = piece[width - 1 - byte :: width]
    return bytes(made)

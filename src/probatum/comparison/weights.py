"""The tensors of a file, by its kind. Headers are read, elements are not.

Sources: as the readers in `formats` name them; for the data types, `Dtype` of safetensors 0.7,
`ggml_type` of ggml.h, `TensorProto.DataType` of onnx 1.23.
"""

from collections.abc import Callable, Iterator
from math import prod

from probatum.comparison.tensors import Tensor
from probatum.errors import FormatError
from probatum.formats import gguf, npy, onnx, onnx_tensor, safetensors
from probatum.formats.onnx_tensor_file import read as read_onnx_tensor
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_GGML = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
    10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS",
    17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS",
    24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
_ONNX = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16",
    11: "F64", 12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3",
    18: "F8_E4M3FNUZ", 19: "F8_E5M2", 20: "F8_E5M2FNUZ", 21: "U4", 22: "I4", 23: "F4",
    24: "F8_E8M0", 25: "U2", 26: "I2",
}  # fmt: skip
_NUMPY = {"b": "BOOL", "i": "I", "u": "U", "f": "F", "c": "C"}


def tensors(kind: str, name: str, material: Material) -> Iterator[Tensor]:
    """The tensors of a file of one of `KINDS`; `name` is what an array without one is called.

    Raises: FormatError where they cannot all be told.
    """
    yield from KINDS[kind](name, material)


def _of_safetensors(name: str, material: Material) -> Iterator[Tensor]:
    header = safetensors.header(material)
    for key, one in header.tensors.items():
        yield Tensor(
            name=key, dtype=one.dtype, shape=one.shape, material=material,
            start=header.stop + one.begin, size=one.end - one.begin,
            width=safetensors.DTYPE_BITS[one.dtype] // 8,
        )  # fmt: skip


def _of_gguf(name: str, material: Material) -> Iterator[Tensor]:
    header = gguf.header(material)
    for key, one in header.tensors.items():
        dtype = _GGML.get(one.type, f"GGML_{one.type}")
        elements, width = gguf.BLOCKS[one.type]
        if header.order == ">" and elements > 1:
            says = f"the blocks of tensor {key!r} are big-endian"
            raise FormatError(Reason.UNSUPPORTED, says, Place(offset=one.at, part=key))
        yield Tensor(
            name=key, dtype=dtype, shape=one.shape[::-1], material=material, start=one.begin,
            size=one.end - one.begin, width=width if elements == 1 else 0,
            swapped=width if header.order == ">" else 0,
        )  # fmt: skip


def _of_npy(name: str, material: Material) -> Iterator[Tensor]:
    header = npy.header(material)
    if header.objects or not header.code:
        says = "an array of objects or of fields is no tensor"
        raise FormatError(Reason.UNSUPPORTED, says, Place(offset=8))
    if material.size != header.end:
        says = f"the array ends at {header.end}, the file at {material.size}"
        raise FormatError(Reason.MALFORMED, says, Place(offset=header.data))
    order, code = header.code[0], header.code.lstrip("<>|=")
    bits = 8 * header.itemsize
    dtype = f"{_NUMPY[code[0]]}{bits}" if code[0] in _NUMPY else code
    strides = _fortran(header.shape) if header.fortran and len(header.shape) > 1 else ()
    yield Tensor(
        name=name, dtype="BOOL" if code == "b1" else dtype, shape=header.shape, material=material,
        start=header.data, size=header.end - header.data, strides=strides,
        width=header.itemsize,
        swapped=_number(code[0], header.itemsize) if order == ">" else 0,
    )  # fmt: skip


def _number(letter: str, size: int) -> int:
    """The bytes of a number in an element of `size` bytes: text has one for each character."""
    return {"c": size // 2, "U": 4, "S": 0, "V": 0}.get(letter, size)


def _fortran(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(prod(shape[:number]) for number in range(len(shape)))


def _of_onnx(name: str, material: Material) -> Iterator[Tensor]:
    found: list[onnx_tensor.Tensor] = []
    survey = onnx.tensors_of(material, found.append)
    if survey.fault is not None:
        raise survey.fault
    if survey.doubt is not None:
        raise survey.doubt
    for number, one in enumerate(found):
        yield _onnx(one.name or f"constant {number}", one, material)


def _of_onnx_tensor(name: str, material: Material) -> Iterator[Tensor]:
    found = read_onnx_tensor(material)
    if found.fault is not None:
        raise FormatError(Reason.MALFORMED, found.fault)
    yield _onnx(found.name or name, found, material)


def _onnx(name: str, one: onnx_tensor.Tensor, material: Material) -> Tensor:
    start, stop = one.raw or one.packed or (0, 0)
    if one.is_external or one.data_type not in _ONNX or stop - start != one.size:
        where = "in another file" if one.is_external else "as numbers of varying length"
        says = f"tensor {name!r} stands {where}, where it is not read"
        raise FormatError(Reason.NOT_ANALYSED, says, Place(offset=start, part=name))
    return Tensor(
        name=name, dtype=_ONNX[one.data_type], shape=one.shape, material=material, start=start,
        size=one.size, width=onnx_tensor.BITS[one.data_type] // 8,
    )  # fmt: skip


def _of_torch(name: str, material: Material) -> Iterator[Tensor]:
    from probatum.comparison import torch_weights  # the pickle machine: other formats need none

    return torch_weights.tensors(material)


KINDS: dict[str, Callable[[str, Material], Iterator[Tensor]]] = {
    "safetensors": _of_safetensors,
    "gguf": _of_gguf,
    "npy": _of_npy,
    "onnx": _of_onnx,
    "onnx-tensor": _of_onnx_tensor,
    "torch-zip": _of_torch,
}

"""A file that is one ONNX tensor and nothing else. Source: `onnx-ml.proto` of onnx 1.23."""

import hashlib
from typing import Any

from probatum.errors import FormatError
from probatum.formats.bounds import digest
from probatum.formats.onnx_tensor import Tensor, tensor
from probatum.formats.protobuf import Wire
from probatum.ports import Material
from probatum.vocabulary import Reason


def read(material: Material) -> Tensor:
    """The tensor; its raw data are not read.

    Raises: FormatError where it cannot be decided, or lies in another file.
    """
    found = tensor(Wire(material), 0, material.size)
    if found.is_external or found.external:
        says = f"its elements lie in the file {found.external.get('location', '')[:200]!r}"
        raise FormatError(Reason.OUTSIDE_TARGET, says)
    if found.doubt is not None:
        raise found.doubt
    return found


def facts(material: Material, found: Tensor) -> dict[str, Any]:
    """What `check/onnx_tensor.py` derives again."""
    start, end = found.raw or (material.size, material.size)
    skeleton = hashlib.sha256()
    for one in (digest(material, 0, start), digest(material, end, material.size - end)):
        skeleton.update(one.encode())
    return {
        "size": material.size,
        "skeleton": skeleton.hexdigest(),
        "type": found.data_type,
        "elements": found.count,
    }

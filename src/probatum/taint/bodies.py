"""Functions as bytes: how a memory holds them, and how two of them are compared."""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from probatum.taint.flow import Function

_NOTHING = 1  # the number of the extension type that stands for `...`


def written_down(data: Any) -> Raw:
    """Raises: ValueError, OverflowError for a lone surrogate, an integer of more than 64 bits."""
    return Raw(encoder.encode(data))


def encoded(function: Function) -> Raw:
    """A function but for its lines. Raises: as `written_down`."""
    plain = {"nodes": list(function.nodes), "names": dict(function.names)}
    return written_down(replace(function, places=[], line=0, **plain))


def shape(function: Function) -> bytes:
    """The same to compare; empty where it cannot be written, as nothing that was kept is."""
    try:
        return bytes(encoded(function))
    except (ValueError, OverflowError):
        return b""


def function(body: Raw, places: Raw) -> Function:
    """A function as it was kept."""
    made = _functions.decode(body)
    made.nodes = [_tupled(node) for node in made.nodes]
    made.under = {name: _tupled(value) for name, value in made.under.items()}
    made.controls = [tuple(one) for one in made.controls]
    made.places = numbers(places)
    return made


def numbers(places: Raw) -> list[int]:
    """The lines of a function."""
    return _numbers.decode(places)


def _tupled(data: Any) -> Any:
    return tuple([_tupled(one) for one in data]) if isinstance(data, list) else data


def _extension(value: Any) -> msgspec.msgpack.Ext:
    if value is ...:
        return msgspec.msgpack.Ext(_NOTHING, b"")
    raise TypeError(f"{type(value)} is not written down")


def _extended(code: int, data: memoryview) -> Any:
    return ...


encoder = msgspec.msgpack.Encoder(enc_hook=_extension)
_functions = msgspec.msgpack.Decoder(Function, ext_hook=_extended)
_numbers = msgspec.msgpack.Decoder(list[int])

"""Step 4 of the pickle check: one pass of a stack machine that admits only summarised steps."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from probatum.check.pickle_data import LENGTHS
from probatum.check.pickle_literals import ascii_text, literal, text
from probatum.check.pickle_loaders import joblib_array
from probatum.check.pickle_steps import STEPS, Own, Steps
from probatum.check.pickle_summaries import summary
from probatum.check.pickle_values import (
    BYTEARRAY,
    FLOAT,
    LONG_TEXT,
    NUMBER,
    DictOf,
    LongBytes,
    Made,
    SetOf,
)
from probatum.errors import Rejected

Read = Callable[[int, int], bytes]

_NO_FRAME = 1 << 63
_CONSTANTS = {0x4E: None, 0x88: True, 0x89: False, 0x29: ()}
_MAKERS: dict[int, Callable[[], Any]] = {0x5D: list, 0x7D: DictOf, 0x8F: SetOf}


class Run(Steps):
    """One pass over the stream in [start, end) of the file."""

    def __init__(
        self, read: Read, start: int, end: int, loader: str, own: Own | None = None
    ) -> None:
        super().__init__(loader, own)
        self.read = read
        self.data = read(start, end - start)
        self.start = start
        self.frame = _NO_FRAME
        self.after = 0
        self.unfolded = 0

    def to_stop(self) -> Any:
        """The result, after the whole stream. Raises: Rejected."""
        try:
            result, after = self.follow(0)
        except (IndexError, KeyError):
            raise Rejected("4: the stream breaks off or finds too little on its stack") from None
        if after != len(self.data):
            raise Rejected("4: the stream stops early")
        return result

    def to_any_end(self) -> None:
        """Follow the stream as far as `pickle.load` would get in a file of joblib's."""
        with suppress(IndexError, KeyError):
            self.follow(0)

    def follow(self, at: int) -> tuple[Any, int]:
        """Run from `at` in the data to STOP; the result and the place after it."""
        data, memo = self.data, self.memo
        rare = self._rare
        while True:
            if self.frame <= at:
                self._leave_frame(at)
            op = data[at]
            stack = self.stack
            if op == 0x94:
                memo[len(memo)] = stack[-1]
                at += 1
            elif op == 0x68:
                stack.append(memo[data[at + 1]])
                at += 2
            elif op == 0x8C:
                length = data[at + 1]
                at += 2 + length
                stack.append(text(data[at - length : at]))
            elif op == 0x4B:
                stack.append(data[at + 1])
                at += 2
            elif op == 0x71:
                memo[data[at + 1]] = stack[-1]
                at += 2
            elif op in _CONSTANTS:
                stack.append(_CONSTANTS[op])
                at += 1
            elif op == 0x28:
                self.marks.append(stack)
                self.stack = []
                at += 1
            elif op in _MAKERS:
                stack.append(_MAKERS[op]())
                at += 1
            elif op == 0x47:
                stack.append(FLOAT)
                at += 9
            elif op == 0x2E:
                if self.frame != _NO_FRAME:
                    self._leave_frame(at + 1)
                return stack.pop(), at + 1
            else:
                at = rare(op, at)
            if at > len(data):
                raise IndexError

    def _rare(self, op: int, at: int) -> int:
        """Every other opcode; gives the place of the next."""
        stack, data = self.stack, self.data
        if 0x85 <= op <= 0x87:
            count = op - 0x84
            stack.append(tuple([stack.pop() for _ in range(count)][::-1]))
        elif op in _FIXED:
            width, act = _FIXED[op]
            self.after = at + 1 + width
            act(self, int.from_bytes(data[at + 1 : at + 1 + width], "little"))
            return at + 1 + width
        elif op in LENGTHS:
            return self._counted(op, at)
        elif op == 0x4A:
            stack.append(int.from_bytes(data[at + 1 : at + 5], "little", signed=True))
            return at + 5
        elif op == 0x30:
            if stack:
                stack.pop()
            else:
                self.to_mark()
        elif op == 0x31:
            self.to_mark()
        elif op == 0x32:
            stack.append(stack[-1])
        elif op in b"ILFSVpgci":
            return self._line(op, at)
        elif op in STEPS:
            STEPS[op](self, self.start + at)
            return self._raw_array(at + 1) if op == 0x62 else at + 1
        elif op in b"PQ\x82\x83\x84\x97\x98":
            raise Rejected(f"4: opcode {op:#04x} at {self.start + at} cannot be proven")
        else:
            raise IndexError
        return at + 1

    def _counted(self, op: int, at: int) -> int:
        width = LENGTHS[op]
        start = at + 1 + width
        length = int.from_bytes(self.data[at + 1 : start], "little", signed=op in b"T\x8b")
        if length < 0 or start + length > len(self.data):
            raise IndexError
        held = self.data[start : start + min(length, 257)]
        if op in b"X\x8c\x8d":
            value = text(held)
        elif op in b"UT":
            value = LONG_TEXT if length > 256 else ascii_text(held)
        elif op in b"\x8a\x8b":
            value = int.from_bytes(held, "little", signed=True) if length <= 8 else NUMBER
        else:
            value = BYTEARRAY if op == 0x96 else LongBytes(start, start + length)
        self.stack.append(value)
        return start + length

    def _line(self, op: int, at: int) -> int:
        end = self.data.find(b"\n", at)
        if end < 0:
            raise IndexError
        line = self.data[at + 1 : end]
        if op in b"ci":
            name_end = self.data.find(b"\n", end + 1)
            if name_end < 0 or name_end - at > 1 << 16:
                raise IndexError
            module, name = line.decode("utf-8", "replace"), self.data[end + 1 : name_end]
            found = self.find(module, name.decode("utf-8", "replace"), op, self.start + at)
            if op == 0x69:
                arguments = tuple(self.to_mark())
                found = self.instance(op, found, arguments, self.start + at)
            self.stack.append(found)
            return name_end + 1
        if op in b"pg":
            if not re.fullmatch(rb"0|[1-9][0-9]{0,8}", line):
                raise Rejected(f"4: unpicklers differ about the memo index at {self.start + at}")
            _FIXED[0x72 if op == 0x70 else 0x6A][1](self, int(line))
        else:
            self.stack.append(literal(op, line))
        return end + 1

    def _get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def _put(self, index: int) -> None:
        if index > 1 << 20 and index > 64 * len(self.memo):
            raise Rejected("4: a memo index that only the C unpickler allocates a table for")
        self.memo[index] = self.stack[-1]

    def _set_protocol(self, version: int) -> None:
        if version > 5:
            raise IndexError
        self.protocol = version

    def _enter_frame(self, length: int) -> None:
        if self.frame != _NO_FRAME:
            raise Rejected("4: a frame inside a frame")
        self.frame = self.after + length

    def _leave_frame(self, at: int) -> None:
        # The C unpickler drops what is left of a frame that ends inside an opcode.
        if at != self.frame:
            raise Rejected(f"4: a frame does not end between opcodes, near {self.start + at}")
        self.frame = _NO_FRAME

    # What torch's and joblib's loaders add

    def torch_bytes(self, op: int, row: dict[str, Any], content: Any, at: int) -> Any:
        """torch.load of bytes in the stream: its five raw streams, all but the fourth plain data.

        All bytes followed so are no more than have passed: one string may be called many times.
        """
        if self.loader not in ("pickle", "joblib", "straight") or type(content) is not LongBytes:
            raise Rejected(f"4: no bytes that torch.load is followed into, at {at}")
        self.unfolded += content.end - content.start
        if (
            self.unfolded > at - self.start
            or self.data[content.start + 2 : content.start + 15] != TORCH_MAGIC
        ):
            raise Rejected(f"4: not torch's raw format in the bytes loaded at {at}")
        self.step(at, op, "call", row)
        bounds = self.start + content.start, self.start + content.end
        inside = Run(self.read, *bounds, "torch-raw", self.own)
        after, results = 0, []
        for index in range(5):
            before = len(inside.effects)
            inside.memo, inside.stack, inside.marks, inside.protocol = {}, [], [], 0
            result, after = inside.follow(after)
            results.append(result)
            if index != 3 and len(inside.effects) > before:
                raise Rejected(f"4: torch compares what is no plain data, loaded at {at}")
        self.effects += inside.effects
        return results[3]

    def _raw_array(self, at: int) -> int:
        """joblib's NumpyArrayWrapper.read: the array's own bytes, or a pickle of its objects."""
        if self.stack[-1].row is not summary(_WRAPPER) or self.loader == "straight":
            return at
        found = joblib_array(self.stack[-1])
        if found is None or self.loader != "joblib":
            raise Rejected(f"4: joblib reads an array of unknown length at {at}")
        if self.frame != _NO_FRAME:
            self._leave_frame(at)
        row, (length, lengths), references, padded = found
        offset = self.start + at
        self.effects.append([offset - 1, "BUILD", "array", row["names"][0]])
        if references:
            inner = Run(self.read, self.start, self.start + len(self.data), "pickle", self.own)
            result, after = inner.follow(at)
            self.effects += inner.effects
            self.stack[-1] = result
            return after
        array = Made(row, (), offset)
        array.built, array.dtype, array.dimensions = True, (0, False, False), lengths
        self.stack[-1] = array
        return at + length + (1 + self.data[at] if padded else 0)


TORCH_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_WRAPPER = "joblib.numpy_pickle:NumpyArrayWrapper"

_FIXED: dict[int, tuple[int, Callable[[Run, int], None]]] = {
    0x6A: (4, Run._get),
    0x72: (4, Run._put),
    0x80: (1, Run._set_protocol),
    0x95: (8, Run._enter_frame),
    0x4D: (2, lambda run, number: run.stack.append(number)),
}

"""The opcodes of a pickle, read one after another, and the stack that they work on.

What each effectful opcode means stands in `pickle_steps`; what a run found, in `pickle_machine`.
"""

import re
from typing import Final, NoReturn

from probatum.errors import FormatError
from probatum.formats import pickle_opcodes as opcodes
from probatum.formats.own_classes import OwnClasses
from probatum.formats.pickle_literals import LONG, constant, literal
from probatum.formats.pickle_names import Underflow
from probatum.formats.pickle_opcodes import LINE, WINDOW, Read
from probatum.formats.pickle_steps import STEPS, Steps
from probatum.formats.pickle_values import BIG, FLOAT, KEPT, TEXT, Blob, Box, Value
from probatum.vocabulary import Place, Reason

NO_FRAME: Final = 1 << 63
_INDEX: Final = re.compile(rb"(?:0|[1-9][0-9]{0,8})\Z").match
_LOWEST_SPARSE: Final = 1 << 20
_SIMPLE: Final = {
    ord("N"): None,
    0x88: True,
    0x89: False,
    ord(")"): (),
}
_EMPTY: Final = {ord("]"): "list", ord("}"): "dict", 0x8F: "set"}
_PUT: Final = {ord("q"): 1, ord("r"): 4}
_GET: Final = {ord("h"): 1, ord("j"): 4}
_INTEGER: Final = {ord("K"): 1, ord("M"): 2, ord("J"): 4}
_COUNTED: Final = {
    0x8C: (1, "str"),
    ord("X"): (4, "str"),
    0x8D: (8, "str"),
    ord("C"): (1, "bytes"),
    ord("B"): (4, "bytes"),
    0x8E: (8, "bytes"),
    ord("U"): (1, "ascii"),
    ord("T"): (4, "ascii"),
    0x8A: (1, "int"),
    0x8B: (4, "int"),
    0x96: (8, "bytearray"),
}


class Lexer(Steps):
    """Reads opcode by opcode, in windows of the stream."""

    def __init__(
        self,
        read: Read,
        start: int,
        size: int,
        loader: str,
        beside: frozenset[str],
        own: OwnClasses | None,
    ) -> None:
        super().__init__(loader, beside, own)
        self.read = read
        self.start = start
        self.size = size
        self.base = start
        self.window = b""
        self.frame = NO_FRAME

    def after_step(self, op: int, at: int) -> int:
        """The place of the next opcode after a step that ends at `at` in the window."""
        return at

    def followed(self) -> tuple[Value, int]:
        """Run to STOP; gives the result and the offset after STOP."""
        memo = self.memo
        at = self.refill(self.start)
        window = self.window
        limit = len(window) - 1024
        while True:
            if at > limit and self.base + len(window) < self.size:
                at = self.refill(self.base + at)
                window, limit = self.window, len(self.window) - 1024
            if self.frame <= self.base + at:
                self.leave_frame(self.base + at)
            stack = self.stack
            if at >= len(window):
                raise opcodes.truncated(self.base + at)
            op = window[at]
            if op == 0x94:
                memo[len(memo)] = stack[-1]
                at += 1
            elif op == 0x68:
                if at + 1 >= len(window):
                    self._cut()
                stack.append(self._remembered(window[at + 1]))
                at += 2
            elif op in _COUNTED:
                at = self._counted(op, at)
                window, limit = self.window, len(self.window) - 1024
            elif op in _SIMPLE:
                stack.append(_SIMPLE[op])
                at += 1
            elif op in _INTEGER:
                width = _INTEGER[op]
                operand = self._operand(at, width)
                stack.append(int.from_bytes(operand, "little", signed=width == 4))
                at += 1 + width
            elif op == 0x28:
                self.marks.append(stack)
                self.stack = []
                at += 1
            elif op in _PUT:
                width = _PUT[op]
                self._memoize(int.from_bytes(self._operand(at, width), "little"), at)
                at += 1 + width
            elif op == 0x47:
                self._operand(at, 8)
                stack.append(FLOAT)
                at += 9
            elif op in _EMPTY:
                stack.append(Box(_EMPTY[op], []))
                at += 1
            elif op == 0x2E:
                self.at = self.base + at
                if self.frame not in (NO_FRAME, self.at + 1):
                    self.leave_frame(self.at)
                return stack.pop(), self.base + at + 1
            else:
                at = self._rare(op, at)
                window, limit = self.window, len(self.window) - 1024

    def _rare(self, op: int, at: int) -> int:
        """Every other opcode; gives the place of the next one in the window."""
        stack = self.stack
        self.at = self.base + at
        if 0x85 <= op <= 0x87:
            count = op - 0x84
            if len(stack) < count:
                raise Underflow
            stack[-count:] = [tuple(stack[-count:])]
        elif op in _GET:
            stack.append(self._remembered(int.from_bytes(self._operand(at, 4), "little")))
            return at + 5
        elif op == 0x95:
            self._operand(at, 8)
            before = 0 if self.frame == NO_FRAME else self.frame
            self.frame = opcodes.framed(self.window, at, self.base, self.size, before)
            return at + 9
        elif op == 0x80:
            self._protocol(self._operand(at, 1)[0])
            return at + 2
        elif op == 0x30:
            if stack:
                stack.pop()
            else:
                self.pop_mark()
        elif op == 0x32:
            stack.append(stack[-1])
        elif op == 0x31:
            self.pop_mark()
        elif op in opcodes.TEXT_DATA:
            return self._text(op, at)
        elif op == 0x63 or op == 0x69:
            module, at = self._line(at + 1)
            name, at = self._line(at)
            self.named(op, module, name)
        elif op == 0x50:
            _, at = self._line(at + 1)
            self.problem(
                Reason.UNRESOLVED, "a persistent id in text, which only its own loader knows"
            )
            stack.append(self.unknown())
        elif 0x82 <= op <= 0x84:
            width = (1, 2, 4)[op - 0x82]
            self._operand(at, width)
            self.problem(
                Reason.UNRESOLVED, "an extension code: what it names is up to the loading process"
            )
            stack.append(self.unknown())
            return at + 1 + width
        elif op in STEPS:
            STEPS[op](self)
            return self.after_step(op, at + 1)
        else:
            raise opcodes.malformed(op, self.window, self.base, at)
        return at if op in (0x63, 0x69, 0x50) else at + 1

    def refill(self, offset: int) -> int:
        self.base = offset
        self.window = self.read(offset, WINDOW)
        return 0

    def _operand(self, at: int, width: int) -> bytes:
        operand = self.window[at + 1 : at + 1 + width]
        if len(operand) < width:
            self._cut()
        return operand

    def _cut(self) -> NoReturn:
        raise opcodes.truncated(self.size)

    def _remembered(self, index: int) -> Value:
        try:
            return self.memo[index]
        except KeyError:
            raise FormatError(
                Reason.MALFORMED, f"memo entry {index} was never made", Place(offset=self.at)
            ) from None

    def _memoize(self, index: int, at: int) -> None:
        if index > _LOWEST_SPARSE and index > 64 * len(self.memo):
            self.at = self.base + at
            self.problem(
                Reason.PARSER_DIFFERENTIAL,
                f"memo index {index}: the C unpickler alone allocates a table of that size",
            )
        self.memo[index] = self.stack[-1]

    def _protocol(self, version: int) -> None:
        if version > opcodes.HIGHEST_PROTOCOL:
            raise FormatError(
                Reason.MALFORMED, f"no pickle protocol {version}", Place(offset=self.at)
            )
        self.protocol = version

    def leave_frame(self, offset: int) -> None:
        """Called where an opcode begins at or after the end of a frame, or is STOP inside it."""
        if offset != self.frame:
            broken = opcodes.out_of_frame(offset)
            self.at = offset
            self.problem(broken.reason, broken.detail)
        self.frame = NO_FRAME

    def _counted(self, op: int, at: int) -> int:
        width, kind = _COUNTED[op]
        total = opcodes.counted(self.window, at, self.base, self.size)
        length = total - 1 - width
        start = at + 1 + width
        if length <= KEPT:
            if at + total > len(self.window):
                at = self.refill(self.base + at)
                start = 1 + width
            self.stack.append(constant(kind, self.window[start : start + length]))
        elif kind == "bytes":
            self.stack.append(Blob(self.base + start, length))
        else:
            self.stack.append(LONG[kind])
        if at + total <= len(self.window):
            return at + total
        return self.refill(self.base + at + total)

    def _line(self, at: int) -> tuple[bytes, int]:
        """A text operand without its newline, and the place after it."""
        found = self.window.find(b"\n", at)
        if found < 0 and self.base + len(self.window) < self.size:
            at = self.refill(self.base + at)
            found = self.window.find(b"\n", at)
        if found < 0:
            if len(self.window) - at >= LINE:
                raise FormatError(
                    Reason.OVER_LIMIT,
                    f"a text line of more than {LINE} bytes",
                    Place(offset=self.at),
                )
            self._cut()
        return self.window[at:found], found + 1

    def _text(self, op: int, at: int) -> int:
        end = opcodes.line_end(self.read, self.base + at + 1, self.size)
        if end - self.base - at > LINE:
            self.stack.append(TEXT if op in b"SV" else BIG)
            if op not in b"SV":
                self.problem(
                    Reason.PARSER_DIFFERENTIAL, "a number of more digits than parsers agree on"
                )
            return self.refill(end)
        line, after = self._line(at + 1)
        if op in b"pg":
            if not _INDEX(line):
                self.problem(
                    Reason.PARSER_DIFFERENTIAL, f"memo index {line[:40]!r} is read differently"
                )
                if op == 0x67:
                    self.stack.append(self.unknown())
            elif op == 0x70:
                self._memoize(int(line), at)
            else:
                self.stack.append(self._remembered(int(line)))
        else:
            value, doubt = literal(op, line, self.at)
            if doubt:
                self.problem(Reason.PARSER_DIFFERENTIAL, doubt)
            self.stack.append(value)
        return after

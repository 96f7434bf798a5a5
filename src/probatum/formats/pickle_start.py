"""Tells how far the first bytes of a file can be run by a pickle machine.

A pickle has no reliable magic: protocols 0 and 1 start with any opcode, and an effect happens
before the stream's end is seen. So the first bytes are walked as opcodes, keeping the depth of
the stack, its marks and the memo, and the walk says whether a loader would get anywhere.
This only recognises; what the opcodes do is for the prover.

Source: CPython Lib/pickletools.py (argument formats, stack effects), Modules/_pickle.c.
"""

import re
from collections.abc import Callable
from enum import IntEnum

from probatum.formats.patterns import Later

TORCH_MAGIC = 0x1950A86A20F9469CFC6C


class Start(IntEnum):
    """How much of a pickle the first bytes are, weakest first."""

    NONE = 0
    IMPORTS = 1
    """A module would be imported, and then the machine fails: text such as b"cat\\ndog\\n"."""
    DATA = 2
    """A STOP is reached, with nothing called on the way."""
    CALLS = 3
    """Something would be called or built before the machine fails or stops."""
    ONGOING = 4
    """Valid opcodes as far as the bytes reach, but few."""
    LONG = 5
    """So many valid opcodes that nobody would call the bytes anything else."""


class Walk:
    """Runs the opcodes of `head`, the first bytes of a file of `size` bytes.

    With `read` the walk goes on behind `head`: an argument as long as the head hides nothing.
    """

    def __init__(
        self, head: bytes, size: int, read: Callable[[int, int], bytes] | None = None
    ) -> None:
        self.start = Start.NONE
        self.end = 0
        self.ops = 0
        self.integer: int | None = None
        self.last = 0
        """The offset of the opcode at which the walk ended."""
        self._blank = False  # the last opcode names a module with blanks, as many a line of text
        self._head = head
        self._base = 0
        self._read = read
        self._size = size
        self._depth = 0
        self._marks: list[int] = []
        self._memo: set[int] = set()
        self._walk()

    def _walk(self) -> None:
        reached = Start.NONE
        while True:
            self._refill(_WINDOW)
            code, self.last = self._bytes(self.end, 1), self.end
            if self.ops == _ENOUGH:
                self.start = Start.LONG
                return
            if not code:
                ongoing = self.ops > 0 and self.end < self._size
                self.start = Start.ONGOING if ongoing else reached
                return
            if code == b".":
                if self._above_mark() < 1:
                    self.start = reached
                    return
                self.end += 1
                self.start = max(reached, Start.DATA)
                return
            if not self._step(code):
                self.start = reached
                return
            self.ops += not self._blank
            reached = max(reached, _REACHES.get(code, Start.NONE))

    def _refill(self, wanted: int) -> None:
        """Have `wanted` bytes from `end` on at hand, if the file has them and they can be read."""
        have = self._base + len(self._head)
        if self._read is not None and have < min(self._size, self.end + wanted):
            self._base, self._head = self.end, self._read(self.end, wanted)

    def _bytes(self, at: int, length: int) -> bytes:
        return self._head[at - self._base : at - self._base + length]

    def _step(self, code: bytes) -> bool:
        argument = self._argument(code)
        return argument is not None and self._apply(code, argument)

    def _argument(self, code: bytes) -> bytes | None:
        """The argument of the opcode, `end` moved behind it; None if there is none such."""
        self._blank = False
        at = self.end + 1
        fixed = _FIXED.get(code)
        if fixed is not None:
            return self._take(at, fixed)
        counted = _COUNTED.get(code)
        if counted is not None:
            count = self._take(at, counted)
            if count is None or len(count) < counted:
                return count
            return self._take(at + counted, int.from_bytes(count, "little"))
        lines = _LINES.get(code)
        return None if lines is None else self._take_lines(code, at, *lines)

    def _take(self, at: int, length: int) -> bytes | None:
        if at + length > self._size:
            return None
        self.end = at + length
        return self._bytes(at, length)

    def _take_lines(self, code: bytes, at: int, *shapes: Later[bytes]) -> bytes | None:
        found = b""
        for shape in shapes:
            if b"\n" not in self._head[at - self._base :]:
                self._refill(_LONGEST_LINE)
            stop = self._head.find(b"\n", at - self._base)
            if stop < 0:
                return self._take_cut_line(code, at)
            line = self._head[at - self._base : stop]
            if not shape.fullmatch(line.rstrip(b"\r")):
                return None
            self._blank = self._blank or (shape is _MODULE and b" " in line)
            found, at = line, self._base + stop + 1
        self.end = at
        return found

    def _take_cut_line(self, code: bytes, at: int) -> bytes | None:
        """A line that is longer than the bytes at hand: nothing is known to be wrong with it."""
        have = self._base + len(self._head)
        if have >= self._size or (code in b"ci" and not self.ops):
            return None
        self.end = have
        rest = self._head[at - self._base :]
        self._read = None  # what follows the cut is no opcode
        return b"" if code in (b"V", b"P") or _CUT[code == b"S"].fullmatch(rest) else None

    def _above_mark(self) -> int:
        return self._depth - (self._marks[-1] if self._marks else 0)

    def _apply(self, code: bytes, argument: bytes) -> bool:
        self._note_integer(code, argument)
        if code in b"gpqrhj":
            return self._memoise(code, argument)
        if code == b"\x94":
            self._memo.add(len(self._memo))
            return self._above_mark() > 0
        if code == b"\x80":
            return not argument or argument[0] <= 5
        if code == b"(":
            self._marks.append(self._depth)
            return True
        if code == b"1" and not self._marks:
            return False
        if code in (b"0", b"1") and self._marks and (code == b"1" or not self._above_mark()):
            self._depth = self._marks.pop()
            return True
        return self._change(code)

    def _change(self, code: bytes) -> bool:
        if code in _TO_MARK:
            if not self._marks:
                return False
            above, self._depth = self._above_mark(), self._marks.pop()
            least, needs, pushes = _TO_MARK[code]
            self._depth += pushes
            return above >= least and self._above_mark() >= needs
        needs, change = _EFFECT[code]
        if self._above_mark() < needs:
            return False
        self._depth += change
        return True

    def _memoise(self, code: bytes, argument: bytes) -> bool:
        if not argument:  # cut off
            self._depth += code in b"gh"
            return True
        key = int(argument.split(b"\0")[0]) if code in b"gp" else int.from_bytes(argument, "little")
        if code in b"pqr":
            self._memo.add(key)
            return self._above_mark() > 0
        self._depth += 1
        return key in self._memo

    def _note_integer(self, code: bytes, argument: bytes) -> None:
        """Remember the integer of a stream whose first value is one (torch's magic number)."""
        if self._depth == 0 and code in (b"\x8a", b"\x8b"):
            self.integer = int.from_bytes(argument, "little", signed=True)
        elif self._depth == 0 and code in (b"L", b"I"):
            digits = argument.rstrip(b"\rL")
            self.integer = int(digits) if digits.isdigit() and len(digits) < 40 else None


_ENOUGH = 40
"""Opcodes in a row that prose does not reach by chance."""

_WINDOW = 256
_LONGEST_LINE = 1 << 20

_ANY = Later(rb"[^\n]*", re.DOTALL)
# C takes a number to end at a NUL, whatever follows it in its line.
_DIGITS = rb"\s*[+-]?(0[xXoObB])?[0-9a-fA-F_]+\s*L?\s*(\0[^\n]*)?"
_NUMBER = Later(_DIGITS)
_INDEX = Later(rb"\s*[+]?[0-9](_?[0-9]){0,17}\s*(\0[^\n]*)?")
_FLOAT = Later(
    rb"\s*[+-]?([0-9._]+([eE][+-]?[0-9_]+)?|[iI][nN][fF](inity)?|[nN][aA][nN])\s*(\0[^\n]*)?"
)
_QUOTED = Later(rb"\s*(\"[^\n]*\"|'[^\n]*')\s*")
# A module's file may have any name that is UTF-8: with blanks, with hyphens, not only what Python
# calls an identifier. What is not there ends the machine, which is for the prover to know.
_MODULE = Later(
    rb"(?:[\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})+"
)
_CUT = (
    Later(rb"([\w.+<>\s\x80-\xff-]+(\0.*)?)?", re.DOTALL),
    Later(rb"\s*([\"'].*)?", re.DOTALL),
)
_LINES = {
    b"I": (Later(_DIGITS + rb"|"),),  # C takes an empty line for zero
    b"L": (_NUMBER,),
    b"F": (_FLOAT,),
    b"S": (_QUOTED,),
    b"V": (_ANY,),
    b"P": (_ANY,),
    b"g": (_INDEX,),
    b"p": (_INDEX,),
    b"c": (_MODULE, _ANY),
    b"i": (_MODULE, _ANY),
}
_FIXED = {
    **dict.fromkeys((bytes((code,)) for code in b"K\x80\x82hq"), 1),
    **dict.fromkeys((bytes((code,)) for code in b"M\x83"), 2),
    **dict.fromkeys((bytes((code,)) for code in b"J\x84jr"), 4),
    **dict.fromkeys((bytes((code,)) for code in b"G\x95"), 8),
    **dict.fromkeys(
        (
            bytes((code,))
            for code in b"(012NRabdelstou}])Q"
            b"\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"
        ),
        0,
    ),
}
_COUNTED = {
    **dict.fromkeys((bytes((code,)) for code in b"U\x8cC\x8a"), 1),
    **dict.fromkeys((bytes((code,)) for code in b"TXB\x8b"), 4),
    **dict.fromkeys((bytes((code,)) for code in b"\x8d\x8e\x96"), 8),
}
# code: (values needed above the mark, values needed below it, values pushed)
_TO_MARK = {
    b"d": (0, 0, 1),
    b"e": (0, 1, 0),
    b"l": (0, 0, 1),
    b"t": (0, 0, 1),
    b"u": (0, 1, 0),
    b"o": (1, 0, 1),
    b"i": (0, 0, 1),
    b"\x90": (0, 1, 0),
    b"\x91": (0, 0, 1),
}
# code: (values needed, change of depth)
_EFFECT = {
    **dict.fromkeys(
        (bytes((code,)) for code in b"KMJGUTXCBILFSVPc}])N\x82\x83\x84\x8a\x8b\x8c\x8d\x8e\x96"),
        (0, 1),
    ),
    **dict.fromkeys((b"\x88", b"\x89", b"\x8f", b"\x97"), (0, 1)),
    **dict.fromkeys((b"R", b"a", b"b", b"\x81", b"\x86", b"\x93"), (2, -1)),
    **dict.fromkeys((b"s", b"\x87", b"\x92"), (3, -2)),
    **dict.fromkeys((b"Q", b"\x85", b"\x98"), (1, 0)),
    b"0": (1, -1),
    b"2": (1, 1),
    b"\x80": (0, 0),
    b"\x95": (0, 0),
}
_REACHES = {
    **dict.fromkeys((b"c", b"\x93"), Start.IMPORTS),
    **dict.fromkeys(
        (bytes((code,)) for code in b"RbioQ\x81\x92"),
        Start.CALLS,
    ),
}

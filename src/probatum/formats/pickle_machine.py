"""The pickle prover: an abstract pickle machine that knows every effect of every step.

It follows CPython's C unpickler (`Modules/_pickle.c`), `Lib/pickle.py` and torch's and joblib's
own unpicklers (3.8 to 3.14); where those would do different things with a byte, the run records
a parser differential. A pickle has no branches, so one linear pass visits exactly the steps that
loading takes. The run never stops at what it does not know: it notes the problem and goes on, so
that a later effect is still found.
"""

from typing import Final

from probatum.errors import FormatError
from probatum.formats.effects import Row
from probatum.formats.own_classes import OwnClasses
from probatum.formats.pickle_findings import Run
from probatum.formats.pickle_lexer import NO_FRAME, Lexer
from probatum.formats.pickle_loaders import (
    RAW_MAGIC,
    RAW_OBJECT,
    RAW_STREAMS,
    RAW_VERSION,
    is_array_wrapper,
    joblib_array,
)
from probatum.formats.pickle_names import Underflow
from probatum.formats.pickle_opcodes import Read
from probatum.formats.pickle_values import (
    Blob,
    Value,
)
from probatum.material import BytesMaterial
from probatum.vocabulary import Place, Reason

_LARGEST_NESTED: Final = 64 << 20
_DEEPEST_NESTED: Final = 3


def run(
    read: Read,
    start: int,
    size: int,
    loader: str = "pickle",
    beside: frozenset[str] = frozenset(),
    own: OwnClasses | None = None,
) -> Run:
    """Follow the stream at `start` of `size` bytes of file as `loader` would.

    `loader` is `pickle`, `torch` (a torch zip's data.pkl), `torch-raw`, `torchscript`, `joblib`,
    or `straight`: `pickle.load` on a file of joblib's, whose arrays it would read as opcodes.
    `beside` are names in the artifact's folder that an import could find instead of a library,
    `own` the classes that are defined there, for a caller whose certificate tells of them.
    """
    return Machine(read, start, size, loader, beside, own).run()


class Machine(Lexer):
    """A run of one stream, and of those that lie in it."""

    def __init__(
        self,
        read: Read,
        start: int,
        size: int,
        loader: str,
        beside: frozenset[str],
        own: OwnClasses | None = None,
    ) -> None:
        super().__init__(read, start, size, loader, beside, own)
        self.depth = 0
        self.nested: list[Run] = []
        self.unfolded = 0

    def run(self) -> Run:
        result: Value = None
        broken: FormatError | None = None
        end = self.start
        try:
            result, end = self.followed()
        except FormatError as exc:
            broken = exc
        except (IndexError, Underflow):
            broken = FormatError(
                Reason.MALFORMED, "an opcode finds too little on the stack", Place(offset=self.at)
            )
        return Run(
            start=self.start,
            end=end,
            effects=tuple(self.effects),
            refuted=tuple(self.dangers),
            problems=tuple(self.problems),
            basis=frozenset(self.basis),
            result=result,
            broken=broken,
            nested=tuple(self.nested),
            storages=tuple(self.storages),
            views=tuple(self.views),
        )

    def after_step(self, op: int, at: int) -> int:
        """joblib reads an array's raw bytes right after the BUILD of its wrapper."""
        if op != 0x62 or not is_array_wrapper(self.stack[-1]):
            return at
        if self.loader == "straight":
            return at
        if self.loader != "joblib":
            self.problem(
                Reason.PARSER_DIFFERENTIAL,
                "joblib would take the bytes after this BUILD for an array, other loaders do not",
            )
            return at
        array = joblib_array(self.stack[-1])
        if array is None:
            self.problem(Reason.UNRESOLVED, "how many bytes joblib reads here as an array")
            return at
        offset = self.base + at
        if self.frame != NO_FRAME:
            self.leave_frame(offset)
        self.admit(op, "array", array.row)
        if array.dtype.objects:
            inner = run(self.read, offset, self.size, "pickle", self.beside, self.own)
            self._absorb(inner)
            self.stack[-1] = inner.result  # joblib takes it as it is
            return self.refill(inner.end)
        end = array.end(self.read, offset, self.size)
        self.stack[-1] = array.instance(offset)
        return self.refill(end)

    def _absorb(self, inner: Run) -> None:
        self.nested.append(inner)
        self.effects += inner.effects
        self.dangers += inner.refuted
        self.problems += inner.problems
        self.basis |= inner.basis
        if inner.broken:
            raise inner.broken

    def effect_of_loading(self, content: Value) -> str:
        if isinstance(content, Blob) and content.length <= _LARGEST_NESTED:
            content = self.read(content.offset, content.length)
        if type(content) is not bytes or self.depth == _DEEPEST_NESTED:
            return ""
        inner = Machine(BytesMaterial(content).read, 0, len(content), "pickle", self.beside)
        inner.depth = self.depth + 1
        for danger in inner.run().refuted:
            return f"the bytes run {danger.name.replace(':', '.')}, which {danger.effect}"
        return ""

    def loaded_inside(self, opcode: int, row: Row, content: Value) -> Value | None:
        """The storage that `torch.save` put into bytes, in the five streams of its raw format.

        Bytes are followed once for each call, and together no more than the stream has had.
        """
        if self.loader not in ("pickle", "joblib", "straight") or not isinstance(content, Blob):
            return None
        start, end = content.offset, content.offset + content.length
        self.unfolded += content.length
        if (
            self.unfolded > self.at - self.start
            or self.read(start + 2, len(RAW_MAGIC)) != RAW_MAGIC
        ):
            return None
        runs: list[Run] = []
        at = start
        for index in range(RAW_STREAMS):
            one = Machine(_until(self.read, end), at, end, "torch-raw", self.beside, self.own).run()
            if one.refuted and (index < 2 or runs[1].result == RAW_VERSION):
                self.dangers += one.refuted
            if one.broken or one.problems or one.refuted or (one.effects and index != RAW_OBJECT):
                return None
            runs.append(one)
            at = one.end
        self.admit(opcode, "call", row)
        for one in runs:
            self._absorb(one)
        return runs[RAW_OBJECT].result


def _until(read: Read, end: int) -> Read:
    return lambda offset, length: read(offset, max(0, min(length, end - offset)))

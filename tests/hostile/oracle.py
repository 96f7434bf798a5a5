"""Shows which samples are live: each is loaded in a forked child that ends at its first effect.

The forking is done by a fresh process (`warm.py`), so that neither the tests nor what they have
loaded can meet an effect, and so that warnings are not errors there.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hostile.gadgets import gadgets, globals_in
from hostile.samples import Sample
from hostile.summarised import summarised

# Importing these is an effect, or a way out of the process.
_NOT_AHEAD = ("antigravity", "this", "probatum", "turtledemo", "idlelib.idle", "curses.has_key")


@dataclass(frozen=True)
class Outcome:
    """What loading one sample with one loader met.

    `event` is the audit event of the effect, or `probatum.change`, `probatum.end`,
    `probatum.hang` for one that only shows afterwards; None if there was none. `code` says that
    what came back holds a function, a method or a module.
    """

    loader: str
    event: str | None
    detail: str
    phase: str
    error: str | None
    code: bool

    @property
    def live(self) -> bool:
        return self.event is not None


class Oracle:
    """A warm process that tries samples one after the other."""

    def __init__(self, process: "subprocess.Popen[bytes]", modules: Iterable[str]) -> None:
        self._process = process
        self._say(json.dumps(sorted(modules)).encode() + b"\n")

    def outcome(self, data: bytes, loader: str = "c") -> Outcome:
        """What loading the data with the loader meets."""
        assert self._process.stdout is not None
        self._say(json.dumps({"size": len(data), "loader": loader}).encode() + b"\n" + data)
        line = self._process.stdout.readline()
        assert line, "the oracle's process has ended"
        return Outcome(loader=loader, **json.loads(line))

    def outcomes(self, sample: Sample) -> tuple[Outcome, ...]:
        """What the sample's loaders meet, up to the first at which it is live."""
        found = []
        for loader in sample.loaders:
            found.append(self.outcome(sample.data, loader))
            if found[-1].live:
                break
        return tuple(found)

    def live(self, samples: Iterable[Sample]) -> Iterator[tuple[Sample, Outcome]]:
        """The samples that are live, each with the outcome that shows it."""
        for sample in samples:
            last = self.outcomes(sample)[-1]
            if last.live:
                yield sample, last

    def _say(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()


@contextmanager
def oracle() -> Iterator[Oracle]:
    """An oracle in a temporary folder of its own."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        script = Path(__file__).with_name("warm.py")
        process = subprocess.Popen(
            [sys.executable, "-B", "-W", "ignore", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_environment(folder),
        )
        with process:
            yield Oracle(process, _modules())


def _environment(folder: str) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "TMPDIR": folder,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }


def _modules() -> set[str]:
    named = {ref.module for gadget in gadgets() for ref in globals_in(gadget.call)}
    named |= {ref.module for ref in summarised()}
    return {one for one in named | _ALWAYS if not one.startswith(_NOT_AHEAD)}


_ALWAYS = {
    "copyreg",
    "codecs",
    "encodings.latin_1",
    "encodings.idna",
    "encodings.raw_unicode_escape",
    "encodings.unicode_escape",
    "encodings.ascii",
    "encodings.hex_codec",
    "encodings.rot_13",
    "encodings.charmap",
    "decimal",
    "fractions",
    "datetime",
    "zoneinfo",
    "uuid",
    "collections.abc",
    "dataclasses",
    "enum",
    "pathlib",
    "array",
    "numpy",
    "numpy.random",
    "joblib",
    "torch",
    "queue",
    "argparse",
    "string",
    "weakref",
    "ipaddress",
}

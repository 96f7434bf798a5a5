"""Analysers that do what their file tells them, to see what the workers make of it."""

import faulthandler
import os
import signal
import sys
import time

from probatum.errors import FormatError
from probatum.ports import Analyzer, Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

KINDS = {"text", "markdown", "unknown", "pickle", "json", "python", "yaml"}
ANALYZERS = ("hostile_analyzers:before", "hostile_analyzers:probe", "hostile_analyzers:then")
KEPT: list[object] = []


@analyzer(id="a-before", claim=Claim("before", "Something is judged before."), accepts=KINDS)
def before(artifact: Artifact, material: Material) -> Verdict:
    return Proven(Certificate("none", {"size": material.size}))


@analyzer(id="b-probe", claim=Claim("probe", "The worker survives."), accepts=KINDS)
def probe(artifact: Artifact, material: Material) -> Verdict:
    text = material.read(0, 60).decode("latin-1")
    word = text.split()[-1] if text.split() else ""
    return globals().get("_" + word, _calm)()


@analyzer(id="c-then", claim=Claim("then", "Something is judged after."), accepts=KINDS)
def then(artifact: Artifact, material: Material) -> Verdict:
    return Refuted((Witness("as planned"),))


def _calm() -> Verdict:
    return Proven(Certificate("none", {}))


def _loop() -> Verdict:
    while True:
        pass


def _cloop() -> Verdict:
    sum(range(10**12))
    return _calm()


def _sleep() -> Verdict:
    time.sleep(1000)
    return _calm()


def _eat() -> Verdict:
    while True:
        KEPT.append(bytearray(1 << 27))


def _busy() -> Verdict:
    deadline = time.process_time() + 0.02
    while time.process_time() < deadline:
        pass
    return _calm()


def _need() -> Verdict:
    KEPT.append(bytearray(1 << 27))
    KEPT.clear()
    return _calm()


def _print() -> Verdict:
    for _ in range(1000):
        sys.stdout.write("x" * (1 << 20))
        os.write(1, b"y" * (1 << 20))
    return _calm()


def _exit() -> Verdict:
    os._exit(0)


def _sysexit() -> Verdict:
    sys.exit("bye")


def _interrupt() -> Verdict:
    raise KeyboardInterrupt


def _raise() -> Verdict:
    raise RuntimeError("\x1b[2J hostile text")


def _recurse() -> Verdict:
    return _recurse()


def _kill() -> Verdict:
    os.abort()


def _segfault() -> Verdict:
    faulthandler._sigsegv()  # type: ignore[attr-defined]
    return _calm()


def _close() -> Verdict:
    os.closerange(3, 1000)
    return _calm()


def _fork() -> Verdict:
    return _calm() if os.fork() else _loop()


def _exec() -> Verdict:
    os.execv("/bin/true", ["true"])


def _write() -> Verdict:
    with open(__file__ + ".never-written", "w") as file:
        file.write("x")
    return _calm()


def _evidence() -> Verdict:
    return Proven(Certificate("none", {"much": "x" * (40 << 20)}))


def _surrogate() -> Verdict:
    return Refuted((Witness("name \ud800"),))


def _strange() -> Verdict:
    return Proven(Certificate("none", {"set": {1, 2}, "big": object()}))


def _big() -> Verdict:
    return Proven(Certificate("none", {"big": 2**200}))


def _none() -> Verdict:
    return None  # type: ignore[return-value]


def _format() -> Verdict:
    raise FormatError(Reason.TRUNCATED, "cut short")


def _stop() -> Verdict:
    os.kill(os.getpid(), signal.SIGSTOP)
    return Undecided(Reason.OPAQUE, "continued")


assert isinstance(probe, Analyzer)

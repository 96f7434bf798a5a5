"""The oracle's warm process: it forks a child for each sample and tells what the child met.

Run as a script, with the standard library alone, never imported by the tests. Protocol, on
standard input and output: first a line of JSON with the modules to import beforehand; then for
each sample a line of JSON `{"size": bytes, "loader": name}` and its bytes, answered by a line
of JSON `{"event", "detail", "phase", "error", "code"}`. `event` is null unless an effect was met.

The child loads under an audit hook that ends it at the first effect, before the effect happens:
1. it has no network where the system allows taking it away, small limits, and a folder of its own;
2. `guard` lets pass what imports of installed modules need, and ends the child on anything else;
3. effects without an audit event show as a change in the `Snapshot` of the interpreter.
"""

import _pickle
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import pickle
import resource
import select
import shutil
import signal
import sys
import tarfile
import types
import zipfile
from pathlib import Path
from typing import Any, NoReturn

from snapshot import Snapshot

TIMEOUT_S = 3.0
REPORT_FD = 900
ROOTS = tuple(
    os.path.realpath(root) + os.sep
    for root in {str(Path(os.__file__).parent), *(p for p in sys.path[1:] if Path(p).is_dir())}
)

QUIET = frozenset(
    [
        "pickle.find_class",
        "import",
        "sys._getframe",
        "sys._getframemodulename",
        "builtins.id",
        "array.__new__",
        "object.__getattr__",
        "gc.get_objects",
        "gc.get_referents",
        "gc.get_referrers",
        "sys._current_frames",
        "sys._current_exceptions",
        "sys.unraisablehook",
        "sys.excepthook",
    ]
)
IMPORTING = frozenset(
    [
        "compile",
        "exec",
        "marshal.loads",
        "code.__new__",
        "function.__new__",
        "object.__setattr__",
        "os.listdir",
        "os.scandir",
        "ctypes.dlopen",
        "ctypes.dlsym",
        "ctypes.dlsym/handle",
        "ctypes.addressof",
    ]
)
BOOTSTRAP = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")


def main() -> None:
    """Warm up, then answer samples until standard input ends."""
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    _without_network()
    for module in json.loads(jobs.readline()):
        _import(module)
    sys.path[0] = ""
    sys.unraisablehook = _silent
    # Unbuffered: what is written must show in the file's size even if it is never flushed.
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    _furnish()
    with contextlib.suppress(Exception):
        importlib.import_module("codecs").lookup("probatum-nothing")
    before = Snapshot()
    before.forget(_changed_by_forking(before))
    gc.collect()
    gc.freeze()
    while line := jobs.readline():
        job = json.loads(line)
        answer = _tried(jobs.read(job["size"]), job["loader"], before)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _silent(_: Any) -> None:
    """An unraisable hook that prints nothing: printing would read source files."""


def _import(module: str) -> None:
    saved = sys.stdout, sys.stderr
    try:
        sys.stdout = sys.stderr = io.StringIO()
        importlib.import_module(module)
    except BaseException:
        pass
    finally:
        sys.stdout, sys.stderr = saved


def _without_network() -> None:
    """Leave the network, where the system allows it; the guard ends any use of it in any case."""
    new_user, new_network = 0x10000000, 0x40000000
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        if libc.unshare(new_network) != 0:
            uid = os.getuid()
            if libc.unshare(new_user | new_network) == 0:
                Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")


def _furnish() -> None:
    """Put what the gadgets name into the (temporary) working folder."""
    for entry in Path.cwd().iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    Path("probatum-folder").mkdir()
    Path("probatum-folder/x").write_text("x")
    Path("probatum-marker").write_bytes(b"N.")
    Path("probatum.txt").write_text(">>> print(1)\n")
    Path("probatum.pth").write_text("import this\n")
    for name in ("probatum.py", "probatum_beside.py"):
        Path(name).write_text("print('probatum')\n")
    with zipfile.ZipFile("probatum.zip", "w") as archive:
        archive.writestr("probatum_zipped.py", "print('probatum')\n")
    with tarfile.open("probatum.tar", "w") as tar:
        tar.add("probatum-marker")


def _changed_by_forking(before: Snapshot) -> list[tuple[str, str]]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, json.dumps(list(before.changed())).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader, "rb") as said:
        return [(label, key) for label, key in json.load(said)]


def _tried(data: bytes, loader: str, before: Snapshot) -> dict[str, Any]:
    """What a child that loads the data meets."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.dup2(writer, REPORT_FD)
        _child(data, loader, before)
    os.close(writer)
    status, said = _outcome(pid, reader)
    answer = {"event": None, "detail": "", "phase": "load", "error": None, "code": False}
    if said:
        answer |= json.loads(said)
    elif status is None:
        answer |= {"event": "probatum.hang"}
    else:
        answer |= {"event": "probatum.end", "detail": f"status {status}"}
    if answer["event"] and answer["event"].startswith("probatum."):
        _furnish()
    return answer


def _outcome(pid: int, reader: int) -> tuple[int | None, bytes]:
    """The child's status (None: it had to be killed) and its report."""
    handle = os.pidfd_open(pid)
    ended, _, _ = select.select([handle], [], [], TIMEOUT_S)
    os.close(handle)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.set_blocking(reader, False)
    try:
        said = os.read(reader, 1 << 16)
    except BlockingIOError:
        said = b""
    os.close(reader)
    return (status if ended else None), said


def _report(**said: Any) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(REPORT_FD, json.dumps(said).encode())
    os._exit(0)


class _Guard:
    """The audit hook: ends the process at the first effect."""

    def __init__(self) -> None:
        self.armed = False
        self.phase = "load"
        self.named: set[str] = set()

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "pickle.find_class" and isinstance(args[0], str):
            self.named.add(args[0])
        if not self.armed or event in QUIET:
            return
        self.armed = False
        if _needed(event, args, sys._getframe(1)):
            self.armed = True
            return
        _report(event=event, detail=_told(args), phase=self.phase)


def _told(args: tuple[Any, ...]) -> str:
    try:
        return repr(args)[:200]
    except Exception:
        return ""


def _needed(event: str, args: tuple[Any, ...], frame: types.FrameType | None) -> bool:
    """Whether the event belongs to the import of an installed module."""
    if event == "open":
        return _reads_installed(args) and _in_import(frame)
    return event in IMPORTING and _in_import(frame)


def _reads_installed(args: tuple[Any, ...]) -> bool:
    path, mode, flags = args
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if not isinstance(path, str) or (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        return False
    return os.path.realpath(path).startswith(ROOTS) and not set(mode or "r") & set("wax+")


def _in_import(frame: types.FrameType | None) -> bool:
    """Whether the import system calls, or runs the body of an installed module."""
    first = True
    while frame is not None:
        code = frame.f_code
        if code.co_filename in BOOTSTRAP:
            if code.co_name == "_fill_cache" and first:
                return True
            if code.co_name in {"exec_module", "create_module", "get_code", "get_data"}:
                origin = _origin(frame)
                return origin is not None and os.path.realpath(origin).startswith(ROOTS)
        first = False
        frame = frame.f_back
    return False


def _origin(frame: types.FrameType) -> str | None:
    local = frame.f_locals
    for value in (local.get("path"), local.get("source_path"), local.get("spec")):
        if isinstance(value, str):
            return value
        if value is not None:
            return getattr(value, "origin", None)
    spec = getattr(local.get("module"), "__spec__", None)
    return getattr(spec, "origin", None) or getattr(local.get("self"), "path", None)


def _child(data: bytes, loader: str, before: Snapshot) -> NoReturn:
    """Load the data, drop what it returned, compare the interpreter, report."""
    _confine()
    before.begin()
    guard = _Guard()
    sys.addaudithook(guard)
    error = None
    code = False
    guard.armed = True
    try:
        loaded = LOADERS[loader](data)
        code = _holds_code(loaded)
    except BaseException as exc:
        error = type(exc).__name__ + _message(exc)
        del exc
    guard.phase = "drop"
    loaded = None
    gc.collect()
    guard.phase = "after"
    with contextlib.suppress(LookupError):
        importlib.import_module("codecs").lookup("probatum-nothing")
    guard.armed = False
    try:
        change = before.change(guard.named)
    except BaseException as exc:
        change = f"the snapshot fails with {exc!r}"
    if change:
        _report(event="probatum.change", detail=change, phase="after", error=error, code=code)
    _report(error=error, code=code)


def _message(exc: BaseException) -> str:
    try:
        return f": {exc}"[:200]
    except Exception:
        return ""


def _confine() -> None:
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, 5),
        (resource.RLIMIT_FSIZE, 1 << 20),
        (resource.RLIMIT_AS, 8 << 30),
    ):
        resource.setrlimit(limit, (value, value))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    said = os.memfd_create("said")
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.close(said)


def _holds_code(value: Any) -> bool:
    """Whether what came back holds a function, a method or a module."""
    seen: set[int] = set()
    todo = [value]
    while todo and len(seen) < 10_000:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, _CODE):
            return True
        if isinstance(one, dict):
            todo += [*dict.keys(one), *dict.values(one)]
        elif isinstance(one, list | tuple | set | frozenset):
            todo += list(one)
        elif type(getattr(one, "__dict__", None)) is dict:
            todo += list(one.__dict__.values())
    return False


_CODE = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
    types.CodeType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)


def _streams(data: bytes) -> list[Any]:
    """Every stream of the file, as legacy torch files and logs of pickles are read."""
    file = io.BytesIO(data)
    found = []
    while file.tell() < len(data):
        found.append(_pickle.load(file))
    return found


class _Persistent(pickle.Unpickler):
    """As torch and others load: persistent ids become something inert."""

    def persistent_load(self, pid: Any) -> Any:
        return bytearray(8)


def _npy(data: bytes) -> Any:
    numpy = sys.modules["numpy"]
    loaded = numpy.load(io.BytesIO(data), allow_pickle=True)
    return {name: loaded[name] for name in loaded.files} if hasattr(loaded, "files") else loaded


def _joblib(data: bytes) -> Any:
    return sys.modules["joblib"].load(io.BytesIO(data))


def _torch(data: bytes) -> Any:
    return sys.modules["torch"].load(io.BytesIO(data), weights_only=False)


def _zip(data: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [_Persistent(archive.open(one)).load() for one in archive.infolist()]


def _tar(data: bytes) -> Any:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [archive.extractfile(one) for one in archive if one.isfile()]
        return [_Persistent(one).load() for one in members if one is not None]


def _decompressed(module: str) -> Any:
    return lambda data: _pickle.loads(importlib.import_module(module).decompress(data))


LOADERS = {
    "c": _pickle.loads,
    "py": pickle._loads,  # type: ignore[attr-defined]
    "streams": _streams,
    "persistent": lambda data: _Persistent(io.BytesIO(data)).load(),
    "npy": _npy,
    "joblib": _joblib,
    "torch": _torch,
    "zip": _zip,
    "tar": _tar,
    "gzip": _decompressed("gzip"),
    "bz2": _decompressed("bz2"),
    "xz": _decompressed("lzma"),
    "zlib": _decompressed("zlib"),
}

if __name__ == "__main__":
    main()

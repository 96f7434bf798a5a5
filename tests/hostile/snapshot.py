"""The interpreter's state, so that an effect without an audit event still shows.

`Snapshot()` notes every module's names, every class's and function's attributes, the contents of
module-level containers, and what the interpreter and the process keep outside of modules;
`change()` names the first thing that is different now. It keeps what it noted alive, so that an
identity is never one that was freed and given anew.
"""

import _thread
import atexit
import codecs
import collections
import decimal
import faulthandler
import gc
import locale
import os
import random
import signal
import sys
import threading
import tracemalloc
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

CACHES = frozenset(
    [
        "_cache",
        "_cache2",
        "__warningregistry__",
        "cache",
        "path_importer_cache",
        "_pattern_cache",
        "_regex_cache",
        "modulesbyfile",
        "_filesbymodname",
        "_abc_impl",
        "__doc__",
        "_registry",
        "__annotations_cache__",
        "__annotations__",
        "_value2member_map_",
        "_aliases",
        "modules_by_name",
        "pathdirs",
        "meta",
        "_sysconfigdata",
        "_weakref_cache",
        "_strptime",
        "_format_cache",
        "last_traceback",
        "last_value",
        "last_type",
        "__pycache__",
        "_lock",
        "_module_locks",
        "_blocking_on",
    ]
)

# The modules whose contents are the interpreter's own state, or whose calls change others'.
CORE = frozenset(
    [
        "sys",
        "builtins",
        "os",
        "posix",
        "warnings",
        "_warnings",
        "logging",
        "threading",
        "signal",
        "atexit",
        "copyreg",
        "codecs",
        "encodings",
        "gettext",
        "locale",
        "mimetypes",
        "shutil",
        "webbrowser",
        "uuid",
        "time",
        "random",
        "decimal",
        "json",
        "json.decoder",
        "sqlite3",
        "_sqlite3",
        "csv",
        "_csv",
        "multiprocessing.context",
        "concurrent.futures._base",
        "importlib",
        "importlib._bootstrap_external",
        "site",
        "linecache",
        "urllib.request",
        "urllib.parse",
        "socket",
        "tempfile",
        "collections",
        "collections.abc",
        "_collections_abc",
        "io",
        "pickle",
        "types",
        "functools",
        "gc",
        "abc",
        "unittest.signals",
        "re",
        "struct",
        "weakref",
        "asyncio.events",
        "pkgutil",
        "ensurepip",
        "zipimport",
    ]
)

_Show = Callable[[], tuple[list[Any], list[Any]]]
_Thing = tuple[str, _Show]


class Snapshot:
    """What the interpreter looked like when this was made."""

    def __init__(self) -> None:
        self._modules = {name: one for name, one in sys.modules.items() if one is not None}
        self._kept = {
            name: [(label, show, *_noted(show())) for label, show in things]
            for name, things in self._things()
        }
        self._forked: frozenset[tuple[str, str]] = frozenset()
        self.begin()

    def begin(self) -> None:
        """Note again what a fork changes by itself: process, files, random state."""
        self._process = _process()

    def change(self, named: Iterable[str]) -> str | None:
        """The first difference between then and now.

        Looked for in the modules that hold the interpreter's own state, and in the `named`: to
        look at all there is touches every page that the forked child shares, 0.2 s a child.
        """
        now = _process()
        for key, value in self._process.items():
            if now[key] != value:
                return f"{key}: {value!r} is now {now[key]!r}"[:200]
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                return f"sys.modules[{name!r}] is replaced"
        changed = (one for one in self.changed(CORE | set(named)) if one not in self._forked)
        return next((": ".join(one)[:200] for one in changed), None)

    def changed(self, modules: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
        """What is noted of modules, classes, functions and containers and is different now."""
        for module in self._kept if modules is None else modules:
            for label, show, names, _, ids in self._kept.get(module, ()):
                values = show()
                if list(map(id, values[1])) != ids or values[0] != names:
                    for key in _differences(label, names, ids, values):
                        yield label, key

    def forget(self, forked: Iterable[tuple[str, str]]) -> None:
        """Leave out what a fork changes by itself (locks that are made anew)."""
        self._forked = frozenset(forked)

    def _things(self) -> Iterator[tuple[str, Iterator[_Thing]]]:
        seen: set[int] = {id(CACHES), id(CORE)}
        for name, module in self._modules.items():
            if isinstance(module, types.ModuleType) and name not in {"snapshot", "__main__"}:
                yield name, _in_module(name, module, seen)


def _in_module(name: str, module: types.ModuleType, seen: set[int]) -> Iterator[_Thing]:
    yield name, _namespace(vars(module))
    for attribute, value in list(vars(module).items()):
        if attribute not in CACHES and attribute != "__builtins__":
            yield from _inside(f"{name}.{attribute}", value, seen, depth=2)


def _inside(label: str, value: Any, seen: set[int], depth: int) -> Iterator[_Thing]:
    if isinstance(value, _ATOMS) or id(value) in seen or depth < 0:
        return
    seen.add(id(value))
    if isinstance(value, type):
        yield label, _namespace_of(value)
        for attribute, inner in list(vars(value).items()):
            if isinstance(inner, types.FunctionType | dict | list | set):
                yield from _inside(f"{label}.{attribute}", inner, seen, depth - 1)
    elif isinstance(value, types.FunctionType):
        yield label, _function(value)
    elif type(value) in {dict, collections.OrderedDict, collections.defaultdict}:
        yield label, _namespace(value)
    elif type(value) in {list, collections.deque, set}:
        yield label, lambda: ([], list(value))
    elif type(getattr(value, "__dict__", None)) is dict and not isinstance(value, types.ModuleType):
        yield label, _namespace(value.__dict__)
        for attribute, inner in list(value.__dict__.items()):
            if attribute not in CACHES:
                yield from _inside(f"{label}.{attribute}", inner, seen, depth - 1)


_ATOMS = (str, bytes, int, float, complex, tuple, frozenset, type(None), types.BuiltinFunctionType)


def _namespace(space: Any) -> _Show:
    def show() -> tuple[list[Any], list[Any]]:
        if CACHES.isdisjoint(one for one in space if type(one) is str):
            return list(space), list(space.values())
        kept = [key for key in space if type(key) is not str or key not in CACHES]
        return kept, [space[key] for key in kept]

    return show


def _namespace_of(cls: type) -> _Show:
    space = vars(cls)

    def show() -> tuple[list[Any], list[Any]]:
        kept = [key for key in space if key not in CACHES]
        return kept, [space[key] for key in kept]

    return show


def _function(one: types.FunctionType) -> _Show:
    def show() -> tuple[list[Any], list[Any]]:
        own = one.__dict__
        names = ["its code", "its defaults", "its keyword defaults", *own]
        return names, [one.__code__, one.__defaults__, one.__kwdefaults__, *own.values()]

    return show


def _noted(shown: tuple[list[Any], list[Any]]) -> tuple[list[Any], list[Any], list[int]]:
    return shown[0], shown[1], list(map(id, shown[1]))


def _differences(label: str, names: list[Any], ids: list[int], now: Any) -> list[str]:
    if len(names) != len(ids) or len(now[0]) != len(now[1]):
        return ["its contents"]
    old, new = dict(zip(names, ids, strict=True)), dict(zip(*now, strict=True))
    imported = {key for key in {*new} - {*old} if _is_import(label, key, new[key])}
    other = {key for key in {*new, *old} - imported if id(new.get(key)) != old.get(key)}
    return [repr(key) for key in other] if other or imported else ["its order"]


def _is_import(label: str, key: Any, value: Any) -> bool:
    """Whether a name is new because an import put a module there."""
    expected = key if label == "sys.modules" else f"{label}.{key}"
    return isinstance(value, types.ModuleType) and value.__name__ == expected


def _process() -> dict[str, Any]:
    """What is kept outside of modules."""
    mask = os.umask(0)
    os.umask(mask)
    return {
        "gc": (gc.isenabled(), gc.get_threshold(), gc.get_debug(), len(gc.callbacks)),
        "sys": (
            sys.gettrace(),
            sys.getprofile(),
            sys.getrecursionlimit(),
            sys.getswitchinterval(),
            sys.get_int_max_str_digits(),
            sys.getdlopenflags(),
            tuple(sys.get_asyncgen_hooks()),
            sys.get_coroutine_origin_tracking_depth(),
        ),
        "threads": (threading.active_count(), _thread._count(), _thread.stack_size()),
        "atexit": atexit._ncallbacks(),
        "signals": [signal.getsignal(one) for one in signal.valid_signals()],
        "signal mask": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "timers": [signal.getitimer(one)[0] > 0 for one in range(3)],
        "umask": mask,
        "identity": (os.getresuid(), os.getresgid(), os.getpriority(os.PRIO_PROCESS, 0)),
        "affinity": os.sched_getaffinity(0),
        "working folder": os.getcwd(),
        "files": sorted((e.name, e.stat(follow_symlinks=False).st_mode) for e in os.scandir()),
        "environment": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL),
        "error handlers": _has_handler(),
        "faulthandler": faulthandler.is_enabled(),
        "tracemalloc": tracemalloc.is_tracing(),
        "random": hash(random.getstate()),
        "decimal": _decimal(),
        "children": _children(),
        "output": _written(),
        "numpy": _numpy(),
    }


def _has_handler() -> bool:
    try:
        codecs.lookup_error("probatum")
    except LookupError:
        return False
    return True


def _children() -> str:
    try:
        return repr(os.waitpid(-1, os.WNOHANG))
    except ChildProcessError:
        return "none"


def _written() -> int:
    """Bytes that went to standard output or standard error (in a child, files in memory)."""
    try:
        return sum(os.lseek(fd, 0, os.SEEK_END) for fd in (1, 2))
    except OSError:
        return 0


def _decimal() -> Any:
    """How decimals are computed; which signals were once raised is no effect."""
    context = decimal.getcontext()
    return (context.prec, context.rounding, context.Emin, context.Emax, repr(context.traps))


def _numpy() -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "geterr"):
        return None
    drawn = numpy.random.get_state(legacy=False)["state"]
    return (
        numpy.geterr(),
        numpy.geterrcall(),
        numpy.get_printoptions(),
        numpy.getbufsize(),
        drawn["pos"],
        int(drawn["key"][0]),
    )

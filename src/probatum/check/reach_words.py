"""The names by which code imports, finds or calls what it does not name."""

import sys

IMPORTERS = {
    "__import__", "import_module", "resolve_name", "run_module", "run_path", "find_spec",
    "find_module", "find_loader", "get_loader", "load_module", "load_source", "exec_module",
    "spec_from_file_location", "spec_from_loader", "module_from_spec", "SourceFileLoader",
    "SourcelessFileLoader", "ExtensionFileLoader", "execfile", "locate",
    "loadTestsFromName", "loadTestsFromNames", "_gcd_import",
    "find_and_load", "load_dynamic", "load_compiled", "safeimport", "import_from_string",
}  # fmt: skip
"""What imports a module by a text, or makes one of a file."""
RUNNERS = {"exec", "eval", "compile"}
BY_TEXT = {"__import__", "import_module", "exec_module", "load_module", "run_module", "run_path",
            "TYPE_CHECKING", "pythonapi"}  # fmt: skip
OPTIONS = {"-m", "-c", "-p", "-A"}
LISTS = {
    "globals", "locals", "vars", "dir", "__dict__", "getmembers", "getmembers_static", "modules",
    "__subclasses__", "_getframe", "currentframe", "get_objects", "get_referrers", "get_referents",
    "__all__", "__getattribute__", "__globals__", "f_globals", "f_locals", "f_builtins",
    "__builtins__", "iter_modules", "walk_packages", "pythonapi",
}  # fmt: skip
"""By what code gets at objects without their names."""
SETTERS = {"__dict__", "__setattr__"}
"""By what an attribute is bound without standing on the left of an assignment."""
FUNCTIONS = {"globals", "locals", "vars", "dir"}
HARMLESS = {
    "abc.abstractmethod", "typing.overload", "typing_extensions.overload", "functools.wraps",
    "functools.cache", "functools.lru_cache", "contextlib.contextmanager", "typing.final",
    "contextlib.asynccontextmanager", "functools.cached_property", "typing_extensions.final",
    "typing.override", "typing_extensions.override", "functools.total_ordering",
    "dataclasses.dataclass", "typing.runtime_checkable", "enum.unique",
}  # fmt: skip
"""Decorators that keep what they are given under its own name, and do not call it."""
BUILT_IN = {"staticmethod", "classmethod", "property"}
GETTERS = {"getattr", "attrgetter", "methodcaller", "getattr_static"}
SYSTEM = {"builtins", "__builtins__", "importlib", "runpy", "pkgutil", "imp", "zipimport",
          "ctypes", "code"}  # fmt: skip
"""Modules of which a computed name may be a means to import anything."""
PATHS = {"path", "addsitedir", "addpackage", "__path__", "PYTHONPATH", "extend_path", "chdir"}
POINTS = {"entry_points", "iter_entry_points", "load_entry_point", "get_entry_map",
           "get_entry_info", "WorkingSet", "working_set", "EntryPoint"}  # fmt: skip
UNPICKLERS = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal",
               "jsonpickle", "pickle5"}  # fmt: skip
UNPICKLES = {"load", "loads", "Unpickler", "open", "Shelf", "decode"}
INTERPRETERS = {
    "timeit": {"timeit", "repeat", "Timer"}, "cProfile": {"run", "runctx"},
    "profile": {"run", "runctx"}, "trace": {"Trace"}, "bdb": {"Bdb"},
    "pdb": {"Pdb", "run", "runeval", "runcall"},
    "code": {"InteractiveInterpreter", "InteractiveConsole", "interact"},
}  # fmt: skip
"""What of the standard library runs a text as code."""
STARTERS = {
    "run", "Popen", "call", "check_call", "check_output", "system", "popen", "execv", "execve",
    "execl", "execvp", "execvpe", "spawnv", "spawnve", "spawnl", "spawnvp", "posix_spawn",
    "create_subprocess_exec", "create_subprocess_shell", "getoutput", "getstatusoutput",
}  # fmt: skip
"""What starts another program."""
FOR_TYPES = {"typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING"}
DOCTESTS = {"doctest", "testmod", "testfile", "run_docstring_examples", "doctest_modules"}
PROTOCOLS = {
    "read", "readline", "readlines", "readinto", "write", "writelines", "close", "flush", "seek",
    "tell", "fileno", "isatty", "acquire", "release", "keys", "values", "items", "get", "run",
    "start", "emit", "handle", "format", "filter", "send", "throw", "recv", "put", "append",
    "extend", "update", "wait", "notify", "find_spec", "exec_module", "create_module",
    "find_module", "load_module", "getvalue", "encode", "decode", "default", "object_hook",
    "persistent_load", "persistent_id", "find_class", "reducer_override", "dispatch_table",
    "isoformat", "utcoffset", "tzname", "dst", "fromutc", "key", "cmp", "sort", "copy", "pop",
    "add", "remove", "clear", "insert", "index", "count", "mro", "compile", "query", "resolve",
    "lock", "unlock", "accept", "connect", "data_received", "connection_made", "connection_lost",
    "datagram_received", "error_received", "eof_received", "pause_writing", "resume_writing",
    "get_source", "is_package", "get_code", "get_data", "get_filename", "invalidate_caches",
    "startElement", "endElement", "characters", "visit", "generic_visit", "setUp", "tearDown",
}  # fmt: skip
"""Methods that Python's own library and compiled code call on any object."""
STANDARD = sys.stdlib_module_names | {
    "__main__", "StringIO", "cStringIO", "urllib2", "urlparse", "Queue", "ConfigParser", "cPickle",
    "__builtin__", "httplib", "Cookie", "cookielib", "HTMLParser", "htmlentitydefs", "Tkinter",
    "thread", "dummy_thread", "SocketServer", "BaseHTTPServer", "SimpleHTTPServer", "xmlrpclib",
    "commands", "exceptions", "imp", "distutils", "asyncore", "asynchat", "smtpd", "cgi", "cgitb",
    "pipes", "copy_reg", "UserDict", "UserList", "md5", "sha", "sets", "robotparser", "anydbm",
    "formatter", "parser", "symbol", "binhex", "tomllib", "dummy_threading", "_dummy_thread",
}  # fmt: skip
"""Modules of Python's own library, those too that it had once or has since."""

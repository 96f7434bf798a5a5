"""Which modules of an environment, and which of their functions, a project may run: by names.

Everything of the project counts as run. Of the environment a module runs if something that runs
imports it; a function if something that runs has its name, whatever it means by it; a class's
methods if something has the class's. No types are guessed, and nothing is resolved.
"""

import contextlib
import re
from collections.abc import Iterable
from typing import NoReturn

from probatum.check import reach_words as words
from probatum.check.reach_archives import holds_modules
from probatum.check.reach_demands import missing
from probatum.check.reach_files import MAIN, MODULE, Class, File, Load, Unit
from probatum.check.reach_modules import Modules, is_short, points
from probatum.check.reach_program import Program
from probatum.check.reach_texts import is_bare, pattern
from probatum.check.reach_units import read, words_of
from probatum.errors import Rejected

_BYTES = re.compile(rb"(?<![\w.])[A-Za-z_]\w+(?:\.[A-Za-z_]\w*)*")
_TESTS = re.compile(r"(.*/)?(test_[^/]*|[^/]*_test|conftest)\.py")
_ALWAYS = ("sitecustomize", "usercustomize")
_SCRIPTS = ("console_scripts", "gui_scripts")
_ARCHIVES = (".egg", ".zip", ".whl", ".pyz")
_TEXT_MOST = 1 << 20
_CODE_MOST = 128 << 20
_BESIDE_MOST = 64 << 20


class _Doubted(Exception):
    """Nothing can be ruled out any more."""


class Closure:
    """What runs. `doubt` says, with its place, what keeps anything from being ruled out."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.modules = Modules(program)
        self.doubt = ""
        self.files: dict[str, File] = {}
        self.native: set[str] = set()
        self.ran: set[Unit] = set()
        self.read: set[str] = set()
        self.words: set[str] = set(words.PROTOCOLS)
        self.free = ""
        self._spelled: set[str] = set()
        self._patterns: set[str] = set()
        self._mains: set[str] = set()
        self._opened: set[str] = set()
        self._resting: list[Unit] = []
        self._classes: dict[tuple[str, str], tuple[File, Class]] = {}
        own = (one for one in program.spans if program.is_own(one))
        self._own_tops = {part.partition(".")[0] for one in own for part in one.split("/")}
        home = re.match(r"(.+)/(?:lib|lib64|Lib)/", program.site)
        bins = rf"{re.escape(home[1])}/(?:bin|Scripts)/" if home is not None else r"\Z."
        self._commands = re.compile(bins)
        self._points: list[tuple[str, str, str, str]] = []
        self._waiting: list[tuple[str, str]] = []
        self._stars: set[str] = set()
        self._missed: set[tuple[str, str]] = set()
        self._now = "the environment"
        self._rests: dict[str, str] = {}
        self._fetch_rests: dict[str, tuple[Unit, int]] = {}
        self._stored: set[str] = set()
        self._sets = False
        self.importers: dict[str, str] = {}
        self._size = self._beside = 0
        try:
            for one in program.left_out:
                self._doubt(f"{one}, so what it holds is not known")
            self._run_all()
        except _Doubted:
            pass

    # --- what runs --------------------------------------------------------------------------

    def functions(self, module: str, function: str) -> list[Unit]:
        """The units of a function, method or class of a module that may run."""
        cls, _, name = function.rpartition(".")
        own = [one for one in self.ran if is_of(one.module, module)]
        found = [one for one in own if one.name == name and one.cls == cls]
        found = found or [one for one in own if one.cls == function]
        had = any(
            at == function and is_of(file.module, module) and (self.free or self._is_had(known))
            for (_, at), (file, known) in self._classes.items()
        )
        return found or [one for one in own if had and one.name == MODULE and not one.cls]

    def imports(self, module: str) -> bool:
        """Whether a module of this name may be imported, wherever it lies."""
        files = (is_of(one.module, module) for one in self.files.values())
        return any(files) or any(is_of(one, module) for one in self.native)

    # --- to a fixed point -------------------------------------------------------------------

    def _run_all(self) -> None:
        paths = [
            one
            for one in sorted(self.program.spans)
            if not self.program.is_own(one) and _is_path_file(one[len(self.program.site) :])
        ]
        code = [(name, line) for name in paths for line in self._path_file(name)]
        for number, (name, line) in enumerate(code):
            self._start(name, number, line)
        for name in sorted(self.program.spans):
            if self.program.is_own(name) and not self._commands.match(name):
                self._own(name)
            elif name.endswith("/entry_points.txt"):
                self._read_points(name)
            elif name.endswith(_ARCHIVES):
                self._doubt(f"{name} is an archive that may hold modules")
        for module in _ALWAYS:
            self._want(module)
        before: tuple[int, ...] = ()
        while before != (before := self._weight()):
            self._load_all()
            self._bind_elsewhere()
            self._wake()
            self._load_all()
            self._elsewhere()
            self._follow_points()
            if self.words & words.DOCTESTS:
                for file in list(self.files.values()):
                    documents, file.documents = file.documents, []
                    self._texts(documents)
                    self.words.update(word for one in documents for word in words_of(one))
        if missed := missing(self.ran, self.files, self.modules.files.keys(), self._is_there):
            self._doubt(missed)
        for name in sorted(self.program.spans):
            if self.program.is_own(name) and holds_modules(self.program, name):
                self._doubt(f"{name} is an archive that may hold modules")

    def _weight(self) -> tuple[int, ...]:
        """What grows as long as something more may run."""
        return (len(self.ran), len(self.files), len(self.importers), len(self.words),
                len(self._waiting), len(self._mains))  # fmt: skip

    def _own(self, name: str) -> None:
        """A file of the project: all of it runs, and every word of it counts."""
        if name.lower().endswith((".py", ".pyw", ".ipynb")):
            module = name.rpartition(".")[0].replace("/", ".").removesuffix(".__init__")
            self._take(name, module, True)
            return
        if name.endswith("pyvenv.cfg"):
            text = self.program.content(name, _TEXT_MOST).decode("utf-8", "replace").lower()
            if re.search(r"include-system-site-packages\s*=\s*true", text):
                self._doubt(f"{name} adds packages from outside of the environment")
        if self.program.spans[name][1] > _TEXT_MOST:
            return  # what such files name is an assumption
        self._beside += self.program.spans[name][1]
        if self._beside > _BESIDE_MOST:
            self._doubt(f"the project has more than {_BESIDE_MOST:,} bytes that are no Python")
        self.read.add(name)
        data = self.program.content(name)
        text = data.decode("latin-1")
        self.words.update(words_of(text))
        self._texts([text])
        if b"import" in data and b"\0" not in data:
            self._script(name, data)
        if name.endswith(_ARCHIVES) or name.endswith((".so", ".pyd", ".pyc")):
            self._doubt(f"{name} may hold code that was not read")

    def _script(self, name: str, data: bytes) -> None:
        """A file that may be Python though its name does not say so."""
        with contextlib.suppress(Rejected):
            file = read(name, data, "", True)
            self._admit(name, file)
            for unit in file.units:
                self._run(unit)

    def _take(self, name: str, module: str, is_own: bool) -> None:
        if name in self.files:
            return
        try:
            content = self.program.content(name)
            self._size += len(content)
            if self._size > _CODE_MOST:
                raise Rejected(f"more than {_CODE_MOST:,} bytes of code may run")
            file = read(name, content, module, is_own)
        except Rejected as exc:
            self._doubt(str(exc))
            return
        self.read.add(name)
        self._admit(name, file)
        for one, cls in file.classes.items():
            self._classes[name, one] = file, cls
        for unit in file.units:
            if is_own or (unit.name == MODULE and not unit.cls):
                self._run(unit)
            else:
                self._resting.append(unit)

    def _admit(self, name: str, file: File) -> None:
        self.files[name] = file
        if file.has_patterns and ("re" in self._own_tops or self.modules.like("re")):
            self._doubt(f"{name} imports compile from re, and another re is there")

    def _run(self, unit: Unit) -> None:
        self.ran.add(unit)
        self._now = f"{unit.file}, line {unit.line}"
        self.words |= unit.words
        file = self.files.get(unit.file)
        is_script = bool(unit.texts & {"-c", "-m"})
        self._texts(unit.texts, is_script or file is None or file.is_own)
        for load in unit.loads:
            self._load(unit, load)
        for of, names, _ in unit.imports:
            self._import(of, names, unit)
        bound = file.imported if file is not None else {}
        for word in unit.words & bound.keys():
            for of in bound[word]:
                first, _, rest = of.partition(".")
                if first in words.UNPICKLERS and (unit.words | {rest}) & words.UNPICKLES:
                    self._doubt(f"{unit.file} unpickles what may name any code")
                if (unit.words | {rest}) & words.INTERPRETERS.get(first, set()):
                    self._doubt(f"{unit.file} uses {first}, which runs texts as code")
        self._stored |= unit.stores
        self._stored.update(word for one in unit.texts for word in words_of(one))
        self._sets |= unit.sets
        for name in unit.rests:
            self._rests.setdefault(name, self._now)
        for name in unit.fetch_rests:
            self._fetch_rests.setdefault(name, (unit, unit.line))
        for pieces, line in unit.fetches:
            if not is_bare(pieces):
                self._patterns.add(pattern(pieces))
            else:
                self._let_free(unit, line, "reads a computed name")
        for name, line in unit.lists:
            self._let_free(unit, line, f"names {name}")
            if self.words & {"builtins", "__builtins__"} and unit.words & {
                "builtins",
                "__builtins__",
            }:
                self._doubt(f"{unit.file}, line {line} names {name} beside builtins")
        for line in unit.starts if unit.words & words.STARTERS else ():
            self._doubt(f"{unit.file}, line {line} starts another interpreter")
        if unit.texts & words.RUNNERS and unit.words & {"builtins", "__builtins__"}:
            self._doubt(f"{unit.file}, line {unit.line} names what runs a text as code")
        for of, line in unit.bare:
            if of.partition(".")[0] in words.SYSTEM and of in words.STANDARD | {"importlib.util"}:
                self._doubt(f"{unit.file}, line {line} hands over the module {of}")
            if of in self.modules.files:
                self._let_free(unit, line, f"hands over the module {of}")

    def _is_there(self, top: str) -> bool:
        return top in self.modules.tops or top in self._own_tops or top in words.STANDARD

    def _let_free(self, unit: Unit, line: int, says: str) -> None:
        """From now on all functions of the modules that are imported may run."""
        self.free = self.free or f"{unit.file}, line {line} {says}"

    def _bind_elsewhere(self) -> None:
        """A name by which something is imported or fetched, and that another module may bind."""
        sets = self._sets or bool(self.words & words.SETTERS)
        sets |= any(re.fullmatch(one, to) for one in self._patterns for to in words.SETTERS)
        for name, (unit, line) in sorted(self._fetch_rests.items()):
            if sets or name in self._stored:
                self._let_free(unit, line, f"reads a name by {name}, which others may bind")
        for name, place in sorted(self._rests.items()):
            if sets or self.free or name in self._stored:
                self._doubt(f"{place} imports by {name}, which others may bind")

    def _wake(self) -> None:
        """Run what rests and now may run."""
        again = True
        while again:
            again = False
            patterns = [re.compile(one, re.DOTALL) for one in sorted(self._patterns)]
            resting, self._resting = self._resting, []
            for unit in resting:
                if self._may_run(unit, patterns):
                    self._run(unit)
                    again = True
                else:
                    self._resting.append(unit)

    def _may_run(self, unit: Unit, patterns: list[re.Pattern[str]]) -> bool:
        if unit.name == MAIN and not unit.cls:
            return unit.module in self._mains
        if self.free or unit.is_handed_over or _is_special(unit.name):
            return True
        if unit.module in self._opened:
            return True
        private = f"_{unit.cls.rpartition('.')[2].lstrip('_')}{unit.name}"
        if unit.name.startswith("__") and private in self.words:
            return True
        if unit.name in self.words or any(one.fullmatch(unit.name) for one in patterns):
            return True
        return bool(unit.cls) and self._is_had(self._classes[unit.file, unit.cls][1])

    def _is_had(self, cls: Class) -> bool:
        """Whether anything may have the class: what it is given to may call any of its methods.

        One with a base may be found through that: a base is told of those that inherit from it.
        """
        named = cls.name in self.words or cls.is_handed_over
        return named or any(base != "object" for base in cls.bases)

    # --- imports ----------------------------------------------------------------------------

    def _import(self, of: str, names: Iterable[str], unit: Unit) -> None:
        self._want(of, unit)
        for name in names:
            if name == "*":
                self._stars.add(of)
            else:
                self._want(f"{of}.{name}")

    def _want(self, dotted: str, unit: Unit | None = None) -> None:
        """Import a module and the packages that it lies in, as far as they are there."""
        parts = dotted.split(".")
        for end in range(1, len(parts) + 1):
            module = ".".join(parts[:end])
            if module in self.modules.files and module not in self.importers:
                self.importers[module] = self._now
                self._waiting += [(file, module) for file in self.modules.files[module]]
        if dotted and dotted not in self.modules.files:
            self._missed.add((dotted, unit.module.partition(".")[0] if unit is not None else ""))

    def _load_all(self) -> None:
        """Read what waits to be imported, and all that it imports in turn."""
        while self._waiting:
            self._load_file(*self._waiting.pop())
            if not self._waiting:
                for of in sorted(self._stars):
                    for path in self.modules.files.get(of, ()):
                        if (file := self.files.get(path)) is not None:
                            beside = self.modules.within(of) if file.all_is_open else ()
                            for one in (*file.all, *beside):
                                self._want(f"{of}.{one}")

    def _elsewhere(self) -> None:
        """Modules that lie at no top: a path may have been added by which they are found."""
        paths, packages = bool(self.words & words.PATHS), "__path__" in self.words
        for dotted, top in sorted(self._missed):
            first, dot, last = dotted.rpartition(".")
            if first.partition(".")[0] not in self.modules.tops or not dot:
                for module in self.modules.like(dotted):
                    if paths or (top and module.startswith(f"{top}.")):
                        self._want(module)
            elif packages:
                for module in self.modules.like(last):
                    self._want(module)

    def _load_file(self, file: str, module: str) -> None:
        if file in self.files:
            return
        suffix = file.rpartition(".")[2]
        if suffix in ("py", "pyw"):
            self._take(file, module, False)
        elif suffix == "pyc":
            self._doubt(f"{file} is compiled code without a source")
        elif file not in self.read:
            self._native(file, module)

    def _native(self, file: str, module: str) -> None:
        """A compiled module: it may import what it spells, relative to its packages too."""
        parts = module.split(".")
        packages = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
        self.native.add(module)
        self.read.add(file)
        self._size += self.program.spans[file][1]
        if self._size > _CODE_MOST:
            self._doubt(f"more than {_CODE_MOST:,} bytes of code may run")
        rest = b""
        for piece in self.program.pieces(file):
            data = rest + piece
            found = set(_BYTES.findall(data))
            for one in found:
                text = one.decode()
                if named := self.modules.spelled(text):
                    self._open(named)
                for package in packages:
                    if f"{package}.{text}" in self.modules.files:
                        self._open(f"{package}.{text}")
                self.words.update(text.split("."))
            rest = data[-256:]

    def _texts(self, texts: Iterable[str], is_own: bool = True) -> None:
        """Import what texts name. Who imports by a name may call anything there by one."""
        for text in texts:
            if is_own or is_short(text):
                self._spelled.update(words_of(text))
            named = self.modules.named_in if is_own else self.modules.meant_by
            for module in named(text):
                self._open(module)

    def _open(self, module: str) -> None:
        """Import a module that a text names; as a command too."""
        self._opened.add(module)
        self._mains.update((module, f"{module}.__main__"))
        self._want(f"{module}.__main__")

    # --- names that are put together --------------------------------------------------------

    def _load(self, unit: Unit, load: Load) -> None:
        of = load.of
        if len(of) == 1 and of[0] is not None:
            self._whole(of[0], load)
            return
        known = of[0] if of else None
        if known and known.startswith(".") and load.package:
            known = load.package.partition(".")[0] + "."
            of = (known, None)
        if not known or not re.match(r"[^\W\d]\w*\.", known):
            self._doubt(f"{unit.file}, line {load.line}: {load.says} is given a computed name")
        names = re.compile(pattern(of), re.DOTALL)
        for module in self.modules.tops.get(str(known).partition(".")[0], ()):
            if names.fullmatch(module):
                self._want(module)

    def _whole(self, name: str, load: Load) -> None:
        if name.startswith("."):
            level = len(name) - len(name.lstrip("."))
            parts = (load.package or "").split(".")
            name = ".".join([*parts[: len(parts) - level + 1], name.lstrip(".")])
            if load.package is None:
                self._doubt(f"{load.says} is given a name relative to one that is not known")
        for module in self.modules.at(name.removesuffix(".py")) if "/" in name else ():
            self._open(module)
        self._open(name.replace(":", "."))

    # --- entry points and paths -------------------------------------------------------------

    def _read_points(self, name: str) -> None:
        self.read.add(name)
        try:
            text = self.program.content(name, _TEXT_MOST).decode("utf-8", "replace")
        except Rejected as exc:
            self._doubt(str(exc))
        self._points += points(text)

    def _follow_points(self) -> None:
        """Commands whose names stand in a text, and all plugins if something asks for any."""
        asked = bool(self.words & words.POINTS)
        tested = any(_TESTS.fullmatch(one) for one in self.files)
        for group, name, module, function in self._points:
            named = set(words_of(name)) <= self._spelled
            if named if group in _SCRIPTS else asked or (tested and group == "pytest11"):
                self._want(module)
                self._mains.add(module)
                self.words.update(words_of(function))
        for name in sorted(self.program.spans):
            base = name.rpartition("/")[2].removesuffix(".exe")
            waits = self._commands.match(name) and name not in self.read | self.files.keys()
            if waits and set(words_of(base)) <= self._spelled:
                self._own(name)

    def _path_file(self, name: str) -> list[str]:
        """A `.pth`: its lines that run as code; the others add a folder."""
        self.read.add(name)
        try:
            text = self.program.content(name, _TEXT_MOST).decode("utf-8-sig", "replace")
        except Rejected as exc:
            self._doubt(str(exc))
        code = []
        for line in text.splitlines():
            if line.startswith(("import ", "import\t")):
                code.append(line)
            elif line.strip() and not line.startswith("#"):
                self._added(name, line.strip())
        return code

    def _start(self, name: str, number: int, line: str) -> None:
        try:
            file = read(name, line.encode(), "", False)
        except Rejected as exc:
            self._doubt(str(exc))
        self._admit(f"{name}:{number}", file)
        for unit in file.units:
            self._run(unit)

    def _added(self, name: str, folder: str) -> None:
        """A folder in which imports look too: one of the environment."""
        parts = [one for one in folder.replace("\\", "/").split("/") if one not in ("", ".")]
        if folder.startswith("/") or not self.modules.add("/".join([*parts, ""])):
            self._doubt(f"{name} adds the folder {folder}, which is not in the environment")

    def _doubt(self, says: str) -> NoReturn:
        self.doubt = says
        raise _Doubted


def is_of(module: str, wanted: str) -> bool:
    """Whether it is that module, or a copy of it somewhere below another."""
    return module == wanted or module.endswith(f".{wanted}")


def _is_path_file(name: str) -> bool:
    return name.endswith(".pth") and "/" not in name


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")

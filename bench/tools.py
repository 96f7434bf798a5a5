"""The tools that are run side by side: how each is installed, called, and what it then says.

What an exit code means is each tool's own documentation. `passed` is all that a script which
gates on the exit code would let through.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.measure import TIMEOUT

PASSED, FLAGGED, UNDECIDED, SKIPPED, ERROR, LATE = OUTCOMES = (
    "passed",
    "flagged",
    "undecided",
    "skipped",
    "error",
    "time limit",
)


@dataclass(frozen=True)
class Tool:
    """One tool under one setting. `arguments` hold `{file}` where the file's name goes."""

    name: str
    setting: str
    requirements: tuple[str, ...]
    arguments: tuple[str, ...]
    codes: dict[int, str]
    environment: tuple[tuple[str, str], ...] = ()
    folder: tuple[str, ...] = ()
    """The arguments for a whole folder with a report in `{out}`, where one run per file would
    take hours."""

    @property
    def title(self) -> str:
        return f"{self.name} {self.setting}".strip()

    @property
    def command(self) -> str:
        return " ".join((self.name, *self.arguments)).replace("{file}", "FILE")

    def outcome(self, code: int) -> str:
        return LATE if code == TIMEOUT else self.codes.get(code, ERROR)


_PICKLESCAN = {0: PASSED, 1: FLAGGED}
_MODELSCAN = {0: PASSED, 1: FLAGGED, 3: SKIPPED}
_FICKLING = {0: PASSED, 1: FLAGGED}
_MODELAUDIT = {0: PASSED, 1: FLAGGED}
_PROBATUM = {0: PASSED, 1: FLAGGED, 2: UNDECIDED}
_QUIET = (("PROMPTFOO_DISABLE_TELEMETRY", "1"), ("NO_ANALYTICS", "1"))
_PATH = ("-p", "{file}")
_SCAN = ("scan", "--no-cache", "{file}")
_FOLDER = ("scan", "--no-cache", "--format", "json", "--output", "{out}", "{file}")

PROBATUM = Tool("probatum", "", (), ("audit", "--no-config", "--jobs", "1", "{file}"), _PROBATUM)
PEERS = (
    Tool("picklescan", "", ("picklescan", "py7zr"), _PATH, _PICKLESCAN),
    Tool("picklescan", "--strict", ("picklescan", "py7zr"), ("--strict", *_PATH), _PICKLESCAN),
    Tool("modelscan", "", ("modelscan",), _PATH, _MODELSCAN),
    Tool("fickling", "", ("fickling", "typing_extensions"), ("-s", "{file}"), _FICKLING),
    Tool("modelaudit", "", ("modelaudit",), _SCAN, _MODELAUDIT, _QUIET, _FOLDER),
)


_REVISION = "source-revision.txt"


@dataclass(frozen=True)
class Bench:
    """Where things lie, and how much is measured.

    `work` has a virtual environment for each tool. `source` holds Probatum's sources at
    `revision`, `probatum` an environment that has it already. `makers` is a Python with the
    libraries that write the benign corpus; `recipes` names some of its recipes, or none for all;
    each `every`-th hostile candidate is tried. `limit_s` is for one small file, `heavy_s` for a
    large one. `cves` is a table of known vulnerabilities, `releases` are folders of unpacked
    packages, `semgrep_rules` is a folder of rules, `advisories` one of records; `review_s` is for
    one review of code.
    """

    work: Path
    source: Path
    revision: str
    makers: str
    peers: bool
    sample: int
    mutants: int
    every: int
    recipes: tuple[str, ...]
    records: int
    runs: int
    limit_s: float
    heavy_s: float
    probatum: Path | None = None
    cves: Path | None = None
    releases: tuple[Path, ...] = ()
    semgrep_rules: Path | None = None
    advisories: Path | None = None
    review_s: float = 3600

    def python(self, name: str) -> str:
        return str(self._binaries(name) / "python")

    def line(self, tool: Tool, file: str) -> list[str]:
        """The command line as a user types it, by the script that pip installed."""
        script = str(self._binaries(tool.name) / tool.name)
        return [script, *(word.replace("{file}", file) for word in tool.arguments)]

    def environment(self, tool: Tool) -> dict[str, str]:
        """What a user has, in a home of the bench's own. Bytecode is cached, as it is for users."""
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        return kept | {"HOME": str(self.home)} | dict(tool.environment)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All that are run side by side."""
        return (PROBATUM, *PEERS) if self.peers else (PROBATUM,)

    @cached_property
    def home(self) -> Path:
        """An empty home and working folder for the tools."""
        made = self.work / "home"
        made.mkdir(parents=True, exist_ok=True)
        return made

    def install(self, tool: Tool) -> None:
        """Make the tool's virtual environment, unless it is there; Probatum's is always renewed."""
        if self.probatum is not None and tool.name == PROBATUM.name:
            return
        folder = self.work / "venvs" / tool.name
        wanted = tool.requirements or (f"{self.source}[archives,compare,signing]",)
        if not folder.exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        elif tool.requirements:
            return
        force = [] if tool.requirements else ["--force-reinstall", "--no-deps"]
        self._pip(tool.name, *wanted)
        if force:
            self._pip(tool.name, *force, *wanted)
            (folder / _REVISION).write_text(self.revision)

    def _binaries(self, name: str) -> Path:
        if self.probatum is not None and name == PROBATUM.name:
            return self.probatum / "bin"
        return self.work / "venvs" / name / "bin"

    def _pip(self, name: str, *arguments: str) -> None:
        plain = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        pip = [self.python(name), "-m", "pip", "install", "--quiet", *arguments]
        subprocess.run(pip, check=True, env=plain)

    @property
    def commit(self) -> str:
        """The commit that is measured: not the repository's, where the environment is older."""
        kept = (self.probatum or self.work / "venvs" / PROBATUM.name) / _REVISION
        return kept.read_text() if kept.exists() else "of an environment that does not say"

    def version(self, tool: Tool) -> str:
        package = tool.requirements[0] if tool.requirements else tool.name
        code = f"from importlib.metadata import version; print(version({package!r}))"
        done = subprocess.run([self.python(tool.name), "-c", code], capture_output=True, text=True)
        return done.stdout.strip() or "not installed"

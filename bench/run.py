"""Runs the peers and Probatum side by side on the same files and writes RESULTS.md.

    python -m bench.run [--only SECTION] [--work DIR] [--quick]

Virtual environments, corpora and measurements are kept in the work folder, so a second run is
quicker; `--only` measures some sections again and keeps the others as they were measured.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from bench import goals
from bench.configuring.judges import judges
from bench.reviewing.reviewers import reviewers
from bench.sections import (
    advisories,
    benign,
    checking,
    code,
    comparison,
    configuration,
    hostile,
    signing,
    speed,
)
from bench.tables import table
from bench.tools import Bench, Tool

SECTIONS: dict[str, tuple[str, ModuleType]] = {
    "hostile": ("Hostile pickles", hostile),
    "benign": ("Benign files", benign),
    "speed": ("Speed", speed),
    "checking": ("Checking against proving", checking),
    "code": ("Code review", code),
    "configuration": ("Configurations", configuration),
    "signing": ("Signed models", signing),
    "advisories": ("Known vulnerabilities", advisories),
    "comparison": ("Comparing models", comparison),
}
_TOOLS = {
    "code": reviewers,
    "configuration": judges,
    "signing": signing.signers,
    "advisories": advisories.matchers,
    "comparison": comparison.alone,
}
"""The sections with tools of their own."""
REPOSITORY = Path(__file__).resolve().parents[1]


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    bench = _bench(options, work)
    for name in options.only or SECTIONS:
        print(f"measuring {name}", file=sys.stderr)
        tools = _TOOLS[name](bench) if name in _TOOLS else bench.tools
        for tool in tools:
            bench.install(tool)
        measured = {"about": _about(bench, tools), "data": SECTIONS[name][1].measured(bench)}
        (work / f"{name}.measured.json").write_text(json.dumps(measured, indent=1))
    options.out.write_text(_page(work))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", choices=SECTIONS)
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "probatum-bench",
        help="kept between runs; must lie outside of a git working tree",
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "bench" / "RESULTS.md")
    parser.add_argument("--quick", action="store_true", help="no peers, tiny corpora, no downloads")
    parser.add_argument(
        "--makers",
        help="a Python that has bench/benign/requirements.txt (default: make one)",
    )
    parser.add_argument("--probatum", type=Path, help="a virtual environment that has Probatum")
    parser.add_argument("--sample", type=int, default=1100, help="hostile files for all tools")
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cves", type=Path, help="known vulnerabilities, as a table with tabs")
    parser.add_argument(
        "--releases",
        type=Path,
        action="append",
        default=[],
        help="a folder that has unpacked packages already, as NAME-VERSION; may be repeated",
    )
    parser.add_argument("--advisories", type=Path, help="a folder of `*_osv.jsonl.zst`")
    parser.add_argument("--semgrep-rules", type=Path, help="a folder of semgrep's rules")
    return parser


def _bench(options: argparse.Namespace, work: Path) -> Bench:
    return Bench(
        work=work,
        source=_exported(work),
        revision=_commit(),
        makers=options.makers or (_makers(work) if _needs_makers(options) else sys.executable),
        peers=not options.quick,
        sample=options.sample,
        mutants=options.mutants,
        every=200 if options.quick else 1,
        recipes=("stdlib",) if options.quick else (),
        records=1000 if options.quick else 909_000,
        runs=options.runs,
        limit_s=60,
        heavy_s=300,
        probatum=options.probatum,
        cves=options.cves,
        releases=tuple(folder.resolve() for folder in options.releases),
        semgrep_rules=options.semgrep_rules,
        advisories=options.advisories.resolve() if options.advisories else None,
    )


def _needs_makers(options: argparse.Namespace) -> bool:
    return not options.quick and set(options.only or SECTIONS) - _TOOLS.keys() != set()


def _exported(work: Path) -> Path:
    """A copy of the sources, so that a build leaves nothing behind in the repository."""
    folder = work / "source"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        folder.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, folder)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(REPOSITORY / "src", folder / "src", ignore=ignored)
    return folder


def _makers(work: Path) -> str:
    """The Python of a virtual environment with the libraries that write the benign corpus."""
    folder = work / "venvs" / "makers"
    python = folder / "bin" / "python"
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = REPOSITORY / "bench" / "benign" / "requirements.txt"
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", wanted], check=True)
    return str(python)


def _about(bench: Bench, tools: tuple[Tool, ...]) -> dict[str, Any]:
    return {
        "day": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": bench.commit,
        "machine": f"{_processor()}, {os.cpu_count()} processors, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}",
        "versions": {tool.name: bench.version(tool) for tool in tools},
        "commands": [tool.command for tool in tools],
    }


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD") or "unknown"
    return f"{commit} with uncommitted changes" if _git("status", "--porcelain", "src") else commit


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _page(work: Path) -> str:
    kept = {
        name: json.loads(path.read_text())
        for name in SECTIONS
        if (path := work / f"{name}.measured.json").exists()
    }
    parts = [_HEAD, goals.written({name: one["data"] for name, one in kept.items()})]
    versions: dict[str, str] = {}
    commands: list[str] = []
    for name, one in kept.items():
        title, module = SECTIONS[name]
        versions |= one["about"]["versions"]
        commands += one["about"]["commands"]
        parts.append(f"## {title}\n\n{_stamp(one['about'])}\n\n{module.written(one['data'])}")
    told = table(["tool", "version"], versions.items())
    lines = "\n".join(dict.fromkeys(commands))
    parts.append(f"## What was run\n\n{told}\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


def _stamp(about: dict[str, Any]) -> str:
    return f"Measured on {about['day']} at commit {about['commit']}: {about['machine']}."


_HEAD = """\
# Results

Written by `python -m bench.run`; [README](README.md) says how to read and repeat it. The machine
is shared, so trust CPU seconds and ratios, not wall time.
"""


if __name__ == "__main__":
    sys.exit(main())
